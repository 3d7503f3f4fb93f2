"""`mapsto reconstruct`: what a model makes of pictures of one's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsto.cli import options, plan
from mapsto.cli.options import option
from mapsto.cli.order import File, pixels_of
from mapsto.cli.plan import Job
from mapsto.cli.voice import Voice, check_stdout, speaking
from mapsto.cli.work import Reconstruct
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.media.picture import Picture


def reconstruct(
    pictures: Annotated[
        list[str] | None, typer.Argument(metavar="PICTURE", show_default=False, help="Pictures, folders with -r, or -.")
    ] = None,
    model: options.ModelName = "portrait",
    side_by_side: Annotated[bool, option("--side-by-side", help="Show it beside what the model was given.")] = False,
    refine: options.Refine = 0,
    scale: options.Scale = 1,
    transparent: options.Transparent = False,
    recursive: Annotated[bool, option("-r", "--recursive", help="All pictures in folders.")] = False,
    output: options.Output = None,
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
    """Show what a model makes of a picture.

    The middle of the picture is cut to the model's size; how near it comes is told in decibels (PSNR).

    mapsto reconstruct face.jpg --model portrait --side-by-side
    """
    with speaking("reconstruct", json=json, quiet=quiet, verbose=verbose) as voice:
        if not pictures:
            raise UsageError("Nothing was given: a picture is needed.", "As in: mapsto reconstruct face.jpg --side-by-side.")
        work = Reconstruct(
            model=model,
            scale=scale,
            transparent=transparent,
            device=device,
            precision=precision,
            side_by_side=side_by_side,
            refine=refine,
        )
        file = File(format, quality, strip, pixels_of(max_pixels))
        place = plan.Place(output, format or "png", plan.slug(Path(model).stem))
        jobs = plan.plan(plan.sources(pictures, recursive), place)
        _check(work, jobs, voice, file, overwrite=overwrite)
        if dry_run:
            return plan.tell(jobs, voice)
        _rebuild(work, jobs, file, voice, overwrite=overwrite)


def _check(work: Reconstruct, jobs: list[Job], voice: Voice, file: File, *, overwrite: bool) -> None:
    """Find out before anything heavy is loaded what would go wrong."""
    from mapsto.cli.batch import check_source, check_target
    from mapsto.cli.making import check_model

    check_model(work)
    if any(job.target is None for job in jobs):
        check_stdout(voice)
    if len(jobs) == 1:  # of several, each is told when its turn comes
        check_source(jobs[0].source.path, (), file.max_pixels)
        check_target(jobs[0].target, overwrite)


def _rebuild(work: Reconstruct, jobs: list[Job], file: File, voice: Voice, *, overwrite: bool) -> None:
    from mapsto.cli.batch import OnPart, Round, check_target
    from mapsto.cli.making import Maker
    from mapsto.cli.painting import Photo

    maker = Maker(work, file, voice)
    used = maker.used(work)

    def do(job: Job, on_part: OnPart) -> None:
        since, photo = time.monotonic(), Photo(job.source.path)
        on_part(0, "rebuilding")
        check_target(job.target, overwrite)
        given, made = used.pair(maker.generator, photo.picture(file.max_pixels))
        psnr_db = likeness_db(given, made)
        told = {"note": f"{psnr_db:.1f} dB", "psnr_db": round(psnr_db, 2)}
        maker.write(used, used.laid_out(given, made), job.target, since, source=photo.said, **told)

    Round(do, voice).run(jobs)


def likeness_db(given: Picture, made: Picture) -> float:
    """Peak signal-to-noise ratio on white, in dB; 99 for equal pictures."""
    from mapsto.learning.measure import psnr

    return min(99.0, psnr(made.on_white().tensor(), given.on_white().tensor()))
