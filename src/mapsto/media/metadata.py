"""What a picture says about itself: EXIF, XMP and our own settings, as bytes in and bytes out.

EXIF blocks are patched in place rather than rebuilt, so that every tag a camera wrote keeps its type and its offsets: the
orientation becomes 1, the pixel dimensions are corrected, the thumbnail is cut off. Of a TIFF file, whose tags also describe
how pixels are stored, only the descriptive tags are taken.

Settings are one JSON object. PNG: iTXt `mapsto`, and a readable line in tEXt `parameters`. JPEG, WebP, TIFF, AVIF: the XMP
property `mapsto:settings`, in the packet the picture already had where there is one. GIF: a comment.
"""

from __future__ import annotations

import json
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from xml.sax.saxutils import escape, unescape

from PIL import Image

from mapsto.errors import UsageError

SETTINGS_KEY: Final = "mapsto"
MAX_SETTINGS: Final = 1 << 20
"""Longest settings that are read back, in bytes: ours are a few hundred."""

MAX_XMP: Final = 65_000
"""Longest XMP packet that is kept, in bytes: a JPEG segment holds no more."""

MAX_EXIF: Final = 65_000
"""Longest EXIF block that is kept, in bytes, for the same reason."""

_ORIENTATION, _EXIF_IFD, _GPS_IFD, _XMP = 0x0112, 0x8769, 0x8825, 700
_COLOUR_SPACE, _WIDTH, _HEIGHT = 0xA001, 0xA002, 0xA003
_DESCRIPTIVE = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095)
NESTED = (_EXIF_IFD, _GPS_IFD)
"""Tags that are directories of their own."""


_NAMESPACE = "urn:mapsto:settings:1#"
_HEAD = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
)
_FOOT = b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
_BLOCK = re.compile(rb'<rdf:Description[^>]*xmlns:mapsto="urn:mapsto:settings:1#"[^>]*>.*?</rdf:Description>\s*', re.DOTALL)
_VALUE = re.compile(rb"<mapsto:settings>([^<]*)</mapsto:settings>")
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))\s*\d+")
_XMP_WIDTH = re.compile(rb"((?:exif:PixelXDimension|tiff:ImageWidth)(?:\s*=\s*[\"']|>))\s*\d+")
_XMP_HEIGHT = re.compile(rb"((?:exif:PixelYDimension|tiff:ImageLength)(?:\s*=\s*[\"']|>))\s*\d+")
_XMP_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails>.*?</\1:Thumbnails>\s*", re.DOTALL)
_XMP_ELSEWHERE = (b"HasExtendedXMP", b"Container:Directory", b"GCamera:MotionPhoto", b"hdrgm:Version")
"""Marks of packets that point at further data in the file (extended XMP, gain maps, motion photos), which is not kept."""


# --- EXIF -------------------------------------------------------------------------------------------------------------------


def exif_of(image: Image.Image) -> bytes | None:
    """The EXIF block of a decoded picture, as a TIFF structure without the `Exif` prefix; None if absent or unusable."""
    if image.format == "TIFF":
        return _descriptive(image.getexif())
    block = image.info.get("exif")
    if block is None and isinstance(raw := image.info.get("Raw profile type exif"), str):
        with suppress(ValueError):
            block = bytes.fromhex("".join(raw.split("\n")[3:]))
    if block is None and image.format is None:  # made in memory, or a copy: Pillow keeps tags as objects
        return _descriptive(image.getexif(), 0x0112)
    if not isinstance(block, bytes):
        return None
    block = re.sub(rb"^(Exif\x00\x00)+", b"", block)
    return block if len(block) <= MAX_EXIF and any(True for _ in _entries(block)) else None


def orientation(exif: bytes | None) -> int:
    """The EXIF orientation, 1…8; 1 when it is missing or makes no sense."""
    for order, _, at, tag, kind, _ in _entries(exif or b""):
        if tag == _ORIENTATION:
            value = _short_or_long(exif or b"", order, at, kind)
            return value if value in range(1, 9) else 1
    return 1


