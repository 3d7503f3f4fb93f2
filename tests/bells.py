"""Notes to learn instruments from: struck strings and bars that anybody can compute."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapsto.media.audio import Sound
from mapsto.sound.timbre import TimbreVAE

BAR = (1.0, 2.76, 5.40)
"""Partials of a free bar, over the lowest."""


def struck(
    hz: float, ratios: tuple[float, ...] = (1, 2, 3, 4, 5), seconds: float = 0.9, rate_hz: int = 44_100
) -> NDArray[np.float32]:
    """[1, N]: partials that fade by 40 dB a second, each 6 dB below the last."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    rise = np.minimum(1, at / 0.002)
    tones = [
        10 ** (-6 * k / 20) * np.sin(2 * math.pi * hz * r * at + k) for k, r in enumerate(ratios) if hz * r < rate_hz / 2.2
    ]
    return np.asarray((0.3 * rise * 10 ** (-40 * at / 20) * sum(tones))[None], np.float32)


def folder(place: Path, names: tuple[str, ...] = ("A3", "C4", "E4", "A4", "C5")) -> Path:
    """Sound files that are called after their pitches."""
    from mapsto.sound.samples import named_pitch

    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        pitch = named_pitch(name)
        assert pitch is not None
        Sound(struck(440 * 2 ** ((pitch - 69) / 12))).save(place / f"string_{name}.wav")
    return place


def network(names: tuple[str, ...] = ("saw", "square")) -> TimbreVAE:
    """A small one with random weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = TimbreVAE(names, latent=4, width=32)
        torch.nn.init.normal_(found.points)
    return found
