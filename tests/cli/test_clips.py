from __future__ import annotations

import errno
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from darkroom import Command, photo, pixels
from filming import OPEN, content, decoded, film
from mapsto.errors import NoSpace, UnreadableInput
from mapsto.files import sha256
from mapsto.media import animation, picture, video
from mapsto.media.clip import frames, probe
from mapsto.media.picture import Picture
from mapsto.video import commission
from mapsto.video.frames import FramePainter
from moving import grainy, pan

UNEVEN = [0, 512, 1030, 1500, 2600, 3000, 3300, 4096, 4700, 5300, 5900, 6500, 7100, 7700]


def clip(name: str = "clip.mp4", count: int = 14, size: tuple[int, int] = (64, 48), **more: Any) -> Path:
    shown = [grainy(frame, 2, number) for number, frame in enumerate(pan(count, size))]
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    return film(Path(name), shown, options=OPEN if more.get("codec", "libx264") == "libx264" else None, **more)


def long() -> Path:
    """A clip of two chunks, with sound."""
    return clip(count=70, size=(32, 24), sounds=["aac"], packets=20)


def first(files: list[str]) -> str:
    """The name of the only chunk, which is the first."""
    (chunk,) = (Path(file).name for file in files if file.endswith("-00000.mp4"))
    return chunk


def there() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def times(path: Path | str) -> list[float]:
    found = probe(path)
    return [found.seconds(index) for index in range(len(found) + 1)]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, BaseException], None]:
    """Lets painting a frame of films end with an error: the one of that number, from 1."""
    paint = FramePainter.__call__

    def after(number: int, error: BaseException) -> None:
        left = iter(range(number - 1))

        def painting(self: FramePainter, frame: np.ndarray, seconds: float) -> np.ndarray:
            if next(left, None) is None:
                raise error
            return paint(self, frame, seconds)

        monkeypatch.setattr(commission.FramePainter, "__call__", painting)

    return after


# ---- films ----


def test_a_film_keeps_frames_times_and_the_bytes_of_its_sound(mapsto: Command) -> None:
    source = clip(pts=UNEVEN, sounds=["aac"])
    done = mapsto("style", source, "ink", "-o", "out.mp4")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert line.startswith("out.mp4  64×48  ")
    assert "14 frames" in line
    assert times("out.mp4") == times(source)
    assert content(Path("out.mp4"), "audio") == content(source, "audio")
    assert there() == ["clip.mp4", "out.mp4", "photo.jpg"]
    told = video.about("out.mp4").settings or {}
    assert (told["source"], told["tile"]) == ({"name": "clip.mp4", "sha256": sha256(source)}, "off")
    assert told["footage"].items() >= {"stability": 0.8, "codec": None, "crf": None, "work_size": "auto"}.items()


@pytest.mark.parametrize(
    ("source", "more", "options", "made"),
    [
        ("clip.mp4", {}, [], "clip.ink.mp4"),
        ("clip.mkv", {}, [], "clip.ink.mkv"),
        ("clip.mov", {}, [], "clip.ink.mov"),
        ("clip.avi", {"codec": "mpeg4"}, [], "clip.ink.mp4"),
        ("clip.mkv", {}, ["-o", "out/"], "out/clip.ink.mkv"),
        ("clip.mp4", {}, ["-o", "{stem}-{style}.{ext}"], "clip-ink.mp4"),
        ("clip.mp4", {}, ["-o", "out.webm", "--codec", "vp9"], "out.webm"),
        ("clip.mp4", {}, ["-o", "out.mov", "--codec", "prores"], "out.mov"),
        ("clip.mp4", {}, ["-o", "out.mkv", "--codec", "h265", "--crf", "30"], "out.mkv"),
    ],
)
def test_containers_and_names(mapsto: Command, source: str, more: dict[str, Any], options: list[str], made: str) -> None:
    clip(source, 8, **more)
    done = mapsto("style", source, "ink", *options)
    assert done.code == 0, done.err
    assert there() == sorted([source, made, "photo.jpg"])
    assert times(made) == pytest.approx(times(source), abs=0.0011)
    assert (video.about(made).settings or {})["command"] == "style"


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.png"])
def test_animations_keep_times_and_tell_that_sound_is_lost(mapsto: Command, name: str) -> None:
    source = clip(pts=UNEVEN, sounds=["aac"])
    done = mapsto("style", source, "ink", "-o", name, "--quality", 100)
    assert done.code == 0
    assert "no sound" in done.err
    stands = [ms for _, ms in animation.frames(name)]
    assert len(stands) == 14
    assert np.cumsum(stands) == pytest.approx(1000 * np.array(times(source)[1:]), abs=5 if name == "out.gif" else 8)
    assert there() == sorted(["clip.mp4", name, "photo.jpg"])
    again = mapsto("redo", name)
    assert "identical" in again.err, again.err


