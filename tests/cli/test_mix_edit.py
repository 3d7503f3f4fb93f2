from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkroom import Command, pixels
from mapsto import Generator
from mapsto.cli.work import Edit, sliders_of
from mapsto.media import picture


def apart(a: str, b: str) -> float:
    return float(np.abs(pixels(a).astype(int) - pixels(b)).mean())


@pytest.mark.parametrize("prior", ["flow", "gan", "gaussian"])
def test_a_mixture_lies_between_its_two(mapsto: Command, prior: str) -> None:
    for seed in (3, 8):
        mapsto("generate", "hills", "--seed", seed, "--prior", prior, "-o", f"{seed}.png")
    for layers in ("coarse", "fine"):
        done = mapsto("mix", "hills", "--seeds", "3,8", "--layers", layers, "--prior", prior)
        assert done.code == 0, done.err
        assert done.out.startswith(f"hills.3+8.{layers}.png  24×16  ")
        assert 0 < apart(f"hills.3+8.{layers}.png", "3.png") < 1.5 * apart("3.png", "8.png")
    assert apart("hills.3+8.coarse.png", "hills.3+8.fine.png") > 0


def test_mixing_with_itself_changes_nothing(mapsto: Command) -> None:
    mapsto("generate", "hills", "--seed", 3, "-o", "3.png")
    assert mapsto("mix", "hills", "--seeds", "3,3", "-o", "same.png").code == 0
    assert np.abs(pixels("same.png").astype(int) - pixels("3.png")).max() <= 1


def test_more_seeds_are_a_sheet_of_each_with_each(mapsto: Command) -> None:
    done = mapsto("mix", "hills", "--seeds", "3,8,9", "--prior", "gan")
    assert done.code == 0
    assert pixels("hills.3+8+9.coarse.png").shape[:2] == (3 * (128 + 26 + 12) + 12, 3 * (192 + 12) + 12)


def test_a_slider_goes_both_ways_and_has_a_name(mapsto: Command) -> None:
    mapsto("generate", "hills", "--seed", 3, "-o", "3.png")
    assert mapsto("edit", "hills", "--seed", 3, "--slider", "light=+1.5").out.startswith("hills.3.light+1.5.png  24×16")
    assert mapsto("edit", "hills", "--seed", 3, "--slider", "light=-1.5", "-o", "less.png").code == 0
    assert mapsto("edit", "hills", "--seed", 3, "--slider", "light=0", "-o", "none.png").code == 0
    assert apart("none.png", "3.png") < 0.1
    assert apart("hills.3.light+1.5.png", "less.png") > 1.5 * apart("less.png", "3.png") > 0
    assert (picture.settings("less.png") or {})["sliders"] == {"light": -1.5}


def test_sliders_are_of_the_latents_or_of_the_styles(mapsto: Command) -> None:
    hills = Generator.from_pretrained("hills", device="cpu", precision="fp32")
    assert hills.sliders().names == ("light", "2", "3", "4", "5", "6")
    assert hills.sliders("gan").names == tuple(map(str, range(1, 9)))
    for number, prior in enumerate(("flow", "gan")):
        assert mapsto("edit", "hills", "--slider", "2=2", "--prior", prior, "-o", f"{number}.png").code == 0
    done = mapsto("edit", "hills", "--slider", "ligth=1")
    assert (done.code, "light" in done.err) == (2, True)


@pytest.mark.parametrize(("model", "count"), [("hills", 6), ("dots", 8), ("sprites", 4)])
def test_the_sheet_shows_every_slider(mapsto: Command, model: str, count: int) -> None:
    assert mapsto("edit", model, "--seed", 3, "--sheet").code == 0
    height, width = pixels(f"{model}.3.sliders.png").shape[:2]
    across = 192 if model == "hills" else 128
    assert (height, width) == (count * (128 + 26 + 12) + 12, 5 * (across + 12) + 12)


def test_a_sheet_of_many_sliders_keeps_each_in_its_row() -> None:
    from mapsto.media.picture import Picture

    names = [str(number) for number in range(22)]
    grey = [Picture.of(np.full((128, 128, 3), number, np.uint8)) for number in range(22) for _ in range(5)]
    sheet = Edit(seed=0, sheet=True)._sheet(names, grey).pixels
    assert sheet.shape[1] == 10 * (128 + 12) + 12
    assert [int(sheet[20 + 166 * row, 20, 0]) for row in range(11)] == list(range(11))
    assert [int(sheet[20 + 166 * row, 20 + 5 * 140, 0]) for row in range(11)] == list(range(11, 22))


