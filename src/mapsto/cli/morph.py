"""`mapsto morph`: one style turning into another over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsto.cli import film, footage, options
from mapsto.cli.options import option
from mapsto.cli.order import File, Ingredient, Order, ingredients, pixels_of, tile_of
from mapsto.cli.plan import Job, Source
from mapsto.cli.timing import Stop, Timing
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.image.timeline import Key
    from mapsto.media.clip import Clip


def morph(
    context: typer.Context,
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", show_default=False, help="A picture or a clip.")],
    path: Annotated[
        str,
        option(
            "--path",
            help="Styles in order, with times if you like: 'photo@0s, ink@2s..3s, starry-night:0.5+my.jpg:0.5@6s'.",
            metavar="STYLES",
        ),
    ],
    seconds: Annotated[
        float | None,
        option("--seconds", help="Of the whole; up to the last time by default, or 4; a clip's own length.", metavar="S"),
    ] = None,
    fps: Annotated[float, option("--fps", help="Frames a second, of pictures; a clip keeps its own.")] = 25.0,
    loop: film.Loop = False,
    easing: Annotated[
        str,
        option(
            "--easing", help="Pace from style to style; linear is even.", metavar="linear|smooth|ease-in|ease-out|ease-in-out"
        ),
    ] = "linear",
    output: film.Output = None,
    keep_colors: options.KeepColors = False,
    size: options.Size = None,
    seed: options.Seed = 0,
    quality: Annotated[
        int, option("--quality", help="1 to 100, for WebP, and MP4 of pictures; films of clips take --crf.", env="quality")
    ] = 95,
    strip: options.Strip = False,
    overwrite: options.Overwrite = False,
    max_pixels: options.MaxPixels = "64M",
    tile: options.Tile = "auto",
    stability: footage.Stability = 0.8,
    codec: footage.CodecName = None,
    crf: footage.Crf = None,
    work_size: footage.WorkSize = "auto",
    engine: footage.Engine = "torch",
    workers: footage.Workers = None,
    cluster: footage.Cluster = None,
    resume: footage.Resume = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Let one style turn into another, evenly.

    At its times every style is what `mapsto style` paints; `photo` is the picture itself.

    mapsto morph photo.jpg --path "starry-night, great-wave" --seconds 4 -o morph.mp4

    mapsto morph photo.jpg --path "photo@0s, ink@2s, my_painting.jpg@5s, photo@7s" --loop --easing smooth

    mapsto morph clip.mp4 --path "ink@0s, starry-night:0.5+mosaic:0.5@4s, great-wave@00:09.5"
    """
    with speaking("morph", json=json, quiet=quiet, verbose=verbose) as voice:
        from mapsto.cli.batch import check_source
        from mapsto.image.styles import names
        from mapsto.image.timeline import keys_of

        order = Order(1.0, keep_colors, size, seed, tile=tile_of(tile), device=device, precision=precision, weights=weights)
        file, known = File(None, quality, strip, pixels_of(max_pixels)), names(weights)
        keys = keys_of(path, known)
        from mapsto.media.clip import is_clip, probe

        if is_clip(photo):
            shot = footage.Footage(stability, codec, crf, work_size, engine)
            order = footage.steady(order, shot)
            target = film.target_of(output, _beside(photo))
            _check_given(context, target)
            clip = probe(photo)
            timing, style = _planned(keys, order, file, Wanted(seconds, fps, loop, easing), _end_of(clip, seconds))
            cast = Cast(order, style, shot, footage.Hands(workers, cluster, resume), file)
            return _film(clip, cast, timing, target, voice, overwrite=overwrite, dry_run=dry_run)
        timing, style = _planned(keys, order, file, Wanted(seconds, fps, loop, easing), seconds)
        check_source(photo, known, file.max_pixels)
        target, seconds = film.target_of(output, photo.with_name(f"{photo.stem}.morph.webp")), _length(keys, timing)
        count = len(timing.times(seconds))
        target.check(count, overwrite=overwrite)
        _check_sources(target, photo, style)
        if dry_run:
            voice.result(f"{len(timing.stops)} styles, {seconds:g} s, {count} frames → {target.path}")
            voice.data["planned"] = [{"path": str(target.path), "frames": count}]
            return
        from mapsto.cli.bar import Bar
        from mapsto.cli.painting import Painter, Photo
        from mapsto.cli.reel import Reel

        with Bar(hidden=voice.quiet or voice.json) as bar:
            bar.show(0, "loading the network")
            painter = Painter(order, style)
        Reel(painter, Photo(photo), timing, file, voice).write(target, overwrite=overwrite)


