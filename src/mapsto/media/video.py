"""Films: pictures in, an MP4 file out, and what such a file says about itself.

    >>> write_video("walk.mp4", frames, fps=25)

H.264 in 4:2:0, which everything plays; other codecs are for whole clips. Colours are converted with the matrix of BT.709 and
tagged so; without the tag, players guess by the size of the picture, and small films change their colours. A few frames are
held at a time, so length costs no memory.

PyAV does the work and comes with the extra `video`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mapsto.errors import UsageError
from mapsto.files import atomic
from mapsto.media import metadata
from mapsto.media.audio import Sound
from mapsto.media.coding import CODECS, Coding
from mapsto.media.containers import format_of, need_av, reading, writing
from mapsto.media.picture import Picture
from mapsto.media.pixels import Pixels
from mapsto.media.queues import Behind, depth_for
from mapsto.media.soundtrack import Soundtrack
from mapsto.media.yuv import BT709, LIMITED, frame_of, rgb_of, yuv_of

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = [
    "CODECS",
    "SUFFIXES",
    "Coding",
    "Film",
    "FilmWriter",
    "about",
    "frames",
    "is_film",
    "need_av",
    "write_video",
]

SUFFIXES = (".mp4", ".m4v")
"""Containers that `write_video` writes; the first is the usual one."""

FASTEST = 240
USUAL = Coding()
SHORT = 2
"""Frames up to which a film has none out of order. x265 leaves their times of decoding unset."""

AHEAD = 0.5
"""Seconds by which sound goes before the pictures."""

_COMMENT = "mapsto "


@dataclass(frozen=True)
class Film:
    """What the header of a film says.

    Args:
        frames: How many there are; 0 where the header does not say.
        fps: Frames a second.
        size: Width and height in pixels.
        settings: Those embedded when it was written by us.
    """

    frames: int
    fps: float
    size: tuple[int, int]
    settings: dict[str, Any] | None


def is_film(path: str | os.PathLike[str]) -> bool:
    """Whether a file is called like a film that `write_video` writes."""
    return Path(path).suffix.lower() in SUFFIXES


class FilmWriter:
    """Encodes frames into a film, in a thread a few frames behind; a context manager.

        >>> with FilmWriter("part.mp4", (640, 360), time_base=clip.time_base, fps=clip.fps) as film:
        ...     film.add(pixels, pts)

    H.264, HEVC, AV1 and VP9 are 4:2:0 with 8 bits, in BT.709, limited, and tagged so. An odd row or column is doubled. The same
    frames make the same bytes. The film is there when the block ends well; on any failure what was there before stays.

    Args:
        path: Where.
        size: Width and height of the frames in pixels, as they are handed over.
        time_base: Seconds that a tick of `pts` lasts. Matroska and WebM round times to milliseconds.
        fps: Frames a second on average; for the encoder, times are those of the frames.
        coding: How it is encoded.
        aspect: Width of a pixel over its height.
        settings: A JSON object to embed.
        container: FFmpeg's name of the container; None goes by the suffix of `path`.
        sound: Is heard beside the pictures; none by default.

    Raises:
        UsageError: a codec that does not go with the container or that this PyAV cannot encode, settings that are not JSON, a
            frame of another size, frames that do not follow each other in time, or none at all.
        NoSpace: the disk is full or the place cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        *,
        time_base: Fraction,
        fps: Fraction,
        coding: Coding = USUAL,
        aspect: Fraction = Fraction(1),
        settings: Mapping[str, Any] | None = None,
        container: str | None = None,
        sound: Sound | None = None,
    ) -> None:
        self.path, self.size, self._sound = Path(path), size, sound
        self._time_base, self._fps, self._aspect = time_base, fps, aspect
        self._container = container or format_of(path)
        self._coding, self._codec = coding, coding.check(self._container)
        self._comment = comment_of(settings)
        self._last: int | None = None
        self._count = 0
        self._life = self._written()

    def __enter__(self) -> FilmWriter:
        self._life.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._life.__exit__(kind, error, trace)

    def add(self, pixels: Pixels, pts: int) -> None:
        """Hand over the next frame; it is copied, and waits while several wait to be encoded.

        Args:
            pixels: [H, W, 3] uint8, sRGB.
            pts: When it is shown, in ticks of the time base; later than the frame before.

        Raises:
            UsageError: another size than the film's, or not later.
            OSError: encoding an earlier frame failed. The block turns it into NoSpace where the disk is full.
        """
        height, width = pixels.shape[:2]
        if (width, height) != self.size:
            raise UsageError(f"The frames of a film must have one size; this one has {[self.size, (width, height)]}.")
        if self._last is not None and pts <= self._last:
            raise UsageError(f"A frame at {pts} cannot follow one at {self._last}.", "Add frames in the order of their times.")
        self._last, self._count = pts, self._count + 1
        frame = frame_of(pixels)
        frame.pts, frame.time_base = pts, self._time_base
        self._behind.put(frame)

    @contextmanager
    def _written(self) -> Iterator[None]:
        with atomic(self.path) as temporary, writing(temporary, self._container, self._time_base) as container:
            if self._comment:
                container.metadata["comment"] = self._comment
            stream = self._stream(container)
            heard = Soundtrack(self._sound, container) if self._sound is not None else None

            def encode(frame: VideoFrame) -> None:
                _encode(container, stream, frame)
                if heard is not None:
                    heard.until(float((frame.pts or 0) * self._time_base) + AHEAD)

            self._behind: Behind[VideoFrame] = Behind(encode, depth_for(self.size))
            try:
                yield
            except BaseException:
                self._behind.drop()
                raise
            self._behind.close()
            if self._last is None:
                raise UsageError("A film needs at least one frame.")
            _encode(container, stream, None, straight=self._count <= SHORT)
            if heard is not None:
                heard.until(None)

    def _stream(self, container: OutputContainer) -> VideoStream:
        options = self._coding.options(self._codec)
        stream: VideoStream = container.add_stream(self._codec.encoder, rate=self._fps, options=options)  # type: ignore[assignment]
        width, height = (side + side % 2 for side in self.size)
        stream.width, stream.height, stream.pix_fmt = width, height, self._codec.pixels
        context = stream.codec_context
        context.time_base, context.sample_aspect_ratio = self._time_base, self._aspect
        context.thread_count = self._coding.threads
        context.colorspace, context.color_range = BT709, LIMITED
        context.color_primaries, context.color_trc = BT709, BT709
        if self._codec.tag and self._container in ("mp4", "mov"):
            context.codec_tag = self._codec.tag
        return stream


