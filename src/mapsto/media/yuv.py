"""Colours of films: between the RGB of pictures and the luma and chroma of video.

A film says by which matrix its colours were made; where it does not, players go by its height, and so do we. Source: ITU-T
H.273 for the numbers; BT.601, BT.709 and BT.2020 for what they stand for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mapsto.media.pixels import Pixels

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

BT709, LIMITED = 1, 1
"""Numbers of H.273: matrix, primaries and transfer of BT.709; the limited range, 16 to 235."""

BT2020, PQ, HLG = 9, 16, 18
"""Primaries of wide gamut; the two transfers of high dynamic range."""

HIGH = 720
"""Rows from which on a film that does not name its matrix is taken for BT.709, below for BT.601."""

_MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}


def rgb_of(frame: VideoFrame, size: tuple[int, int] | None = None) -> Pixels:
    """Pixels [H, W, 3] uint8 of a decoded frame, by the matrix and the range that it names; deeper ones are dithered to 8 bits.

    Primaries and transfer are left alone: wide gamut and high dynamic range look pale.

    Args:
        frame: As it was decoded.
        size: Width and height in pixels to scale it to, for films that change theirs midway.
    """
    from av.video.reformatter import ColorRange, Colorspace

    width, height = size or (frame.width, frame.height)
    name = _MATRICES.get(frame.colorspace, "ITU709" if frame.height >= HIGH else "ITU601")
    matrix = Colorspace[name]
    deep = frame.format.components[0].bits > 8
    kind = "rgb48le" if deep else "rgb24"
    rgb = frame.reformat(width, height, kind, src_colorspace=matrix, dst_colorspace=matrix, dst_color_range=ColorRange.JPEG)
    return dithered(np.asarray(rgb.to_ndarray(), np.uint16)) if deep else np.asarray(rgb.to_ndarray(), np.uint8)


def dithered(deep: NDArray[np.uint16]) -> Pixels:
    """[H, W, 3] of 16 bits to 8, by ordered dithering: a fixed pattern, which stands still where the film does.

    Source: Bayer, "An optimum method for two-level rendition of continuous-tone pictures", 1973; thresholds of 8 × 8 pixels.
    """
    height, width = deep.shape[:2]
    limits = np.tile(_limits(), (-(-height // 8), -(-width // 8)))[:height, :width, None]
    found: Pixels = ((deep.astype(np.uint32) * 255 + limits) // 65535).astype(np.uint8)
    return found


@cache
def _limits() -> NDArray[np.uint32]:
    """[8, 8], evenly between 0 and 65535, not to be written to."""
    order = np.zeros((1, 1), np.uint32)
    for _ in range(3):
        order = np.block([[4 * order, 4 * order + 2], [4 * order + 3, 4 * order + 1]])
    return ((2 * order + 1) * 65535 // 128).astype(np.uint32)


def frame_of(pixels: Pixels) -> VideoFrame:
    """A frame with a copy of pixels [H, W, 3] uint8, and an even number of rows and columns; what is missing is doubled."""
    from av import VideoFrame

    pad = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
    even = np.pad(pixels, pad, "edge") if pad[0][1] or pad[1][1] else pixels
    return VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")


def yuv_of(frame: VideoFrame, pixel_format: str) -> VideoFrame:
    """An RGB frame as an encoder takes it: by BT.709, limited, and tagged so.

    Args:
        frame: In rgb24.
        pixel_format: FFmpeg's name, such as `yuv420p`.
    """
    from av.video.reformatter import ColorRange, Colorspace

    return frame.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
