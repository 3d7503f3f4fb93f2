"""`mapsto evaluate`: how good a model is, beside a ladder of known faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsto.cli import lessons, options
from mapsto.cli.bar import Bar
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.image.generator import Generator


def evaluate(
    model: options.Model,
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="HELD_OUT", show_default=False, help="A folder or zip of pictures that the model has not learned from."
        ),
    ],
    train: Annotated[
        Path | None, option("--train", help="What it has learned from: finds copies of it.", metavar="PICTURES")
    ] = None,
    count: Annotated[int, option("--count", help="Pictures of every set, at most.")] = 1000,
    prior: options.Prior = None,
    truncation: options.Truncation = 1.0,
    path_length: Annotated[bool, option("--path-length", help="Measure how evenly the space is filled, too.")] = False,
    seed: lessons.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure a model against pictures it has not learned from.

    Distances say little by themselves, so beside them stand those of the real pictures with known faults.

    mapsto evaluate mine held_out/

    mapsto evaluate mine held_out/ --train my_pictures/ --count 500 --json
    """
    with speaking("evaluate", json=json, quiet=quiet, verbose=verbose) as voice:
        if count < 1:
            raise UsageError(f"{count} pictures cannot be measured.", "Give --count 1000 or so.")
        generator = _generator(model, device, precision)
        size, channels = (generator.model.height, generator.model.width), generator.model.channels
        generator.prior(prior)  # an unknown one is told before pictures are read
        held_out = lessons.prepared(pictures, size, voice, channels=channels)
        learned = lessons.prepared(train, size, voice, channels=channels) if train is not None else None
        from mapsto.learning.appraisal import appraise

        with Bar(hidden=lessons.is_hidden(voice)) as bar:

            def told(done: int, total: int) -> None:
                bar.show(done / total, "measuring")

            found = appraise(
                generator,
                held_out,
                learned,
                prior=prior,
                truncation=truncation,
                count=count,
                seed=seed,
                path_length=path_length,
                on_progress=told,
            )
        voice.data |= {"model": model, "prior": generator.prior(prior), "truncation": truncation, **found.to_json()}
        voice.data["notes"] = list(found.notes())
        _warn(truncation, voice)
        voice.result(found.text())


def _generator(model: str, device: str, precision: str) -> Generator:
    from mapsto.cli.painting import use_threads
    from mapsto.image.generator import Generator

    use_threads(None)
    return Generator.from_pretrained(model, device=device, precision=precision)


def _warn(truncation: float, voice: Voice) -> None:
    if truncation != 1:
        voice.warn(f"Drawn with --truncation {truncation:g}: calmer pictures come nearer by being more alike; see recall.")
