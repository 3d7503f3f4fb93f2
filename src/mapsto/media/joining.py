"""Parts of a clip that were encoded one by one, put together again, with the sound and the subtitles of the source.

Nothing is encoded here. Pictures get the times of the source; sound and subtitles are copied packet by packet.

    >>> join([Path("0.mp4"), Path("1.mp4")], clip, Path("walk-ink.mp4"), settings=settings)
    >>> verify(Path("walk-ink.mp4"), clip)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.errors import MapstoError, UnreadableInput, UsageError
from mapsto.files import atomic
from mapsto.media.clip import Clip
from mapsto.media.coding import CODECS
from mapsto.media.containers import format_of, reading, writing
from mapsto.media.tracks import (
    Span,
    added_like,
    copy_of,
    holds,
    left_out,
    moved,
    packets_of,
    prints,
    span_of,
    tracks_of,
)
from mapsto.media.video import comment_of

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

TAGS = ("title", "artist", "album", "date", "copyright", "description", "creation_time")
"""What is kept of what a film says about itself."""

TOGETHER = Fraction(2, 1000)
"""Seconds by which the start of a sound track may differ against the pictures: what Matroska rounds, twice."""

_TAGGED = {"hevc": next(codec.tag for codec in CODECS.values() if codec.encoder == "libx265")}


@dataclass(frozen=True)
class _Part:
    """What is known of the pictures of a film without decoding it.

    Args:
        path: The file.
        tick: Seconds that its times are counted in.
        times: Seconds at which its frames are shown, ascending.
        ranks: Of each packet, in the order of decoding, which of the frames it is.
        made: Codec, size, pixel format and header; the same in all parts that were encoded alike.
    """

    path: Path
    tick: Fraction
    times: tuple[Fraction, ...]
    ranks: tuple[int, ...]
    made: tuple[object, ...]

    def slack(self, clip: Clip) -> Fraction:
        """Seconds by which its times may differ from the clip's: none where it counts in ticks of the clip or parts of them."""
        return Fraction(0) if (clip.time_base / self.tick).denominator == 1 else self.tick


def join(
    parts: Sequence[Path],
    clip: Clip,
    target: Path,
    *,
    settings: Mapping[str, Any] | None,
    strip: bool = False,
    frames: range | None = None,
) -> tuple[str, ...]:
    """Put the parts of a clip together and `verify` the film; on any failure what was there before stays.

    Pictures are shown when they are in the source: to the tick in MP4 and MOV, to the nearest millisecond in Matroska and WebM.
    Sound and subtitles keep their bytes and their times. Names, languages and marks of tracks, chapters, title and the like are
    kept.

    Args:
        parts: Films of `FilmWriter`, encoded alike, that hold the frames one after the other, at the times of the clip.
        clip: Where the frames came from.
        target: Where, ending in .mp4, .m4v, .mov, .mkv or .webm.
        settings: A JSON object to embed.
        strip: Leave out the settings, and what the source says about itself but for the languages of tracks.
        frames: Indices of the frames in the parts; None is the whole clip. A piece begins when the clip did, with the sound and
            the subtitles that begin within it.

    Returns:
        What was left out, in sentences for people.

    Raises:
        UsageError: no parts, another suffix, pictures that the container does not hold, or a PyAV before 14.
        UnreadableInput: a part or the source is missing or damaged.
        MapstoError: the parts are not those frames, or were not encoded alike.
        NoSpace: the disk is full or the place cannot be written.
    """
    container = format_of(target)
    frames = range(len(clip)) if frames is None else frames
    films = [_looked_at(Path(part)) for part in parts]
    _check(films, clip, frames)
    with atomic(target) as temporary:
        with (
            reading(clip.path) as (source, shown),
            reading(films[0].path) as (_, pattern),
            writing(temporary, container, clip.time_base, exact=True) as output,
        ):
            pictures = _pictures(pattern, output, clip, shown)
            tracks = [track for track in tracks_of(source) if holds(container, track)]
            copies = {track.index: copy_of(track, output, strip) for track in tracks}
            span = span_of(clip, frames)
            _introduce(source, output, span, None if strip else comment_of(settings), strip)
            beside = moved(packets_of(source, tracks, span, clip.path), copies, span.shift)
            for packet in merge(_shown(films, clip, frames, pictures), beside, key=_when):
                output.mux(packet)
            lost = left_out(source, target)
        verify(temporary, clip, frames)
    return lost


