"""Learned hands: styles a user taught, kept as weights of their own under a name."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import weights
from mapsto.errors import NoSpace, UsageError, WeightsError, nearest
from mapsto.files import check_writable, data_dir, sha256
from mapsto.image.styles import PHOTO

if TYPE_CHECKING:
    from mapsto.image.stylize import StyleNetwork

PREFIX = "hand."
"""Learned hands lie beside other weights; the prefix tells them apart."""

LONGEST = 56
"""Letters of a name that is taken from a file; a number may follow."""


def names() -> list[str]:
    """All learned hands, sorted."""
    return sorted(path.stem[len(PREFIX) :] for path in _folder().glob(f"{PREFIX}*.safetensors"))


def path_of(name: str) -> Path:
    """Where the hand of that name is kept, whether it is there or not."""
    return _folder() / f"{PREFIX}{name}.safetensors"


def name_of(painting: Path, base: str = "") -> str | None:
    """The hand that was learned from this very picture file, None where there is none.

    Args:
        painting: The file.
        base: Digest of the weights it must have been learned on; any where it is empty.
    """
    stories = {name: story(name) for name in names()}
    known = {told.get("sha256"): name for name, told in stories.items() if not _strange(told, base)}
    return known.get(sha256(painting)) if known and painting.is_file() else None


def free_name(painting: Path | None, taken: list[str]) -> str:
    """A name for a new hand: the painting's file name in plain letters, numbered where it is taken."""
    stem = re.sub(r"[^\w]+", "-", painting.stem.lower()).strip("-") if painting else "picture"
    stem = stem[:LONGEST] or "picture"
    numbered = (f"{stem}-{number}" for number in range(2, 10_000))
    taken = [*taken, PHOTO]
    return stem if stem not in taken else next(name for name in numbered if name not in taken)


def check_name(name: str, of: str = "style") -> None:
    """Refuse a name that could not be written in a command.

    Args:
        name: For a new style, or whatever else is kept.
        of: What that is called.

    Raises:
        UsageError: other characters than letters, digits, - and _; or what stands for the picture itself.
    """
    if of == "style" and name == PHOTO:
        raise UsageError(f"No style can be called {name!r}: that is the picture itself.", "Choose another name.")
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        raise UsageError(f"{name!r} cannot be a {of}'s name.", "Use letters, digits, - and _, 64 at most.")


def check_place() -> None:
    """Find out before a minute of learning whether a hand can be kept.

    Raises:
        NoSpace: the folder of hands cannot be written.
    """
    try:
        check_writable(_folder())
    except NoSpace as error:
        raise NoSpace(f"Learned styles cannot be kept. {error.what}", "Set MAPSTO_HOME to a writable folder.") from error


def load(name: str, base: str = "") -> StyleNetwork:
    """A learned hand's network; its one preset is the style vector.

    Args:
        name: Of the hand.
        base: Digest of the weights it will be mixed with; not compared where it is empty.

    Raises:
        UsageError: no such hand.
        WeightsError: its file is damaged, or it was learned on other weights.
    """
    path = _there(name)
    if _strange(story(name), base):
        raise WeightsError(
            f"The style {name!r} was learned on other weights than these.",
            f"Forget it with `mapsto styles --forget {name}`, and learn it again.",
        )
    return _load(path, path.stat().st_mtime_ns)


def keep(name: str, network: StyleNetwork, hand: dict[str, Any]) -> Path:
    """Write a learned hand under its name and return the file."""
    check_name(name)
    card = {
        "recipe": "mapsto style --learn",
        "data": hand.get("title", name),
        "licence": "as the picture it was learned from",
        "scores": hand.pop("scores", {}),
        "hand": hand,
    }
    path = path_of(name)
    weights.save(network, path, card)
    return path


def forget(name: str) -> None:
    """Delete a learned hand, damaged or not.

    Raises:
        UsageError: no such hand.
    """
    _there(name).unlink()


def changed(name: str) -> int:
    """When a hand was learned, in nanoseconds: what is remembered of it holds no longer than that.

    Raises:
        UsageError: no such hand.
    """
    return _there(name).stat().st_mtime_ns


def story(name: str) -> dict[str, Any]:
    """What the card says of a hand; nothing where it cannot be read."""
    try:
        return dict(weights.card(path_of(name)).get("hand", {}))
    except WeightsError:
        return {}


def base_of(network: str | Path) -> str | Path:
    """The style network on which the hands for a network are learned: its own, or that for stills of one for clips.

    Raises:
        WeightsError: unknown, missing or damaged weights.
    """
    return str(weights.card(network).get("stills", "")) or network


def _folder() -> Path:
    return data_dir() / "weights"


def _there(name: str) -> Path:
    """The file of a hand that is kept."""
    known = names()
    if name not in known:
        near = ", ".join(nearest(name, known) or known)
        raise UsageError(
            f"There is no learned style called {name!r}.", f"There are: {near}." if near else "There are: none yet."
        )
    return path_of(name)


def _strange(story: dict[str, Any], base: str) -> bool:
    """Whether a hand was learned on other weights than those of that digest."""
    return bool(base) and bool(story.get("base")) and story["base"] != base


@lru_cache(maxsize=8)
def _load(path: Path, _changed: int) -> StyleNetwork:
    from mapsto.image.stylize import StyleNetwork

    network = weights.load(path, expect="StyleNetwork")
    assert isinstance(network, StyleNetwork)
    return network
