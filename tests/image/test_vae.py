from __future__ import annotations

import math

import pytest
import torch

from mapsto.errors import UsageError
from mapsto.image.vae import LOG_VARIANCE, VAE, divergence, premultiplied, sampled, straight, widths


def small(**more: object) -> VAE:
    torch.manual_seed(0)
    return VAE(**{"base": 8, "decoder_blocks": 1, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("factor", "size"), [(2, (6, 10)), (4, (12, 20)), (8, (24, 16)), (16, (16, 48))])
def test_any_size_that_the_factor_divides_goes_there_and_back(factor: int, size: tuple[int, int]) -> None:
    vae = small(factor=factor, channels=4, latent=5)
    mean, log_variance = vae.encode(torch.rand(2, 4, *size))
    assert mean.shape == log_variance.shape == (2, 5, size[0] // factor, size[1] // factor)
    assert vae.latent_size(*size) == mean.shape[1:]
    assert vae.decode(mean).shape == (2, 4, *size)


def test_a_vector_is_one_point_for_the_whole_picture() -> None:
    vae = small(vector=12, height=24, width=16)
    mean, _ = vae.encode(torch.rand(3, 3, 24, 16))
    assert mean.shape == (3, 12, 1, 1)
    assert vae.latent_size(24, 16) == (12, 1, 1)
    assert vae(mean).shape == (3, 3, 24, 16)


def test_convolutions_do_not_know_where_they_are() -> None:
    """Moved by a multiple of the factor, a picture's latents move along, away from the border."""
    vae = small(factor=4).double()
    x = torch.rand(1, 3, 16, 96, dtype=torch.float64)
    here, there = vae.encode(x[..., :-8])[0], vae.encode(x[..., 8:])[0]
    assert torch.allclose(here[..., 8:-6], there[..., 6:-8], atol=1e-9)


@pytest.mark.parametrize("size", [(65, 64), (64, 60)])
def test_sizes_that_do_not_divide_are_refused_in_words(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=f"multiples of 8 pixels, and not {size[1]}×{size[0]}"):
        small().encode(torch.rand(1, 3, *size))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"factor": 3}, "not by 3"), ({"vector": 8}, "needs a height"), ({"vector": 8, "height": 9, "width": 8}, "9")],
)
def test_constructions_that_cannot_be(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        VAE(**arguments)  # type: ignore[arg-type]


def test_kl_is_that_of_two_gaussians() -> None:
    mean, log_variance = torch.tensor([0.0, 1.5, -0.3]), torch.tensor([0.0, -1.2, 0.4])
    p = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    q = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    assert torch.allclose(divergence(mean, log_variance), torch.distributions.kl_divergence(p, q))
    assert divergence(torch.zeros(1), torch.zeros(1)).item() == 0


def test_draws_have_the_mean_and_the_variance_asked_for() -> None:
    mean, log_variance = torch.full((200_000,), 0.7), torch.full((200_000,), math.log(0.09))
    drawn = sampled(mean, log_variance, torch.Generator().manual_seed(3))
    assert drawn.mean().item() == pytest.approx(0.7, abs=0.005)
    assert drawn.std().item() == pytest.approx(0.3, abs=0.005)
    assert torch.equal(drawn, sampled(mean, log_variance, torch.Generator().manual_seed(3)))


def test_the_variance_stays_where_exp_means_something() -> None:
    vae = small()
    with torch.no_grad():
        vae.encoder.parts[-1].bias.fill_(1e4)
    assert vae.encode(torch.rand(1, 3, 16, 16))[1].max().item() == LOG_VARIANCE[1]


def test_widths_double_then_triple() -> None:
    assert widths(16, 16) == [16, 32, 48, 48]
    assert widths(16, 4) == [16, 32]


def test_alpha_goes_in_and_comes_out_again() -> None:
    x = torch.rand(2, 4, 5, 6).clamp(0.05)
    assert torch.allclose(straight(premultiplied(x)), x, atol=1e-5)
    assert torch.equal(premultiplied(x)[:, :3], x[:, :3] * x[:, 3:])
    assert torch.equal(premultiplied(x[:, :3]), x[:, :3])
    assert straight(torch.zeros(1, 4, 1, 1)).eq(0).all()
