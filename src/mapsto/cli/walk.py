"""`mapsto walk`: a film from picture to picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mapsto.cli import film, options
from mapsto.cli.options import option
from mapsto.cli.order import File
from mapsto.cli.voice import Voice, speaking
from mapsto.cli.work import Sampling, Walk, seeds_of

if TYPE_CHECKING:
    from mapsto.cli.making import Maker
    from mapsto.media.picture import Picture


def walk(
    model: options.Model = "portrait",
    seeds: Annotated[str, option("--seeds", help="What the walk goes through.", metavar="A,B,…")] = "1,5,9",
    seconds: Annotated[float, option("--seconds", help="How long it takes.")] = 8.0,
    fps: film.Fps = 25.0,
    loop: film.Loop = False,
    truncation: options.Truncation = 1.0,
    label: options.Label = None,
    guidance: options.Guidance = 1.0,
    pag: options.Pag = None,
    prior: options.Prior = None,
    steps: options.FlowSteps = 20,
    scale: options.Scale = 1,
    transparent: options.Transparent = False,
    output: film.Output = None,
    quality: film.Quality = 95,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Walk from picture to picture, in steps of equal change.

    The way is a spline through what the pictures are drawn from, as far from the mean as they are.

    mapsto walk portrait --seeds 1,5,9 --seconds 8 --loop -o walk.mp4
    """
    with speaking("walk", json=json, quiet=quiet, verbose=verbose) as voice:
        work = Walk(
            model=model,
            scale=scale,
            transparent=transparent,
            device=device,
            precision=precision,
            seeds=seeds_of(seeds),
            count=film.count_of(seconds, fps),
            fps=fps,
            loop=loop,
            how=Sampling(truncation, prior, label, steps, guidance, pag),
        )
        target = film.target_of(output, Path(f"{Path(model).stem}.walk.webp"))
        _check(work, target, overwrite=overwrite)
        if dry_run:
            voice.result(f"{work.count} frames → {target.path}")
            voice.data["planned"] = [{"path": str(target.path), "frames": work.count}]
            return
        _film(work, target, File(None, quality, strip), voice, overwrite=overwrite)


def _check(work: Walk, target: film.Target, *, overwrite: bool) -> None:
    """Find out before anything heavy is loaded what would go wrong."""
    from mapsto.cli.making import check_model

    check_model(work)
    target.check(work.count, overwrite=overwrite)


def _film(work: Walk, target: film.Target, file: File, voice: Voice, *, overwrite: bool) -> None:
    from mapsto.cli.bar import Bar
    from mapsto.cli.making import Maker

    maker = Maker(work, file, voice)
    work, since = maker.used(work), time.monotonic()
    with Bar(work.count, hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "drawing")
        shown = film.watched(work.frames(maker.generator, None), work.count, bar)
        if target.is_folder:
            _write_folder(work, shown, target, maker, overwrite=overwrite)
        else:
            write_film(work, shown, target.path, since, maker)


def write_film(work: Walk, frames: Iterator[Picture], target: Path, since: float, maker: Maker) -> None:
    """Write the film of a walk, and tell.

    Args:
        work: As it was really walked.
        frames: All of them.
        target: A film or an animation.
        since: When it was begun, by the monotonic clock.
        maker: Writes it.
    """
    model, stands_ms = maker.generator.model, 1000 / work.fps
    size = work.scale * model.width, work.scale * model.height
    note = f"{work.count} frames, seeds {', '.join(map(str, work.seeds))}"
    shown = ((picture, stands_ms) for picture in frames)
    loop = 0 if work.loop else 1
    maker.put(maker.settings(work), shown, target, since, size=size, loop=loop, seed=work.seeds[0], note=note)


def _write_folder(work: Walk, frames: Iterator[Picture], folder: film.Target, maker: Maker, *, overwrite: bool) -> None:
    from mapsto.cli.batch import check_target

    since = time.monotonic()
    for number, picture in enumerate(frames):
        target = folder.frame(work.count, number)
        check_target(target, overwrite)
        maker.write(replace(work, frame=number), picture, target, since, seed=work.seeds[0], note=f"frame {number}")
        since = time.monotonic()
