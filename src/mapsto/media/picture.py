"""A picture: upright 8-bit sRGB, its transparency, and what is needed to write it back as it came.

    >>> picture = read("photo.jpg")                 # upright, sRGB, checked before decoding
    >>> x = picture.tensor()                        # [1, 3, H, W] float32 in [0, 1]
    >>> picture.with_tensor(1 - x).save("negative.jpg")

What is kept: alpha, EXIF and XMP (corrected), an RGB colour profile, the resolution. The rules stand in `mapsto.media.colour`,
`mapsto.media.metadata` and `mapsto.media.pixels`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mapsto.errors import UsageError
from mapsto.files import atomic
from mapsto.media import colour, encoding, metadata, opening, pixels
from mapsto.media.opening import MAX_PIXELS, Source
from mapsto.media.pixels import Pixels, target_size

if TYPE_CHECKING:
    import torch

__all__ = ["MAX_PIXELS", "Picture", "read", "settings", "target_size"]

_NOTEBOOK_SIDE = 1600


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """One picture in memory.

    Args:
        pixels: [H, W, 3] uint8, sRGB, upright.
        alpha: [H, W] uint8, 255 is opaque; None where the picture has no transparency.
        icc: RGB profile to convert back into when writing; None leaves the file untagged.
        exif: EXIF block (a TIFF structure), as found.
        xmp: XMP packet, as found, without settings of ours.
        dpi: Pixels per inch, x and y.
        format: Pillow's name of the format it was read from, such as `JPEG`; None for arrays.
        notes: What was lost when reading, in sentences for people.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    format: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        height, width, channels = self.pixels.shape
        assert channels == 3, self.pixels.shape
        assert self.alpha is None or self.alpha.shape == (height, width), self.alpha.shape

    @classmethod
    def of(cls, source: object, max_pixels: int = MAX_PIXELS) -> Picture:
        """A picture from whatever a caller has.

        Args:
            source: A path, bytes or binary file of a picture; a PIL image (turned upright and colour-managed like a file); an
                array [H, W] or [H, W, 1…4] of bool, uint8, uint16 or floats in [0, 1]; a tensor [3, H, W] or [1, 3, H, W] in
                [0, 1] (1, 2 or 4 channels are grey, grey + alpha, RGB + alpha); or a `Picture`, returned as it is.
            max_pixels: Limit on width × height of files.

        Raises:
            UnreadableInput: a file that cannot or must not be read.
            UsageError: something that is not a picture.
        """
        if isinstance(source, Picture):
            return source
        if isinstance(source, Image.Image):
            with opening.guarded("the PIL image", max_pixels):
                source.load()
                return picture_of(source, "the PIL image")
        if isinstance(source, np.ndarray):
            return cls(*pixels.colour_and_alpha(pixels.bytes_of_array(source)))
        if pixels.is_tensor(source):
            return cls(*pixels.colour_and_alpha(pixels.array_of_tensor(source)))  # type: ignore[arg-type]
        if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(source, "read"):
            return read(source, max_pixels)  # type: ignore[arg-type]
        raise UsageError(
            f"A {type(source).__name__} is not a picture.", "Give a path, bytes, a PIL image, an array or a tensor."
        )

    @property
    def width(self) -> int:
        """Pixels per row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.pixels.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow orders them."""
        return self.width, self.height

    def __repr__(self) -> str:
        kept = ("alpha", "icc", "exif", "xmp")
        told = [f"{self.width}×{self.height}", self.format, *(name for name in kept if getattr(self, name) is not None)]
        return f"Picture({', '.join(filter(None, told))})"

    def numpy(self) -> Pixels:
        """A copy of the pixels: [H, W, 3] uint8, or [H, W, 4] where there is alpha; sRGB."""
        return np.array(self.pixels) if self.alpha is None else np.dstack((self.pixels, self.alpha))

    def tensor(self) -> torch.Tensor:
        """The colours as [1, 3, H, W] float32 in [0, 1], sRGB; alpha stays behind (see `with_tensor`)."""
        return pixels.tensor_of_array(self.pixels)

    def to_pil(self) -> Image.Image:
        """An sRGB Pillow image, mode RGB or RGBA, without metadata."""
        return Image.fromarray(self.numpy())

    def with_tensor(self, tensor: torch.Tensor) -> Picture:
        """This picture with new colours, everything else kept; alpha is resized where the size differs.

        Args:
            tensor: [3, H, W] or [1, 3, H, W], or one channel for grey, on any device; values outside [0, 1] are clipped.

        Raises:
            UsageError: another shape, or NaN.
        """
        new, alpha = pixels.colour_and_alpha(pixels.array_of_tensor(tensor))
        if alpha is None and self.alpha is not None:
            alpha = pixels.resized_plane(self.alpha, (new.shape[1], new.shape[0]))
        return replace(self, pixels=new, alpha=alpha)

    def resized(self, wanted: int | str | tuple[int, int] | None) -> Picture:
        """This picture at the size that `--size` asks for, see `target_size`; itself when nothing changes."""
        size = target_size(self.size, wanted)
        if size == self.size:
            return self
        new, alpha = pixels.resized(self.pixels, self.alpha, size)
        return replace(self, pixels=new, alpha=alpha)

    def on_white(self) -> Picture:
        """This picture without transparency: laid on white, in sRGB."""
        if self.alpha is None:
            return self
        ground = Image.new("RGB", self.size, "white")
        ground.paste(Image.fromarray(self.pixels), mask=Image.fromarray(self.alpha))
        return replace(self, pixels=np.array(ground), alpha=None)

    def losses(self, format: str, settings: bool = False) -> tuple[str, ...]:
        """What writing as `format` (`png`, `jpg`, …), with or without `settings`, would lose: sentences for people."""
        into = encoding.format_named(format)
        lost = []
        if self.alpha is not None and not into.alpha:
            lost.append(f"{into.name} holds no transparency: the picture was laid on white.")
        if not into.notes and (self.exif or self.xmp or self.icc):
            lost.append(f"{into.name} holds no EXIF and no colour profile: they were dropped, colours are sRGB.")
        if settings and into.name in ("BMP", "PPM"):
            lost.append(f"{into.name} holds no settings: the file cannot say how it was made.")
        if into.name == "GIF":
            lost.append("GIF holds 256 colours: the picture was reduced to them.")
        return tuple(lost)

    def encode(
        self, format: str = "png", *, quality: int = 95, settings: Mapping[str, Any] | None = None, strip: bool = False
    ) -> bytes:
        """The bytes of a file.

        Args:
            format: `png`, `jpg`, `webp`, `tif`, `gif`, `bmp`, `ppm`, or `avif` where Pillow has it.
            quality: 1…100 for JPEG, WebP (100: lossless) and AVIF; 90 and above keep full colour resolution in JPEG and AVIF.
            settings: A JSON object to embed, read back by `settings`.
            strip: Leave out EXIF, XMP and the settings; the colour profile stays, since colours depend on it.

        Raises:
            UsageError: unknown format, quality out of range, a side too long for the format, or settings that are not JSON.
        """
        into = encoding.format_named(format)
        encoding.check_fits(self.size, into)
        said = notes_for(self, into, None if strip else settings, strip)
        return encoding.encode(image_for(self, into), into, quality, **said)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        quality: int = 95,
        settings: Mapping[str, Any] | None = None,
        strip: bool = False,
    ) -> tuple[str, ...]:
        """Write a file in the format its extension says; on any failure what was there before stays.

        Args:
            path: Where; folders are created.
            quality: As in `encode`.
            settings: As in `encode`.
            strip: As in `encode`.

        Returns:
            What was lost, see `losses`.

        Raises:
            UsageError: as `encode`, or an unknown extension.
            NoSpace: the disk is full or the place cannot be written.
        """
        into = encoding.format_of(path)
        content = self.encode(into.name, quality=quality, settings=settings, strip=strip)
        with atomic(Path(path)) as temporary:
            temporary.write_bytes(content)
        return self.losses(into.name, settings is not None and not strip)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: at most 1600 pixels on the longer side."""
        side = min(_NOTEBOOK_SIDE, max(self.size))
        return self.resized((side, side)).encode("png", strip=True)


def read(source: Source, max_pixels: int = MAX_PIXELS, enough: int | None = None) -> Picture:
    """Read one picture; of an animation or a document of several pages, the first.

    Args:
        source: A path, the bytes of a file, or a binary file object.
        max_pixels: Limit on width × height, checked before anything is decoded.
        enough: Pixels of the shorter side that will do: a JPEG may then come at a half, a quarter or an eighth of its size,
            which is several times faster than decoding all of it.

    Raises:
        UnreadableInput: missing, not a picture, damaged, lying about its size, or above the limit.
    """
    name = opening.name_of(source)
    with opening.stream(source) as file:
        image = opening.header(file, name, max_pixels)
        with image, opening.guarded(name, max_pixels):
            raw = pixels.stored_as(image)
            if enough is not None:
                scale = enough / min(image.size)
                image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
            image.load()
            return picture_of(image, name, raw)


def picture_of(image: Image.Image, name: str, raw: str = "", still: bool = True) -> Picture:
    """A decoded Pillow image as a `Picture`: upright, in sRGB.

    Args:
        image: Decoded, of any mode.
        name: What to call it in messages.
        raw: How its file stores samples, see `mapsto.media.pixels.stored_as`.
        still: Whether to note that further frames are not used.

    Raises:
        UnreadableInput: a colour mode whose meaning is not known.
    """
    exif = metadata.exif_of(image)
    painted, alpha = pixels.split(image, name, raw)
    painted, icc, lost = colour.to_srgb(painted, image.info.get("icc_profile"))
    turn = pixels.UPRIGHT[metadata.orientation(exif)]
    if still and getattr(image, "is_animated", False) and image.format != "MPO":
        lost += (f"{name} holds several frames or pages; the first is used.",)
    return Picture(
        pixels=np.ascontiguousarray(turn(np.asarray(painted))),
        alpha=None if alpha is None else np.ascontiguousarray(turn(np.asarray(alpha))),
        icc=icc,
        exif=exif,
        xmp=metadata.xmp_of(image),
        dpi=_dpi(image),
        format="JPEG" if image.format == "MPO" else image.format,
        notes=lost,
    )


def settings(source: Source) -> dict[str, Any] | None:
    """The settings embedded in a picture of ours; None where there are none or they are damaged.

    Raises:
        UnreadableInput: not a picture at all.
    """
    name = opening.name_of(source)
    with opening.stream(source) as file:
        image = opening.header(file, name, max_pixels=2**40)
        with image, opening.guarded(name):
            return metadata.settings_of(image)


def image_for(picture: Picture, into: encoding.Format) -> Image.Image:
    """The picture as Pillow should encode it: without alpha, in its profile, or reduced to a palette, as the format asks."""
    image = (picture if into.alpha else picture.on_white()).to_pil()
    if into.name == "GIF":
        return encoding.with_palette(image)
    if picture.icc is None or not into.notes:
        return image
    painted = colour.from_srgb(image.convert("RGB"), picture.icc)
    if image.mode == "RGBA":
        painted.putalpha(image.getchannel("A"))
    return painted


def notes_for(picture: Picture, into: encoding.Format, settings: Mapping[str, Any] | None, strip: bool) -> dict[str, Any]:
    """What the file should say beside its pixels, as arguments of `encoding.encode`."""
    if not into.notes:
        return {"settings": settings}
    exif = (
        None if strip or picture.exif is None else metadata.fitted_exif(picture.exif, picture.size, colour.is_srgb(picture.icc))
    )
    own = None if into.name == "PNG" else settings
    xmp = metadata.fitted_xmp(None if strip else picture.xmp, picture.size, own)
    return {"exif": exif, "xmp": xmp, "icc": picture.icc, "dpi": picture.dpi, "settings": settings}


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """Pixels per inch where the file says something sensible."""
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x <= 10_000 and 1 <= y <= 10_000 else None
