"""The network behind the instruments: a variational autoencoder whose latent is a timbre.

    B batch   Z size of a timbre   W width   T times   K partials   M noise bands   F groups of partials   D partials
    that may be detuned   E features

    encode   Parts of a note  → timbre [B, Z]
    decode   timbre, pitch, velocity → how loud each partial and each band of noise is at any time, and the note's traits

Time is an input of the decoder, so that a note may be asked about at any moment; pitch and velocity are given, so that the
timbre need not tell them. A partial's level is the sum of two: one by its number, which tells a clarinet from an oboe, and one
by its frequency, which stays where it is when the pitch moves, as a body's resonances do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsto.sound.analysis import BAND_HZ, BANDS, DETUNED, FLUTTERS, GRID_SECONDS, PARTIALS
from mapsto.sound.synthesis import resampled

LONGEST_SECONDS = 3.3
"""Up to which notes were heard in training; later on they go on as they went last."""

SNAPSHOTS = tuple(float(t) for t in (0.0, 0.004, 0.01, 0.02, 0.035, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.9, 1.3, 1.8, 2.4, 3.0))
"""Times at which the encoder looks at a note, in seconds."""

FIRST_PARTIALS = 24
RANGE_DB = 80.0
"""What is further below the loudest partial of a note is not heard."""

UNIT_DB = 20.0
LEVEL_DB = -55.0
"""Levels are told to and by the network as (dB − LEVEL_DB) / UNIT_DB."""

HIGHEST_DB = 6.0
ENVELOPE = 48
"""Points of the part of a level that goes by frequency."""


@dataclass(frozen=True)
class Traits:
    """What holds for a note as a whole; tensors [B], but for [B, F] of flutter and [B, D] of detune.

    Args:
        stiffness: B of a string's partials.
        release: dB a second after a note is let go.
        vibrato_cents: Up and down.
        vibrato_hz: How often.
        flutter_db: Standard deviation of the level of each group of partials.
        flutter_hz: How often it wavers.
        detune_cents: How far each of the first partials is from where a string has it.
    """

    stiffness: Tensor
    release: Tensor
    vibrato_cents: Tensor
    vibrato_hz: Tensor
    flutter_db: Tensor
    flutter_hz: Tensor
    detune_cents: Tensor


class TimbreVAE(nn.Module):
    """Parts of a note ↔ timbre.

    Args:
        names: Of the instruments whose timbres are kept in `points`.
        latent: Z.
        width: W.
    """

    def __init__(self, names: Sequence[str] = (), latent: int = 16, width: int = 256) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"names": list(names), "latent": latent, "width": width}
        self.names = tuple(names)
        self.latent = latent
        features = len(SNAPSHOTS) * (2 * BANDS + FIRST_PARTIALS)
        hidden = width // 4
        last = nn.Linear(hidden, 2 * latent)
        last.bias.data[latent:] -= 4  # begin nearly without noise, lest timbres be given up before they tell anything
        self.encoder = nn.Sequential(
            nn.Linear(features + len(_PITCHES) + 2, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            last,
        )
        self.note = nn.Sequential(
            nn.Linear(latent + len(_PITCHES) + 2, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
        )
        self.moment = nn.Linear(_MOMENTS + 1, 2 * width)
        self.deep = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Linear(width, width)) for _ in range(3))
        self.levels = nn.Linear(width, PARTIALS + ENVELOPE + BANDS)
        self.traits = nn.Linear(width, 4 + 2 * FLUTTERS)
        self.detune = nn.Linear(width, DETUNED)
        self.range = nn.Linear(latent, 2)
        self.points = nn.Parameter(torch.zeros(len(names), latent))
        nn.init.zeros_(self.detune.weight)
        nn.init.zeros_(self.detune.bias)
        nn.init.normal_(self.levels.weight, std=0.01)
        nn.init.zeros_(self.levels.bias)

    def encode(self, features: Tensor, pitch: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the timbre [B, Z].

        Args:
            features: [B, E] as `features_of` returns them.
            pitch: [B] MIDI numbers.
            velocity: [B] in [0, 1].
        """
        mean, spread = self.encoder(torch.cat([features, _condition(pitch, velocity)], 1)).float().chunk(2, 1)
        return mean, spread.clamp(-8, 2)

    def begin(self, timbre: Tensor, pitch: Tensor, velocity: Tensor) -> Tensor:
        """[B, W]: all that is to be known of notes, for `partials` and `told`."""
        hidden: Tensor = self.note(torch.cat([timbre, _condition(pitch, velocity)], 1))
        return hidden

    def partials(self, notes: Tensor, seconds: Tensor, hz: Tensor) -> tuple[Tensor, Tensor]:
        """Levels of notes at some times.

        Args:
            notes: [B, W] by `begin`.
            seconds: [T] since the beginning; what is later than `LONGEST_SECONDS` follows the last slope.
            hz: [B, K] of the partials.

        Returns:
            [B, T, K] and [B, T, M] in dB.
        """
        scale, shift = self.moment(_moment(seconds)).chunk(2, -1)  # [T, W]
        hidden = notes[:, None] * (1 + scale) + shift
        for layer in self.deep:
            hidden = hidden + layer(hidden)
        by_number, by_hz, noise = self.levels(F.silu(hidden)).split((PARTIALS, ENVELOPE, BANDS), -1)
        partials = by_number + _by_frequency(by_hz, hz)
        return _decibels(partials), _decibels(noise)

    def told(self, notes: Tensor) -> Traits:
        """Traits of notes [B, W]."""
        raw = self.traits(F.silu(notes)).float()
        flutter_db, flutter_hz = raw[:, 4 : 4 + FLUTTERS], raw[:, 4 + FLUTTERS :]
        return Traits(
            stiffness=torch.exp(raw[:, 0].clamp(-2, 4) * 2 - 11),
            release=torch.exp(raw[:, 1].clamp(-2, 3) + 5),
            vibrato_cents=F.relu(raw[:, 2]) * 10,
            vibrato_hz=(5.5 + raw[:, 3]).clamp(3, 9),
            flutter_db=F.relu(flutter_db) * 4,
            flutter_hz=torch.exp(flutter_hz.clamp(-2, 2) + 2),
            detune_cents=200 * self.detune(F.silu(notes)).float(),
        )

    def pitches(self, timbre: Tensor) -> Tensor:
        """[B, 2]: the lowest and highest note that a timbre is known by, in MIDI numbers."""
        found: Tensor = 60 + 24 * self.range(timbre).float()
        return found


