"""Weights under which plain Adam learns fast: of order 1, and blind to how correlated a convolution's inputs are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Whitened(nn.Module):
    """Weights as V C^(−1/2), C the second moments of a convolution's inputs: Adam on V does not see how correlated pixels are.

    A filter of 7×7 neighbouring pixels learns its fine detail hundreds of times slower without.
    """

    root: Tensor

    def __init__(self, moments: Tensor) -> None:
        super().__init__()
        energy, axes = torch.linalg.eigh(moments.double())
        energy = energy.clamp(min=0) + 1e-4 * energy.mean()
        self.register_buffer("root", ((axes * energy.rsqrt()) @ axes.T).float())

    def forward(self, free: Tensor) -> Tensor:
        """[out, in, k, k] free parameters to the weights."""
        with torch.autocast("cpu", enabled=False):
            return (free.flatten(1) @ self.root).view_as(free)


class Scaled(nn.Module):
    """Weights or biases times a constant per output channel: features reach hundreds, what is learned stays near 1."""

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)

    def forward(self, free: Tensor) -> Tensor:
        """[out] or [out, in, k, k], scaled by output channel."""
        return free * self.scale.view(-1, *[1] * (free.ndim - 1))


def moments(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """Second moments of the windows of `x` that a convolution sees: [in·k·k, in·k·k]."""
    k, stride, padding = convolution.kernel_size, convolution.stride, convolution.padding
    windows = F.unfold(x.contiguous(), k, padding=padding, stride=stride).transpose(1, 2).flatten(0, 1)
    return windows.T @ windows / len(windows)
