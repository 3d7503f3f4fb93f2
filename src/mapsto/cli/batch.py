"""Painting a list of pictures: what is done stays done, what fails is told at the end, the rest goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mapsto
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.order import File, Order
from mapsto.cli.painting import Painter, Photo
from mapsto.cli.plan import Job
from mapsto.cli.voice import INTERRUPTED, PARTLY, Fault, Voice, fault_of
from mapsto.cli.writing import holds_animation, write
from mapsto.errors import MapstoError, NoSpace, UnreadableInput, UsageError
from mapsto.files import sha256
from mapsto.media.picture import Picture

SCORES = (".mid", ".midi")
"""Extensions of files that hold written music."""

SOUNDS = (".wav", ".flac")
"""And of those that hold sound, and say how it was made."""


def check_source(source: Path | None, styles: Sequence[str], max_pixels: int) -> None:
    """Find out before anything heavy is loaded whether a file can be a picture at all.

    Raises:
        UnreadableInput: it cannot.
        UsageError: it is the name of a style: the order was mixed up.
    """
    from mapsto.media import animation

    if source is not None and str(source) in styles and not source.exists():
        raise UsageError(f"{source} is a style, not a photo.", "The photo comes first, the style last.")
    if source is not None:
        animation.about(source, max_pixels)


def check_target(target: Path | None, overwrite: bool, *, moving: bool = False) -> None:
    """Find out before hours of work what would only go wrong after them.

    Args:
        target: The file; None for standard output.
        overwrite: Replace files of others.
        moving: It may be a film.

    Raises:
        UsageError: the file is there and was not made by Mapsto, or no format is known by its extension.
        NoSpace: the place cannot be written.
    """
    if target is None:
        return
    from mapsto.media import encoding
    from mapsto.media.clip import is_clip
    from mapsto.media.containers import format_of, need_av

    if moving and is_clip(target):
        need_av()
        format_of(target)
    else:
        encoding.format_of(target)
    check_place(target, overwrite)


def check_place(target: Path, overwrite: bool) -> None:
    """Find out whether a file can be written, whatever its format.

    Raises:
        UsageError: the file is there and was not made by Mapsto.
        NoSpace: the place cannot be written.
    """
    if target.is_file() and not overwrite and not is_ours(target):
        raise UsageError(f"{target} is there already, and Mapsto did not make it.", "Choose another name, or say --overwrite.")
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NoSpace(f"Cannot write {target}: {folder} is not a folder.", "Choose another place with -o.")
    if not os.access(folder, os.W_OK):
        raise NoSpace(f"Cannot write {target}: the folder {folder} is read-only.", "Choose another place with -o.")


def is_ours(path: Path) -> bool:
    """Whether a picture, a film, a score or a sound says that Mapsto made it."""
    with suppress(UnreadableInput):  # also where nothing is there
        return "mapsto" in (said_by(path) or {})
    return False


def said_by(path: Path) -> dict[str, Any] | None:
    """The settings in a picture, a film, a score or a sound.

    Raises:
        UnreadableInput: none of them.
    """
    from mapsto.media import picture, video
    from mapsto.media.clip import is_clip

    if path.suffix.lower() in SOUNDS:
        from mapsto.media import audio

        return audio.settings(path)
    if path.suffix.lower() in SCORES:
        from mapsto.sound.score import Score

        return dict(Score.read(path).settings)
    return video.about(path).settings if is_clip(path) else picture.settings(path)


def is_finished(path: Path | None) -> bool:
    """Whether a picture is there and whole, down to its last row and frame."""
    if path is None or not path.is_file():
        return False
    from mapsto.media import animation

    try:
        for _ in animation.frames(path, max_pixels=2**40, max_total=2**50):
            pass
    except UnreadableInput:
        return False
    return True


OnPart = Callable[[float, str], object]
"""Told how much of one picture is done, in [0, 1], and what is being done."""


class StoppedAfter(KeyboardInterrupt):
    """Somebody stopped, and what there was by then is written."""


class Round:
    """A list of jobs, one after the other: what fails is told at the end, and Ctrl-C keeps what is done.

    Args:
        do: Does one job.
        voice: Where to tell; it gets the fault, if any.
    """

    def __init__(self, do: Callable[[Job, OnPart], object], voice: Voice) -> None:
        self.do, self.voice = do, voice
        self.done = 0
        self.failures: list[tuple[Job, Fault]] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Do all jobs."""
        stopped = False
        with Bar(len(jobs), hidden=self.voice.quiet or self.voice.json) as bar:
            try:
                for job in jobs:
                    self._try(job, bar)
            except KeyboardInterrupt as stop:
                stopped = True
                self.done += isinstance(stop, StoppedAfter)
        self._sum_up(len(jobs), stopped)

    def _try(self, job: Job, bar: Bar) -> None:
        before, name = self.done + len(self.failures), job.source.path.name if job.source.path else str(job.source)
        try:
            self.do(job, lambda part, text: bar.show(before + part, f"{name}: {text}"))
            self.done += 1
        except BrokenPipeError:  # nobody reads on
            raise
        except Exception as error:
            if self.voice.verbose and not isinstance(error, MapstoError):
                import traceback

                self.voice.detail(traceback.format_exc())
            self.failures.append((job, fault_of(error)))

    def _sum_up(self, total: int, stopped: bool) -> None:
        """One failure of one picture speaks for itself; several are listed."""
        if self.failures and total > 1:
            for job, fault in self.failures:
                self.voice.trouble(f"{job.source}: {self.voice.told(fault)}")
            rest = "The others are done." if self.done else ""
            self.voice.fail(Fault(PARTLY, f"{len(self.failures)} of {total} pictures failed.", rest))
        elif self.failures:
            self.voice.fail(self.failures[0][1])
        if stopped:
            self.voice.fail(stopped_at(self.done, total))
        if self.failures:
            self.voice.data["failures"] = [{"path": str(job.source), **asdict(fault)} for job, fault in self.failures]


