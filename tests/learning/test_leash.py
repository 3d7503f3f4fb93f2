from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mapsto.errors import UsageError
from mapsto.learning.leash import Leash

START = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([[2.0]])}


def weights(**moved: list[float] | list[list[float]]) -> list[tuple[str, Tensor]]:
    return [(name, nn.Parameter(torch.tensor(value))) for name, value in moved.items()]


def at(**options: str) -> float:
    """The distance of a moved by (1, 2) and b moved by 1: squares 5 and 1, sizes 25 and 4."""
    return float(Leash(START, **options)(weights(a=[4.0, 6.0], b=[[3.0]])).detach())  # type: ignore[arg-type]


def test_the_papers_sum_is_the_squared_distance() -> None:
    assert at(unit="one") == pytest.approx(5 + 1)
    assert at(unit="one", form="norm") == pytest.approx(6**0.5)


def test_the_network_is_measured_by_all_its_weights() -> None:
    assert at(unit="network") == pytest.approx(6 / 29)


def test_every_tensor_is_measured_by_its_own_size() -> None:
    assert at(unit="tensor") == pytest.approx((5 / 25 + 1 / 4) / 2)
    assert at(unit="tensor", form="norm") == pytest.approx(((5 / 25 + 1 / 4) / 2) ** 0.5)


@pytest.mark.parametrize("unit", ["tensor", "network"])
def test_larger_networks_need_no_other_strength(unit: str) -> None:
    torch.manual_seed(0)
    small, step = torch.randn(50), 0.1 * torch.randn(50)
    for scale, copies in ((1.0, 1), (100.0, 1), (1.0, 20)):
        start = scale * small.repeat(copies)
        moved = Leash({"w": start}, unit=unit)([("w", nn.Parameter(start + scale * step.repeat(copies)))])  # type: ignore[arg-type]
        assert float(moved.detach()) == pytest.approx(float(step.square().sum() / small.square().sum()), rel=1e-4)


@pytest.mark.parametrize("unit", ["tensor", "network", "one"])
def test_the_slope_is_that_of_the_formula(unit: str) -> None:
    now = weights(a=[4.0, 6.0], b=[[3.0]])
    Leash(START, unit=unit)(now).backward()  # type: ignore[arg-type,no-untyped-call]
    sizes = {"tensor": (1 / 25 / 2, 1 / 4 / 2), "network": (1 / 29, 1 / 29), "one": (1.0, 1.0)}[unit]
    for (name, weight), size in zip(now, sizes, strict=True):
        torch.testing.assert_close(weight.grad, 2 * size * (weight.detach() - START[name]))


@pytest.mark.parametrize("form", ["squared", "norm"])
def test_at_the_start_nothing_pulls(form: str) -> None:
    now = [(name, nn.Parameter(value.clone())) for name, value in START.items()]
    leash = Leash(START, form=form)(now)  # type: ignore[arg-type]
    leash.backward()  # type: ignore[no-untyped-call]
    assert float(leash.detach()) == 0
    assert all(torch.equal(weight.grad, torch.zeros_like(weight)) for _, weight in now)


def test_the_plain_norm_pulls_equally_hard_at_every_distance() -> None:
    for distance in (1e-3, 1.0, 50.0):
        now = [("a", nn.Parameter(START["a"] + distance * torch.tensor([0.6, 0.8])))]
        Leash(START, form="norm", unit="one")(now).backward()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(now[0][1].grad, torch.tensor([0.6, 0.8]))


def test_importance_weighs_every_weight() -> None:
    leash = Leash(START, unit="one", importance={"a": torch.tensor([10.0, 0.5])})
    assert float(leash(weights(a=[4.0, 6.0], b=[[3.0]])).detach()) == pytest.approx(10 * 1 + 0.5 * 4 + 1)


def test_new_and_frozen_weights_are_not_held() -> None:
    now = weights(a=[4.0, 6.0], b=[[3.0]], new=[7.0])
    now[0][1].requires_grad_(False)
    assert float(Leash(START, unit="one")(now).detach()) == 1
    assert float(Leash(START)(weights(new=[7.0]))) == 0


def test_weights_that_began_at_zero_may_move_a_little() -> None:
    leash = Leash({"bias": torch.zeros(4)})
    assert float(leash([("bias", nn.Parameter(torch.full((4,), 1e-3)))]).detach()) == pytest.approx(1.0)


def test_the_start_is_a_copy() -> None:
    weight = nn.Parameter(torch.ones(3))
    leash = Leash({"w": weight}, unit="one")
    weight.data += 1
    assert float(leash([("w", weight)]).detach()) == 3


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(UsageError, match="cubed"):
        Leash(START, form="cubed")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="tensor, network, one"):
        Leash(START, unit="layer")  # type: ignore[arg-type]
