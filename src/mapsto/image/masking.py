"""Where a picture is painted and where it stays: a mask, as small as it may be to stand in a file's settings.

White is painted, black stays, grey is between; what is transparent stays too. A mask is stretched over the picture.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from mapsto.errors import UnreadableInput
from mapsto.media.picture import Picture
from mapsto.media.pixels import Pixels

MAX_PIXELS = 24_000_000
SIDES = (512, 384, 256, 128, 64)
"""Longer side of a mask that is kept, in pixels: the first at which it is short enough."""

LONGEST = 24_000
"""Bytes of a mask that is kept; settings have to fit into a segment of a JPEG."""


def plane_of(source: object) -> Pixels:
    """A mask [H, W] uint8, 255 where it is painted, from anything that `Picture.of` reads.

    Raises:
        UnreadableInput: no picture.
    """
    picture = Picture.of(source, MAX_PIXELS)
    grey = np.asarray(Image.fromarray(picture.pixels).convert("L"))
    if picture.alpha is None:
        return grey
    return (grey.astype(np.uint16) * picture.alpha // 255).astype(np.uint8)


def stretched(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """A mask at `size` = (width, height); straight between its pixels, so that nothing rings beyond an edge."""
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))


def spelled(source: object) -> str:
    """A mask as it stands in settings: a PNG in base64.

    Raises:
        UnreadableInput: no picture, or one so fine that it cannot be kept.
    """
    plane = plane_of(source)
    for side in SIDES:
        scale = min(1.0, side / max(plane.shape))
        small = stretched(plane, (max(1, round(plane.shape[1] * scale)), max(1, round(plane.shape[0] * scale))))
        buffer = io.BytesIO()
        Image.fromarray(small).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= LONGEST:
            return base64.b64encode(buffer.getvalue()).decode()
    raise UnreadableInput("The mask is too fine to be kept in a file.", "Draw it with larger strokes.")


def masked(photo: Picture, painted: Picture, mask: str) -> Picture:
    """The painting where the mask is white, the photo where it is black.

    Args:
        photo: As it was.
        painted: Of the same size.
        mask: As `spelled` returns it.

    Raises:
        UnreadableInput: no mask.
    """
    assert photo.size == painted.size, (photo.size, painted.size)
    try:
        plane = plane_of(base64.b64decode(mask, validate=True))
    except binascii.Error as error:
        raise UnreadableInput("The mask in the settings is damaged.", "Only files made by Mapsto can be repeated.") from error
    part = stretched(plane, photo.size).astype(np.float32)[:, :, None] / 255
    mixed = photo.pixels + (painted.pixels.astype(np.float32) - photo.pixels) * part
    return replace(painted, pixels=(mixed + 0.5).astype(np.uint8))
