"""Spectra: how far two sounds are apart as an ear would say, and pictures of them.

B batch   N samples   F frequencies   T frames
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SIZES = (128, 512, 2048, 4096)
"""Windows of the loss, in samples: the short ones see when, the long ones which pitch."""

LSD_SIZE, LSD_HOP = 2048, 512
LSD_RANGE_DB = 80.0


def stft(x: Tensor, size: int, hop: int | None = None) -> Tensor:
    """[B, N] → [B, F, T]: magnitudes under a Hann window; a sine of amplitude 1 gives 1.

    Args:
        x: Sound.
        size: Of the window, in samples.
        hop: From one to the next; a quarter of the window by default.
    """
    window = torch.hann_window(size)
    found = torch.stft(x, size, hop or size // 4, window=window, return_complex=True, pad_mode="constant")
    return found.abs() * (2 / size * 2)


def spectral_loss(x: Tensor, target: Tensor) -> Tensor:
    """Multi-scale distance of [B, N] and [B, N]: of logarithms, and of magnitudes relative to the target's.

    After Engel et al., "DDSP", 2020, eq. 5; here the second term is divided by the size of the target, so that quiet notes
    count as much as loud ones, and logarithms end 80 dB below the loudest.
    """
    losses = []
    for size in SIZES:
        found, wanted = stft(x, size), stft(target, size)
        top = wanted.amax((1, 2), keepdim=True).clamp_min(1e-6)
        logs = (_log(found / top) - _log(wanted / top)).abs().mean()
        straight = ((found - wanted).abs().sum((1, 2)) / wanted.sum((1, 2)).clamp_min(1e-6)).mean()
        losses.append(logs + 0.5 * straight)
    return torch.stack(losses).mean()


def log_spectral_distance(x: Tensor, target: Tensor, *, range_db: float = LSD_RANGE_DB, heard_only: bool = False) -> Tensor:
    """[B] dB: √ of the mean square difference of levels over frequencies, then the mean over frames (Gray & Markel 1976).

    Windows of 2,048 samples, 512 apart; both sounds end `range_db` below the loudest point of the target, so that what nobody
    hears does not count. Frames in which both are silent by that measure are left out. Two draws of the same noise are about
    7.9 dB apart.

    Args:
        x: [B, N].
        target: [B, N].
        range_db: What is quieter counts as silence.
        heard_only: Take the mean over those frequencies alone at which one of both is heard: harsher, for silence is easy.
    """
    found, wanted = stft(x, LSD_SIZE, LSD_HOP), stft(target, LSD_SIZE, LSD_HOP)
    floor = wanted.amax((1, 2), keepdim=True).clamp_min(1e-9) * 10 ** (-range_db / 20)
    levels = [20 * torch.log10(each.maximum(floor)) for each in (found, wanted)]
    heard = (found > floor) | (wanted > floor)  # [B, F, T]
    counted = heard.sum(1).clamp_min(1) if heard_only else heard.shape[1]
    apart = ((levels[0] - levels[1]).square().sum(1) / counted).sqrt()
    sounding = heard.any(1)
    return (apart * sounding).sum(1) / sounding.sum(1).clamp_min(1)


def _log(magnitude: Tensor) -> Tensor:
    return torch.log(magnitude + 1e-4)


def mel_matrix(size: int, bands: int, rate_hz: int, low_hz: float = 30.0) -> Tensor:
    """[bands, F]: triangles even on the mel scale, each of height 1.

    Args:
        size: Of the window, in samples.
        bands: How many.
        rate_hz: Of the sound.
        low_hz: Where the first begins.
    """
    hz = _mel_spaced(bands + 2, rate_hz, low_hz)
    at = torch.linspace(0, rate_hz / 2, size // 2 + 1)
    rise = (at - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    fall = (hz[2:, None] - at) / (hz[2:] - hz[1:-1])[:, None]
    return F.relu(torch.minimum(rise, fall))


PICTURE_BANDS = 256
PICTURE_RANGE_DB = 90.0

_STOPS = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 204),
)
"""Colours from silence to the loudest, each a step lighter than the last."""


def spectrogram(x: Tensor, rate_hz: int, *, columns: int = 800, top_db: float | None = None) -> Tensor:
    """[3, PICTURE_BANDS, columns] in [0, 1]: time to the right, frequency upwards on the mel scale, light is loud.

    Args:
        x: [N].
        rate_hz: Of the sound.
        columns: Width of the picture.
        top_db: What is white; by default the loudest point. `PICTURE_RANGE_DB` below it all is black.
    """
    size = 4096
    level = stft(x[None], size, max(1, len(x) // columns))[0]  # [F, T]
    mel = mel_matrix(size, PICTURE_BANDS, rate_hz)
    power = (mel / mel.sum(1, keepdim=True).clamp_min(1e-9)) @ level.square()
    thin = mel.sum(1) < 1  # bands between two bins take the nearer one
    nearest_bin = mel_middles(PICTURE_BANDS, rate_hz).div(rate_hz / size).round().long()
    power[thin] = level.square()[nearest_bin[thin]]
    decibels = 10 * torch.log10(power + 1e-14)
    top = float(decibels.max()) if top_db is None else top_db
    light = ((decibels - top) / PICTURE_RANGE_DB + 1).clamp(0, 1)
    wide = F.interpolate(light[None], columns, mode="linear")[0].flip(0)
    return coloured(wide)


def coloured(light: Tensor) -> Tensor:
    """[H, W] in [0, 1] → [3, H, W] in [0, 1], from black through red to pale yellow."""
    stops = torch.tensor(_STOPS).float() / 255
    at = light.clamp(0, 1) * (len(stops) - 1)
    low = at.floor().long().clamp_max(len(stops) - 2)
    share = (at - low)[..., None]
    return torch.lerp(stops[low], stops[low + 1], share).permute(2, 0, 1)


def mel_middles(bands: int, rate_hz: int, low_hz: float = 30.0) -> Tensor:
    """[bands] Hz: where the triangles of `mel_matrix` are highest."""
    return _mel_spaced(bands + 2, rate_hz, low_hz)[1:-1]


def _mel_spaced(count: int, rate_hz: int, low_hz: float) -> Tensor:
    """[count] Hz even on the mel scale, up to half the rate."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (low_hz, rate_hz / 2))
    return torch.tensor([700 * (10 ** ((low + (high - low) * i / (count - 1)) / 2595) - 1) for i in range(count)])
