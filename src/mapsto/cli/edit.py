"""`mapsto edit`: a picture with sliders turned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.order import File, pixels_of
from mapsto.cli.spots import spot
from mapsto.cli.voice import speaking
from mapsto.cli.work import Edit, Sampling, sliders_of
from mapsto.errors import UsageError


def edit(
    model: options.Model = "portrait",
    seed: Annotated[int | None, option("--seed", help="Of the picture; 0 where nothing is said.")] = None,
    picture: Annotated[Path | None, option("--picture", help="One of your own instead.", metavar="FILE")] = None,
    slider: Annotated[
        list[str] | None, option("--slider", help="Turn one, by number or name; may be said again.", metavar="NAME=AMOUNT")
    ] = None,
    sheet: Annotated[bool, option("--sheet", help="Show every slider from -2 to +2.")] = False,
    refine: options.Refine = 0,
    truncation: options.Truncation = 1.0,
    label: options.Label = None,
    guidance: options.Guidance = 1.0,
    pag: options.Pag = None,
    prior: options.Prior = None,
    steps: options.FlowSteps = 20,
    scale: options.Scale = 1,
    transparent: options.Transparent = False,
    output: options.NewOutput = None,
    format: options.FormatName = None,
    quality: options.Quality = 95,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    max_pixels: options.MaxPixels = "64M",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Turn what pictures vary in.

    Sliders are numbered, the strongest first, unless the model names them: the principal axes of its latents, or with
    --prior gan what changes its layers most. At 1 a slider is as far as pictures usually are from the mean.

    mapsto edit portrait --seed 3 --sheet

    mapsto edit portrait --seed 3 --slider 2=+1.5 --slider 1=-1
    """
    with speaking("edit", json=json, quiet=quiet, verbose=verbose) as voice:
        work = Edit(
            model=model,
            scale=scale,
            transparent=transparent,
            device=device,
            precision=precision,
            seed=_seed(seed, picture, refine),
            sliders=sliders_of(slider or []),
            sheet=sheet,
            refine=refine,
            how=Sampling(truncation, prior, label, steps, guidance, pag),
        )
        if not (work.sliders or sheet):
            raise UsageError("Nothing is turned.", "Say --sheet to see every slider, or --slider 2=+1.5 to turn one.")
        stem, start = Path(model).stem, picture.stem if picture is not None else str(work.seed)
        turned = "_".join([*(f"{name}{amount:+g}" for name, amount in work.sliders.items()), *(["sliders"] if sheet else [])])
        named = f"{start}.{stem}.{turned}" if picture is not None else f"{stem}.{start}.{turned}"
        fields = {"model": stem, "seed": start, "sliders": turned, "ext": format or "png"}
        from mapsto.cli.making import make_one

        note = f"{start}: {turned}" if picture is not None else f"seed {start}: {turned}"
        file = File(format, quality, strip, pixels_of(max_pixels))
        make_one(work, spot(output, named, fields), file, voice, picture, overwrite=overwrite, dry_run=dry_run, note=note)


def _seed(seed: int | None, picture: Path | None, refine: int) -> int | None:
    """Of a drawn picture; None for a picture of one's own."""
    if picture is not None and seed is not None:
        raise UsageError("There are two pictures to edit.", "Give --seed or --picture, not both.")
    if picture is None and refine:
        raise UsageError("What is drawn is exact already.", "--refine goes with --picture.")
    return None if picture is not None else seed or 0
