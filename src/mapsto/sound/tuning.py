"""The pitch of a recorded note: how high, how stiff the string, how it wavers; and the note with the wavering taken out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE_HZ = 44_100
TRACK_SECONDS = 0.0025
"""From one measured pitch to the next."""

MOST_CENTS = 80.0
LOWEST_HZ, HIGHEST_HZ = 27.0, 4500.0
"""Pitches that are heard in a note of which nothing is known: a piano's."""

MOMENTS = 12
UNLIKE = 0.25
"""Of periods that follow each other, above which there is no pitch."""


def pitch(x: Floats, near_hz: float, *, stiff: bool = True) -> tuple[float, float]:
    """f₀ and B by the frequencies of the loudest partials in the first second and a half after the attack."""
    part = x[round(0.08 * RATE_HZ) : round(1.6 * RATE_HZ)]
    if len(part) < 4096:
        part = x
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 4 * len(part)))
    step = RATE_HZ / (4 * len(part))
    f0, b = near_hz, 0.0
    for most in (1, 2, 3, 5, 8, 12, 18, 26, 36) if stiff else (1, 2, 3, 5, 8):
        found = [_peak(spectrum, step, _stretched(f0, b, k), 0.03 * k * f0 if k < 4 else 0.35 * f0) for k in range(1, most + 1)]
        k = np.arange(1, most + 1)
        hz, level = np.array(found).T
        weight = np.maximum(0, np.log10(level / spectrum.max() + 1e-9) + 3.0)  # what is 60 dB down tells nothing
        if (weight > 0).sum() < 1:
            continue
        if stiff and (weight > 0).sum() >= 4:
            slope, middle = np.polyfit(k**2, (hz / k) ** 2, 1, w=weight / (hz / k))
            b = float(np.clip(slope / middle, 0, 0.01))
            f0 = math.sqrt(max(middle, (0.95 * near_hz) ** 2))
        else:
            f0 = float((weight * hz / k).sum() / weight.sum())
        f0 = float(np.clip(f0, near_hz * 2 ** (-0.7 / 12), near_hz * 2 ** (0.7 / 12)))
    return f0, b


def wavering(x: Floats, f0: float) -> Floats:
    """Cents above f₀ every `TRACK_SECONDS`, by how the phases of the first six partials turn; 0 where nothing sounds."""
    size = round(RATE_HZ * max(4 / f0, 0.012))
    hop = round(TRACK_SECONDS * RATE_HZ)
    window = np.hanning(size + 2)[1:-1]
    pad = np.pad(x, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(pad, size)[: len(x) : hop]
    partials = [k for k in range(1, 7) if k * f0 < 6000] or [1]
    turned, weights = [], []
    for k in partials:
        turn = 2 * math.pi * k * f0 / RATE_HZ
        found = frames @ (window * np.exp(-1j * turn * np.arange(size))).astype(np.complex64)
        step = found[1:] * found[:-1].conj() * np.exp(-1j * turn * hop)
        turned.append(step / np.abs(step).clip(1e-12) ** 0.5)
        weights.append(np.angle(step) / (turn * hop))
    power = np.abs(np.array(turned)) ** 2
    ratio = (power * np.array(weights)).sum(0) / power.sum(0).clip(1e-12)
    cents = 1200 * np.log2(1 + ratio.clip(-0.2, 0.2))
    loud = power.sum(0) > power.sum(0).max() * 1e-5
    smooth = np.hanning(15)[1:-1]
    cents = np.convolve(np.where(loud, cents, 0), smooth / smooth.sum(), "same")
    return np.asarray(cents.clip(-MOST_CENTS, MOST_CENTS))


def straightened(x: Floats, cents: Floats) -> Floats:
    """The note read slower where it was too high, so that its pitch stays."""
    at = (np.arange(len(cents)) + 0.5) * round(TRACK_SECONDS * RATE_HZ)
    speed = 2 ** (np.interp(np.arange(len(x)), at, cents) / 1200)
    phase = np.concatenate([[0.0], np.cumsum(speed)[:-1]])
    fine = _finer(x)
    return np.interp(np.interp(np.arange(len(x)), phase, np.arange(len(x))), np.arange(len(fine)) / 4, fine)


def modes(x: Floats, f0: float, count: int) -> Floats:
    """[count] cents from k·f₀ to what rings loudest in half a pitch around it; NaN where it is 60 dB below the loudest."""
    part = x[round(0.01 * RATE_HZ) : round(1.6 * RATE_HZ)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 4 * len(part)))
    step = RATE_HZ / (4 * len(part))
    found = np.full(count, math.nan)
    for k in range(1, count + 1):
        hz, level = _peak(spectrum, step, k * f0, 0.49 * f0)
        if level > 1e-3 * spectrum.max():
            found[k - 1] = 1200 * math.log2(hz / (k * f0))
    return found


