"""From something a user points at to an open picture file whose header was checked, before any pixel is decoded.

Allowed: JPEG, PNG, WebP, TIFF, GIF, BMP, PPM, and AVIF where Pillow has it. Refused with one sentence: everything else, and
files that are missing, empty, truncated, not files at all, larger than the limits, or whose header cannot be true.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from PIL import Image, ImageFile, UnidentifiedImageError, features

from mapsto.errors import MapstoError, UnreadableInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"

MAX_PIXELS = 64_000_000
"""Default limit on width × height of one picture; raise it per call."""

MAX_BYTES = 1 << 30
"""Limit on the size of one file, so that an endless stream ends."""

PIXELS_PER_BYTE = 1024
"""No Huffman-coded JPEG holds more: the emptiest block, 8 × 8 pixels, costs one bit."""

_EXPORT = "Export it as PNG or JPEG first."
_AGAIN = "Copy, download or export it again."
_SMALLER = "Make it smaller, or raise the limit (--max-pixels) if you trust the file."
_OURS = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"RIFF")
_FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"PK\x03\x04", "a zip archive or an office document"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (4, b"ftyphe", "an HEIC picture"),
    (4, b"ftypmif1", "an HEIC picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"<!doctype html", "a web page"),
    (0, b"<html", "a web page"),
)
_pillow_limit = threading.Lock()


def allowed() -> tuple[str, ...]:
    """Pillow's names of the formats that are read."""
    return ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", *(["AVIF"] if has_avif() else []))


def has_avif() -> bool:
    """Whether this Pillow was built with AVIF; older ones do not even know the word."""
    return "avif" in features.modules and bool(features.check("avif"))


def name_of(source: object) -> str:
    """What to call `source` in a message: the path as given, or what kind of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return str(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "the picture given as bytes"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the picture on the input stream"


@contextmanager
def stream(source: Source) -> Iterator[BinaryIO]:
    """A seekable binary file over `source`: only regular files are opened, streams are read up to `MAX_BYTES`.

    Raises:
        UnreadableInput: missing, a folder, a device or pipe, no permission, empty, or too large.
    """
    name = name_of(source)
    if isinstance(source, (str, os.PathLike)):
        with _regular(Path(source), name) as file:
            yield file
        return
    content = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read(MAX_BYTES + 1)
    _check_bytes(len(content), name)
    yield io.BytesIO(content)


@contextmanager
def _regular(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise UnreadableInput(f"{name} is a folder, not a picture.", "Name a file in it, or use -r for all of them.")
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableInput(f"{name} is a pipe or device, not a file.", "Pipe the picture in and write - as its name.")
        _check_bytes(about.st_size, name)
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableInput(f"{name} does not exist.", "Check the spelling and the folder.") from error
    except PermissionError as error:
        raise UnreadableInput(f"{name} may not be read by this user.", "Change its permissions or copy it.") from error
    except MapstoError:
        raise
    except (OSError, ValueError) as error:  # a null byte in a path is a ValueError
        raise UnreadableInput(f"{name!r} cannot be opened: {_reason(error)}.", "Check the spelling.") from error
    with file:
        yield file


def _check_bytes(size: int, name: str) -> None:
    if size == 0:
        raise UnreadableInput(f"{name} is empty (0 bytes).", _AGAIN)
    if size > MAX_BYTES:
        raise UnreadableInput(f"{name} is larger than {MAX_BYTES >> 20} MB.", _EXPORT)


def header(file: BinaryIO, name: str, max_pixels: int = MAX_PIXELS) -> ImageFile.ImageFile:
    """The picture in `file` with its header read and judged; nothing is decoded yet.

    Raises:
        UnreadableInput: not an allowed format, more than `max_pixels`, or a header that cannot be true.
    """
    prefix = file.read(64)
    if (size := _webp_size(prefix)) is not None:  # Pillow allocates the whole canvas when it opens a WebP
        check_size(size, name, max_pixels)
    with guarded(name, max_pixels):
        try:
            image = Image.open(file, formats=allowed())
        except UnidentifiedImageError as error:
            if prefix.startswith(_OURS):
                raise UnreadableInput(
                    f"{name} is damaged: it begins like a picture, but its header makes no sense.", _AGAIN
                ) from error
            raise UnreadableInput(_foreign(name, prefix), _EXPORT) from error
    check_size(image.size, name, max_pixels)
    if image.format in ("JPEG", "MPO") and image.width * image.height > PIXELS_PER_BYTE * file.seek(0, io.SEEK_END):
        raise UnreadableInput(
            f"{name} claims {image.width} × {image.height} pixels but is far too short to hold them.",
            _AGAIN,
        )
    return image


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Refuse pictures without pixels and pictures above the limit."""
    width, height = size
    if width <= 0 or height <= 0:
        raise UnreadableInput(f"{name} says it is {width} × {height} pixels.", _AGAIN)
    if width * height > max_pixels:
        raise UnreadableInput(
            f"{name} has {width} × {height} = {width * height / 1e6:.1f} Mpx; the limit is {max_pixels / 1e6:g} Mpx.",
            _SMALLER,
        )


@contextmanager
def guarded(name: str, max_pixels: int = MAX_PIXELS) -> Iterator[None]:
    """Run a decoder: its warnings stay inside, whatever it raises becomes `UnreadableInput` about `name`.

    The limits are our own; Pillow's is lifted only while a caller asks for more than Pillow would allow.
    """
    with warnings.catch_warnings(), _lifted(max_pixels):
        warnings.simplefilter("ignore")
        try:
            yield
        except MapstoError:
            raise
        except Image.DecompressionBombError as error:
            raise UnreadableInput(f"{name} is far above the limit of {max_pixels / 1e6:g} Mpx.", _SMALLER) from error
        except MemoryError as error:
            raise UnreadableInput(f"{name} does not fit into memory.", "Make it smaller first.") from error
        except Exception as error:  # decoders raise nearly every class there is when a file is damaged
            raise _broken(name, error) from error


@contextmanager
def _lifted(max_pixels: int) -> Iterator[None]:
    standard = Image.MAX_IMAGE_PIXELS
    if standard is None or max_pixels <= 2 * standard:
        yield
        return
    with _pillow_limit:
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = standard


def _broken(name: str, error: BaseException) -> UnreadableInput:
    return UnreadableInput(f"{name} is damaged or incomplete: {_reason(error)}.", _AGAIN)


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")[:160]


def _foreign(name: str, prefix: bytes) -> str:
    """What a file is that no decoder takes, by its first bytes."""
    start = prefix.lstrip(b"\xef\xbb\xbf \t\r\n")
    for at, magic, words in _FOREIGN:
        if start[at : at + len(magic)].lower() == magic.lower():
            return f"{name} is {words}, which cannot be read here."
    if start.startswith(b"<?xml"):
        return f"{name} is an XML or SVG document, which cannot be read here."
    return f"{name} is not a picture of a known kind (JPEG, PNG, WebP, TIFF, GIF, BMP, PPM, AVIF)."


def _webp_size(prefix: bytes) -> tuple[int, int] | None:
    """Width and height from a WebP header, None for anything else. Source: RFC 9649, sections 2.5 to 2.7."""
    if len(prefix) < 30 or prefix[:4] != b"RIFF" or prefix[8:12] != b"WEBP":
        return None
    chunk = prefix[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(prefix[24:27], "little"), 1 + int.from_bytes(prefix[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(prefix[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", prefix, 26)
    return width & 0x3FFF, height & 0x3FFF
