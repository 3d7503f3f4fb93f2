"""How loud a sound is, and making it as loud as wanted: ITU-R BS.1770-4 loudness and true peak.

C channels   N samples
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mapsto.media.audio import Sound

Floats = NDArray[np.float64]

TARGET_LUFS = -16.0
CEILING_DB = -1.0
MOST_LIMITED_DB = 6.0
"""What peaks may be pressed down by; where that is too little, the whole stays quieter than wanted."""

OVERSAMPLED = 4
LOOK_SECONDS = 0.004


def loudness(sound: Sound) -> float:
    """Integrated loudness in LUFS, gated; −∞ for silence. All channels count alike, as left and right do.

    Blocks of 0.4 s, three quarters overlapping; those below −70 LUFS, and then those 10 LU below the mean of the rest, do not
    count. What is shorter than a block is taken as one.
    """
    weighted = k_weighted(sound.samples.astype(np.float64), sound.rate_hz)
    block, hop = round(0.4 * sound.rate_hz), round(0.1 * sound.rate_hz)
    sums = np.concatenate([[0.0], np.cumsum((weighted**2).sum(0))])
    if len(sums) - 1 < block:
        power = np.array([sums[-1] / max(1, len(sums) - 1)])
    else:
        starts = np.arange(0, len(sums) - block, hop)
        power = (sums[starts + block] - sums[starts]) / block
    kept = power[power > _power(-70.0)]
    if not len(kept):
        return -math.inf
    kept = kept[kept > _power(_lufs(float(kept.mean())) - 10)]
    return _lufs(float(kept.mean()))


def k_weighted(x: Floats, rate_hz: int) -> Floats:
    """[C, N] through the filter of BS.1770: a shelf for the head, and a high-pass.

    The two biquads are applied as their frequency response, after padding by a second, in which they fade by far.
    """
    size = 1 << (x.shape[1] + rate_hz).bit_length()
    z = np.exp(-2j * math.pi * np.arange(size // 2 + 1) / size)
    response = np.ones_like(z)
    for b, a in (_shelf(rate_hz), _high_pass(rate_hz)):
        response = response * np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
    return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * response, size)[:, : x.shape[1]])


def true_peak_db(sound: Sound) -> float:
    """The highest point between samples too, in dB of full scale, by four times as many samples; −∞ for silence."""
    quiet = 0.5 * float(np.abs(sound.samples).max(initial=0.0))
    top = max((float(_peaks(channel.astype(np.float64), quiet).max(initial=0.0)) for channel in sound.samples), default=0.0)
    return 20 * math.log10(top) if top > 0 else -math.inf


def normalised(sound: Sound, *, lufs: float = TARGET_LUFS, ceiling_db: float = CEILING_DB) -> Sound:
    """As loud as wanted, with a true peak no higher than allowed.

    Where peaks would be too high they are pressed down, by a gain that moves no faster than 4 ms, up to `MOST_LIMITED_DB`;
    beyond that everything becomes quieter. Silence stays silence.

    Args:
        sound: Anything.
        lufs: Integrated loudness wanted.
        ceiling_db: Of the true peak.
    """
    now = loudness(sound)
    if now == -math.inf:
        return sound
    gain_db = min(lufs - now, ceiling_db + MOST_LIMITED_DB - true_peak_db(sound))
    louder = sound.samples.astype(np.float64) * 10 ** (gain_db / 20)
    limited = _limited(louder, 10 ** (ceiling_db / 20), sound.rate_hz)
    result = Sound(limited.astype(np.float32), sound.rate_hz)
    over = true_peak_db(result) - (ceiling_db - 0.02)
    return result if over <= 0 else Sound((limited * 10 ** (-over / 20)).astype(np.float32), sound.rate_hz)


def _limited(x: Floats, ceiling: float, rate_hz: int) -> Floats:
    """[C, N] times a gain that is low enough at every peak, and smooth: the least of its neighbourhood, then its mean there."""
    peaks = np.max([_peaks(channel, 0.5 * ceiling) for channel in x], axis=0)
    if peaks.max(initial=0.0) <= ceiling:
        return x
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-12))
    reach = max(1, round(LOOK_SECONDS * rate_hz))
    padded = np.pad(needed, reach, constant_values=1.0)
    least = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(1)
    bell = np.hanning(2 * reach + 3)[1:-1]
    smooth = np.convolve(np.pad(least, reach, mode="edge"), bell / bell.sum(), "valid")
    return np.asarray(x * smooth)


def _peaks(x: Floats, quiet: float) -> Floats:
    """[N] the highest of each sample and the three points after it, by transforms of overlapping pieces.

    Pieces that never exceed `quiet` are not looked at: between samples they are nowhere near twice as high.
    """
    found = np.abs(x)
    size, edge = 1 << 15, 1 << 10
    piece = size - 3 * edge
    for begin in range(0, len(x), piece):
        stop = min(begin + piece, len(x))
        if found[begin:stop].max() <= quiet:
            continue
        first = max(0, begin - edge)
        spectrum = np.fft.rfft(x[first : stop + edge], size)
        spectrum[-1] *= 0.5
        fine = np.fft.irfft(np.pad(spectrum, (0, (OVERSAMPLED - 1) * size // 2)), OVERSAMPLED * size) * OVERSAMPLED
        between = np.abs(fine).reshape(-1, OVERSAMPLED).max(1)
        found[begin:stop] = np.maximum(found[begin:stop], between[begin - first : stop - first])
    return np.asarray(found)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf


def _shelf(rate_hz: int) -> tuple[Floats, Floats]:
    """The first stage at any rate: at 48 kHz the coefficients that BS.1770 prints, by the bilinear transform."""
    k = math.tan(math.pi * 1681.974450955533 / rate_hz)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / q + k * k
    b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]) / scale
    return b, np.array([scale, 2 * (k * k - 1), 1 - k / q + k * k]) / scale


def _high_pass(rate_hz: int) -> tuple[Floats, Floats]:
    """The second stage, likewise."""
    k = math.tan(math.pi * 38.13547087602444 / rate_hz)
    q = 0.5003270373238773
    scale = 1 + k / q + k * k
    return np.array([1.0, -2.0, 1.0]), np.array([scale, 2 * (k * k - 1), 1 - k / q + k * k]) / scale