@pytest.mark.parametrize("options", [[], ["--size", 32], ["--keep-colors", "--seed", 4]])
def test_without_stability_frames_are_what_is_painted_of_them(mapsto: Command, options: list[object]) -> None:
    source = clip(count=3)
    assert mapsto("style", source, "ink", "--stability", 0, "-o", "frames", *options).code == 0
    for number, frame in enumerate(frames(probe(source))):
        Picture.of(frame).save("frame.png")
        assert mapsto("style", "frame.png", "ink", "-o", "still.png", *options).code == 0
        assert np.array_equal(pixels(f"frames/{number}.png"), pixels("still.png"))


def test_no_strength_at_all_is_the_clip_itself(mapsto: Command) -> None:
    source = clip(count=3)
    assert mapsto("style", source, "ink", "--strength", 0, "-o", "frames").code == 0
    for number, frame in enumerate(frames(probe(source))):
        assert np.array_equal(pixels(f"frames/{number}.png"), frame)


def test_frames_of_a_film_are_those_of_a_folder(mapsto: Command) -> None:
    source = clip(count=5, size=(67, 45), pixels="yuv444p")
    assert mapsto("style", source, "ink", "-o", "frames").code == 0
    assert mapsto("style", source, "ink", "-o", "out.mp4", "--crf", 1).code == 0
    for number, (_, shown) in enumerate(decoded(Path("out.mp4"))):
        wanted = pixels(f"frames/{number}.png").astype(float)
        assert (wanted.shape, shown.shape) == ((45, 67, 3), (46, 68, 3))
        light = (wanted - shown[:45, :67]) @ (0.2126, 0.7152, 0.0722)
        assert np.abs(light).mean() < 6


def test_each_frame_of_a_folder_can_be_made_again(mapsto: Command) -> None:
    source = clip(count=11)
    assert mapsto("style", source, "ink", "-o", "frames").code == 0
    assert len(list(Path("frames").iterdir())) == 11
    again = mapsto("redo", "frames/10.png", source)
    assert (again.code, "identical" in again.err) == (0, True), again.err
    told = picture.settings("frames/10.png") or {}
    for number, damage in enumerate(
        [{"frame": -1}, {"frame": "x"}, {"first": 11}, {"first": None}, {"footage": {}}, {"frame": 99}]
    ):
        Picture.of(source.with_name("photo.jpg")).save(f"bad{number}.png", settings={**told, **damage})
        assert mapsto("redo", f"bad{number}.png", source).code == (2 if damage == {"frame": 99} else 4)


def test_several_clips_and_photos(mapsto: Command) -> None:
    clip("a.mp4", 4)
    clip("b.mov", 4)
    assert mapsto("style", "a.mp4", "photo.jpg", "b.mov", "ink", "-o", "out/").code == 0
    assert there() == ["a.mp4", "b.mov", "out/a.ink.mp4", "out/b.ink.mov", "out/photo.ink.png", "photo.jpg"]
    Path("a.mp4").write_bytes(b"")
    done = mapsto("style", "a.mp4", "b.mov", "ink", "-o", "more/")
    assert done.code == 3
    assert "a.mp4 is empty" in done.err
    assert [path.name for path in Path("more").iterdir()] == ["b.ink.mov"]


