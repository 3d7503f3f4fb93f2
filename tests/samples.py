"""Good pictures of every kind we read, made from numbers: four quadrants of known colour, stored turned as EXIF says."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 16, 24
COLOURS = np.array([[0.8, 0.3, 0.2], [0.2, 0.6, 0.3], [0.25, 0.3, 0.7], [0.9, 0.85, 0.5]])
GREYS = np.array([0.2, 0.4, 0.6, 0.9])
BITS = np.array([1.0, 0.0, 0.0, 0.0])
ALPHAS = np.array([255, 180, 90, 20])

KINDS = {
    "jpg": ("RGB", "L", "CMYK"),
    "png": ("RGB", "RGBA", "L", "LA", "P", "1", "grey16", "rgb16", "rgba16"),
    "webp": ("RGB", "RGBA"),
    "tif": ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "grey16", "rgb16"),
}
_FIRST = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}
"""Orientation → the visual side of the first stored row, and of the first stored column (Exif 2.32, table 6)."""


@dataclass(frozen=True)
class Sample:
    """A file and what is in it.

    Args:
        content: The file.
        colours: [4, 3] in [0, 1], in the file's own profile, of the top left, top right, bottom left and bottom right quadrant.
        alphas: [4] of 0…255, or None.
    """

    content: bytes
    colours: NDArray[np.float64]
    alphas: NDArray[np.int64] | None


def sample(extension: str, kind: str, orientation: int = 1, icc: bytes | None = None) -> Sample:
    """A picture of 24 × 16 pixels when upright."""
    greys = {"L": GREYS, "LA": GREYS, "grey16": GREYS, "1": BITS}.get(kind)
    colours = COLOURS if greys is None else np.repeat(greys[:, None], 3, 1)
    alphas = ALPHAS if kind in ("RGBA", "LA", "P", "rgba16") else None
    planes = colours if greys is None else greys[:, None]
    if kind.endswith("16"):
        content = _sixteen(extension, planes, alphas, orientation, icc)
    else:
        content = _eight(extension, kind, planes, alphas, orientation, icc)
    return Sample(content, colours, alphas)


def quadrants(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """[4, ...] → [16, 24, ...]."""
    grid = values.reshape(2, 2, *values.shape[1:])
    return np.repeat(np.repeat(grid, HEIGHT // 2, 0), WIDTH // 2, 1)


def turned(upright: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """How a camera that writes `orientation` stores a picture."""
    row, column = _FIRST[orientation]
    stored = upright if row in ("top", "bottom") else upright.swapaxes(0, 1)
    stored = stored[::-1] if row in ("bottom", "right") else stored
    return np.ascontiguousarray(stored[:, ::-1] if column in ("right", "bottom") else stored)


def _eight(
    extension: str,
    kind: str,
    planes: NDArray[np.float64],
    alphas: NDArray[np.int64] | None,
    orientation: int,
    icc: bytes | None,
) -> bytes:
    eight = np.rint(planes * 255).astype(np.uint8)
    extra: dict[str, object] = {}
    if kind == "P":
        image = Image.fromarray(turned(quadrants(np.arange(4, dtype=np.uint8)), orientation))
        image.putpalette(eight.tobytes())
        if extension == "png":
            extra["transparency"] = ALPHAS.astype(np.uint8).tobytes()
    elif kind == "CMYK":
        inks = np.concatenate([255 - eight, np.zeros((4, 1), np.uint8)], 1)
        image = Image.frombytes(
            "CMYK", turned(quadrants(inks), orientation).shape[1::-1], turned(quadrants(inks), orientation).tobytes()
        )
    else:
        if alphas is not None:
            eight = np.concatenate([eight, alphas[:, None].astype(np.uint8)], 1)
        image = Image.fromarray(turned(quadrants(eight.squeeze()), orientation))
        image = image.convert("1") if kind == "1" else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True, "exact": True}}.get(extension, {})
    buffer = io.BytesIO()
    name = {"jpg": "JPEG", "tif": "TIFF"}.get(extension, extension)
    image.save(buffer, name, exif=exif, icc_profile=icc or b"", **options, **extra)
    return buffer.getvalue()


def _sixteen(
    extension: str, planes: NDArray[np.float64], alphas: NDArray[np.int64] | None, orientation: int, icc: bytes | None
) -> bytes:
    wide = np.rint(planes * 65535).astype(np.uint16)
    if alphas is not None:
        wide = np.concatenate([wide, (alphas[:, None] * 257).astype(np.uint16)], 1)
    stored = turned(quadrants(wide), orientation)
    return png16(stored, orientation, icc) if extension == "png" else tiff16(stored, orientation, icc)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], data: bytes, *before: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says it is `size` = (width, height), holds `data` unpacked, and has the chunks `before` it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def png16(pixels: NDArray[np.uint16], orientation: int = 1, icc: bytes | None = None, *more: bytes) -> bytes:
    """A 16-bit PNG of [H, W, C], C of 1 (grey), 2, 3 (RGB) or 4."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    before = [] if icc is None else [chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc))]
    before.append(chunk(b"eXIf", exif_block(orientation=orientation)))
    return png((width, height), rows, *before, *more, depth=16, colour={1: 0, 2: 4, 3: 2, 4: 6}[channels])


