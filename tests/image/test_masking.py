import base64
import io

import numpy as np
import pytest
from PIL import Image

from mapsto.errors import UnreadableInput
from mapsto.image import masking
from mapsto.media.picture import Picture


def picture(seed: int, size: tuple[int, int] = (48, 32)) -> Picture:
    return Picture.of(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def test_white_is_painted_black_stays_and_grey_is_between() -> None:
    photo, painted = picture(0), picture(1)
    white, black = (masking.spelled(np.full((8, 8), value, np.uint8)) for value in (255, 0))
    assert np.array_equal(masking.masked(photo, painted, white).pixels, painted.pixels)
    assert np.array_equal(masking.masked(photo, painted, black).pixels, photo.pixels)
    grey = masking.masked(photo, painted, masking.spelled(np.full((8, 8), 102, np.uint8))).pixels
    mixed = 0.6 * photo.pixels + 0.4 * painted.pixels
    assert np.abs(grey - mixed).max() <= 0.5 + 1e-3


def test_what_is_transparent_stays() -> None:
    mask = np.full((4, 4, 4), 255, np.uint8)
    mask[:, :2, 3] = 0
    plane = masking.plane_of(mask)
    assert plane[:, :2].max() == 0
    assert plane[:, 2:].min() == 255


def test_a_mask_is_stretched_over_the_picture() -> None:
    photo, painted = picture(0, (60, 20)), picture(1, (60, 20))
    half = np.zeros((10, 10), np.uint8)
    half[:, 5:] = 255
    found = masking.masked(photo, painted, masking.spelled(half)).pixels
    assert np.array_equal(found[:, :20], photo.pixels[:, :20])
    assert np.array_equal(found[:, 40:], painted.pixels[:, 40:])


def test_a_large_mask_becomes_small_enough_for_settings() -> None:
    rng = np.random.default_rng(0)
    blobs = np.array(Image.fromarray(rng.integers(0, 2, (12, 16), dtype=np.uint8) * 255).resize((2000, 1500)))
    text = masking.spelled(blobs)
    assert len(text) <= masking.LONGEST * 4 / 3 + 4
    with Image.open(io.BytesIO(base64.b64decode(text))) as small:
        assert small.mode == "L"
        assert max(small.size) in masking.SIDES
    noise = masking.spelled(rng.integers(0, 256, (600, 600), dtype=np.uint8))
    assert len(noise) <= masking.LONGEST * 4 / 3 + 4


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()])
def test_a_damaged_mask_is_told(text: str) -> None:
    with pytest.raises(UnreadableInput):
        masking.masked(picture(0), picture(1), text)
