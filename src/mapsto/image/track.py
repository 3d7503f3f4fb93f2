"""Time → Style: a way through styles, ready to be followed frame by frame, and to be written down.

Between two keys the style vector goes straight, which is the Wasserstein geodesic between the statistics that the network
works with. How fast is decided by what is seen: along every leg a picture is painted small at `PROBES` places, the perceptual
network measures how much changes from each to the next, and time is dealt out so that equal time is equal change. Easing comes
after that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.image.points import Style, between
from mapsto.image.stylizer import Stylizer
from mapsto.image.timeline import Key, closed, timed
from mapsto.media.picture import Picture

PROBES = 17
"""Places on a leg where the picture is looked at."""

MARKS = 128
"""Into how many straight pieces the pace of a leg is cut."""

SECONDS = 4.0
"""Of a way without times."""

Look = Callable[[float], Picture]
"""Which picture is there at a time in seconds."""


@dataclass(frozen=True)
class Leg:
    """Part of a way.

    Args:
        start: Seconds.
        end: Seconds.
        a: Where it starts.
        b: Where it ends.
        marks: How far it is after equal parts of its time, from 0 to 1.
    """

    start: float
    end: float
    a: Style
    b: Style
    marks: tuple[float, ...] = (0.0, 1.0)

    def at(self, seconds: float) -> Style:
        """The style at a time; before the leg its start, after it its end."""
        part = (seconds - self.start) / (self.end - self.start) if self.end > self.start else 1.0
        if part <= 0 or part >= 1 or self.a is self.b:
            return self.b if part >= 1 else self.a
        place = part * (len(self.marks) - 1)
        low, high = self.marks[int(place)], self.marks[int(place) + 1]
        return between(self.a, self.b, low + (place - int(place)) * (high - low))


@dataclass(frozen=True)
class Track:
    """A way through styles.

    Args:
        legs: One after the other, from 0 s on.
    """

    legs: tuple[Leg, ...]

    @classmethod
    def still(cls, style: Style) -> Track:
        """A way that stands."""
        return cls((Leg(0.0, 0.0, style, style),))

    @property
    def seconds(self) -> float:
        """Of the whole."""
        return self.legs[-1].end

    def at(self, seconds: float) -> Style:
        """Where the way is at a time; before its beginning and after its end it stands still."""
        return self.legs[max(0, bisect_right([leg.start for leg in self.legs], seconds) - 1)].at(seconds)

    def said(self) -> list[dict[str, Any]]:
        """In JSON; `read` understands it."""
        return [
            {"start": leg.start, "end": leg.end, "a": _said(leg.a), "b": _said(leg.b), "marks": list(leg.marks)}
            for leg in self.legs
        ]

    @classmethod
    def read(cls, said: Sequence[dict[str, Any]]) -> Track:
        """What `said` told, to the last bit."""
        return cls(tuple(Leg(**{**leg, "a": _read(leg["a"]), "b": _read(leg["b"]), "marks": (*leg["marks"],)}) for leg in said))


def _said(style: Style) -> dict[str, Any]:
    return {"z": style.z[0].tolist(), "hands": [list(hand) for hand in style.hands]}


def _read(said: dict[str, Any]) -> Style:
    return Style(torch.tensor([said["z"]]), tuple((str(name), float(share)) for name, share in said["hands"]))


def track_of(
    stylizer: Stylizer,
    keys: Sequence[Key],
    look: Look,
    *,
    seconds: float | None = None,
    loop: bool = False,
    easing: str = "linear",
) -> Track:
    """A way through styles, paced by what is seen of them on pictures.

    Args:
        stylizer: Paints.
        keys: Two or more, as `timeline.keys_of` gives them.
        look: What is painted at a time.
        seconds: Of the whole; by default up to the last key, or 4 where no key has a time.
        loop: Back to the first style, see `closed`.
        easing: One of `paths.EASINGS`, from key to key.

    Raises:
        UsageError: an unknown style or easing, or times that cannot be.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"A morph of {seconds:g} s shows nothing.", "Give more seconds.")
    layer = _Layer(stylizer, look, paths.easing_of(easing))
    styles = [layer.style(key) for key in keys]
    if loop and not same(styles[0], styles[-1]):
        keys, seconds = closed(keys, seconds)
        styles.append(styles[0])
    when = timed(keys, seconds)
    return Track(tuple(layer.spread(styles, seconds or SECONDS) if when is None else layer.timed(styles, when, seconds)))


def same(a: Style, b: Style) -> bool:
    """Whether both paint the same."""
    return a.z.equal(b.z) and a.hands == b.hands


class _Layer:
    """Lays legs."""

    def __init__(self, stylizer: Stylizer, look: Look, ease: Callable[[float], float]) -> None:
        self.stylizer, self.look, self.ease = stylizer, look, ease

    def style(self, key: Key) -> Style:
        """Of a key."""
        if not key.parts:
            return Style(torch.zeros(1, self.stylizer.base.style_size))
        return self.stylizer.style_of(list(key.parts))

    def marks(self, a: Style, b: Style, seconds: float) -> tuple[tuple[float, ...], float]:
        """Of a leg that is looked at at a time; and how much changes on it."""
        pace, length = self.stylizer.pace(self.look(seconds), a, b, PROBES)
        return tuple(pace(self.ease(mark / MARKS)) for mark in range(MARKS + 1)), length

    def timed(self, styles: Sequence[Style], when: Sequence[Key], seconds: float | None) -> list[Leg]:
        """Between keys whose times are known; where nothing moves, a leg that stands still."""
        legs, clock = [], 0.0
        for number, (style, key) in enumerate(zip(styles, when, strict=True)):
            assert key.time is not None
            assert key.until is not None
            if number:
                before = styles[number - 1]
                legs.append(Leg(clock, key.time, before, style, self.marks(before, style, (clock + key.time) / 2)[0]))
            last = number + 1 == len(when)
            until = max(key.until, seconds or 0.0) if last else key.until
            legs.append(Leg(key.time if number else 0.0, until, style, style))
            clock = key.until
        return legs

    def spread(self, styles: Sequence[Style], seconds: float) -> list[Leg]:
        """Legs that take as long as what changes on them is much: the whole way at one pace."""
        count = len(styles) - 1
        ways = [self.marks(a, b, seconds * (leg + 0.5) / count) for leg, (a, b) in enumerate(pairwise(styles))]
        whole = sum(length for _, length in ways) or 1.0
        ends = [0.0, *accumulate(seconds * length / whole for _, length in ways)]
        ends[-1] = seconds
        return [
            Leg(*times, *pair, marks) for times, pair, (marks, _) in zip(pairwise(ends), pairwise(styles), ways, strict=True)
        ]
