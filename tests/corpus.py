"""Bad files, made on the spot: each function writes one into a folder and returns its path.

`BAD` names them all with a word that the message about each must hold; other tests can run a command over the whole corpus.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from samples import chunk, directory, png, sample

Maker = Callable[[Path], Path]


def good(format: str) -> bytes:
    """A small valid file of `jpg`, `png`, `webp`, `tif`, `gif`, `bmp` or `ppm`."""
    if format in ("gif", "bmp", "ppm"):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(sample("png", "RGB").content)).save(buffer, format)
        return buffer.getvalue()
    return sample(format, "RGB").content


def animated(format: str, count: int = 3) -> bytes:
    """A small valid animation of `gif`, `webp` or `png`."""
    frames = [Image.new("RGB", (16, 12), (60 * i, 99, 255 - 60 * i)) for i in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:], duration=50, loop=0)
    return buffer.getvalue()


def _writes(name: str, content: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def _truncated(format: str) -> Maker:
    content = good(format)
    return _writes(f"truncated.{format}", content[: len(content) * 3 // 4])


def lying_png(width: int = 5000, height: int = 5000) -> bytes:
    """A PNG whose header promises far more than its data holds."""
    return png((width, height), b"\0" * 100)


def lying_jpeg(width: int = 7000, height: int = 9000) -> bytes:
    """A JPEG of a few hundred bytes whose header promises tens of millions of pixels."""
    content = bytearray(good("jpg"))
    at = content.index(b"\xff\xc0")
    struct.pack_into(">HH", content, at + 5, height, width)
    return bytes(content)


def bomb_png(side: int = 12_000) -> bytes:
    """144 million pixels of nothing in 18 kB."""
    return png((side, side), b"\0" * ((side // 8 + 1) * side), depth=1, colour=0)


def bomb_webp(side: int = 16_383) -> bytes:
    """A WebP header that asks for a canvas of 268 million pixels."""
    extended = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + (side - 1).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended


def bomb_gif(side: int = 60_000) -> bytes:
    """A GIF header that asks for 3.6 thousand million pixels."""
    return b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\0\0" + bytes(6) + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def bomb_tiff(side: int = 60_000) -> bytes:
    """A TIFF header that asks for 3.6 thousand million pixels."""
    tags = [
        (256, 4, (side,)),
        (257, 4, (side,)),
        (258, 3, (8,)),
        (259, 3, (1,)),
        (262, 3, (1,)),
        (273, 4, (8,)),
        (279, 4, (9,)),
    ]
    return b"II*\0" + struct.pack("<I", 8) + directory(tags, 8, "<")  # type: ignore[arg-type]


def bomb_text(kind: bytes = b"zTXt", megabytes: int = 80) -> bytes:
    """A PNG of one pixel whose text chunk unpacks to `megabytes`."""
    packed = zlib.compress(b"\0" * (megabytes << 20), 9)
    head = b"key\0\0" if kind == b"zTXt" else b"key\0\1\0\0\0"
    return png((1, 1), b"\0\1\2\3", chunk(kind, head + packed))


def bomb_profile(megabytes: int = 80) -> bytes:
    """A PNG of one pixel whose colour profile unpacks to `megabytes`."""
    return png((1, 1), b"\0\1\2\3", chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"\0" * (megabytes << 20), 9)))


def _folder(folder: Path) -> Path:
    path = folder / "folder.png"
    path.mkdir()
    return path


def _pipe(folder: Path) -> Path:
    path = folder / "pipe.png"
    os.mkfifo(path)
    return path


def _missing(folder: Path) -> Path:
    return folder / "missing.png"


def _dangling(folder: Path) -> Path:
    path = folder / "link.png"
    path.symlink_to(folder / "nowhere.png")
    return path


def _device(folder: Path) -> Path:
    return Path(os.devnull)


def _inside_a_file(folder: Path) -> Path:
    return _writes("file.png", good("png"))(folder) / "inner.png"


BAD: dict[str, tuple[Maker, str]] = {
    "empty": (_writes("empty.png", b""), "empty"),
    "text": (_writes("text.jpg", b"just some words\n" * 9), "not a picture"),
    "noise": (_writes("noise.png", bytes(range(256)) * 4), "not a picture"),
    "svg": (_writes("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "SVG"),
    "svg with a declaration": (_writes("drawing.png", b'<?xml version="1.0"?><svg/>'), "SVG"),
    "pdf": (_writes("paper.pdf", b"%PDF-1.7\n"), "PDF"),
    "eps": (_writes("paper.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "PostScript"),
    "psd": (_writes("layers.psd", b"8BPS\0\1" + bytes(30)), "Photoshop"),
    "icon": (_writes("icon.ico", b"\0\0\1\0\1\0" + bytes(30)), "icon"),
    "heic": (_writes("photo.heic", b"\0\0\0\x18ftypheic" + bytes(30)), "HEIC"),
    "video": (_writes("film.jpg", b"\0\0\0\x18ftypisom" + bytes(30)), "video"),
    "jpeg xl": (_writes("photo.jxl", b"\xff\x0a" + bytes(30)), "JPEG XL"),
    "html": (_writes("page.jpg", b"<!DOCTYPE html><html></html>"), "web page"),
    "only a signature": (_writes("head.png", b"\x89PNG\r\n\x1a\n"), "damaged"),
    "no pixels": (_writes("flat.png", png((0, 5), b"")), "damaged"),
    **{f"truncated {format}": (_truncated(format), "damaged") for format in ("jpg", "png", "webp", "tif", "gif", "bmp", "ppm")},
    "lying png": (_writes("lying.png", lying_png()), "damaged"),
    "lying jpeg": (_writes("lying.jpg", lying_jpeg()), "too short"),
    "bomb png": (_writes("bomb.png", bomb_png()), "limit"),
    "bomb webp": (_writes("bomb.webp", bomb_webp()), "limit"),
    "bomb gif": (_writes("bomb.gif", bomb_gif()), "limit"),
    "bomb tiff": (_writes("bomb.tif", bomb_tiff()), "limit"),
    "bomb ppm": (_writes("bomb.ppm", b"P6 99999 99999 255\n123"), "limit"),
    "bomb zTXt": (_writes("text.png", bomb_text(b"zTXt")), "damaged"),
    "bomb iTXt": (_writes("text.png", bomb_text(b"iTXt")), "damaged"),
    "bomb profile": (_writes("profile.png", bomb_profile()), "damaged"),
    "folder": (_folder, "folder"),
    "pipe": (_pipe, "pipe"),
    "device": (_device, "device"),
    "missing": (_missing, "does not exist"),
    "dangling link": (_dangling, "does not exist"),
    "inside a file": (_inside_a_file, "does not exist"),
}
