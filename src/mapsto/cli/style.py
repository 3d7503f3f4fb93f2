"""`mapsto style`: any photo in any style."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsto.cli import card, footage, options, plan
from mapsto.cli.options import option
from mapsto.cli.order import File, Order, ingredients, pixels_of, tile_of
from mapsto.cli.plan import Job
from mapsto.cli.voice import INTERRUPTED, Voice, check_stdout, speaking
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.cli.batch import OnPart
    from mapsto.cli.painting import Painter
    from mapsto.image.styles import Part


def style(
    photos: Annotated[
        list[str] | None, typer.Argument(metavar="PHOTO", show_default=False, help="Pictures, clips, folders with -r, or -.")
    ] = None,
    style: Annotated[
        str | None,
        typer.Argument(
            metavar="STYLE",
            show_default=False,
            help="A name, a picture, or a mixture: starry-night:0.6,my.jpg:0.4",
            autocompletion=options.style_names,
        ),
    ] = None,
    output: options.Output = None,
    strength: options.Strength = 1.0,
    keep_colors: options.KeepColors = False,
    size: options.Size = None,
    seed: options.Seed = 0,
    recursive: Annotated[bool, option("-r", "--recursive", help="Paint all pictures in folders.")] = False,
    skip_existing: Annotated[bool, option("--skip-existing", help="Leave out what is painted already, and whole.")] = False,
    overwrite: options.Overwrite = False,
    learn: Annotated[
        float | None, option("--learn", help="Learn the painting's hand first, and keep it.", metavar="SECONDS")
    ] = None,
    name: Annotated[str | None, option("--name", help="Of the learned hand; by default the file's.")] = None,
    method: options.Method = "fast",
    steps: options.Steps = 300,
    preview_every: Annotated[
        int, option("--preview-every", help="Write a preview every N steps of optimize.", metavar="N")
    ] = 0,
    mask: Annotated[Path | None, option("--mask", help="Paint only where this picture is white.", metavar="FILE")] = None,
    with_music: Annotated[
        int | None, option("--with-music", help="Make a moving picture of so many bars with its own tune.", metavar="BARS")
    ] = None,
    music: Annotated[
        str | None,
        option("--music", help="Styles of that tune: ragtime:0.6,lied:0.4; by default what goes with the painting."),
    ] = None,
    stability: footage.Stability = 0.8,
    codec: footage.CodecName = None,
    crf: footage.Crf = None,
    work_size: footage.WorkSize = "auto",
    engine: footage.Engine = "torch",
    workers: footage.Workers = None,
    cluster: footage.Cluster = None,
    resume: footage.Resume = False,
    format: options.FormatName = None,
    quality: options.Quality = 95,
    strip: options.Strip = False,
    max_pixels: options.MaxPixels = "64M",
    tile: options.Tile = "auto",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    weights: options.Weights = "style-s",
    dry_run: Annotated[bool, option("--dry-run", help="Only say what would be painted.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Paint photos and clips in a style.

    mapsto style photo.jpg starry-night

    mapsto style photo.jpg "starry-night:0.6,great-wave:0.4" --strength 0.7

    mapsto style shots/ ink -r -o styled/ --skip-existing

    mapsto style clip.mp4 great-wave -o out.mp4 --stability 0.8

    mapsto style photo.jpg ink --with-music 8 -o card.mp4
    """
    from mapsto.media.albums import PICTURES
    from mapsto.media.clip import SUFFIXES as CLIPS

    with speaking("style", json=json, quiet=quiet, verbose=verbose) as voice:
        order = Order(strength, keep_colors, size, seed, method, steps, tile_of(tile), device, precision, weights)
        order = order if mask is None else replace(order, mask=_mask(mask))
        file = File(format, quality, strip, pixels_of(max_pixels))
        found, given = _arguments(photos, style)
        asked = _card(with_music, music)
        usual = format or ("mp4" if asked else None)
        kinds = (*PICTURES, *(() if asked else CLIPS))
        jobs = plan.plan(plan.sources(found, recursive, kinds), plan.Place(output, usual, plan.slug(given)))
        shot = footage.Footage(stability, codec, crf, work_size, engine)
        hands = footage.Hands(workers, cluster, resume)
        wanted = Wanted(given, order, file, learn, name, preview_every, shot, hands, asked)
        _run(jobs, wanted, voice, skip_existing=skip_existing, overwrite=overwrite, dry_run=dry_run)


