"""What films have in common, whatever is in them: their length, their name, and where frames of their own go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mapsto.cli.options import option
from mapsto.cli.plan import STREAM, is_folder
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.cli.bar import Bar
    from mapsto.media.picture import Picture

ANIMATIONS = (".gif", ".webp", ".png")
"""What animations are called."""

MOST_FRAMES = 100_000

MOST_PIXELS = 400_000_000
"""Of an animation, all frames together: about 2.5 GB while it is written."""

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
    if not 0.5 < seconds * fps <= MOST_FRAMES:
        raise UsageError(f"{seconds:g} seconds of {fps:g} frames a second make no film.", f"It has 1 to {MOST_FRAMES} frames.")
    return round(seconds * fps)


@dataclass(frozen=True)
class Target:
    """Where a film goes.

    Args:
        path: A file, or a folder.
        is_folder: For frames, each a file.
    """

    path: Path
    is_folder: bool = False

    def check(self, count: int, *, overwrite: bool, clip: bool = False) -> None:
        """Find out before anything heavy is loaded what would go wrong.

        Args:
            count: Frames.
            overwrite: Replace files of others.
            clip: It is made from a clip, and may be called like one.

        Raises:
            UsageError: a name that says no format for it, a file of others, or PyAV is not installed.
            NoSpace: the place cannot be written.
        """
        from mapsto.cli.batch import check_target

        if self.is_folder:
            check_target(self.frame(count, 0), overwrite)
            for number in range(1, count) if self.path.is_dir() else ():
                check_target(self.frame(count, number), overwrite)
            return
        self._check_name(clip)
        check_target(self.path, overwrite, moving=True)

    def _check_name(self, clip: bool) -> None:
        from mapsto.media import containers, video

        known = (*(containers.FORMATS if clip else video.SUFFIXES), *ANIMATIONS)
        if self.path.suffix.lower() not in known:
            what = "painted clip" if clip else "film of pictures"
            raise UsageError(f"A {what} cannot be written as {self.path}.", f"Write {', '.join(known)} or a folder.")

    def check_size(self, count: int, size: tuple[int, int]) -> None:
        """Refuse an animation that does not fit into memory, where encoders compare neighbours.

        Raises:
            UsageError: too many frames of that size.
        """
        from mapsto.media import video

        if not self.is_folder and not video.is_film(self.path) and count * size[0] * size[1] > MOST_PIXELS:
            raise UsageError(
                f"{count} frames of {size[0]}×{size[1]} are too many for {self.path.suffix}, which is written from memory.",
                "Write .mp4 or a folder, or give a smaller --size.",
            )

    def frame(self, count: int, number: int) -> Path:
        """The file of a frame; they sort by name as they follow each other."""
        return self.path / f"{number:0{len(str(count - 1))}}.png"


def target_of(output: str | None, usual: Path) -> Target:
    """Where a film goes.

    Args:
        output: As for -o.
        usual: Where to, without it.

    Raises:
        UsageError: to standard output.
    """
    if output == STREAM:
        raise UsageError("A film cannot go to standard output.", "Give a file name with -o.")
    if output is None:
        return Target(usual)
    return Target(Path(output), is_folder(output) or not Path(output).suffix)


def watched(frames: Iterator[Picture], count: int, bar: Bar) -> Iterator[Picture]:
    """The same frames; the bar shows each that is done."""
    for number, picture in enumerate(frames):
        yield picture
        bar.show(number + 1, f"frame {number + 1} of {count}")
