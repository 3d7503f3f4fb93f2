"""Latents by how fine they are: the discrete cosine transform of a grid, in octaves.

    B batch   C channels   h, w rows and columns of the grid

Where nothing stands between noise and picture that has layers, as with a flow, this is what can be mixed: slow waves carry
pose and palette, fast ones detail.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mapsto.errors import UsageError, nearest
from mapsto.image.latent_tools import PARTS

EDGES = (0.0, 0.25, 0.5, 1.0)
"""Where coarse, middle and fine begin and end, as parts of the highest frequency of the grid."""


def mix_bands(one: Tensor, other: Tensor, part: str) -> Tensor:
    """One grid with the waves of another in one band.

    The transform is a rotation, so what is mixed from two draws of N(0, 1) is a draw of N(0, 1): a flow makes a picture of it
    that is as good as any.

    Args:
        one: [B, C, h, w].
        other: Likewise.
        part: One of `PARTS`.

    Raises:
        UsageError: another part.
    """
    if part not in PARTS:
        near = nearest(part, list(PARTS)) or PARTS
        raise UsageError(f"There are no {part!r} layers.", f"Perhaps {' or '.join(near)}?")
    rows, columns = (dct(size).to(one) for size in one.shape[2:])
    waves = rows @ (other - one) @ columns.mT
    taken: Tensor = one + rows.mT @ (waves * band(one.shape[2], one.shape[3], part).to(one)) @ columns
    return taken


def band(height: int, width: int, part: str) -> Tensor:
    """1 for the waves of a band, 0 for the others: [h, w]. The bands share nothing and leave nothing out."""
    low, high = EDGES[PARTS.index(part)], EDGES[PARTS.index(part) + 1]
    down, across = torch.arange(height) / height, torch.arange(width) / width
    speed = torch.maximum(down[:, None], across[None])
    return ((speed >= low) & (speed < high)).float()


def dct(size: int) -> Tensor:
    """The orthonormal cosine transform (DCT-II): [N, N], a wave a row, the slowest first."""
    wave, place = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)[None]
    matrix: Tensor = torch.cos(math.pi / size * (place + 0.5) * wave) * (2 / size) ** 0.5
    matrix[0] *= 0.5**0.5
    return matrix
