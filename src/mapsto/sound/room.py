"""A simple room: a few early reflections, then noise that dies away, faster where it is high; left and right differ.

Sounds have N samples, and what comes back of a click has R.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.sound.analysis import BAND_HZ, NOISE_UNIT_HZ, RATE_HZ
from mapsto.sound.synthesis import HOP, shaped_noise

SECONDS = 1.8
LOW_SECONDS, HIGH_SECONDS = 1.5, 0.5
"""In which the lowest and the highest band fade by 60 dB."""

DELAY_SECONDS = 0.012
REFLECTIONS = (
    (0.0131, 0.55, -1),
    (0.0197, 0.45, 1),
    (0.0263, 0.35, 1),
    (0.0341, 0.30, -1),
    (0.0431, 0.25, 1),
    (0.0527, 0.20, -1),
)
"""Seconds after the sound itself, how strong, and from which side."""

PIECE = 1 << 17


def placed(x: Tensor, side: float) -> Tensor:
    """[N] → [2, N] between left, −1, and right, 1, equally loud everywhere."""
    angle = math.pi / 4 * (1 + side)
    return torch.stack([math.cos(angle) * x, math.sin(angle) * x])


def in_room(sound: Tensor, amount: float) -> Tensor:
    """[2, N] → [2, N + R]: the sound, and what a room adds to it.

    Args:
        sound: Left and right.
        amount: 0 for none; 1 for as much of the room as of the sound.

    Raises:
        UsageError: an amount outside [0, 1].
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"A room of {amount:g} makes no sense.", "It goes from 0, none, to 1, a cathedral.")
    answer = _answer()
    dry = torch.nn.functional.pad(sound, (0, answer.shape[1]))
    return dry if amount == 0 else dry + amount * _convolved(sound, answer)


@lru_cache(maxsize=1)
def _answer() -> Tensor:
    """[2, R]: what comes back of a click, of unit energy on each side."""
    samples = round(SECONDS * RATE_HZ) // HOP * HOP
    generator = torch.Generator().manual_seed(17)
    hz = torch.tensor(BAND_HZ).float()
    share = (torch.log(hz / hz[0]) / math.log(float(hz[-1] / hz[0])))[None]
    fading = 60 / torch.lerp(torch.tensor(LOW_SECONDS), torch.tensor(HIGH_SECONDS), share)  # dB a second
    seconds = torch.arange(samples // HOP + 1)[:, None] * (HOP / RATE_HZ)
    growing = torch.log10(((seconds - DELAY_SECONDS) / 0.03).clamp(1e-4, 1)) * 20
    colour = -3 * torch.log2((hz / 4000).clamp_min(1)) - 6 * torch.log2((150 / hz).clamp_min(1))  # air above, less mud below
    level = (growing - fading * seconds + colour - 10 * math.log10(RATE_HZ / 2 / NOISE_UNIT_HZ)).clamp_min(-140)
    late = shaped_noise(level.expand(2, -1, -1), torch.randn(2, samples, generator=generator))
    late = late / late.square().sum(1, keepdim=True).sqrt()
    for delay, strength, side in REFLECTIONS:
        late[:, round(delay * RATE_HZ)] += 0.35 * strength * placed(torch.ones(()), 0.7 * side)
    return late / late.square().sum(1, keepdim=True).sqrt()


def _convolved(x: Tensor, answer: Tensor) -> Tensor:
    """[2, N] ∗ [2, R] → [2, N + R], piece by piece."""
    found = torch.zeros(2, x.shape[1] + answer.shape[1])
    size = 1 << (PIECE + answer.shape[1]).bit_length()
    spectrum = torch.fft.rfft(answer, size)
    for begin in range(0, x.shape[1], PIECE):
        part = x[:, begin : begin + PIECE]
        grown = torch.fft.irfft(torch.fft.rfft(part, size) * spectrum, size)[:, : part.shape[1] + answer.shape[1]]
        found[:, begin : begin + grown.shape[1]] += grown
    return found