def tiff16(pixels: NDArray[np.uint16], orientation: int = 1, icc: bytes | None = None) -> bytes:
    """A 16-bit uncompressed TIFF of [H, W, C], C of 1 (grey) or 3 (RGB)."""
    height, width, channels = pixels.shape
    data = pixels.astype("<u2").tobytes()
    entries: list[tuple[int, int, tuple[int, ...] | bytes]] = [
        (256, 3, (width,)),
        (257, 3, (height,)),
        (258, 3, (16,) * channels),
        (259, 3, (1,)),
        (262, 3, (2 if channels == 3 else 1,)),
        (273, 4, (8,)),
        (274, 3, (orientation,)),
        (277, 3, (channels,)),
        (278, 3, (height,)),
        (279, 4, (len(data),)),
    ]
    if icc is not None:
        entries.append((34675, 7, icc))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory(entries, 8 + len(data), "<")


def directory(entries: list[tuple[int, int, tuple[int, ...] | bytes]], at: int, order: str, following: int = 0) -> bytes:
    """One TIFF directory, to stand at offset `at`: (tag, type, values) in ascending order, long values after it."""
    after = at + 2 + 12 * len(entries) + 4
    head, tail = struct.pack(order + "H", len(entries)), b""
    for tag, kind, values in entries:
        count = len(values)
        letter = {3: "H", 4: "I"}.get(kind, "")
        data = values if isinstance(values, bytes) else struct.pack(f"{order}{count}{letter}", *values)
        if len(data) > 4:
            data, tail = struct.pack(order + "I", after + len(tail)), tail + data + bytes(len(data) % 2)
        head += struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")
    return head + struct.pack(order + "I", following) + tail


def exif_block(orientation: int = 1, order: str = "<", size: tuple[int, int] = (999, 777), thumbnail: bytes = b"") -> bytes:
    """An EXIF block as a camera writes it: maker, orientation, a maker note, dimensions, and perhaps a thumbnail."""
    nested_at = 200
    nested = directory(
        [
            (0x927C, 7, b"the maker's own note, whose offsets nobody may move"),
            (0xA001, 3, (1,)),
            (0xA002, 4, (size[0],)),
            (0xA003, 3, (size[1],)),
        ],
        nested_at,
        order,
    )
    second_at = nested_at + len(nested)
    second = directory([(0x0201, 4, (second_at + 30,)), (0x0202, 4, (len(thumbnail),))], second_at, order) if thumbnail else b""
    entries: list[tuple[int, int, tuple[int, ...] | bytes]] = [
        (0x010F, 2, b"Camera works\0"),
        (0x0112, 3, (orientation,)),
        (0x8298, 2, b"a photographer\0"),
        (0x8769, 4, (nested_at,)),
    ]
    first = directory(entries, 8, order, second_at if thumbnail else 0)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return (head + first).ljust(nested_at, b"\0") + nested + second + thumbnail
