"""A small home with small random weights: what the commands do does not depend on how well they paint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from darkroom import Command, Done, photo

NAMES = ("starry-night", "great-wave", "ink", "mosaic")
CARD: dict[str, Any] = {"recipe": "random", "data": "none", "licence": "none", "scores": {}}


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
