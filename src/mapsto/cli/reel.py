"""A morph on its way into a file: the picture, the way through styles, and what the file says of both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mapsto.cli import film
from mapsto.cli.order import File, settings_of
from mapsto.cli.painting import Painter, Photo
from mapsto.cli.timing import Timing
from mapsto.cli.voice import Voice
from mapsto.errors import UsageError

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
            tile=cast(Any, order.tile),
        )

    @cached_property
    def times(self) -> list[float]:
        """When each frame is shown; of a single one, its own."""
        every = self.timing.times(self.morph.seconds)
        if self.timing.frame is None:
            return every
        if self.timing.frame >= len(every):
            raise UsageError(f"A morph of {len(every)} frames has no frame {self.timing.frame}.")
        return [every[self.timing.frame]]

    def frames(self) -> Iterator[Picture]:
        """All of them, or the one."""
        return map(self.morph.frame, self.times)

    def settings(self, frame: int | None = None) -> dict[str, Any]:
        """What a file says of how it was made."""
        import torch

        own = settings_of(
            replace(self.painter.order, tile=self.morph.how["tile"]),
            style=self.painter.style,
            weights=self.painter.weights,
            quality=self.file.quality,
            torch=torch.__version__,
            source=self.photo.said,
        )
        timing = self.timing if frame is None else replace(self.timing, frame=frame)
        return own | timing.said()

    def write(self, target: film.Target, *, overwrite: bool) -> None:
        """Film it, and tell.

        Args:
            target: A film, an animation, or a folder for frames.
            overwrite: Replace files of others.
        """
        from mapsto.cli.bar import Bar

        since = time.monotonic()
        with Bar(hidden=self.voice.quiet or self.voice.json) as bar:
            bar.show(0, "measuring the way")
            total = len(self.times)
        target.check(total, overwrite=overwrite)
        target.check_size(total, self.morph.picture.size)
        for line in self.morph.picture.notes:
            self.voice.warn(line)
        with Bar(total, hidden=self.voice.quiet or self.voice.json) as bar:
            shown = film.watched(self.frames(), total, bar)
            if target.is_folder:
                self._write_frames(shown, target)
            else:
                self._put(shown, target.path, since)

    def _put(self, shown: Iterator[Picture], target: Path, since: float) -> None:
        from mapsto.cli.batch import tell
        from mapsto.cli.writing import write

        timing, stands_ms = self.timing, 1000 / self.timing.fps
        is_still = timing.frame is not None
        loop = None if is_still else 0 if timing.loop else 1
        for line in write(((picture, stands_ms) for picture in shown), target, self.file, self.settings(), loop=loop):
            self.voice.warn(line)
        note = f"{len(self.times)} frames, {self.morph.seconds:.3g} s, seed {self.painter.order.seed}"
        note = f"frame {timing.frame}" if is_still else note
        tell(self.voice, target, self.morph.picture.size, time.monotonic() - since, seed=self.painter.order.seed, note=note)

    def _write_frames(self, shown: Iterator[Picture], folder: film.Target) -> None:
        from mapsto.cli.batch import tell

        since = time.monotonic()
        for number, picture in enumerate(shown):
            target = folder.frame(len(self.times), number)
            lost = picture.save(target, quality=self.file.quality, settings=self.settings(number), strip=self.file.strip)
            for line in lost:
                self.voice.warn(line)
            seconds, since = time.monotonic() - since, time.monotonic()
            tell(self.voice, target, picture.size, seconds, seed=self.painter.order.seed, note=f"frame {number}")
