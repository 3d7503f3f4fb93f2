"""Figures for pictures that losses do not see: lattices, sharpness, distance in decibels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LATTICE = 8
"""Pixels: the period of the coarsest grid a network upsamples from; its patterns repeat at 8, 4 and 2 pixels."""

PATCH = 32
CHANCE = (PATCH // 4 * PATCH // 4 - 1) / (PATCH * PATCH - 1)
"""Share of energy that falls on the lattice in noise without any: 63 of 1023 frequencies."""


def luma(x: Tensor) -> Tensor:
    """Light of sRGB pictures, BT.601: [B, 3, H, W] → [B, H, W]."""
    return torch.einsum("c,bchw->bhw", torch.tensor([0.299, 0.587, 0.114], dtype=x.dtype, device=x.device), x)


def psnr(x: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1], in dB; inf for equal pictures."""
    error = float((x - target).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


def lattice_share(x: Tensor) -> Tensor:
    """Share of texture energy that repeats every 8 pixels both ways, as a network's own grid does: a scalar with a gradient.

    Args:
        x: [B, 3, H, W] in [0, 1], sides at least 32; flat areas tell most. Where nothing repeats the share is `CHANCE`.
    """
    on_lattice, energy = (value.sum() for value in _energies(x))
    share: Tensor = on_lattice / energy.clamp_min(1e-5)  # rounding is no texture
    return share


def lattice_shares(x: Tensor, visible: float = 0.005) -> Tensor:
    """The same of every patch of 32 × 32 pixels alone, so that a weave in a sky does not hide behind a busy street: [P].

    Args:
        x: As for `lattice_share`.
        visible: Root mean square of a texture that can just be seen; fainter ones count for less.
    """
    on_lattice, energy = _energies(x)
    return on_lattice / (energy + PATCH**4 * visible**2)


def _energies(x: Tensor) -> tuple[Tensor, Tensor]:
    """Energy on the lattice, and in all, of every patch: two of [P]."""
    patches = luma(x).unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).reshape(-1, PATCH, PATCH)
    energy = torch.fft.fft2(patches - patches.mean((1, 2), keepdim=True)).abs().square()
    step = PATCH // LATTICE
    return energy[:, ::step, ::step].sum((1, 2)), energy.sum((1, 2))


def sharpness(x: Tensor) -> float:
    """Mean length of the gradient of light: [B, 3, H, W] → per pixel step."""
    light = luma(x)
    down, across = light[:, 1:, :-1] - light[:, :-1, :-1], light[:, :-1, 1:] - light[:, :-1, :-1]
    return float(torch.hypot(down, across).mean())
