"""`mapsto demo`: a photo in six styles, on a page that compares before and after."""

from __future__ import annotations

import base64
import json as jsons
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import options
from mapsto.cli.bar import spoken
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UnreadableInput

if TYPE_CHECKING:
    from mapsto.cli.order import File, Order
    from mapsto.media.picture import Picture

SIX = ("starry-night", "great-wave", "ink", "mosaic", "pointillism", "watercolour")
"""Hands that differ in stroke, not only in palette; where one is missing, another takes its place."""

LARGEST = 1024
"""Shorter side at which larger photos are painted."""

SIDE = 640
"""Shorter side of pictures on the page."""

SAMPLE, CREDIT = "coffee", "Photo: coffee by Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0, from scikit-image."


def demo(
    photo: Annotated[
        Path | None, typer.Argument(metavar="PHOTO", show_default=False, help="A photo; by default a CC0 one of scikit-image.")
    ] = None,
    output: Annotated[Path, option("-o", "--output", help="The folder for pictures and page.", metavar="FOLDER")] = Path(
        "demo"
    ),
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    max_pixels: options.MaxPixels = "64M",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Paint a photo in six styles and show them on a page."""
    from mapsto.cli.order import File, Order, pixels_of

    with speaking("demo", json=json, quiet=quiet, verbose=verbose) as voice:
        file = File(max_pixels=pixels_of(max_pixels))
        # make hands on ~ as it was typed
        source, credit = (photo.expanduser(), "") if photo is not None else (_sample(output), CREDIT)
        size = _painting_size(source, file.max_pixels)
        order = Order(size=size, seed=seed, device=device, precision=precision, weights=weights)
        start = time.monotonic()
        shown = _paint(source, output, order, file, voice)
        if voice.fault is None:
            page = _write_page(output, source, shown, credit, time.monotonic() - start)
            voice.data["page"] = str(page)
            voice.result(f"{page.resolve()}")


@dataclass(frozen=True)
class Shown:
    """One painting on the page: its style, where that comes from, and its file."""

    name: str
    source: str
    path: Path


def _sample(folder: Path) -> Path:
    """A real photo that may be given away, as a file in the folder.

    Raises:
        UnreadableInput: scikit-image, which brings it, is not there.
    """
    import importlib.util

    from mapsto.files import atomic

    found = importlib.util.find_spec("skimage")
    photo = Path(found.origin).parent / "data" / f"{SAMPLE}.png" if found is not None and found.origin else None
    if photo is None or not photo.is_file():
        raise UnreadableInput(
            "The sample photo comes with scikit-image, which is not installed.", "pip install 'mapsto[demo]', or name a photo."
        )
    with atomic(folder / photo.name) as temporary:
        temporary.write_bytes(photo.read_bytes())
    return folder / photo.name


def _painting_size(source: Path, max_pixels: int) -> str | None:
    """Large photos are made smaller: a demo should be quick."""
    from mapsto.media import animation

    return str(LARGEST) if min(animation.about(source, max_pixels).size) > LARGEST else None


def six_of(names: Sequence[str]) -> list[str]:
    """The six styles of the demo; where one is missing, another takes its place."""
    there = [name for name in SIX if name in names]
    return (there + [name for name in names if name not in there])[: len(SIX)]


def _paint(source: Path, folder: Path, order: Order, file: File, voice: Voice) -> list[Shown]:
    """Paint all styles, until something goes wrong."""
    from mapsto.image.styles import styles

    known = {style["name"]: style for style in styles(order.weights) if style["kind"] == "preset"}
    from mapsto.cli.batch import Batch
    from mapsto.cli.order import ingredients
    from mapsto.cli.painting import Painter, load
    from mapsto.cli.plan import Job, Source

    stylizer, shown = load(order), []
    for name in six_of(list(known)):
        target = folder / f"{source.stem}.{name}.png"
        painter = Painter(order, ingredients([(name, 1.0)]), stylizer)
        Batch(painter, file, voice).run([Job(Source(source), target)])
        if voice.fault is not None:
            break
        told = (str(known[name].get(key, "")) for key in ("artist", "title", "year"))
        shown.append(Shown(name, ", ".join(filter(None, told)), target))
    return shown


def _write_page(folder: Path, source: Path, shown: Sequence[Shown], credit: str, seconds: float) -> Path:
    """The page with everything in it: it can be mailed as one file."""
    import mapsto
    from mapsto.files import atomic
    from mapsto.media.picture import Picture

    pictures = [Picture.of(each.path).resized(SIDE) for each in shown]
    data = [
        {
            "name": each.name,
            "source": each.source,
            "command": f"mapsto style {source.name} {each.name}",
            "picture": _uri(picture),
        }
        for each, picture in zip(shown, pictures, strict=True)
    ]
    page = Template(Path(__file__).with_name("demo.html").read_text(encoding="utf-8")).substitute(
        title=escape(source.stem),
        count=len(shown),
        seconds=escape(spoken(seconds)),
        width=pictures[0].width,
        height=pictures[0].height,
        photo=_uri(Picture.of(source).on_white().resized(pictures[0].size)),
        data=json_in_html(data),
        footer=escape(f"Made with Mapsto {mapsto.__version__}. {credit}".strip()),
    )
    with atomic(folder / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return folder / "index.html"


def _uri(picture: Picture) -> str:
    """A picture as a data: address."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture.encode('jpg', quality=88, strip=True)).decode()}"


def json_in_html(value: Any) -> str:
    """JSON that nothing in it can end the script element."""
    return jsons.dumps(value).replace("<", "\\u003c")
