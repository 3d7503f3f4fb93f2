"""What an optimiser paints on, and the sizes it paints at. H × W pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.image.colour import luma

COARSEST = 90  # px: no level has a shorter side below this
THINNEST = 16  # px: nothing is reduced to less

OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))


def levels(height: int, width: int, steps: int) -> Iterator[tuple[int, int, int]]:
    """Height, width and steps of each level, coarse to fine: sides double; the last is full size, and has the fewest."""
    count = 1 + max(0, min(4, int(math.log2(max(1.0, min(height, width) / COARSEST)))))
    left = steps
    for level in range(count - 1, -1, -1):
        share = left if level == 0 else min(round(steps * 0.7 / (count - 1)), left - 1)
        left -= share
        if share:
            yield max(1, round(height / 2**level)), max(1, round(width / 2**level)), share


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bicubic with anti-aliasing; the same tensor if it has the size already."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, (int(size[0]), int(size[1])), mode="bicubic", antialias=True)


def within(x: Tensor, area: float) -> Tensor:
    """Reduced to at most `area` pixels, proportions kept; never enlarged."""
    scale = max(math.sqrt(area / (x.shape[-2] * x.shape[-1])), THINNEST / min(x.shape[-2:]))
    if scale >= 1:
        return x
    return resize(x, [max(1, round(side * scale)) for side in x.shape[-2:]]).clamp(0, 1)


def grey(x: Tensor) -> Tensor:
    """A picture without colour: [B, 3, H, W] → [B, 3, H, W]."""
    return luma(x).expand(-1, 3, -1, -1).contiguous()


def match_light(x: Tensor, target: Tensor) -> Tensor:
    """`x` with the mean and deviation of `target`: how dark a painting is does not count (arXiv 1606.05897, eq. 10)."""
    gain = target.std() / x.std().clamp_min(1e-3)
    return ((x - x.mean()) * gain + target.mean()).clamp(0, 1)


class Canvas:
    """A picture as a pyramid of differences, coarse and fine moving at one rate; grey pictures have one channel.

    Args:
        picture: [1, 3, H, W] to begin with.
        grey: Lightness only.
        depth: Levels of the pyramid.
    """

    def __init__(self, picture: Tensor, *, grey: bool = False, depth: int = 5) -> None:
        self.axes = picture.new_tensor(OPPONENT)[: 1 if grey else 3]
        x = torch.einsum("dc,bchw->bdhw", self.axes, picture)
        self.parts: list[Tensor] = []
        for _ in range(depth - 1):
            half = F.adaptive_avg_pool2d(x, ((x.shape[-2] + 1) // 2, (x.shape[-1] + 1) // 2))
            self.parts.append(x - _double(half, x))
            x = half
        self.parts.append(x)
        self.parts[0] = self.parts[0][:, :1]  # fine detail is lightness: paint has no coloured grain
        self.parts = [part.clone().requires_grad_() for part in self.parts]

    def picture(self) -> Tensor:
        """[1, 3, H, W], not clamped."""
        x = self.parts[-1]
        for part in self.parts[-2::-1]:
            x = _double(x, part) + F.pad(part, (0, 0, 0, 0, 0, x.shape[1] - part.shape[1]))
        return torch.einsum("dc,bdhw->bchw", self.axes, x)


def _double(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
