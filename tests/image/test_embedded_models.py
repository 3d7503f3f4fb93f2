"""The models that ship: small enough, with their story, drawing what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mapsto import weights
from mapsto.image import models
from mapsto.image.generator import Generator
from mapsto.learning.measure import psnr

FOLDER = Path(weights.__file__).parent / "embedded"
NAMES = [path.stem for path in sorted(FOLDER.glob("*.safetensors")) if weights.card(path)["architecture"] == models.KIND]


@pytest.fixture(scope="module", params=NAMES)
def drawer(request: pytest.FixtureRequest) -> Generator:
    return Generator.from_pretrained(FOLDER / f"{request.param}.safetensors", device="cpu", precision="fp32")


def test_there_are_some_and_together_they_are_small() -> None:
    assert {"pixel-art", "portrait"} <= set(NAMES)
    assert sum((FOLDER / f"{name}.safetensors").stat().st_size for name in NAMES) <= 12e6
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) <= 33e6


def test_cards_tell_what_they_draw_and_how_well(drawer: Generator) -> None:
    scores = drawer.card["scores"]
    assert drawer.card["draws"]
    assert drawer.card["images_seen"].keys() >= {"vae", "flow"}
    assert scores["samples"]["fd"] < 0.5 * scores["Gaussian"]["fd"]
    assert scores["nearest_ratio"] > 0.9
    assert all(name.isdecimal() for name in drawer.card["sliders"])


def test_a_seed_is_a_picture_whatever_else_is_drawn_with_it(drawer: Generator) -> None:
    together = drawer(3, seed=5)
    alone = drawer(1, seed=6)[0]
    assert together[1].size == alone.size == (drawer.model.width, drawer.model.height)
    assert np.abs(together[1].numpy().astype(int) - alone.numpy()).max() <= 1
    spread = [np.abs(a.numpy().astype(int) - b.numpy()).mean() for a in together for b in together if a is not b]
    assert min(spread) > 8  # of 255: no two are alike


def test_what_it_draws_it_can_also_read(drawer: Generator) -> None:
    drawn = drawer(4, seed=0)
    likeness = [psnr(drawer.reconstruct(picture).on_white().tensor(), picture.on_white().tensor()) for picture in drawn]
    assert min(likeness) > 18


def test_truncation_brings_pictures_nearer_to_each_other(drawer: Generator) -> None:
    def spread(truncation: float) -> float:
        z = drawer.latents(range(4), truncation=truncation)
        return float((z - z.mean(0)).norm())

    assert spread(0.3) < spread(0.7) < spread(1.0)


def test_every_class_can_be_asked_for_and_changes_the_picture(drawer: Generator) -> None:
    free = drawer.latents([0])
    asked = [drawer.latents([0], label=label) for label in drawer.model.classes]
    assert len(asked) >= 7
    assert all(float((one - free).norm()) > 0.1 for one in asked)
