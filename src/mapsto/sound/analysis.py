"""A recorded note taken apart: its pitch, its partials over time, the noise between them, and how it ends.

    N samples   T times   K partials   M noise bands

Partial k of a stiff string lies at k·f₀·√(1 + B·k²) (Fletcher 1964); B is 0 for pipes and bowed strings. Partials of bells and
bars lie anywhere: each of the first `DETUNED` is told by how far it is from there. Levels are in dB of full scale. Times are
those of `GRID_SECONDS`: close together in the attack, where everything happens, and wide apart later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapsto.sound import tuning

Floats = NDArray[np.float64]

RATE_HZ = 44_100
PARTIALS = 128
BANDS = 40
HIGHEST_HZ = 19_000.0
FLOOR_DB = -110.0
FLUTTERS = 7
"""Groups of partials whose wavering is told: 1, 2–3, 4–7, … 64–127."""

DETUNED = 32
"""Partials that may lie elsewhere than a string's."""

RINGING = 0.9
"""Share of energy at the partials of a string, below which a note that fades is taken for that of a bell or a bar."""

NOISE_UNIT_HZ = 100.0
"""Noise is told as the level of a band so wide."""


def _grid() -> Floats:
    """0 to 3.4 s: 1.5 ms apart at first, then each step 6 % longer, up to 50 ms."""
    times, step = [0.0], 0.0015
    while times[-1] < 3.35:
        times.append(times[-1] + step)
        step = min(step * 1.06, 0.05)
    return np.array(times)


GRID_SECONDS = _grid()
BAND_HZ: Floats = np.array(
    [
        700 * (10 ** (m / 2595) - 1)
        for m in np.linspace(2595 * math.log10(1 + 40 / 700), 2595 * math.log10(1 + 18e3 / 700), BANDS)
    ]
)
"""Middles of the noise bands, even on the mel scale from 40 Hz to 18 kHz."""


@dataclass(frozen=True)
class Parts:
    """What a note is made of.

    Args:
        f0_hz: Of the first partial, but for stiffness.
        stiffness: B, 0 to 0.01.
        partials_db: [T, K] level of each partial; `FLOOR_DB` where there is none.
        noise_db: [T, M] level of `NOISE_UNIT_HZ` of noise about each band.
        trusted: [T] times at which noise could be told from partials.
        onset: Sample at which it begins.
        release_db_per_second: How fast it fades after it is let go, > 0; NaN where that cannot be told.
        vibrato_cents: Up and down from the middle; 0 for none.
        vibrato_hz: How often.
        flutter_db: [F] how much partials 1, 2, 4 … waver in level, as a standard deviation; NaN where it cannot be told.
        flutter_hz: [F] how often they do.
        detune_cents: [DETUNED] how far each partial is from where a string has it; NaN where there is none.
        straight: [N] the note from its onset with the vibrato taken out: what was measured.
    """

    f0_hz: float
    stiffness: float
    partials_db: Floats
    noise_db: Floats
    trusted: NDArray[np.bool_]
    onset: int
    release_db_per_second: float
    vibrato_cents: float
    vibrato_hz: float
    flutter_db: Floats
    flutter_hz: Floats
    detune_cents: Floats
    straight: Floats


