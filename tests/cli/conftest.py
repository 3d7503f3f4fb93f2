"""A small home with small random weights: what the commands do does not depend on how well they paint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from darkroom import Command, Done, photo

NAMES = ("starry-night", "great-wave", "ink", "mosaic")
CARD: dict[str, Any] = {"recipe": "random", "data": "none", "licence": "none", "scores": {}}


def toy_models() -> dict[str, Any]:
    """Models of pictures of all kinds: everything over latents, transparency, pixels alone."""
    import torch

    from mapsto.image.image_model import ImageModel

    vae = {"base": 8, "factor": 4, "latent": 2, "decoder_blocks": 1}
    flow = {"channels": 2, "height": 4, "width": 6, "base": 32, "blocks": 1, "embedding": 32, "classes": 2}
    gan = {"channels": 2, "height": 4, "width": 6, "z_size": 8, "w_size": 8, "base": 8, "blocks": 3}
    found = {
        "hills": ImageModel(16, 24, vae=vae, flow=flow, gan=gan, classes=("hill", "sea"), axes=6),
        "sprites": ImageModel(16, 16, channels=4, vae={**vae, "channels": 4}, axes=4),
        "dots": ImageModel(16, 16, gan={**gan, "channels": 3, "height": 16, "width": 16, "pixels": True}),
    }
    for model in found.values():
        for network in (model.flow, model.gan):  # a fresh one changes nothing
            for weight in network.parameters() if network is not None else ():
                torch.nn.init.normal_(weight, std=0.1)
        if model.vae is not None:
            model.measure(torch.randn(50, *model.centre.shape))
    return found


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MAPSTO_HOME with a style network whose styles differ."""
    import torch

    from mapsto import weights
    from mapsto.image.encoder import StyleEncoder
    from mapsto.image.features import PerceptualNetwork
    from mapsto.image.stylize import StyleNetwork

    home = tmp_path_factory.mktemp("home")
    torch.manual_seed(1)
    network = StyleNetwork(names=NAMES, width=8, deep=8, deep_blocks=1, fine_blocks=1)
    network.presets.normal_()
    network.presets[:, 0] = 1
    told = {name: {"hand": f"hand of {name}", "artist": "Nobody", "title": name.title(), "year": "2026"} for name in NAMES}
    weights.save(network, home / "data/weights/tiny.safetensors", {**CARD, "presets": told})
    for name, model in toy_models().items():
        weights.save(
            model, home / f"data/weights/{name}.safetensors", {**CARD, "draws": f"toy {name}", "sliders": {"1": "light"}}
        )
    for name, kind in {"style-encoder-s": StyleEncoder, "features-s": PerceptualNetwork}.items():
        if name not in weights.catalogue():
            weights.save(kind(), home / f"data/weights/{name}.safetensors", CARD)
    return home


@pytest.fixture
def place(small_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a photo; learning and forgetting change this test's home only."""
    for variable in [name for name in os.environ if name.startswith("MAPSTO_")]:
        monkeypatch.delenv(variable)
    home = tmp_path / "home"
    (home / "data" / "weights").mkdir(parents=True)
    for file in (small_home / "data/weights").iterdir():
        os.link(file, home / "data/weights" / file.name)
    monkeypatch.setenv("MAPSTO_HOME", str(home))
    monkeypatch.setenv("MAPSTO_WEIGHTS", "tiny")
    monkeypatch.setenv("MAPSTO_PRECISION", "fp32")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    photo("photo.jpg")
    return work


@pytest.fixture
def mapsto(place: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process."""
    from mapsto.cli.app import run

    def command(*arguments: object) -> Done:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return command
