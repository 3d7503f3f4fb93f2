"""How steady painted frames are, by how things move in the frames they were painted from.

    E          mean square difference of a frame and the one before it moved along the flow, where both show the same
    TWE        (E of the paintings / their variance) / (E of the frames, at least 1.2e-4, / their variance), of a whole clip
    jump       largest over median E of the paintings, within a shot
    sharpness  deviation of the Laplacian over that of the paintings made frame by frame
    flicker    mean change of the mean light from frame to frame, over that of the clip, in grey levels

E is that of Lai et al., "Learning blind video temporal consistency", arXiv 1808.00449, §4.2. The flow is sought on the clip,
and not on the paintings, more thoroughly than painting does, both ways; it counts where it runs back to where it came from and
no motion ends (Ruder et al., "Artistic style transfer for videos", arXiv 1604.08610, eq. 5 and 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mapsto.video.motion import Field, Pixels, grey, warped

FLOOR = 1.2e-4
"""E of a clip below which it is the noise of its encoding."""

SEEN = 0.3
"""Of a frame that must have been there before, else it is another shot."""


class Motion(NamedTuple):
    """From one frame to the next: flow [H, W, 2], and where it counts [H, W]."""

    flow: Field
    holds: NDArray[np.bool_]


class Steady(NamedTuple):
    """The measures above."""

    twe: float
    jump: float
    sharpness: float
    flicker: float


def motions(frames: Sequence[Pixels]) -> list[Motion]:
    """How things move in a clip, found by looking."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = []
    for a, b in pairwise([grey(frame) for frame in frames]):
        back, forth = search.calc(b, a, None), search.calc(a, b, None)
        off, size = square(back + warped(forth, back)), square(back) + square(warped(forth, back))
        slopes = sum(square(np.gradient(back, axis=axis)) for axis in (0, 1))
        found.append(Motion(back, (off <= 0.01 * size + 0.5) & (slopes <= 0.01 * square(back) + 0.002)))
    return found


def square(field: Field) -> Field:
    """|f|²: [H, W, 2] → [H, W]."""
    length: Field = np.square(field).sum(2)
    return length


def errors(frames: Sequence[Pixels], motion: Sequence[Motion]) -> list[float]:
    """E of every frame but the first; nan at the first of a shot."""
    found = []
    for (a, b), (flow, holds) in zip(pairwise(frames), motion, strict=True):
        apart = np.square(warped(np.float32(a), flow) - np.float32(b)).mean(2) / 255**2
        found.append(float(apart[holds].mean()) if holds.mean() > SEEN else float("nan"))
    return found


def variance(frames: Sequence[Pixels]) -> float:
    """Of the pixels of a frame, the mean over frames and colours."""
    return float(np.mean([np.float32(frame).reshape(-1, 3).var(0).mean() for frame in frames])) / 255**2


def slope(frames: Sequence[Pixels]) -> float:
    """Deviation of the Laplacian of the light, the mean over frames."""
    return float(np.mean([cv2.Laplacian(np.float32(grey(frame)), cv2.CV_32F).std() for frame in frames]))


def light(frames: Sequence[Pixels]) -> float:
    """Mean change of the mean light, in grey levels."""
    means = [float(grey(frame).mean()) for frame in frames]
    return float(np.mean([abs(b - a) for a, b in pairwise(means)]))


def measured(clip: Sequence[Pixels], painted: Sequence[Pixels], plain: Sequence[Pixels], motion: Sequence[Motion]) -> Steady:
    """All of it.

    Args:
        clip: [H, W, 3] each.
        painted: Of these.
        plain: Of these, each painted by itself.
        motion: Of the clip.
    """
    of_clip, of_painted = np.nanmean(errors(clip, motion)), np.array(errors(painted, motion))
    ratio = np.nanmean(of_painted) / variance(painted) / (max(float(of_clip), FLOOR) / variance(clip))
    jump = np.nanmax(of_painted) / np.nanmedian(of_painted)
    return Steady(float(ratio), float(jump), slope(painted) / slope(plain), light(painted) - light(clip))
