"""Time → Style: a way through styles, ready to be followed frame by frame, and to be written down.

Between two keys the style vector goes straight, which is the Wasserstein geodesic between the statistics that the network
works with; where what is painted strays from the geodesic of its own statistics, the way is bent (`bending`). How fast it goes
is decided by what is seen: along every leg a picture is painted small at `PROBES` places, the perceptual network measures how
much changes from each to the next, and time is dealt out so that equal time is equal change. Easing comes after that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.image.bending import bends
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
        bends: Style vectors that it goes through, evenly between its ends, [1, S] each; none on a straight way.
    """

    start: float
    end: float
    a: Style
    b: Style
    marks: tuple[float, ...] = (0.0, 1.0)
    bends: tuple[Tensor, ...] = ()

    def at(self, seconds: float) -> Style:
        """The style at a time; before the leg its start, after it its end."""
        return self.place(self.part(seconds))

    def part(self, seconds: float) -> float:
        """How far it is at a time, from 0 to 1."""
        part = (seconds - self.start) / (self.end - self.start) if self.end > self.start else 1.0
        if part <= 0 or part >= 1:
            return 1.0 if part >= 1 else 0.0
        place = part * (len(self.marks) - 1)
        low, high = self.marks[int(place)], self.marks[int(place) + 1]
        return low + (place - int(place)) * (high - low)

    def place(self, part: float) -> Style:
        """The style so far on the way, from 0 to 1."""
        if self.a is self.b:
            return self.a
        style = between(self.a, self.b, part)
        if not self.bends or style is self.a or style is self.b:
            return style
        return replace(style, z=paths.spline([self.a.z, *self.bends, self.b.z])(part))


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
        return [_leg_said(leg) for leg in self.legs]

    @classmethod
    def read(cls, said: Sequence[dict[str, Any]]) -> Track:
        """What `said` told, to the last bit."""
        return cls(tuple(map(_leg_read, said)))


def _leg_said(leg: Leg) -> dict[str, Any]:
    said = {"start": leg.start, "end": leg.end, "a": _said(leg.a), "b": _said(leg.b), "marks": list(leg.marks)}
    return said | ({"bends": [z[0].tolist() for z in leg.bends]} if leg.bends else {})


def _leg_read(said: dict[str, Any]) -> Leg:
    through = tuple(torch.tensor([z]) for z in said.get("bends", ()))
    return Leg(said["start"], said["end"], _read(said["a"]), _read(said["b"]), (*said["marks"],), through)


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
    known: dict[Any, tuple[Leg, float]] | None = None,
) -> Track:
    """A way through styles, paced by what is seen of them on pictures.

    Args:
        stylizer: Paints.
        keys: Two or more, as `timeline.keys_of` gives them.
        look: What is painted at a time.
        seconds: Of the whole; by default up to the last key, or 4 where no key has a time.
        loop: Back to the first style, see `closed`.
        easing: One of `paths.EASINGS`, from key to key.
        known: Legs that were measured before on the same picture, which takes seconds; new ones are added.

    Raises:
        UsageError: an unknown style or easing, or times that cannot be.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"A morph of {seconds:g} s shows nothing.", "Give more seconds.")
    layer = _Layer(stylizer, look, paths.easing_of(easing), easing, known)
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

    def __init__(
        self,
        stylizer: Stylizer,
        look: Look,
        ease: Callable[[float], float],
        easing: str,
        known: dict[Any, tuple[Leg, float]] | None,
    ) -> None:
        self.stylizer, self.look, self.ease, self.easing, self.known = stylizer, look, ease, easing, known

    def style(self, key: Key) -> Style:
        """Of a key."""
        if not key.parts:
            return Style(torch.zeros(1, self.stylizer.base.style_size))
        return self.stylizer.style_of(list(key.parts))

    def leg(self, a: Style, b: Style, seconds: float) -> tuple[Leg, float]:
        """From 0 s to 1 s, as it is seen on the picture of a time; and how much changes on it."""
        ends = tuple((tuple(style.z[0].tolist()), style.hands) for style in (a, b))
        if self.known is None:
            return self._measured(a, b, seconds)
        if (ends, self.easing) not in self.known:
            self.known[ends, self.easing] = self._measured(a, b, seconds)
        return self.known[ends, self.easing]

    def _measured(self, a: Style, b: Style, seconds: float) -> tuple[Leg, float]:
        picture = self.look(seconds)
        leg = Leg(0.0, 1.0, a, b, bends=bends(self.stylizer, picture, a, b))
        pace, length = self.stylizer.pace(picture, leg.place, PROBES)
        return replace(leg, marks=tuple(pace(self.ease(mark / MARKS)) for mark in range(MARKS + 1))), length

    def timed(self, styles: Sequence[Style], when: Sequence[Key], seconds: float | None) -> list[Leg]:
        """Between keys whose times are known; where nothing moves, a leg that stands still."""
        legs, clock = [], 0.0
        for number, (style, key) in enumerate(zip(styles, when, strict=True)):
            assert key.time is not None
            assert key.until is not None
            if number:
                before = styles[number - 1]
                leg, _ = self.leg(before, style, (clock + key.time) / 2)
                legs.append(replace(leg, start=clock, end=key.time))
            last = number + 1 == len(when)
            until = max(key.until, seconds or 0.0) if last else key.until
            legs.append(Leg(key.time if number else 0.0, until, style, style))
            clock = key.until
        return legs

    def spread(self, styles: Sequence[Style], seconds: float) -> list[Leg]:
        """Legs that take as long as what changes on them is much: the whole way at one pace."""
        count = len(styles) - 1
        ways = [self.leg(a, b, seconds * (place + 0.5) / count) for place, (a, b) in enumerate(pairwise(styles))]
        whole = sum(length for _, length in ways) or 1.0
        ends = [0.0, *accumulate(seconds * length / whole for _, length in ways)]
        ends[-1] = seconds
        return [replace(leg, start=start, end=end) for (start, end), (leg, _) in zip(pairwise(ends), ways, strict=True)]
