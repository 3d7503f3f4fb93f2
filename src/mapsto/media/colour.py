"""Colour profiles: every picture is sRGB inside.

The rule. A picture with an RGB profile (sRGB, Display P3, Adobe RGB, …) is converted to sRGB when read; the profile is kept,
and the result is converted back into it and carries it. Grey, CMYK and one-way profiles are used to reach sRGB and then
dropped: the result is untagged sRGB. A picture without a profile is taken as sRGB and stays untagged. Colours outside sRGB are
clipped.

Conversions are relative colorimetric with black-point compensation, 8 bits per channel, by LittleCMS.
"""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE  # without a cache, threads can share a transform
_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, bytes | None, tuple[str, ...]]:
    """Convert to sRGB.

    Args:
        image: Mode L, RGB or CMYK.
        icc: Its profile, as embedded.

    Returns:
        The picture in mode RGB, the profile to convert back into (None: leave untagged), and what was lost, in sentences.
    """
    if not icc:
        lost = ("CMYK without a colour profile: colours are approximate.",) if image.mode == "CMYK" else ()
        return image.convert("RGB"), None, lost
    try:
        plain = _undated(icc)
        mode = _mode_of(plain)
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return image.convert("RGB"), None, ("The colour profile is not for this kind of picture and was ignored.",)
        if mode != "RGB":
            return _applied(image, _into_srgb(plain, mode)), None, ()
        if not _works_both_ways(plain):
            return (
                _applied(image, _into_srgb(plain, mode)),
                None,
                ("The colour profile is for reading only: the result is sRGB.",),
            )
        if not is_srgb(icc):
            image = _applied(image, _into_srgb(plain, mode))
        return image, icc, ()
    except _FAILURES:
        return image.convert("RGB"), None, ("The colour profile cannot be used; colours were taken as sRGB.",)


def from_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert an sRGB picture, mode RGB, into the RGB profile `icc` (one that `to_srgb` returned)."""
    return image if is_srgb(icc) else _applied(image, _from_srgb(_undated(icc)))


def is_srgb(icc: bytes | None) -> bool:
    """Whether a picture with this RGB profile can be read as sRGB: no profile, or one that moves no colour by more than 1/255.

    Measured on a grid of 9 × 9 × 9 colours; converting such a picture would only add rounding.
    """
    return icc is None or _moves_nothing(_undated(icc))


@lru_cache(maxsize=16)
def _moves_nothing(icc: bytes) -> bool:
    levels = bytes(min(255, 32 * i) for i in range(9))
    grid = b"".join(bytes((r, g, b)) for r in levels for g in levels for b in levels)
    moved = _applied(Image.frombytes("RGB", (27, 27), grid), _from_srgb(icc)).tobytes()
    return all(abs(a - b) <= 1 for a, b in zip(grid, moved, strict=True))


def _undated(icc: bytes) -> bytes:
    """The profile without its date and checksum: many programs write one anew into every file, and building each takes time."""
    return icc[:24] + bytes(12) + icc[36:84] + bytes(16) + icc[100:] if len(icc) >= 128 else icc


def _mode_of(icc: bytes) -> str:
    """Pillow's mode of the pictures that a profile is for; empty for kinds we do not convert."""
    return _SPACES.get(_opened(icc).profile.xcolor_space.strip(), "")


@lru_cache(maxsize=8)
def _into_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(_opened(icc), _srgb(), mode, "RGB", _INTENT, _FLAGS)


@lru_cache(maxsize=8)
def _from_srgb(icc: bytes) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(_srgb(), _opened(icc), "RGB", "RGB", _INTENT, _FLAGS)


def _works_both_ways(icc: bytes) -> bool:
    """Whether colours can be converted into the profile too; those of scanners may only describe the way out."""
    try:
        return _from_srgb(icc) is not None
    except _FAILURES:
        return False


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _opened(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    changed = ImageCms.applyTransform(image, transform)
    assert changed is not None  # it is None only for inPlace=True
    return changed
