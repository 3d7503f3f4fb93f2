from __future__ import annotations

import numpy as np
import pytest

from mapsto.media.yuv import dithered


def test_what_has_eight_bits_comes_back_as_it_is() -> None:
    levels = np.arange(256, dtype=np.uint16).repeat(3 * 8 * 5).reshape(256 * 8, 5, 3)
    assert np.array_equal(dithered(levels * 257), levels)


@pytest.mark.parametrize("deep", [0, 1, 12345, 32768, 40000, 65534, 65535])
def test_a_field_of_eight_by_eight_has_the_mean_of_what_it_stands_for(deep: int) -> None:
    found = dithered(np.full((16, 24, 3), deep, np.uint16))
    tiles = found.reshape(2, 8, 3, 8, 3).mean((1, 3))
    assert np.abs(tiles - deep / 257).max() <= 1 / 128 + 1e-9
    assert int(found.max()) - int(found.min()) <= 1
    assert np.array_equal(found[:8, :8], found[8:, 16:])  # the pattern stands still


def test_every_threshold_stands_once_in_a_field() -> None:
    found = [int(dithered(np.full((8, 8, 1), round(257 * part / 64), np.uint16)).sum()) for part in range(65)]
    assert found == list(range(65))
