"""Frames of a film as they come out of the decoder, from any time on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.errors import UnreadableInput
from mapsto.media.containers import reading

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

TRIES = 3
"""Key frames that are tried before a film is read from its beginning."""


def decoded_from(path: Path, at: int, keys: Sequence[int]) -> Generator[VideoFrame, None, None]:
    """Frames in the order of showing from `at` on, and some before.

    The first is shown at `at` or before, unless the film begins later. A frame shown before its key frame may need pictures
    before that (open GOP), so reading begins at a key frame that is shown at `at` or before. Where it does not come out itself
    (a film that is refreshed bit by bit calls frames key frames that need others; some files seek too far), at one before.

    Args:
        path: The film.
        at: In ticks of its pictures.
        keys: Times of its key frames in the same ticks, ascending.

    Raises:
        UnreadableInput: damaged, with the time; at the damaged frame, not before.
    """
    near = [*reversed(keys[1 : bisect_right(keys, at)])][:TRIES]
    for origin in (*near, None):
        with reading(path) as (container, stream):
            stream.thread_type = "AUTO"
            decoded = _decoded(container, stream, origin, path)
            first = next(
                (frame for frame in decoded if origin is None or (frame.pts is not None and frame.pts >= origin)), None
            )
            if origin is not None and (first is None or first.pts != origin):
                continue
            if first is not None:
                yield first
            yield from decoded
            return


def _decoded(
    container: InputContainer, stream: VideoStream, origin: int | None, path: Path
) -> Generator[VideoFrame, None, None]:
    """Frames from the key frame at `origin` (None: the beginning); none where seeking led behind it."""
    import av

    if origin is not None:
        container.seek(origin, stream=stream)
    arrived = origin is None
    for packet in container.demux(stream):
        if not arrived and origin is not None:
            if packet.pts is None or packet.pts > origin:
                return
            arrived = True
        try:
            # What was cut off in its midst ends the film, as it does for `probe`; the frames before it are still to come.
            found = stream.decode(None) if packet.is_corrupt else packet.decode()
        except av.InvalidDataError as error:
            near = clock(packet.pts - (stream.start_time or 0), packet.time_base) if packet.pts is not None else "its end"
            raise UnreadableInput(f"{path} is damaged near {near}.", "Copy, download or export it again.") from error
        yield from found
        if packet.is_corrupt:
            return


def clock(ticks: int | None, time_base: Fraction) -> str:
    """A time for people: 1:02.50; of None, a word for it."""
    if ticks is None:
        return "an unknown time"
    seconds = float(ticks * time_base)
    return f"{int(seconds // 60)}:{seconds % 60:05.2f}"
