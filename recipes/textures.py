"""Style pictures drawn by formulas, for hands that no free painting in reach shows: all [H, W, 3] uint8, sRGB."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Field = NDArray[np.float64]


def smooth_field(rng: np.random.Generator, size: int, scale: float) -> Field:
    """Random field in [0, 1] without features finer than about `scale` pixels: [size, size]."""
    frequency = np.fft.fftfreq(size)
    radius = np.hypot(frequency[:, None], frequency[None]) * scale
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * np.exp(-2 * (np.pi * radius / 2) ** 2)).real
    ranks = np.empty(size * size)
    ranks[np.argsort(noise, axis=None)] = np.linspace(0, 1, size * size)
    return ranks.reshape(size, size)


def ramp(values: Field, colours: list[str]) -> Field:
    """Colours along a list of hex colours, at values in [0, 1]: [...] → [..., 3] in [0, 1]."""
    stops = np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colours])
    at = np.clip(values, 0, 1) * (len(colours) - 1)
    low = np.minimum(at.astype(int), len(colours) - 2)
    part = (at - low)[..., None]
    return stops[low] * (1 - part) + stops[low + 1] * part


def voronoi(rng: np.random.Generator, size: int, cell: float, jitter: float) -> tuple[NDArray[np.int64], Field]:
    """Cells of a jittered grid: index of the nearest seed, and how much farther the second one is, in pixels."""
    count = int(size / cell)
    grid = (np.stack(np.meshgrid(np.arange(-1, count + 2), np.arange(-1, count + 2)), -1).reshape(-1, 2) + 0.5) * size / count
    seeds = grid + rng.uniform(-jitter, jitter, grid.shape) * cell
    rows, columns = np.mgrid[:size, :size]
    best, second = np.full((size, size), np.inf), np.full((size, size), np.inf)
    index = np.zeros((size, size), int)
    for number, (x, y) in enumerate(seeds):
        distance = np.hypot(columns - x, rows - y)
        nearer = distance < best
        second = np.where(nearer, best, np.minimum(second, distance))
        index[nearer] = number
        best = np.minimum(best, distance)
    return index, second - best


def mosaic(size: int = 384) -> Pixels:
    """Byzantine tesserae: small squarish stones in gold, blue and terracotta, set in pale mortar."""
    rng = np.random.default_rng(11)
    index, gap = voronoi(rng, size, 13, 0.22)
    colour = ramp(smooth_field(rng, size, 120), ["122a54", "2f6f9e", "8fc1bd", "efe0b0", "d9a441", "b4532a", "5a1f1c"])
    stones = np.stack(
        [np.bincount(index.ravel(), colour[..., c].ravel()) / np.maximum(np.bincount(index.ravel()), 1) for c in range(3)], -1
    )
    stones = stones * rng.uniform(0.72, 1.18, (len(stones), 1)) + rng.normal(0, 0.025, stones.shape)
    edge = np.clip((gap - 1.2) / 1.6, 0, 1)[..., None]
    shade = 1 + 0.05 * np.clip(gap / 8, 0, 1)[..., None]
    return _bytes(edge * stones[index] * shade + (1 - edge) * np.array([0.80, 0.76, 0.68]))


def stained_glass(size: int = 384) -> Pixels:
    """Large glowing panes between thick black leads."""
    rng = np.random.default_rng(5)
    index, gap = voronoi(rng, size, 40, 0.45)
    panes = ramp(
        rng.uniform(0, 1, index.max() + 1), ["7a0f1d", "d5262b", "f08a1c", "f7d23e", "2a8f4a", "1b6fb0", "142f86", "5b2a86"]
    )
    glow = 0.65 + 0.5 * smooth_field(rng, size, 36)
    glass = panes[index] * glow[..., None] + 0.10 * smooth_field(rng, size, 5)[..., None] - 0.05
    lead = np.clip((gap - 3.2) / 1.5, 0, 1)[..., None]
    return _bytes(lead * glass + (1 - lead) * 0.05)


def halftone(size: int = 384) -> Pixels:
    """Cheap comic printing: cyan, magenta, yellow and black dots on screens of different angles."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:size, :size].astype(float)
    page = np.ones((size, size, 3))
    inks = [
        ((0.0, 0.62, 0.88), 15, 90),
        ((0.90, 0.10, 0.50), 75, 110),
        ((1.0, 0.87, 0.05), 0, 100),
        ((0.08, 0.08, 0.10), 45, 60),
    ]
    for (red, green, blue), degrees, scale in inks:
        angle, pitch = np.deg2rad(degrees), 6.7
        u, v = np.cos(angle) * columns + np.sin(angle) * rows, np.cos(angle) * rows - np.sin(angle) * columns
        screen = (np.cos(2 * np.pi * u / pitch) + np.cos(2 * np.pi * v / pitch)) / 4 + 0.5
        tone = smooth_field(rng, size, scale) ** (1.2 if scale > 60 else 3.0)
        dot = np.clip((tone - screen) * 6 + 0.5, 0, 1)[..., None]
        page *= 1 - dot * (1 - np.array([red, green, blue]))
    return _bytes(page)