def fitted_exif(exif: bytes, size: tuple[int, int], srgb: bool) -> bytes:
    """The block for an upright picture of `size` = (width, height): orientation 1, dimensions true, no thumbnail.

    Args:
        exif: TIFF structure as `exif_of` returns it.
        size: Width and height in pixels.
        srgb: Whether the pixels are sRGB (the ColorSpace tag says so, or says uncalibrated).
    """
    block = bytearray(_without_thumbnail(exif))
    values = {_ORIENTATION: 1, _WIDTH: size[0], _HEIGHT: size[1], _COLOUR_SPACE: 1 if srgb else 0xFFFF}
    for order, _, at, tag, kind, _ in _entries(exif):
        if tag in values and at + 12 <= len(block):
            if kind == 3 and values[tag] <= 0xFFFF:
                struct.pack_into(order + "HxxxxHxx", block, at + 2, 3, values[tag])
                struct.pack_into(order + "I", block, at + 4, 1)
            else:
                struct.pack_into(order + "HII", block, at + 2, 4, 1, values[tag])
    return bytes(block)


def tags_of(exif: bytes) -> Image.Exif:
    """The descriptive tags of a block as Pillow's object, for formats where Pillow writes them itself."""
    found = Image.Exif()
    with warnings.catch_warnings(), suppress(Exception):  # Pillow warns and raises at will over damaged blocks
        warnings.simplefilter("ignore")
        given = Image.Exif()
        given.load(exif)
        found.load(_descriptive(given) or b"")
    return found


def _descriptive(source: Image.Exif, *more: int) -> bytes | None:
    """Rebuild a block from the tags that describe the picture (and `more`), not those that say how its pixels are stored."""
    kept = Image.Exif()
    for tag in _DESCRIPTIVE + NESTED + more:
        with suppress(Exception):  # a tag whose value cannot be written again is left out
            if tag not in source:
                continue
            value = source.get_ifd(tag) if tag in NESTED else source[tag]
            lone = Image.Exif()
            lone[tag] = value
            lone.tobytes()
            kept[tag] = value
    return kept.tobytes()[6:] if len(kept) else None


def _without_thumbnail(exif: bytes) -> bytes:
    """Unlink the second directory, which describes the thumbnail, and blank the thumbnail itself."""
    head = _header(exif)
    if head is None:
        return exif
    order, first = head
    (count,) = struct.unpack_from(order + "H", exif, first)
    link = first + 2 + 12 * count
    if link + 4 > len(exif):
        return exif
    block = bytearray(exif)
    (second,) = struct.unpack_from(order + "I", exif, link)
    struct.pack_into(order + "I", block, link, 0)
    where = {tag: struct.unpack_from(order + "I", exif, at + 8)[0] for at, tag, _, _ in _directory(exif, order, second)}
    start, length = where.get(0x0201, 0), where.get(0x0202, 0)
    if start and start + length <= len(block):
        if start + length == len(block):
            del block[start:]
        else:
            block[start : start + length] = bytes(length)
    return bytes(block)


def _header(exif: bytes) -> tuple[str, int] | None:
    """Byte order for `struct` and the offset of the first directory."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None or len(exif) < 10:
        return None
    (first,) = struct.unpack_from(order + "I", exif, 4)
    return (order, first) if 8 <= first <= len(exif) - 2 else None


def _directory(exif: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Offset, tag, type and count of each entry of the directory at `start`; stops where the block ends."""
    if not 8 <= start <= len(exif) - 2:
        return
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        yield (at, *struct.unpack_from(order + "HHI", exif, at))


