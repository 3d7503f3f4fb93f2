from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filming import decoded, film, noise
from mapsto.errors import NoSpace, UnreadableInput, UsageError
from mapsto.media import video
from mapsto.media.coding import Codec
from mapsto.media.picture import Picture
from mapsto.media.video import CODECS, Coding, FilmWriter

av = pytest.importorskip("av")

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 30, 90), (255, 255, 255), (0, 0, 0), (128, 128, 128), (250, 230, 20)]


def bars(shift: int = 0, size: tuple[int, int] = (128, 48)) -> Picture:
    """Eight bars of colour, moved on by some."""
    row = np.array(COLOURS, np.uint8).repeat(size[0] // 8, 0)
    return Picture.of(np.roll(np.tile(row, (size[1], 1, 1)), shift * size[0] // 8, 1))


def test_colours_come_back_and_the_file_says_by_which_matrix(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    assert video.write_video(path, [bars(i) for i in range(4)], fps=25) == ()
    shown = list(video.frames(path))
    assert [frame.size for frame in shown] == [(128, 48)] * 4
    for index, colour in enumerate(COLOURS):
        assert np.abs(shown[0].pixels[24, 16 * index + 8].astype(int) - colour).max() <= 5
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert (tags, context.pix_fmt) == ((1, 1, 1, 1), "yuv420p")


@pytest.mark.parametrize("fps", [24, 29.97, 12.5])
def test_time_and_settings(tmp_path: Path, fps: float) -> None:
    settings = {"mapsto": "0", "seeds": [1, 5], "name": "é 漢"}
    video.write_video(tmp_path / "film.mp4", (bars(i) for i in range(5)), fps=fps, settings=settings)
    found = video.about(tmp_path / "film.mp4")
    assert (found.frames, found.size, found.settings) == (5, (128, 48), settings)
    assert found.fps == pytest.approx(fps, rel=1e-5)
    video.write_video(tmp_path / "film.mp4", [bars()], settings=settings, strip=True)
    assert video.about(tmp_path / "film.mp4").settings is None


def test_the_same_pictures_make_the_same_film(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        video.write_video(tmp_path / name, [bars(i) for i in range(4)])
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_odd_sizes_gain_a_row_and_a_column(tmp_path: Path) -> None:
    pixels = np.zeros((15, 33, 3), np.uint8)
    pixels[:, -1], pixels[-1] = 255, 255
    video.write_video(tmp_path / "film.mp4", [Picture.of(pixels)], quality=100)
    (shown,) = video.frames(tmp_path / "film.mp4")
    assert shown.size == (34, 16)
    assert shown.pixels[8, 33].min() > 200
    assert shown.pixels[15, 8].min() > 200


def test_transparency_is_laid_on_white_aloud(tmp_path: Path) -> None:
    clear = Picture.of(np.zeros((16, 16, 4), np.uint8))
    assert "transparency" in video.write_video(tmp_path / "film.mp4", [clear])[0]
    assert next(video.frames(tmp_path / "film.mp4")).pixels.min() > 250


def test_better_quality_is_nearer_and_larger(tmp_path: Path) -> None:
    noise = Picture.of(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    found = []
    for quality in (10, 60, 100):
        video.write_video(tmp_path / "film.mp4", [noise], quality=quality)
        shown = next(video.frames(tmp_path / "film.mp4"))
        found.append(((tmp_path / "film.mp4").stat().st_size, -np.abs(shown.pixels.astype(int) - noise.pixels).mean()))
    assert found == sorted(found)
    assert sorted(error for _, error in found) == [error for _, error in found]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    video.write_video(path, [bars()])
    before = path.read_bytes()

    def broken() -> Iterator[Picture]:
        yield bars()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        video.write_video(path, broken())
    with pytest.raises(UsageError, match="one size"):
        video.write_video(path, [bars(), bars(size=(64, 48))])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a limit on file sizes")
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise av.error.FFmpegError(28, "No space left on device")

    monkeypatch.setattr(video, "_encode", full)
    with pytest.raises(NoSpace, match="No space left"):
        video.write_video(tmp_path / "film.mp4", [bars()])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [({"fps": 0}, "frames a second"), ({"fps": float("nan")}, "frames a second"), ({"quality": 0}, "quality of 0")],
)
def test_what_makes_no_film(tmp_path: Path, options: dict[str, float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        video.write_video(tmp_path / "film.mp4", [bars()], **options)  # type: ignore[arg-type]


def test_other_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one frame"):
        video.write_video(tmp_path / "film.mp4", [])
    with pytest.raises(UsageError, match="is no film"):
        video.write_video(tmp_path / "film.avi", [bars()])
    with pytest.raises(UnreadableInput, match="does not exist"):
        video.about(tmp_path / "film.mp4")
    (tmp_path / "film.mp4").write_bytes(b"no film at all" * 100)
    with pytest.raises(UnreadableInput, match="damaged or no film"):
        list(video.frames(tmp_path / "film.mp4"))


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match="PyAV") as caught:
        video.write_video(tmp_path / "film.mp4", [bars()])
    assert "mapsto[video]" in caught.value.hint


TICK = Fraction(1, 90000)
PTS = [7000, 7001, 12000, 15000, 15500, 20000, 31000, 31500]


def grey(count: int) -> list[np.ndarray]:
    """Noise without the colours that 4:2:0 blurs."""
    return [frame[..., :1].repeat(3, 2) for frame in noise(count)]


def written(path: Path, coding: Coding = Coding(), **options: Any) -> Path:  # noqa: B008
    """Eight frames of noise at uneven times."""
    with FilmWriter(path, (64, 48), time_base=TICK, fps=Fraction(25), coding=coding, **options) as out:
        for pixels, pts in zip(grey(8), PTS, strict=True):
            out.add(pixels, pts)
    return path


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("h265", ".mp4"), ("av1", ".mp4"), ("prores", ".mov")])
def test_times_are_kept_to_the_tick_and_bytes_are_the_same(tmp_path: Path, codec: str, suffix: str) -> None:
    first, second = (written(tmp_path / f"{name}{suffix}", Coding(codec)) for name in "ab")
    with av.open(str(first)) as container:
        tick = container.streams.video[0].time_base
        assert container.streams.video[0].codec_context.pix_fmt == CODECS[codec].pixels
    assert [at * tick for at, _ in decoded(first)] == [at * TICK for at in PTS]
    assert first.read_bytes() == second.read_bytes()
    for (_, shown), given in zip(decoded(first), grey(8), strict=True):
        assert np.abs(shown.astype(int) - given).mean() < 8


@pytest.mark.parametrize(("codec", "suffix"), [("vp9", ".webm"), ("av1", ".webm"), ("vp9", ".mkv"), ("h264", ".mkv")])
def test_matroska_rounds_times_to_milliseconds(tmp_path: Path, codec: str, suffix: str) -> None:
    apart = [at + 90 * number for number, at in enumerate(PTS)]
    for name in "ab":
        with FilmWriter(tmp_path / f"{name}{suffix}", (64, 48), time_base=TICK, fps=Fraction(25), coding=Coding(codec)) as out:
            for pixels, pts in zip(noise(8), apart, strict=True):
                out.add(pixels, pts)
    shown = [at for at, _ in decoded(tmp_path / f"a{suffix}")]
    assert max(abs(a - b / Fraction(90)) for a, b in zip(shown, apart, strict=True)) <= Fraction(1, 2)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_film_says_its_aspect_and_settings_whatever_it_is_called(tmp_path: Path) -> None:
    path = written(tmp_path / "7.part", aspect=Fraction(16, 11), settings={"a": 1}, container="mp4")
    assert video.about(path).settings == {"a": 1}
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.sample_aspect_ratio == Fraction(16, 11)
        assert container.format.name.startswith("mov,mp4")


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_films_begin_late_too(tmp_path: Path, codec: str, count: int) -> None:
    with FilmWriter(tmp_path / "a.mp4", (64, 48), time_base=TICK, fps=Fraction(25), coding=Coding(codec)) as out:
        for pixels, pts in zip(noise(count), PTS, strict=False):
            out.add(pixels, pts)
    assert [at for at, _ in decoded(tmp_path / "a.mp4")] == PTS[:count]


def test_a_lower_rate_factor_is_nearer(tmp_path: Path) -> None:
    errors = []
    for crf in (8, 20, 40):
        _, shown = decoded(written(tmp_path / "a.mp4", Coding(crf=crf)))[4]
        errors.append(np.abs(shown.astype(int) - grey(8)[4]).mean())
    assert errors == sorted(errors)


@pytest.mark.parametrize(
    ("coding", "suffix", "says"),
    [
        (Coding("mpeg2"), ".mp4", "no codec mpeg2. Choose h264, h265"),
        (Coding("h264"), ".webm", "webm does not hold h264. .* choose av1 or vp9"),
        (Coding("vp9"), ".mp4", "mp4 does not hold vp9. Write webm or matroska"),
        (Coding("prores"), ".mkv4", "is no film"),
        (Coding(crf=52), ".mp4", "52 does not exist for h264. Give 0"),
        (Coding("prores", crf=5), ".mov", "prores has none"),
        (Coding(speed="warp"), ".mp4", "no speed warp for h264. Choose ultrafast"),
        (Coding(threads=0), ".mp4", "0 threads"),
    ],
)
def test_impossible_codings_are_refused(tmp_path: Path, coding: Coding, suffix: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        FilmWriter(tmp_path / f"a{suffix}", (64, 48), time_base=TICK, fps=Fraction(25), coding=coding)


def test_an_encoder_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, "h265", Codec("libnone", 1, 2, "", (), ("mp4",), lambda *_: {}))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot encode h265: it lacks libnone"):
        FilmWriter(tmp_path / "a.mp4", (64, 48), time_base=TICK, fps=Fraction(25), coding=Coding("h265"))


def test_frames_that_do_not_fit_leave_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    pixels = noise(1)[0]
    for frames, says in (
        ([(pixels, 5), (pixels, 5)], "cannot follow"),
        ([(pixels, 5), (pixels[:, :32], 6)], "one size"),
        ([], "at least one"),
    ):
        with (
            pytest.raises(UsageError, match=says),
            FilmWriter(path, (64, 48), time_base=TICK, fps=Fraction(25)) as out,
        ):
            for given, pts in frames:
                out.add(given, pts)
        assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    assert not any(thread.name.startswith("mapsto-") for thread in threading.enumerate())


@pytest.mark.parametrize("fails", [False, True])
def test_an_encoder_is_freed_when_its_film_ends_not_when_garbage_is_collected(tmp_path: Path, fails: bool) -> None:
    gc.collect()
    gc.disable()
    try:
        before = encoders()
        with suppress(UsageError), FilmWriter(tmp_path / "a.mp4", (64, 48), time_base=TICK, fps=Fraction(25)) as out:
            for pts in (0, 1, 0 if fails else 2):
                out.add(noise(1)[0], pts)
                assert encoders() == before + 1
        assert encoders() == before
    finally:
        gc.enable()
    assert (tmp_path / "a.mp4").exists() != fails


def encoders() -> int:
    """Open or not, those that are not freed yet."""
    return sum(type(each) is av.container.OutputContainer for each in gc.get_objects())


def test_what_goes_wrong_in_the_thread_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video, "_encode", full)
    added, writer = 0, FilmWriter(tmp_path / "a.mp4", (64, 48), time_base=TICK, fps=Fraction(25))
    with pytest.raises(NoSpace, match="No space left"), writer as out:
        for pts in range(1000):
            out.add(noise(1)[0], pts)
            added += 1
    assert added < 1000
    assert list(tmp_path.iterdir()) == []


def test_frames_go_by_the_matrix_that_the_film_names(tmp_path: Path) -> None:
    flat = np.full((48, 64, 3), (200, 40, 90), np.uint8)
    for number, matrix in ((1, "ITU709"), (6, "ITU601")):
        film(tmp_path / "a.mp4", [flat], matrix=matrix, tags={"colorspace": number}, options={"crf": "1"})
        (shown,) = video.frames(tmp_path / "a.mp4")
        assert np.abs(shown.pixels.astype(int) - flat).max() <= 4
