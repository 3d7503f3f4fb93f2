"""What films have in common, whatever is in them: their length, their name, and where frames of their own go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mapsto.cli.options import option
from mapsto.cli.plan import STREAM, is_folder
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.cli.bar import Bar
    from mapsto.media.picture import Picture

MOST_FRAMES = 100_000

Fps = Annotated[float, option("--fps", help="Frames a second.")]
Loop = Annotated[bool, option("--loop", help="Go back to the first, so that it can be played for ever.")]
Output = Annotated[
    str | None,
    option("-o", "--output", help="A .mp4, .gif, .webp or .png (animated), or a folder for frames.", metavar="WHERE"),
]
Quality = Annotated[int, option("--quality", help="1 to 100, for MP4 and WebP.", env="quality")]


def count_of(seconds: float, fps: float) -> int:
    """Frames of a film.

    Raises:
        UsageError: none, or too many.
    """
    if not 0 < seconds * fps <= MOST_FRAMES:
        raise UsageError(f"{seconds:g} seconds of {fps:g} frames a second make no film.", f"{MOST_FRAMES} frames are the most.")
    return round(seconds * fps)


def target_of(output: str | None, name: str) -> Path:
    """Where a film goes.

    Raises:
        UsageError: to standard output.
    """
    if output == STREAM:
        raise UsageError("A film cannot go to standard output.", "Give a file name with -o.")
    return Path(output) if output is not None else Path(f"{name}.webp")


def is_for_frames(target: Path) -> bool:
    """Whether this is a folder for frames."""
    return is_folder(str(target)) or not target.suffix


def check(target: Path, count: int, *, overwrite: bool) -> None:
    """Find out before anything heavy is loaded what would go wrong.

    Raises:
        UsageError: no film's name, a file of others, or PyAV is not installed.
        NoSpace: the place cannot be written.
    """
    from mapsto.cli.batch import check_target
    from mapsto.cli.writing import holds_animation
    from mapsto.media import video

    if is_for_frames(target):
        return check_target(frame_of(target, count, 0), overwrite)
    check_target(target, overwrite, moving=True)
    if not video.is_film(target) and not holds_animation(target, None):
        raise UsageError(f"{target} holds no film.", "Write .mp4, .gif, .webp or .png, or a folder.")


def frame_of(folder: Path, count: int, number: int) -> Path:
    """The file of a frame; they sort by name as they follow each other."""
    return folder / f"{number:0{len(str(count - 1))}}.png"


def watched(frames: Iterator[Picture], count: int, bar: Bar) -> Iterator[Picture]:
    """The same frames; the bar shows each that is done."""
    for number, picture in enumerate(frames):
        yield picture
        bar.show(number + 1, f"frame {number + 1} of {count}")