def _entries(exif: bytes) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Byte order, directory, offset, tag, type and count of the entries of the main and the Exif directories."""
    head = _header(exif)
    if head is None:
        return
    order, first = head
    nested = 0
    for at, tag, kind, count in _directory(exif, order, first):
        if tag == _EXIF_IFD:
            nested = struct.unpack_from(order + "I", exif, at + 8)[0]
        yield order, first, at, tag, kind, count
    if nested != first:
        for at, tag, kind, count in _directory(exif, order, nested):
            yield order, nested, at, tag, kind, count


def _short_or_long(exif: bytes, order: str, at: int, kind: int) -> int:
    value: int = struct.unpack_from(order + ("I" if kind == 4 else "H"), exif, at + 8)[0]
    return value


# --- XMP --------------------------------------------------------------------------------------------------------------------


def xmp_of(image: Image.Image) -> bytes | None:
    """The picture's own XMP packet without thumbnails and without settings of ours; None if absent, too long or not whole."""
    packet = image.info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    if not isinstance(packet, bytes) or len(packet) > MAX_XMP or b"</rdf:RDF>" not in packet:
        return None
    if any(mark in packet for mark in _XMP_ELSEWHERE):
        return None
    return _BLOCK.sub(b"", _XMP_THUMBNAILS.sub(b"", packet))


def fitted_xmp(xmp: bytes | None, size: tuple[int, int], settings: Mapping[str, Any] | None) -> bytes | None:
    """The packet for an upright picture of `size` = (width, height), with `settings` in it; None if there is nothing to say.

    Raises:
        UsageError: the settings are not JSON, or too long for a packet.
    """
    if xmp is not None:
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
        xmp = _XMP_WIDTH.sub(rb"\g<1>%d" % size[0], xmp)
        xmp = _XMP_HEIGHT.sub(rb"\g<1>%d" % size[1], xmp)
    if settings is None:
        return xmp
    own = _description(settings)
    if xmp is not None and len(xmp) + len(own) <= MAX_XMP:
        head, foot = xmp.rsplit(b"</rdf:RDF>", 1)
        return head + own + b"</rdf:RDF>" + foot
    if len(own) > MAX_XMP - 500:
        raise UsageError(f"The settings take {len(own)} bytes; at most {MAX_XMP - 500} fit into this format.", "Write a PNG.")
    return _HEAD + own + _FOOT


def _description(settings: Mapping[str, Any]) -> bytes:
    text = escape(dumped(settings))
    head = f'<rdf:Description rdf:about="" xmlns:mapsto="{_NAMESPACE}"><mapsto:settings>'
    return f"{head}{text}</mapsto:settings></rdf:Description>".encode("ascii")


# --- settings ---------------------------------------------------------------------------------------------------------------


def dumped(settings: Mapping[str, Any]) -> str:
    """The settings as one line of ASCII JSON, keys in their order.

    Raises:
        UsageError: something in them has no exact JSON form.
    """
    try:
        text = json.dumps(dict(settings), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The settings cannot be written as JSON: {error}.") from error
    if len(text) > MAX_SETTINGS:
        raise UsageError(f"The settings take {len(text)} bytes; at most {MAX_SETTINGS} are embedded.")
    return text


def parsed(text: str | bytes | None) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    if not text or len(text) > MAX_SETTINGS:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def readable(settings: Mapping[str, Any]) -> str:
    """The settings as one line for people: `style: ink, strength: 0.7`."""
    return ", ".join(f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items())


def settings_of(image: Image.Image) -> dict[str, Any] | None:
    """The settings embedded in an opened picture; None when there are none, or they are damaged."""
    if (found := parsed(_text(image.info.get(SETTINGS_KEY)))) is not None:
        return found
    comment = image.info.get("comment")
    if isinstance(comment, bytes) and comment.startswith(b"mapsto {"):
        return parsed(comment[len(b"mapsto ") :])
    packet = image.info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    match = _VALUE.search(packet) if isinstance(packet, bytes) else None
    return parsed(unescape(match[1].decode("utf-8", "replace"))) if match else None


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str) else None
