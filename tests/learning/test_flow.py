import math

import pytest
import torch
from torch import Tensor

from mapsto.image.flow import FlowNetwork, integrate
from mapsto.learning.flow import FlowGame, forgotten, times
from mapsto.learning.games import Batch, Moment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moment(seed: int = 0) -> Moment:
    return Moment(step=0, part=0.0, images=0, generator=generator(seed))


def tiny(**arguments: int) -> FlowNetwork:
    torch.manual_seed(0)
    return FlowNetwork(2, 4, 4, base=32, blocks=1, embedding=32, **arguments)


def test_an_untrained_flow_is_off_by_what_noise_and_white_data_leave_open() -> None:
    """The variance of data − noise given x(t) is 1 / (t² + (1 − t)²) for white data; its mean over the times is the loss."""
    x = torch.randn(512, 2, 4, 4, generator=generator(1))
    (term,) = FlowGame(tiny()).terms("flow", Batch(x), moment()).values()
    t = times(512, generator(2))
    assert float(term.detach()) == pytest.approx(float((1 / (t.square() + (1 - t).square())).mean()), rel=0.02)


def test_times_are_logit_normal() -> None:
    t = times(10_000, generator(), centre=0.5, width=0.7)
    logits = torch.logit(t.double())
    assert float(logits.mean()) == pytest.approx(0.5, abs=1e-3)
    assert float(logits.std()) == pytest.approx(0.7, abs=1e-3)


def test_times_come_one_from_each_stratum() -> None:
    t = times(16, generator()).double()
    rank = torch.special.ndtr(torch.logit(t)) * 16
    assert rank.floor().int().tolist() == list(range(16))


def test_labels_are_forgotten_as_often_as_said() -> None:
    labels = torch.zeros(10_000, dtype=torch.int64)
    lost = forgotten(labels, 3, 0.1, generator())
    assert lost is not None
    assert set(lost.tolist()) == {0, 3}
    assert float((lost == 3).float().mean()) == pytest.approx(0.1, abs=0.01)
    assert forgotten(labels, 0, 0.1, generator()) is None
    assert forgotten(None, 3, 0.1, generator()) is None


def test_the_same_generator_gives_the_same_loss() -> None:
    game, batch = FlowGame(tiny(classes=2)), Batch(torch.randn(4, 2, 4, 4), torch.tensor([0, 1, 0, 1]))
    one, same, other = (game.terms("flow", batch, moment(seed))["velocity"] for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_probe_can_be_compared_with_the_last() -> None:
    game, batch = FlowGame(tiny()), Batch(torch.randn(4, 2, 4, 4))
    assert game.probe(batch) == game.probe(batch)


def test_samples_are_the_same_every_time_and_decoded() -> None:
    game = FlowGame(tiny(classes=2), lambda z: 0.5 + z.mean(1, keepdim=True).expand(-1, 3, -1, -1))
    first, second = (game.samples({"flow": game.flow}, 4) for _ in range(2))
    assert first.shape == (4, 3, 4, 4)
    assert torch.equal(first, second)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_a_decoder_is_no_part_of_the_game() -> None:
    game = FlowGame(tiny(), torch.nn.Conv2d(2, 3, 1))
    assert all(name.startswith("flow.") for name in game.state_dict())


def two_stripes(count: int, seed: int) -> Tensor:
    """Half the pictures are a ramp, half its negative: as far from Gaussian as can be, with the same covariance."""
    ramp = torch.linspace(-1.5, 1.5, 4).expand(2, 4, 4)
    sign = 2.0 * torch.randint(0, 2, (count,), generator=generator(seed)) - 1
    return sign.view(-1, 1, 1, 1) * ramp


def test_a_flow_learns_two_modes() -> None:
    network = tiny()
    game = FlowGame(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, betas=game.betas)
    steps = 110
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad()
        game.terms("flow", Batch(two_stripes(32, step)), moment(step))["velocity"].backward()
        optimiser.step()
    found = integrate(network, torch.randn(200, 2, 4, 4, generator=generator(99)), steps=8)
    ramp = two_stripes(1, 0)[0]
    along = (found * ramp).sum((1, 2, 3)) / ramp.square().sum()
    rest = found - along.view(-1, 1, 1, 1) * ramp
    assert float(rest.square().mean().sqrt()) < 0.4
    near = (along.abs() - 1).abs() < 0.35
    assert float(near.float().mean()) > 0.8  # a Gaussian of the same covariance has 0.34 there
    assert 0.3 < float((along > 0).float().mean()) < 0.7