def _encode(container: OutputContainer, stream: VideoStream, frame: VideoFrame | None, *, straight: bool = False) -> None:
    """Encode an RGB frame; None is the end.

    Args:
        container: Where packets go.
        stream: The encoder.
        frame: In rgb24.
        straight: Frames are decoded in the order of showing, whatever the encoder says.
    """
    import av

    try:
        packets = stream.encode(None if frame is None else yuv_of(frame, stream.pix_fmt or "yuv420p"))
        for packet in packets if straight else ():
            packet.dts = packet.pts
        container.mux(packets)
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, error.strerror, container.name) from error


def comment_of(settings: Mapping[str, Any] | None) -> str | None:
    """The comment of a film that says how it was made; None for None.

    Raises:
        UsageError: something has no exact JSON form.
    """
    return None if settings is None else _COMMENT + metadata.dumped(settings)


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[Picture],
    *,
    fps: float = 25.0,
    quality: int = 90,
    settings: Mapping[str, Any] | None = None,
    strip: bool = False,
) -> tuple[str, ...]:
    """Write a film; on any failure what was there before stays.

    Args:
        path: Where, ending in .mp4 or .m4v.
        frames: Pictures of one size; those with transparency are laid on white. An odd row or column is doubled, for 4:2:0 has
            none.
        fps: Frames a second.
        quality: 1…100; 90 is hard to tell from the pictures themselves.
        settings: A JSON object to embed.
        strip: Leave the settings out.

    Returns:
        What was lost, in sentences for people.

    Raises:
        UsageError: no frames, different sizes, another extension, an impossible rate; or PyAV is not installed.
        NoSpace: the disk is full or the place cannot be written.
    """
    need_av()
    if not is_film(path):
        raise UsageError(f"{path} is no film.", f"Films end in {' or '.join(SUFFIXES)}.")
    if not 0 < fps <= FASTEST:
        raise UsageError(f"{fps:g} frames a second cannot be shown.", f"Give a rate above 0, up to {FASTEST}.")
    if not 1 <= quality <= 100:
        raise UsageError(f"A quality of {quality} does not exist.", "Choose 1 (smallest file) to 100 (best).")
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise UsageError("A film needs at least one frame.")
    rate = Fraction(fps).limit_denominator(1001)
    coding = Coding(crf=40 - 0.27 * quality, speed="medium")
    said = None if strip else settings
    with FilmWriter(path, first.size, time_base=1 / rate, fps=rate, coding=coding, settings=said) as film:
        film.add(first.on_white().pixels, 0)
        for number, picture in enumerate(pictures, 1):
            film.add(picture.on_white().pixels, number)
    return ("MP4 holds no transparency: the picture was laid on white.",) if first.alpha is not None else ()


def about(path: str | os.PathLike[str]) -> Film:
    """Frames, rate, size and settings, without decoding.

    Raises:
        UnreadableInput: not a film.
        UsageError: PyAV is not installed.
    """
    with reading(path) as (container, stream):
        tags = {name.lower(): text for name, text in container.metadata.items()}  # Matroska has them in capitals
        said = tags.get("comment", "")
        own = metadata.parsed(said[len(_COMMENT) :]) if said.startswith(_COMMENT) else None
        return Film(stream.frames, float(stream.average_rate or 0), (stream.width, stream.height), own)


def frames(path: str | os.PathLike[str]) -> Iterator[Picture]:
    """The frames of a film, in order.

    Raises:
        UnreadableInput: not a film, or damaged; at the damaged frame, not before.
        UsageError: PyAV is not installed.
    """
    with reading(path) as (container, stream):
        for frame in container.decode(stream):
            yield Picture.of(rgb_of(frame))
