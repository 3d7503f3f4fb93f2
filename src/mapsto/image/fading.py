"""How a way through styles is shown on a still picture: painted at a few places, and faded from each to the next.

Painted anew in every frame, strokes come and go one by one along a way, and each step is longer than what it brings nearer.
Fading lets all that differs between two places go over together. Over a whole way it shows two paintings on top of each other;
between places that look alike it does not. So there are as few places as will do: halfway between two of them, what is faded
has to be as near to the statistics of the way (`bending.geodesic`) as what is painted there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from mapsto.image import tiles
from mapsto.image.bending import geodesic
from mapsto.image.stylize import noise_like
from mapsto.image.stylizer import SEEN, Stylizer, thumbnail
from mapsto.image.track import MARKS, Leg
from mapsto.learning import losses
from mapsto.media.picture import Picture

COUNTS = (4, 8, 16)
"""Of pieces that a leg may be cut into; four that suffice are better than more."""

WORSE = 0.01
"""Style loss that a faded picture may have more than a painted one."""


@dataclass(frozen=True)
class Fade:
    """A leg with the places it is painted at.

    Args:
        leg: Its marks deal out time so that fading is even.
        places: Rising from 0 to 1, as parts of the leg; of a leg that stands, its start alone.
    """

    leg: Leg
    places: tuple[float, ...] = (0.0,)

    def at(self, seconds: float) -> tuple[float, float, float]:
        """What is shown at a time: the place before, the place after, and how far it is from one to the other, in [0, 1)."""
        part = self.leg.part(seconds)
        number = bisect_right(self.places, part) - 1
        before, after = self.places[number], self.places[min(number + 1, len(self.places) - 1)]
        return before, after, (part - before) / (after - before) if after > before else 0.0


def fading(stylizer: Stylizer, picture: Picture, leg: Leg, ease: Callable[[float], float]) -> Fade:
    """Where to paint on a leg.

    Args:
        stylizer: Paints.
        picture: Looked at as a thumbnail.
        leg: With the `MARKS` of an even pace.
        ease: Pace that is wanted.
    """
    if leg.a is leg.b:
        return Fade(leg)
    eye = _Eye(stylizer, picture, leg)
    for count in COUNTS:
        places = (0.0, *(leg.marks[MARKS * number // count] for number in range(1, count)), 1.0)
        if count == COUNTS[-1] or all(eye.fades(a, b) for a, b in pairwise(places)):
            break
    lengths = [eye.length(a, b) for a, b in pairwise(places)]
    return Fade(replace(leg, marks=_dealt(places, lengths, ease)), places)


def faded(a: Picture, b: Picture, share: float) -> Picture:
    """Between two pictures of one size; a itself at 0."""
    if share == 0:
        return a
    first = a.pixels.astype(np.float32)
    return replace(a, pixels=np.rint(first + np.float32(share) * (b.pixels - first)).astype(np.uint8))


def _dealt(places: tuple[float, ...], lengths: list[float], ease: Callable[[float], float]) -> tuple[float, ...]:
    """Marks with which every piece takes as long as it is."""
    whole = sum(lengths)
    if not whole > 0:
        return tuple(ease(mark / MARKS) for mark in range(MARKS + 1))
    ends = [0.0, *(length / whole for length in accumulate(lengths))]
    ends[-1] = 1.0
    marks = np.interp([ease(mark / MARKS) for mark in range(MARKS + 1)], ends, places)
    return tuple(marks.tolist())


class _Eye:
    """Sees what a leg looks like, small.

    Args:
        stylizer: Paints.
        picture: What is painted.
        leg: The way.
    """

    def __init__(self, stylizer: Stylizer, picture: Picture, leg: Leg) -> None:
        self.stylizer, self.leg, self.small = stylizer, leg, thumbnail(picture)
        self.noise = noise_like(self.small.shape[2], self.small.shape[3])
        self.painted, self.taps = cache(self._painted), cache(self._taps)
        first, last = self.taps(0.0), self.taps(1.0)
        self.scale = {tap: float(first[tap].norm() + last[tap].norm()) / 2 or 1.0 for tap in SEEN}
        self.target = geodesic(losses.grams(first), losses.grams(last))

    def length(self, a: float, b: float) -> float:
        """How much changes while one place fades into another, on the scale of `Stylizer.pace`."""
        middle = self._halfway(a, b)
        return self._change(self.taps(a), middle) + self._change(middle, self.taps(b))

    def fades(self, a: float, b: float) -> bool:
        """Whether halfway between two places fading is as good as painting."""
        middle = (a + b) / 2
        by_fading, by_painting = self._halfway(a, b), self.taps(middle)
        return self._far(by_fading, middle) <= self._far(by_painting, middle) + WORSE

    def _halfway(self, a: float, b: float) -> dict[str, Tensor]:
        return self._seen(torch.lerp(self.painted(a), self.painted(b), 0.5))

    def _far(self, taps: losses.Taps, part: float) -> float:
        with torch.inference_mode():
            return float(losses.style_loss(losses.grams(taps), self.target(part)))

    def _change(self, x: losses.Taps, y: losses.Taps) -> float:
        return sum(float((x[tap] - y[tap]).norm()) / self.scale[tap] for tap in SEEN)

    def _painted(self, part: float) -> Tensor:
        style = self.leg.place(part)
        z = style.z.to(device=self.stylizer.device, dtype=self.stylizer.dtype)
        return tiles.run(self.stylizer.network_for(style), self.small, z, self.noise, None)

    def _taps(self, part: float) -> dict[str, Tensor]:
        return self._seen(self.painted(part))

    def _seen(self, x: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            found: dict[str, Tensor] = self.stylizer.features(x.to(self.stylizer.device))
            return found
