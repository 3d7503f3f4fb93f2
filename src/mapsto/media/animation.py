"""Animated GIF, WebP and PNG: whole frames out, whole frames in, timing kept.

    >>> about("cat.gif")
    Animation(frames=12, loop=0, size=(320, 240))
    >>> write_animation("negative.webp", ((p.with_tensor(1 - p.tensor()), ms) for p, ms in frames("cat.gif")), loop=0)

Reading holds one frame at a time; writing holds all of them, since the encoders compare neighbours. Longer films are for video.

GIF counts time in hundredths of a second: durations are rounded so that no frame starts more than half of one off. Neighbouring
frames with equal pixels may come back as one frame that lasts as long as both.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import ImageFile

from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import atomic
from mapsto.media import encoding, opening
from mapsto.media.opening import MAX_PIXELS, Source
from mapsto.media.picture import Picture, image_for, notes_for, picture_of

MAX_ANIMATION_PIXELS = 4_000_000_000
"""Default limit on frames × width × height: a minute of 1080p."""

MAX_FRAME_MS = 600_000
"""Longest time one frame may stand."""

_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")


@dataclass(frozen=True)
class Animation:
    """What the header of a picture says about time.

    Args:
        frames: How many there are; 1 for a still.
        loop: How often it is played; 0 is forever.
        size: Width and height in pixels.
    """

    frames: int
    loop: int
    size: tuple[int, int]


def about(source: Source, max_pixels: int = MAX_PIXELS) -> Animation:
    """Frames, loops and size, without decoding.

    Raises:
        UnreadableInput: as `mapsto.media.picture.read`.
    """
    name = opening.name_of(source)
    with opening.stream(source) as file, opening.header(file, name, max_pixels) as image, opening.guarded(name, max_pixels):
        return _about(image)


def frames(
    source: Source, *, max_pixels: int = MAX_PIXELS, max_total: int = MAX_ANIMATION_PIXELS
) -> Iterator[tuple[Picture, float]]:
    """The frames as a viewer shows them, each with the milliseconds it stands; a still is one frame of 0 ms.

    Args:
        source: A path, the bytes of a file, or a binary file object.
        max_pixels: Limit on width × height.
        max_total: Limit on frames × width × height.

    Raises:
        UnreadableInput: as `mapsto.media.picture.read`, or more than `max_total`; at the damaged frame, not before.
    """
    name = opening.name_of(source)
    with opening.stream(source) as file, opening.header(file, name, max_pixels) as image:
        with opening.guarded(name, max_pixels):
            found = _about(image)
            hidden = int(bool(getattr(image, "default_image", False)))  # an APNG's picture for viewers without animation
        _check_total(found, name, max_total)
        for index in range(hidden, hidden + found.frames):
            with opening.guarded(name, max_pixels):
                frame = _frame(image, index, name)
            yield frame


def _frame(image: ImageFile.ImageFile, index: int, name: str) -> tuple[Picture, float]:
    if index:
        image.seek(index)
    image.load()
    duration = float(image.info.get("duration", 0) or 0)
    return picture_of(image, name, still=False), duration if math.isfinite(duration) and duration >= 0 else 0.0


def _about(image: ImageFile.ImageFile) -> Animation:
    count = int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1
    count -= bool(getattr(image, "default_image", False)) and count > 1
    loop = image.info.get("loop")
    if image.format == "GIF":  # the extension says how often to repeat; without it a GIF plays once
        loop = 1 if loop is None else loop + bool(loop)
    return Animation(count, int(loop or 0) if count > 1 else 1, image.size)


def _check_total(found: Animation, name: str, limit: int) -> None:
    width, height = found.size
    if found.frames * width * height > limit:
        raise UnreadableInput(
            f"{name} has {found.frames} frames of {width} × {height} pixels, more than {limit / 1e6:g} Mpx in all.",
            "Shorten it or make it smaller first.",
        )


def write_animation(
    path: str | os.PathLike[str],
    frames: Iterable[tuple[Picture, float]],
    *,
    loop: int = 0,
    quality: int = 90,
    settings: Mapping[str, Any] | None = None,
    strip: bool = False,
) -> tuple[str, ...]:
    """Write an animation; on any failure what was there before stays.

    Args:
        path: Where, ending in .gif, .webp or .png.
        frames: Pictures of one size, each with the milliseconds it stands, as `frames` yields them.
        loop: How often it is played; 0 is forever.
        quality: 1…100 for WebP; 100 is lossless.
        settings: A JSON object to embed.
        strip: Leave out EXIF, XMP and the settings.

    Returns:
        What was lost, in sentences for people.

    Raises:
        UsageError: no frames, different sizes, a format without animation, or impossible times.
        NoSpace: the disk is full or the place cannot be written.
    """
    into = encoding.format_of(path)
    if into.name not in ("GIF", "WEBP", "PNG"):
        raise UsageError(f"{into.name} holds no animation.", "Write .webp, .png or .gif.")
    shown, durations = _checked(frames)
    timing = _timing(into.name, durations, loop, any(frame.alpha is not None for frame in shown))
    encoding.check_fits(shown[0].size, into)
    said = notes_for(shown[0], into, None if strip else settings, strip)
    first, *rest = (image_for(replace(frame, icc=shown[0].icc), into) for frame in shown)
    content = encoding.encode(first, into, quality, **said, animation={"save_all": True, "append_images": rest, **timing})
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(content)
    return shown[0].losses(into.name)


def _checked(frames: Iterable[tuple[Picture, float]]) -> tuple[list[Picture], list[float]]:
    pairs = list(frames)
    if not pairs:
        raise UsageError("An animation needs at least one frame.")
    if len(sizes := {picture.size for picture, _ in pairs}) > 1:
        raise UsageError(f"The frames of an animation must have one size; these have {sorted(sizes)}.")
    if not all(0 <= duration <= MAX_FRAME_MS for _, duration in pairs):
        raise UsageError(f"A frame must stand from 0 to {MAX_FRAME_MS} ms.")
    return [picture for picture, _ in pairs], [duration for _, duration in pairs]


def _timing(format: str, durations: list[float], loop: int, see_through: bool) -> dict[str, Any]:
    """Pillow's options; every frame replaces the one before wherever something may shine through."""
    if loop < 0:
        raise UsageError(f"An animation cannot be played {loop} times.", "0 is forever.")
    if format == "GIF":
        repeats = {} if loop == 1 else {"loop": max(0, loop - 1)}
        return {"duration": centiseconds(durations), "disposal": 2 if see_through else 1, **repeats}
    if format == "PNG":
        return {"duration": durations, "loop": loop, "disposal": 0, "blend": 0}
    return {"duration": durations, "loop": loop, "method": 4}


def centiseconds(durations: list[float]) -> list[int]:
    """Milliseconds rounded to tens so that each frame *starts* within 5 ms of its time."""
    ends = [0.0]
    for duration in durations:
        ends.append(ends[-1] + duration)
    ticks = [10 * round(end / 10) for end in ends]
    return [after - before for before, after in itertools.pairwise(ticks)]
