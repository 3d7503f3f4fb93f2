"""What the verbs that learn from a folder share: their options, reading the pictures, and telling how it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli.bar import Bar, spoken
from mapsto.cli.options import option
from mapsto.cli.voice import INTERRUPTED, Fault, Voice
from mapsto.errors import NoSpace, UsageError

if TYPE_CHECKING:
    from mapsto.learning.data import PictureData
    from mapsto.learning.labels import Rule
    from mapsto.learning.training import Report

Pictures = Annotated[
    Path, typer.Argument(metavar="PICTURES", show_default=False, help="A folder, with all folders in it, or a zip.")
]
Name = Annotated[str | None, option("--name", help="Of the result; by default the folder's.")]
Seed = Annotated[int, option("--seed", help="Of everything that is drawn.", env="seed")]
Run = Annotated[
    Path | None,
    option("--run", help="Where logs, samples and checkpoints go; by default beside your weights.", metavar="FOLDER"),
]
Licence = Annotated[str | None, option("--licence", help="Of the pictures, for the model's card.", metavar="TEXT")]
Flip = Annotated[bool, option("--flip", help="Show every second picture mirrored; not for writing.")]
Replace = Annotated[bool, option("--overwrite", help="Replace a model of that name that you trained, and its run.")]

AGAIN = "The same command with --resume goes on from there."


def prepared(
    pictures: Path,
    size: tuple[int, int],
    voice: Voice,
    *,
    channels: int = 3,
    labels: Rule | None = None,
    flip: bool = False,
) -> PictureData:
    """The pictures of a folder at one size; what was skipped is told.

    Args:
        pictures: The folder or zip.
        size: Height and width.
        voice: Where to tell.
        channels: 3, or 4 with transparency.
        labels: See `mapsto.learning.labels`.
        flip: Mirror half of what is shown.
    """
    from mapsto.learning.data import prepare

    with Bar(hidden=is_hidden(voice)) as bar:

        def told(done: int, total: int) -> None:
            bar.show(done / max(1, total), f"reading {pictures.name}")

        data = prepare(pictures, size, channels=channels, labels=labels, flip=flip, on_progress=told)
    for line in data.notes():
        voice.warn(line)
    if data.skipped:
        voice.data["skipped"] = [{"path": name, "reason": reason} for name, reason in data.skipped]
        voice.detail("\n".join(f"skipped {name}: {reason}" for name, reason in data.skipped))
    height, width = size
    classes = f" in {len(data.classes)} classes" if data.classes else ""
    voice.note(f"{len(data):,} pictures{classes} at {width}×{height}")
    return data


def size_of(text: str | None, default: tuple[int, int]) -> tuple[int, int]:
    """What --size means here: height and width.

    Raises:
        UsageError: neither N nor WxH.
    """
    if text is None:
        return default
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise UsageError(f"{text!r} is no size.", "Give pixels, as 64 for squares, or 96x160 for width and height.")
    return int(sides[-1]), int(sides[0])


class Told:
    """Tells of one training after another, each in a moving line of its own.

    Args:
        bar: The line.
        voice: For what should stay.
    """

    def __init__(self, bar: Bar, voice: Voice) -> None:
        self.bar, self.voice = bar, voice
        self.known: set[str] = set()

    def __call__(self, name: str, report: Report, begun: float = 0.0, share: float = 1.0) -> None:
        """Show a report.

        Args:
            name: Of the training.
            report: How it goes.
            begun: Part of the whole job that was done before this training.
            share: This training's part of the whole job.
        """
        part = begun + share * report.step / report.steps
        if name not in self.known:
            self.known.add(name)
            if report.step:  # it was begun by a command before this one
                self.bar.resume(part)
                self.voice.note(f"{name}: goes on after step {report.step:,} of {report.steps:,}")
        self.bar.show(part, f"{name} {progress_of(report)}")
        for note in report.notes:
            self.voice.warn(note)
        if report.samples is not None:
            self.voice.detail(f"{name}: {report.samples}")


def progress_of(report: Report) -> str:
    """Where a training stands and how fast it goes, in a few words."""
    terms = [f"{name} {value:.3g}" for name, value in report.terms.items() if not name.endswith("gradient")]
    return ", ".join([f"{report.step}/{report.steps}", f"{report.images_per_second:.0f} images/s", *terms[:2]])


@contextmanager
def stoppable(voice: Voice, hint: str = AGAIN) -> Iterator[None]:
    """Tell where a training that Ctrl-C stopped was saved, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        voice.fail(Fault(INTERRUPTED, f"Stopped. {stop}".strip(), hint))


def check_room(folder: Path, need: int) -> None:
    """Find out before hours of learning whether they would end on a full disk.

    Args:
        folder: That will be written to; it need not be there.
        need: Bytes.

    Raises:
        NoSpace: the folder cannot be written, or there is less room.
    """
    import shutil

    from mapsto.files import check_writable

    try:
        check_writable(folder)
    except NoSpace as error:
        raise NoSpace(error.what, "Choose another place with --run.") from error
    free = shutil.disk_usage(folder).free
    if free < need:
        raise NoSpace(
            f"The training needs about {in_bytes(need)} in {folder}, and {in_bytes(free)} are free.",
            "Free some space, or choose another place with --run.",
        )


def threads() -> int | None:
    """Of the processor, as the environment says; None where it says nothing."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else None


def is_first() -> bool:
    """Whether this is the process that speaks and writes, of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


def is_hidden(voice: Voice) -> bool:
    """Whether nothing moves on the terminal."""
    return voice.quiet or voice.json


def in_bytes(count: float) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1.0, count / 1e6):.0f} MB"


def kept(path: Path, size: tuple[int, int], seed: int, seconds: float, voice: Voice) -> None:
    """Tell of a model that was written: its file, size of pictures, time and seed."""
    from mapsto.cli.batch import output

    told: dict[str, Any] = output(path, size, seed, seconds)
    voice.outputs[:] = [each for each in voice.outputs if each["path"] != told["path"]] + [told]
    voice.result(f"{path}  {size[0]}×{size[1]}  {spoken(seconds)}  seed {seed}")
