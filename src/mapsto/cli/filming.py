"""A clip painted from its first frame to its last: planned, painted in chunks, joined with its sound, and looked through."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.cli import film
from mapsto.cli.batch import OnPart, check_target, tell
from mapsto.cli.footage import Footage, Hands
from mapsto.cli.order import File, settings_of
from mapsto.cli.painting import Painter, Photo
from mapsto.cli.voice import PARTLY, Fault, Voice
from mapsto.cli.writing import write
from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.clip import Clip, frames, probe
from mapsto.media.joining import join
from mapsto.media.picture import Picture
from mapsto.video import crew
from mapsto.video.chunks import Folder, chunks_of
from mapsto.video.commission import Commission, computing_with
from mapsto.video.frames import WARM_UP, FramePainter, Way

if TYPE_CHECKING:
    from mapsto.cli.timing import Timing
    from mapsto.image.points import Style
    from mapsto.image.track import Track

THREADS = 1
"""Of every process that paints on a CPU: two would round otherwise than one."""

TrackOf = Callable[[Painter, Clip], "Track"]
"""The way through styles along a clip."""


def still_track(painter: Painter, clip: Clip) -> Track:
    """One style from the first frame to the last, its strength paced by what is seen in the middle of the clip."""
    from mapsto.image.track import Track

    style, strength = painter.vector, painter.order.strength
    pace = strength
    if 0 < strength < 1:
        pace = painter.stylizer.paced(seen_at(clip, clip.duration / 2), style, strength)
    return Track.still(shortened(style, pace))


def shortened(style: Style, length: float) -> Style:
    """A style of which so much is left; of 0, the photo itself."""
    return replace(style, z=style.z * length, hands=style.hands if length else ())


def track_along(timing: Timing) -> TrackOf:
    """Styles that turn into each other at their times."""

    def track(painter: Painter, clip: Clip) -> Track:
        from mapsto.image.track import track_of

        return track_of(
            painter.stylizer,
            timing.keys(painter.style),
            lambda seconds: seen_at(clip, seconds),
            seconds=timing.seconds or clip.duration,
            loop=timing.loop,
            easing=timing.easing,
        )

    return track


def seen_at(clip: Clip, seconds: float) -> Picture:
    """What is shown at a time."""
    index = index_at(clip, seconds)
    return Picture.of(next(frames(clip, index, index + 1)))


def index_at(clip: Clip, seconds: float) -> int:
    """Which frame is shown at a time; the last after the end."""
    return max(0, bisect_right(clip.pts, clip.pts[0] + seconds / float(clip.time_base) + 1e-6) - 1)


@dataclass(frozen=True)
class Filming:
    """How clips are painted.

    Args:
        painter: Has the network and the style.
        track: Makes the way through styles.
        footage: Steadiness and coding.
        hands: Who paints.
        file: How to write.
        voice: Where to tell.
        more: What settings say beside the order.
        overwrite: Replace files of others, and begin anew what was begun.
    """

    painter: Painter
    track: TrackOf
    footage: Footage
    hands: Hands
    file: File
    voice: Voice
    more: dict[str, Any]
    overwrite: bool = False

    def paint(self, source: Path, target: film.Target, on_part: OnPart) -> None:
        """Paint a clip.

        Args:
            source: Its file.
            target: Where to: a film, an animation, or a folder for frames.
            on_part: Told how far it is.

        Raises:
            KeyboardInterrupt: somebody stopped; what is painted stays.
        """
        on_part(0, "looking through")
        clip, since = probe(source), time.monotonic()
        for line in clip.notes:
            self.voice.warn(line)
        if is_whole_film(target):
            self._in_chunks(clip, target.path, on_part, since)
        elif crew.rank()[0] == 0:  # frames of an animation are not shared out
            self._stream(clip, target, on_part, since)
        if clip.cut:
            self.voice.fail(Fault(PARTLY, clip.cut, "What there is of it was painted."))

    # ---- films ----

    def _in_chunks(self, clip: Clip, target: Path, on_part: OnPart, since: float) -> None:
        check_target(target, self.overwrite, moving=True)
        self.footage.check(target)
        folder, (rank, world) = Folder.of(target), crew.rank()
        on_part(0, "measuring the way")
        commission = self.commission(clip, target)
        if rank >= len(commission.chunks):  # nothing is left for this one, and the film may be done before it looks
            return
        if rank == 0:
            self._begin(folder, commission)
        else:
            _await(folder, commission.key)
        pace = _Pace(commission, folder, on_part)
        try:
            if self.hands.cluster is not None:
                crew.paint_on_cluster(folder, self.hands.cluster, pace.told)
            elif world > 1:
                crew.paint_share(folder, pace.told)
            else:
                crew.paint(folder, self.hands.count(commission.device, commission.size(clip)), pace.told)
            if rank == 0:
                on_part(1, "joining")
                self._join(folder, commission, clip, target, since)
        except BaseException as error:
            self._keep(folder, commission, error)
            raise

    def _keep(self, folder: Folder, commission: Commission, why: BaseException) -> None:
        """Say what is kept of a film that is not finished; where there is nothing to go on with, leave nothing behind."""
        rank, world = crew.rank()
        done, total = len(commission.chunks) - len(folder.missing(commission)), len(commission.chunks)
        damaged = isinstance(why, UnreadableInput) and commission.source.is_file()  # it would stop there again
        if done and not damaged:
            if rank == 0:
                self.voice.note(f"{done} of {total} parts are kept: go on with --resume.")
                self.voice.data["parts_kept"] = done
        elif world == 1:
            folder.clear()

    def commission(self, clip: Clip, target: Path) -> Commission:
        """What is to be painted."""
        order, footage = self.painter.order, self.footage
        return Commission(
            source=clip.path,
            digest=clip.digest,
            track=self._track(clip),
            way=self.way(clip),
            coding=footage.coding(target),
            network=order.weights,
            device=order.device,
            precision=order.precision,
            threads=THREADS,
            chunks=chunks_of(clip),
            container=footage.container(target),
        )

    def _track(self, clip: Clip) -> Track:
        """The way through styles; more threads would round otherwise, and it would be another film."""
        with computing_with(1 if self.painter.order.device == "cpu" else None):
            return self.track(self.painter, clip)

    def way(self, clip: Clip) -> Way:
        """How frames are painted."""
        from mapsto.media.pixels import target_size

        order, footage = self.painter.order, self.footage
        size = target_size(clip.size, order.size)
        way = Way(size, footage.work(size), order.seed, order.keep_colors, footage.stability, engine=footage.engine)
        blank = Picture.of(_blank(way.work_size(size)))
        tile = self.painter.stylizer.tile_for(blank, order.tile)  # type: ignore[arg-type]
        return replace(way, tile=None if tile == "off" else tile)

    def _begin(self, folder: Folder, commission: Commission) -> None:
        """Write the plan down, or take up the one that is there.

        Raises:
            UsageError: a film was begun here, and nobody says what is to become of it.
        """
        begun = None if self.overwrite and folder.is_damaged() else folder.key()
        if begun == commission.key and (self.hands.resume or (self.overwrite and crew.rank()[1] > 1)):
            return  # other ranks may have found this very plan, and work already
        if begun is not None and not self.overwrite:
            if begun != commission.key:
                raise UsageError(
                    f"Another film was begun in {folder.path}.", "Paint that one to its end, or say --overwrite to begin anew."
                )
            done = len(commission.chunks) - len(folder.missing(commission))
            raise UsageError(
                f"This film was begun already: {done} of {len(commission.chunks)} parts are there.",
                "Go on with --resume, or say --overwrite to begin anew.",
            )
        folder.begin(commission)

    def _join(self, folder: Folder, commission: Commission, clip: Clip, target: Path, since: float) -> None:
        if folder.key() != commission.key:
            raise UsageError(f"Another film was begun in {folder.path} meanwhile.", "Paint one after the other.")
        chunks = [folder.chunk(number) for number in range(len(commission.chunks))]
        settings = None if self.file.strip else self.settings(clip, commission.way)
        for line in join(chunks, clip, target, settings=settings, strip=self.file.strip):
            self.voice.warn(line)
        folder.clear()
        seconds = time.monotonic() - since
        note = f"{len(clip)} frames, {clip.duration:.3g} s, {len(clip) / seconds:.3g} frames/s"
        tell(self.voice, target, commission.size(clip), seconds, seed=self.painter.order.seed, note=note, frames=len(clip))

    def settings(self, clip: Clip, way: Way) -> dict[str, Any]:
        """What a file says of how it was made."""
        import torch

        painter = self.painter
        own = settings_of(
            replace(painter.order, tile=way.tile or "off", threads=THREADS),
            style=painter.style,
            weights=painter.weights,
            quality=self.file.quality,
            torch=torch.__version__,
            source=Photo(clip.path).said,
            footage=self.footage.said(),
        )
        return own | self.more

    # ---- animations and frames ----

    def painted(self, clip: Clip, way: Way, first: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Frames `first` to `stop` − 1, painted one after the other."""
        painter = FramePainter(self.painter.stylizer, self._track(clip), way)
        for index, frame in enumerate(frames(clip, first, stop), first):
            yield Picture.of(painter(frame, clip.seconds(index)))

    def paint_one(self, clip: Clip, index: int, target: Path, first: int | None = None) -> None:
        """Paint one frame into a picture file.

        Args:
            clip: The clip.
            index: Of the frame.
            target: The file.
            first: From where on frames are painted that it takes something over from; None is as many as are enough.
        """
        since, way = time.monotonic(), self.way(clip)
        if first is None:
            first = max(0, index - WARM_UP) if way.stability else index
        if index >= len(clip):
            raise UsageError(f"{clip.path} has {len(clip)} frames, and none of number {index}.")
        picture = deque(self.painted(clip, way, first, index + 1), maxlen=1).pop()
        settings = {**self.settings(clip, way), "frame": index, "first": first}
        for line in picture.save(target, quality=self.file.quality, settings=settings, strip=self.file.strip):
            self.voice.warn(line)
        note = f"frame {index} of {len(clip)}"
        tell(self.voice, target, picture.size, time.monotonic() - since, seed=self.painter.order.seed, note=note)

    def _stream(self, clip: Clip, target: film.Target, on_part: OnPart, since: float) -> None:
        way, count = self.way(clip), len(clip)
        size, settings = way.size or clip.size, self.settings(clip, way)
        target.check(count, overwrite=self.overwrite, clip=True)
        target.check_size(count, size)

        def shown() -> Iterator[Picture]:
            for number, picture in enumerate(self.painted(clip, way)):
                on_part(number / count, f"frame {number + 1} of {count}")
                yield picture

        if target.is_folder:
            for number, picture in enumerate(shown()):
                said = {**settings, "frame": number, "first": 0}
                picture.save(target.frame(count, number), settings=said, strip=self.file.strip)
        else:
            stands = (1000 * (clip.seconds(index + 1) - clip.seconds(index)) for index in range(count))
            for line in write(zip(shown(), stands, strict=True), target.path, self.file, settings, loop=0):
                self.voice.warn(line)
        if clip.sounds:
            self.voice.warn("There is no sound in what was written: write .mp4 or .mkv to keep it.")
        if target.is_folder:
            self.voice.result(f"{target.path}  {count} frames")
            self.voice.data["folder"] = str(target.path)
        else:
            tell(self.voice, target.path, size, time.monotonic() - since, seed=self.painter.order.seed, note=f"{count} frames")


