from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from mapsto.image.enlarge import across_edges, crisp, drawn, sharpened
from mapsto.media.picture import Picture


def disc(side: int, detail: int = 1) -> Image.Image:
    """A dark disc on white; antialiased where there is detail."""
    large = Image.new("RGB", (side * detail, side * detail), "white")
    ImageDraw.Draw(large).ellipse(
        [side * detail * 0.2, side * detail * 0.3, side * detail * 0.8, side * detail * 0.9], (30, 40, 60)
    )
    return large.resize((side, side), Image.Resampling.BOX)


def error(picture: Picture, truth: Image.Image) -> float:
    return float(np.abs(picture.pixels.astype(float) - np.asarray(truth)).mean())


def test_crisp_pixels_are_squares() -> None:
    small = Picture.of(np.arange(16, dtype=np.uint8).reshape(2, 2, 4))
    large = crisp(small, 3)
    assert large.size == (6, 6)
    assert np.array_equal(large.numpy()[1::3, 1::3], small.numpy())
    assert np.array_equal(large.numpy()[0], large.numpy()[2])


def test_outlines_come_nearer_to_what_was_drawn_than_by_resizing() -> None:
    small, truth = Picture.of(disc(32, 8)), disc(256, 4)
    assert error(drawn(small, 256), truth) < 0.7 * error(small.resized(256), truth)


def test_sizes_and_transparency_are_kept() -> None:
    pixels = np.zeros((16, 24, 4), np.uint8)
    pixels[4:12, 6:18] = (200, 40, 90, 255)
    large = drawn(Picture.of(pixels), 100)
    assert large.size == (150, 100)
    assert large.alpha is not None
    assert (large.alpha[0, 0], large.alpha[50, 75]) == (0, 255)
    assert np.abs(large.pixels[50, 75].astype(int) - (200, 40, 90)).max() <= 2
    assert drawn(Picture.of(pixels), 8).size == (12, 8)
    assert drawn(Picture.of(pixels), None).size == (24, 16)


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_what_is_flat_stays_so(value: float) -> None:
    flat = torch.full((1, 3, 9, 12), value)
    assert torch.allclose(sharpened(flat), flat)


def test_the_filter_makes_nothing_that_was_not_beside_it() -> None:
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    y = sharpened(x)
    assert float(y.min()) >= float(x.min())
    assert float(y.max()) <= float(x.max())
    assert float(sharpened(ramp := torch.linspace(0, 1, 32).expand(1, 3, 32, 32)).sub(ramp)[..., 8:-8].abs().max()) < 1e-4


def test_the_dark_side_of_an_edge_is_where_light_bends_upwards() -> None:
    x = torch.linspace(-3, 3, 32)
    edge = torch.sigmoid(2 * x).expand(1, 1, 32, 32)  # dark on the left
    bend = across_edges(edge)[0, 0, 16]
    assert bool((bend[6:14] > 0).all())
    assert bool((bend[18:26] < 0).all())
