"""Drums: which of nine is struck at every sixteenth, and how hard.

    B batch   D drums, 9   L levels, 5: none, soft, medium, hard, hardest   S styles   T steps

A plain network looks at what was struck lately, at the same place one, two and four bars before, and at the place in the bar;
so it needs no memory of its own, and learns from all steps at once. The drums of a step are drawn one after the other, each
knowing those before it. How they are drawn for a piece stands in `mapsto.sound.drumming`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.sound.score import DRUMS

Levels = npt.NDArray[np.int64]
"""[T, D], 0 for silence."""

D = len(DRUMS)
L = 5
BOUNDS = (1, 45, 75, 105)
"""Velocities, 1…127, from which on a stroke has the levels 1, 2, 3, 4."""

LOUD = (0, 30, 60, 90, 117)
"""Velocities in the middle of the levels."""

BAR = 16
RECENT = 8
"""Steps before that are seen."""

BEFORE = {1: (-1, 0, 1), 2: (0,), 4: (0,)}
"""Bars back, and which steps there, from the one to come."""

REACH = 4 * BAR
"""Steps back that are seen at most."""

PHRASE = 4
"""Bars after which a fill may come."""

DENSITIES = (9.0, 12.0, 15.0, 19.0)
"""Strokes in a bar that part sparse playing from dense; the last class is for "any"."""


class DrumNetwork(nn.Module):
    """What was struck, a place, and a style → what is struck next.

    Args:
        styles: Names.
        width: Of the hidden layers.
    """

    def __init__(self, styles: Sequence[str] = (), width: int = 160) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"styles": list(styles), "width": width}
        self.styles = tuple(styles)
        seen = (RECENT + sum(map(len, BEFORE.values()))) * D * 2
        told = BAR + 2 * PHRASE + len(styles) + 1 + len(DENSITIES) + 2 + 5
        self.first = nn.Linear(seen + told, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, D * L)
        self.earlier = nn.Linear(D * L, D * L, bias=False)
        drum = torch.arange(D * L) // L
        self.mask: Tensor
        self.register_buffer("mask", (drum[:, None] > drum[None, :]).float(), persistent=False)

    def hidden(self, seen: Tensor, told: Tensor) -> Tensor:
        """[B, width] from what `looks` gives."""
        h = F.gelu(self.first(torch.cat([seen, told], 1)))
        found: Tensor = h + F.gelu(self.second(h))
        return found

    def logits(self, h: Tensor, struck: Tensor) -> Tensor:
        """[B, D, L]: of each drum, knowing those before it in `struck`, [B, D, L] of ones and zeros."""
        flat = F.linear(struck.flatten(1), self.earlier.weight * self.mask)
        found: Tensor = self.third(h) + flat
        return found.view(-1, D, L)

    def forward(self, seen: Tensor, told: Tensor, levels: Tensor) -> Tensor:
        """[B, D] nats: how surprising each drum of a step is, whose levels are [B, D]."""
        odds = self.logits(self.hidden(seen, told), F.one_hot(levels, L).float())
        return F.cross_entropy(odds.flatten(0, 1), levels.flatten(), reduction="none").view(levels.shape)


# ---- what it is told ----


@dataclass(frozen=True)
class Told:
    """What is known of steps beside what was struck, each [B].

    Args:
        step: Since the beginning.
        known: Steps before it that may be seen.
        style: [B, S + 1], weights; the last is for none in particular.
        tempo_bpm: Quarter notes a minute.
        density: Place among `DENSITIES`, or one more for any.
        fill: Whether its bar is a fill.
        filled: Whether the bar before was.
    """

    step: Tensor
    known: Tensor
    style: Tensor
    tempo_bpm: Tensor
    density: Tensor
    fill: Tensor
    filled: Tensor

    def features(self) -> Tensor:
        """[B, …] as the network takes them."""
        speed = (self.tempo_bpm / 110).log2()
        numbers = [speed, speed.square(), self.fill, self.filled, (self.known / REACH).clamp(max=1)]
        return torch.cat(
            [
                F.one_hot(self.step % BAR, BAR).float(),
                F.one_hot(self.step // BAR % (2 * PHRASE), 2 * PHRASE).float(),
                self.style,
                F.one_hot(self.density, len(DENSITIES) + 2).float(),
                torch.stack([number.float() for number in numbers], 1),
            ],
            1,
        )


def lags() -> Tensor:
    """How many steps back everything lies that is seen."""
    bars = [bars * BAR - shift for bars, shifts in BEFORE.items() for shift in shifts]
    return torch.tensor([*range(1, RECENT + 1), *bars])


def seen_at(levels: Tensor, at: Tensor, known: Tensor) -> Tensor:
    """What is seen from steps `at` [B] of levels [T, D]: [B, …]; nothing that lies further back than `known` [B] steps."""
    back = lags()
    before = levels[(at[:, None] - back).clamp(min=0)] * (back <= known[:, None])[..., None]
    return torch.cat([(before > 0).flatten(1).float(), before.flatten(1).float() / (L - 1)], 1)


def levels_of(velocities: npt.NDArray[Any]) -> Levels:
    """[T, D] of 0…127 → levels."""
    found: Levels = np.searchsorted(np.array(BOUNDS), velocities, side="right").astype(np.int64)
    return found


def density_of(strokes: float) -> int:
    """Place among `DENSITIES` of so many strokes in a bar."""
    return int(np.searchsorted(np.array(DENSITIES), strokes, side="right"))
