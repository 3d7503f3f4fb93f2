"""Paintings of small frames at full size: enlarged, with the fine light of the frame itself.

Around every place the light of the painting is a line of that of the photo, a · photo + b (He et al., "Guided image filtering",
IEEE TPAMI 35, 2013, eq. 4). So what the photo loses by being made smaller and large again, times a, is what the painting lacks.
Strokes that are not in the photo stay as they are, where a guided filter would smooth them.
"""

from __future__ import annotations

import numpy as np

from mapsto.video.motion import Field, Pixels, cv, grey

RADIUS = 4
"""Of the windows in which a is measured, in pixels of the small frame."""

FLAT = 20.0
"""Variance of grey levels below which a is drawn to 0: noise in flat parts is not detail."""

STEEPEST = 1.5

BAND = 64
"""Rows of a frame that are worked on at once."""


def with_detail(painted: Pixels, small: Pixels, frame: Pixels) -> Pixels:
    """A painting at the size of the frame that it is of.

    Args:
        painted: [h, w, 3] uint8.
        small: What was painted, [h, w, 3] uint8: the frame, made smaller.
        frame: [H, W, 3] uint8.

    Returns:
        [H, W, 3] uint8.
    """
    size = frame.shape[1], frame.shape[0]
    light = grey(small)
    slope = cv().resize(slopes(light, grey(painted)), size, interpolation=cv().INTER_LINEAR)
    soft = cv().resize(light, size, interpolation=cv().INTER_CUBIC)
    full: Pixels = cv().resize(painted, size, interpolation=cv().INTER_CUBIC)
    for top in range(0, size[1], BAND):  # in bands, which stay in the cache, and are small beside a frame
        rows = slice(top, top + BAND)
        lost = cv().subtract(grey(frame[rows]), soft[rows], dtype=cv().CV_32F)
        full[rows] = cv().add(full[rows], cv().merge([slope[rows] * lost] * 3), dtype=cv().CV_8U)
    return full


def slopes(light: Pixels, painted: Pixels) -> Field:
    """a of every window: covariance over variance, of grey frames [h, w] → [h, w] in [−1, `STEEPEST`]."""
    x, y = light.astype(np.float32), painted.astype(np.float32)

    def mean(values: Field) -> Field:
        found: Field = cv().blur(values, (2 * RADIUS + 1, 2 * RADIUS + 1))
        return found

    centre = mean(x)
    found = (mean(x * y) - centre * mean(y)) / (mean(x * x) - centre * centre + FLAT)
    return np.clip(found, -1, STEEPEST)
