"""Sound from its parts: partials, shaped noise, and the bending of pitch.

    N samples   E edges of blocks of `BLOCK` samples   T times   K partials   M noise bands   B batch

Within a block the phase of a partial is a straight line, so that a block of all partials together is one product of matrices:
[E, 2K] with [2K, BLOCK]. Levels go straight from edge to edge. Vibrato comes after that, by reading the sum faster and slower.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from mapsto.sound.analysis import BAND_HZ, HIGHEST_HZ, NOISE_UNIT_HZ, RATE_HZ

BLOCK = 64
WINDOW, HOP = 512, 128
"""Of the noise, in samples."""

TAPS, PHASES = 16, 2048
"""Of the sinc by which pitch is bent."""


def additive(levels: Tensor, hz: Tensor, phases: Tensor) -> Tensor:
    """Σₖ aₖ(t) cos(2π fₖ t + φₖ).

    Args:
        levels: [B, E, K] amplitudes at the edges of blocks, real or complex.
        hz: [B, K] frequencies; what is above `HIGHEST_HZ` stays silent.
        phases: [B, K] in radians.

    Returns:
        [B, (E − 1) · BLOCK].
    """
    batch, edges, _ = levels.shape
    turn = (2 * math.pi / RATE_HZ) * hz.double()  # radians a sample
    starts = torch.arange(edges - 1, dtype=torch.float64) * BLOCK
    begin = starts[None, :, None] * turn[:, None] + phases.double()[:, None]  # [B, E − 1, K]
    begin = torch.remainder(begin, 2 * math.pi).float()
    within = (torch.arange(BLOCK, dtype=torch.float64) * turn[..., None]).float()  # [B, K, BLOCK]
    wave = torch.cat([within.cos(), -within.sin()], 1)
    cosine, sine = begin.cos(), begin.sin()
    heard = levels * (hz < HIGHEST_HZ)[:, None]

    def swung(level: Tensor) -> Tensor:
        if not level.is_complex():
            return torch.cat([level * cosine, level * sine], 2) @ wave
        real, imaginary = level.real, level.imag
        return torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], 2) @ wave

    ramp = torch.arange(BLOCK) / BLOCK
    return torch.lerp(swung(heard[:, :-1]), swung(heard[:, 1:]), ramp).reshape(batch, -1)


def shaped_noise(noise_db: Tensor, white: Tensor) -> Tensor:
    """White noise filtered to given levels.

    Args:
        noise_db: [B, frames, M] dB of `NOISE_UNIT_HZ` about each band, at every `HOP` samples.
        white: [B, N] of unit variance, N = (frames − 1) · HOP.

    Returns:
        [B, N].
    """
    density = noise_db - 10 * math.log10(NOISE_UNIT_HZ) + 10 * math.log10(RATE_HZ / 2)  # relative to white noise
    gains = torch.exp((math.log(10) / 20) * (density @ _band_to_bin()))  # [B, frames, bins]
    window = torch.hann_window(WINDOW).sqrt()
    spectrum = torch.stft(white, WINDOW, HOP, window=window, return_complex=True, pad_mode="constant")
    return torch.istft(spectrum * gains.mT, WINDOW, HOP, window=window, length=white.shape[-1])


def bent(x: Tensor, offsets: Tensor) -> Tensor:
    """x read at n + offsets[n], by a sinc of `TAPS` samples under a Hann window, kept for `PHASES` places between two samples.

    Args:
        x: [N].
        offsets: [N] in samples, changing slowly.
    """
    at = torch.arange(len(x), dtype=torch.float64) + offsets.double() + 0.5 / PHASES
    whole = at.floor()
    phase = ((at - whole) * PHASES).long()
    windows = F.pad(x, (TAPS, TAPS)).unfold(0, TAPS, 1)  # [N + TAPS + 1, TAPS], without copying
    first = (whole.long() + 1 + TAPS // 2).clamp(0, len(windows) - 1)
    return torch.einsum("nt,nt->n", windows[first], _sincs()[phase])


@lru_cache(maxsize=1)
def _sincs() -> Tensor:
    """[PHASES, TAPS]: weights of the neighbours of a place between two samples."""
    reach = torch.arange(1 - TAPS // 2, TAPS // 2 + 1)
    apart = torch.arange(PHASES)[:, None] / PHASES - reach
    return torch.sinc(apart) * (0.5 + 0.5 * torch.cos(math.pi * apart / (TAPS // 2)))


BEATING = torch.tensor(0.85)
"""Of the second reed, beside the first: their level has a standard deviation of 6 dB, and a mean of 0 dB."""

BELOW = 0.3
"""Of the way between two reeds lies the pitch that is heard: the first is so far below it, as measured of accordions."""

_WAVERING = (
    (0.0, 0.0, 0.0),
    (0.616, 0.1, 0.0),
    (1.242, 0.2, 0.0),
    (1.891, 0.3, 0.0),
    (2.581, 0.4, 0.0),
    (3.272, 0.5, 0.02),
    (3.870, 0.6, 0.08),
    (4.340, 0.7, 0.20),
    (4.682, 0.8, 0.40),
    (4.929, 0.9, 0.65),
    (5.098, 1.0, 0.95),
    (5.298, 1.2, 1.64),
    (5.443, 1.5, 2.75),
)
"""Standard deviation in dB of the level of 1 + m·w, for m, and the mean of that level in dB: by a million draws."""


def fluttering(
    depth_db: Tensor, often_hz: Tensor, count: int, step_seconds: float, generator: torch.Generator, *, beats: float = 0.0
) -> Tensor:
    """[count, K] complex factors whose levels waver about 0 dB, as those of several voices together do.

    1 + m·w, where w is a slow complex Gaussian; m follows from the depth, and the mean of the level is taken out (`_WAVERING`).
    No m gives more than 5.57 dB. Two reeds beat instead: w turns steadily, m is `BEATING`, and the pitch lies between them.

    Args:
        depth_db: [K] standard deviations; 0 gives 1.
        often_hz: [K] how often the level wavers.
        count: How many factors.
        step_seconds: From one to the next.
        generator: Draws them.
        beats: 0 for many voices, 1 for two reeds.
    """
    rows = torch.tensor(_WAVERING)
    m, mean_db = resampled(rows[:, 1:], rows[:, 0].contiguous(), depth_db).unbind(1)
    size = 1 << (count + 64).bit_length()
    white = torch.randn(size, len(depth_db), 2, generator=generator)
    lasting = 0.1125 / often_hz.clamp(0.2, 0.25 / step_seconds)  # of a Gaussian bell, so that it crosses its mean so often
    turn = 2 * math.pi * torch.fft.fftfreq(size, step_seconds)
    bell = torch.exp((-0.5 * (turn[:, None] * lasting) ** 2).clamp_min(-30))  # denormal numbers would be slow
    slow = torch.fft.ifft(torch.fft.fft(torch.view_as_complex(white), dim=0) * bell, dim=0)
    slow = slow / (2 * (bell**2).mean(0)).sqrt()
    when = step_seconds * torch.arange(size)[:, None]
    reeds = often_hz * when
    turning = torch.polar(torch.ones(()), 2 * math.pi * (reeds + torch.rand(len(depth_db), generator=generator)))
    both = math.sqrt(1 - beats**2) * slow + beats * turning
    factors: Tensor = (1 + torch.lerp(m, BEATING, torch.tensor(beats)) * both) * 10 ** (-mean_db * (1 - beats) / 20)
    lower = torch.polar(torch.ones(()), -2 * math.pi * BELOW * beats * reeds)
    return (factors * lower)[:count]


def resampled(values: Tensor, times: Tensor, wanted: Tensor) -> Tensor:
    """Values at other times, straight between the given ones; before the first and after the last they stay.

    Args:
        values: [..., T, C].
        times: [T], rising.
        wanted: [W].

    Returns:
        [..., W, C].
    """
    right = torch.searchsorted(times, wanted.contiguous()).clamp(1, len(times) - 1)
    share = ((wanted - times[right - 1]) / (times[right] - times[right - 1])).clamp(0, 1)
    return torch.lerp(values[..., right - 1, :], values[..., right, :], share[:, None].to(values.dtype))


@lru_cache(maxsize=1)
def _band_to_bin() -> Tensor:
    """[M, bins]: levels of bands → levels of the bins of a transform, straight on the mel scale."""
    bands = torch.tensor(BAND_HZ).float()
    hz = torch.linspace(0, RATE_HZ / 2, WINDOW // 2 + 1)
    mel, at = torch.log1p(bands / 700), torch.log1p(hz / 700)
    return resampled(torch.eye(len(bands)), mel, at).T
