"""Painting a list of pictures: what is done stays done, what fails is told at the end, the rest goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mapsto
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.order import File, Order
from mapsto.cli.painting import Painter, Photo, holds_animation, write
from mapsto.cli.plan import Job
from mapsto.cli.voice import INTERRUPTED, PARTLY, Fault, Voice, fault_of
from mapsto.errors import MapstoError, NoSpace, UnreadableInput, UsageError
from mapsto.files import sha256
from mapsto.media.picture import Picture


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


def check_target(target: Path | None, overwrite: bool) -> None:
    """Find out before hours of work what would only go wrong after them.

    Raises:
        UsageError: the file is there and was not made by Mapsto, or no format is known by its extension.
        NoSpace: the place cannot be written.
    """
    if target is None:
        return
    from mapsto.media import encoding

    encoding.format_of(target)
    if target.is_file() and not overwrite and not is_ours(target):
        raise UsageError(f"{target} is there already, and Mapsto did not make it.", "Choose another name, or say --overwrite.")
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NoSpace(f"Cannot write {target}: {folder} is not a folder.", "Choose another place with -o.")
    if not os.access(folder, os.W_OK):
        raise NoSpace(f"Cannot write {target}: the folder {folder} is read-only.", "Choose another place with -o.")


def is_ours(path: Path) -> bool:
    """Whether a picture says that Mapsto painted it."""
    from mapsto.media import picture

    with suppress(UnreadableInput):  # also where nothing is there
        return "mapsto" in (picture.settings(path) or {})
    return False


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


class Batch:
    """A run over a list of jobs.

    Args:
        painter: How to paint.
        file: How to write.
        voice: Where to tell.
        overwrite: Replace files of others.
    """

    def __init__(self, painter: Painter, file: File, voice: Voice, *, overwrite: bool = False) -> None:
        self.painter, self.file, self.voice, self.overwrite = painter, file, voice, overwrite
        self.done = 0
        self.failures: list[tuple[Job, Fault]] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Do all jobs; the voice gets the fault, if any."""
        stopped = False
        with Bar(len(jobs), hidden=self.voice.quiet or self.voice.json) as bar:
            try:
                for job in jobs:
                    self._try(job, bar)
            except KeyboardInterrupt:
                stopped = True
        self._sum_up(len(jobs), stopped)

    def _try(self, job: Job, bar: Bar) -> None:
        try:
            self._do(job, bar)
        except BrokenPipeError:  # nobody reads on
            raise
        except Exception as error:
            if self.voice.verbose and not isinstance(error, MapstoError):
                import traceback

                self.voice.detail(traceback.format_exc())
            self.failures.append((job, fault_of(error)))

    def _do(self, job: Job, bar: Bar) -> None:
        start, before = time.monotonic(), self.done + len(self.failures)
        photo, preview = Photo(job.source.path), _Preview(job.target)

        def on_part(part: float, text: str) -> None:
            bar.show(before + part, f"{photo.name}: {text}")

        on_part(0, "reading")
        check_target(job.target, self.overwrite)
        self.painter.on_preview = preview.write
        painted = self.painter.paint(photo, self.file, holds_animation(job.target, self.file.format), on_part)
        settings = self.painter.settings(painted, photo, self.file)
        lost = write(painted, job.target, self.file, settings)
        preview.clear()
        self.done += 1
        for line in dict.fromkeys((*painted.first.notes, *lost)):
            self.voice.warn(line)
        self._tell(job.target, painted.first.size, time.monotonic() - start)
        self._check_stopped(painted.order)

    def _check_stopped(self, order: Order) -> None:
        """Go no further where somebody stopped an optimisation; what there was is written."""
        if order.stop_after != self.painter.order.stop_after:
            self.voice.note(f"Stopped after {order.stop_after} of {order.steps} steps; what was there is written.")
            raise KeyboardInterrupt

    def _tell(self, target: Path | None, size: tuple[int, int], seconds: float) -> None:
        seed = self.painter.order.seed
        if target is None:
            self.voice.note(f"standard output  {size[0]}×{size[1]}  {spoken(seconds)}  seed {seed}")
            return
        self.voice.outputs.append(output(target, size, seed, seconds))
        self.voice.result(f"{target}  {size[0]}×{size[1]}  {spoken(seconds)}  seed {seed}")

    def _sum_up(self, total: int, stopped: bool) -> None:
        """One failure of one picture speaks for itself; several are listed."""
        if self.failures and total > 1:
            for job, fault in self.failures:
                self.voice.trouble(f"{job.source}: {fault.line}")
            rest = "The others are done." if self.done else ""
            self.voice.fail(Fault(PARTLY, f"{len(self.failures)} of {total} pictures failed.", rest))
        elif self.failures:
            self.voice.fail(self.failures[0][1])
        if stopped:
            kept = f"{self.done} of {total} pictures are done and kept" if self.done else "nothing is done yet"
            self.voice.fail(Fault(INTERRUPTED, f"Stopped: {kept}."))
        if self.failures:
            self.voice.data["failures"] = [{"path": str(job.source), **asdict(fault)} for job, fault in self.failures]


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


def output(path: Path, size: tuple[int, int], seed: int, seconds: float) -> dict[str, Any]:
    """A file that was written, for programs."""
    return {
        "path": str(path),
        "width": size[0],
        "height": size[1],
        "seed": seed,
        "seconds": round(seconds, 3),
        "sha256": sha256(path),
    }
