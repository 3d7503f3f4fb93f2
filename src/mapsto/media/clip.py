"""Clips: films that are read to be stylised, with the time of every frame, and any frame exactly.

    >>> clip = probe("walk.mp4")
    >>> for pixels in frames(clip, 100, 200):      # [H, W, 3] uint8, sRGB, upright
    ...     ...

A frame is named by its index in the order of showing. It is the same wherever reading began.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.containers import reading, said_length
from mapsto.media.decoding import clock, decoded_from
from mapsto.media.pixels import Pixels
from mapsto.media.queues import ahead, depth_for
from mapsto.media.yuv import BT2020, HLG, PQ, rgb_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""What clips are called."""

NEAR = Fraction(1, 50)
"""By how much the frames a second of a header may differ from those that are there."""

_AGAIN = "Copy, download or export it again."
_RATE = Fraction(25)


@dataclass(frozen=True)
class Clip:
    """What is known of a film without decoding it.

    Args:
        path: The file.
        size: Width and height in pixels as it is shown, upright; pixels need not be square.
        time_base: Seconds that a tick of `pts` lasts.
        pts: When each frame is shown, ascending, in ticks, as the file has it.
        last: Ticks that the last frame stands.
        keys: Indices of the frames where decoding can begin, ascending.
        fps: Frames a second on average.
        turn: Degrees clockwise by which frames are turned when they are read: 0, 90, 180 or 270.
        mirrored: Whether left and right are exchanged after that.
        aspect: Width of a pixel over its height, as it is shown.
        depth: Bits of a component; frames have 8 when they are read.
        sounds: Codecs of the sound tracks, in FFmpeg's names.
        subtitles: Codecs of the subtitle tracks.
        notes: What will not look or be as in the file, in sentences for people.
        digest: SHA-256 of the encoded pictures and their times, in hex; the same for the same clip elsewhere.
        cut: What is to be said where the file ends too early; empty where it is whole.
        counted: Whether frames are told apart by their number, as where AVI mixes their order; `keys` is the first then.
    """

    path: Path
    size: tuple[int, int]
    time_base: Fraction
    pts: tuple[int, ...]
    last: int
    keys: tuple[int, ...]
    fps: Fraction
    turn: int
    mirrored: bool
    aspect: Fraction
    depth: int
    sounds: tuple[str, ...]
    subtitles: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str
    counted: bool
    cut: str = ""

    def __len__(self) -> int:
        return len(self.pts)

    def seconds(self, index: int) -> float:
        """When a frame is shown, from the first; of the index after the last, when the film ends."""
        at = self.pts[-1] + self.last if index == len(self.pts) else self.pts[index]
        return float((at - self.pts[0]) * self.time_base)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self.seconds(len(self.pts))


def is_clip(path: str | os.PathLike[str]) -> bool:
    """Whether a file is called like a clip."""
    return Path(path).suffix.lower() in SUFFIXES


def probe(path: str | os.PathLike[str]) -> Clip:
    """Look through a film once; only its first frame is decoded (all of them where the file does not say when they are shown).

    Of a file that was cut off in the middle what is there counts; `Clip.cut` says so where its header tells what is missing
    (MP4, MOV, and Matroska and WebM but for recordings that were written as they came).

    Raises:
        UnreadableInput: missing, a folder, empty, damaged, a playlist, or without pictures.
        UsageError: PyAV is not installed.
    """
    with reading(path) as (container, stream):
        packets, first, digest, cut = _looked_through(container, stream, path)
        if _timed(container, stream, packets):
            pts, counted = _shown(packets, first), False
            keys = {at for at, is_key, *_ in packets if is_key and at is not None}
        else:
            pts, keys, counted = _decoded_times(path)
        lengths = {at: length for at, _, _, length in packets}
        context = stream.codec_context
        turn, mirrored = _turn(first)
        size, aspect = (context.width, context.height), Fraction(context.sample_aspect_ratio or 1)
        if turn % 180:
            size, aspect = size[::-1], 1 / aspect
        time_base = stream.time_base or Fraction(1, 1000)
        return Clip(
            path=Path(path),
            size=size,
            time_base=time_base,
            pts=pts,
            last=max(lengths.get(pts[-1], 0), 1) if len(pts) == 1 or lengths.get(pts[-1], 0) else pts[-1] - pts[-2],
            keys=tuple(i for i, at in enumerate(pts) if at in keys),
            fps=_average(stream.average_rate, pts, time_base),
            turn=turn,
            mirrored=mirrored,
            aspect=aspect,
            depth=first.format.components[0].bits,
            sounds=tuple(track.codec_context.name for track in container.streams.audio if track.codec_context),
            subtitles=tuple(track.codec_context.name for track in container.streams.subtitles if track.codec_context),
            notes=_notes(stream, first),
            digest=digest,
            counted=counted,
            cut=cut,
        )


