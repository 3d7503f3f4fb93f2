"""Films: pictures in, an MP4 file out, and what such a file says about itself.

    >>> write_video("walk.mp4", frames, fps=25)

H.264 in 4:2:0, which everything plays. Colours are converted with the matrix of BT.709 and tagged so; without the tag, players
guess by the size of the picture, and small films change their colours. One frame is held at a time, so length costs no memory.

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
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import atomic
from mapsto.media import metadata
from mapsto.media.picture import Picture
from mapsto.media.pixels import Pixels

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v")
"""Containers that are written; the first is the usual one."""

FASTEST = 240
BT709, LIMITED = 1, 1
"""Numbers of ITU-T H.273: matrix, primaries and transfer of BT.709; the limited range, 16 to 235."""

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
    """Whether a file is called like a film."""
    return Path(path).suffix.lower() in SUFFIXES


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
    said = None if strip or settings is None else metadata.dumped(settings)
    clear = first.alpha is not None
    with atomic(Path(path)) as temporary, _opened(temporary) as container:
        if said is not None:
            container.metadata["comment"] = _COMMENT + said
        _encode(container, first, pictures, Fraction(fps).limit_denominator(1001), quality)
    return ("MP4 holds no transparency: the picture was laid on white.",) if clear else ()


def about(path: str | os.PathLike[str]) -> Film:
    """Frames, rate, size and settings, without decoding.

    Raises:
        UnreadableInput: not a film.
        UsageError: PyAV is not installed.
    """
    with _read(path) as (container, stream):
        said = container.metadata.get("comment", "")
        own = metadata.parsed(said[len(_COMMENT) :]) if said.startswith(_COMMENT) else None
        return Film(stream.frames, float(stream.average_rate or 0), (stream.width, stream.height), own)


def frames(path: str | os.PathLike[str]) -> Iterator[Picture]:
    """The frames of a film, in order.

    Raises:
        UnreadableInput: not a film, or damaged; at the damaged frame, not before.
        UsageError: PyAV is not installed.
    """
    from av.video.reformatter import ColorRange, Colorspace

    with _read(path) as (container, stream):
        for frame in container.decode(stream):
            rgb = frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG)
            yield Picture.of(rgb.to_ndarray())


def need_av() -> None:
    """Make sure that PyAV is there.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "Films need PyAV, which is not installed.", "pip install 'mapsto[video]', or write .gif, .webp or .png."
        ) from error


@contextmanager
def _opened(temporary: Path) -> Iterator[OutputContainer]:
    """A container to write into; a full disk comes out as the OSError it is."""
    import av

    try:
        with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            yield container
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, error.strerror, str(temporary)) from error


@contextmanager
def _read(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    need_av()
    import av

    if not Path(path).is_file():
        raise UnreadableInput(f"{path} does not exist or is no file.", "Check the path.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UnreadableInput(f"{path} holds no pictures.", "Give a film.")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        raise UnreadableInput(f"{path} is damaged or no film: {error.strerror}.", "Give an MP4 file.") from error


def _encode(container: OutputContainer, first: Picture, rest: Iterator[Picture], fps: Fraction, quality: int) -> None:
    height, width = _even(first).shape[:2]
    stream = container.add_stream("libx264", rate=fps, options={"crf": f"{40 - 0.27 * quality:.1f}", "preset": "medium"})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_range = BT709, LIMITED
    context.color_primaries, context.color_trc = BT709, BT709
    for number, picture in enumerate(_all(first, rest)):
        if picture.size != first.size:
            raise UsageError(f"The frames of a film must have one size; this one has {[first.size, picture.size]}.")
        container.mux(stream.encode(_frame(picture, number, 1 / fps)))
    container.mux(stream.encode(None))


def _all(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest


def _frame(picture: Picture, number: int, tick: Fraction) -> Any:
    """A picture as the encoder takes it."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    rgb = av.VideoFrame.from_ndarray(_even(picture.on_white()), format="rgb24")
    frame = rgb.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    frame.pts, frame.time_base = number, tick
    return frame


def _even(picture: Picture) -> Pixels:
    """Pixels with an even number of rows and columns; what is missing is doubled."""
    pad = ((0, picture.height % 2), (0, picture.width % 2), (0, 0))
    return np.ascontiguousarray(np.pad(picture.pixels, pad, "edge"))
