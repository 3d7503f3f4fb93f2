"""From pixels to the bytes of a file: one table of formats, and what each of them cannot hold."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from mapsto.errors import UsageError, nearest
from mapsto.media import metadata, opening


@dataclass(frozen=True)
class Format:
    """One kind of file that is written.

    Args:
        name: As Pillow and people call it.
        extensions: Lower case, with the dot, the usual one first.
        alpha: Whether it holds transparency.
        notes: Whether it holds EXIF, XMP and a colour profile.
        side: The most pixels per side.
    """

    name: str
    extensions: tuple[str, ...]
    alpha: bool = True
    notes: bool = True
    side: int = 65_535


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("PNG", (".png",), side=2**31 - 1),
        Format("JPEG", (".jpg", ".jpeg"), alpha=False, side=65_500),
        Format("WEBP", (".webp",), side=16_383),
        Format("TIFF", (".tif", ".tiff"), side=2**31 - 1),
        Format("AVIF", (".avif",)),
        Format("GIF", (".gif",), notes=False),
        Format("BMP", (".bmp",), alpha=False, notes=False),
        Format("PPM", (".ppm",), alpha=False, notes=False, side=2**31 - 1),
    )
    if each.name != "AVIF" or opening.has_avif()
}


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file name asks for.

    Raises:
        UsageError: an extension we do not write; the message lists those we do.
    """
    extension = Path(path).suffix.lower()
    known = [known for each in FORMATS.values() for known in each.extensions]
    for each in FORMATS.values():
        if extension in each.extensions:
            return each
    said = f"the extension {extension}" if extension else "no extension"
    close = nearest(extension, known, 1)
    hint = f"Did you mean {close[0]}? " if extension and close else ""
    raise UsageError(f"{path} has {said}, which says no format that can be written.", f"{hint}Known: {' '.join(known)}.")


def format_named(name: str) -> Format:
    """The format called `name` (`png`, `JPG`, `.tif`).

    Raises:
        UsageError: no such format.
    """
    return FORMATS[name.upper()] if name.upper() in FORMATS else format_of(f"picture.{name.lstrip('.')}")


def check_fits(size: tuple[int, int], format: Format) -> None:
    """Refuse sizes that the format cannot hold.

    Raises:
        UsageError: a side is too long.
    """
    if max(size) > format.side:
        raise UsageError(
            f"{size[0]} × {size[1]} pixels do not fit into {format.name}, which ends at {format.side} per side.", "Write a PNG."
        )


def encode(
    image: Image.Image,
    format: Format,
    quality: int,
    *,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    animation: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode a picture of mode RGB or RGBA; for GIF, one made by `with_palette`.

    Args:
        image: The pixels, already in the colours of `icc`.
        format: One of `FORMATS`; alpha must have been removed where it holds none.
        quality: 1…100 for JPEG, WebP and AVIF; 100 is lossless in WebP. Others are always lossless (GIF: 256 colours).
        exif: TIFF structure.
        xmp: XMP packet, with the settings where the format keeps them there.
        icc: Colour profile.
        dpi: Pixels per inch, x and y.
        settings: For formats that keep them elsewhere than in XMP.
        animation: Pillow's options for further frames and their timing.
    """
    options = _quality(format.name, quality) | dict(animation or {})
    if format.notes:
        options |= {"icc_profile": icc, "exif": exif, "xmp": xmp, "dpi": dpi}
        options = {key: value for key, value in options.items() if value is not None}
    _PLACES.get(format.name, _as_is)(options, settings)
    buffer = io.BytesIO()
    image.save(buffer, format.name, **options)
    return buffer.getvalue()


def with_palette(image: Image.Image) -> Image.Image:
    """Reduce RGB or RGBA to the 256 colours of a GIF, dithered; pixels less than half opaque become transparent."""
    if image.mode != "RGBA":
        return image.quantize(256, Image.Quantize.MEDIANCUT)
    reduced = image.convert("RGB").quantize(255, Image.Quantize.MEDIANCUT)
    reduced.paste(255, mask=image.getchannel("A").point([255] * 128 + [0] * 128))
    reduced.info["transparency"] = 255
    return reduced


def _quality(name: str, quality: int) -> dict[str, Any]:
    if not 1 <= quality <= 100:
        raise UsageError(f"A quality of {quality} does not exist.", "Choose 1 (smallest file) to 100 (best).")
    if name == "JPEG":  # thin strokes lose their colour to chroma subsampling, so only small files use it
        return {"quality": quality, "subsampling": 0 if quality >= 90 else 2, "optimize": True}
    if name == "WEBP":
        return {"lossless": True, "quality": 70, "exact": True} if quality == 100 else {"quality": quality}
    if name == "AVIF":
        return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}
    return {"compress_level": 4} if name == "PNG" else {}  # as small as 6 on photos and paintings, three times as fast


def _as_is(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    """WebP, BMP and PPM take everything as it is."""


def _in_jpeg(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    if "exif" in options:
        options["exif"] = b"Exif\x00\x00" + options["exif"]


def _in_png(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    text = PngImagePlugin.PngInfo()
    if settings is not None:
        text.add_itxt(metadata.SETTINGS_KEY, metadata.dumped(settings))
        text.add_text("parameters", metadata.readable(settings))
    if "xmp" in options:
        text.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode("utf-8", "replace"))
    options["pnginfo"] = text


def _in_tiff(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    tags = metadata.tags_of(options.pop("exif", b""))
    if "xmp" in options:
        tags[700] = options.pop("xmp")
    options["exif"] = tags
    if not any(tag in tags for tag in metadata.NESTED):  # Pillow cannot write these directories into compressed files
        options["compression"] = "tiff_adobe_deflate"


def _in_avif(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    if "exif" in options:
        options["exif"] = metadata.tags_of(options["exif"])


def _in_gif(options: dict[str, Any], settings: Mapping[str, Any] | None) -> None:
    if settings is not None:
        options["comment"] = b"mapsto " + metadata.dumped(settings).encode("ascii")


_PLACES = {"JPEG": _in_jpeg, "PNG": _in_png, "TIFF": _in_tiff, "AVIF": _in_avif, "GIF": _in_gif}
