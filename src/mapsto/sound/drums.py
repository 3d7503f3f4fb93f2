"""Nine drums, each a model fitted to one stroke: a gliding tone, modes that ring, and noise.

    D drums   T times   P modes   M noise bands   N samples

A kick or a tom is mostly one tone that falls; a cymbal is dozens of modes that belong to no series; a hat is noise. All three
are kept as levels over time, so that a stroke takes no more than a note to make, and no two strokes are quite the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mapsto import weights
from mapsto.errors import UsageError, nearest
from mapsto.sound.analysis import BAND_HZ, BANDS, NOISE_UNIT_HZ, RATE_HZ
from mapsto.sound.synthesis import BLOCK, HOP, additive, resampled, shaped_noise

Floats = NDArray[np.float64]

MODES = 96
FLOOR_DB = -120.0
TILT_DB = 9.0
"""How much duller a soft stroke is than a hard one, above `TILT_HZ`."""

TILT_HZ = 2000.0
SOFTEST_DB = 34.0
"""How far below the hardest stroke the softest is."""


def _times() -> Floats:
    """0 to 3 s, 1 ms apart at first, then each step 9 % longer, up to 80 ms."""
    found, step = [0.0], 0.001
    while found[-1] < 2.95:
        found.append(found[-1] + step)
        step = min(step * 1.09, 0.08)
    return np.array(found)


TIMES = _times()


class DrumKit(nn.Module):
    """Strokes by the name of the drum.

    Args:
        names: Of the drums.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"names": list(names)}
        self.names = tuple(names)
        count = len(names)
        self.tone_hz: Tensor
        self.tone_db: Tensor
        self.modes_hz: Tensor
        self.modes_db: Tensor
        self.noise_db: Tensor
        self.seconds: Tensor
        self.register_buffer("tone_hz", torch.full((count, len(TIMES)), 100.0))
        self.register_buffer("tone_db", torch.full((count, len(TIMES)), FLOOR_DB))
        self.register_buffer("modes_hz", torch.full((count, MODES), 1000.0))
        self.register_buffer("modes_db", torch.full((count, len(TIMES), MODES), FLOOR_DB))
        self.register_buffer("noise_db", torch.full((count, len(TIMES), BANDS), FLOOR_DB))
        self.register_buffer("seconds", torch.ones(count))

    @classmethod
    def from_pretrained(cls, name: str | Path = "drums") -> DrumKit:
        """By the name of the weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
        """
        kit = weights.load(name, expect="DrumKit")
        assert isinstance(kit, cls)
        return kit

    @torch.no_grad()
    def stroke(self, drum: str, *, velocity: float = 0.8, seed: int = 0) -> Tensor:
        """[N] at `RATE_HZ`.

        Args:
            drum: One of `names`.
            velocity: How hard, in [0, 1]: softer is quieter and duller.
            seed: Of phases and noise.

        Raises:
            UsageError: an unknown drum, or a velocity out of range.
        """
        if drum not in self.names:
            raise UsageError(f"There is no drum called {drum!r}.", f"Perhaps {' or '.join(nearest(drum, list(self.names)))}?")
        if not 0 <= velocity <= 1:
            raise UsageError(f"A velocity of {velocity:g} is out of range.", "It goes from 0 to 1.")
        which, generator = self.names.index(drum), torch.Generator().manual_seed(seed)
        samples = math.ceil(float(self.seconds[which]) * RATE_HZ / HOP) * HOP
        times = torch.tensor(TIMES).float()
        edges = torch.arange(samples // BLOCK + 1) * (BLOCK / RATE_HZ)
        softer = (1 - velocity) * SOFTEST_DB
        parts = [self._tone(which, times, samples), self._modes(which, times, edges, velocity, generator)]
        dull = _dullness(torch.tensor(BAND_HZ).float(), velocity)
        noise = resampled(self.noise_db[which] - dull, times, edges[:: HOP // BLOCK])
        parts.append(shaped_noise(noise[None], torch.randn(1, samples, generator=generator))[0])
        return _ended(torch.stack(parts).sum(0) * 10 ** (-softer / 20))

    def _tone(self, which: int, times: Tensor, samples: int) -> Tensor:
        """[N]: one sine that glides."""
        at = torch.arange(samples) / RATE_HZ
        hz = resampled(self.tone_hz[which][:, None], times, at)[:, 0].double()
        level = 10 ** (resampled(self.tone_db[which][:, None], times, at)[:, 0] / 20)
        return level * torch.sin(torch.cumsum(2 * math.pi / RATE_HZ * hz, 0)).float()

    def _modes(self, which: int, times: Tensor, edges: Tensor, velocity: float, generator: torch.Generator) -> Tensor:
        """[N]: sines that each ring in their own time."""
        hz = self.modes_hz[which]
        level = 10 ** (resampled(self.modes_db[which] - _dullness(hz, velocity), times, edges) / 20)
        return additive(level[None], hz[None], 2 * math.pi * torch.rand(1, MODES, generator=generator))[0]


def _dullness(hz: Tensor, velocity: float) -> Tensor:
    """dB that a softer stroke lacks at each frequency."""
    return TILT_DB * (1 - velocity) * torch.log2(hz / TILT_HZ).clamp(0, 2)


def _ended(x: Tensor) -> Tensor:
    fade = round(0.03 * RATE_HZ)
    x[-fade:] *= 0.5 + 0.5 * torch.cos(math.pi * (torch.arange(fade) + 1) / fade)
    return x


# ---- fitting ----


def fit(kit: DrumKit, drum: str, samples: Floats, *, tone_below_hz: float = 0.0) -> None:
    """Set a drum of a kit from one stroke.

    Args:
        kit: Which.
        drum: One of its names.
        samples: [N] at `RATE_HZ`, from the onset.
        tone_below_hz: Below it the stroke is one gliding tone; 0 for none.
    """
    which = kit.names.index(drum)
    x = np.pad(samples, (0, max(0, round(3.2 * RATE_HZ) - len(samples))))[: round(3.2 * RATE_HZ)]
    level = 10 * np.log10(np.convolve(x**2, np.ones(882) / 882, "same") + 1e-14)
    kit.seconds[which] = float(np.clip((np.nonzero(level > level.max() - 66)[0].max() + 1) / RATE_HZ, 0.08, 2.9))
    if tone_below_hz:
        hz, decibels, x = gliding_tone(x, tone_below_hz)
        kit.tone_hz[which], kit.tone_db[which] = torch.tensor(hz), torch.tensor(decibels)
    found, levels = ringing_modes(x, lowest_hz=max(tone_below_hz, 60.0))
    kit.modes_hz[which, : len(found)] = torch.tensor(found)
    kit.modes_db[which, :, : len(found)] = torch.tensor(levels)
    kit.noise_db[which] = torch.tensor(noise_beside(x, found, levels))


def gliding_tone(x: Floats, below_hz: float) -> tuple[Floats, Floats, Floats]:
    """Frequency and level in dB at `TIMES` of what lies below a frequency, and what lies above it."""
    pad = 4096
    size = 1 << (len(x) + 2 * pad).bit_length()
    hz = np.fft.fftfreq(size, 1 / RATE_HZ)
    spectrum = np.fft.fft(np.concatenate([-x[pad:0:-1], x]), size)  # mirrored about its beginning, so that it starts whole
    edge = np.clip((below_hz * 1.15 - np.abs(hz)) / (0.3 * below_hz), 0, 1)
    analytic = np.fft.ifft(2 * spectrum * (hz > 0) * (0.5 - 0.5 * np.cos(math.pi * edge)))[pad : pad + len(x)]
    turned = np.angle(analytic[1:] * analytic[:-1].conj()) * RATE_HZ / (2 * math.pi)
    power = np.abs(analytic[1:]) ** 2
    smooth = np.hanning(130)[1:-1]
    steady = np.convolve(np.pad(turned * power, 64, mode="edge"), smooth, "same") / np.maximum(
        np.convolve(np.pad(power, 64, mode="edge"), smooth, "same"), 1e-14
    )
    at = (TIMES * RATE_HZ).astype(int).clip(0, len(turned) - 1)
    level = np.sqrt(np.convolve(np.pad(power, 16, mode="edge"), np.hanning(34)[1:-1] / np.hanning(34).sum(), "same"))[16:-16]
    decibels = np.maximum(20 * np.log10(level[at] + 1e-9), FLOOR_DB)
    return steady[64:-64][at].clip(20, 1.3 * below_hz), decibels, x - analytic.real


def ringing_modes(x: Floats, lowest_hz: float) -> tuple[Floats, Floats]:
    """Frequencies [P′] of the highest peaks of the spectrum, and their levels at `TIMES` in dB [T, P′]."""
    part = x[round(0.01 * RATE_HZ) : round(0.8 * RATE_HZ)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17))
    hz = np.arange(len(spectrum)) * RATE_HZ / (1 << 17)
    width = round(400 / (RATE_HZ / (1 << 17)))
    around = np.exp(np.convolve(np.log(spectrum + 1e-9), np.ones(width) / width, "same"))
    standing = (spectrum / around) * ((hz > lowest_hz) & (hz < 16_000)) * (spectrum > spectrum.max() * 1e-3)
    chosen: list[float] = []
    for place in np.argsort(-standing * (spectrum**0.5)):
        if len(chosen) == MODES or standing[place] < 4.0:
            break
        if all(abs(hz[place] - other) > 25 for other in chosen):
            chosen.append(float(hz[place]))
    found = np.array(sorted(chosen))
    levels = np.full((len(TIMES), len(found)), FLOOR_DB)
    for number, time in enumerate(TIMES):
        size = round(RATE_HZ * min(max(2 * time, 0.012), 0.08))
        cut, window = _cut(x, time, size), np.hanning(size + 2)[1:-1]
        wave = np.exp(-2j * math.pi * np.outer(np.arange(size), found / RATE_HZ))
        levels[number] = 20 * np.log10(2 * np.abs((cut * window) @ wave) / window.sum() + 1e-9)
    steady = (TIMES > 0.03) & (TIMES < 0.09)
    first = levels[steady].max(0) + 3  # early windows are too short to tell a mode from what lies beside it
    return found, np.maximum(np.minimum(levels, first), FLOOR_DB)


def noise_beside(x: Floats, modes_hz: Floats, modes_db: Floats) -> Floats:
    """[T, M] dB: what is in each band beside the modes."""
    mel = np.log(1 + BAND_HZ / 700)
    found = np.full((len(TIMES), BANDS), FLOOR_DB)
    for number, time in enumerate(TIMES):
        size = 256 if time < 0.006 else 512 if time < 0.03 else 1536 if time < 0.08 else 4096
        window = np.hanning(size + 2)[1:-1]
        begins = round(time * RATE_HZ) - size // 2
        heard = (window**2)[max(0, -begins) :].sum()  # what lies before the stroke is no part of it
        power = 2 * np.abs(np.fft.rfft(_cut(x, time, size) * window)) ** 2 / (RATE_HZ * heard)
        hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
        at = np.log(1 + hz / 700)
        near = np.abs(hz[:, None] - modes_hz[None]) < 1.6 * RATE_HZ / size  # [bins, P]
        taken = near * (10 ** (modes_db[number] / 10) / 2 / np.maximum(near.sum(0), 1) / (RATE_HZ / size))
        power = np.maximum(power - taken.sum(1), 0.1 * power)
        apart = np.abs(mel[:, None] - at)
        free = np.where(near.any(1), 0.02, 1.0) if size == 4096 else np.ones(len(hz))  # long windows see between the modes
        faint = 1e-6 * np.exp(-(apart - apart.min(1, keepdims=True)) * 50)  # the nearest bin where none is near
        nearness = free * (np.exp(-0.5 * (apart / (mel[1] - mel[0])) ** 2) + faint)
        density = (nearness @ power) / nearness.sum(1)
        found[number] = 10 * np.log10(density * NOISE_UNIT_HZ + 1e-12)
    return np.asarray(found)


def _cut(x: Floats, time: float, size: int) -> Floats:
    """`size` samples about a time, 0 outside."""
    first = round(time * RATE_HZ) - size // 2
    part = np.zeros(size)
    begin, end = max(first, 0), min(first + size, len(x))
    part[begin - first : end - first] = x[begin:end]
    return part
