from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from darkroom import Command, photo, pixels
from mapsto.media import animation, picture, video


def frames(path: str) -> list[np.ndarray]:
    return [frame.pixels.astype(int) for frame, _ in animation.frames(path)]


@pytest.mark.parametrize("extension", ["webp", "png", "gif"])
def test_an_animation_has_its_time_and_its_loop(mapsto: Command, extension: str) -> None:
    done = mapsto("walk", "hills", "--seconds", 1, "--fps", 5, "--steps", 2, "--loop", "-o", f"walk.{extension}")
    assert done.code == 0, done.err
    assert done.out.endswith("5 frames, seeds 1, 5, 9\n")
    assert animation.about(f"walk.{extension}") == animation.Animation(5, 0, (24, 16))
    assert [ms for _, ms in animation.frames(f"walk.{extension}")] == [200] * 5
    assert (picture.settings(f"walk.{extension}") or {})["seeds"] == [1, 5, 9]


def test_a_walk_begins_at_its_first_seed_and_changes_evenly(mapsto: Command) -> None:
    mapsto("generate", "hills", "--seed", 1, "--scale", 2)
    assert (
        mapsto("walk", "hills", "--seeds", "1,5,9", "--seconds", 2, "--fps", 8, "--scale", 2, "--loop", "-o", "w.png").code == 0
    )
    shown = frames("w.png")
    assert np.abs(shown[0] - pixels("hills.1.png")).max() <= 1
    steps = [np.abs(a - b).mean() for a, b in pairwise([*shown, shown[0]])]
    assert max(steps) < 3 * np.mean(steps)


def test_an_open_walk_is_played_once_and_ends_at_its_last_seed(mapsto: Command) -> None:
    mapsto("generate", "hills", "--seed", 5)
    assert mapsto("walk", "hills", "--seeds", "1,5", "--seconds", 1, "--fps", 4, "-o", "w.png").code == 0
    assert animation.about("w.png").loop == 1
    assert np.abs(frames("w.png")[-1] - pixels("hills.5.png")).max() <= 1


def test_a_folder_gets_frames_that_sort_by_name(mapsto: Command) -> None:
    assert mapsto("walk", "hills", "--seconds", 1, "--fps", 11, "--prior", "gaussian", "-o", "frames/").code == 0
    assert sorted(path.name for path in Path("frames").iterdir()) == [f"{number:02}.png" for number in range(11)]
    assert (picture.settings("frames/07.png") or {})["frame"] == 7


def test_a_film(mapsto: Command) -> None:
    pytest.importorskip("av")
    done = mapsto("walk", "hills", "--seconds", 1, "--fps", 5, "--prior", "gan", "-o", "walk.mp4", "--json")
    said = json.loads(done.out)
    assert (said["outputs"][0]["width"], said["outputs"][0]["height"]) == (24, 16)
    found = video.about("walk.mp4")
    assert (found.frames, found.fps, found.size) == (5, 5.0, (24, 16))
    assert (found.settings or {})["command"] == "walk"
    assert "MP4, 24×16, 5 frames" in mapsto("info", "walk.mp4").out
    assert mapsto("walk", "hills", "--seconds", 1, "--fps", 5, "--prior", "gan", "-o", "walk.mp4").code == 0  # over its own


def test_a_film_without_the_extra_says_what_to_install(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = mapsto("walk", "hills", "-o", "walk.mp4")
    assert done.code == 2
    assert "pip install 'mapsto[video]'" in done.err
    assert not Path("walk.mp4").exists()


def test_a_dry_run_says_how_long_it_gets(mapsto: Command) -> None:
    assert mapsto("walk", "hills", "--seconds", 2, "--fps", 12.5, "--dry-run").out == "25 frames → hills.walk.webp\n"


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--seeds", "1"], 2, "--seeds 1,5,9"),
        (["--seeds", "1,a"], 2, "'1,a'"),
        (["--seeds", f"1,{2**63}"], 2, "out of range"),
        (["--seconds", "0"], 2, "make no film"),
        (["--seconds", "nan"], 2, "make no film"),
        (["--fps", "1000"], 2, "--fps"),
        (["--seconds", "0.1", "--fps", "10"], 2, "less than two frames"),
        (["-o", "walk.jpg"], 2, "cannot be written as walk.jpg"),
        (["-o", "-"], 2, "standard output"),
        (["-o", "photo.jpg/walk.webp"], 7, "not a folder"),
    ],
)
def test_what_cannot_be_walked(mapsto: Command, options: list[str], code: int, says: str) -> None:
    done = mapsto("walk", "hills", *options)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]


def test_frames_of_others_are_left_alone(mapsto: Command) -> None:
    photo("frames/3.png")
    before = Path("frames/3.png").read_bytes()
    done = mapsto("walk", "hills", "--seconds", 1, "--fps", 5, "-o", "frames/")
    assert done.code == 2
    assert Path("frames/3.png").read_bytes() == before
