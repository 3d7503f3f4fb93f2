"""What a user taught, forgotten: its weights go into a trash of their own, and come back from it under their name.

forgotten/NAME.safetensors, forgotten/hand.NAME.safetensors     weights, as they lay in data/weights
forgotten/runs/NAME/                                            the training of a model
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Literal

from mapsto.studio.refusals import Refusal
from mapsto.studio.store import TRASH_DAYS, Store

Kind = Literal["model", "style"]
BUSY = ("waiting", "running", "paused", "interrupted")


def _places(store: Store, kind: Kind, name: str) -> list[tuple[Path, Path]]:
    """Where the parts of something are, and where they go when it is forgotten; its weights first."""
    from mapsto.image import hands, own_models

    trash = store.root / "forgotten"
    weights = hands.path_of(name) if kind == "style" else own_models.path_of(name)
    runs = [(own_models.run_of(name), trash / "runs" / name)] if kind == "model" else []
    return [(weights, trash / weights.name), *runs]


def forget(store: Store, kind: Kind, name: str) -> dict[str, str]:
    """Put a model or a style of the user's own into the trash.

    Raises:
        Refusal: there is none of that name, or a job needs it.
    """
    weights, _ = _places(store, kind, name)[0]
    if not weights.is_file():
        raise Refusal(404, "not-own", f"No {kind} of your own is called {name!r}.", "What comes with Mapsto stays.", name=name)
    check_unused(store, name)
    _move(_places(store, kind, name))
    return {"kind": kind, "name": name}


def recall(store: Store, kind: Kind, name: str) -> dict[str, str]:
    """Take it out of the trash.

    Raises:
        Refusal: it is not there, or something else has that name now.
    """
    places = [(there, here) for here, there in _places(store, kind, name)]
    weights, back = places[0]
    if not weights.is_file():
        raise Refusal(404, "gone", f"{name} is not in the trash.", "It may have been deleted for good.", name=name)
    if back.exists():
        raise Refusal(409, "name-taken", f"There is something called {name} already.", "Forget that first.", name=name)
    _move(places)
    return {"kind": kind, "name": name}


def _move(places: list[tuple[Path, Path]]) -> None:
    for source, target in places:
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            source.replace(target)


def forgotten(store: Store) -> list[dict[str, str]]:
    """What is in the trash, by name."""
    found = []
    for path in sorted((store.root / "forgotten").glob("*.safetensors")):
        is_style = path.name.startswith("hand.")
        found.append({"kind": "style" if is_style else "model", "name": path.stem.removeprefix("hand.")})
    return found


def clear(store: Store, older: float = TRASH_DAYS * 86400) -> None:
    """Delete for good what has been forgotten for so many seconds."""
    trash = store.root / "forgotten"
    for path in [*trash.glob("*.safetensors"), *trash.glob("runs/*")]:
        if time.time() - path.stat().st_ctime >= older:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def check_unused(store: Store, name: str) -> None:
    """Refuse to take away what a job still needs.

    Args:
        store: Where jobs are.
        name: Of a model or style, or the id of a folder.

    Raises:
        Refusal: one does.
    """
    for job in store.jobs(BUSY):
        if name in _words(job["settings"]):
            raise Refusal(409, "in-use", f"A job needs {name}.", "Wait for it, or cancel it.", name=name, job=job["id"])


def _words(value: Any) -> set[str]:
    """All texts in settings, and the names they are under: styles stand as keys."""
    if isinstance(value, dict):
        return {*value, *(word for each in value.values() for word in _words(each))}
    if isinstance(value, list):
        return {word for each in value for word in _words(each)}
    return {value} if isinstance(value, str) else set()
