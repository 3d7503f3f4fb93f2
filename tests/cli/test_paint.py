from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import mapsto as package
from darkroom import Command, photo, pixels
from mapsto import weights
from mapsto.image.enlarge import drawn
from mapsto.media import picture
from mapsto.media.picture import Picture


def test_what_is_drawn_is_enlarged_and_painted(mapsto: Command) -> None:
    done = mapsto("paint", "--scene", "hills", "--style", "ink", "--seed", 3, "--size", 64)
    assert done.code == 0, done.err
    assert done.out.startswith("hills.3.ink.png  96×64  ")
    hills = package.Generator.from_pretrained("hills", device="cpu", precision="fp32")
    stylize = package.Stylizer.from_pretrained("tiny", device="cpu", precision="fp32")
    expected = stylize(drawn(hills(seed=3)[0], 64), "ink", seed=3)
    assert np.array_equal(pixels("hills.3.ink.png"), expected.numpy())


def test_several_come_with_a_sheet_and_each_says_how(mapsto: Command) -> None:
    photo("painting.png", seed=4)
    done = mapsto("paint", "--scene", "hills", "--style", "painting.png:1,ink:1", "-n", 2, "--size", 48, "-o", "out/", "--json")
    said = json.loads(done.out)
    assert [made["seed"] for made in said["outputs"]] == [0, 1, 0]
    assert len(list(Path("out").iterdir())) == 3
    found = picture.settings(said["outputs"][1]["path"]) or {}
    assert (found["command"], found["seed"], "source" in found) == ("paint", 1, False)
    assert found["scene"]["model"] == "hills"
    assert (found["scene"]["seed"], found["scene"]["size"]) == (1, "48")
    assert [part["weight"] for part in found["style"]] == [0.5, 0.5]
    assert found["weights"]["hills"] == weights.digest("hills")
    assert "hills" in mapsto("info", said["outputs"][1]["path"]).out


def test_transparency_survives_painting(mapsto: Command) -> None:
    assert mapsto("paint", "--scene", "sprites", "--style", "ink", "--size", 48, "--transparent", "-o", "p.png").code == 0
    painted = Picture.of("p.png")
    assert painted.alpha is not None
    assert painted.alpha.min() < 255
