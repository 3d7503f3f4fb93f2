"""The recipe on three pictures and a teacher drawn at random: seconds instead of minutes."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image
from skimage import data

from mapsto.image.features import PerceptualNetwork

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RECIPES))
    module = importlib.import_module("features")
    monkeypatch.setattr(module, "PROBES", 2)
    return module


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("astronaut", "coffee", "chelsea"):
        Image.fromarray(getattr(data, name)()).resize((160, 120)).save(folder / f"{name}.png")
    return folder


def begun(recipe: ModuleType, out: Path, pictures: Path) -> Any:
    """A run as the command begins it, from the files in `out` alone."""
    torch.manual_seed(1)
    teacher = PerceptualNetwork().eval().requires_grad_(False).to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    student = PerceptualNetwork().to(memory_format=torch.channels_last)
    return recipe.Run(out, teacher, student, recipe.load([pictures]), 0)


def test_stopped_and_gone_on_is_the_same_as_never_stopped(recipe: ModuleType, pictures: Path, tmp_path: Path) -> None:
    plan = recipe.Plan(2, 1, 1)
    whole, half = begun(recipe, tmp_path / "whole", pictures), begun(recipe, tmp_path / "half", pictures)
    for _ in range(4):
        whole.one_step(plan)
    for _ in range(2):
        half.one_step(plan)
    half.save()
    resumed = begun(recipe, tmp_path / "half", pictures)
    resumed.fit(plan, tmp_path / "log.jsonl")
    assert resumed.step == whole.step == 4
    for name, weight in whole.student.state_dict().items():
        assert torch.equal(weight, resumed.student.state_dict()[name]), name
    assert json.loads((tmp_path / "log.jsonl").read_text())["stage"] == "grams"


def test_the_teacher_is_at_no_distance_from_itself(recipe: ModuleType, pictures: Path) -> None:
    run = begun(recipe, pictures / "none", pictures)
    x = recipe.batch(run.train, 0, 0)
    target = run.teacher(x)
    for losses, _ in recipe.STAGES.values():
        assert all(float(loss) < 1e-9 for loss in losses(run.teacher, x, target, run.unit).values())
    scores = recipe.feature_scores(run.teacher, run.teacher, [x[:1]]) | recipe.loss_scores(
        run.teacher, run.teacher, list(x[:4, None])
    )
    assert all(value == 1 for value in (*scores["r2"].values(), scores["style_spearman"], scores["content_ratio"]))


def test_whitening_and_scaling_are_only_another_way_to_write_the_weights(recipe: ModuleType, pictures: Path) -> None:
    student = begun(recipe, pictures / "none", pictures).student
    x = torch.rand(1, 3, 64, 64)
    for ours, plain in zip(student(x).values(), recipe.plain(student)(x).values(), strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_wrongly_silent_unit_gets_its_gradient(recipe: ModuleType) -> None:
    linear = torch.tensor([-1.0, -1.0, 2.0, 2.0], requires_grad=True)
    loss = recipe.one_sided(linear, torch.tensor([0.0, 3.0, 0.0, 3.0]), torch.ones(4))
    loss.backward()
    assert float(loss.detach()) == pytest.approx((0 + 16 + 4 + 1) / 4)
    assert torch.equal(linear.grad, torch.tensor([0.0, -8.0, 4.0, -2.0]) / 4)
