"""`mapsto paint`: a new painting. A picture is drawn, enlarged with clean outlines, and painted in a style."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from mapsto.cli import options
from mapsto.cli.generate import check, one_by_one, planned, spots_of, write_all
from mapsto.cli.options import option
from mapsto.cli.order import File, Order, ingredients
from mapsto.cli.plan import slug
from mapsto.cli.spots import Spots
from mapsto.cli.voice import Voice, speaking
from mapsto.cli.work import Generate, Sampling
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.image.styles import Part


def paint(
    scene: Annotated[
        str,
        option("--scene", help="The model that draws what is painted.", metavar="MODEL", autocompletion=options.model_names),
    ] = "portrait",
    style: Annotated[
        str | None,
        option("--style", help="A name, a picture, or a mixture, as for `mapsto style`.", autocompletion=options.style_names),
    ] = None,
    n: options.Count = 1,
    seed: options.FirstSeed = 0,
    size: Annotated[str, option("--size", help="Shorter side in pixels.", env="size", metavar="N|WxH")] = "1024",
    strength: options.Strength = 1.0,
    keep_colors: options.KeepColors = False,
    truncation: options.Truncation = 1.0,
    label: options.Label = None,
    guidance: options.Guidance = 1.0,
    pag: options.Pag = None,
    prior: options.Prior = None,
    transparent: options.Transparent = False,
    output: options.NewOutput = None,
    format: options.FormatName = None,
    quality: options.Quality = 95,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Draw pictures, and paint them large in a style.

    Several come with a sheet of all of them; where -o names a file, only the sheet is written.

    mapsto paint --scene portrait --style ink -n 4 --size 1024
    """
    with speaking("paint", json=json, quiet=quiet, verbose=verbose) as voice:
        if style is None:
            raise UsageError("A style is needed.", "As in: mapsto paint --style ink. `mapsto styles` lists the names.")
        how = Sampling(truncation, prior, label, guidance=guidance, pag=pag)
        drawn = Generate(
            model=scene, transparent=transparent, device=device, precision=precision, seed=None, first=seed, n=n, how=how
        )
        Order(size=size)  # refuses what is no size
        order = Order(strength, keep_colors, seed=seed, device=device, precision=precision, weights=weights)
        places = spots_of(drawn, output, format, f".{slug(style)}")
        check(drawn, places, voice, overwrite=overwrite)
        parts = _parts(style, weights)
        if dry_run:
            return planned(places, voice)
        _paint(drawn, order, size, parts, places, File(format, quality, strip), voice)


def _parts(style: str, network: str) -> list[Part]:
    """The style, checked before anything heavy is loaded."""
    from mapsto.image.styles import names, parts_of

    return parts_of(style, names(network))


def _paint(drawn: Generate, order: Order, size: str, style: list[Part], places: Spots, file: File, voice: Voice) -> None:
    """Draw and paint, and write as it comes."""
    from mapsto.cli.easel import Easel
    from mapsto.cli.making import Maker
    from mapsto.cli.painting import Painter

    found = ingredients(style, network=order.weights)
    maker = Maker(drawn, file, voice)
    easel, used = Easel(maker, Painter(order, found), size), maker.used(drawn)
    made = (
        (seed, *easel.paint(replace(used, seed=seed), picture), since)
        for seed, picture, since in one_by_one(used, maker.generator)
    )
    write_all(made, used, places, maker, lambda seen: easel.sheet(used, seen))