_Seen = tuple[int | None, bool, bool, int]
"""Of a packet: time, whether a key frame, whether cut away by an edit list, ticks it stands."""


def _looked_through(
    container: InputContainer, stream: VideoStream, path: str | os.PathLike[str]
) -> tuple[list[_Seen], VideoFrame, str, str]:
    """All packets up to where it is cut off, the first frame that comes out, the digest, and what is to be said of the cut.

    Raises:
        UnreadableInput: nothing comes out.
    """
    import av

    packets: list[_Seen] = []
    first: VideoFrame | None = None
    digest, cut = hashlib.sha256(f"{stream.time_base}".encode()), ""
    for packet in container.demux(stream):
        if first is None:
            with suppress(av.InvalidDataError):  # before the first key frame; should none come, that is told below
                first = next(iter(packet.decode()), None)
        if not packet.size:
            continue
        if packet.is_corrupt:
            cut = f"{path} is damaged or cut off at {clock(packet.pts, packet.time_base)}."
            break
        packets.append((packet.pts, packet.is_keyframe, packet.is_discard, packet.duration or 0))
        digest.update(f" {packet.pts} {packet.size} ".encode())
        digest.update(bytes(packet))
    promised = len(getattr(stream, "index_entries", ())) if "mp4" in container.format.name else 0
    if not cut and len(packets) < promised:
        cut = f"{path} is cut off: it says it has {promised} frames and holds {len(packets)}."
    if not cut and "matroska" in container.format.name and Path(path).stat().st_size < (said := said_length(path)):
        cut = f"{path} is cut off: it says it has {said:,} bytes and holds {Path(path).stat().st_size:,}."
    if first is None or not packets:
        raise UnreadableInput(cut or f"{path} is damaged: no frame of it can be decoded.", _AGAIN)
    return packets, first, digest.hexdigest(), cut


def _timed(container: InputContainer, stream: VideoStream, packets: list[_Seen]) -> bool:
    """Whether each packet is one frame, and says when it is shown. AVI does not say, and VP8 has frames that are not shown."""
    times = [at for at, *_ in packets]
    known = None not in times and len(set(times)) == len(times)
    return known and container.format.name != "avi" and stream.codec_context.name != "vp8"


def _shown(packets: list[_Seen], first: VideoFrame) -> tuple[int, ...]:
    """Times of the frames that are shown: not those cut away, nor those the decoder drops before the first it can make."""
    begin = first.pts
    return tuple(sorted(at for at, _, cut, _ in packets if at is not None and not cut and (begin is None or at >= begin)))


def _decoded_times(path: str | os.PathLike[str]) -> tuple[tuple[int, ...], set[int], bool]:
    """Times of all frames and of the key frames, decoded, and whether frames are told apart by their number alone.

    Times are those that frames have, in order, or an even pace where some have none. They mean the same frames from any key
    frame on where frames are stored in the order in which they are shown; else the decoder guesses times by what went before.
    """
    with reading(path) as (container, stream):
        stream.thread_type = "AUTO"
        found = [(frame.pts, frame.key_frame) for frame in container.decode(stream)]
        times = sorted({at for at, _ in found if at is not None})
        if len(times) != len(found):
            step = max(round(1 / ((stream.average_rate or _RATE) * (stream.time_base or 1))), 1)
            times = [*range(0, len(found) * step, step)]
        elif not stream.codec_context.has_b_frames:
            return tuple(times), {at for at, is_key in found if is_key and at is not None}, False
        return tuple(times), {times[0]}, True


def _average(said: Fraction | None, pts: tuple[int, ...], time_base: Fraction) -> Fraction:
    """Frames a second: what the header says, unless the times say something else."""
    if len(pts) == 1:
        return said or _RATE
    measured = Fraction(len(pts) - 1, pts[-1] - pts[0]) / time_base
    return said if said and abs(said / measured - 1) < NEAR else measured.limit_denominator(1001)


