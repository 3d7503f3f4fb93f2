"""Pictures of nothing in particular, to learn a style on where no photos are at hand.

Dead leaves: opaque shapes of all sizes, the large ones below, reproduce the edges, flat areas and scale invariance of photos
(Lee, Mumford, Huang, "Occlusion models for natural images", 2001). Light falls across them and some carry a fine texture.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def scenes(count: int, size: int, generator: torch.Generator) -> Tensor:
    """[count, 3, size, size] in [0, 1]."""
    return torch.stack([_scene(size, generator) for _ in range(count)])


def _scene(size: int, generator: torch.Generator, leaves: int = 40) -> Tensor:
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    palette = torch.rand(6, 3, generator=generator) ** 1.3
    picture = _sky(palette, y, generator)
    radii = _uniform(leaves, 0.06, 1.0, generator).pow(2.2).sort(descending=True).values
    for radius in radii.tolist():
        inside = _shape(x, y, max(radius, 0.03), generator)
        shade = 0.75 + 0.5 * _noise(size, int(_pick(generator, 3)) + 1, generator) if _pick(generator, 3) == 0 else 1.0
        light = 1 + 0.25 * (x * _signed(generator) + y * _signed(generator))
        colour = palette[int(_pick(generator, 6))] * (0.7 + 0.6 * torch.rand(1, generator=generator))
        picture = torch.lerp(picture, colour[:, None, None] * (light * shade), inside)
    return (picture + 0.02 * torch.randn(picture.shape, generator=generator)).clamp(0, 1)


def _sky(palette: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """From one colour to another, top to bottom, with soft clouds."""
    part = (y + 1) / 2 + 0.25 * (_noise(y.shape[0], 3, generator) - 0.5)
    return torch.lerp(palette[0][:, None, None], palette[1][:, None, None], part.clamp(0, 1))


def _shape(x: Tensor, y: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """A soft-edged ellipse or bar somewhere in the picture, 0 outside and 1 inside."""
    angle = math.pi * float(torch.rand(1, generator=generator))
    u = math.cos(angle) * (x - _signed(generator)) + math.sin(angle) * (y - _signed(generator))
    v = math.cos(angle) * (y - _signed(generator)) - math.sin(angle) * (x - _signed(generator))
    stretch = float(_uniform(1, 0.25, 1.0, generator))
    distance = torch.hypot(u, v / stretch) if _pick(generator, 3) else torch.maximum(u.abs(), v.abs() / stretch)
    return ((radius - distance) * x.shape[0] / 2).clamp(0, 1)


def _noise(size: int, octave: int, generator: torch.Generator) -> Tensor:
    grid = torch.rand(1, 1, size // 2**octave + 1, size // 2**octave + 1, generator=generator)
    return F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=True)[0, 0]


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _pick(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (1,), generator=generator))


def _signed(generator: torch.Generator) -> float:
    return 2 * float(torch.rand(1, generator=generator)) - 1
