"""Containers of films: which kinds are opened, what they need to be written, and what their errors mean.

Only real films are opened, from real files. Playlists and lists of files, which would make the reader open what somebody else
chose, are refused whatever they are called.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""What a file that is written holds, by its suffix, in FFmpeg's names."""

READ = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi", "protocol_whitelist": "file"}
"""The kinds of container that are opened, and from where."""

HEAD = 4096
"""Bytes at the beginning of a Matroska file that hold its first two sizes."""

FINE = 10_000
"""Ticks a second that the clock of a whole film has at least, for the start of its tracks."""

ATTACHED_PICTURE = 0x400
"""FFmpeg's mark of cover art; PyAV 13 does not tell."""

_ENDINGS = "an MP4, MOV, MKV, WebM or AVI file"


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


def format_of(path: str | os.PathLike[str]) -> str:
    """FFmpeg's name of the container that `path` is called after.

    Raises:
        UsageError: it is called after none that is written.
    """
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise UsageError(f"{path} is no film.", f"Films end in {', '.join(FORMATS)}.")
    return found


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    """An opened film and its pictures; cover art does not count as such. Closed whatever happens.

    Raises:
        UnreadableInput: missing, a folder, empty, damaged, not one of the containers that are opened, or without pictures.
        UsageError: PyAV is not installed.
    """
    need_av()
    import av

    _check_file(path)
    with (
        told(path),
        av.open(str(Path(path).absolute()), container_options=dict(READ), metadata_errors="replace") as container,
    ):
        yield container, _pictures(container, path)


@contextmanager
def told(path: str | os.PathLike[str]) -> Iterator[None]:
    """What FFmpeg raises while it reads `path` becomes `UnreadableInput`."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        hint = f"Give {_ENDINGS}, or copy or export it again."
        if error.errno == errno.EINVAL:  # what a format outside the list is answered with
            raise UnreadableInput(f"{path} is damaged or no film, perhaps a playlist.", hint) from error
        raise UnreadableInput(f"{path} is damaged or no film: {error.strerror}.", hint) from error


@contextmanager
def writing(path: Path, container: str, time_base: Fraction, *, exact: bool = False) -> Iterator[OutputContainer]:
    """A container to write into, which writes the same bytes for the same packets.

    Args:
        path: Where.
        container: FFmpeg's name of it.
        time_base: Seconds that a tick of the pictures lasts.
        exact: Count in just these ticks where the container can; otherwise in a fraction of them.

    Raises:
        OSError: as the system told it, such as a full disk.
    """
    import av

    options = {"fflags": "+bitexact"}
    if container in ("mp4", "mov"):
        ticks = time_base.denominator
        options |= {"movflags": "+faststart", "movie_timescale": str(ticks * ceil(FINE / ticks))}
        options |= {"video_track_timescale": str(ticks)} if exact else {}
    try:
        with av.open(str(path.absolute()), "w", format=container, container_options=options) as opened:
            yield opened
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, error.strerror, str(path)) from error


def said_length(path: str | os.PathLike[str]) -> int:
    """Bytes that a Matroska or WebM file says it has; 0 where it does not say, as what was written while it was recorded.

    Source: RFC 8794, sections 4 and 6, for numbers of variable length; RFC 9559, section 4.5, for the order of both elements.
    """
    with Path(path).open("rb") as file:
        head, at = file.read(HEAD), 0
    for element in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        if not head.startswith(element, at) or not head[at + 4 : at + 5].strip(b"\0"):
            return 0
        length = 9 - head[at + 4].bit_length()
        size = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
        at += 4 + length
        if size == (1 << 7 * length) - 1:  # unknown
            return 0
        start, at = at, at + size
    return start + size


def _check_file(path: str | os.PathLike[str]) -> None:
    given = Path(path)
    if given.is_dir():
        raise UnreadableInput(f"{path} is a folder, not a film.", "Name a file in it.")
    if not given.is_file():
        raise UnreadableInput(f"{path} does not exist or is no file.", "Check the path.")
    if given.stat().st_size == 0:
        raise UnreadableInput(f"{path} is empty (0 bytes).", "Copy, download or export it again.")


def _pictures(container: InputContainer, path: str | os.PathLike[str]) -> VideoStream:
    for stream in container.streams.video:
        if not getattr(stream, "disposition", 0) & ATTACHED_PICTURE:
            if stream.codec_context is None:
                raise UnreadableInput(f"{path} is encoded in a way that this PyAV cannot decode.", "Export it as H.264.")
            return stream
    raise UnreadableInput(f"{path} holds no pictures.", "Give a film.")
