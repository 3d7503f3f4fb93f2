"""A morph on its way into a file: the picture, the way through styles, and what the file says of both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.cli import film
from mapsto.cli.order import File, settings_of
from mapsto.cli.painting import Painter, Photo
from mapsto.cli.timing import Timing
from mapsto.cli.voice import Voice

if TYPE_CHECKING:
    from mapsto.image.morphing import Morph
    from mapsto.media.picture import Picture


class Reel:
    """A photo and a way through styles, ready to be filmed.

    Args:
        painter: Has the network, and the parts of all styles one after the other.
        photo: What is painted.
        timing: The way.
        file: How to write.
        voice: Where to tell.
    """

    def __init__(self, painter: Painter, photo: Photo, timing: Timing, file: File, voice: Voice) -> None:
        self.painter, self.photo, self.timing, self.file, self.voice = painter, photo, timing, file, voice

    @cached_property
    def morph(self) -> Morph:
        """The way, measured on the picture."""
        from mapsto.image.morphing import Morph

        order, timing = self.painter.order, self.timing
        return Morph(
            self.painter.stylizer,
            self.photo.picture(self.file.max_pixels).resized(order.size),
            timing.keys(self.painter.style),
            seconds=timing.seconds,
            loop=timing.loop,
            easing=timing.easing,
            seed=order.seed,
            keep_colors=order.keep_colors,
            tile=order.tile,
        )

    @cached_property
    def count(self) -> int:
        """Frames: of a loop up to the one before the first again, else the last style is shown too."""
        return film.count_of(self.morph.seconds, self.timing.fps) + (not self.timing.loop)

    def frames(self) -> Iterator[Picture]:
        """All of them, or the one."""
        numbers = range(self.count) if self.timing.frame is None else [self.timing.frame]
        return (self.morph.frame(min(number / self.timing.fps, self.morph.seconds)) for number in numbers)

    def settings(self, frame: int | None = None) -> dict[str, Any]:
        """What a file says of how it was made."""
        import torch

        timing = self.timing
        return settings_of(
            self.painter.order,
            style=self.painter.style,
            weights=self.painter.weights,
            quality=self.file.quality,
            torch=torch.__version__,
            source=self.photo.said,
            path=[[stop.parts, stop.time, stop.until] for stop in timing.stops],
            seconds=timing.seconds,
            fps=timing.fps,
            loop=timing.loop,
            easing=timing.easing,
            frame=timing.frame if frame is None else frame,
        ) | {"command": "morph"}

    def write(self, target: Path, *, overwrite: bool) -> None:
        """Film it, and tell.

        Args:
            target: A film, an animation, or a folder for frames.
            overwrite: Replace files of others.
        """
        from mapsto.cli.bar import Bar

        since = time.monotonic()
        with Bar(hidden=self.voice.quiet or self.voice.json) as bar:
            bar.show(0, "measuring the way")
            total = self.count
        with Bar(total, hidden=self.voice.quiet or self.voice.json) as bar:
            shown = film.watched(self.frames(), total, bar)
            if film.is_for_frames(target):
                self._write_frames(shown, target, overwrite=overwrite)
            else:
                self._put(shown, target, since, None if self.timing.frame is not None else (0 if self.timing.loop else 1))

    def _put(self, shown: Iterator[Picture], target: Path, since: float, loop: int | None) -> None:
        from mapsto.cli.batch import tell
        from mapsto.cli.writing import write

        stands_ms = 1000 / self.timing.fps
        for line in write(((picture, stands_ms) for picture in shown), target, self.file, self.settings(), loop=loop):
            self.voice.warn(line)
        note = f"{self.count} frames, {self.morph.seconds:.3g} s, seed {self.painter.order.seed}"
        tell(self.voice, target, self.morph.picture.size, time.monotonic() - since, seed=self.painter.order.seed, note=note)

    def _write_frames(self, shown: Iterator[Picture], folder: Path, *, overwrite: bool) -> None:
        from mapsto.cli.batch import check_target, tell

        since = time.monotonic()
        for number, picture in enumerate(shown):
            target = film.frame_of(folder, self.count, number)
            check_target(target, overwrite)
            lost = picture.save(target, quality=self.file.quality, settings=self.settings(number), strip=self.file.strip)
            for line in lost:
                self.voice.warn(line)
            seconds, since = time.monotonic() - since, time.monotonic()
            tell(self.voice, target, picture.size, seconds, seed=self.painter.order.seed, note=f"frame {number}")