def heard(x: Floats) -> float | None:
    """Hz of a note, None where there is no pitch: of several moments after the attack, what most agree on.

    By the square difference with itself, normalised by its running mean (de Cheveigné & Kawahara 2002, YIN, steps 2 to 5).
    """
    size = 2 * round(RATE_HZ / LOWEST_HZ)
    begins = range(round(0.05 * RATE_HZ), max(1, len(x) - 2 * size), max(1, (len(x) - 2 * size) // MOMENTS))
    loud = float(np.abs(x).max())
    found = [_period(x[begin : begin + 2 * size]) for begin in begins if np.abs(x[begin : begin + size]).max() > 0.02 * loud]
    periods = [period for period, unlike in found if unlike < UNLIKE]
    if len(periods) < max(1, len(found) / 2):
        return None
    middle = float(np.median(periods))
    agree = [period for period in periods if abs(math.log2(period / middle)) < 0.5 / 12]
    return RATE_HZ / float(np.median(agree)) if len(agree) >= 0.6 * len(periods) else None


def _period(x: Floats) -> tuple[float, float]:
    """Samples of a period, and how unlike two are that follow each other: 0 for the same, 1 for any."""
    size = len(x) // 2
    shortest = max(2, round(RATE_HZ / HIGHEST_HZ))
    spectrum = np.fft.rfft(x, 4 * size)
    alike = np.fft.irfft(spectrum * np.fft.rfft(x[:size], 4 * size).conj())[:size]
    power = np.concatenate([[0.0], np.cumsum(x**2)])
    apart = power[size] + (power[size : 2 * size] - power[:size]) - 2 * alike
    normal = apart * np.arange(size) / np.maximum(np.cumsum(np.concatenate([[0.0], apart[1:]])), 1e-12)
    normal[:shortest] = 1.0
    below = np.nonzero(normal < max(0.1, 1.2 * float(normal[shortest:].min())))[0]
    at = int(below[0]) if len(below) else int(normal.argmin())
    while at + 1 < size and normal[at + 1] < normal[at]:
        at += 1
    if not 0 < at < size - 1:
        return float(max(at, 1)), 1.0
    left, middle, right = normal[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return at + (0.5 * (left - right) / bend if bend > 0 else 0.0), float(middle)


def clarity(x: Floats, partials: Floats) -> float:
    """The share of energy that stands in narrow lines at the partials."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    per_bin = RATE_HZ / len(x)
    lines = partials[:40][partials[:40] < 15_000] / per_bin
    near = np.abs(lines[:, None] + np.arange(-4, 5)).round().astype(int).clip(0, len(spectrum) - 1)
    return float(spectrum[near].sum() / spectrum.sum())


def vibrato(cents: Floats) -> tuple[float, float]:
    """Cents up and down, and times a second, of the regular part between 3 and 9 a second, from 0.4 s on."""
    part = cents[round(0.4 / TRACK_SECONDS) :]
    if len(part) * TRACK_SECONDS < 1.0:
        return 0.0, 5.5
    window = np.hanning(len(part))
    spectrum = np.abs(np.fft.rfft((part - part.mean()) * window, 8 * len(part)))
    hz = np.arange(len(spectrum)) / (8 * len(part) * TRACK_SECONDS)
    inside = (hz > 3) & (hz < 9)
    top = int(np.argmax(np.where(inside, spectrum, 0)))
    return float(2 * spectrum[top] / window.sum()), float(hz[top])


def _finer(x: Floats) -> Floats:
    """Four times as many samples."""
    spectrum = np.fft.rfft(x)
    return np.asarray(np.fft.irfft(np.pad(spectrum, (0, 2 * len(x) + 1 - len(spectrum))), 4 * len(x)) * 4)


def _stretched(f0: float, b: float, k: int) -> float:
    return f0 * k * math.sqrt(1 + b * k * k)


def _peak(spectrum: Floats, step: float, hz: float, reach: float) -> tuple[float, float]:
    """Frequency and height of the highest point near `hz`, between bins by a parabola."""
    low = max(1, round((hz - reach) / step))
    high = min(len(spectrum) - 2, round((hz + reach) / step))
    if high <= low:
        return hz, 0.0
    top = low + int(np.argmax(spectrum[low : high + 1]))
    left, middle, right = np.log(spectrum[top - 1 : top + 2] + 1e-12)
    bend = left - 2 * middle + right
    return (top + (0.5 * (left - right) / bend if bend < 0 else 0.0)) * step, float(spectrum[top])