def verify(target: Path, clip: Clip, frames: range | None = None) -> None:
    """Look through a film that `join` made: the times of its frames, and the bytes of its sound and subtitles.

    Times count from the first frame, since Matroska, which has none below zero, may move all of them alike.

    Args:
        target: The film.
        clip: Where it came from.
        frames: Indices of the frames that it holds; None is the whole clip.

    Raises:
        MapstoError: something is missing or differs.
        UnreadableInput: the film or the source is damaged.
    """
    frames = range(len(clip)) if frames is None else frames
    film, span = _looked_at(target), span_of(clip, frames)
    begin = clip.pts[frames.start] * clip.time_base
    if len(film.times) != len(frames):
        raise MapstoError(f"{target} has {len(film.times)} frames and should have {len(frames)}.", "Make it again.")
    for index, time in zip(frames, film.times, strict=True):
        late = (time - film.times[0]) - (clip.pts[index] * clip.time_base - begin)
        if abs(late) > film.slack(clip):
            raise MapstoError(f"{target} shows frame {index} {_ms(late)} away from its time.", "Make it again.")
    with reading(clip.path) as (source, _), reading(target) as (made, _):
        kept = [track for track in tracks_of(source) if holds(format_of(target), track)]
        wanted = prints(source, kept, span, clip.path)
        found = prints(made, tracks_of(made), Span(), target)
    if [track.codec for track in wanted] != [track.codec for track in found]:
        raise MapstoError(f"{target} has other tracks than {clip.path}.", "Make it again.")
    for number, (theirs, ours) in enumerate(zip(wanted, found, strict=True), 1):
        if theirs.digest != ours.digest:
            raise MapstoError(f"Track {number} ({theirs.codec}) of {target} is not that of {clip.path}.", "Make it again.")
        if theirs.begin is None or ours.begin is None:
            continue
        late = (ours.begin - film.times[0]) - (theirs.begin - begin)
        if abs(late) > TOGETHER:
            raise MapstoError(
                f"Track {number} ({theirs.codec}) of {target} is {_ms(late)} away from its time.",
                "Make it again.",
            )


def _looked_at(path: Path) -> _Part:
    """The pictures of a film of ours.

    Raises:
        UnreadableInput: damaged, or without times.
    """
    with reading(path) as (container, stream):
        pts: list[int] = []
        for packet in container.demux(stream):
            if packet.is_corrupt or (packet.size and packet.pts is None):
                raise UnreadableInput(f"{path} is damaged after {len(pts)} frames.", "Make it again.")
            if packet.pts is not None and packet.size and not packet.is_discard:
                pts.append(packet.pts)
        context, tick = stream.codec_context, Fraction(stream.time_base or 1)
        made = (stream.codec_context.name, context.width, context.height, context.pix_fmt, context.extradata)
        order = sorted(pts)
        rank = {at: number for number, at in enumerate(order)}
        return _Part(path, tick, tuple(at * tick for at in order), tuple(rank[at] for at in pts), made)