def test_after_stopping_at_a_clip_no_photo_is_painted(mapsto: Command, stopped: Callable[[int, BaseException], None]) -> None:
    clip(count=4)
    stopped(2, KeyboardInterrupt())
    assert mapsto("style", "clip.mp4", "photo.jpg", "ink", "-o", "out/").code == 130
    assert there() == ["clip.mp4", "photo.jpg"]


def test_skipping_what_is_there(mapsto: Command) -> None:
    clip("a.mp4", 4)
    clip("b.mp4", 4)
    assert mapsto("style", "a.mp4", "ink", "-o", "out/").code == 0
    before = Path("out/a.ink.mp4").stat().st_mtime_ns
    done = mapsto("style", "a.mp4", "b.mp4", "ink", "-o", "out/", "--skip-existing")
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert Path("out/a.ink.mp4").stat().st_mtime_ns == before


def test_clips_in_a_folder_are_painted_with_its_pictures(mapsto: Command) -> None:
    clip("shots/a/one.mp4", count=2)
    photo("shots/two.jpg")
    assert mapsto("style", "shots", "ink", "-r", "--workers", 1, "-o", "out/").code == 0
    assert [name for name in there() if name.startswith("out/")] == ["out/a/one.ink.mp4", "out/two.ink.png"]
    Path("shots/two.jpg").unlink()
    assert mapsto("style", "shots", "ink", "-r", "--workers", 1, "-o", "out/", "--skip-existing").code == 0


def test_a_dry_run_paints_nothing(mapsto: Command) -> None:
    source = clip(count=4)
    assert mapsto("style", source, "ink", "--dry-run").out == "clip.mp4 → clip.ink.mp4\n"
    assert "4 frames → clip.morph.mp4" in mapsto("morph", source, "--path", "ink, mosaic", "--dry-run").out
    assert there() == ["clip.mp4", "photo.jpg"]


# ---- stopped, and gone on with ----


def test_what_was_stopped_goes_on_to_the_same_film(mapsto: Command, stopped: Callable[[int, BaseException], None]) -> None:
    long()
    options = ("--workers", 1, "-o", "out.mp4")
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1, "-o", "whole.mp4").code == 0
    stopped(50, KeyboardInterrupt())
    done = mapsto("style", "clip.mp4", "ink", *options)
    assert done.code == 130
    assert "1 of 2 parts are kept: go on with --resume." in done.err
    assert done.err.endswith("mapsto: Stopped.\n")
    kept = there()
    assert kept == [f".out.mp4.chunks/{first(kept)}", ".out.mp4.chunks/manifest.json", "clip.mp4", "photo.jpg", "whole.mp4"]
    stopped(10**6, KeyboardInterrupt())
    again = mapsto("style", "clip.mp4", "ink", *options)
    assert (again.code, "--resume" in again.err, there()) == (2, True, kept)
    other = mapsto("style", "clip.mp4", "mosaic", *options, "--resume")
    assert (other.code, "Another film" in other.err, there()) == (2, True, kept)
    resumed = mapsto("style", "clip.mp4", "ink", *options, "--resume")
    assert resumed.code == 0, resumed.err
    assert there() == ["clip.mp4", "out.mp4", "photo.jpg", "whole.mp4"]
    assert Path("out.mp4").read_bytes() == Path("whole.mp4").read_bytes()


def begun(name: str = "out.mp4") -> Path:
    """What a film leaves that was stopped: a chunk that is none, and the plan of another film."""
    folder = Path(f".{name}.chunks")
    folder.mkdir()
    (folder / "00000.mp4").write_bytes(b"of another film")
    (folder / "manifest.json").write_text(json.dumps({"key": "0"}))
    return folder