class _Pace:
    """Tells how far painting is, and how fast it goes."""

    def __init__(self, commission: Commission, folder: Folder, on_part: OnPart) -> None:
        self.total, self.on_part, self.since = commission.frames, on_part, time.monotonic()
        missing = folder.missing(commission)
        self.before = self.total - sum(stop - start for start, stop in map(commission.chunks.__getitem__, missing))

    def told(self, done: int) -> None:
        fps = done / max(1e-3, time.monotonic() - self.since)
        there = self.before + done
        self.on_part(0.99 * there / self.total, f"frame {there} of {self.total}, {fps:.1f} frames/s")


def is_whole_film(target: film.Target) -> bool:
    """Whether a target is a film with its sound, and neither an animation nor a folder of frames."""
    from mapsto.media.clip import is_clip

    return not target.is_folder and is_clip(target.path)


def _await(folder: Folder, key: str, patience: float = 600.0) -> None:
    """Wait until the first rank has written the plan."""
    since = time.monotonic()
    while folder.key() != key:
        if time.monotonic() - since > patience:
            raise UsageError(f"The first process wrote no such plan into {folder.path}.", "Give all of them the same command.")
        time.sleep(crew.LOOK)


def _blank(size: tuple[int, int]) -> Any:
    import numpy as np

    return np.zeros((size[1], size[0], 3), np.uint8)
