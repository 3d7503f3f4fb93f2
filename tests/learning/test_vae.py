from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from mapsto.image.features import PerceptualNetwork
from mapsto.image.vae import VAE, divergence, sampled
from mapsto.learning.games import Batch, Moment
from mapsto.learning.rebuilding import feature_distance
from mapsto.learning.vae import VaeGame


def a_game(**more: object) -> VaeGame:
    torch.manual_seed(0)
    return VaeGame(VAE(base=8, factor=4, decoder_blocks=1), **more)  # type: ignore[arg-type]


def at(part: float = 0.5, seed: int = 0) -> Moment:
    return Moment(step=1, part=part, images=0, generator=torch.Generator().manual_seed(seed))


X = F.interpolate(torch.rand(4, 3, 3, 3, generator=torch.Generator().manual_seed(1)), (16, 16), mode="bilinear")


def test_the_terms_are_the_bound_divided_by_the_pixel_values() -> None:
    game = a_game(beta=3.0)
    terms = game.terms("vae", Batch(X), at())
    mean, log_variance = game.vae.encode(X)
    rebuilt = game.vae.decode(sampled(mean, log_variance, torch.Generator().manual_seed(0)))
    nats = divergence(mean, log_variance).sum((1, 2, 3)).mean()
    assert terms.keys() == {"pixels", "rate"}
    assert torch.allclose(terms["pixels"], (rebuilt - X).abs().mean() / 0.1)
    assert torch.allclose(terms["rate"], 3.0 * nats / X[0].numel())
    assert game.noted()["nats"] == pytest.approx(float(nats.detach()))


def test_beta_grows_from_a_hundredth() -> None:
    rates = [a_game(warmup=0.4).terms("vae", Batch(X), at(part))["rate"].item() for part in (0.0, 0.2, 0.4, 0.9)]
    assert rates[0] == pytest.approx(rates[3] / 100)
    assert rates[1] == pytest.approx(rates[3] * 0.51)
    assert rates[2] == rates[3]


def test_free_nats_are_not_charged() -> None:
    game = a_game(free_nats=1e5)
    rate = game.terms("vae", Batch(X), at())["rate"]
    assert rate.item() == pytest.approx(8 * 1e5 / X[0].numel())
    assert not rate.requires_grad or not any(
        g is not None and g.abs().sum() for g in torch.autograd.grad(rate, list(game.vae.parameters()), allow_unused=True)
    )


@pytest.mark.parametrize(("nats", "direction"), [(1e-2, 1), (1e6, -1)])
def test_beta_follows_the_rate(nats: float, direction: int) -> None:
    game = a_game(nats=nats, warmup=0.1)
    game.terms("vae", Batch(X), at(0.05))
    assert game.beta == 1.0  # not while it warms up
    game.terms("vae", Batch(X), at())
    assert math.copysign(1, math.log(game.beta)) == direction


def test_the_scale_settles_at_the_mean_error() -> None:
    game = a_game()
    for _ in range(200):
        game._follow(0.037, 5.0, at())
    assert math.exp(game.log_scale) == pytest.approx(0.037, rel=1e-3)


def test_features_of_the_same_picture_are_no_distance() -> None:
    torch.manual_seed(2)
    game = a_game(features=PerceptualNetwork())
    x = torch.rand(2, 3, 32, 32)
    assert game.features is not None
    assert not feature_distance(game.features, x, x).any()
    assert (feature_distance(game.features, 1 - x, x) > 0.01).all()
    assert not any(p.requires_grad for p in game.features.parameters())


def test_resuming_takes_back_what_followed() -> None:
    game, other = a_game(nats=5.0), a_game(nats=5.0)
    for _ in range(3):
        game.terms("vae", Batch(X), at())
    other.load_extra_state(game.extra_state())
    assert (other.beta, other.log_scale) == (game.beta, game.log_scale)


def test_samples_are_pictures_above_what_came_back() -> None:
    game = a_game(shown=X)
    shown = game.samples({"vae": game.vae}, 6)
    assert torch.equal(shown[0::2], X[:3])
    assert torch.allclose(shown[1::2], game.vae.decode(game.vae.encode(X[:3])[0]).clamp(0, 1), atol=1e-6)


def test_a_probe_is_the_psnr_of_the_mean_and_learns_nothing() -> None:
    game = a_game()
    before = {name: value.clone() for name, value in game.state_dict().items()}
    with torch.no_grad():
        square = (game.vae.decode(game.vae.encode(X)[0]).clamp(0, 1) - X).square().mean()
    assert game.probe(Batch(X)) == {"psnr_db": pytest.approx(-10 * math.log10(float(square)), abs=1e-4)}
    assert all(torch.equal(value, before[name]) for name, value in game.state_dict().items())


def test_a_few_steps_bring_the_picture_nearer() -> None:
    game = a_game(beta=0.01)
    optimiser = torch.optim.Adam(game.vae.parameters(), 3e-3)
    seen = []
    for step in range(60):
        total = torch.stack(list(game.terms("vae", Batch(X), at(seed=step)).values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        seen.append(game.noted()["psnr"])
    assert seen[-1] > seen[0] + 3
