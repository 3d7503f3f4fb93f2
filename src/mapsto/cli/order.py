"""What a person orders, and the settings in a painted file that say so: enough to paint it again, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mapsto
from mapsto import weights
from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import sha256

MEGA = 1_000_000


@dataclass(frozen=True)
class Order:
    """How to paint, apart from what.

    Args:
        strength: In [0, 1].
        keep_colors: Keep the photo's colours.
        size: Shorter side, or "WxH"; None keeps the photo's own.
        seed: Of the noise.
        method: fast or optimize.
        steps: Of optimize.
        tile: Side of tiles in pixels, "auto" or "off".
        device: Where to compute.
        precision: auto, fp32 or bf16.
        weights: The style network, by name or path.
        threads: How many to compute with on a CPU; None decides by the machine.
        stop_after: Steps after which optimising ends before its time, as when somebody stopped it; None lets it finish.
        mask: Where to paint, as `mapsto.image.masking` spells it; None is everywhere.
    """

    strength: float = 1.0
    keep_colors: bool = False
    size: str | None = None
    seed: int = 0
    method: str = "fast"
    steps: int = 300
    tile: int | str = "auto"
    device: str = "auto"
    precision: str = "auto"
    weights: str = "style-s"
    threads: int | None = None
    stop_after: int | None = None
    mask: str | None = None

    def __post_init__(self) -> None:
        """Refuse early what the library would refuse after loading everything."""
        from mapsto.image.styles import check_method, check_strength
        from mapsto.media.pixels import target_size

        check_strength(self.strength)
        check_method(self.method)
        if self.steps < 1:
            raise UsageError(f"{self.steps} steps lead nowhere.", "Give --steps 1 or more.")
        target_size((64, 64), self.size)


@dataclass(frozen=True)
class File:
    """How to write what was painted.

    Args:
        format: Extension without a dot, for standard output.
        quality: 1…100, for formats that lose something.
        strip: Leave out metadata and settings.
        max_pixels: Largest picture that is read.
    """

    format: str | None = None
    quality: int = 95
    strip: bool = False
    max_pixels: int = 64 * MEGA


def tile_of(text: str) -> int | str:
    """What --tile means.

    Raises:
        UsageError: not a number, auto or off.
    """
    if text in ("auto", "off"):
        return text
    if not text.isdecimal() or int(text) < 64:
        raise UsageError(f"{text!r} is no size of tiles.", "Give 64 or more pixels, auto or off.")
    return int(text)


def pixels_of(text: str) -> int:
    """What --max-pixels means: 120M is 120 megapixels.

    Raises:
        UsageError: not a number of pixels.
    """
    number, factor = (text[:-1], MEGA) if text[-1:] in ("M", "m") else (text.replace("_", ""), 1)
    try:
        found = int(float(number) * factor)
    except (ValueError, OverflowError):
        found = 0
    if found < 1:
        raise UsageError(f"{text!r} is no number of pixels.", "Write 120M for 120 megapixels.")
    return found


# --- settings ---------------------------------------------------------------------------------------------------------------

_KINDS: dict[str, tuple[type, ...]] = {
    "strength": (int, float),
    "keep_colors": (bool,),
    "size": (str, type(None)),
    "seed": (int,),
    "method": (str,),
    "steps": (int,),
    "tile": (int, str),
    "device": (str,),
    "precision": (str,),
    "threads": (int, type(None)),
    "stop_after": (int, type(None)),
    "mask": (str,),
}
_OF_OPTIMIZE = ("steps", "stop_after")


def settings_of(
    order: Order, *, style: Sequence[Ingredient], weights: dict[str, str], quality: int, **more: Any
) -> dict[str, Any]:
    """What is embedded in a painted file.

    Args:
        order: With the device, precision, tile and threads that were really used.
        style: What it was painted in.
        weights: SHA-256 of every file of weights that was used, by name; the style network comes first.
        quality: Of the file.
        more: Anything else worth telling, such as the source.
    """
    told = [key for key in _KINDS if key not in _OF_OPTIMIZE or order.method == "optimize"]
    own = {key: getattr(order, key) for key in told if key != "mask" or order.mask is not None}
    return {
        "mapsto": mapsto.__version__,
        "command": "style",
        "style": [part.said for part in style],
        **own,
        "weights": weights,
        "quality": quality,
        **more,
    }


def order_of(settings: dict[str, Any]) -> Order:
    """The order that settings tell of, as yet without its style.

    Raises:
        UnreadableInput: they are not ours, or damaged.
    """
    known = {key: settings[key] for key in _KINDS if key in settings}
    names = list(settings["weights"]) if isinstance(settings.get("weights"), dict) else []
    sound = all(type(value) in _KINDS[key] for key, value in known.items()) and names and _are_parts(settings.get("style"))
    if not sound:
        raise UnreadableInput("The settings in this file are not complete.", "Only files painted by Mapsto can be repeated.")
    return replace(Order(), **known, weights=names[0])


def _are_parts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_part(item) for item in value)


def _is_part(item: object) -> bool:
    if not isinstance(item, dict) or type(item.get("weight")) not in (int, float):
        return False
    texts = [item[key] for key in ("name", "path", "sha256") if key in item]
    return all(isinstance(text, str) for text in texts) and ("name" in item or {"path", "sha256"} <= set(item))


@dataclass(frozen=True)
class Ingredient:
    """One part of a style.

    Args:
        thing: The name of a preset or a learned hand, or a `Picture`.
        weight: Its share, above 0; all of them sum to 1.
        said: What the settings say about it.
    """

    thing: object
    weight: float
    said: dict[str, Any]


def ingredients(
    parts: Sequence[tuple[object, float]],
    max_pixels: int = 64 * MEGA,
    *,
    use_hands: bool = True,
    network: str | Path = "style-s",
) -> list[Ingredient]:
    """Read the pictures in a style; a picture whose hand was learned becomes that hand.

    Args:
        parts: As `mapsto.image.styles.parts_of` returns them.
        max_pixels: Largest picture that is read.
        use_hands: Whether learned hands are wanted; optimising looks at the picture itself.
        network: The weights to paint with: hands that were learned on others are passed over.
    """
    from mapsto.image.hands import base_of

    base = weights.digest(base_of(network)) if use_hands else None
    return [_ingredient(part, weight, max_pixels, base) for part, weight in parts if weight > 0]


def _ingredient(part: object, weight: float, max_pixels: int, base: str | None) -> Ingredient:
    from mapsto.image import hands
    from mapsto.media.picture import Picture

    said: dict[str, Any] = {"weight": weight}
    thing = part
    if isinstance(part, Path):
        thing = Picture.of(part, max_pixels)  # before the digest: it says better what is wrong with a file
        said |= {"path": str(part), "sha256": sha256(part)}
        thing = (hands.name_of(part, base) if base else None) or thing
    if isinstance(thing, str):
        said["name"] = thing
        if (hand := hands.path_of(thing)).is_file():
            said["hand_sha256"] = sha256(hand)
    return Ingredient(thing, weight, said)
