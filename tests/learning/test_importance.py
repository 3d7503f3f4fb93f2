from __future__ import annotations

import pytest
import torch

from mapsto.learning.importance import importance
from mapsto.learning.leash import Leash
from mapsto.learning.restraint import Frozen, state_of, weights_of
from toy_games import DotGame, PairGame, Points


def test_the_fisher_information_of_a_mean_is_the_spread_of_the_data() -> None:
    """∂/∂w (x − w)² = −2 (x − w), so that F = 4 E (x − w)², coordinate by coordinate; then their mean is made 1."""
    points = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 3.0], [-1.0, -3.0]])
    game = DotGame()
    game.load_state_dict({"dot.x": torch.zeros(1), "dot.y": torch.zeros(1)})
    found = importance(game, Points(points), count=8)
    spread = points.square().mean(0)
    assert found["dot.x"].item() == pytest.approx(float(spread[0] / spread.mean()))
    assert found["dot.y"].item() == pytest.approx(float(spread[1] / spread.mean()))


def test_single_pictures_count_not_their_mean() -> None:
    """At the mean of the data the gradient of the whole is 0, and every weight matters still."""
    game = DotGame()
    game.load_state_dict({"dot.x": torch.zeros(1), "dot.y": torch.zeros(1)})
    found = importance(game, Points(torch.tensor([[1.0, 1.0], [-1.0, -1.0]])), count=2)
    assert all(value.item() == pytest.approx(1) for value in found.values())


def test_every_player_has_a_mean_of_one_and_the_game_stays_as_it_is() -> None:
    game = Frozen(PairGame(), ["critic:0.5"])
    before = state_of(game)
    found = importance(game, Points(torch.randn(6, 2, generator=torch.Generator().manual_seed(0))), count=6)
    assert found.keys() == weights_of(game).keys()
    for player in game.players:
        own = torch.cat([found[name].flatten() for name in weights_of(game, player)])
        assert float(own.mean()) == pytest.approx(1, rel=1e-5)
        assert float(own.min()) >= 0
    assert all(torch.equal(value, before[name]) for name, value in state_of(game).items())
    assert [name for name, weight in weights_of(game).items() if not weight.requires_grad] == game.names
    assert all(weight.grad is None for weight in weights_of(game).values())


def test_it_follows_its_seed() -> None:
    game, points = PairGame(), Points(torch.randn(6, 2, generator=torch.Generator().manual_seed(0)))
    one, same, other = (importance(game, points, count=4, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert any(not torch.equal(value, other[name]) for name, value in one.items())


def test_what_matters_is_held_tighter() -> None:
    start = {"w": torch.tensor([1.0, 1.0])}
    weight = torch.nn.Parameter(torch.tensor([2.0, 2.0]))
    Leash(start, unit="network", importance={"w": torch.tensor([1.9, 0.1])})([("w", weight)]).backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, torch.tensor([1.9, 0.1]))
