"""Sound and subtitles of films, copied packet by packet: which a container holds, and whether they came through."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.errors import UsageError
from mapsto.media.clip import Clip
from mapsto.media.containers import FORMATS, format_of, told

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

KEPT = ("language", "title", "handler_name")
"""What is kept of what a track says about itself."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""What a number of channels stands for where a film does not say, as AVI does not; MP4 wants to know."""

_END_OF_TEXT = b"\0\0"
"""A packet that only ends a subtitle in MP4, which the container writes by itself."""


@dataclass(frozen=True)
class Span:
    """A piece of a film, in seconds of its own clock.

    Args:
        begin: Where it begins; None is at the very beginning, before the first frame too.
        end: Where it ends; None is at the very end.
        shift: What is added to its times when it stands alone.
    """

    begin: Fraction | None = None
    end: Fraction | None = None
    shift: Fraction = Fraction(0)

    def holds(self, at: Fraction) -> bool:
        """Whether what begins at `at` belongs to it."""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


def span_of(clip: Clip, frames: range) -> Span:
    """When frames are shown. What lies before the first or after the last frame of the clip belongs to these."""
    first, behind = clip.pts[0], frames.stop < len(clip)
    begin = clip.pts[frames.start] * clip.time_base if frames.start else None
    end = clip.pts[frames.stop] * clip.time_base if behind else None
    return Span(begin, end, (first - clip.pts[frames.start]) * clip.time_base)


def tracks_of(container: InputContainer) -> list[Any]:
    """Sound and subtitle tracks in their order."""
    found = [*container.streams.audio, *container.streams.subtitles]
    return sorted((track for track in found if track.codec_context is not None), key=lambda track: track.index)


def holds(container: str, track: Any) -> bool:
    """Whether a container takes a track: found out by trying, in memory, since tables of FFmpeg promise more than it does.

    Raises:
        UsageError: this PyAV cannot copy tracks.
    """
    import av

    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            added_like(track, trial)
            trial.start_encoding()
    except UsageError:
        raise
    except (av.FFmpegError, ValueError):
        return False
    return True


def copy_of(track: Any, output: OutputContainer, strip: bool) -> Any:
    """A track of `output` for the packets of another.

    Args:
        track: The other.
        output: To be written.
        strip: Keep nothing that it says about itself but its language.
    """
    made = added_like(track, output)
    kept = KEPT[:1] if strip else KEPT
    made.metadata.update({name: text for name, text in track.metadata.items() if name in kept})
    made.disposition = track.disposition
    return made


def added_like(track: Any, output: OutputContainer) -> Any:
    """A track of `output` encoded like another, whose packets can be written to it.

    Raises:
        UsageError: this PyAV cannot do that.
    """
    if not hasattr(output, "add_stream_from_template"):
        raise UsageError("Whole clips need PyAV 14 or newer.", "pip install -U 'av>=14'")
    made = output.add_stream_from_template(track, opaque=True)
    if track.type == "audio" and track.codec_context.layout.name == f"{track.codec_context.channels} channels":
        made.codec_context.layout = LAYOUTS.get(track.codec_context.channels, track.codec_context.layout)
    return made


def packets_of(container: InputContainer, tracks: Sequence[Any], span: Span, path: Path) -> Iterator[Packet[Any]]:
    """Packets of some tracks in the order of the file, those that begin within a span; times are left as they are.

    Raises:
        UnreadableInput: `path` is damaged.
    """
    if not tracks:
        return
    with told(path):
        for packet in container.demux(tracks):
            if packet.dts is None and packet.pts is None:  # the end of a track
                continue
            at = packet.dts if packet.pts is None else packet.pts
            packet.pts, packet.dts = at, at if packet.dts is None else packet.dts
            if at is not None and span.holds(at * packet.time_base):
                yield packet


def moved(packets: Iterator[Packet[Any]], copies: Mapping[int, Any], shift: Fraction) -> Iterator[Packet[Any]]:
    """The same packets, bound for other tracks.

    Args:
        packets: As `packets_of` yields them.
        copies: The track for each index of an old one.
        shift: Seconds by which they are later.
    """
    for packet in packets:
        ticks = round(shift / packet.time_base)
        assert packet.pts is not None
        assert packet.dts is not None
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = copies[packet.stream_index]
        yield packet


@dataclass(frozen=True)
class Print:
    """What identifies the content of a track.

    Args:
        codec: FFmpeg's name.
        digest: SHA-256 of all its bytes; where packets are divided does not matter.
        begin: Seconds at which its first packet begins; None where it is empty.
    """

    codec: str
    digest: str
    begin: Fraction | None


def prints(container: InputContainer, tracks: Sequence[Any], span: Span, path: Path) -> list[Print]:
    """The content of tracks, of what lies within a span.

    Raises:
        UnreadableInput: `path` is damaged.
    """
    digests = {track.index: hashlib.sha256() for track in tracks}
    begins: dict[int, Fraction] = {}
    texts = {track.index for track in tracks if track.codec_context.name == "mov_text"}
    for packet in packets_of(container, tracks, span, path):
        assert packet.pts is not None
        content = bytes(packet)
        if packet.stream_index in texts and content == _END_OF_TEXT:
            continue
        digests[packet.stream_index].update(content)
        begins.setdefault(packet.stream_index, packet.pts * packet.time_base)
    return [Print(track.codec_context.name, digests[track.index].hexdigest(), begins.get(track.index)) for track in tracks]


def left_out(container: InputContainer, target: Path) -> tuple[str, ...]:
    """What of a film a container does not hold, in sentences for people."""
    suffix = target.suffix.lower()
    notes = []
    for track in tracks_of(container):
        codec = track.codec_context.name
        if holds(format_of(target), track):
            continue
        fit = next((other for other in (".mkv", ".mp4", ".mov") if holds(FORMATS[other], track)), None)
        hint = f"write {fit} to keep it" if fit else "no container that is written here does"
        kind = "a sound track" if track.type == "audio" else "subtitles"
        notes.append(f"{suffix} does not hold {kind} in {codec}, left out: {hint}.")
    others = len(container.streams) - len(tracks_of(container)) - 1
    if others > 0:
        notes.append(f"Only pictures, sound and subtitles are kept: other tracks of the film ({others}) were left out.")
    return tuple(notes)