def take_apart(samples: Floats, near_hz: float, held_seconds: float, *, may_ring: bool = False) -> Parts:
    """All parts of a note.

    Args:
        samples: [N] at `RATE_HZ`; it may begin with silence.
        near_hz: Its pitch within half a semitone.
        held_seconds: When it is let go, from its beginning; what comes later only tells how it ends.
        may_ring: It may be of a bell or a bar, whose partials lie anywhere.
    """
    start = onset(samples)
    x = samples[start:].astype(np.float64)
    held = x[: round(held_seconds * RATE_HZ)]
    steady = _level_db(held[-len(held) // 4 :]) > _level_db(held[: len(held) // 4]) - 9
    f0, stiffness = tuning.pitch(held, near_hz, stiff=not steady)
    cents_and_hz = (0.0, 5.5)
    if steady:
        cents = tuning.wavering(held, f0)
        straight = tuning.straightened(held, cents)
        if tuning.clarity(straight, frequencies(f0, 0.0)) > 1.02 * tuning.clarity(held, frequencies(f0, 0.0)):
            held, cents_and_hz = straight, tuning.vibrato(cents)
            f0, stiffness = tuning.pitch(held, f0, stiff=False)
    detune = np.zeros(DETUNED)
    if may_ring and not steady and tuning.clarity(held, frequencies(f0, stiffness)) < RINGING:
        f0, stiffness, detune = near_hz, 0.0, tuning.modes(held, near_hz, DETUNED)
    hz = frequencies(f0, stiffness, detune)
    last = held_seconds - 0.03
    times = GRID_SECONDS[: max(2, int(np.searchsorted(GRID_SECONDS, last)))]
    noise, trusted = noise_levels(held, f0, _between(f0, stiffness) if not detune.any() else _beside(f0, hz), times)
    partials = without_noise(partial_levels(held, f0, hz, times), noise, f0, hz, times)
    wavering = flutter(held, f0, hz)
    release = release_rate(x, held_seconds)
    return Parts(f0, stiffness, partials, noise, trusted, start, release, *cents_and_hz, *wavering, detune, held)


def onset(samples: Floats) -> int:
    """Where a note begins: 2 ms before it first comes within 46 dB of its loudest."""
    size = 64
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    level = np.sqrt((frames.astype(np.float64) ** 2).mean(1))
    first = int(np.argmax(level > level.max() * 10 ** (-46 / 20)))
    return max(0, first * size - round(0.002 * RATE_HZ))


def partial_levels(x: Floats, f0: float, hz: Floats, times: Floats) -> Floats:
    """[T, K] dB: each partial by a Hann window that begins no earlier than the note, of two periods at least."""
    found = np.full((len(times), PARTIALS), FLOOR_DB)
    heard = hz < HIGHEST_HZ
    sizes = _window_sizes(f0, times)
    for size in np.unique(sizes):
        chosen = sizes == size
        window = np.hanning(size + 2)[1:-1]
        level = 2 * np.abs(_cuts(x, times[chosen], size) @ _waves(window, hz[heard])) / window.sum()
        found[np.ix_(chosen, heard)] = np.maximum(20 * np.log10(level + 1e-9), FLOOR_DB)
    return found


def without_noise(partials_db: Floats, noise_db: Floats, f0: float, hz: Floats, times: Floats) -> Floats:
    """[T, K] dB: partials less the noise that came through their windows; what was little more than noise is gone."""
    hz = np.minimum(hz, HIGHEST_HZ)
    mel, bands = np.log(1 + hz / 700), np.log(1 + BAND_HZ / 700)
    right = np.searchsorted(bands, mel).clip(1, BANDS - 1)
    share = ((mel - bands[right - 1]) / (bands[right] - bands[right - 1])).clip(0, 1)
    noise = noise_db[:, right - 1] * (1 - share) + noise_db[:, right] * share
    width = 1.5 * RATE_HZ / _window_sizes(f0, times)  # Hz of noise that a Hann window lets through
    passed = 10 ** ((noise - 10 * math.log10(NOISE_UNIT_HZ)) / 10) * width[:, None] * 2  # as an amplitude, squared
    power = 10 ** (partials_db / 10)
    return np.asarray(np.maximum(10 * np.log10(np.maximum(power - 1.5 * passed, 0.03 * power)), FLOOR_DB))


def noise_levels(x: Floats, f0: float, valleys: tuple[Floats, float], times: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """[T, M] dB: what is left where no partials are, by Blackman–Harris windows of so many periods: see `_between`."""
    hz, periods = valleys
    needed = max(periods / f0, 0.03)
    kernel = _kernel(hz)
    found = np.full((len(times), BANDS), FLOOR_DB)
    trusted = times >= needed / 2
    size = round(RATE_HZ * needed)
    window = _blackman_harris(size)
    if trusted.any():
        power = np.abs(_cuts(x, times[trusted], size) @ _waves(window, hz)) ** 2
        density = 2 * power / (RATE_HZ * (window**2).sum())  # one-sided, per Hz
        # The mean of the logarithm of an exponential variable is 2.51 dB below the logarithm of its mean.
        found[trusted] = (10 * np.log10(density * NOISE_UNIT_HZ + 1e-14) + 2.51) @ kernel.T
        found[~trusted] = found[int(np.argmax(trusted))]
    return np.maximum(found, FLOOR_DB), trusted


def release_rate(x: Floats, held_seconds: float) -> float:
    """dB a second after the note is let go; NaN where it had faded before."""
    size = 441
    level = np.sqrt((x[: len(x) // size * size].reshape(-1, size) ** 2).mean(1)) + 1e-9
    decibels = 20 * np.log10(level)
    at = round(held_seconds * RATE_HZ / size)
    if at + 12 > len(decibels) or decibels[at - 2] < decibels.max() - 45:
        return math.nan
    after = decibels[at + 1 : at + 100]
    fallen = int(np.argmax(after < after[0] - 30)) or len(after)
    if fallen < 3:
        return 1500.0
    return float(max(5.0, -np.polyfit(np.arange(fallen) * size / RATE_HZ, after[:fallen], 1)[0]))


def flutter(x: Floats, f0: float, hz: Floats) -> tuple[Floats, Floats]:
    """[F] dB and [F] Hz: how much, and how often, the levels of partials 1, 2, 4 … waver from 0.4 s on; NaN where unheard."""
    depth, often = np.full(FLUTTERS, math.nan), np.full(FLUTTERS, math.nan)
    times = np.arange(0.4, len(x) / RATE_HZ - 0.1, 0.01)
    if len(times) < 60:
        return depth, often
    size = round(RATE_HZ * max(4 / f0, 0.012))
    window = np.hanning(size + 2)[1:-1]
    cuts = _cuts(x, times, size)
    smooth = np.ones(61) / 61
    for number in range(FLUTTERS):
        chosen = [k for k in range(2**number, 2 ** (number + 1)) if k <= PARTIALS and hz[k - 1] < 12_000][:4]
        if not chosen:
            break
        level = 20 * np.log10(2 * np.abs(cuts @ _waves(window, hz[np.array(chosen) - 1])) / window.sum() + 1e-9)  # [T, chosen]
        rest = level - np.stack([np.convolve(np.pad(line, 30, mode="reflect"), smooth, "valid") for line in level.T], 1)
        heard = level.mean(0) > max(-85.0, level.mean(0).max() - 25)
        if heard.any():
            depth[number] = np.sqrt((rest[:, heard] ** 2).mean())
            often[number] = ((rest[1:, heard] * rest[:-1, heard]) < 0).sum() / (2 * len(times) * 0.01 * heard.sum())
    return depth, often


def _level_db(x: Floats) -> float:
    return 10 * math.log10(float((x**2).mean()) + 1e-12)


def frequencies(f0: float, stiffness: float, detune_cents: Floats | None = None) -> Floats:
    """[K] Hz of the partials."""
    k = np.arange(1, PARTIALS + 1)
    hz = np.asarray(f0 * k * np.sqrt(1 + stiffness * k**2))
    if detune_cents is not None:
        hz[:DETUNED] *= 2 ** (np.nan_to_num(detune_cents) / 1200)
    return hz


def _between(f0: float, stiffness: float) -> tuple[Floats, float]:
    """Where no partials are, in the middle between any two, and how many periods tell it from them: half a partial away."""
    comb = np.concatenate([[0.15, 0.3], np.arange(0.5, PARTIALS)])
    hz = f0 * comb * np.sqrt(1 + stiffness * comb**2)
    return hz[hz < HIGHEST_HZ], 8.0


def _beside(f0: float, hz: Floats) -> tuple[Floats, float]:
    """The same where partials lie anywhere: what is further than an eighth of the pitch from all of them."""
    comb = f0 * np.concatenate([[0.15, 0.3], np.arange(0.5, PARTIALS, 0.25)])
    free = np.abs(comb[:, None] - hz).min(1) > f0 / 8
    return comb[free & (comb < HIGHEST_HZ)], 32.0


def _window_sizes(f0: float, times: Floats) -> NDArray[np.int64]:
    """[T] samples: two to five periods, and no earlier than the note begins where that leaves two."""
    shortest, longest = max(2 / f0, 0.003), max(5 / f0, 0.035)
    return np.asarray(np.round(RATE_HZ * np.clip(2 * times, shortest, longest)).astype(np.int64))


def _cuts(x: Floats, times: Floats, size: int) -> NDArray[np.float32]:
    """[T, size] samples about each time, 0 outside."""
    pad = np.pad(x, (size, size)).astype(np.float32)
    first = np.round(times * RATE_HZ).astype(int) - size // 2 + size
    return np.asarray(np.lib.stride_tricks.sliding_window_view(pad, size)[np.clip(first, 0, len(pad) - size)])


def _waves(window: Floats, hz: Floats) -> NDArray[np.complex64]:
    """[size, K] what a window of samples is multiplied with to tell how much of each frequency it holds."""
    at = np.arange(len(window)) - len(window) // 2
    return np.asarray(window[:, None] * np.exp(-2j * math.pi * np.outer(at, hz / RATE_HZ)), np.complex64)


def _kernel(hz: Floats) -> Floats:
    """[M, points] weights that bring levels at `hz` to the bands: near ones count, and the nearest where none is near."""
    mel, bands = np.log(1 + hz / 700), np.log(1 + BAND_HZ / 700)
    width = bands[1] - bands[0]
    apart = np.abs(bands[:, None] - mel[None])
    weight = np.exp(-0.5 * (apart / width) ** 2) + 1e-6 * np.exp(-(apart - apart.min(1, keepdims=True)) / (0.2 * width))
    return np.asarray(weight / weight.sum(1, keepdims=True))


def _blackman_harris(size: int) -> Floats:
    """Four terms: nothing that is four bins away leaks by more than −92 dB (Harris 1978)."""
    n = 2 * math.pi * np.arange(size) / size
    return np.asarray(0.35875 - 0.48829 * np.cos(n) + 0.14128 * np.cos(2 * n) - 0.01168 * np.cos(3 * n))
