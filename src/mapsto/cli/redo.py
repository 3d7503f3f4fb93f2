"""`mapsto redo`: make again what a file of ours says about itself, to the same pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsto.cli import former, options, plan
from mapsto.cli.compose import compose_again
from mapsto.cli.former import Wish, repeated
from mapsto.cli.order import File, Ingredient, Order, order_of, pixels_of
from mapsto.cli.remaking import card_again, film_again, make_again, morph_again, paint_again
from mapsto.cli.voice import Voice, check_stdout, speaking
from mapsto.cli.work import KINDS


def redo(
    painted: Annotated[Path, typer.Argument(metavar="PAINTED", show_default=False, help="A file that Mapsto made.")],
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
    """Make again what a file says of itself.

    A photo is painted again, a new picture drawn again. The same on the same device comes out with identical pixels.

    mapsto redo photo.ink.png photo.jpg

    mapsto redo portrait.7.png
    """
    with speaking("redo", json=json, quiet=quiet, verbose=verbose) as voice:
        settings = former.settings_in(painted)
        file = File(painted.suffix[1:].lower(), former.quality_in(settings), strip, pixels_of(max_pixels))
        wish = Wish(painted, settings, photo, output, device, file, overwrite)
        if "card" in settings:
            card_again(wish, voice)
        elif "footage" in settings:
            film_again(wish, voice)
        elif settings.get("command") == "paint":
            paint_again(wish, voice)
        elif settings.get("command") == "morph":
            morph_again(wish, voice)
        elif settings.get("command") == "compose":
            compose_again(wish, voice)
        elif settings.get("command") in KINDS:
            make_again(wish, voice)
        else:
            _style_again(wish, voice)


def _style_again(wish: Wish, voice: Voice) -> None:
    settings, painted = wish.settings, wish.made
    order = order_of(settings)
    photo = wish.photo or former.source_of(settings, painted)
    job = _job(painted, photo, wish.output)
    if job.target is None:
        check_stdout(voice)
    order = former.where_it_was(order, settings, wish.device, voice)
    style = repeated(settings["style"], [Path(), painted.parent, photo.parent], wish.file.max_pixels)
    _paint(job, order, style, wish, voice)
    if voice.fault is None and job.source.path is not None:
        if former.is_file(job.source.path, former.source_in(settings)[1]):
            former.compare(painted, job.target, voice)
        elif job.target is not None:
            voice.note(f"{photo} is another photo than then: the same settings, other pixels.")


def _job(painted: Path, photo: Path, output: str | None) -> plan.Job:
    source = plan.sources([str(photo)], recursive=False)[0]
    if output is None:
        return plan.Job(source, painted.with_name(f"{painted.stem}.redo{painted.suffix}"))
    return plan.plan([source], plan.Place(output, painted.suffix[1:], "redo"))[0]


def _paint(job: plan.Job, order: Order, style: list[Ingredient], wish: Wish, voice: Voice) -> None:
    from mapsto.cli.batch import Batch, check_target
    from mapsto.cli.painting import Painter

    check_target(job.target, wish.overwrite)
    painter = Painter(order, style)
    former.warn_of_changes(painter.weights, painter.order.precision, wish.settings, voice)
    Batch(painter, wish.file, voice, overwrite=wish.overwrite).run([job])
