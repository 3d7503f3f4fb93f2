from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darkroom import Command, photo, pixels
from mapsto import Generator, __version__, weights
from mapsto.cli import config, edit, generate, mix, paint, reconstruct, walk, work
from mapsto.cli.app import run
from mapsto.files import sha256
from mapsto.media import picture


def settings(path: str | Path) -> dict[str, object]:
    return picture.settings(path) or {}


def alike(a: str | Path, b: str | Path) -> bool:
    return bool(np.abs(pixels(a).astype(int) - pixels(b)).max() <= 1)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_several_pictures_come_with_a_sheet(mapsto: Command) -> None:
    done = mapsto("generate", "hills", "-n", 3, "--seed", 7, "-o", "faces/")
    assert (done.code, done.err) == (0, "")
    assert names("faces") == ["hills.7-9.png", "hills.7.png", "hills.8.png", "hills.9.png"]
    first, *_, last = done.out.splitlines()
    assert first.startswith("faces/hills.7.png  24×16  ")
    assert first.endswith(" s  seed 7")
    assert last.endswith("3 pictures, seeds 7 to 9")
    assert pixels("faces/hills.7.png").shape == (16, 24, 3)
    assert min(pixels("faces/hills.7-9.png").shape[:2]) > 256


def test_every_picture_can_be_had_by_its_seed_alone(mapsto: Command) -> None:
    mapsto("generate", "hills", "-n", 3, "--seed", 7)
    assert names("hills") == ["hills.7-9.png", "hills.7.png", "hills.8.png", "hills.9.png"]
    assert mapsto("generate", "hills", "--seed", 8).code == 0
    assert alike("hills.8.png", "hills/hills.8.png")
    assert not alike("hills/hills.7.png", "hills/hills.8.png")


def test_the_file_says_how_it_was_made_unless_stripped(mapsto: Command) -> None:
    how = ["--truncation", "0.7", "--label", "sea", "--guidance", "2", "--pag", "0.5", "--steps", "3", "--scale", "2"]
    assert mapsto("generate", "hills", "--seed", 3, *how).code == 0
    found = settings("hills.3.png")
    assert found.pop("torch")
    assert found.pop("threads")
    assert found == {
        "mapsto": __version__,
        "command": "generate",
        "model": "hills",
        "scale": 2,
        "transparent": False,
        "device": "cpu",
        "precision": "fp32",
        "seed": 3,
        "first": 3,
        "n": 1,
        "batch": 16,
        "truncation": 0.7,
        "prior": "flow",
        "label": "sea",
        "steps": 3,
        "guidance": 2.0,
        "pag": 0.5,
        "weights": {"hills": weights.digest("hills")},
        "quality": 95,
    }
    assert mapsto("generate", "hills", "--seed", 3, "--strip").code == 0
    assert settings("hills.3.png") == {}


@pytest.mark.parametrize(
    "options",
    [
        ["--truncation", "0.3"],
        ["--label", "sea"],
        ["--prior", "gan"],
        ["--prior", "gaussian"],
        ["--steps", "1"],
        ["--seed", "5"],
    ],
    ids=lambda options: options[0] + options[1],
)
def test_options_reach_the_model(mapsto: Command, options: list[str]) -> None:
    for name, more in (("plain", []), ("other", options)):
        assert mapsto("generate", "hills", "-o", f"{name}.png", *more).code == 0
    assert not alike("plain.png", "other.png")


def test_a_file_gets_the_sheet_alone(mapsto: Command) -> None:
    assert mapsto("generate", "hills", "-n", 2, "-o", "sheet.webp").code == 0
    assert names(".") == ["photo.jpg", "sheet.webp"]
    assert settings("sheet.webp")["seed"] is None


def test_a_template_names_every_picture_and_needs_the_seed(mapsto: Command) -> None:
    assert mapsto("generate", "hills", "-n", 2, "-o", "{model}/{seed}.{ext}", "--format", "webp").code == 0
    assert names("hills") == ["0.webp", "1.webp"]
    done = mapsto("generate", "hills", "-n", 2, "-o", "{model}.png")
    assert (done.code, "{seed}" in done.err) == (2, True)


def test_enlarging_is_crisp(mapsto: Command) -> None:
    mapsto("generate", "hills", "-o", "small.png")
    mapsto("generate", "hills", "-o", "large.png", "--scale", 8)
    assert np.array_equal(pixels("large.png"), pixels("small.png").repeat(8, 0).repeat(8, 1))


