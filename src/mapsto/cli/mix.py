"""`mapsto mix`: one picture with the layers of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.order import File
from mapsto.cli.spots import spot
from mapsto.cli.voice import speaking
from mapsto.cli.work import Mix, Sampling, seeds_of


def mix(
    model: options.Model = "portrait",
    seeds: Annotated[
        str, option("--seeds", help="A picture, and where the layers come from; more give a sheet.", metavar="A,B,…")
    ] = "1,2",
    layers: Annotated[
        str, option("--layers", help="What is taken: pose and shape, features, or texture.", metavar="coarse|middle|fine")
    ] = "coarse",
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
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Give a picture some layers of another.

    The first seed is the picture, the second where layers come from. With --prior gan these are the layers of its network. A
    flow has none: there the noise that pictures are drawn from is mixed, by how fine its waves are. More seeds give a sheet:
    every row is a picture, every column where its layers come from.

    mapsto mix portrait --seeds 3,8 --layers coarse
    """
    with speaking("mix", json=json, quiet=quiet, verbose=verbose) as voice:
        work = Mix(
            model=model,
            scale=scale,
            transparent=transparent,
            device=device,
            precision=precision,
            seeds=seeds_of(seeds),
            layers=layers,
            how=Sampling(truncation, prior, label, steps, guidance, pag),
        )
        stem, spelled = Path(model).stem, "+".join(map(str, work.seeds))
        fields = {"model": stem, "seeds": spelled, "layers": layers, "ext": format or "png"}
        target = spot(output, f"{stem}.{spelled}.{layers}", fields)
        from mapsto.cli.making import make_one

        make_one(
            work, target, File(format, quality, strip), voice, overwrite=overwrite, dry_run=dry_run, note=f"seeds {spelled}"
        )
