"""`mapsto redo`: paint again what a painted file says about itself, to the same pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import options, plan
from mapsto.cli.order import File, Ingredient, Order, order_of, pixels_of
from mapsto.cli.voice import Voice, check_stdout, speaking
from mapsto.errors import MapstoError, UnreadableInput, UsageError

if TYPE_CHECKING:
    from mapsto.cli.painting import Painter


def redo(
    painted: Annotated[Path, typer.Argument(metavar="PAINTED", show_default=False, help="A file that Mapsto painted.")],
    photo: Annotated[
        Path | None,
        typer.Argument(metavar="PHOTO", show_default=False, help="What to paint; by default the photo it was painted from."),
    ] = None,
    output: options.Output = None,
    device: Annotated[
        str | None, options.option("--device", help="Compute elsewhere than then.", metavar="auto|cpu|cuda|mps")
    ] = None,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    max_pixels: options.MaxPixels = "64M",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Paint a photo again as a painted file says it was done.

    The same photo on the same device comes out with identical pixels.

    mapsto redo photo.ink.png photo.jpg
    """
    with speaking("redo", json=json, quiet=quiet, verbose=verbose) as voice:
        settings = _settings(painted)
        photo = photo or _source_of(settings, painted)
        job = _job(painted, photo, output)
        if job.target is None:
            check_stdout(voice)
        order = _order(settings, device, voice)
        file = File(painted.suffix[1:].lower(), _quality(settings), strip, pixels_of(max_pixels))
        style = repeated(settings["style"], [Path(), painted.parent, photo.parent], file.max_pixels)
        _paint(job, order, style, file, settings, voice, overwrite=overwrite)
        if voice.fault is None:
            _compare(painted, job, settings, voice)


def _settings(painted: Path) -> dict[str, Any]:
    from mapsto.media import picture

    found = picture.settings(painted)
    if not found or "mapsto" not in found:
        raise UnreadableInput(
            f"{painted} does not say how it was painted.", "It was not painted by Mapsto, or with --strip, or changed since."
        )
    order_of(found)  # so that what follows can rely on it
    return found


def _source_of(settings: dict[str, Any], painted: Path) -> Path:
    """The photo it was painted from, beside it or here."""
    name, digest = _source(settings)
    for folder in (painted.parent, Path()):
        if name and _is_file(folder / Path(name).name, digest):
            return folder / Path(name).name
    raise UsageError(
        f"The photo {name or 'it was painted from'} is not beside {painted}.", f"Name it: mapsto redo {painted} PHOTO."
    )


def _source(settings: dict[str, Any]) -> tuple[str, str]:
    source = settings.get("source")
    source = source if isinstance(source, dict) else {}
    return str(source.get("name", "")), str(source.get("sha256", ""))


def _is_file(path: Path, digest: str) -> bool:
    from mapsto.files import sha256

    return path.is_file() and sha256(path) == digest


def _job(painted: Path, photo: Path, output: str | None) -> plan.Job:
    source = plan.sources([str(photo)], recursive=False)[0]
    if output is None:
        return plan.Job(source, painted.with_name(f"{painted.stem}.redo{painted.suffix}"))
    return plan.plan([source], plan.Place(output, painted.suffix[1:], "redo"))[0]


def _quality(settings: dict[str, Any]) -> int:
    quality = settings.get("quality")
    return quality if isinstance(quality, int) else 95


def _order(settings: dict[str, Any], device: str | None, voice: Voice) -> Order:
    """The recorded order, on a device that is there."""
    import mapsto

    order = order_of(settings)
    if settings["mapsto"] != mapsto.__version__:
        voice.warn(f"It was painted by Mapsto {settings['mapsto']}, and this is {mapsto.__version__}: pixels may differ.")
    if device is not None and device != order.device:
        voice.warn(f"It was painted on {order.device}: pixels may differ.")
        return replace(order, device=device)
    from mapsto import device as devices

    try:
        devices.pick(order.device)
    except MapstoError:
        voice.warn(f"It was painted on {order.device}, which is not here: pixels may differ.")
        return replace(order, device="auto")
    return order


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
    if digest is None or _is_file(hands.path_of(name), digest):
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
        if _is_file(place, part["sha256"]):
            return place
    changed = next((place for place in places if place.is_file()), None)
    if changed is not None:
        raise UnreadableInput(f"{changed} is not the style picture of then: its content has changed.", "Put the old one back.")
    raise UnreadableInput(f"The style picture {given} is missing.", "Put it back, or beside the painted file.")


def _paint(
    job: plan.Job,
    order: Order,
    style: list[Ingredient],
    file: File,
    settings: dict[str, Any],
    voice: Voice,
    *,
    overwrite: bool,
) -> None:
    from mapsto.cli.batch import Batch, check_target
    from mapsto.cli.painting import Painter

    check_target(job.target, overwrite)
    painter = Painter(order, style)
    _warn_of_changes(painter, settings, voice)
    Batch(painter, file, voice, overwrite=overwrite).run([job])


def _warn_of_changes(painter: Painter, settings: dict[str, Any], voice: Voice) -> None:
    """What differs from then, and so may make pixels differ."""
    import torch

    for name, digest in painter.weights.items():
        if settings["weights"].get(name) != digest:
            voice.warn(f"The weights {name} are not those of then: pixels will differ.")
    if settings.get("torch") != torch.__version__:
        voice.warn(f"It was painted with PyTorch {settings.get('torch')}, and this is {torch.__version__}: pixels may differ.")
    if painter.order.precision != settings.get("precision"):
        voice.warn(f"It was painted in {settings.get('precision')}, and this is {painter.order.precision}: pixels may differ.")


def _compare(painted: Path, job: plan.Job, settings: dict[str, Any], voice: Voice) -> None:
    """Say whether the pixels are the same, where they should be and both files are there."""
    photo, again = job.source.path, job.target
    if photo is None or again is None:
        return
    import numpy as np

    from mapsto.media.picture import read

    if not _is_file(photo, _source(settings)[1]):
        voice.note(f"{photo} is another photo than then: the same settings, other pixels.")
        return
    if painted.suffix.lower() != again.suffix.lower():
        return
    before, after = (read(path, max_pixels=2**40).numpy() for path in (painted, again))
    same = before.shape == after.shape and bool(np.array_equal(before, after))
    voice.data["identical"] = same
    if same:
        voice.note(f"Its pixels are identical to those of {painted}.")
    else:
        voice.warn(f"Its pixels are not identical to those of {painted}.")
