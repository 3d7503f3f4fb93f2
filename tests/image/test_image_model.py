from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mapsto import weights
from mapsto.errors import UsageError
from mapsto.image.image_model import ImageModel

VAE = {"base": 8, "factor": 4, "latent": 2, "decoder_blocks": 1}
FLOW = {"channels": 2, "height": 4, "width": 6, "base": 32, "blocks": 1, "embedding": 32}


def model(**more: object) -> ImageModel:
    torch.manual_seed(0)
    return ImageModel(16, 24, vae=VAE, axes=8, **more).eval()  # type: ignore[arg-type]


def latents(count: int = 400) -> torch.Tensor:
    """Latents that vary along three directions, around a mean that is not 0, and a little everywhere."""
    generator = torch.Generator().manual_seed(1)
    ways = torch.randn(3, 2, 4, 6, generator=generator)
    amounts = torch.randn(count, 3, generator=generator) * torch.tensor([3.0, 2.0, 1.0])
    return 0.5 + torch.einsum("nk,kchw->nchw", amounts, ways) + 0.1 * torch.randn(count, 2, 4, 6, generator=generator)


def test_normalised_latents_have_mean_0_and_variance_1() -> None:
    made, means = model(), latents()
    made.measure(means)
    normal = (means - made.shift) / made.scale
    assert torch.allclose(normal.mean((0, 2, 3)), torch.zeros(2), atol=1e-5)
    assert normal.square().mean().item() == pytest.approx(1, abs=1e-4)


def test_a_gaussian_can_be_measured_anew_where_a_prior_knows_the_normalisation() -> None:
    made, means = model(), latents()
    made.measure(means)
    shift, scale = made.shift.clone(), made.scale.clone()
    made.measure(2 * means + 1, normalise=False)
    assert torch.equal(made.shift, shift)
    assert torch.equal(made.scale, scale)
    normal = (2 * means + 1 - shift) / scale
    assert torch.allclose(made.centre, normal.mean(0), atol=1e-5)
    assert made.spread[0].item() == pytest.approx(
        float(torch.linalg.svdvals((normal - normal.mean(0)).flatten(1))[0]) / 399**0.5
    )


def test_what_the_encoder_is_unsure_of_counts_towards_the_scale() -> None:
    sure, unsure, means = model(), model(), latents()
    sure.measure(means)
    unsure.measure(means, torch.full_like(means, 0.0))
    assert unsure.scale.item() ** 2 == pytest.approx(sure.scale.item() ** 2 + 1, rel=1e-4)


def test_the_axes_are_those_of_the_covariance() -> None:
    made, means = model(), latents()
    made.measure(means)
    normal = ((means - made.shift) / made.scale).flatten(1)
    values = torch.linalg.eigvalsh(torch.cov(normal.T)).flip(0)[:8]
    assert torch.allclose(made.spread.square(), values, rtol=1e-3)
    axes = made.axes.flatten(1)
    assert torch.allclose(axes @ axes.T, torch.eye(8), atol=1e-4)
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_the_gaussian_has_the_moments_of_the_latents() -> None:
    made, means = model(), latents(4000)
    made.measure(means)
    drawn = made.gaussian(torch.randn(40_000, 2, 4, 6, generator=torch.Generator().manual_seed(2))).flatten(1)
    normal = ((means - made.shift) / made.scale).flatten(1)
    assert torch.allclose(drawn.mean(0), normal.mean(0), atol=0.03)
    assert (torch.cov(drawn.T) - torch.cov(normal.T)).abs().max() < 0.06


def test_there_and_back_is_through_the_vae() -> None:
    made, x = model(), torch.rand(2, 3, 16, 24)
    made.measure(latents())
    mean, _ = made.vae.encode(x)
    assert torch.allclose(made(made.encode(x)), made.vae.decode(mean), atol=1e-5)


def test_priors_by_preference() -> None:
    assert model().priors == ("gaussian",)
    assert model(flow=FLOW).priors == ("flow", "gaussian")
    with pytest.raises(UsageError, match="no prior called gan"):
        model(flow=FLOW).sample(torch.zeros(1, 2, 4, 6), prior="gan")


def test_a_model_without_anything_to_paint_with_is_refused() -> None:
    with pytest.raises(UsageError, match="VAE or a GAN"):
        ImageModel(16, 16)


def test_it_goes_through_a_file(tmp_path) -> None:  # noqa: ANN001
    made = model(flow=FLOW, classes=("a", "b"))
    made.measure(latents())
    weights.save(made, tmp_path / "m.safetensors", {"recipe": "r", "data": "d", "licence": "l"})
    again = weights.load(tmp_path / "m.safetensors")
    assert isinstance(again, ImageModel)
    assert again.classes == ("a", "b")
    noise = torch.randn(2, 2, 4, 6)
    assert torch.allclose(again.sample(noise, prior="flow", steps=3), made.sample(noise, prior="flow", steps=3), atol=1e-2)
    assert torch.allclose(again(noise), made(noise), atol=2e-2)


def test_a_model_of_a_thousand_classes_goes_through_a_file(tmp_path: Path) -> None:
    classes = tuple(f"kind {number}" for number in range(1000))
    made = model(flow={**FLOW, "classes": 1000}, classes=classes)
    weights.save(made, tmp_path / "m.safetensors", {"recipe": "r", "data": "d", "licence": "l"})
    found = weights.load(tmp_path / "m.safetensors", expect="ImageModel")
    assert isinstance(found, ImageModel)
    assert found.classes == classes