def stopped_at(done: int, total: int) -> Fault:
    """What to say after Ctrl-C."""
    return Fault(INTERRUPTED, f"Stopped: {done} of {total} pictures are done and kept." if done else "Stopped.")


class Batch:
    """Photos to be painted in one style.

    Args:
        painter: How to paint.
        file: How to write.
        voice: Where to tell.
        overwrite: Replace files of others.
    """

    def __init__(self, painter: Painter, file: File, voice: Voice, *, overwrite: bool = False) -> None:
        self.painter, self.file, self.voice, self.overwrite = painter, file, voice, overwrite

    def run(self, jobs: Sequence[Job]) -> None:
        """Do all jobs; the voice gets the fault, if any."""
        Round(self._do, self.voice).run(jobs)

    def _do(self, job: Job, on_part: OnPart) -> None:
        start, photo, preview = time.monotonic(), Photo(job.source.path), _Preview(job.target)
        on_part(0, "reading")
        check_target(job.target, self.overwrite)
        self.painter.on_preview = preview.write
        painted = self.painter.paint(photo, self.file, holds_animation(job.target, self.file.format), on_part)
        settings = self.painter.settings(painted, photo, self.file)
        lost = write(painted.frames, job.target, self.file, settings, loop=painted.loop)
        preview.clear()
        for line in dict.fromkeys((*painted.first.notes, *lost)):
            self.voice.warn(line)
        tell(self.voice, job.target, painted.first.size, time.monotonic() - start, seed=self.painter.order.seed)
        self._check_stopped(painted.order)

    def _check_stopped(self, order: Order) -> None:
        """Go no further where somebody stopped an optimisation; what there was is written."""
        if order.stop_after != self.painter.order.stop_after:
            self.voice.note(f"Stopped after {order.stop_after} of {order.steps} steps; what was there is written.")
            raise StoppedAfter


class _Preview:
    """A file beside the result that shows how far it is, replaced in one step, gone when the result is there."""

    def __init__(self, target: Path | None) -> None:
        self.path = None if target is None else target.with_name(f"{target.stem}.preview.png")

    def write(self, picture: Picture) -> None:
        """Show this."""
        if self.path is not None:
            picture.save(self.path, settings={"mapsto": mapsto.__version__, "command": "preview"})

    def clear(self) -> None:
        """The result is there."""
        if self.path is not None and is_ours(self.path):
            self.path.unlink()


def tell(
    voice: Voice,
    target: Path | None,
    size: tuple[int, int],
    seconds: float,
    *,
    seed: int | None = None,
    note: str = "",
    **more: Any,
) -> None:
    """Say that a picture is written.

    Args:
        voice: Where to.
        target: The file; None for standard output.
        size: Width and height.
        seconds: It took.
        seed: It was made with.
        note: What is said at the end of the line; the seed by default.
        more: What programs are told beside that.
    """
    said = f"{target or 'standard output'}  {size[0]}×{size[1]}  {spoken(seconds)}  {note or f'seed {seed}'}"
    if target is None:
        voice.note(said)
        return
    voice.outputs.append(output(target, size, seed, seconds) | more)
    voice.result(said)


def output(path: Path, size: tuple[int, int], seed: int | None, seconds: float) -> dict[str, Any]:
    """A file that was written, for programs."""
    return {
        "path": str(path),
        "width": size[0],
        "height": size[1],
        "seed": seed,
        "seconds": round(seconds, 3),
        "sha256": sha256(path),
    }
