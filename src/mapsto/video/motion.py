"""How things move from one frame to the next, and where two frames show the same thing.

    H × W pixels of a frame, y and x its places

A flow [H, W, 2] is told at the later frame: what is at p was at p + flow(p) in the earlier one. It is found by dense inverse
search (Kroeger et al., "Fast optical flow using dense inverse search", arXiv 1603.03590) on grey frames of at most 640×360.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsto.errors import UsageError

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]

LOOK = 640 * 360
"""Pixels on which motion is looked for; more cost time and find no more."""

SAME = 12.0
"""Grey levels that what has moved may be off by, smoothed, and still count as the same."""

GAIN = 1.0
"""Grey levels by which a flow must explain what is seen better than no flow does."""

BETTER, SURE = 1.1, 1.5
"""How many times better, too: mere noise is explained a little by some flow. What is blended may follow it a little, what moves
for good may not, or walls would swim."""


class Change(NamedTuple):
    """From one frame to the next.

    Args:
        flow: [H, W, 2], in pixels, x first.
        sure: [H, W, 2], the same where it cannot be mere noise, else 0.
        kept: [H, W] in [0, 1]; 1 where the earlier frame, moved along the flow, looks the same, 0 where something appears or
            comes in from outside, or the flow is wrong.
    """

    flow: Field
    sure: Field
    kept: Field


def cv() -> Any:
    """OpenCV.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise UsageError("Painting clips needs OpenCV, which is not installed.", "pip install 'mapsto[video]'") from error
    return cv2


def grey(frame: Pixels) -> Pixels:
    """[H, W, 3] → the light, [H, W]."""
    seen: Pixels = cv().cvtColor(frame, cv().COLOR_RGB2GRAY)
    return seen


class Motion:
    """Compares frames."""

    def __init__(self) -> None:
        self._search = cv().DISOpticalFlow_create(cv().DISOPTICAL_FLOW_PRESET_FAST)

    def compared(self, later: Pixels, earlier: Pixels) -> Change:
        """Where everything was in the frame before, and how much of what is seen was there at all.

        What matters for blending is the look, so light decides, and not whether the flow runs back the same way. In flat parts
        any flow explains what is seen; there, nothing has moved.

        Args:
            later: Grey, [H, W] uint8.
            earlier: The same size.
        """
        found = self._search_for(later, earlier)
        still, moved = (smooth(cv().absdiff(frame, later).astype(np.float32)) for frame in (earlier, warped(earlier, found)))
        parts: list[Field] = [np.clip((still - times * moved) / GAIN, 0, 1) for times in (BETTER, SURE)]
        flow, sure = (cv().multiply(found, cv().merge([part, part])) for part in parts)
        kept: Field = np.clip(1.5 - (still + parts[0] * (moved - still)) / SAME, 0, 1)
        return Change(flow, sure, kept * inside(flow))

    def _search_for(self, later: Pixels, earlier: Pixels) -> Field:
        height, width = later.shape
        scale = min(1.0, (LOOK / (height * width)) ** 0.5)
        if scale == 1.0 and min(height, width) >= 32:
            found: Field = self._search.calc(later, earlier, None)
            return found
        size = max(32, round(width * scale)), max(32, round(height * scale))
        small = [cv().resize(frame, size, interpolation=cv().INTER_AREA) for frame in (later, earlier)]
        flow = cv().resize(self._search.calc(*small, None), (width, height), interpolation=cv().INTER_LINEAR)
        moved: Field = flow * np.array([width / size[0], height / size[1]], np.float32)
        return moved


def warped(frame: NDArray[Any], flow: Field, *, sharp: bool = False) -> NDArray[Any]:
    """The earlier frame as it would look at the later one's time; beyond the edge the last row and column are repeated.

    Args:
        frame: [H, W] or [H, W, C].
        flow: [H, W, 2].
        sharp: By a cubic instead of a linear: repeated warping would blur.
    """
    how = cv().INTER_CUBIC if sharp else cv().INTER_LINEAR
    seen: NDArray[Any] = cv().remap(frame, places(*flow.shape[:2]) + flow, None, how, borderMode=cv().BORDER_REPLICATE)
    return seen


def inside(flow: Field) -> Field:
    """[H, W] in [0, 1]: 1 where a flow comes from within the frame, 0 from a pixel outside on.

    There, nothing was seen before. The last row or column, repeated, may look the same, and would be dragged in as streaks.
    """
    height, width = flow.shape[:2]
    middle = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
    x, y = cv().split(flow)  # one after the other: operations on pairs of numbers take several times as long
    beyond_x = np.abs(x + (np.arange(width, dtype=np.float32) - middle[0])) - middle[0]
    beyond_y = np.abs(y + (np.arange(height, dtype=np.float32)[:, None] - middle[1])) - middle[1]
    found: Field = np.clip(1 - np.maximum(beyond_x, beyond_y), 0, 1)
    return found


@lru_cache(maxsize=4)
def places(height: int, width: int) -> Field:
    """x and y of every pixel: [H, W, 2], not to be written to."""
    found = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), 2)
    found.setflags(write=False)
    return found


def smooth(values: Field) -> Field:
    """Blurred by a Gaussian of 2 pixels: [H, W] to the same shape."""
    found: Field = cv().GaussianBlur(values, (0, 0), 2)
    return found