@dataclass(frozen=True)
class Wanted:
    """What is asked for beyond the order: the style as it was spelled, the file, learning, previews, and what clips need."""

    style: str
    order: Order
    file: File
    learn: float | None
    name: str | None
    preview_every: int
    shot: footage.Footage
    hands: footage.Hands
    card: card.Card | None = None

    def __post_init__(self) -> None:
        """Refuse options that would be ignored."""
        from mapsto.image.styles import check_method

        check_method(self.order.method, self.learn)
        if self.name is not None and self.learn is None:
            raise UsageError("There is no style to name.", "--name goes with --learn.")
        if self.preview_every and self.order.method != "optimize":
            raise UsageError("The network is done at once and has no previews.", "--preview-every goes with --method optimize.")
        if self.card is not None and self.order.mask is not None:
            raise UsageError("A mask stands still, and this picture moves.", "Leave --mask out.")
        if self.card is not None and self.order.method == "optimize":
            raise UsageError("Optimising a moving picture would take hours.", "Leave --method out; --learn teaches a hand.")
        if self.card is not None and self.hands != footage.Hands():
            raise UsageError("A moving picture is painted by one alone.", "Leave --workers, --cluster and --resume out.")


def _mask(path: Path) -> str:
    from mapsto.image import masking

    return masking.spelled(path)


def _card(bars: int | None, music: str | None) -> card.Card | None:
    """The moving picture that is asked for, if any."""
    if bars is None and music is not None:
        raise UsageError("There is no tune to compose.", "--music goes with --with-music BARS.")
    return None if bars is None else card.Card(bars, music)


def _arguments(photos: list[str] | None, style: str | None) -> tuple[list[str], str]:
    """The photos and the style; what is missing is told with an example."""
    if photos and style:
        return photos, style
    what = f"{photos[0] if photos else style} alone is not enough" if photos or style else "Nothing was given"
    raise UsageError(
        f"{what}: a photo and a style are needed.",
        "As in: mapsto style photo.jpg starry-night. `mapsto styles` lists the names.",
    )


def _run(jobs: list[Job], wanted: Wanted, voice: Voice, *, skip_existing: bool, overwrite: bool, dry_run: bool) -> None:
    from mapsto.cli.batch import Batch, check_source, check_target, is_finished
    from mapsto.image.styles import names, only_pictures, parts_of
    from mapsto.media.clip import is_clip

    known = names(wanted.order.weights)
    parts = parts_of(wanted.style, known)
    if wanted.order.method == "optimize":
        only_pictures(parts)
    todo = [job for job in jobs if not (skip_existing and (is_finished(job.target) or _is_filmed(job.target)))]
    overwrite = overwrite or skip_existing  # what is there and still to do was left unfinished
    wanted = replace(wanted, hands=replace(wanted.hands, resume=wanted.hands.resume or skip_existing))
    if len(todo) < len(jobs):
        voice.note(f"{len(jobs) - len(todo)} of {len(jobs)} are there already and were left out.")
    if wanted.card is not None and todo:
        return _make_card(todo, parts, wanted, voice, overwrite=overwrite, dry_run=dry_run)
    if dry_run:
        return plan.tell(todo, voice)
    if clips := [job for job in todo if job.source.path is not None and is_clip(job.source.path)]:
        _film(clips, parts, wanted, voice, overwrite=overwrite)
        todo = [job for job in todo if job not in clips]
        if voice.fault is not None and voice.fault.code == INTERRUPTED:
            return
    if any(job.target is None for job in todo):
        check_stdout(voice)
    if len(jobs) == len(todo) == 1:  # of several, each is told when its turn comes
        check_source(todo[0].source.path, known, wanted.file.max_pixels)
        check_target(todo[0].target, overwrite)
    if todo:
        Batch(_painter(parts, todo, wanted, voice), wanted.file, voice, overwrite=overwrite).run(todo)


