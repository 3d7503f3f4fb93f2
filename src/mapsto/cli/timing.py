"""When a morph reaches which of its styles, and the settings in a file that say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from mapsto.cli import film
from mapsto.cli.order import Ingredient
from mapsto.errors import UnreadableInput, UsageError
from mapsto.image.timeline import Key, check_rising, is_time


@dataclass(frozen=True)
class Stop:
    """A keyframe: how many parts its style has, none for the photo; when it is reached, and until when it stands."""

    parts: int
    time: float | None
    until: float | None


@dataclass(frozen=True)
class Timing:
    """How a morph is filmed.

    Args:
        stops: Its keyframes.
        seconds: Of the whole; None up to the last keyframe.
        fps: Frames a second.
        loop: Back to the first style.
        easing: From keyframe to keyframe.
        frame: Only this one, from 0.
    """

    stops: tuple[Stop, ...]
    seconds: float | None
    fps: float
    loop: bool
    easing: str
    frame: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no film."""
        from mapsto.paths import easing_of

        if not 0 < self.fps <= 240:
            raise UsageError(f"{self.fps:g} frames a second cannot be shown.", "Give --fps above 0, up to 240.")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"A morph of {self.seconds:g} s shows nothing.", "Give more --seconds.")
        easing_of(self.easing)
        check_rising([Key((), stop.time, stop.until) for stop in self.stops])

    def times(self, seconds: float) -> list[float]:
        """When each frame is shown, in seconds.

        Of a loop, all but the one that is the first again; else the last style is reached, if need be a part of a frame later.

        Args:
            seconds: Of the whole, as it was found.

        Raises:
            UsageError: no frame, or too many.
        """
        count = film.count_of(seconds, self.fps)
        if self.loop:
            return [seconds * number / count for number in range(count)]
        count = math.ceil(seconds * self.fps - 1e-6)
        return [min(number / self.fps, seconds) for number in range(count + 1)]

    def keys(self, style: Sequence[Ingredient]) -> list[Key]:
        """The keyframes, from the parts of all of them one after the other."""
        ends = [0, *accumulate(stop.parts for stop in self.stops)]
        groups = [tuple((part.thing, part.weight) for part in style[a:b]) for a, b in pairwise(ends)]
        return [Key(group, stop.time, stop.until) for group, stop in zip(groups, self.stops, strict=True)]

    def said(self) -> dict[str, Any]:
        """In settings; `timing_of` understands it."""
        path = [[stop.parts, stop.time, stop.until] for stop in self.stops]
        plain = {name: getattr(self, name) for name in ("seconds", "fps", "loop", "easing", "frame")}
        return {"command": "morph", "path": path, **plain}


def timing_of(settings: dict[str, Any]) -> Timing:
    """The timing that settings tell of. They come from a file, so nothing is taken for granted.

    Raises:
        UnreadableInput: they are not ours, or damaged.
        UsageError: they are damaged so that they make no sense.
    """
    path = settings.get("path")
    kinds: dict[str, tuple[type, ...]] = {
        "seconds": (int, float, type(None)),
        "fps": (int, float),
        "loop": (bool,),
        "easing": (str,),
        "frame": (int, type(None)),
    }
    sound = isinstance(path, list) and all(_is_stop(stop) for stop in path) and len(path) > 1
    sound = sound and all(type(settings.get(name)) in kind for name, kind in kinds.items())
    style, frame = settings.get("style"), settings.get("frame")
    sound = sound and (frame is None or 0 <= frame < film.MOST_FRAMES)
    if not sound or not isinstance(style, list) or sum(stop[0] for stop in path or ()) != len(style):
        raise UnreadableInput("The settings in this file are not complete.", "Only files made by Mapsto can be repeated.")
    return Timing(tuple(Stop(*stop) for stop in path or ()), **{name: settings[name] for name in kinds})


def _is_stop(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 3 and type(value[0]) is int and value[0] >= 0):
        return False
    _, time, until = value
    return (until is None or time is not None) and all(_is_time(each) for each in (time, until))


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and is_time(value))