def test_overwriting_begins_anew(mapsto: Command) -> None:
    clip(count=4)
    begun()
    refused = mapsto("style", "clip.mp4", "ink", "-o", "out.mp4")
    assert (refused.code, "--overwrite" in refused.err) == (2, True)
    assert mapsto("style", "clip.mp4", "ink", "-o", "out.mp4", "--overwrite").code == 0
    assert there() == ["clip.mp4", "out.mp4", "photo.jpg"]


def test_chunks_of_a_damaged_plan_are_never_joined(mapsto: Command) -> None:
    clip(count=4)
    folder = begun()
    (folder / "manifest.json").write_text("{")
    for options in ([], ["--resume"]):
        refused = mapsto("style", "clip.mp4", "ink", "-o", "out.mp4", *options)
        assert (refused.code, "damaged" in refused.err, "--overwrite" in refused.err) == (4, True, True)
    assert mapsto("style", "clip.mp4", "ink", "-o", "out.mp4", "--overwrite").code == 0
    begun("more.mp4")
    Path(".more.mp4.chunks/manifest.json").unlink()
    assert mapsto("style", "clip.mp4", "ink", "-o", "more.mp4").code == 0
    assert Path("more.mp4").read_bytes() != b""
    assert there() == ["clip.mp4", "more.mp4", "out.mp4", "photo.jpg"]


def test_a_film_of_others_that_is_replaced_can_be_gone_on_with(
    mapsto: Command, stopped: Callable[[int, BaseException], None]
) -> None:
    long()
    clip("theirs.mp4", 2)
    before = sha256(Path("theirs.mp4"))
    stopped(50, KeyboardInterrupt())
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1, "-o", "theirs.mp4", "--overwrite").code == 130
    assert sha256(Path("theirs.mp4")) == before
    stopped(60, KeyboardInterrupt())  # the chunk that is kept would take more
    done = mapsto("style", "clip.mp4", "ink", "--workers", 1, "-o", "theirs.mp4", "--overwrite", "--resume")
    assert done.code == 0, done.err
    assert (video.about("theirs.mp4").settings or {})["command"] == "style"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), MemoryError()])
def test_failing_in_the_first_part_leaves_nothing(
    mapsto: Command, stopped: Callable[[int, BaseException], None], error: Exception
) -> None:
    clip(count=4)
    stopped(2, error)
    done = mapsto("style", "clip.mp4", "ink")
    assert done.code == (7 if isinstance(error, OSError) else 6)
    assert there() == ["clip.mp4", "photo.jpg"]


