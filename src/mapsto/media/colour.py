"""Colour profiles: every picture is sRGB inside.

The rule. A picture with an RGB profile (sRGB, Display P3, Adobe RGB, …) is converted to sRGB when read; the profile is kept,
and the result is converted back into it and carries it. Grey and CMYK profiles are used to reach sRGB and then dropped: the
result is untagged sRGB. A picture without a profile is taken as sRGB and stays untagged. Colours outside sRGB are clipped.

Conversions are relative colorimetric with black-point compensation, 8 bits per channel, by LittleCMS.
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
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
        profile = _opened(icc)
        mode = _SPACES.get(profile.profile.xcolor_space.strip(), "")
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return image.convert("RGB"), None, ("The colour profile is not for this kind of picture and was ignored.",)
        if mode != "RGB":
            return _converted(image, profile, _srgb(), "RGB"), None, ()
        back = ImageCms.buildTransform(_srgb(), profile, "RGB", "RGB", _INTENT, _FLAGS)
        if _is_identity(back):
            return image, icc, ()
        return _converted(image, profile, _srgb(), "RGB"), icc, ()
    except _FAILURES:
        return image.convert("RGB"), None, ("The colour profile cannot be used; colours were taken as sRGB.",)


def from_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert an sRGB picture, mode RGB, into the RGB profile `icc` (one that `to_srgb` returned)."""
    back = ImageCms.buildTransform(_srgb(), _opened(icc), "RGB", "RGB", _INTENT, _FLAGS)
    return image if _is_identity(back) else _applied(image, back)


def is_srgb(icc: bytes | None) -> bool:
    """Whether a picture with this profile can be read as sRGB: no profile, or one that changes no colour by more than 1/255."""
    if icc is None:
        return True
    return _is_identity(ImageCms.buildTransform(_srgb(), _opened(icc), "RGB", "RGB", _INTENT, _FLAGS))


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _opened(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))


def _converted(
    image: Image.Image, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile, mode: str
) -> Image.Image:
    return _applied(image, ImageCms.buildTransform(source, target, image.mode, mode, _INTENT, _FLAGS))


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    changed = ImageCms.applyTransform(image, transform)
    assert changed is not None  # it is None only for inPlace=True
    return changed


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether no colour of a 9 × 9 × 9 grid moves by more than one level: then converting would only add rounding."""
    levels = bytes(min(255, 32 * i) for i in range(9))
    grid = b"".join(bytes((r, g, b)) for r in levels for g in levels for b in levels)
    moved = _applied(Image.frombytes("RGB", (27, 27), grid), transform).tobytes()
    return all(abs(a - b) <= 1 for a, b in zip(grid, moved, strict=True))
