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
    light = luma(x)
    patches = light.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).reshape(-1, PATCH, PATCH)
    energy = torch.fft.fft2(patches - patches.mean((1, 2), keepdim=True)).abs().square().sum(0)
    step = PATCH // LATTICE
    share: Tensor = energy[::step, ::step].sum() / energy.sum().clamp_min(1e-5)  # rounding is no texture
    return share


def sharpness(x: Tensor) -> float:
    """Mean length of the gradient of light: [B, 3, H, W] → per pixel step."""
    light = luma(x)
    down, across = light[:, 1:, :-1] - light[:, :-1, :-1], light[:, :-1, 1:] - light[:, :-1, :-1]
    return float(torch.hypot(down, across).mean())
