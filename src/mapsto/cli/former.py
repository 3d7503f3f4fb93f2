"""Making a file of ours again: its settings, what it was made from, what has changed since, and whether it is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mapsto.cli.order import File, Ingredient, Order
from mapsto.cli.voice import Voice
from mapsto.cli.work import Work
from mapsto.errors import MapstoError, UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.media.picture import Picture

Ordered = TypeVar("Ordered", bound=Order | Work)


@dataclass(frozen=True)
class Wish:
    """What is to be made again.

    Args:
        made: A file that Mapsto made.
        settings: What it says of itself.
        photo: What it was made from, if that is named.
        output: As for -o.
        device: Where to compute, if elsewhere.
        file: How to write.
        overwrite: Replace files of others.
    """

    made: Path
    settings: dict[str, Any]
    photo: Path | None
    output: str | None
    device: str | None
    file: File
    overwrite: bool


def settings_in(made: Path) -> dict[str, Any]:
    """What a file says of itself.

    Raises:
        UnreadableInput: nothing.
    """
    from mapsto.cli.batch import said_by

    found = said_by(made)
    if not found or "mapsto" not in found:
        raise UnreadableInput(
            f"{made} does not say how it was painted.", "It was not painted by Mapsto, or with --strip, or changed since."
        )
    return found


def source_of(settings: dict[str, Any], made: Path) -> Path:
    """The picture it was made from, beside it or here.

    Raises:
        UsageError: it is not there.
    """
    name, digest = source_in(settings)
    for folder in (made.parent, Path()):
        if name and is_file(folder / Path(name).name, digest):
            return folder / Path(name).name
    what = f"The photo {name}" if name else "The photo it was painted from"
    raise UsageError(f"{what} is not beside {made}.", f"Name it: mapsto redo {made} PHOTO.")


def source_in(settings: dict[str, Any]) -> tuple[str, str]:
    """Name and digest of the picture it was made from; empty where they are not told."""
    source = settings.get("source")
    source = source if isinstance(source, dict) else {}
    return str(source.get("name", "")), str(source.get("sha256", ""))


def is_file(path: Path, digest: str) -> bool:
    """Whether this is the file of that digest."""
    from mapsto.files import sha256

    return path.is_file() and sha256(path) == digest


def quality_in(settings: dict[str, Any]) -> int:
    """Of the file."""
    quality = settings.get("quality")
    return quality if isinstance(quality, int) else 95


def where_it_was(order: Ordered, settings: dict[str, Any], device: str | None, voice: Voice) -> Ordered:
    """The recorded order, on a device that is there.

    Args:
        order: What settings tell of.
        settings: These.
        device: Another, if one is wanted.
        voice: Told what may change pixels.
    """
    import mapsto
    from mapsto import device as devices

    if settings["mapsto"] != mapsto.__version__:
        voice.warn(f"It was painted by Mapsto {settings['mapsto']}, and this is {mapsto.__version__}: pixels may differ.")
    if device is not None and device != order.device:
        voice.warn(f"It was painted on {order.device}: pixels may differ.")
        return replace(order, device=device)
    try:
        devices.pick(order.device)
    except MapstoError:
        voice.warn(f"It was painted on {order.device}, which is not here: pixels may differ.")
        return replace(order, device="auto")
    return order


def warn_of_changes(weights: Mapping[str, str], precision: str, settings: dict[str, Any], voice: Voice) -> None:
    """Tell what differs from then, and so may make pixels differ.

    Args:
        weights: Digests by name, as they are now.
        precision: Likewise.
        settings: As they were.
        voice: Where to tell.
    """
    import torch

    before = settings.get("weights")
    for name, digest in weights.items():
        if not isinstance(before, dict) or before.get(name) != digest:
            voice.warn(f"The weights {name} are not those of then: pixels will differ.")
    if settings.get("torch") != torch.__version__:
        voice.warn(f"It was painted with PyTorch {settings.get('torch')}, and this is {torch.__version__}: pixels may differ.")
    if precision != settings.get("precision"):
        voice.warn(f"It was painted in {settings.get('precision')}, and this is {precision}: pixels may differ.")


def repeated(parts: Sequence[dict[str, Any]], folders: Sequence[Path], max_pixels: int) -> list[Ingredient]:
    """The style of former settings.

    Args:
        parts: As the settings tell them.
        folders: Where to look for its pictures.
        max_pixels: Largest picture that is read.

    Raises:
        UsageError: a learned hand that is gone, or was learned anew.
        UnreadableInput: a style picture that is gone, or is another.
    """
    from mapsto.media.picture import Picture

    found = []
    for part in parts:
        if "name" in part:
            _check_hand(part)
            thing: object = part["name"]
        else:
            thing = Picture.of(_find(part, folders), max_pixels)
        found.append(Ingredient(thing, part["weight"], part))
    return found


def _check_hand(part: dict[str, Any]) -> None:
    from mapsto.image import hands

    name, digest = part["name"], part.get("hand_sha256")
    if digest is None or is_file(hands.path_of(name), digest):
        return
    learned = f"mapsto style PHOTO {part.get('path', 'PAINTING')} --learn 60"
    if hands.path_of(name).is_file():
        raise UsageError(
            f"The style {name!r} was learned anew since: it would paint differently.", f"For new pixels: {learned}."
        )
    raise UsageError(f"The learned style {name!r} is not on this machine.", f"Something like it: {learned}.")


def _find(part: dict[str, Any], folders: Sequence[Path]) -> Path:
    """The style picture of that digest."""
    given = Path(part["path"]).expanduser()
    places = [given, *(folder / given.name for folder in folders)]
    for place in places:
        if is_file(place, part["sha256"]):
            return place
    changed = next((place for place in places if place.is_file()), None)
    if changed is not None:
        raise UnreadableInput(f"{changed} is not the style picture of then: its content has changed.", "Put the old one back.")
    raise UnreadableInput(f"The style picture {given} is missing.", "Put it back, or beside the painted file.")


def compare(made: Path, again: Path | None, voice: Voice) -> None:
    """Say whether the pixels are the same, where both are files of one kind."""
    import numpy as np

    if again is None or made.suffix.lower() != again.suffix.lower():
        return
    pairs = zip_longest(_pictures(made), _pictures(again))
    same = all(a is not None and b is not None and np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)
    voice.data["identical"] = same
    if same:
        voice.note(f"Its pixels are identical to those of {made}.")
    else:
        voice.warn(f"Its pixels are not identical to those of {made}.")


def _pictures(path: Path) -> Iterator[Picture]:
    """All frames of a film or an animation, or the picture."""
    from mapsto.media import animation, video
    from mapsto.media.clip import is_clip

    if is_clip(path):
        return video.frames(path)
    return (frame for frame, _ in animation.frames(path, max_pixels=2**40, max_total=2**50))