@dataclass(frozen=True)
class Cast:
    """Who and what takes part where a clip is painted."""

    order: Order
    style: list[Ingredient]
    shot: footage.Footage
    hands: footage.Hands
    file: File


def _beside(source: Path) -> Path:
    """Where a clip's morph goes by default."""
    suffix = ".mp4" if source.suffix.lower() == ".avi" else source.suffix
    return source.with_name(f"{source.stem}.morph{suffix}")


def _check_given(context: typer.Context, target: film.Target) -> None:
    """Refuse what somebody says in the command itself and a clip has no use for."""
    from mapsto.media.clip import is_clip

    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    if is_given("fps"):
        raise UsageError("A clip keeps the times of its frames.", "Leave --fps out.")
    if is_given("quality") and not target.is_folder and is_clip(target.path):
        raise UsageError("--quality is not for films of clips.", "Give --crf: smaller is better and larger.")


def _end_of(clip: Clip, seconds: float | None) -> float:
    """When the last style is there, in seconds; a clip does not get longer."""
    if seconds is None:
        return clip.duration
    if seconds > clip.duration:
        raise UsageError(
            f"{clip.path} lasts {clip.duration:g} s, and its morph cannot take {seconds:g} s.",
            "Leave --seconds out, or give less.",
        )
    return seconds


def _film(clip: Clip, cast: Cast, timing: Timing, target: film.Target, voice: Voice, *, overwrite: bool, dry_run: bool) -> None:
    """Let styles turn into each other over a clip."""
    source = clip.path
    target.check(len(clip), overwrite=overwrite, clip=True)
    if not target.is_folder:
        cast.shot.check(target.path)
    _check_sources(target, source, cast.style)
    if dry_run:
        voice.result(f"{len(timing.stops)} styles, {clip.duration:.3g} s, {len(clip)} frames → {target.path}")
        voice.data["planned"] = [{"path": str(target.path), "frames": len(clip)}]
        return
    from mapsto.cli.batch import Round
    from mapsto.cli.filming import Filming, track_along
    from mapsto.cli.painting import Painter

    painter = Painter(cast.order, cast.style)
    filming = Filming(painter, track_along(timing), cast.shot, cast.hands, cast.file, voice, timing.said(), overwrite=overwrite)
    Round(lambda job, on_part: filming.paint(source, target, on_part), voice).run([Job(Source(source), target.path)])


def _length(keys: Sequence[Key], timing: Timing) -> float:
    """Seconds of the whole, before anything is painted."""
    from mapsto.image.timeline import closed, timed
    from mapsto.image.track import SECONDS

    seconds = timing.seconds
    if timing.loop and keys[0].parts != keys[-1].parts:
        keys, seconds = closed(keys, seconds)
    when = timed(keys, seconds)
    return seconds or (SECONDS if when is None else when[-1].until or 0.0)


def _check_sources(target: film.Target, photo: Path, style: Sequence[Ingredient]) -> None:
    """Refuse to write over what is painted, and in what."""
    for source in (photo, *(Path(str(part.said["path"])) for part in style if "path" in part.said)):
        if target.path.resolve() == source.resolve():
            raise UsageError(f"{target.path} would replace what it is made from.", "Choose another name with -o.")


@dataclass(frozen=True)
class Wanted:
    """What is asked for of the timing."""

    seconds: float | None
    fps: float
    loop: bool
    easing: str


def _planned(
    keys: Sequence[Key], order: Order, file: File, wanted: Wanted, end: float | None
) -> tuple[Timing, list[Ingredient]]:
    """The timing, and the parts of all styles one after the other; whatever cannot be is refused here."""
    from mapsto.image.timeline import timed

    timed(keys, end)
    groups = [ingredients(key.parts, file.max_pixels, network=order.weights) for key in keys]
    if not any(groups):
        raise UsageError("There is no style on this way.", "Name one, as 'photo, starry-night'.")
    stops = tuple(Stop(len(group), key.time, key.until) for group, key in zip(groups, keys, strict=True))
    timing = Timing(stops, wanted.seconds, wanted.fps, wanted.loop, wanted.easing)
    return timing, [part for group in groups for part in group]
