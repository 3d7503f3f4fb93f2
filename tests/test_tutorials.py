"""The tutorials are true: what they tell to type runs, in order, on pictures that are drawn here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mapsto import weights
from mapsto.cli.app import run
from mapsto.learning import adaptation
from test_docs import ROOT, arguments, commands, fenced, help_of, text

ADAPT, CHINESE = "docs/tutorials/adapt.md", "docs/tutorials/adapt.zh-CN.md"
SHORTER = {"--steps": "2", "--minutes": "0.004", "--seconds": "0.3"}
"""What takes minutes for a person takes a moment here."""

VAE = {"base": 8, "factor": 4, "latent": 2, "decoder_blocks": 1}
FLOW = {"channels": 2, "height": 4, "width": 4, "base": 32, "blocks": 1, "embedding": 32}


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of fifty pictures and some more; a small model stands for the one that ships."""
    from mapsto.image.image_model import ImageModel

    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MAPSTO_PRECISION", "fp32")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(adaptation, "SAMPLES", 8)
    torch.manual_seed(0)
    small = ImageModel(16, 16, vae=VAE, flow=FLOW, axes=4)
    small.measure(torch.randn(50, *small.centre.shape))
    weights.save(small, tmp_path / "toy.safetensors", {"recipe": "random", "data": "none", "licence": "none", "scores": {}})
    embedded = weights.catalogue
    monkeypatch.setattr(weights, "catalogue", lambda: {**embedded(), "portrait": tmp_path / "toy.safetensors"})
    names = [f"my_paintings/{number:02}.png" for number in range(1, 51)] + [f"held_out/{number}.png" for number in range(9)]
    for number, name in enumerate([*names, "painting.jpg", "photo.jpg"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(values).resize((48, 40), Image.Resampling.BICUBIC).save(path)
    return tmp_path


def shortened(words: list[str]) -> list[str]:
    found = [SHORTER.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    lasting = words[0] == "adapt" and "style-s" not in words
    return [*found, *([] if "--steps" in found or not lasting else ["--steps", "2"]), *(["--batch", "8"] if lasting else [])]


def test_the_tutorial_on_adapting_runs_as_typed(studio: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in commands(ADAPT) if line.startswith("mapsto ")]
    assert len(lines) >= 10
    for line in lines:
        assert run(shortened(arguments(line))) == 0, (line, capfd.readouterr().err)
    said = capfd.readouterr()
    assert "Judged by 8 pictures that nothing was learned from or chosen by." in said.out
    assert "style loss" in said.out
    for made in ("rebuilt.png", "new/mine.7.png", "walk.gif", "photo.my-hand.png"):
        assert (studio / made).is_file(), made


def test_the_snippets_of_the_tutorial_run(studio: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (block,) = fenced(ADAPT, "python")
    exec(compile(block.replace("steps=400", "steps=2, batch=8"), ADAPT, "exec"), {})
    assert capfd.readouterr().out.startswith("Adapted is ")
    assert (studio / "new.png").is_file()
    assert weights.card(studio / "mine.safetensors")["recipe"].startswith("mapsto adapt portrait: ")


def test_every_option_of_the_tutorial_exists(capfd: pytest.CaptureFixture[str]) -> None:
    for words in map(arguments, commands(ADAPT)):
        known = help_of(words[0], capfd)
        assert all(word in known for word in words if word.startswith("--")), words


@pytest.mark.parametrize("page", [ADAPT, CHINESE])
def test_links_of_the_tutorial_lead_somewhere(page: str) -> None:
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text(page)) if not target.startswith("http")]
    assert targets
    assert not [target for target in targets if not ((ROOT / page).parent / target).exists()]
