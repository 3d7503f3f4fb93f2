import math

import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.learning import adversarial
from mapsto.learning.adversarial import OBJECTIVES, between, objective, unit_slope, zero_centred


def logits(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


REAL, FAKE = logits(0.5, -2.0), logits(1.5, -0.25)


def sigma(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


PAIRS = list(zip(REAL.tolist(), FAKE.tolist(), strict=True))
FORMULAS = {
    "two_sided": mean([-math.log(sigma(r)) - math.log(1 - sigma(f)) for r, f in PAIRS]),
    "saturating": mean([math.log(1 - sigma(f)) for _, f in PAIRS]),
    "non_saturating": mean([-math.log(sigma(f)) for _, f in PAIRS]),
    "hinge": mean([max(0, 1 - r) + max(0, 1 + f) for r, f in PAIRS]),
    "higher": mean([-f for _, f in PAIRS]),
    "earth_mover": mean([f - r for r, f in PAIRS]),
    "relativistic_critic": mean([-math.log(sigma(r - f)) for r, f in PAIRS]),
    "relativistic_generator": mean([-math.log(sigma(f - r)) for r, f in PAIRS]),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_the_formulas_of_the_papers(name: str) -> None:
    assert float(getattr(adversarial, name)(REAL, FAKE)) == pytest.approx(FORMULAS[name], rel=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_critic_parts_them_and_the_generator_raises_its_own(name: str) -> None:
    pair = OBJECTIVES[name]
    real, fake = logits(0.1, 0.2).requires_grad_(), logits(0.0, -0.1).requires_grad_()
    of_real, of_fake = torch.autograd.grad(pair.critic(real, fake), (real, fake))
    assert (of_real < 0).all()
    assert (of_fake > 0).all()
    (of_painted,) = torch.autograd.grad(pair.generator(real, fake), fake)
    assert (of_painted < 0).all()


def test_losses_do_not_overflow() -> None:
    for pair in OBJECTIVES.values():
        for loss in (pair.critic, pair.generator):
            assert math.isfinite(float(loss(logits(1e4), logits(-1e4))))


def test_only_the_relativistic_generator_looks_at_real_logits() -> None:
    assert [name for name, pair in OBJECTIVES.items() if pair.pairs] == ["relativistic"]


def test_the_minimax_players_have_opposite_aims() -> None:
    """arXiv 1406.2661, eq. 1: the generator minimises what the critic maximises, up to the part it cannot move."""
    pair = OBJECTIVES["classic"]
    fake = FAKE.clone().requires_grad_()
    of_critic, of_generator = (torch.autograd.grad(loss(REAL, fake), fake)[0] for loss in (pair.critic, pair.generator))
    assert torch.allclose(of_critic, -of_generator)


def test_the_penalty_of_a_linear_critic_is_its_squared_length() -> None:
    slope = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert float(zero_centred((x * slope).sum((1, 2, 3)), x).detach()) == pytest.approx(float(slope.square().sum()), rel=1e-6)


def test_the_penalty_of_a_quadratic_critic_and_its_gradient() -> None:
    """s = a ‖x‖² / 2 has E‖∇s‖² = a² E‖x‖², with the derivative 2a E‖x‖² by a."""
    a = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    penalty = zero_centred(a * x.square().sum(1) / 2, x)
    energy = float(x.detach().square().sum(1).mean())
    assert float(penalty.detach()) == pytest.approx(0.49 * energy, rel=1e-6)
    (slope,) = torch.autograd.grad(penalty, a)
    assert float(slope) == pytest.approx(1.4 * energy, rel=1e-6)


@pytest.mark.parametrize(("length", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_wgan_gp_wants_slopes_of_one(length: float, penalty: float) -> None:
    direction = torch.zeros(6, requires_grad=True) + length * torch.eye(6)[2]
    real, fake = torch.randn(4, 6), torch.randn(4, 6)
    found = unit_slope(lambda x: x @ direction, real, fake, torch.Generator().manual_seed(0))
    assert float(found.detach()) == pytest.approx(penalty, abs=1e-4)


def test_wgan_gp_looks_between_the_pictures() -> None:
    seen = []

    def judge(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(1)

    real, fake = torch.zeros(50, 3), torch.ones(50, 3)
    unit_slope(judge, real, fake, torch.Generator().manual_seed(0))
    assert torch.allclose(seen[0], seen[0][:, :1].expand(-1, 3))  # one part for all entries of an item
    assert 0 < float(seen[0].min()) < 0.2 < 0.8 < float(seen[0].max()) < 1


def test_a_flat_critic_has_a_penalty_with_a_gradient() -> None:
    weight = torch.zeros(6, requires_grad=True)
    found = unit_slope(lambda x: x @ weight, torch.randn(4, 6), torch.randn(4, 6), torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(found, weight)
    assert gradient.isfinite().all()


def test_gamma_falls_by_equal_factors() -> None:
    assert [between((1.0, 0.01), part) for part in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])
    assert [between((0.0, 2.0), part) for part in (0, 0.5, 1)] == pytest.approx([0, 1, 2])


def test_an_unknown_loss_names_its_neighbours() -> None:
    with pytest.raises(UsageError, match="relativistic"):
        objective("relativist")
