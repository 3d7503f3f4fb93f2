from __future__ import annotations

import pytest
import torch

from mapsto.errors import UsageError
from mapsto.image.bands import band, dct, mix_bands
from mapsto.image.latent_tools import PARTS


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_the_transform_is_a_rotation_whose_slowest_wave_is_the_mean(size: int) -> None:
    matrix = dct(size)
    assert torch.allclose(matrix @ matrix.mT, torch.eye(size, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(matrix[0], torch.full((size,), size**-0.5, dtype=torch.float64))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 8), (4, 6), (1, 1)])
def test_the_bands_share_nothing_and_leave_nothing_out(height: int, width: int) -> None:
    assert torch.equal(sum(band(height, width, part) for part in PARTS), torch.ones(height, width))
    assert band(height, width, "coarse")[0, 0] == 1


def test_all_bands_of_another_make_the_other() -> None:
    one, other = noise(0, 2, 3, 8, 12), noise(1, 2, 3, 8, 12)
    mixed = one
    for part in PARTS:
        mixed = mix_bands(mixed, other, part)
    assert torch.allclose(mixed, other, atol=1e-5)
    assert torch.allclose(mix_bands(one, one, "fine"), one)


def test_the_coarse_band_carries_the_mean_and_the_fine_one_does_not() -> None:
    one, other = noise(0, 1, 2, 8, 8), noise(1, 1, 2, 8, 8)
    assert torch.allclose(mix_bands(one, other, "coarse").mean((2, 3)), other.mean((2, 3)), atol=1e-6)
    assert torch.allclose(mix_bands(one, other, "fine").mean((2, 3)), one.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_noise_stays_noise(part: str) -> None:
    mixed = mix_bands(noise(0, 4000, 1, 4, 4), noise(1, 4000, 1, 4, 4), part).flatten(1)
    covariance = mixed.mT @ mixed / len(mixed)
    assert (covariance - torch.eye(16)).abs().max() < 0.1


def test_other_parts_are_refused() -> None:
    with pytest.raises(UsageError, match="no 'corse' layers") as caught:
        mix_bands(noise(0, 1, 1, 4, 4), noise(1, 1, 1, 4, 4), "corse")
    assert "coarse" in caught.value.hint
