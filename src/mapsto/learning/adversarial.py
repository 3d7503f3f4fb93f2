"""What generator and critic want of each other. Siblings share one form: (logits of real, logits of fake) → scalar.

    B batch   s a logit, larger for what the critic takes for real   σ the logistic function

−log σ(s) = softplus(−s), and −log(1 − σ(s)) = softplus(s).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.errors import UsageError, nearest

Loss = Callable[[Tensor, Tensor], Tensor]
Judge = Callable[[Tensor], Tensor]
"""x [B, …] → logits [B]."""


def two_sided(real: Tensor, fake: Tensor) -> Tensor:
    """−E log σ(s(x)) − E log(1 − σ(s(G(z)))), of the critic (Goodfellow et al., arXiv 1406.2661, eq. 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def saturating(real: Tensor, fake: Tensor) -> Tensor:
    """E log(1 − σ(s(G(z)))), of the generator (arXiv 1406.2661, eq. 1): no gradient while the critic is sure."""
    return -F.softplus(fake).mean()


def non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    """−E log σ(s(G(z))), of the generator (arXiv 1406.2661, §3)."""
    return F.softplus(-fake).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 − s(x)) + E max(0, 1 + s(G(z))), of the critic (Lim & Ye, arXiv 1705.02894)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def higher(real: Tensor, fake: Tensor) -> Tensor:
    """−E s(G(z)), of the generator, for hinge and Wasserstein."""
    return -fake.mean()


def earth_mover(real: Tensor, fake: Tensor) -> Tensor:
    """E s(G(z)) − E s(x), of the critic: minus the Wasserstein distance if it is 1-Lipschitz (arXiv 1701.07875, eq. 2)."""
    return fake.mean() - real.mean()


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E softplus(−(s(x) − s(G(z)))): real looks more real than the fake beside it (arXiv 1807.00734; 2501.05441, eq. 2)."""
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E softplus(−(s(G(z)) − s(x))): the mirror, and the only generator's loss that a real logit belongs to."""
    return F.softplus(real - fake).mean()


@dataclass(frozen=True)
class Objective:
    """A pair of losses, and the penalties that keep the critic smooth.

    Args:
        critic: What the critic minimises.
        generator: What the generator minimises.
        penalties: "real" is R1, "fake" is R2, "between" the one of WGAN-GP.
        gamma: Their weight at the start and at the end of a run.
    """

    critic: Loss
    generator: Loss
    penalties: tuple[str, ...] = ()
    gamma: tuple[float, float] = (0.0, 0.0)

    @property
    def pairs(self) -> bool:
        """Whether the generator's loss looks at real logits too."""
        return self.generator is relativistic_generator


OBJECTIVES = {
    "relativistic": Objective(relativistic_critic, relativistic_generator, ("real", "fake"), (1.0, 0.1)),
    "non-saturating": Objective(two_sided, non_saturating, ("real",), (1.0, 0.1)),
    "hinge": Objective(hinge, higher, ("real",), (0.1, 0.1)),
    "wgan-gp": Objective(earth_mover, higher, ("between",), (20.0, 20.0)),  # γ/2 is the λ = 10 of arXiv 1704.00028
    "classic": Objective(two_sided, saturating),
}
"""By name. Only the first is known to converge where the data lie on a thin manifold (arXiv 2501.05441)."""


def objective(name: str) -> Objective:
    """The losses of a name.

    Raises:
        UsageError: there are none.
    """
    if name not in OBJECTIVES:
        near = nearest(name, list(OBJECTIVES)) or list(OBJECTIVES)
        raise UsageError(f"There is no adversarial loss called {name!r}.", f"Perhaps {' or '.join(near)}?")
    return OBJECTIVES[name]


def zero_centred(logits: Tensor, x: Tensor) -> Tensor:
    """E ‖∇ₓ s(x)‖², scalar: R1 on real x, R2 on fake (Mescheder et al., arXiv 1801.04406, eq. 9 and 10; γ/2 is the caller's).

    Args:
        logits: [B], computed from x; each from its own item.
        x: [B, …], requires a gradient.
    """
    return _slopes(logits, x).square().sum(1).mean()


def unit_slope(judge: Judge, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E (‖∇ s(x̂)‖ − 1)², scalar, x̂ anywhere between a real and a fake (Gulrajani et al., arXiv 1704.00028, eq. 3)."""
    part = torch.rand(len(real), generator=generator).to(real.device).view(-1, *(1 for _ in real.shape[1:]))
    between = torch.lerp(real, fake, part).detach().requires_grad_()
    slopes = _slopes(judge(between), between)
    return ((slopes.square().sum(1) + 1e-12).sqrt() - 1).square().mean()  # the root of 0 has no slope


def _slopes(logits: Tensor, x: Tensor) -> Tensor:
    """∇ₓ s of every item, flat: [B, N]."""
    (slopes,) = torch.autograd.grad(logits.float().sum(), x, create_graph=True)
    return slopes.float().flatten(1)


def between(ends: tuple[float, float], part: float) -> float:
    """From the first to the second at a constant rate of change: geometric, unless one of them is 0."""
    first, last = ends
    return first * (last / first) ** part if first > 0 and last > 0 else first + (last - first) * part
