"""How a person spells a way through styles: keyframes, each a style and when it is reached.

    starry-night, great-wave                                     evenly paced
    photo@0s, ink@2s, my_painting.jpg@5s, photo@7s               `photo` is the picture itself
    ink@0s..2s, starry-night:0.5+mosaic:0.5@4s, great-wave@00:09.5        a hold, and a fused style

Styles are those of `mapsto.image.styles`, with + between the parts of a fused one since commas part the keys. Times are seconds
(2s, 2.5s, 2), milliseconds (500ms) or a clock (00:09.5, 1:02:03).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real

from mapsto.errors import UsageError
from mapsto.image.styles import PHOTO, Part, parts_of

LONGEST = 100 * 3600.0
"""Seconds of a timeline."""

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")


@dataclass(frozen=True)
class Key:
    """A style on a timeline.

    Args:
        parts: With weights that sum to 1; none for the picture itself.
        time: When it is reached, in seconds; None where nobody said.
        until: How long it stands.
    """

    parts: tuple[Part, ...]
    time: float | None = None
    until: float | None = None


def keys_of(path: object, known: Sequence[str]) -> list[Key]:
    """The keys of a way through styles.

    Args:
        path: As spelled above, or a sequence of styles, or of (style, seconds).
        known: Names that are not files.

    Raises:
        UsageError: fewer than two keys, an unknown style, a time that is none, or times that do not rise.
    """
    if isinstance(path, str):
        keys = [_spelled(text, known) for text in (piece.strip() for piece in path.split(",")) if text]
    elif isinstance(path, Sequence):
        keys = [_given(item, known) for item in path]
    else:
        raise UsageError(f"{path!r} is no way through styles.", "Name them in order, as 'starry-night, great-wave'.")
    if len(keys) < 2:
        raise UsageError("A way goes from one style to another.", "Name two or more, as 'photo, starry-night'.")
    check_rising(keys)
    return keys


def seconds_of(text: str) -> float | None:
    """A time as people write it, in seconds; None where it is none."""
    text = text.strip()
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        found = math.nan if (minutes >= 60 and clock[1]) or seconds >= 60 else 3600 * hours + 60 * minutes + seconds
        return found if is_time(found) else None
    number, unit = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
    try:
        found = float(number) * unit
    except ValueError:
        return None
    return found if is_time(found) else None


def is_time(seconds: float) -> bool:
    """Whether a timeline can have this time."""
    return 0 <= seconds <= LONGEST


def timed(keys: Sequence[Key], seconds: float | None) -> list[Key] | None:
    """Keys with all times and holds filled in; None where no key has a time, so that they may be spread by what is seen.

    Args:
        keys: As `keys_of` gives them.
        seconds: Of the whole; by default up to the last time that is given.

    Raises:
        UsageError: a time past the end, or no end at all.
    """
    if all(key.time is None for key in keys):
        return None
    ends = [key.time if key.until is None else key.until for key in keys]
    last = max(time for time in ends if time is not None)
    if seconds is None and ends[-1] is None:
        raise UsageError("The last style has no time.", "Give it one, as great-wave@4s, or say how long it all takes.")
    if seconds is not None and last > seconds:
        raise UsageError(
            f"A style is wanted at {last:g} s, and all ends after {seconds:g} s.",
            "Give it an earlier time, or let all take longer.",
        )
    if last == 0 and not seconds:
        raise UsageError("All styles are wanted at 0 s.", "Give the later ones later times.")
    first, *inner, final = keys
    known = [replace(first, time=first.time or 0.0), *inner, replace(final, time=seconds if final.time is None else final.time)]
    return [replace(key, until=key.time if key.until is None else key.until) for key in _filled(known)]


def _filled(keys: Sequence[Key]) -> list[Key]:
    """Keys without a time get one, evenly between the end of the one before and the next that has one."""
    found: list[Key] = []
    there = [place for place, key in enumerate(keys) if key.time is not None]
    for a, b in pairwise(there):
        start = keys[a].time if keys[a].until is None else keys[a].until
        end = keys[b].time
        assert start is not None
        assert end is not None
        found += [keys[a]]
        found += [replace(keys[place], time=start + (end - start) * (place - a) / (b - a)) for place in range(a + 1, b)]
    return [*found, keys[there[-1]]]


def _spelled(text: str, known: Sequence[str]) -> Key:
    style, at, when = text.rpartition("@")
    if not at or "/" in when or "+" in when or text in known or _is_file(text):
        return Key(_parts(text, known))
    start, dots, stop = when.partition("..")
    time, until = seconds_of(start), seconds_of(stop) if dots else None
    if time is None or (dots and until is None):
        raise UsageError(f"{when!r} in {text!r} is no time.", "Write 2s, 2.5s, 500ms or 00:09.5; a hold is 2s..4s.")
    return Key(_parts(style.strip(), known), time, until)


def _given(item: object, known: Sequence[str]) -> Key:
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Real):
        time = float(item[1])
        if not is_time(time):
            raise UsageError(f"{time:g} s is no time.", "Times are seconds from 0.")
        return replace(_given(item[0], known), time=time)
    if isinstance(item, str):
        return _spelled(item, known)
    return Key(tuple(parts_of(item, known)))


def _parts(style: str, known: Sequence[str]) -> tuple[Part, ...]:
    if style == PHOTO:
        return ()
    whole = style in known or _is_file(style)
    return tuple(parts_of(style if whole else style.replace("+", ","), known))


def _is_file(text: str) -> bool:
    return os.path.isfile(os.path.expanduser(text))  # noqa: PTH111, PTH113 (a ~ without a home is left as it is)


def check_rising(keys: Sequence[Key]) -> None:
    """Refuse times that go back.

    Raises:
        UsageError: it says which.
    """
    before = -math.inf
    for number, key in enumerate(keys, 1):
        for time in (key.time, key.until):
            if time is not None and time < before:
                raise UsageError(f"Style {number} comes at {time:g} s, after one at {before:g} s.", "Put them in order.")
            before = before if time is None else time


def closed(keys: Sequence[Key], seconds: float | None) -> tuple[list[Key], float | None]:
    """A way and its seconds, back to its first style; where nobody says when, in the mean time of the legs before.

    Raises:
        UsageError: no time is left for the way back.
    """
    end = keys[-1].time if keys[-1].until is None else keys[-1].until
    if seconds is None and end is not None:
        seconds = end + (end - (keys[0].time or 0.0)) / (len(keys) - 1)
    if seconds is not None and end is not None and seconds <= end:
        raise UsageError("The loop has no time for its way back to the first style.", f"Let it take longer than {end:g} s.")
    return [*keys, Key(keys[0].parts)], seconds
