import math

import pytest
import torch
from torch import Tensor

from mapsto.image.features import PerceptualNetwork
from mapsto.image.gan import Critic
from mapsto.image.vae import VAE
from mapsto.learning.decoder import DECODER, DecoderGame
from mapsto.learning.games import Batch, Moment

SIDE, PATCH = 32, 16


def moment(step: int = 0) -> Moment:
    return Moment(step=step, part=0.0, images=0, generator=torch.Generator().manual_seed(step))


def game(**options: object) -> DecoderGame:
    torch.manual_seed(0)
    vae = VAE(3, factor=4, latent=2, base=16, decoder_blocks=1)
    critic = Critic(3, PATCH, PATCH, base=8, blocks=1, pixels=True)
    return DecoderGame(vae, critic, torch.randn(5, 2, 8, 8), PerceptualNetwork(), **options)  # type: ignore[arg-type]


def pictures(count: int = 3) -> Batch:
    return Batch(torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(9)))


def backward(terms: dict[str, Tensor]) -> None:
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]


def test_the_encoder_learns_nothing() -> None:
    played = game()
    backward(played.terms(DECODER, pictures(), moment()))
    assert all(p.grad is None for p in played.vae.encoder.parameters())
    assert all(p.grad is not None for p in played.vae.decoder.parameters())
    assert not any(p.requires_grad for p in played.features.parameters())


def test_the_critic_learns_alone() -> None:
    played = game()
    backward(played.terms("critic", pictures(), moment()))
    assert all(p.grad is None for p in played.vae.parameters())
    assert any(p.grad is not None and p.grad.any() for p in played.critic.parameters())


def test_penalties_come_when_they_are_due() -> None:
    played = game(every=2)
    assert [len(played.terms("critic", pictures(), moment(step))) for step in range(4)] == [3, 1, 3, 1]


def test_a_critic_that_cannot_tell_weighs_log_2() -> None:
    played = game(weight=0.5)
    for p in played.critic.parameters():
        torch.nn.init.zeros_(p)
    assert float(played.terms(DECODER, pictures(), moment())["patches"].detach()) == pytest.approx(0.5 * math.log(2))
    assert float(played.terms("critic", pictures(), moment(1))["critic"].detach()) == pytest.approx(math.log(2))


def test_pixels_are_weighed_by_the_scale() -> None:
    one, ten = (float(game(scale=s).terms(DECODER, pictures(), moment())["pixels"].detach()) for s in (1.0, 0.1))
    assert ten == pytest.approx(10 * one)


def test_patches_lie_inside_and_differ() -> None:
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    x = torch.stack([rows, columns, rows]).float().expand(64, -1, -1, -1)
    found = game()._patches(x, torch.Generator().manual_seed(0))
    assert found.shape == (64, 3, PATCH, PATCH)
    corners = found[:, :2, 0, 0]
    assert torch.equal(found[:, :2, -1, -1], corners + PATCH - 1)
    assert corners.min() == 0
    assert corners.max() == SIDE - PATCH
    assert len(corners.unique(dim=0)) > 32


def test_samples_are_decoded_by_the_average() -> None:
    played = game()
    average = game().vae.decoder
    torch.nn.init.zeros_(average.parts[-1].weight)
    torch.nn.init.constant_(average.parts[-1].bias, 0.25)
    found = played.samples({DECODER: average}, 4)
    assert found.shape == (4, 3, SIDE, SIDE)
    assert torch.allclose(found, torch.full_like(found, 0.75))
    assert played.vae.decoder is not average
