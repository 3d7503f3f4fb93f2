"""Between what files, arrays and tensors hold and what we work on: upright sRGB, 8 bits per channel.

Legend: H height, W width, C channels.

Sixteen bits: grey is scaled to 8 bits with rounding, never clipped. 16-bit RGB files arrive from Pillow as their high byte,
at most one level off. Float files must be within [0, 1].

Resizing works on gamma-encoded sRGB, as networks were trained and as browsers do, with Lanczos and antialiasing; with alpha,
colours are weighted by it, so that hidden colours do not bleed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapsto.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    import torch

Pixels: TypeAlias = NDArray[np.uint8]

BAND = 256
"""Rows converted at a time where floats are needed, so that they never exist for the whole picture."""

_OVERSHOOT = 0.05
"""How far beyond [0, 1] a float may be: clipped up to here, refused beyond."""

UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
"""EXIF orientation → what makes the picture upright. Source: Exif 2.32, tag 0x0112."""


def stored_as(image: Image.Image) -> str:
    """Pillow's name of the samples in a file that is not decoded yet, such as `L;4` or `I;12`; decoding forgets it."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def split(image: Image.Image, name: str, raw: str = "") -> tuple[Image.Image, Image.Image | None]:
    """Colour, mode L, RGB or CMYK, and alpha, mode L, or None where everything is opaque by construction.

    Args:
        image: Decoded, of any mode.
        name: What to call it in messages.
        raw: How its file stores samples, see `stored_as`.

    Raises:
        UnreadableInput: values or colour modes whose meaning is not known (32-bit integers, HDR floats, Lab).
    """
    image = _eight_bit(image, name, 4095 if raw == "I;12" else 65535)
    mode = image.mode
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        image = _keyed(image, raw)
    elif mode in ("PA", "RGBa", "P"):
        image = image.convert("RGB" if mode == "P" else "RGBA")
    elif mode == "La":
        image = image.convert("LA")
    elif mode in ("1", "RGBX", "YCbCr"):
        image = image.convert("L" if mode == "1" else "RGB")
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode[:-1]), image.getchannel("A")
    if image.mode not in ("L", "RGB", "CMYK"):
        raise UnreadableInput(f"{name} uses the colour mode {image.mode}, which is not supported.", "Export it as RGB.")
    return image, None


def _keyed(image: Image.Image, raw: str) -> Image.Image:
    """Transparency given as one colour or as palette entries → a real alpha channel.

    The key of a file with fewer or more than 8 bits is in the file's own units, the pixels are not.
    """
    key = image.info["transparency"]
    if image.mode == "L" and raw in ("L;2", "L;4"):
        image.info["transparency"] = key * (85 if raw == "L;2" else 17)
    if image.mode == "RGB" and max(key) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image.convert("LA" if image.mode == "L" else "RGBA")


def _eight_bit(image: Image.Image, name: str, top: int) -> Image.Image:
    """Scale wide grey modes (I;16, I, F) to L or LA; others are returned as they are."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F":
        return Image.fromarray(bytes_of_unit(values, name, UnreadableInput))
    if values.size and (values.min() < 0 or values.max() > top):
        raise UnreadableInput(f"{name} holds 32-bit integers of unknown range.", "Export it with 8 or 16 bits per channel.")
    grey = Image.fromarray(_scaled(values, top))
    if isinstance(key := image.info.get("transparency"), int):
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _scaled(values: NDArray[Any], top: int) -> Pixels:
    """[0, top] → [0, 255], rounded."""
    out = np.empty(values.shape, np.uint8)
    for at in range(0, len(values), BAND):
        out[at : at + BAND] = (values[at : at + BAND].astype(np.uint32) * 255 + top // 2) // top
    return out


def bytes_of_unit(values: NDArray[Any], name: str, error: type[Exception]) -> Pixels:
    """Floats in [0, 1] → [0, 255], rounded; a little overshoot is clipped, more (or NaN) raises `error`."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):
        raise error(f"{name} holds floats from {low:.4g} to {high:.4g}; expected [0, 1].")
    out = np.empty(values.shape, np.uint8)
    for at in range(0, len(values), BAND):
        out[at : at + BAND] = np.rint(np.clip(values[at : at + BAND], 0, 1) * 255)
    return out


