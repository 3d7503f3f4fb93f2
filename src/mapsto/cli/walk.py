"""`mapsto walk`: a film from picture to picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.order import File
from mapsto.cli.plan import STREAM, is_folder
from mapsto.cli.voice import Voice, speaking
from mapsto.cli.work import Sampling, Walk, seeds_of
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.cli.bar import Bar
    from mapsto.cli.making import Maker
    from mapsto.media.picture import Picture

MOST_FRAMES = 100_000


def walk(
    model: options.Model = "portrait",
    seeds: Annotated[str, option("--seeds", help="What the walk goes through.", metavar="A,B,…")] = "1,5,9",
    seconds: Annotated[float, option("--seconds", help="How long it takes.")] = 8.0,
    fps: Annotated[float, option("--fps", help="Frames a second.")] = 25.0,
    loop: Annotated[bool, option("--loop", help="Go back to the first, so that it can be played for ever.")] = False,
    truncation: options.Truncation = 1.0,
    label: options.Label = None,
    guidance: options.Guidance = 1.0,
    prior: options.Prior = None,
    steps: options.FlowSteps = 20,
    scale: options.Scale = 1,
    transparent: options.Transparent = False,
    output: Annotated[
        str | None,
        option("-o", "--output", help="A .mp4, .gif, .webp or .png (animated), or a folder for frames.", metavar="WHERE"),
    ] = None,
    quality: Annotated[int, option("--quality", help="1 to 100, for MP4 and WebP.", env="quality")] = 95,
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
            count=_frames(seconds, fps),
            fps=fps,
            loop=loop,
            how=Sampling(truncation, prior, label, steps, guidance),
        )
        target = _target(output, Path(model).stem)
        _check(work, target, overwrite=overwrite)
        if dry_run:
            voice.result(f"{work.count} frames → {target}")
            voice.data["planned"] = [{"path": str(target), "frames": work.count}]
            return
        _film(work, target, File(None, quality, strip), voice, overwrite=overwrite)


def _frames(seconds: float, fps: float) -> int:
    if not 0 < seconds * fps <= MOST_FRAMES:
        raise UsageError(f"{seconds:g} seconds of {fps:g} frames a second make no film.", f"{MOST_FRAMES} frames are the most.")
    return round(seconds * fps)


def _target(output: str | None, stem: str) -> Path:
    if output == STREAM:
        raise UsageError("A film cannot go to standard output.", "Give a file name with -o.")
    return Path(output) if output is not None else Path(f"{stem}.walk.webp")


def _is_for_frames(target: Path) -> bool:
    return is_folder(str(target)) or not target.suffix


def _check(work: Walk, target: Path, *, overwrite: bool) -> None:
    """Find out before anything heavy is loaded what would go wrong."""
    from mapsto.cli.batch import check_target
    from mapsto.cli.making import check_model
    from mapsto.cli.writing import holds_animation
    from mapsto.media import video

    check_model(work)
    if _is_for_frames(target):
        return check_target(_frame(target, work.count, 0), overwrite)
    check_target(target, overwrite, moving=True)
    if not video.is_film(target) and not holds_animation(target, None):
        raise UsageError(f"{target} holds no film.", "Write .mp4, .gif, .webp or .png, or a folder.")


def _frame(folder: Path, count: int, number: int) -> Path:
    """The file of a frame; they sort by name as they follow each other."""
    return folder / f"{number:0{len(str(count - 1))}}.png"


def _film(work: Walk, target: Path, file: File, voice: Voice, *, overwrite: bool) -> None:
    from mapsto.cli.bar import Bar
    from mapsto.cli.making import Maker

    maker = Maker(work, file, voice)
    work, since = maker.used(work), time.monotonic()
    with Bar(work.count, hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "drawing")
        shown = _watched(work.frames(maker.generator, None), work.count, bar)
        if _is_for_frames(target):
            _write_folder(work, shown, target, maker, overwrite=overwrite)
        else:
            write_film(work, shown, target, since, maker)


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


def _watched(frames: Iterator[Picture], count: int, bar: Bar) -> Iterator[Picture]:
    for number, picture in enumerate(frames):
        yield picture
        bar.show(number + 1, f"frame {number + 1} of {count}")


def _write_folder(work: Walk, frames: Iterator[Picture], folder: Path, maker: Maker, *, overwrite: bool) -> None:
    from mapsto.cli.batch import check_target

    since = time.monotonic()
    for number, picture in enumerate(frames):
        target = _frame(folder, work.count, number)
        check_target(target, overwrite)
        maker.write(replace(work, frame=number), picture, target, since, seed=work.seeds[0], note=f"frame {number}")
        since = time.monotonic()
