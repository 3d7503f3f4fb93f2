"""How a person spells styles of music and the way from one to another; → weights.

ragtime                              one
ragtime:0.6,lied:0.4                 both at once, by weight
lied@1, ragtime@9, march@16          keyframes: styles, and the bars at which they are reached
lied@1..4, ragtime:0.5+march:0.5@9   a hold, and a fused style, with + between its parts since commas part the keys

S styles that are known
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from mapsto.errors import UsageError, nearest
from mapsto.image.styles import parts_of
from mapsto.image.timeline import Key, timed
from mapsto.paths import shares

_BARS = re.compile(r"(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)


def row_of(styles: str | Mapping[str, float], known: Sequence[str]) -> Tensor:
    """Weights [S] that sum to 1.

    Args:
        styles: As a person spells them, or weights by name.
        known: Names.

    Raises:
        UsageError: an unknown style, a negative weight, or weights that sum to nothing.
    """
    return _weights(_parts(styles, known), known)


def curve_of(path: str | Sequence[Any], bars: int, known: Sequence[str]) -> Tensor:
    """Weights of the styles in every bar, [bars, S], straight from key to key.

    Args:
        path: As a person spells it, or a sequence of styles, or of (style, bar). Where no bar is told, evenly.
        bars: How many there are.
        known: Names.

    Raises:
        UsageError: as for `row_of`, fewer than two keys, bars that do not rise, before the first or past the last.
    """
    keys = _keys(path, known)
    late = [key for key in keys if key.time is not None and max(key.time, key.until or 0) > bars]
    if late:
        last = late[0].until or late[0].time
        raise UsageError(f"A style is wanted in bar {last:g}, and there are {bars}.", "Ask for more bars.")
    if any(key.time is not None and key.time < 1 for key in keys):
        raise UsageError("Bars are counted from 1.", "As in 'lied@1, ragtime@9'.")
    if keys[0].time is None and any(key.time is not None for key in keys):
        keys[0] = replace(keys[0], time=1.0, until=None)
    spread = timed(keys, float(bars)) or [
        replace(key, time=1 + (bars - 1) * place / (len(keys) - 1), until=None) for place, key in enumerate(keys)
    ]
    times = [(time, key) for key in spread for time in (key.time, key.until) if time is not None]
    points = [(float(time), _weights(key.parts, known)) for time, key in times]
    return torch.stack([_at(points, bar) for bar in range(1, bars + 1)])


def _keys(path: str | Sequence[Any], known: Sequence[str]) -> list[Key]:
    """The keys of a path, whose times are bars, in order."""
    items = [each.strip() for each in path.split(",") if each.strip()] if isinstance(path, str) else list(path)
    if len(items) < 2:
        raise UsageError("A path goes from one style to another.", "Name two or more, as in 'lied@1, ragtime@9'.")
    keys = [_key(item, known) for item in items]
    bars = [bar for key in keys for bar in (key.time, key.until) if bar is not None]
    for before, after in pairwise(bars):
        if after < before:
            raise UsageError(f"Bar {after:g} comes after bar {before:g} in this path.", "Put its styles in order.")
    return keys


def _key(item: Any, known: Sequence[str]) -> Key:
    """One style of a path: "lied@1..4", ("lied", 1), or all that `row_of` takes."""
    bar, until = None, None
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Real):
        item, bar = item[0], float(item[1])
    elif isinstance(item, str) and "@" in item:
        item, _, when = item.partition("@")
        bar, until = _bars(when.strip())
    return Key(_parts(item.replace("+", ",") if isinstance(item, str) else item, known), bar, until)


def _bars(text: str) -> tuple[float, float | None]:
    """What "9", or the hold "9..12", says."""
    found = _BARS.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no bar.", "Write lied@9, or lied@9..12 where it is to hold.")
    return float(found[1]), None if found[2] is None else float(found[2])


def _parts(styles: Any, known: Sequence[str]) -> tuple[tuple[object, float], ...]:
    """Names and weights that sum to 1. What is no style of music is refused before it is looked for among pictures."""
    if not isinstance(styles, str):
        styles = list(styles.items()) if isinstance(styles, Mapping) else list(styles)
        names = [str(name) for name, _ in styles]
    else:
        parts = [part.partition(":") for part in (part.strip() for part in styles.split(",")) if part]
        names = [name.strip() for name, _, _ in parts]
        for weight in [weight for _, colon, weight in parts if colon and not _NUMBER.fullmatch(weight)]:
            raise UsageError(f"{weight!r} is no weight.", "Weights are numbers, as in ragtime:0.6,lied:0.4.")
    for name in [name for name in names if name not in known] or ([] if names else [""]):
        near = nearest(name, list(known))
        hint = f"Perhaps {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
        raise UsageError(f"There is no musical style called {name!r}.", hint)
    return tuple(parts_of(styles, known))


def _weights(parts: Sequence[tuple[object, float]], known: Sequence[str]) -> Tensor:
    row = torch.zeros(len(known))
    for name, weight in parts:
        row[known.index(str(name))] += weight
    return torch.tensor(shares(row.tolist()))


def _at(points: Sequence[tuple[float, Tensor]], bar: float) -> Tensor:
    """Straight between points; before the first and after the last it stands."""
    for (start, a), (end, b) in pairwise(points):
        if start <= bar <= end and end > start:
            return torch.lerp(a, b, (bar - start) / (end - start))
    return points[0][1] if bar < points[0][0] else points[-1][1]
