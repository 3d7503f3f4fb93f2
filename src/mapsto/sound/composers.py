"""Which composers there are, and their styles: those that ship, and the user's own. Only headers are read."""

from __future__ import annotations

from typing import Any

from mapsto import weights
from mapsto.errors import WeightsError
from mapsto.image import own_models

KIND = "ScoreNetwork"


def names() -> list[str]:
    """All composers, sorted."""
    return list(_cards())


def styles() -> list[dict[str, Any]]:
    """Every style of every composer: name, model, kind (embedded or own), tempo_bpm and meter where they are told.

    Raises:
        WeightsError: there is no composer.
    """
    cards = _cards()
    if not cards:
        raise WeightsError("There is no composer here.", "`mapsto train music` makes one.")
    return [_told(str(style), name, card) for name, card in cards.items() for style in card["arguments"].get("styles", ())]


def _cards() -> dict[str, dict[str, Any]]:
    """The cards of all composers by name; what cannot be read is none."""
    found: dict[str, dict[str, Any]] = {}
    for name, path in weights.catalogue().items():
        try:
            card = weights.card(path)
        except WeightsError:
            continue
        if card["architecture"] == KIND:
            found[name] = card
    return found


def _told(style: str, name: str, card: dict[str, Any]) -> dict[str, Any]:
    def said(what: str) -> Any:
        found = card.get(what)
        return found.get(style) if isinstance(found, dict) else None

    return {
        "name": style,
        "model": name,
        "kind": "own" if weights.resolve(name) == own_models.path_of(name) else "embedded",
        "tempo_bpm": said("tempos"),
        "meter": said("meters"),
    }