def pixel_art(size: int = 384, block: int = 10) -> Pixels:
    """Flat square blocks of a sixteen-colour palette with ordered dithering between neighbours."""
    rng = np.random.default_rng(8)
    count = -(-size // block)
    colours = [
        "1a1c2c",
        "29366f",
        "3b5dc9",
        "41a6f6",
        "73eff7",
        "a7f070",
        "38b764",
        "ffcd75",
        "ef7d57",
        "b13e53",
        "5d275d",
        "1a1c2c",
    ]
    levels = len(colours) - 1
    threshold = np.array([[0, 2], [3, 1]]) / 4 + 0.125
    tone = smooth_field(rng, count, 14) * levels + np.tile(threshold, (count // 2 + 1, count // 2 + 1))[:count, :count] * 0.9
    tile = ramp(np.clip(np.floor(tone), 0, levels) / levels, colours)
    edge = rng.uniform(size=(count, count, 1)) < 0.06
    tile = np.where(edge, 0.96, tile)
    return _bytes(np.kron(tile, np.ones((block, block, 1)))[:size, :size])


def cross_stitch(size: int = 384, pitch: int = 11) -> Pixels:
    """Embroidery: crossed threads on linen, one colour a stitch."""
    rng = np.random.default_rng(21)
    count = -(-size // pitch)
    tone = np.round(smooth_field(rng, count, 9) * 7) / 7
    colour = np.kron(
        ramp(tone, ["f3e3c7", "d98b6a", "a8323e", "5c2230", "27455e", "4f8a8b", "9dbf83", "efd9a0"]), np.ones((pitch, pitch, 1))
    )[:size, :size]
    rows, columns = np.mgrid[:size, :size]
    u, v = (columns % pitch) / (pitch - 1) - 0.5, (rows % pitch) / (pitch - 1) - 0.5
    over, under = np.exp(-(((u - v) / 0.24) ** 4)), np.exp(-(((u + v) / 0.24) ** 4))
    thread = np.maximum(over, 0.78 * under)
    twist = 0.86 + 0.14 * np.cos((u + v) * 22) * over + 0.10 * np.cos((u - v) * 22) * under * (1 - over)
    linen = np.array([0.87, 0.82, 0.72]) * (0.9 + 0.1 * rng.uniform(size=(size, size, 1)))
    cover = np.clip(thread * 1.3, 0, 1)[..., None]
    return _bytes(cover * colour * (twist * (0.72 + 0.28 * thread))[..., None] + (1 - cover) * linen)


def _bytes(values: Field) -> Pixels:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


TEXTURES: dict[str, Callable[[], Pixels]] = {
    "mosaic": mosaic,
    "stained-glass": stained_glass,
    "halftone": halftone,
    "pixel-art": pixel_art,
    "cross-stitch": cross_stitch,
}