def test_a_full_disk_is_told_and_the_film_can_go_on(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    long()
    encode, count = video._encode, iter(range(50))

    def full(*arguments: Any, **more: Any) -> None:
        if next(count, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        encode(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(video, "_encode", full)
        done = mapsto("style", "clip.mp4", "ink", "--workers", 1)
    assert done.code == 7
    assert "No space left to write" in done.err
    assert "--resume" in done.err
    assert not Path("clip.ink.mp4").exists()
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1, "--resume").code == 0
    assert there() == ["clip.ink.mp4", "clip.mp4", "photo.jpg"]


def test_torchrun_shares_the_chunks(mapsto: Command, place: Path) -> None:
    long()
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1, "-o", "whole.mp4").code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    command = [*torchrun, "-m", "mapsto", "style", "clip.mp4", "ink", "-o", "out.mp4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert Path("out.mp4").read_bytes() == Path("whole.mp4").read_bytes()
    assert there() == ["clip.mp4", "out.mp4", "photo.jpg", "whole.mp4"]


def test_only_the_first_rank_writes_frames_and_short_films(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(count=3)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    for target in ("frames", "out.mp4", "out.webp"):
        assert mapsto("style", "clip.mp4", "ink", "-o", target).code == 0
    assert there() == ["clip.mp4", "photo.jpg"]
    monkeypatch.setenv("RANK", "0")
    for target in ("frames", "out.mp4", "out.webp"):
        assert mapsto("style", "clip.mp4", "ink", "-o", target).code == 0
    assert there() == ["clip.mp4", *(f"frames/{n}.png" for n in range(3)), "out.mp4", "out.webp", "photo.jpg"]


# ---- morphs ----


def test_a_morph_of_a_clip_stands_where_it_is_held(mapsto: Command) -> None:
    source = clip(count=25)
    path = "ink@0s..0.2s, mosaic@0.8s"
    assert mapsto("morph", source, "--path", path, "--stability", 0, "-o", "m").code == 0
    for name in ("ink", "mosaic"):
        assert mapsto("style", source, name, "--stability", 0, "-o", name).code == 0

    def same(number: int, style: str) -> bool:
        return np.array_equal(pixels(f"m/{number:02}.png"), pixels(f"{style}/{number:02}.png"))

    assert [same(number, "ink") for number in (0, 3, 5)] == [True] * 3
    assert [same(number, "mosaic") for number in (20, 24)] == [True] * 2
    assert not any(same(number, style) for number in (8, 13, 17) for style in ("ink", "mosaic"))


def test_the_last_style_of_a_morph_is_there_when_the_clip_or_its_seconds_end(mapsto: Command) -> None:
    source = clip(count=10)
    assert mapsto("style", source, "mosaic", "--stability", 0, "-o", "mosaic").code == 0

    def reached(*options: object) -> list[bool]:
        assert mapsto("morph", source, "--stability", 0, "-o", "m", *options).code == 0
        return [np.array_equal(pixels(f"m/{number}.png"), pixels(f"mosaic/{number}.png")) for number in (4, 5, 9)]

    assert reached("--path", "ink, mosaic", "--seconds", 0.2) == [False, True, True]
    assert reached("--path", "ink@0s, mosaic", "--seconds", 0.2) == [False, True, True]
    assert reached("--path", "ink@0s, mosaic") == [False, False, False]
    assert reached("--path", "ink, mosaic", "--seconds", probe(source).duration) == [False, False, False]


def test_a_quality_that_is_set_for_pictures_does_not_hinder_clips(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    source = clip(count=3)
    Path("mapsto.toml").write_text("quality = 70")
    assert mapsto("morph", source, "--path", "ink, mosaic", "--dry-run").code == 0
    monkeypatch.setenv("MAPSTO_QUALITY", "80")
    assert mapsto("morph", source, "--path", "ink, mosaic", "--dry-run").code == 0
    assert mapsto("morph", source, "--path", "ink, mosaic", "-o", "m.webp", "--quality", 60).code == 0
    assert (picture.settings("m.webp") or {})["quality"] == 60


def test_a_morph_with_the_photo_and_a_loop_comes_back(mapsto: Command) -> None:
    source = clip(count=10, sounds=["aac"])
    assert mapsto("morph", source, "--path", "photo, ink", "--loop", "--stability", 0, "-o", "m").code == 0
    assert np.array_equal(pixels("m/0.png"), next(frames(probe(source))))
    assert mapsto("morph", source, "--path", "photo, ink").code == 0
    assert times("clip.morph.mp4") == times(source)
    assert content(Path("clip.morph.mp4"), "audio") == content(source, "audio")
    again = mapsto("redo", "clip.morph.mp4")
    assert "identical to those of clip.morph.mp4" in again.err, again.err


@pytest.mark.parametrize("options", [[], ["--strength", 0.5, "--stability", 0.3], ["--work-size", 24, "--size", 40]])
def test_a_film_can_be_made_again(mapsto: Command, options: list[object]) -> None:
    source = clip(pts=UNEVEN, sounds=["aac"])
    assert mapsto("style", source, "ink:1,photo.jpg:1", *options, "-o", "made/film.mp4").code == 0
    again = mapsto("redo", "made/film.mp4", source)
    assert again.code == 0, again.err
    assert "identical to those of made/film.mp4" in again.err
    assert Path("made/film.redo.mp4").read_bytes() == Path("made/film.mp4").read_bytes()
    refused = mapsto("redo", "made/film.mp4", source, "-o", source, "--overwrite")
    assert (refused.code, "would replace" in refused.err) == (2, True)


def test_redoing_goes_on_where_it_was_stopped(
    mapsto: Command, stopped: Callable[[int, BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    long()
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1).code == 0
    monkeypatch.setattr("mapsto.cli.footage.Hands.count", lambda *_: 1)
    stopped(50, KeyboardInterrupt())
    assert mapsto("redo", "clip.ink.mp4").code == 130
    assert [path.name[-9:] for path in Path(".clip.ink.redo.mp4.chunks").glob("*.mp4")] == ["00000.mp4"]
    stopped(10**6, KeyboardInterrupt())
    again = mapsto("redo", "clip.ink.mp4")
    assert (again.code, "identical" in again.err) == (0, True), again.err


# ---- one frame before the rest ----


@pytest.mark.parametrize(("stability", "at"), [(0, 0), (0, 11), (0.8, 0), (0.8, 13)])
def test_a_preview_is_the_frame_that_will_be_there(mapsto: Command, stability: float, at: int) -> None:
    source = clip()
    options = ("--stability", stability, "--seed", 2)
    assert mapsto("style", source, "ink", *options, "-o", "frames").code == 0
    done = mapsto("preview", source, "ink", *options, "--at", f"{40 * at + 20}ms", "-o", "p.png")
    assert done.code == 0, done.err
    assert f"frame {at} of 14" in done.out
    assert np.array_equal(pixels("p.png"), pixels(f"frames/{at:02}.png"))
    again = mapsto("redo", "p.png", source)
    assert (again.code, "identical" in again.err) == (0, True), again.err


def test_a_preview_lies_beside_the_clip_and_replaces_only_ours(mapsto: Command) -> None:
    source = clip("in/clip.mp4", 3)
    assert mapsto("preview", source, "ink", "--at", "0.12").out.startswith("in/clip.ink.preview.png  64×48")
    photo("mine.png")
    assert mapsto("preview", source, "ink", "-o", "mine.png").code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["clip.mp4", "ink", "--at", "9s"], 2, "no time of clip.mp4"),
        (["clip.mp4", "ink", "--at", "soon"], 2, "no time of clip.mp4"),
        (["clip.mp4", "inc"], 2, "ink"),
        (["photo.jpg", "ink"], 4, "photo.jpg"),
        (["missing.mp4", "ink"], 4, "does not exist"),
        (["clip.mp4", "ink", "-o", "clip.mp4", "--overwrite"], 2, "mp4"),
        (["clip.mp4", "ink", "--stability", "2"], 2, "stability of 2"),
        (["clip.mp4", "ink", "--work-size", "8"], 2, "no size to work at"),
    ],
)
def test_what_has_no_preview(mapsto: Command, arguments: list[str], code: int, says: str) -> None:
    clip(count=3)
    before = sha256(Path("clip.mp4"))
    done = mapsto("preview", *arguments)
    assert (done.code, done.out, says in done.err) == (code, "", True), done.err
    assert (there(), sha256(Path("clip.mp4"))) == (["clip.mp4", "photo.jpg"], before)


# ---- refused ----


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["style", "clip.mp4", "ink", "-o", "-"], "standard output"),
        (["style", "clip.mp4", "ink", "-o", "clip.mp4"], "its own painting"),
        (["style", "clip.mp4", "ink", "-o", "out.avi"], "out.avi is no film"),
        (["style", "clip.mp4", "ink", "--codec", "h264", "-o", "out.webm"], "webm does not hold h264"),
        (["style", "clip.mp4", "ink", "--codec", "prores"], "mp4 does not hold prores"),
        (["style", "clip.mp4", "ink", "--codec", "mpeg9"], "no codec mpeg9"),
        (["style", "clip.mp4", "ink", "--crf", "99"], "rate factor of 99"),
        (["style", "clip.mp4", "ink", "--crf", "nan"], "rate factor of nan"),
        (["style", "clip.mp4", "ink", "--stability", "1.5"], "stability of 1.5"),
        (["style", "clip.mp4", "ink", "--stability", "nan"], "stability of nan"),
        (["style", "clip.mp4", "ink", "--work-size", "small"], "'small' is no size to work at"),
        (["style", "clip.mp4", "ink", "--work-size", "15"], "'15' is no size to work at"),
        (["style", "clip.mp4", "ink", "--workers", "0"], "0 workers"),
        (["style", "clip.mp4", "ink", "--workers", "2", "--cluster", "auto"], "--workers"),
        (["style", "clip.mp4", "photo.jpg", "--method", "optimize"], "would take days"),
        (["style", "clip.mp4", "photo.jpg", "ink", "-o", "out.mp4"], "End it with /"),
        (["style", "clip.mp4", "ink", "-o", "theirs.mp4"], "Mapsto did not make it"),
        (["morph", "clip.mp4", "--path", "ink@0s, mosaic@9s"], "all ends after 0.12 s"),
        (["morph", "clip.mp4", "--path", "ink@0s, mosaic@9s", "--seconds", "20"], "clip.mp4 lasts 0.12 s"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "--seconds", "20"], "Leave --seconds out"),
        (["morph", "clip.mp4", "--path", "ink@0s, mosaic@0.1s", "--seconds", "0.05"], "all ends after 0.05 s"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "--fps", "25"], "keeps the times of its frames"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "--quality", "95"], "Give --crf"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "-o", "m.avi"], "Write .mp4, .m4v, .mov, .mkv, .webm, .gif, .webp"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "-o", "m.jpg"], "A painted clip cannot be written as m.jpg"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "-o", "clip.mp4", "--overwrite"], "what it is made from"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "--codec", "vp9"], "mp4 does not hold vp9"),
        (["morph", "clip.mp4", "--path", "ink, mosaic", "-o", "-"], "standard output"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    mapsto: Command, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(count=3)
    clip("theirs.mp4", 3)
    monkeypatch.setattr("mapsto.cli.painting.load", None)  # would break
    before = [sha256(Path(name)) for name in there()]
    done = mapsto(*arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert there() == ["clip.mp4", "photo.jpg", "theirs.mp4"]
    assert [sha256(Path(name)) for name in there()] == before


# ---- pipes ----


class Bytes:
    """Standard input or output of bytes."""

    def __init__(self, given: bytes = b"", room: int | None = None) -> None:
        self.buffer: Any = io.BytesIO(given)
        self.room = room
        if room is not None:
            self.buffer = self

    def write(self, data: bytes) -> int:
        self.room = (self.room or 0) - 1
        if self.room < 0:
            raise BrokenPipeError
        return len(data)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def streamed(monkeypatch: pytest.MonkeyPatch, given: bytes, *options: object) -> tuple[int, bytes]:
    """The exit code and the bytes of `mapsto stream` in this process."""
    from mapsto.cli.app import run

    out = Bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", Bytes(given))
        patch.setattr(sys, "stdout", out)
        code = run(["stream", *map(str, options)])
    return code, out.buffer.getvalue()


@pytest.mark.parametrize("options", [["--stability", 0, "--seed", 3], ["--strength", 0.5], ["--work-size", 24]])
def test_frames_through_a_pipe_are_those_of_the_painter(
    place: Path, monkeypatch: pytest.MonkeyPatch, options: list[object]
) -> None:
    from mapsto.image.points import Style
    from mapsto.image.stylizer import Stylizer
    from mapsto.image.track import Track
    from mapsto.video.frames import Way

    shown = pan(4)
    code, found = streamed(monkeypatch, b"".join(map(bytes, shown)), "64x48", "ink", *options)
    assert code == 0
    way: dict[str, Any] = {"--stability": {"stability": 0, "seed": 3}, "--strength": {}, "--work-size": {"work": 32 * 24}}
    stylizer = Stylizer.from_pretrained("tiny", device="cpu", precision="fp32")
    z = stylizer.style_of("ink").z * (0.5 if "--strength" in options else 1)
    painter = FramePainter(stylizer, Track.still(Style(z)), Way((64, 48), **way[str(options[0])]))
    assert found == b"".join(painter(frame, number / 25).tobytes() for number, frame in enumerate(shown))


def test_no_strength_at_all_passes_frames_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = b"".join(map(bytes, pan(2)))
    assert streamed(monkeypatch, given, "64x48", "ink", "--strength", 0, "--work-size", 16) == (0, given)


def test_a_frame_that_is_not_whole_is_told_after_those_that_are(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = b"".join(map(bytes, pan(2)))
    code, found = streamed(monkeypatch, whole + b"more", "64x48", "ink")
    assert (code, len(found)) == (4, len(whole))
    assert "4 of 9216 bytes" in capsys.readouterr().err
    assert streamed(monkeypatch, b"", "64x48", "ink") == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["64", "ink"], "'64' is no size of frames"),
        (["64x", "ink"], "no size"),
        (["15x64", "ink"], "16 or more"),
        (["9000x64", "ink"], "too large"),
        (["64x48", "inc"], "ink"),
        (["64x48", "ink", "--stability", "2"], "stability of 2"),
    ],
)
def test_what_cannot_be_streamed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert streamed(monkeypatch, b"", *arguments) == (2, b"")
    assert says in capsys.readouterr().err


