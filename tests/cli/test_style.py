from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darkroom import Command, animation, photo, pixels
from mapsto.cli.app import run
from mapsto.files import sha256
from mapsto.media import animation as animations
from mapsto.media import picture


def settings(path: str | Path) -> dict[str, object]:
    return picture.settings(path) or {}


def test_a_photo_in_a_style_lies_beside_it_and_one_line_tells(mapsto: Command) -> None:
    before = sha256(Path("photo.jpg"))
    done = mapsto("style", "photo.jpg", "starry-night")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert line.startswith("photo.starry-night.png  48×32  ")
    assert line.endswith(" s  seed 0")
    assert pixels("photo.starry-night.png").shape == (32, 48, 3)
    assert sha256(Path("photo.jpg")) == before


def test_options_reach_the_painter(mapsto: Command) -> None:
    def painted(*options: object) -> np.ndarray:
        assert mapsto("style", "photo.jpg", "ink", "-o", "out.png", *options).code == 0
        return pixels("out.png")

    plain = painted()
    assert np.array_equal(plain, painted())
    assert np.array_equal(painted("--strength", "0"), pixels("photo.jpg"))
    for options in (["--strength", "0.5"], ["--keep-colors"], ["--seed", "7"]):
        assert not np.array_equal(plain, painted(*options))
    assert painted("--size", "64").shape == (64, 96, 3)
    assert painted("--size", "24x24").shape == (16, 24, 3)
    assert np.abs(painted("--size", "128").astype(int) - painted("--size", "128", "--tile", "64")).max() < 40


def test_a_mixture_of_names_and_pictures(mapsto: Command) -> None:
    photo("my painting.png", seed=3)
    done = mapsto("style", "photo.jpg", "ink:3,my painting.png:1")
    assert done.code == 0
    parts = settings("photo.ink-3+my-painting-1.png")["style"]
    assert parts == [
        {"weight": 0.75, "name": "ink"},
        {"weight": 0.25, "path": "my painting.png", "sha256": sha256(Path("my painting.png"))},
    ]


def test_the_file_says_how_it_was_made_unless_stripped(mapsto: Command) -> None:
    from mapsto import __version__, weights

    assert mapsto("style", "photo.jpg", "ink", "--strength", "0.5", "--size", "40", "--seed", "3", "--tile", "64").code == 0
    found = settings("photo.ink.png")
    assert found.pop("torch")
    assert found == {
        "mapsto": __version__,
        "command": "style",
        "style": [{"weight": 1.0, "name": "ink"}],
        "strength": 0.5,
        "keep_colors": False,
        "size": "40",
        "seed": 3,
        "method": "fast",
        "tile": 64,
        "device": "cpu",
        "precision": "fp32",
        "threads": found["threads"],
        "weights": {"tiny": weights.digest("tiny")},
        "quality": 95,
        "source": {"name": "photo.jpg", "sha256": sha256(Path("photo.jpg"))},
    }
    assert mapsto("style", "photo.jpg", "ink", "--strip").code == 0
    assert settings("photo.ink.png") == {}


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_an_animation_stays_one_with_its_timing(mapsto: Command, extension: str) -> None:
    film = animation(f"film.{extension}")
    assert mapsto("style", film, "ink", "--strength", "0.6").code == 0
    before, after = animations.about(film), animations.about(f"film.ink.{extension}")
    assert after == before
    assert [ms for _, ms in animations.frames(f"film.ink.{extension}")] == [ms for _, ms in animations.frames(film)]
    assert settings(f"film.ink.{extension}")["strength"] == 0.6


def test_an_animation_as_jpeg_is_its_first_frame_and_says_so(mapsto: Command) -> None:
    done = mapsto("style", animation("film.gif"), "ink", "-o", "out.jpg")
    assert done.code == 0
    assert "several frames" in done.err


def test_several_photos_and_json(mapsto: Command) -> None:
    photo("other.png", (40, 40))
    done = mapsto("style", "photo.jpg", "other.png", "ink", "-o", "out/", "--json")
    said = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert {key: said[key] for key in ("ok", "command", "warnings", "error")} == {
        "ok": True,
        "command": "style",
        "warnings": [],
        "error": None,
    }
    first, second = said["outputs"]
    assert set(first) == {"path", "width", "height", "seed", "seconds", "sha256"}
    assert (first["path"], first["width"], first["height"], first["seed"]) == ("out/photo.ink.png", 48, 32, 0)
    assert second["sha256"] == sha256(Path("out/other.ink.png"))