def _turn(frame: VideoFrame) -> tuple[int, bool]:
    """Degrees clockwise, and whether mirrored after that, from the display matrix; other angles count as none.

    The matrix [a b; c d] takes a stored point (x, y), y downwards, to (a·x + c·y, b·x + d·y). Source: FFmpeg,
    libavutil/display.h; the entries are 16.16 fixed point.
    """
    beside: list[Any] = list(frame.side_data)  # it iterates over what it holds, not over names
    said = next((data for data in beside if data.type.name == "DISPLAYMATRIX"), None)
    if said is None:
        return 0, False
    a, b, _, c, d = (round(value / 65536) for value in np.frombuffer(bytes(said), np.int32)[:5].tolist())
    mirrored = a * d - b * c < 0
    turns = {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}
    turn = turns.get((-a if mirrored else a, b))
    return (0, False) if turn is None else (turn, mirrored)


def _notes(stream: VideoStream, first: VideoFrame) -> tuple[str, ...]:
    context = stream.codec_context
    notes = []
    if context.color_trc in (PQ, HLG):
        notes.append("The film has high dynamic range, which is not mapped to the normal one: its colours will look pale.")
    elif context.color_primaries == BT2020:
        notes.append("The film has the wide gamut of BT.2020, which is not mapped to sRGB: its colours will look pale.")
    if (bits := first.format.components[0].bits) > 8:
        notes.append(f"The film has {bits} bits a colour: it is painted with 8, dithered.")
    if any(part.is_alpha for part in first.format.components) or stream.metadata.get("alpha_mode") == "1":
        notes.append("The film is transparent in places: what lies hidden there will show.")
    if first.interlaced_frame:
        notes.append("The film is interlaced: moving edges will show combs. Deinterlace it first.")
    return tuple(notes)


def frames(clip: Clip, start: int = 0, stop: int | None = None) -> Iterator[Pixels]:
    """Frames `start` to `stop` - 1: pixels [H, W, 3] uint8, sRGB, upright, decoded in a thread a few ahead.

    Exact for every start. Closing or dropping the iterator closes the file. What a decoder conceals comes concealed; where it
    leaves out frames, up to a second, the frame before stands for them, so that counts stay.

    Args:
        clip: As `probe` found it.
        start: Index of the first.
        stop: Index after the last; None is the end.

    Raises:
        UsageError: not a part of the clip.
        UnreadableInput: damaged, with the time; at the damaged frame, not before.
    """
    stop = len(clip) if stop is None else stop
    if not 0 <= start <= stop <= len(clip):
        raise UsageError(f"Frames {start} to {stop} are no part of {clip.path}, which has {len(clip)}.")
    return ahead(_frames(clip, start, stop), depth_for(clip.size))


def _frames(clip: Clip, start: int, stop: int) -> Generator[Pixels, None, None]:
    index, missing = start, 0
    held: VideoFrame | None = None
    if start == stop:
        return
    decoded = decoded_from(clip.path, clip.pts[start], [clip.pts[key] for key in clip.keys])
    try:
        for number, frame in enumerate(decoded):
            if clip.counted and number < len(clip):
                frame.pts = clip.pts[number]
            while index < stop and clip.pts[index] < (frame.pts or 0):
                missing += 1
                yield _upright(clip, _standing(clip, held, index, missing))
                index += 1
            held = frame
            if index < stop and clip.pts[index] == frame.pts:
                missing = 0
                yield _upright(clip, frame)
                index += 1
            if index == stop:
                return
        for lost in range(index, stop):
            missing += 1
            yield _upright(clip, _standing(clip, held, lost, missing))
    finally:
        decoded.close()


def _standing(clip: Clip, held: VideoFrame | None, index: int, missing: int) -> VideoFrame:
    """The frame that stands for one that did not come.

    Raises:
        UnreadableInput: there is none, or too many are missing.
    """
    if held is None or missing > max(float(clip.fps), 1.0):
        raise UnreadableInput(
            f"{clip.path} is damaged: the frame at {clock(clip.pts[index] - clip.pts[0], clip.time_base)} cannot be decoded.",
            _AGAIN,
        )
    return held


def _upright(clip: Clip, frame: VideoFrame) -> Pixels:
    """Pixels of a frame, turned and mirrored as the clip is shown."""
    size = clip.size[::-1] if clip.turn % 180 else clip.size
    pixels = np.rot90(rgb_of(frame, size), -clip.turn // 90)
    return np.ascontiguousarray(pixels[:, ::-1] if clip.mirrored else pixels)