def test_transparency_is_kept_or_laid_on_white(mapsto: Command) -> None:
    assert mapsto("generate", "sprites", "-n", 2, "--transparent", "--scale", 2, "-o", "clear/").code == 0
    assert mapsto("generate", "sprites", "-o", "white.png", "--scale", 2).code == 0
    with Image.open("clear/sprites.0.png") as clear, Image.open("white.png") as white:
        assert (clear.mode, white.mode) == ("RGBA", "RGB")
        ground = Image.new("RGBA", clear.size, "white")
        ground.alpha_composite(clear)
        assert np.abs(np.asarray(ground.convert("RGB")).astype(int) - np.asarray(white)).max() <= 1
        assert clear.getchannel("A").getextrema() != (255, 255)
    assert pixels("clear/sprites.0-1.png").ndim == 3
    done = mapsto("generate", "hills", "--transparent")
    assert (done.code, "paints no transparency" in done.err) == (2, True)


def test_one_picture_goes_to_standard_output(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["generate", "hills", "-o", "-", "--format", "webp"]) == 0
    said = capfdbinary.readouterr()
    assert said.out[8:12] == b"WEBP"
    assert b"standard output  24" in said.err


def test_programs_are_told_everything(mapsto: Command) -> None:
    said = json.loads(mapsto("generate", "hills", "-n", 2, "--json").out)
    assert (said["ok"], said["command"], said["warnings"]) == (True, "generate", [])
    first, second, sheet = said["outputs"]
    assert set(first) == {"path", "width", "height", "seed", "seconds", "sha256"}
    assert (first["path"], second["seed"], sheet["path"]) == ("hills/hills.0.png", 1, "hills/hills.0-1.png")
    assert second["sha256"] == sha256(Path("hills/hills.1.png"))


def test_a_dry_run_says_and_does_nothing_else(mapsto: Command) -> None:
    done = mapsto("generate", "hills", "-n", 2, "-o", "out/", "--dry-run")
    assert done.out.splitlines() == ["out/hills.0.png", "out/hills.1.png", "out/hills.0-1.png"]
    said = json.loads(mapsto("generate", "hills", "-o", "one.png", "--dry-run", "--json").out)
    assert said["data"]["planned"] == [{"path": "one.png"}]
    assert names(".") == ["photo.jpg"]


def test_what_mapsto_made_is_replaced_and_nothing_else(mapsto: Command) -> None:
    photo("out/hills.1.png")
    before = sha256(Path("out/hills.1.png"))
    done = mapsto("generate", "hills", "-n", 2, "-o", "out/")
    assert (done.code, names("out"), sha256(Path("out/hills.1.png"))) == (2, ["hills.1.png"], before)
    assert mapsto("generate", "hills", "-n", 2, "-o", "out/", "--overwrite").code == 0
    assert mapsto("generate", "hills", "-n", 2, "-o", "out/").code == 0


def test_interrupting_keeps_what_is_done(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Generator.__call__

    def stopped(self: Generator, *arguments: object, **how: object) -> object:
        if how["seed"] != 0:
            raise KeyboardInterrupt
        return draw(self, *arguments, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Generator, "__call__", stopped)
    done = mapsto("generate", "hills", "-n", 20, "-o", "out/")
    assert done.code == 130
    assert done.err == "mapsto: Stopped: 16 of 20 pictures are done and kept.\n"
    assert len(names("out")) == 16


def test_defaults_are_those_of_the_function() -> None:
    function = inspect.signature(Generator.__call__).parameters
    for verb in (generate.generate, walk.walk, mix.mix, edit.edit):
        command = inspect.signature(verb).parameters
        shared = {"truncation", "prior", "label", "steps", "guidance", "pag"}
        assert {name: command[name].default for name in shared} == {name: function[name].default for name in shared}
    assert inspect.signature(generate.generate).parameters["seed"].default == function["seed"].default
    assert inspect.signature(paint.paint).parameters["truncation"].default == function["truncation"].default
    sampling = inspect.signature(work.Sampling).parameters
    assert {name: each.default for name, each in sampling.items()} == {name: function[name].default for name in sampling}
    chosen = inspect.signature(Generator.from_pretrained).parameters["name"].default
    for verb in (generate.generate, walk.walk, mix.mix, edit.edit, reconstruct.reconstruct):
        assert inspect.signature(verb).parameters["model"].default == chosen


def test_defaults_of_the_configuration_reach_drawing_but_for_those_that_mean_painting(mapsto: Command) -> None:
    config.user_file().write_text("seed = 4\nsteps = 1\nquality = 80\nstrength = 0.5\n")
    assert mapsto("generate", "hills").code == 0
    found = settings("hills.4.png")
    assert (found["seed"], found["steps"], found["quality"]) == (4, 20, 80)


def test_a_default_seed_does_not_hinder_editing_ones_own_picture(mapsto: Command) -> None:
    config.user_file().write_text("seed = 4\n")
    assert mapsto("edit", "hills", "--picture", "photo.jpg", "--slider", "2=1").code == 0
