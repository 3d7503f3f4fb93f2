from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mapsto.sound.drummer import (
    BAR,
    BOUNDS,
    DENSITIES,
    LOUD,
    REACH,
    D,
    DrumNetwork,
    L,
    Told,
    density_of,
    lags,
    levels_of,
    seen_at,
)

STYLES = ("rock", "jazz")


def network(seed: int = 0) -> DrumNetwork:
    torch.manual_seed(seed)
    found = DrumNetwork(STYLES, width=24)
    for weight in found.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return found.eval()


def told(steps: torch.Tensor, style: int = 0) -> Told:
    count = len(steps)
    rows = F.one_hot(torch.full((count,), style), len(STYLES) + 1).float()
    return Told(steps, steps, rows, torch.full((count,), 110.0), *(torch.zeros(count, dtype=torch.int64) for _ in range(3)))


def test_levels_are_told_apart_at_their_bounds_and_lie_in_their_middles() -> None:
    assert levels_of(np.array([0, 1, 44, 45, 74, 75, 104, 105, 127])).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert levels_of(np.array(LOUD)).tolist() == list(range(L))
    assert len(BOUNDS) == L - 1


def test_density_has_a_class_below_between_and_above() -> None:
    assert [density_of(strokes) for strokes in (0, 9.5, 13, 17, 40)] == list(range(len(DENSITIES) + 1))


@torch.no_grad()
def test_a_drum_knows_those_before_it_and_none_after() -> None:
    net, h = network(), torch.randn(1, 24)
    base = F.one_hot(torch.randint(L, (1, D)), L).float()
    before = net.logits(h, base)
    for drum in range(D):
        other = base.clone()
        other[0, drum] = base[0, drum].roll(1)
        changed = (net.logits(h, other) != before).any(2)[0]
        assert changed.tolist() == [later > drum for later in range(D)]


@torch.no_grad()
def test_chances_of_a_step_sum_to_one() -> None:
    """Over all levels of the first two drums, whatever the others do."""
    net, steps = network(), torch.zeros(L * L, dtype=torch.int64)
    levels = torch.zeros(L * L, D, dtype=torch.int64)
    levels[:, 0], levels[:, 1] = torch.arange(L * L) // L, torch.arange(L * L) % L
    seen = seen_at(torch.zeros(1, D, dtype=torch.int64), steps, steps)
    nats = net(seen, told(steps).features(), levels)[:, :2].sum(1)
    assert float(nats.neg().exp().sum()) == pytest.approx(1, abs=1e-5)


def test_what_is_seen_is_what_was_struck_then() -> None:
    levels = torch.zeros(2 * REACH, D, dtype=torch.int64)
    at, count = torch.tensor([REACH + 5]), len(lags())
    for place, lag in enumerate(lags().tolist()):
        marked = levels.clone()
        marked[REACH + 5 - lag, 3] = 4
        seen = seen_at(marked, at, torch.tensor([REACH])).view(2, count, D)
        same = [other for other in range(count) if lags()[other] == lag]
        assert seen.nonzero().tolist() == [[half, other, 3] for half in (0, 1) for other in same], place


def test_nothing_is_seen_that_is_not_known_or_lies_ahead() -> None:
    levels = torch.randint(1, L, (3 * REACH, D))
    at = torch.tensor([REACH, REACH])
    seen = seen_at(levels, at, torch.tensor([0, BAR]))
    assert not seen[0].any()
    hits = seen[1, : seen.shape[1] // 2].view(len(lags()), D).any(1)
    assert hits.tolist() == [lag <= BAR for lag in lags().tolist()]
    later = levels.clone()
    later[REACH:] = 0
    assert torch.equal(seen_at(later, at, torch.tensor([REACH] * 2)), seen_at(levels, at, torch.tensor([REACH] * 2)))
    assert not seen_at(levels, torch.tensor([0]), torch.tensor([0])).any()


def test_features_tell_place_style_and_fill() -> None:
    steps = torch.tensor([0, 17, 16 * 9 + 3])
    found = told(steps, style=1).features()
    assert found[:, :BAR].argmax(1).tolist() == [0, 1, 3]
    assert found[:, BAR : BAR + 8].argmax(1).tolist() == [0, 1, 1]
    assert found[:, BAR + 8 : BAR + 11].tolist() == [[0, 1, 0]] * 3
    assert found.shape[1] + 2 * len(lags()) * D == network().first.in_features