def test_a_dry_run_says_and_does_nothing_else(mapsto: Command) -> None:
    photo("other.png")
    done = mapsto("style", "photo.jpg", "other.png", "ink", "--dry-run")
    assert done.out.splitlines() == ["photo.jpg → photo.ink.png", "other.png → other.ink.png"]
    assert sorted(path.name for path in Path().iterdir()) == ["other.png", "photo.jpg"]
    said = json.loads(mapsto("style", "photo.jpg", "ink", "--dry-run", "--json").out)
    assert said["data"]["planned"] == [{"source": "photo.jpg", "path": "photo.ink.png"}]


def test_quiet_says_nothing_and_verbose_more(mapsto: Command) -> None:
    done = mapsto("style", "photo.jpg", "ink", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert "tiny on cpu, fp32" in mapsto("style", "photo.jpg", "ink", "-v").err


def test_pictures_flow_through_pipes(mapsto: Command) -> None:
    command = [sys.executable, "-m", "mapsto", "style", "-", "ink", "-o", "-"]
    done = subprocess.run(command, input=Path("photo.jpg").read_bytes(), capture_output=True, check=True)
    Path("piped.png").write_bytes(done.stdout)
    assert done.stdout.startswith(b"\x89PNG")
    assert b"standard output  48" in done.stderr
    assert settings("piped.png")["source"] == {"name": "standard input", "sha256": sha256(Path("photo.jpg"))}
    assert mapsto("style", "photo.jpg", "ink", "-q").code == 0
    assert np.array_equal(pixels("piped.png"), pixels("photo.ink.png"))


def test_a_pipe_takes_another_format(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["style", "photo.jpg", "ink", "-o", "-", "--format", "webp"]) == 0
    assert capfdbinary.readouterr().out[8:12] == b"WEBP"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_pipe_that_is_full_is_told(place: Path) -> None:
    command = [sys.executable, "-m", "mapsto", "style", "photo.jpg", "ink", "-o", "-"]
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 7
    assert told.stderr.startswith("mapsto: No space left")
    assert len(told.stderr.splitlines()) == 1


def test_what_mapsto_made_is_replaced_and_nothing_else(mapsto: Command) -> None:
    assert mapsto("style", "photo.jpg", "ink").code == 0
    assert mapsto("style", "photo.jpg", "ink", "--seed", "1").code == 0
    assert settings("photo.ink.png")["seed"] == 1
    mine = photo("mine.png")
    before = sha256(mine)
    done = mapsto("style", "photo.jpg", "ink", "-o", mine)
    assert (done.code, sha256(mine)) == (2, before)
    assert "--overwrite" in done.err
    assert mapsto("style", "photo.jpg", "ink", "-o", mine, "--overwrite").code == 0
    assert sha256(mine) != before


def test_alpha_and_exif_survive_and_jpeg_loses_alpha_aloud(mapsto: Command) -> None:
    Image.new("RGBA", (32, 32), (200, 30, 90, 128)).save("clear.png")
    assert mapsto("style", "clear.png", "ink").code == 0
    with Image.open("clear.ink.png") as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (128, 128)
    done = mapsto("style", "clear.png", "ink", "-o", "clear.jpg", "--json")
    assert "transparency" in json.loads(done.out)["warnings"][0]
    assert done.code == 0


def test_a_mask_paints_where_it_is_white_and_is_repeated(mapsto: Command) -> None:
    mask = np.zeros((8, 12), np.uint8)
    mask[:, 6:] = 255
    Image.fromarray(mask).save("mask.png")
    photo("grey.png")
    assert mapsto("style", "grey.png", "ink", "--mask", "mask.png", "-o", "half.png").code == 0
    before, after = pixels("grey.png"), pixels("half.png")
    assert np.array_equal(before[:, :16], after[:, :16])
    assert not np.array_equal(before[:, 32:], after[:, 32:])
    assert mapsto("redo", "half.png", "grey.png", "-o", "again.png", "--json").code == 0
    assert np.array_equal(pixels("again.png"), after)
    assert "mask" not in settings(painted("plain.png", mapsto))


def painted(name: str, mapsto: Command) -> str:
    assert mapsto("style", "grey.png", "ink", "-o", name).code == 0
    return name


def test_a_mask_that_cannot_be_used_is_told(mapsto: Command) -> None:
    Path("mask.png").write_text("no picture")
    done = mapsto("style", "photo.jpg", "ink", "--mask", "mask.png")
    assert (done.code, "mask.png" in done.err) == (4, True)
