"""Who plays: the instruments that come along, and those a user has learned. Each lives in a network among others.

What a user has learned, `bells` say, is kept in a network of its own that knows all the embedded instruments too, so that
"bells:0.5,flute:0.5" is a point between two in that network.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mapsto import weights
from mapsto.errors import UsageError, WeightsError, nearest
from mapsto.sound.instrument import Instruments, spelled

KIND = "TimbreVAE"
EMBEDDED = "instruments"


def own() -> dict[str, str]:
    """Instruments that a user has learned, and the names of the weights they are in, sorted. Only headers are read."""
    found = {}
    for model in weights.catalogue():
        if model != EMBEDDED and (card := _card(model)) is not None:
            found[str(card.get("instrument", _names(card)[-1]))] = model
    return dict(sorted(found.items()))


def names() -> list[str]:
    """All instruments: those that come along, and the user's own."""
    embedded = _names(weights.card(EMBEDDED))
    return [*embedded, *(name for name in own() if name not in embedded)]


def band_of(text: str | Mapping[str, float]) -> Instruments:
    """Who can play an instrument, or a mixture: the embedded network, or that of an instrument of the user's own.

    Args:
        text: As for `Instruments.timbre`.

    Raises:
        UsageError: an unknown instrument, or two that were learned apart.
    """
    return _loaded(weights.resolve(model_of(text)))


def model_of(text: str | Mapping[str, float]) -> str:
    """The name of the weights that know all instruments of a mixture; errors as for `band_of`."""
    wanted = list(text) if isinstance(text, Mapping) else list(spelled(text))
    known, mine = _names(weights.card(EMBEDDED)), own()
    foreign = [name for name in wanted if name not in known]
    for name in foreign:
        if name not in mine:
            near = nearest(name, [*known, *mine]) or [*known, *mine]
            raise UsageError(f"There is no instrument called {name!r}.", f"Perhaps {' or '.join(near)}?")
    for name in foreign:
        if {*foreign} <= {*_names(weights.card(mine[name]))}:
            return mine[name]
    if foreign:
        raise UsageError(
            f"{' and '.join(foreign)} were learned apart, so nothing is between them.",
            f"Learn one beside the other: mapsto train sound FOLDER --vae {mine[foreign[0]]}",
        )
    return EMBEDDED


def _card(model: str) -> dict[str, Any] | None:
    """Of instruments; None for anything else, and for what cannot be read."""
    try:
        card = weights.card(model)
    except WeightsError:
        return None
    return card if card["architecture"] == KIND and _names(card) else None


def _names(card: Mapping[str, Any]) -> list[str]:
    found = card["arguments"].get("names", [])
    return [str(name) for name in found] if isinstance(found, list) else []


def _loaded(path: Path) -> Instruments:
    return _kept(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _kept(path: Path, changed: int) -> Instruments:
    return Instruments.from_pretrained(path)
