"""How far weights have moved from where they started: the term that keeps fine-tuning near what was learned before.

    L = L_task + λ ‖w − w₀‖²         L2-SP (Li, Grandvalet, Davoine, arXiv 1802.01483, eq. 4; their α/2 is our λ)
    L = L_task + λ ‖w − w₀‖          the plain norm, as it is often written: a pull that does not weaken near the start
    L = L_task + λ Σ F (w − w₀)²     EWC (Kirkpatrick et al., arXiv 1612.00796, eq. 3): F tells which weights mattered before

The papers' sums make λ a matter of the number and the size of the weights. `unit` says in what the distance is measured, so
that one λ serves networks of all sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from mapsto.errors import UsageError

Form = Literal["squared", "norm"]
Unit = Literal["tensor", "network", "one"]

SMALLEST = 1e-6
"""Mean square of a tensor below which its own size is no measure: biases that began at zero may move a little."""

Weights = Iterable[tuple[str, Tensor]]
"""Names and weights, as `named_parameters()` gives them."""


class Leash:
    """Distance of weights from their start.

    Args:
        start: w₀ by name; weights of other names are free. They are copied.
        form: "squared" is ‖w − w₀‖², "norm" its root (whose slope at the start is taken as 0).
        unit: "tensor" measures every tensor by its own mean square and averages over tensors, so 0.01 means "moved by a tenth
            of its size"; "network" divides by ‖w₀‖² over all of them; "one" is the papers' plain sum.
        importance: F by name, of the shape of its tensor; 1 where there is none.

    Raises:
        UsageError: an unknown form or unit.
    """

    def __init__(
        self,
        start: Mapping[str, Tensor],
        *,
        form: Form = "squared",
        unit: Unit = "tensor",
        importance: Mapping[str, Tensor] | None = None,
    ) -> None:
        for value, known in ((form, get_args(Form)), (unit, get_args(Unit))):
            if value not in known:
                raise UsageError(f"A leash cannot be {value!r}.", f"Give one of {', '.join(known)}.")
        self.form, self.unit = form, unit
        self.start = {name: value.detach().clone() for name, value in start.items()}
        self.importance = {name: value.detach().clone() for name, value in (importance or {}).items()}
        self._sizes: dict[str, Tensor] = {}

    def __call__(self, weights: Weights) -> Tensor:
        """The distance as a scalar with a gradient; weights that are frozen are not counted. 0 where nothing is held."""
        held = [(name, weight) for name, weight in weights if weight.requires_grad and name in self.start]
        if not held:
            return torch.zeros(())
        squared = self._by_tensor(held) if self.unit == "tensor" else self._by_sum(held)
        return squared if self.form == "squared" else _root(squared)

    def _by_tensor(self, held: list[tuple[str, Tensor]]) -> Tensor:
        terms = [self._moved(name, weight).mean() / self._size(name, weight).clamp_min(SMALLEST) for name, weight in held]
        return torch.stack(terms).mean()

    def _by_sum(self, held: list[tuple[str, Tensor]]) -> Tensor:
        total = torch.stack([self._moved(name, weight).sum() for name, weight in held]).sum()
        if self.unit == "one":
            return total
        size = torch.stack([self._size(name, weight) * weight.numel() for name, weight in held]).sum()
        return total / size.clamp_min(SMALLEST)

    def _moved(self, name: str, weight: Tensor) -> Tensor:
        """F (w − w₀)², weight by weight."""
        moved = (weight - self._at(name, weight)).square()
        if name not in self.importance:
            return moved
        self.importance[name] = self.importance[name].to(weight.device)
        return moved * self.importance[name]

    def _size(self, name: str, weight: Tensor) -> Tensor:
        """Mean square of w₀, found once."""
        if name not in self._sizes or self._sizes[name].device != weight.device:
            self._sizes[name] = self._at(name, weight).square().mean()
        return self._sizes[name]

    def _at(self, name: str, weight: Tensor) -> Tensor:
        """w₀ where the weight is now; it moves there once."""
        self.start[name] = self.start[name].to(weight.device)
        return self.start[name]


def _root(squared: Tensor) -> Tensor:
    """√x with slope 0 at 0, where the root has none: training begins exactly there."""
    tiny = torch.finfo(squared.dtype).tiny
    root: Tensor = squared.clamp_min(tiny).sqrt() * (squared > 0)
    return root