def bytes_of_array(array: NDArray[Any]) -> Pixels:
    """[H, W] or [H, W, C], C in 1…4, of bool, uint8, uint16 or floats in [0, 1] → [H, W, C] uint8, always a copy.

    Raises:
        UsageError: another shape, dtype or range.
    """
    shape = array.shape
    if not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (1, 2, 3, 4))) or 0 in shape:
        raise UsageError(f"An array of shape {list(shape)} is not a picture.", "Expected [H, W] or [H, W, 1…4], not empty.")
    array = array.reshape(*shape[:2], -1)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return np.array(array)
    if array.dtype == np.uint16:
        return _scaled(array, 65535)
    if np.issubdtype(array.dtype, np.floating):
        return bytes_of_unit(array, "The array", UsageError)
    raise UsageError(f"An array of {array.dtype} is not a picture.", "Expected uint8, uint16 or floats in [0, 1].")


def is_tensor(value: object) -> bool:
    """Whether `value` is a torch tensor, without importing torch when nobody has."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def array_of_tensor(tensor: torch.Tensor) -> Pixels:
    """[C, H, W] or [1, C, H, W], C in 1…4, in [0, 1] → [H, W, C] uint8; values outside are clipped.

    Raises:
        UsageError: another shape, or NaN.
    """
    import torch

    picture = tensor.detach()[0] if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor.detach()
    if picture.ndim != 3 or picture.shape[0] not in (1, 2, 3, 4) or 0 in picture.shape:
        raise UsageError(f"A tensor of shape {list(tensor.shape)} is not a picture.", "Expected [3, H, W] or [1, 3, H, W].")
    if not picture.is_floating_point():
        raise UsageError(f"A tensor of {tensor.dtype} is not a picture.", "Expected floats in [0, 1].")
    channels, height, width = picture.shape
    out = torch.empty((height, width, channels), dtype=torch.uint8)
    for at in range(0, height, BAND):
        band = picture[:, at : at + BAND].to("cpu", torch.float32)
        if bool(band.isnan().any()):
            raise UsageError("The tensor holds NaN where pixels were expected.")
        out[at : at + BAND] = band.mul(255).round_().clamp_(0, 255).permute(1, 2, 0).to(torch.uint8)
    pixels: Pixels = out.numpy()
    return pixels


def tensor_of_array(pixels: Pixels) -> torch.Tensor:
    """[H, W, C] uint8 → [1, C, H, W] float32 in [0, 1]."""
    import torch

    height, width, channels = pixels.shape
    tensor = torch.empty((1, channels, height, width))
    for at in range(0, height, BAND):
        tensor[0, :, at : at + BAND] = torch.from_numpy(np.array(pixels[at : at + BAND])).permute(2, 0, 1)
    return tensor.div_(255)


def colour_and_alpha(array: Pixels) -> tuple[Pixels, Pixels | None]:
    """[H, W, C] with C = grey, grey + alpha, RGB, RGB + alpha → colour [H, W, 3] and alpha [H, W] or None."""
    channels = array.shape[2]
    alpha = np.ascontiguousarray(array[..., -1]) if channels in (2, 4) else None
    colour = array[..., :3] if channels >= 3 else np.repeat(array[..., :1], 3, axis=2)
    return np.ascontiguousarray(colour), alpha


def resized(pixels: Pixels, alpha: Pixels | None, size: tuple[int, int]) -> tuple[Pixels, Pixels | None]:
    """Colour and alpha at `size` = (width, height), by Lanczos with antialiasing."""
    if alpha is None:
        return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)), None
    both = Image.fromarray(np.dstack((pixels, alpha))).resize(size, Image.Resampling.LANCZOS)  # Pillow weights by alpha
    return colour_and_alpha(np.asarray(both))


def resized_plane(plane: Pixels, size: tuple[int, int]) -> Pixels:
    """One channel [H, W] at `size` = (width, height); itself when nothing changes."""
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    return np.array(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))


def target_size(size: tuple[int, int], wanted: int | str | tuple[int, int] | None) -> tuple[int, int]:
    """The size, in pixels, that `--size` asks for; the shape is never distorted.

    Args:
        size: Width and height now.
        wanted: None (as it is), N or "N" (the shorter side becomes N), (W, H) or "WxH" (the largest that fits into that box).

    Raises:
        UsageError: not a size.
    """
    if wanted is None:
        return size
    width, height = size
    box = _box(wanted)
    factor = box[0] / min(size) if len(box) == 1 else min(box[0] / width, box[1] / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _box(wanted: int | str | tuple[int, int]) -> tuple[int, ...]:
    parts = wanted.lower().replace("×", "x").split("x") if isinstance(wanted, str) else np.atleast_1d(wanted).tolist()
    try:
        box = tuple(int(part) for part in parts)
    except ValueError:
        box = ()
    if len(box) not in (1, 2) or min(box) < 1:
        raise UsageError(
            f"{wanted!r} is not a size.", "Write the shorter side in pixels (768) or a box to fit into (1920x1080)."
        )
    return box