def _make_card(jobs: list[Job], parts: list[Part], wanted: Wanted, voice: Voice, *, overwrite: bool, dry_run: bool) -> None:
    """Make a moving picture with a tune."""
    from mapsto.cli.batch import check_source

    assert wanted.card is not None
    source, target = card.check(jobs, wanted.card, wanted.shot, overwrite=overwrite)
    check_source(source, (), wanted.file.max_pixels)
    if dry_run:
        return plan.tell(jobs, voice)
    painter = _painter(parts, jobs, wanted, voice)
    from mapsto.cli.painting import Photo

    card.make(target, card.Cinema(painter, Photo(source), wanted.shot, wanted.file, voice), voice, wanted.card)


def _is_filmed(target: Path | None) -> bool:
    """Whether a film of ours is there; it is put there in one step when it is whole."""
    from mapsto.cli.batch import is_ours
    from mapsto.media.clip import is_clip

    return target is not None and is_clip(target) and is_ours(target)


def _film(jobs: list[Job], parts: list[Part], wanted: Wanted, voice: Voice, *, overwrite: bool) -> None:
    """Paint clips."""
    if wanted.order.mask is not None:
        raise UsageError("A mask stands still, and a clip moves.", "Leave --mask out.")
    if wanted.order.method == "optimize":
        raise UsageError("Optimising a clip would take days.", "Leave --method out; --learn teaches the network a hand.")
    from mapsto.cli.batch import Round, check_target
    from mapsto.cli.film import target_of
    from mapsto.media.clip import probe

    targets = {job.source.path: target_of(str(job.target), Path()) for job in jobs if job.target is not None}
    if len(targets) < len(jobs):
        raise UsageError("A film cannot go to standard output.", "Give a file name with -o, or use `mapsto stream`.")
    for path, target in targets.items():
        if len(jobs) == 1 and path is not None:
            probe(path)
        if not target.is_folder:
            check_target(target.path, overwrite, moving=True)
            wanted.shot.check(target.path)
    from mapsto.cli.filming import Filming, still_track

    painter = _painter(parts, jobs, replace(wanted, order=footage.steady(wanted.order, wanted.shot)), voice)
    filming = Filming(
        painter, still_track, wanted.shot, wanted.hands, wanted.file, voice, {"command": "style"}, overwrite=overwrite
    )

    def do(job: Job, on_part: OnPart) -> None:
        assert job.source.path is not None
        filming.paint(job.source.path, targets[job.source.path], on_part)

    Round(do, voice).run(jobs)


def _painter(parts: list[Part], jobs: list[Job], wanted: Wanted, voice: Voice) -> Painter:
    order, limit = wanted.order, wanted.file.max_pixels
    style = None if wanted.learn else ingredients(parts, limit, use_hands=order.method == "fast", network=order.weights)
    from mapsto.cli.bar import Bar
    from mapsto.cli.learning import learn_hands
    from mapsto.cli.painting import Painter, load  # imports torch: only after what can be checked without it

    with Bar(hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "loading the network")
        stylizer = load(order)
    if wanted.learn is not None:
        learn_hands(stylizer, parts, jobs, voice, seconds=wanted.learn, name=wanted.name, max_pixels=limit)
    painter = Painter(
        order,
        style or ingredients(parts, limit, use_hands=order.method == "fast", network=order.weights),
        stylizer,
        preview_every=wanted.preview_every,
    )
    used = painter.order
    voice.detail(f"{used.weights} on {used.device}, {used.precision}, {used.threads} threads")
    return painter
