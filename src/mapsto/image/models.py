"""Which models there are that draw pictures: those that ship, and the user's own. Only headers are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mapsto import weights
from mapsto.errors import UsageError, WeightsError
from mapsto.image import own_models

KIND = "ImageModel"

LEARNED = (KIND, "ScoreNetwork", "TimbreVAE")
"""What a user can train, and forget: models of pictures, composers and instruments."""


def names() -> list[str]:
    """All of them, sorted."""
    return list(_cards())


def models() -> list[dict[str, Any]]:
    """Every model with a name, and what its card says of it.

    name, kind (embedded or own), draws, width, height, channels, priors, classes, sliders, data, licence, scores, bytes, path.
    """
    return [_told(name, card) for name, card in _cards().items()]


def check_known(name: str | Path) -> None:
    """Refuse a name that no model has, and say which there are.

    Raises:
        WeightsError: no such model, or no such file.
    """
    try:
        weights.resolve(name)
    except WeightsError as error:
        there = names()
        known = f"There are: {', '.join(there)}." if there else "There is none yet; `mapsto train` makes one."
        raise WeightsError(f"There is no model called {str(name)!r}.", known) from error


def forget(name: str) -> Path | None:
    """Delete a model, a composer or an instrument of the user's own; → where its training still lies, None where there is none.

    Raises:
        UsageError: no such model, or one that came with Mapsto.
    """
    path, run = own_models.path_of(name), own_models.run_of(name)
    known = _cards(LEARNED)
    if name in known and weights.resolve(name) != path:
        raise UsageError(f"{name} came with Mapsto and stays.", "Only models of your own are forgotten.")
    if name not in known:
        own = ", ".join(each for each in known if own_models.path_of(each).is_file())
        raise UsageError(
            f"There is no model of your own called {name!r}.", f"There are: {own}." if own else "There are: none yet."
        )
    path.unlink()
    return run if run.is_dir() else None


def _cards(kinds: Collection[str] = (KIND,)) -> dict[str, dict[str, Any]]:
    """The cards of all models of some kinds by name; what cannot be read is no model."""
    found: dict[str, dict[str, Any]] = {}
    for name, path in weights.catalogue().items():
        try:
            card = weights.card(path)
        except WeightsError:
            continue
        if card["architecture"] in kinds:
            found[name] = card
    return found


def _told(name: str, card: Mapping[str, Any]) -> dict[str, Any]:
    path, made = weights.resolve(name), card["arguments"]
    has = {"flow": made.get("flow"), "gan": made.get("gan"), "gaussian": made.get("vae")}
    return {
        "name": name,
        "kind": "own" if path == own_models.path_of(name) else "embedded",
        "draws": card.get("draws", card.get("data")),
        "width": made.get("width"),
        "height": made.get("height"),
        "channels": made.get("channels", 3),
        "priors": [prior for prior, there in has.items() if there is not None],
        "classes": list(made.get("classes", ())),
        "sliders": card.get("sliders", {}),
        "data": card.get("data"),
        "licence": card.get("licence"),
        "scores": card.get("scores", {}),
        "bytes": path.stat().st_size,
        "path": str(path),
    }
