"""Pictures larger than memory: painted tile by tile, as if in one piece.

Two things make tiles visible: borders and statistics. Every tile is computed with a halo wider than the network can see and
then cut back, so borders agree; and the statistics of instance normalisation are measured once for the whole picture, on pieces
of its own resolution that run side by side, so all tiles share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mapsto.image.engines import OpenVino
from mapsto.image.stylize import FACTOR, Stats, StyleNetwork, noise_like

HALO = 152
"""Pixels computed around a tile and cut off again; the network sees 147 around itself."""

PIECE = 512
SAMPLE_PIXELS = 4_200_000
"""Pixels whose statistics stand for the whole picture: 16 pieces."""

Pixels = NDArray[np.uint8]
Finish = Callable[[Tensor, Tensor], Tensor]
"""(painted, photo) → painted, both [1, 3, h, w]: what is left to do pixel by pixel."""


class Box(NamedTuple):
    """Rows top … bottom and columns left … right of a picture."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, by: int, height: int, width: int) -> Box:
        """With a margin, inside a picture of that size."""
        return Box(max(0, self.top - by), min(height, self.bottom + by), max(0, self.left - by), min(width, self.right + by))

    def cut(self, x: Tensor, scale: int = 1) -> Tensor:
        """This part of [..., H/scale, W/scale]."""
        return x[..., self.top // scale : self.bottom // scale, self.left // scale : self.right // scale]


def boxes(height: int, width: int, tile: int) -> Iterator[Box]:
    """Tiles that cover a picture without overlap, row by row; sides are multiples of 8 but at the far edges."""
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            yield Box(top, min(height, top + tile), left, min(width, left + tile))


def padded(size: int) -> int:
    """The next multiple of 8, and at least 16: at 1/8 a border must have something to reflect."""
    return max(2, -(-size // FACTOR)) * FACTOR


def read(pixels: Pixels, box: Box) -> Tensor:
    """Part of a picture as [1, 3, h, w] in [0, 1]; beyond the far edges the last row and column are repeated."""
    height, width = pixels.shape[:2]
    part = torch.from_numpy(np.array(pixels[box.top : min(box.bottom, height), box.left : min(box.right, width)]))
    x = part.permute(2, 0, 1)[None].float() / 255
    return F.pad(x, (0, max(0, box.right - width), 0, max(0, box.bottom - height)), mode="replicate")


def paint(
    network: StyleNetwork | OpenVino,
    pixels: Pixels,
    style: Tensor,
    *,
    tile: int | None,
    seed: int = 0,
    noise: Tensor | None = None,
    finish: Finish = lambda painted, _photo: painted,
    on_tile: Callable[[int, int], object] | None = None,
) -> Pixels:
    """Paint a picture.

    Args:
        network: On its device, in its number type; what is compiled paints in one piece only.
        pixels: [H, W, 3] uint8, sRGB.
        style: [1, S].
        tile: Side of a tile in pixels, a multiple of 8; None paints in one piece.
        seed: Of the noise.
        noise: [1, 3, h/4, w/4] for sides h and w `padded` from H and W, instead of that from the seed.
        finish: What is left to do with the painted part, given the photo's.
        on_tile: Told (tiles done, tiles in all).

    Returns:
        [H, W, 3] uint8.
    """
    height, width = pixels.shape[:2]
    full = Box(0, padded(height), 0, padded(width))
    noise = noise_like(full.bottom, full.right, seed=seed) if noise is None else noise
    plain = network.network if isinstance(network, OpenVino) else network
    stats = measure(plain, pixels, style, noise) if tile else None
    parts = list(boxes(full.bottom, full.right, tile)) if tile else [full]
    out = np.empty_like(pixels)
    for done, box in enumerate(parts, 1):
        outer = box.grown(HALO, full.bottom, full.right)
        photo = read(pixels, outer)
        painted = run(network, photo, style, outer.cut(noise, 4), stats)
        _write(out, finish(painted, photo), box, outer)
        if on_tile is not None:
            on_tile(done, len(parts))
    return out


def measure(network: StyleNetwork, pixels: Pixels, style: Tensor, noise: Tensor, budget: int = SAMPLE_PIXELS) -> Stats:
    """Statistics of a whole picture, from pieces spread evenly over it."""
    height, width = noise.shape[2] * 4, noise.shape[3] * 4
    side_y, side_x = min(PIECE, height), min(PIECE, width)
    rows, columns = -(-height // side_y), -(-width // side_x)
    shrink = max(1.0, (rows * columns * side_y * side_x / budget) ** 0.5)
    tops = _spread(height - side_y, max(1, round(rows / shrink)))
    lefts = _spread(width - side_x, max(1, round(columns / shrink)))
    pieces = [Box(t, t + side_y, x, x + side_x) for t in tops for x in lefts]
    photos = torch.cat([read(pixels, box) for box in pieces])
    cut = torch.cat([box.cut(noise, 4) for box in pieces]).to(device=style.device, dtype=style.dtype)
    with torch.inference_mode():
        return network.measure(photos.to(style.device), style=style, noise=cut)


def _spread(room: int, count: int) -> list[int]:
    """Evenly spread starts in [0, room], multiples of 8."""
    if count == 1:
        return [room // 2 // FACTOR * FACTOR]
    return [round(room * i / (count - 1)) // FACTOR * FACTOR for i in range(count)]


def run(network: StyleNetwork | OpenVino, photo: Tensor, style: Tensor, noise: Tensor, stats: Stats | None) -> Tensor:
    """Photos [B, 3, H, W] on the CPU → painted, fp32 in [0, 1], on the CPU; side inputs as for the network."""
    with torch.inference_mode():
        noise = noise.to(device=style.device, dtype=style.dtype)
        return network(photo.to(style.device), style=style, noise=noise, stats=stats).clamp(0, 1).float().cpu()


def _write(out: Pixels, painted: Tensor, box: Box, outer: Box) -> None:
    """The inner part of a painted tile, rounded, into the picture."""
    bottom, right = min(box.bottom, out.shape[0]), min(box.right, out.shape[1])
    inner = Box(box.top - outer.top, bottom - outer.top, box.left - outer.left, right - outer.left)
    values = (inner.cut(painted)[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    out[box.top : bottom, box.left : right] = values.numpy()
