"""Training a rectified flow: one player, who learns the velocity between noise and latents.

E ‖v(x(t), t) − (data − noise)‖² over x(t) = (1 − t)·noise + t·data (arXiv 2209.03003, eq. 1), with more of the times in the
middle, where the velocity is hardest to tell: t = sigmoid(N(m, s²)) (Esser et al., arXiv 2403.03206, §3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.image.flow import FlowNetwork, integrate
from mapsto.learning.games import Batch, Game, Moment

STEPS_SHOWN = 12
"""Of the integration for the pictures shown during training: enough to see by."""


class FlowGame(Game):
    """One player: the flow.

    Args:
        flow: What learns.
        decode: Latents → pictures for the sample grid, on whatever device they come; latents are pictures already if None.
        rate: Learning rate.
        centre: m of the times.
        width: s of the times.
        forget: How often a label is replaced by "any", which makes guidance possible.
    """

    players = ("flow",)
    averaged = ("flow",)
    betas = (0.9, 0.99)
    decay = 0.01

    def __init__(
        self,
        flow: FlowNetwork,
        decode: Callable[[Tensor], Tensor] | None = None,
        *,
        rate: float = 1e-3,
        centre: float = 0.0,
        width: float = 1.0,
        forget: float = 0.1,
    ) -> None:
        super().__init__()
        self.flow = flow
        self.rates = {"flow": rate}
        self._decode = [decode]  # in a list, so that a module is not taken for a part of the game
        self.centre, self.width, self.forget = centre, width, forget
        self._noted: dict[str, Tensor] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """The mean square of what the velocity is off by; 2 is what a network earns that always says 0."""
        apart = self._apart(batch, moment.generator)
        self._noted = {"velocity": apart.detach()}
        return {"velocity": apart}

    def _apart(self, batch: Batch, generator: torch.Generator) -> Tensor:
        x = batch.x.float()
        t = times(len(x), generator, centre=self.centre, width=self.width).to(x.device)
        noise = torch.randn(x.shape, generator=generator).to(x.device)
        labels = forgotten(batch.labels, self.flow.classes, self.forget, generator)
        velocity = self.flow(torch.lerp(noise, x, t[:, None, None, None]), t=t, labels=labels)
        return (velocity - (x - noise)).square().mean()

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """What `terms` minimises, with the same noise whenever it is asked."""
        return {"velocity": float(self._apart(batch, torch.Generator().manual_seed(0)))}

    def noted(self) -> dict[str, float]:
        """Mean square of what the velocity is off by."""
        return {name: float(value) for name, value in self._noted.items()}  # not earlier: that would wait for the device

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        names = ("centre", "width", "forget")
        return {name: getattr(self, name) for name in names} | {"flow": self.flow.config, "rate": self.rates["flow"]}

    @torch.no_grad()
    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """New pictures [count, C, H, W] in [0, 1], of all classes in turn."""
        flow, (decode,) = average["flow"], self._decode
        assert isinstance(flow, FlowNetwork)
        shape = (count, flow.source.channels or 1, flow.height, flow.width)
        device = next(flow.parameters()).device
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
        labels = torch.arange(count, device=device) % flow.classes if flow.classes else None
        z = integrate(flow, noise, steps=STEPS_SHOWN, labels=labels)
        return (decode(z) if decode is not None else z).clamp(0, 1)


def times(count: int, generator: torch.Generator, *, centre: float = 0.0, width: float = 1.0) -> Tensor:
    """sigmoid(N(centre, width²)), [count] in (0, 1), drawn in strata: one from each of `count` equally likely intervals.

    Strata give every batch hard and easy times in the same proportion, which takes noise from the gradient for nothing.
    """
    parts = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    normal = torch.special.ndtri(parts.double().clamp(1e-6, 1 - 1e-6))
    return torch.sigmoid(centre + width * normal).float()


def forgotten(labels: Tensor | None, classes: int, part: float, generator: torch.Generator) -> Tensor | None:
    """Labels [B], some of them replaced by "any"; None where there are no classes."""
    if not classes or labels is None:
        return None
    lost = torch.rand(labels.shape, generator=generator).to(labels.device) < part
    return torch.where(lost, classes, labels)