def features_of(partials_db: Tensor, noise_db: Tensor, hz: Tensor) -> Tensor:
    """[B, E]: a note as the encoder sees it, whatever its loudness.

    Args:
        partials_db: [B, T, K] at the first T of `GRID_SECONDS`.
        noise_db: [B, T, M].
        hz: [B, K].
    """
    times = torch.tensor(GRID_SECONDS[: partials_db.shape[1]]).float()
    wanted = torch.tensor(SNAPSHOTS)
    levels, noise = resampled(partials_db, times, wanted), resampled(noise_db, times, wanted)
    top = partials_db.amax((1, 2))[:, None, None]
    bands = torch.tensor(BAND_HZ).float()
    envelope = torch.stack([_at_bands(one, at, bands) for one, at in zip(levels, hz, strict=True)])
    seen = torch.cat([envelope, levels[..., :FIRST_PARTIALS], noise], -1) - top
    return (seen.clamp(-RANGE_DB, 0) / RANGE_DB * 2 + 1).flatten(1)


def frequencies(f0_hz: Tensor, stiffness: Tensor, detune_cents: Tensor) -> Tensor:
    """[B, K]: k·f₀·√(1 + B·k²), and the first of them detuned [B, D]; NaN detunes by nothing."""
    k = torch.arange(1, PARTIALS + 1)
    hz = f0_hz[:, None] * k * torch.sqrt(1 + stiffness[:, None] * k**2)
    moved = F.pad(torch.exp2(detune_cents.nan_to_num() / 1200), (0, PARTIALS - detune_cents.shape[1]), value=1.0)
    return hz * moved


_PITCHES = tuple(range(24, 109, 6))
_MOMENTS = 28


def _decibels(told: Tensor) -> Tensor:
    return (told.float() * UNIT_DB + LEVEL_DB).clamp_max(HIGHEST_DB)


def _condition(pitch: Tensor, velocity: Tensor) -> Tensor:
    """[B, C]: pitch as bumps half an octave apart and as a number, and velocity."""
    bumps = torch.exp(-0.5 * ((pitch[:, None] - torch.tensor(_PITCHES)) / 6) ** 2)
    return torch.cat([bumps, (pitch[:, None] - 66) / 24, 2 * velocity[:, None] - 1], 1)


def _moment(seconds: Tensor) -> Tensor:
    """[T, _MOMENTS + 1]: time as bumps that are close together at first."""
    clock = torch.log1p(seconds / 0.006) / math.log1p(LONGEST_SECONDS / 0.006)
    middles = torch.linspace(0, 1, _MOMENTS)
    bumps = torch.exp(-0.5 * ((clock[:, None] - middles) * (_MOMENTS - 1) / 1.2) ** 2)
    return torch.cat([bumps, seconds[:, None] / LONGEST_SECONDS], 1)


def _mel(hz: Tensor) -> Tensor:
    return torch.log1p(hz / 700)


def _by_frequency(envelope: Tensor, hz: Tensor) -> Tensor:
    """[B, T, ENVELOPE] → [B, T, K] at the frequencies [B, K] of partials, straight on the mel scale."""
    low, high = (float(_mel(torch.tensor(hz))) for hz in (30.0, 19_000.0))
    at = ((_mel(hz) - low) / (high - low)).clamp(0, 1) * (ENVELOPE - 1)
    left = at.long().clamp_max(ENVELOPE - 2)
    index = left[:, None].expand(-1, envelope.shape[1], -1)
    share = (at - left)[:, None].to(envelope.dtype)
    return torch.lerp(envelope.gather(2, index), envelope.gather(2, index + 1), share)


def _at_bands(levels: Tensor, hz: Tensor, bands: Tensor) -> Tensor:
    """[T, K] → [T, M]: the line through the tops of partials, at the middles of bands."""
    return resampled(levels.T, _mel(hz), _mel(bands)).T
