from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from darkroom import Command, photo, pixels
from darkroom import animation as animated
from mapsto.media import animation, picture, video


@pytest.fixture
def cat(mapsto: Command) -> Path:
    return photo("cat.png", (64, 48))


def frames(path: str) -> list[np.ndarray]:
    return [frame.pixels for frame, _ in animation.frames(path)]


def test_an_animation_begins_and_ends_with_the_stills(mapsto: Command, cat: Path) -> None:
    done = mapsto("morph", cat, "--path", "photo, ink", "--seconds", 1, "--fps", 4, "-o", "m.png")
    assert done.code == 0, done.err
    assert done.out.endswith("5 frames, 1 s, seed 0\n")
    assert mapsto("style", cat, "ink").code == 0
    shown = frames("m.png")
    assert animation.about("m.png") == animation.Animation(5, 1, (64, 48))
    assert np.array_equal(shown[0], pixels("cat.png"))
    assert np.array_equal(shown[-1], pixels("cat.ink.png"))


def test_the_last_style_is_reached_also_where_frames_do_not_fit_the_time(mapsto: Command, cat: Path) -> None:
    assert mapsto("morph", cat, "--path", "photo@0s, ink@1.1s", "--fps", 4, "-o", "m.png").code == 0
    assert mapsto("style", cat, "ink").code == 0
    shown = frames("m.png")
    assert len(shown) == 6
    assert np.array_equal(shown[-1], pixels("cat.ink.png"))


def test_a_picture_read_twice_is_one_style_of_a_loop(mapsto: Command, cat: Path) -> None:
    path = "cat.png@0s, ink@0.5s, cat.png@1s"
    assert mapsto("morph", cat, "--path", path, "--fps", 4, "--loop", "-o", "m.png").code == 0
    assert len(frames("m.png")) == 4


def test_too_long_for_an_animation_is_refused_before_painting(mapsto: Command, cat: Path) -> None:
    photo("large.png", (4000, 3000))
    done = mapsto("morph", "large.png", "--path", "photo, ink", "-o", "m.webp")
    assert (done.code, "from memory" in done.err) == (2, True)


def test_what_an_animated_photo_loses_is_told(mapsto: Command) -> None:
    done = mapsto("morph", animated("cat.gif"), "--path", "photo, ink", "--seconds", 1, "--fps", 2, "-o", "m.webp")
    assert done.code == 0
    assert "first" in done.err


def test_it_is_found_again_where_photo_and_style_lie_elsewhere(mapsto: Command) -> None:
    photo("in/cat.png")
    photo("in/own.png", seed=1)
    path = "photo, in/own.png"
    assert mapsto("morph", "in/cat.png", "--path", path, "--seconds", 1, "--fps", 2, "-o", "out/m.png").code == 0
    Path("in").rename("moved")
    done = mapsto("redo", "out/m.png", "moved/cat.png")
    assert "identical" in done.err, done.err


def test_a_loop_is_one_frame_shorter_and_played_for_ever(mapsto: Command, cat: Path) -> None:
    assert mapsto("morph", cat, "--path", "ink, mosaic", "--seconds", 1, "--fps", 4, "--loop", "-o", "m.webp").code == 0
    assert animation.about("m.webp") == animation.Animation(4, 0, (64, 48))


@pytest.mark.parametrize("name", ["m.mp4", "m.gif", "m.webp"])
def test_it_can_be_made_again(mapsto: Command, cat: Path, name: str) -> None:
    if name.endswith(".mp4"):
        pytest.importorskip("av")
    path = "photo@0s, ink@0.2s..0.4s, mosaic:0.25+cat.png:0.75@0.8s"
    assert mapsto("morph", cat, "--path", path, "--fps", 5, "--easing", "smooth", "--seed", 3, "-o", name).code == 0
    again = mapsto("redo", name)
    assert again.code == 0, again.err
    assert f"identical to those of {name}" in again.err


def test_frames_go_into_a_folder_and_each_can_be_made_again(mapsto: Command, cat: Path) -> None:
    assert mapsto("morph", cat, "--path", "photo, ink", "--seconds", 1, "--fps", 10, "-o", "frames/").code == 0
    assert sorted(path.name for path in Path("frames").iterdir()) == [f"{number:02}.png" for number in range(11)]
    assert (picture.settings("frames/07.png") or {})["frame"] == 7
    again = mapsto("redo", "frames/07.png", cat)
    assert "identical" in again.err


def test_a_film(mapsto: Command, cat: Path) -> None:
    pytest.importorskip("av")
    done = mapsto("morph", cat, "--path", "photo@0s, ink@1s", "--fps", 6, "-o", "m.mp4", "--json")
    said = json.loads(done.out)
    assert (said["outputs"][0]["width"], said["outputs"][0]["height"]) == (64, 48)
    assert (video.about("m.mp4").frames, video.about("m.mp4").fps) == (7, 6.0)