def test_a_reader_who_has_enough_ends_it_quietly(place: Path) -> None:
    command = [sys.executable, "-m", "mapsto", "stream", "64x48", "ink"]
    frame = bytes(pan(1)[0])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(frame)
    process.stdin.flush()
    assert len(process.stdout.read(len(frame))) == len(frame)
    process.stdout.close()
    with suppress(BrokenPipeError):
        for _ in range(50):
            process.stdin.write(frame)
            process.stdin.flush()
    with suppress(BrokenPipeError):
        process.stdin.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_a_pipe_is_told(place: Path) -> None:
    command = [sys.executable, "-m", "mapsto", "stream", "64x48", "ink"]
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(command, input=bytes(pan(1)[0]), stdout=full, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 7
    assert len(told.stderr.splitlines()) == 1


def test_a_disk_that_is_full_while_parts_are_joined_keeps_them(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    long()
    with monkeypatch.context() as patch:
        patch.setattr("mapsto.cli.filming.join", full_disk)
        done = mapsto("style", "clip.mp4", "ink", "--workers", 1, "--json")
    assert done.code == 7
    assert json.loads(done.out)["data"]["parts_kept"] == 2
    assert mapsto("style", "clip.mp4", "ink", "--workers", 1, "--resume").code == 0
    assert there() == ["clip.ink.mp4", "clip.mp4", "photo.jpg"]


def full_disk(*_: object, **__: object) -> None:
    raise NoSpace("No space left to write.")


def test_a_clip_that_is_damaged_further_on_leaves_no_parts_behind(
    mapsto: Command, stopped: Callable[[int, BaseException], None]
) -> None:
    long()
    stopped(50, UnreadableInput("clip.mp4 is damaged near 0:02.00."))
    done = mapsto("style", "clip.mp4", "ink", "--workers", 1)
    assert (done.code, "--resume" in done.err) == (4, False)
    assert there() == ["clip.mp4", "photo.jpg"]
