"""Colours of films: between the RGB of pictures and the luma and chroma of video.

A film says by which matrix its colours were made; where it does not, players go by its height, and so do we. Source: ITU-T
H.273 for the numbers; BT.601, BT.709 and BT.2020 for what they stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    """Pixels [H, W, 3] uint8 of a decoded frame, by the matrix and the range that it names; deeper ones are rounded to 8 bits.

    Primaries and transfer are left alone: wide gamut and high dynamic range look pale.

    Args:
        frame: As it was decoded.
        size: Width and height in pixels to scale it to, for films that change theirs midway.
    """
    from av.video.reformatter import ColorRange, Colorspace

    width, height = size or (frame.width, frame.height)
    name = _MATRICES.get(frame.colorspace, "ITU709" if frame.height >= HIGH else "ITU601")
    matrix = Colorspace[name]
    rgb = frame.reformat(width, height, "rgb24", src_colorspace=matrix, dst_colorspace=matrix, dst_color_range=ColorRange.JPEG)
    return np.asarray(rgb.to_ndarray(), np.uint8)


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
