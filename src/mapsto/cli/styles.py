"""`mapsto styles`: which styles have a name, what they look like on a photo, and forgetting learned ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.table import show
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UsageError

COLUMNS = ("name", "kind", "hand", "artist", "title", "year")
MUSICAL = ("name", "model", "kind", "tempo_bpm", "meter")


def styles(
    sheet: Annotated[
        Path | None, option("--sheet", help="Paint this photo in every style, on one sheet.", metavar="PHOTO")
    ] = None,
    output: Annotated[
        Path | None, option("-o", "--output", help="The sheet's file; by default PHOTO.styles.png.", metavar="FILE")
    ] = None,
    music: Annotated[bool, option("--music", help="List styles of music, and who composes in them.")] = False,
    forget: Annotated[str | None, option("--forget", help="Delete a learned style.", metavar="NAME")] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """List the styles with a name, or show them on a photo.

    mapsto styles --sheet photo.jpg -o sheet.png
    """
    from mapsto.cli.order import Order

    with speaking("styles", json=json, quiet=quiet, verbose=verbose) as voice:
        if music:
            _list_music(voice)
        elif forget is not None:
            _forget(forget, voice)
        elif sheet is not None:
            order = Order(seed=seed, device=device, precision=precision, weights=weights)
            _write_sheet(sheet, output or sheet.with_name(f"{sheet.stem}.styles.png"), order, voice, overwrite=overwrite)
        else:
            _list(weights, voice)


def _forget(name: str, voice: Voice) -> None:
    from mapsto.image import hands

    hands.forget(name)
    voice.note(f"Forgot {name}.")


def _list(weights: str, voice: Voice) -> None:
    from mapsto.image.styles import styles

    found = styles(weights)
    voice.data["styles"] = found
    rows = [[str(style.get(column, "")) for column in COLUMNS] for style in found]
    show(COLUMNS, rows, voice, whole=("name", "kind", "year"))


def _list_music(voice: Voice) -> None:
    from mapsto.sound.composers import styles

    found = styles()
    voice.data["styles"] = found
    rows = [["" if style[column] is None else str(style[column]) for column in MUSICAL] for style in found]
    show(MUSICAL, rows, voice, whole=MUSICAL)


def _write_sheet(photo: Path, target: Path, order: Any, voice: Voice, *, overwrite: bool) -> None:
    from mapsto.cli.batch import check_target, output
    from mapsto.image.styles import names
    from mapsto.media.picture import Picture

    start = time.monotonic()
    if target.resolve() == photo.resolve():
        raise UsageError(f"{photo} would be replaced by its own sheet.", "Choose another name with -o.")
    check_target(target, overwrite)
    picture, known = Picture.of(photo), names(order.weights)
    from mapsto.cli.sheet import painted_in, sheet_of

    sheet = sheet_of(painted_in(picture, known, order, voice))
    sheet.save(target, settings={"mapsto": _version(), "command": "styles", "source": {"name": photo.name}})
    seconds = time.monotonic() - start
    voice.outputs.append(output(target, sheet.size, order.seed, seconds))
    voice.result(f"{target}  {sheet.width}×{sheet.height}  {len(known)} styles  {seconds:.1f} s  seed {order.seed}")


def _version() -> str:
    import mapsto

    return mapsto.__version__