def test_a_dry_run_says_what_would_be_made(mapsto: Command, cat: Path) -> None:
    done = mapsto("morph", cat, "--path", "photo@0s, ink@1s, mosaic@2.5s", "--dry-run")
    assert done.out == "3 styles, 2.5 s, 64 frames → cat.morph.webp\n"
    loop = mapsto("morph", cat, "--path", "photo@0s, ink@2s, mosaic@6s", "--loop", "--fps", 1, "--dry-run")
    assert "9 s, 9 frames" in loop.out
    assert not Path("cat.morph.webp").exists()


@pytest.mark.parametrize(
    ("path", "options", "code", "says"),
    [
        ("ink", [], 2, "two or more"),
        ("photo, photo", [], 2, "no style on this way"),
        ("photo, grate-wave@2s", [], 2, "great-wave"),
        ("ink@2s, mosaic@1s", [], 2, "Style 2 comes at 1 s"),
        ("ink@0s, mosaic@9s", ["--seconds", "4"], 2, "all ends after 4 s"),
        ("ink, mosaic", ["--easing", "bouncy"], 2, "no easing called 'bouncy'"),
        ("ink, mosaic", ["--fps", "0"], 2, "0 frames a second"),
        ("ink, mosaic", ["--seconds", "1", "--fps", "0.3"], 2, "make no film"),
        ("ink, mosaic", ["--seconds", "5000"], 2, "make no film"),
        ("ink@0s, mosaic@0s", [], 2, "at 0 s"),
        ("ink@0s, mosaic@4s", ["--seconds", "4", "--loop"], 2, "way back"),
        ("ink, mosaic", ["-o", "cat.png", "--overwrite"], 2, "would replace what it is made from"),
        ("photo, mine.png", ["-o", "mine.png"], 2, "would replace what it is made from"),
        ("ink, mosaic", ["-o", "theirs/"], 2, "Mapsto did not make it"),
        ("ink, mosaic", ["--seconds", "0"], 2, "shows nothing"),
        ("ink, mosaic", ["-o", "-"], 2, "standard output"),
        ("ink, missing.png", [], 2, "no file called 'missing.png'"),
        ("ink, notes.txt", [], 4, "notes.txt"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    mapsto: Command, cat: Path, path: str, options: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("notes.txt").write_text("no picture")
    assert mapsto("style", cat, "ink", "-o", "mine.png").code == 0
    photo("theirs/007.png")
    monkeypatch.setattr("mapsto.cli.painting.load", None)  # would break
    done = mapsto("morph", cat, "--path", path, *options)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert not list(Path().glob("cat.morph*"))


@pytest.mark.parametrize("name", ["m.mkv", "m.mov", "m.webm", "m.avi", "m.jpg", "m.txt", "m.apng"])
def test_what_a_film_of_a_photo_can_be_written_as_is_told_in_one_sentence(mapsto: Command, cat: Path, name: str) -> None:
    done = mapsto("morph", cat, "--path", "photo, ink", "-o", name)
    told = f"A film of pictures cannot be written as {name} — Write .mp4, .m4v, .gif, .webp, .png or a folder."
    assert (done.code, done.out, told in done.err) == (2, "", True), done.err


@pytest.mark.parametrize("name", ["m.mp4", "m.M4V", "m.gif", "m.webp", "m.png", "m/", "m"])
def test_what_is_told_that_a_film_can_be_written_as_it_can(mapsto: Command, cat: Path, name: str) -> None:
    if name.lower().endswith(("mp4", "m4v")):
        pytest.importorskip("av")
    done = mapsto("morph", cat, "--path", "photo, ink", "--seconds", 0.5, "--fps", 4, "-o", name)
    assert done.code == 0, done.err
    assert Path(name).exists()


def test_settings_of_others_are_not_trusted(mapsto: Command, cat: Path) -> None:
    assert mapsto("morph", cat, "--path", "photo, ink", "--seconds", 1, "--fps", 3, "-o", "frames/").code == 0
    told = picture.settings("frames/1.png") or {}
    damages = [
        {"path": [[2, None, None]]},
        {"path": [[0, None, None], [1, None, 3]]},
        {"path": "x"},
        {"frame": -1},
        {"fps": "fast"},
        {"easing": 3},
        {"loop": 1},
    ]
    for number, damage in enumerate(damages):
        picture.Picture.of(cat).save(f"bad{number}.png", settings={**told, **damage})
        done = mapsto("redo", f"bad{number}.png", cat)
        assert done.code == 4, done.err
        assert "not complete" in done.err
