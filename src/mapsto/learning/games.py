"""A game is what is trained: one player (a VAE, a flow) or several that take turns (a GAN).

    class Sharpen(Game):
        players = averaged = ("net",)
        rates = {"net": 1e-3}

        def terms(self, player, batch, moment):
            return {"square": (self.net(batch.x) - batch.x).square().mean()}

`learning.fit.fit` plays it. A game says what a turn minimises; the loop owns optimisers, averages, data, checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Batch(NamedTuple):
    """What one turn sees: x [B, C, H, W] in fp32, pictures in [0, 1] or latents; labels [B] int64, if there are any."""

    x: Tensor
    labels: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on a device, channels last."""
        x = self.x.to(
            device, memory_format=torch.channels_last if self.x.ndim == 4 else torch.preserve_format, non_blocking=True
        )
        return Batch(x, None if self.labels is None else self.labels.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        """The same where a GPU can fetch it while the processor goes on."""
        return Batch(self.x.pin_memory(), None if self.labels is None else self.labels.pin_memory())


@dataclass(frozen=True)
class Moment:
    """When a turn takes place.

    Args:
        step: Steps taken before this one; all players have one turn in a step.
        part: Of the run that lies behind, in [0, 1).
        images: Seen before this step, by all processes together.
        generator: On the CPU. All randomness of a turn is drawn from it; that makes resuming exact.
    """

    step: int
    part: float
    images: int
    generator: torch.Generator


class Game(nn.Module):
    """Base of all games; one subclass for each kind of training.

    What changes while playing is in the players (weights and buffers) or in `extra_state`; whatever else a game holds, such
    as a network that judges, must be constant, and is not kept in checkpoints.
    """

    players: tuple[str, ...] = ()
    """Names of submodules that have an optimiser, in the order of their turns."""

    averaged: tuple[str, ...] = ()
    """Names of submodules of which a moving average is kept: of the players, or parts of them, as "generator.mapping"."""

    rates: Mapping[str, float] = {}
    """Peak learning rate of every player."""

    betas: tuple[float, float] = (0.9, 0.99)
    """Of Adam; `betas_at` may let them move."""

    decay: float = 0.0
    """Decoupled weight decay (AdamW)."""

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """The loss of one player's turn by named terms, already weighted: scalars; their sum is minimised.

        Means over the batch, not sums, so that a batch may be taken in pieces. Runs under autocast where the plan says bf16;
        only the parameters of the player require gradients meanwhile.
        """
        raise NotImplementedError

    def noted(self) -> dict[str, float]:
        """What else to log of the last turns, unweighted: psnr_db, kl_nats, logit_real. `learning.diagnosis` reads some."""
        return {}

    def probe(self, batch: Batch) -> dict[str, float]:
        """Measured on a batch without learning from it; asked of training and of held-out pictures at every sample grid."""
        return {}

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """Pictures [count, C, H, W] in [0, 1] by the averaged modules, from a fixed seed; nothing by default.

        Args:
            average: By the names in `averaged`, in evaluation mode.
            count: How many.
        """
        return torch.empty(0, 3, 1, 1)

    def extra_state(self) -> dict[str, Tensor | float | int]:
        """What else changes while playing, as the probability of augmentation; kept in checkpoints."""
        return {}

    def load_extra_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        """Take back what `extra_state` gave."""

    def betas_at(self, part: float) -> tuple[float, float]:
        """Adam's βs when a part of the run in [0, 1] lies behind."""
        return self.betas

    def settings(self) -> dict[str, Any]:
        """Plain values that change what is learned; a run resumes only with the same."""
        return {}

    def part(self, name: str) -> nn.Module:
        """The submodule that a name in `players` or `averaged` means."""
        return self.get_submodule(name)
