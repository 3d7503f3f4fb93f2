"""Small composing networks with random weights, and pieces for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.sound.melody import LOWEST, STEPS_OF_BAR, TOKENS, Places, ScoreNetwork, Wish
from mapsto.sound.score import HOLD, REST, Grid

STYLES = ("ragtime", "lied", "polish-dance")
SMALL: dict[str, Any] = {"width": 24, "layers": 2, "heads": 2, "condition": 8, "latent": 4, "reader": 8}


def network(seed: int = 0, spread: float = 0.25) -> ScoreNetwork:
    """Random in every weight: a fresh one would not look at what was before."""
    found = ScoreNetwork(STYLES, **SMALL)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in found.parameters():
            weight.copy_(spread * torch.randn(weight.shape, generator=generator))
        found.usual.copy_(torch.tensor([12.0, 8.0, 10.0]))
    return found.eval().requires_grad_(False)


def tokens(bars: int, meter: int = 0, seed: int = 0, batch: int = 1) -> Tensor:
    """[B, 4, T] at random."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, TOKENS, (batch, 4, bars * STEPS_OF_BAR[meter]), generator=generator)


def places(bars: int, meter: int = 0, batch: int = 1, first: int = 0) -> Places:
    """Of whole bars."""
    steps = torch.arange(bars * STEPS_OF_BAR[meter]).expand(batch, -1)
    bar = first + steps // STEPS_OF_BAR[meter]
    return Places(steps % STEPS_OF_BAR[meter], bar, first + bars - bar, torch.full_like(steps, meter))


def wish(style: int = 0, batch: int = 1) -> Wish:
    """One style, all else open."""
    chosen = torch.nn.functional.one_hot(torch.full((batch,), style), len(STYLES) + 1).float()
    return Wish(chosen, torch.full((batch,), 2), torch.full((batch,), 8), torch.zeros(batch, dtype=torch.int64))


def piece(bars: int, meter: int = 0, seed: int = 0, lowest: int = 40) -> Grid:
    """[4, T]: notes of an eighth or two in C major, some rests."""
    rng = np.random.default_rng(seed)
    steps = bars * STEPS_OF_BAR[meter]
    grid = np.full((4, steps), REST, np.int64)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    for voice in range(4):
        step = 0
        while step < steps:
            length = min(int(rng.choice([2, 4])), steps - step)
            if rng.random() < 0.85:
                grid[voice, step] = lowest + 12 * voice + rng.choice(scale) - 4
                grid[voice, step + 1 : step + length] = HOLD
            step += length
    assert grid[grid >= 0].min() >= LOWEST
    return grid
