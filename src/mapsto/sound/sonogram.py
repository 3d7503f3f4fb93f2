"""A sound as a picture: its spectrogram, with what time, frequency and colours stand for.

Frequencies are spaced by the mel scale, as an ear tells them apart; `PICTURE_RANGE_DB` below the loudest point all is black.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mapsto.files import atomic
from mapsto.media.audio import Sound
from mapsto.media.metadata import dumped
from mapsto.media.picture import Picture
from mapsto.sound.drawing import Box, Drawing, Raster, Shape, Words, painted, svg_of
from mapsto.sound.layout import INK, MARGIN, PAPER, RULE, SOFT
from mapsto.sound.loudness import loudness
from mapsto.sound.spectrum import PICTURE_BANDS, PICTURE_RANGE_DB, coloured, spectrogram

LEAST, MOST, A_SECOND = 480, 1440, 100
"""Width of the spectrogram in pixels, and columns a second between."""

LEFT, TOP, BAR, AIR = 44, 30, 12, 18
"""Room for frequencies, for the title, width of the bar of colours, and the space before it."""

SHOWN_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
LOWEST_HZ = 30.0
APART = 11
"""Pixels from one frequency to the next, at least."""

DECIBELS = 15
"""From one number beside the colours to the next."""


def drawing_of(sound: Sound) -> Drawing:
    """The spectrogram of a sound, all channels together: time to the right, frequency upwards, light is loud."""
    columns = int(min(max(A_SECOND * sound.seconds, LEAST), MOST))
    light = spectrogram(torch.from_numpy(sound.mono().samples[0]), sound.rate_hz, columns=columns)
    image = Image.fromarray((light.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
    left, top, height = MARGIN + LEFT, MARGIN + TOP, PICTURE_BANDS
    width = left + columns + AIR + BAR + 40 + MARGIN
    drawing = Drawing(width, top + height + 28 + MARGIN, PAPER)
    drawing.shapes += [
        Words(left, MARGIN + 8, _title(sound), 13, SOFT),
        Raster(left, top, columns, height, image),
        *_frequencies(sound, left, top, height),
        *_seconds(sound, left, top + height, columns),
        *_colours(left + columns + AIR, top, height),
    ]
    return drawing


def _title(sound: Sound) -> str:
    lufs = loudness(sound)
    loud = "silence" if lufs == -math.inf else f"loudness {lufs:.1f} LUFS"
    return f"{sound.seconds:.3g} s · {sound.rate_hz / 1000:g} kHz · {loud}"


def _frequencies(sound: Sound, left: float, top: float, height: float) -> Iterator[Shape]:
    low, high = _mel(LOWEST_HZ), _mel(sound.rate_hz / 2)
    above = -math.inf
    for hz in reversed([hz for hz in SHOWN_HZ if hz < sound.rate_hz / 2]):
        y = top + height * (1 - (_mel(hz) - low) / (high - low))
        if y - above >= APART:  # the lowest lie close together
            yield Box(left - 5, y - 0.5, 5, 1, RULE)
            yield Words(left - 8, y, f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", 10, SOFT, "end")
            above = y


def _seconds(sound: Sound, left: float, bottom: float, columns: int) -> Iterator[Shape]:
    step = next(each for each in _steps() if columns * each / sound.seconds >= 56)
    for number in range(int(sound.seconds / step + 1e-9) + 1):
        x = left + columns * min(1.0, number * step / sound.seconds)
        yield Box(x - 0.5, bottom, 1, 5, RULE)
        yield Words(x, bottom + 14, _clock(number * step, step), 10, SOFT, "middle")


def _steps() -> Iterator[float]:
    """0.001, 0.002, 0.005, 0.01 … 0.5, and then what divides a minute or an hour."""
    for power in (-3, -2, -1):
        yield from (digit * 10.0**power for digit in (1, 2, 5))
    yield from (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
    yield from (3600.0 * 2**power for power in range(40))


def _clock(seconds: float, step: float) -> str:
    """A time as it is read below the picture: 0.25 s, 3 s, 1:30."""
    if step < 10:
        return f"{round(seconds, 3):g} s"
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def _colours(left: float, top: float, height: float) -> Iterator[Shape]:
    """What the colours stand for, in decibels below the loudest point."""
    light = coloured(torch.linspace(1, 0, int(height))[:, None])
    yield Raster(left, top, BAR, height, Image.fromarray(np.uint8((light.permute(1, 2, 0) * 255).round().numpy())))
    for decibels in range(0, int(PICTURE_RANGE_DB) + 1, DECIBELS):
        y = top + height * decibels / PICTURE_RANGE_DB
        yield Words(left + BAR + 5, y, f"-{decibels} dB" if decibels else "0 dB", 10, INK if not decibels else SOFT)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


def write_spectrogram(sound: Sound, path: Path, settings: Mapping[str, Any] | None = None) -> tuple[int, int]:
    """Write it as PNG or SVG, by the suffix; → width and height in pixels.

    Args:
        sound: What is drawn.
        path: Where to.
        settings: What the file says of how the sound was made.

    Raises:
        UsageError: settings that JSON cannot say.
        NoSpace: the disk is full or the place cannot be written.
    """
    drawing = drawing_of(sound)
    if path.suffix.lower() == ".svg":
        content = svg_of(drawing, f"Spectrogram: {_title(sound)}", dumped(settings) if settings else "")
        with atomic(path) as temporary:
            temporary.write_text(content, "utf-8")
        return round(drawing.width), round(drawing.height)
    picture = Picture.of(painted(drawing))
    picture.save(path, settings=settings)
    return picture.size
