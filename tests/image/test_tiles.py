import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsto.image import tiles
from mapsto.image.stylize import StyleNetwork, noise_like


@pytest.fixture(scope="module")
def network() -> StyleNetwork:
    torch.manual_seed(1)
    made = StyleNetwork(width=8, deep=12, style_size=6)  # as deep as what ships
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def sky() -> tiles.Pixels:
    """A flat sky with a dark horizon: where seams would show first."""
    rows = np.linspace(150, 235, 500)[:, None, None] * np.array([0.8, 0.92, 1.0])
    picture = np.repeat(rows, 620, axis=1)
    picture[420:] = picture[420:] * 0.3
    return picture.astype(np.uint8)


def decibels(a: tiles.Pixels, b: tiles.Pixels) -> float:
    error = np.square(a.astype(float) - b.astype(float)).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 12))
def test_boxes_cover_every_pixel_once(height: int, width: int, eighths: int) -> None:
    seen = np.zeros((height, width), int)
    for box in tiles.boxes(height, width, 8 * eighths):
        seen[box.top : box.bottom, box.left : box.right] += 1
    assert (seen == 1).all()


def test_the_halo_is_wider_than_the_network_sees(network: StyleNetwork) -> None:
    z, side = torch.ones(1, 6), 512
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).requires_grad_()
    noise = noise_like(side, side)
    with torch.no_grad():
        stats = network.measure(x, style=z, noise=noise)
    painted = network(x, style=z, noise=noise, stats=stats)
    painted[0, :, side // 2, side // 2].sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    rows = x.grad[0].abs().sum((0, 2)).nonzero()
    reach = max(side // 2 - int(rows.min()), int(rows.max()) - side // 2)
    assert 48 < reach < tiles.HALO


def test_tiles_with_shared_statistics_equal_one_piece(network: StyleNetwork, sky: tiles.Pixels) -> None:
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(2))
    whole = tiles.paint(network, sky, z, tile=None)
    assert decibels(tiles.paint(network, sky, z, tile=256), whole) >= 40


def test_a_tiled_sky_has_no_seam(network: StyleNetwork, sky: tiles.Pixels) -> None:
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(2))
    painted = tiles.paint(network, sky, z, tile=256).astype(float)
    steps = np.abs(np.diff(painted[:400], axis=1)).mean((0, 2))  # from column to column, over the sky
    for seam in (255, 511):
        assert steps[seam] < steps.mean() + 4 * steps.std()


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_any_size_comes_back_at_its_size(height: int, width: int) -> None:
    torch.manual_seed(1)
    small = StyleNetwork(width=8, deep=8, deep_blocks=1, fine_blocks=1, style_size=6).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert tiles.paint(small, pixels, torch.ones(1, 6), tile=None).shape == pixels.shape
    assert (tiles.paint(small, pixels, torch.zeros(1, 6), tile=None) == pixels).all()


def test_the_far_edge_is_padded_with_its_last_pixels() -> None:
    pixels = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    x = tiles.read(pixels, tiles.Box(0, 8, 0, 8))[0].permute(1, 2, 0) * 255
    assert torch.equal(x[:5, :6].round().byte(), torch.from_numpy(pixels))
    assert torch.equal(x[7, :6], x[4, :6])
    assert torch.equal(x[:5, 7], x[:5, 5])


def test_tiles_are_told_of(network: StyleNetwork) -> None:
    told: list[tuple[int, int]] = []
    tiles.paint(network, np.zeros((100, 130, 3), np.uint8), torch.ones(1, 6), tile=64, on_tile=lambda *a: told.append(a))
    assert told == [(i, 6) for i in range(1, 7)]