def _check(films: Sequence[_Part], clip: Clip, frames: range) -> None:
    """Make sure that the parts are the frames, all of them.

    Raises:
        UsageError: no parts, or no such frames.
        MapstoError: they are others, or not encoded alike.
    """
    if not films:
        raise UsageError("There are no parts to join.")
    if frames.step != 1 or not 0 <= frames.start < frames.stop <= len(clip):
        raise UsageError(f"Frames {frames.start} to {frames.stop} are no part of {clip.path}, which has {len(clip)}.")
    at = frames.start
    for film in films:
        wanted = [clip.pts[index] * clip.time_base for index in range(at, min(at + len(film.times), frames.stop))]
        near = all(abs(a - b) <= film.slack(clip) for a, b in zip(film.times, wanted, strict=False))
        if len(film.times) != len(wanted) or not near or not wanted:
            raise MapstoError(f"{film.path} does not hold the frames of {clip.path} from {at} on.", "Make it again.")
        if film.made != films[0].made:
            raise MapstoError(f"{film.path} was encoded in another way than {films[0].path}.", "Make it again.")
        at += len(wanted)
    if at != frames.stop:
        raise MapstoError(f"Frames {at} to {frames.stop - 1} of {clip.path} are in no part.", "Make them first.")


def _pictures(pattern: Any, output: OutputContainer, clip: Clip, source: Any) -> Any:
    """A track of `output` for pictures encoded like those of another film.

    Raises:
        UsageError: it does not hold them, or this PyAV cannot do that.
    """
    if not holds(output.format.name, pattern):
        raise UsageError(f"{output.format.name} does not hold pictures in {pattern.codec_context.name}.", "Write .mkv.")
    made = added_like(pattern, output)
    made.time_base, made.disposition = clip.time_base, source.disposition
    made.codec_context.framerate = clip.fps
    if output.format.name in ("mp4", "mov") and made.codec_context.name in _TAGGED:
        made.codec_context.codec_tag = _TAGGED[made.codec_context.name]
    return made


def _introduce(source: InputContainer, output: OutputContainer, span: Span, said: str | None, strip: bool) -> None:
    """What the film says about itself, and its chapters."""
    if said is not None:
        output.metadata["comment"] = said
    if strip:
        return
    told = {name.lower(): text for name, text in source.metadata.items()}
    output.metadata.update({name: told[name] for name in TAGS if name in told})
    chapters: list[Any] = []
    for chapter in source.chapters() if hasattr(source, "chapters") else ():
        tick = chapter["time_base"] or Fraction(1, 1000)
        if span.holds(chapter["start"] * tick):
            ticks = round(span.shift / tick)
            chapters.append({**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks})
    if chapters and hasattr(output, "set_chapters"):
        output.set_chapters(chapters)


def _shown(films: Sequence[_Part], clip: Clip, frames: range, track: Any) -> Iterator[Packet[Any]]:
    """Packets of all pictures in the order of decoding, with the times of the clip.

    A packet is decoded when the frame `delay` before it in this order is shown, and `delay` is the least for which none is
    shown before it was decoded. So times of decoding ascend across parts, whatever the encoder thought of them.
    """
    shift = clip.pts[0] - clip.pts[frames.start]
    times = [at + shift for at in clip.pts[frames.start : frames.stop]]
    ends = [*times[1:], times[-1] + _last(clip, frames)]
    delay = max(number - rank for film in films for number, rank in enumerate(film.ranks))
    step = ends[0] - times[0]
    begin = 0
    for film in films:
        with reading(film.path) as (container, stream):
            found = (packet for packet in container.demux(stream) if packet.size and not packet.is_discard)
            for number, (packet, rank) in enumerate(zip(found, film.ranks, strict=True)):
                before = begin + number - delay
                packet.time_base, packet.stream = clip.time_base, track
                packet.pts, packet.duration = times[begin + rank], ends[begin + rank] - times[begin + rank]
                packet.dts = times[before] if before >= 0 else times[0] + before * step
                yield packet
        begin += len(film.times)


def _last(clip: Clip, frames: range) -> int:
    """Ticks that the last of some frames stands."""
    return clip.last if frames.stop == len(clip) else clip.pts[frames.stop] - clip.pts[frames.stop - 1]


def _ms(seconds: Fraction) -> str:
    return f"{float(seconds) * 1000:+.3f} ms"


def _when(packet: Packet[Any]) -> Fraction:
    """Seconds at which a packet is decoded."""
    return (packet.dts or 0) * packet.time_base
