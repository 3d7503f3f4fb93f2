from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from mapsto.errors import UsageError
from mapsto.learning.plans import Plan, average_weight, order, randomness, rate_at, steps_in


def test_every_epoch_is_a_shuffle_of_all_and_no_two_are_alike() -> None:
    epochs = order(10, 0, 30, seed=0).reshape(3, 10)
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3


def test_the_order_is_a_function_of_the_position_alone() -> None:
    whole = order(7, 0, 50, seed=3)
    for start in (0, 5, 13, 42):
        assert np.array_equal(order(7, start, 8, seed=3), whole[start : start + 8])
    assert not np.array_equal(order(7, 0, 50, seed=4), whole)


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert np.bincount(order(3, 0, 12, seed=0)).tolist() == [4, 4, 4]


def test_random_streams_depend_on_every_part_of_their_key() -> None:
    keys: list[tuple[Any, ...]] = [(0, "turn", 1, 2), (1, "turn", 1, 2), (0, "data", 1, 2), (0, "turn", 2, 1), (0, "turn", 12)]
    drawn = [tuple(torch.rand(4, generator=randomness(*key)).tolist()) for key in keys]
    assert len(set(drawn)) == len(keys)
    assert drawn[0] == tuple(torch.rand(4, generator=randomness(*keys[0])).tolist())


def test_rates_rise_straight_and_fall_by_half_a_cosine() -> None:
    assert rate_at(0.05, 0.1, 0.2) == pytest.approx(0.5)
    assert rate_at(0.1, 0.1, 0.2) == pytest.approx(1)
    assert rate_at(0.55, 0.1, 0.2) == pytest.approx(0.6)  # half-way between 1 and 0.2
    assert rate_at(1, 0.1, 0.2) == pytest.approx(0.2)
    assert rate_at(0, 0, 0.2) == 1
    assert rate_at(1, 1, 0.2) == 1  # nothing but warm-up
    falling = [rate_at(0.1 + 0.009 * i, 0.1, 0.2) for i in range(101)]
    assert all(a > b for a, b in pairwise(falling))


def test_a_half_life_after_half_life_of_images_leaves_half() -> None:
    assert average_weight(images=1000, batch=30, half_life=0.03) == pytest.approx(0.5)
    assert average_weight(images=2000, batch=30, half_life=0.03) == pytest.approx(math.sqrt(0.5))


def test_the_average_is_that_of_a_power_function() -> None:
    half_life, average = 0.1, 0.0
    gamma = math.log(2) / half_life - 1
    for step in range(1, 4001):  # of the sequence 1, 2, 3 …, whose power-function average at n is (γ + 1) / (γ + 2) · n
        stays = average_weight(step, 1, half_life)
        average = stays * average + (1 - stays) * step
    assert average / 4000 == pytest.approx((gamma + 1) / (gamma + 2), rel=1e-3)


def test_hours_are_steps() -> None:
    assert steps_in(2, 0.5) == 14_400
    assert steps_in(1e-9, 10) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"steps": 0}, "0 steps"),
        ({"batch": 0}, "batch is 0"),
        ({"accumulate": -1}, "accumulate is -1"),
        ({"hours": 0.0}, "hours is 0"),
        ({"ema": math.nan}, "ema is nan"),
        ({"clip": math.inf}, "clip is inf"),
        ({"warmup": 1.5}, "warmup is 1.5"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_plans_that_make_no_sense_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Plan(**{"steps": 10} | wrong)