def test_a_picture_of_ones_own_is_edited(mapsto: Command) -> None:
    done = mapsto("edit", "hills", "--picture", "photo.jpg", "--slider", "2=1", "--slider", "2=0.5", "--refine", 2)
    assert done.out.startswith("photo.hills.2+1.5.png  24×16"), done.err
    found = picture.settings("photo.hills.2+1.5.png") or {}
    assert (found["seed"], found["source"]["name"], found["sliders"]) == (None, "photo.jpg", {"2": 1.5})
    assert mapsto("edit", "dots", "--picture", "photo.jpg", "--refine", 2, "--slider", "1=2").code == 0
    assert mapsto("edit", "hills", "--picture", "photo.jpg", "--sheet").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["edit", "hills"], 2, "--sheet"),
        (["edit", "hills", "--slider", "2"], 2, "'2' turns no slider"),
        (["edit", "hills", "--slider", "=1"], 2, "turns no slider"),
        (["edit", "hills", "--slider", "2=much"], 2, "turns no slider"),
        (["edit", "hills", "--slider", "2=inf"], 2, "turned by inf"),
        (["edit", "hills", "--slider", "2=1", "--seed", "1", "--picture", "photo.jpg"], 2, "not both"),
        (["edit", "hills", "--slider", "2=1", "--refine", "5"], 2, "--picture"),
        (["edit", "hills", "--slider", "2=1", "--picture", "missing.jpg"], 4, "does not exist"),
        (["edit", "dots", "--slider", "1=1", "--picture", "photo.jpg"], 2, "no encoder"),
        (["mix", "hills", "--seeds", "3"], 2, "not enough"),
        (["mix", "hills", "--layers", "corse"], 2, "'corse'"),
        (["generate", "nobody"], 5, "There are: dots, hills"),
        (["generate", "tiny"], 5, "ImageModel is wanted"),
        (["generate", "hills", "-n", "0"], 2, "-n 1"),
        (["generate", "hills", "--truncation", "3"], 2, "truncation 3"),
        (["generate", "hills", "--steps", "0"], 2, "0 steps"),
        (["generate", "hills", "--guidance", "2"], 2, "--label"),
        (["generate", "hills", "--guidance", "nan", "--label", "sea"], 2, "guidance nan"),
        (["generate", "hills", "--pag", "-1"], 2, "attention -1"),
        (["generate", "hills", "--label", "moon"], 2, "hill, sea"),
        (["generate", "hills", "--prior", "magic"], 2, "flow and gan and gaussian"),
        (["generate", "hills", "--scale", "0"], 2, "scale 0"),
        (["generate", "hills", "--seed", "-1"], 2, "seed -1"),
        (["generate", "hills", "-o", "out.xyz"], 2, ".xyz"),
        (["generate", "hills", "-o", "-", "--json"], 2, "standard output"),
        (["generate", "hills", "-o", "{style}.png"], 2, "{style}"),
        (["generate", "hills", "-n", "2", "-o", "photo.jpg/"], 7, "not a folder"),
        (["reconstruct"], 2, "a picture is needed"),
        (["reconstruct", "photo.jpg", "--model", "hills", "--refine", "-1"], 2, "-1 steps"),
        (["reconstruct", "photo.jpg", "--model", "hills", "-o", "photo.jpg"], 2, "would be replaced"),
        (["paint", "--scene", "hills"], 2, "A style is needed"),
        (["paint", "--scene", "hills", "--style", "inc"], 2, "Perhaps ink"),
        (["paint", "--scene", "nobody", "--style", "ink"], 5, "There are: "),
        (["paint", "--scene", "hills", "--style", "ink", "--size", "big"], 2, "'big'"),
        (["models", "--forget", "nobody"], 2, "dots, hills"),
        (["models", "--forget", "tiny"], 2, "no model of your own"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(mapsto: Command, arguments: list[str], code: int, says: str) -> None:
    done = mapsto(*arguments)
    assert (done.code, done.out if "--json" not in arguments else "") == (code, "")
    assert done.err.startswith("mapsto: ")
    assert done.err.count("\n") == 1
    assert says in done.err
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]


def test_a_slider_that_is_said_twice_is_turned_twice() -> None:
    assert sliders_of(["2=+1.5", "a=b=-1", "2=-0.5"]) == {"2": 1.0, "a=b": -1.0}
