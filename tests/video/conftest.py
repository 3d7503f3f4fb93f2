"""A tiny style network of random weights, alone and in a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mapsto import weights
from mapsto.image.encoder import StyleEncoder
from mapsto.image.features import PerceptualNetwork
from mapsto.image.stylize import StyleNetwork
from mapsto.image.stylizer import Stylizer

CARD = {"recipe": "random", "data": "none", "licence": "none", "scores": {}, "presets": {"ink": {}, "mosaic": {}}}


@pytest.fixture(scope="session")
def network() -> StyleNetwork:
    torch.manual_seed(1)
    network = StyleNetwork(names=("ink", "mosaic"), width=8, deep=8, deep_blocks=1, fine_blocks=1)
    network.presets.normal_()
    network.presets[:, 0] = 1
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def stylizer(network: StyleNetwork) -> Stylizer:
    features = PerceptualNetwork().eval().requires_grad_(False)
    return Stylizer(network, StyleEncoder(components=8, hidden=8).eval().requires_grad_(False), features)


@pytest.fixture
def home(network: StyleNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A MAPSTO_HOME where the network is called tiny; workers find it there."""
    weights.save(network, tmp_path / "home/data/weights/tiny.safetensors", CARD)
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    return tmp_path
