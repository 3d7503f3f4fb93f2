from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mapsto.errors import UsageError
from mapsto.image.features import perceptual
from mapsto.image.image_model import ImageModel
from mapsto.learning.adapt import adapt
from mapsto.learning.arms import Arm
from mapsto.learning.comparison import averages_of
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan
from mapsto.learning.importance import importance
from mapsto.learning.restraint import begin, weights_of
from mapsto.learning.scenes import scenes
from mapsto.learning.subject import Fixed, Subject

LATENTS = {"channels": 4, "height": 4, "width": 4}
FLOW = {**LATENTS, "base": 32, "blocks": 1, "embedding": 64, "classes": 2}
GAN = {**LATENTS, "base": 16, "z_size": 8, "w_size": 8}
PLAN = Plan(2, 4, device="cpu", precision="fp32", threads=1, samples_every=2, samples=4)


@pytest.fixture(scope="module")
def model() -> Iterator[ImageModel]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = {"channels": 3, "factor": 4, "base": 8, "latent": 4, "decoder_blocks": 1}
        yield ImageModel(16, 16, vae=vae, flow=FLOW, gan=GAN, classes=("a", "b")).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def data() -> PictureData:
    x = scenes(12, 16, torch.Generator().manual_seed(0))
    pixels = (255 * x).byte().permute(0, 2, 3, 1).numpy()
    return PictureData(np.ascontiguousarray(pixels), tuple(map(str, range(12))), digest="scenes")


@pytest.mark.parametrize("kind", ["flow", "gan"])
def test_the_start_is_the_models_prior(model: ImageModel, kind: str) -> None:
    subject = Subject(model, kind)
    game = subject.make()
    new = begin(game, subject.start())
    assert all(name.startswith("critic.") for name in new)
    assert torch.equal(subject.draw(averages_of(game), 3, seed=5), subject.draw(averages_of(game), 3, seed=5))
    same = subject.with_prior(averages_of(game))
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in same.state_dict().items())
    assert subject.draw(averages_of(game), 3).shape == (3, 3, 16, 16)


def test_the_critics_weights_begin_the_critic(model: ImageModel) -> None:
    critic = {name.removeprefix("critic."): w + 1 for name, w in weights_of(Subject(model, "gan").make(), "critic").items()}
    subject = Subject(model, "gan", critic=critic)
    game = subject.make()
    assert [name for name in begin(game, subject.start()) if name.startswith("critic")] == []
    assert all(torch.equal(w, critic[name.removeprefix("critic.")]) for name, w in weights_of(game, "critic").items())


@pytest.mark.parametrize("kind", ["flow", "gan"])
def test_a_model_is_adapted_from_end_to_end(model: ImageModel, data: PictureData, kind: str, tmp_path: Path) -> None:
    subject = Subject(model, kind)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    judge = subject.judge(data.subset(range(8, 12)), perceptual(), count=8)  # type: ignore[arg-type]
    f = importance(Subject(model, kind).make(), subject.memories(3), count=3)
    arm = Arm("adapted", ewc=1.0, frozen=("critic:0.5",) if kind == "gan" else ("flow:0.5",))
    result = adapt(
        subject.make, subject.start(), subject.source(data.subset(range(8))), PLAN, tmp_path,
        judge=judge, arm=arm, importance=f, scratch=False,
    )  # fmt: skip
    mine = subject.with_prior(result.average)
    moved = {name.partition(".")[0] for name, value in mine.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {kind}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [row.name for row in result.rows] == ["start", "adapted"]


def test_the_better_prior_is_adapted_by_default(model: ImageModel) -> None:
    assert Subject(model).kind == "flow"
    for kind in ("gaussian", "diffusion"):
        with pytest.raises(UsageError, match=f"no {kind} to adapt"):
            Subject(model, kind)
    with pytest.raises(UsageError, match="no prior to adapt"):
        Subject(ImageModel(16, 16, vae={"factor": 4, "base": 8, "latent": 4}))


def test_only_a_gan_is_augmented(model: ImageModel) -> None:
    assert Subject(model, "gan").make(augment=True).augment.latents
    with pytest.raises(UsageError, match="no critic"):
        Subject(model, "flow").make(augment=True)


def test_a_gan_that_paints_pixels_learns_pictures(data: PictureData) -> None:
    model = ImageModel(16, 16, gan={"channels": 3, "height": 16, "width": 16, "base": 8, "pixels": True}).eval()
    subject = Subject(model)
    assert subject.source(data) is data
    game = subject.make(augment=True)
    assert (game.critic.pixels, game.augment.policy) == (True, ("colour", "translation", "cutout"))
    assert subject.draw(averages_of(game), 2).shape == (2, 3, 16, 16)


def test_fixed_points_are_told_apart() -> None:
    x = torch.randn(4, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    points = Fixed(x)
    assert torch.equal(points.batch(np.array([2, 0]), torch.Generator()).x, x[[2, 0]])
    assert (len(points), points.digest) == (4, Fixed(x.clone()).digest)
    assert points.digest != Fixed(x + 1).digest
