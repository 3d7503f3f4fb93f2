"""Small pictures made large: crisp, a square for every pixel; or drawn, with outlines as a brush would leave them.

    B batch   C channels   H, W rows and columns

Interpolation alone leaves stairs along slanted edges, and a style network takes stairs for strokes. So a picture is doubled
time and again, and every time its edges are pulled together by a shock filter: what lies on the dark side of an edge moves
towards the darkest neighbour, the bright side towards the brightest (Osher & Rudin, "Feature-oriented image enhancement using
shock filters", 1990). Which side that is, is read from smoothed light (Alvarez & Mazorra 1994), so that stairs do not count.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.image.vae import premultiplied, straight
from mapsto.learning.measure import luma
from mapsto.media.picture import Picture
from mapsto.media.pixels import array_of_tensor, target_size, tensor_of_array

ROUNDS = 3
"""Of the filter after every doubling; twice as many look like a cartoon."""

STRIDE = 0.4
"""Of a round, on the way to the neighbour."""

BLUR = 1.5
"""Standard deviation of the smoothing, in pixels."""

BEND = 60.0
"""Curvature of light counts fully where it is far above the inverse of this, in levels of [0, 1] a pixel squared."""


def crisp(picture: Picture, scale: int) -> Picture:
    """Every pixel as a square of `scale` pixels."""
    return Picture.of(picture.numpy().repeat(scale, 0).repeat(scale, 1))


def drawn(picture: Picture, size: int | str | tuple[int, int] | None) -> Picture:
    """A picture at a larger size, with clean outlines; at a smaller one resized as ever.

    Args:
        picture: Its transparency is kept.
        size: Shorter side, or "WxH", see `target_size`.
    """
    width, height = target_size(picture.size, size)
    if width <= picture.width:
        return picture.resized(size)
    x = premultiplied(tensor_of_array(picture.numpy()))
    with torch.inference_mode():
        while x.shape[3] < width:
            rows, columns = min(height, 2 * x.shape[2]), min(width, 2 * x.shape[3])
            x = F.interpolate(x, size=(rows, columns), mode="bicubic", align_corners=False).clamp(0, 1)
            for _ in range(ROUNDS):
                x = sharpened(x)
    return Picture.of(array_of_tensor(straight(x)))


def sharpened(x: Tensor) -> Tensor:
    """One round of the shock filter: pictures [B, C, H, W] in [0, 1] to the same."""
    bend = torch.tanh(BEND * across_edges(smoothed(luma(x[:, :3])[:, None])))
    bright = F.max_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    dark = -F.max_pool2d(F.pad(-x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.where(bend > 0, torch.lerp(x, dark, STRIDE * bend), torch.lerp(x, bright, -STRIDE * bend))


def across_edges(light: Tensor) -> Tensor:
    """The second derivative along the gradient, above 0 on the dark side of an edge: [B, 1, H, W] to the same."""
    p = F.pad(light, (1, 1, 1, 1), mode="replicate")
    x = (p[..., 1:-1, 2:] - p[..., 1:-1, :-2]) / 2
    y = (p[..., 2:, 1:-1] - p[..., :-2, 1:-1]) / 2
    xx = p[..., 1:-1, 2:] + p[..., 1:-1, :-2] - 2 * light
    yy = p[..., 2:, 1:-1] + p[..., :-2, 1:-1] - 2 * light
    xy = (p[..., 2:, 2:] + p[..., :-2, :-2] - p[..., 2:, :-2] - p[..., :-2, 2:]) / 4
    second: Tensor = (x * x * xx + 2 * x * y * xy + y * y * yy) / (x * x + y * y + 1e-6)
    return second


def smoothed(light: Tensor) -> Tensor:
    """By a Gaussian of `BLUR` pixels: [B, 1, H, W] to the same."""
    reach = round(2 * BLUR)
    wave = torch.exp(-torch.arange(-reach, reach + 1.0).square() / (2 * BLUR**2))
    wave = wave / wave.sum()
    p = F.pad(light, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(p, wave.view(1, 1, 1, -1)), wave.view(1, 1, -1, 1))
