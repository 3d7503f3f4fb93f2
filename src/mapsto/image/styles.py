"""How a person names a style: presets, learned hands, pictures, and mixtures of these.

starry-night        painting.jpg        "starry-night:0.6,painting.jpg:0.4"        [(picture, 0.6), ("ink", 0.4)]
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mapsto.errors import UsageError, nearest

PHOTO = "photo"
"""What stands for the picture itself on a way through styles; no style can have this name."""

Part = tuple[object, float]
"""A name, path or picture, and its weight."""


def names(network: str | Path = "style-s") -> list[str]:
    """Presets of a style network, then learned hands; reads headers only.

    Raises:
        WeightsError: missing or damaged weights.
    """
    from mapsto import weights
    from mapsto.image import hands

    return [*weights.card(network)["arguments"]["names"], *hands.names()]


def styles(network: str | Path = "style-s") -> list[dict[str, Any]]:
    """Every style with a name: name, kind (preset or learned), and what is known of its source; reads headers only.

    Raises:
        WeightsError: missing or damaged weights.
    """
    from mapsto import weights
    from mapsto.image import hands

    card = weights.card(network)
    told = card.get("presets", {})
    presets = [{**told.get(name, {}), "name": name, "kind": "preset"} for name in card["arguments"]["names"]]
    learned = [{**hands.story(name), "name": name, "kind": "learned"} for name in hands.names()]
    return presets + learned


def parts_of(style: object, known: Sequence[str]) -> list[Part]:
    """The parts of a style with weights that sum to 1.

    Args:
        style: A name, a path, a picture in memory, "a:0.6,b:0.4", or a sequence of (style, weight).
        known: Names that are not files.

    Raises:
        UsageError: an unknown name, a negative weight, or weights that sum to nothing.
    """
    if isinstance(style, (str, os.PathLike)):
        parts = _spelled(os.fspath(style), known)
    elif isinstance(style, Sequence) and style and all(isinstance(p, tuple) and len(p) == 2 for p in style):
        parts = [(_known_or_path(p, known) if isinstance(p, (str, os.PathLike)) else p, _weight(w)) for p, w in style]
    else:
        parts = [(style, 1.0)]
    total = sum(weight for _, weight in parts)
    if total <= 0:
        raise UsageError(f"The weights of {spelled(parts)!r} sum to nothing.", "Give at least one style a weight above 0.")
    return [(part, weight / total) for part, weight in parts]


def check_strength(strength: float) -> None:
    """Refuse a strength that is none.

    Raises:
        UsageError: outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"The strength {strength:g} is out of range.", "It goes from 0, the photo, to 1, the full style.")


def check_method(method: str, learn: float | None = None) -> None:
    """Refuse a way of painting that is none.

    Args:
        method: fast or optimize.
        learn: Seconds of learning before, None for none.

    Raises:
        UsageError: another method, or learning for one that has no use for it.
    """
    if method not in ("fast", "optimize"):
        raise UsageError(f"There is no method {method!r}.", "There are fast and optimize.")
    if learn is not None and method == "optimize":
        raise UsageError("Optimising looks at the picture itself and has no use for a learned hand.", "Leave --learn out.")


def only_pictures(parts: Sequence[Part]) -> None:
    """Refuse names where the picture itself is needed.

    Raises:
        UsageError: a preset or learned hand among the parts: they are weights, there is no picture to compare with.
    """
    for part, _ in parts:
        if isinstance(part, str):
            raise UsageError(
                f"The style {part!r} is a name, and optimising needs a picture.", "Give a picture file as the style."
            )


def spelled(parts: Sequence[Part]) -> str:
    """The parts in words, as `parts_of` reads them; pictures in memory are called `picture`."""
    names = [str(part) if isinstance(part, (str, Path)) else "picture" for part, _ in parts]
    if len(parts) == 1:
        return names[0]
    return ",".join(f"{name}:{weight:g}" for name, (_, weight) in zip(names, parts, strict=True))


def _spelled(text: str, known: Sequence[str]) -> list[Part]:
    if text in known or Path(text).expanduser().is_file():
        return [(_known_or_path(text, known), 1.0)]
    parts: list[Part] = []
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        name, colon, weight = item.rpartition(":")
        if colon and _is_number(weight):
            parts.append((_known_or_path(name, known), _weight(weight)))
        else:
            parts.append((_known_or_path(item, known), 1.0))
    if not parts:
        raise UsageError("No style was given.", "Name one, or give a picture; `mapsto styles` lists the names.")
    return parts


def _known_or_path(name: str | os.PathLike[str], known: Sequence[str]) -> str | Path:
    text = os.fspath(name)
    if text in known:
        return text
    path = Path(text).expanduser()
    if path.exists():
        return path
    near = nearest(text, list(known))
    hint = f"Perhaps {' or '.join(near)}?" if near else "`mapsto styles` lists the names."
    kind = "no file" if path.suffix or len(path.parts) > 1 else "no style and no file"
    raise UsageError(f"There is {kind} called {text!r}.", hint)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _weight(given: object) -> float:
    try:
        weight = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{given!r} is no weight.", "Weights are numbers, as in starry-night:0.6.") from None
    if not math.isfinite(weight) or weight < 0:
        raise UsageError(f"A style cannot have the weight {weight:g}.", "Weights are 0 or more.")
    return weight
