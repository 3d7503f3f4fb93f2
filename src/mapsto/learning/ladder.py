"""A ladder to read distances by: real pictures, and the same with known faults, from slight to total.

A distance alone says nothing; "between blurred to half and blurred to a quarter" can be seen.

Shapes: B pictures, C × H × W each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.learning.scenes import scenes

FLOOR = "real"
"""Other real pictures: no set of this count can be expected to do better."""

REPEATED = "few, repeated"
"""Every 50th of the real pictures again and again, as a generator that collapsed would give them."""

KEPT = 50

BLURRED = ("blurred ½", "blurred ¼")

Fault = Callable[[Tensor, torch.Generator], Tensor]
"""Real pictures [B, C, H, W] in [0, 1] → as many of the rung, of the same shape but for C = 3 where nothing of them is left."""


def blurred(x: Tensor, generator: torch.Generator | None = None, *, times: int) -> Tensor:
    """Reduced by a whole number of times with antialiasing, and enlarged again, bilinearly; nothing is drawn."""
    size = [max(1, round(side / times)) for side in x.shape[2:]]
    small = F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)
    return F.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=False)


def in_pieces(x: Tensor, generator: torch.Generator, *, across: int = 4) -> Tensor:
    """Cut into across² pieces that change places, in every picture otherwise; what is left over at the right and bottom stays.

    Textures and colours are right and their places wrong, as in samples of a prior that has not learned yet.
    """
    height, width = (side // across for side in x.shape[2:])
    whole = (..., slice(height * across), slice(width * across))
    pieces = x[whole].unfold(2, height, height).unfold(3, width, width).flatten(2, 3)  # [B, C, across², h, w]
    order = torch.rand(len(x), across**2, generator=generator).argsort(1).to(x.device)
    moved = pieces.gather(2, order[:, None, :, None, None].expand_as(pieces)).reshape(
        *x.shape[:2], across, across, height, width
    )
    result = x.clone()
    result[whole] = moved.transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return result


def elsewhere(x: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures of another domain: those of scenes.py, of which half are the mirror images of the others, to save time."""
    height, width = x.shape[2:]
    made = scenes((len(x) + 1) // 2, max(height, width), generator)[..., :height, :width]
    return torch.cat([made, made.flip(3)])[: len(x)]


def noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Pixels that know nothing of each other, even in [0, 1]."""
    return torch.rand((len(x), 3, *x.shape[2:]), generator=generator)


FAULTS: Mapping[str, Fault] = {
    BLURRED[0]: partial(blurred, times=2),
    "in 16 pieces": in_pieces,
    BLURRED[1]: partial(blurred, times=4),
    "another domain": elsewhere,
    "noise": noise,
}
"""Rungs above `FLOOR` and `REPEATED` by their names, from slight to total for most kinds of pictures."""
