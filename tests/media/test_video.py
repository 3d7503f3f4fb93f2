from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mapsto.errors import NoSpace, UnreadableInput, UsageError
from mapsto.media import video
from mapsto.media.picture import Picture

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
