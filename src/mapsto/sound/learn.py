"""Learning timbres from the parts of notes; `mapsto.learning.timbres` goes on by ear, from spectra of the notes themselves.

B batch   T times   K partials   M noise bands   Z size of a timbre   N samples
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from mapsto.sound.analysis import FLOOR_DB, GRID_SECONDS, HIGHEST_HZ, RATE_HZ
from mapsto.sound.synthesis import BLOCK, HOP, additive, resampled, shaped_noise
from mapsto.sound.timbre import RANGE_DB, TimbreVAE, Traits, frequencies

KL_WEIGHT = 2e-3
FLUTTER_HZ = 0.3
"""Is added to how often a level was seen to waver, which may be never."""

TIMES = 40
"""Moments of a note that count in one step."""

BLEND_WEIGHT = 0.3
BLEND_POWER = 0.4
"""Between two timbres a level's amplitude to this power goes straight: about as loudness does."""


@dataclass(frozen=True)
class Notes:
    """Notes taken apart; tensors of n notes.

    Args:
        who: [n] number of the instrument, int64.
        pitch: [n] MIDI numbers.
        velocity: [n] in [0, 1].
        partials_db: [n, T, K].
        noise_db: [n, T, M].
        trusted: [n, T] where noise was told from partials.
        f0_hz: [n].
        traits: Of every note, NaN where unknown.
        audio: [n, N] the note from its onset, without vibrato; half precision.
        seconds: [n] how long it is; later on it is silent.
        range: [n, 2] lowest and highest pitch of its instrument.
        features: [n, E] as the encoder sees them.
    """

    who: Tensor
    pitch: Tensor
    velocity: Tensor
    partials_db: Tensor
    noise_db: Tensor
    trusted: Tensor
    f0_hz: Tensor
    traits: Traits
    audio: Tensor
    seconds: Tensor
    range: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, chosen: Tensor) -> Notes:
        found = {field.name: getattr(self, field.name)[chosen] for field in fields(self) if field.name != "traits"}
        traits = Traits(**{field.name: getattr(self.traits, field.name)[chosen] for field in fields(Traits)})
        return Notes(**found, traits=traits)

    @property
    def hz(self) -> Tensor:
        """[n, K] frequencies of the partials."""
        return frequencies(self.f0_hz, self.traits.stiffness, self.traits.detune_cents)


@dataclass(frozen=True)
class Step:
    """Told after every step of training: its number, and the terms of the loss."""

    number: int
    terms: dict[str, float]


def learn_parts(
    model: TimbreVAE, notes: Notes, *, steps: int, batch: int = 48, rate: float = 2e-3, seed: int = 0, bf16: bool = False
) -> Iterator[Step]:
    """Train on levels and traits; half of the notes are told from the timbre of another note of the same instrument."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-4)
    fellows = [torch.nonzero(notes.who == who)[:, 0] for who in range(int(notes.who.max()) + 1)]
    weight = 1 / torch.tensor([len(fellows[who]) for who in notes.who.tolist()])
    model.train()
    for number in range(steps):
        _set_rate(optimizer, rate, number, steps)
        chosen = torch.multinomial(weight, batch, True, generator=generator)
        other = torch.stack([_pick(fellows[int(who)], generator) for who in notes.who[chosen]])
        heard = torch.where(torch.rand(batch, generator=generator) < 0.5, chosen, other)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            terms = _parts_terms(model, notes[chosen], notes[heard], generator)
            if number > steps // 20:
                terms["blend"] = BLEND_WEIGHT * _blend_of(model, notes[chosen], generator)
        terms["kl"] = terms["kl"] * min(1.0, 3 * number / steps)  # later, lest timbres be given up before they tell anything
        loss = torch.stack(list(terms.values())).sum()
        _descend(model, optimizer, loss)
        yield Step(number + 1, {name: float(value.detach()) for name, value in terms.items()})
    model.eval()


def _parts_terms(model: TimbreVAE, notes: Notes, heard: Notes, generator: torch.Generator) -> dict[str, Tensor]:
    mean, spread = timbre_of(model, heard)
    timbre = mean + (0.5 * spread).exp() * torch.randn(mean.shape, generator=generator)
    begun = model.begin(timbre, notes.pitch, notes.velocity)
    at = torch.randperm(notes.partials_db.shape[1], generator=generator)[:TIMES].sort().values
    partials, noise = model.partials(begun, torch.tensor(GRID_SECONDS).float()[at], notes.hz)
    return {
        **level_losses(partials, noise, notes, at),
        "traits": traits_loss(model.told(begun), notes.traits),
        "range": F.smooth_l1_loss(model.pitches(timbre), notes.range) * 0.02,
        "kl": KL_WEIGHT * 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1).mean(),
    }


def timbre_of(model: TimbreVAE, notes: Notes) -> tuple[Tensor, Tensor]:
    """Mean and logarithm of the variance [B, Z] of the timbres of notes."""
    return model.encode(notes.features, notes.pitch, notes.velocity)


def level_losses(partials: Tensor, noise: Tensor, notes: Notes, at: Tensor) -> dict[str, Tensor]:
    """How far levels are off, in units of 10 dB; what is loud counts more, and what cannot be heard not at all.

    Args:
        partials: [B, T, K] as told.
        noise: [B, T, M] as told.
        notes: The truth.
        at: [T] which of `GRID_SECONDS`.
    """
    top = notes.partials_db.amax((1, 2))[:, None, None]
    floor = top - RANGE_DB
    heard = (notes.hz < HIGHEST_HZ)[:, None].expand_as(partials)
    truth = notes.partials_db[:, at].maximum(floor)
    weight = heard * (0.15 + ((truth - floor) / RANGE_DB) ** 2)
    found = F.smooth_l1_loss(partials.maximum(floor), truth, reduction="none", beta=2.0) / 10
    noise_truth = notes.noise_db[:, at].maximum(floor - 15)
    noise_weight = (0.3 + notes.trusted[:, at, None].float()) * (0.3 + (noise_truth - floor + 15) / RANGE_DB)
    noise_found = F.smooth_l1_loss(noise.maximum(floor - 15), noise_truth, reduction="none", beta=2.0) / 10
    return {
        "partials": (found * weight).sum() / weight.sum(),
        "noise": 0.5 * (noise_found * noise_weight).sum() / noise_weight.sum(),
    }


def traits_loss(told: Traits, truth: Traits) -> Tensor:
    """How far traits are off, each in a unit of its own; what is NaN does not count."""
    pairs = [
        ((told.stiffness + 1e-6).log() / 2, (truth.stiffness + 1e-6).log() / 2),
        (told.release.log() * 2, truth.release.log() * 2),
        (told.vibrato_cents / 10, truth.vibrato_cents / 10),
        (told.vibrato_hz, torch.where(truth.vibrato_cents > 3, truth.vibrato_hz, math.nan)),
        (told.flutter_db / 2, truth.flutter_db / 2),
        (told.flutter_hz.log(), (truth.flutter_hz + FLUTTER_HZ).log()),
        (told.detune_cents / 20, truth.detune_cents / 20),
    ]
    losses = []
    for found, wanted in pairs:
        known = torch.isfinite(wanted)
        apart = F.smooth_l1_loss(found, torch.where(known, wanted, 0), reduction="none")
        losses.append((apart * known).sum() / known.sum().clamp_min(1))
    return 0.1 * torch.stack(losses).sum()


def _blend_of(model: TimbreVAE, notes: Notes, generator: torch.Generator) -> Tensor:
    """`blend_loss` of the first half of some notes and the second."""
    count = len(notes) // 2
    with torch.no_grad():
        mean, _ = timbre_of(model, notes)
    ends = mean[:count], mean[count : 2 * count]
    return blend_loss(model, ends, notes.range[count : 2 * count], notes[torch.arange(count)], generator)


def blend_loss(
    model: TimbreVAE, ends: tuple[Tensor, Tensor], other_range: Tensor, notes: Notes, generator: torch.Generator
) -> Tensor:
    """Halfway between two timbres should sound halfway: amplitudes to `BLEND_POWER` are compared with the mean of both ends.

    Args:
        model: The network.
        ends: [B, Z] and [B, Z].
        other_range: [B, 2] lowest and highest pitch of the second timbres.
        notes: Of the first timbres: their pitches, velocities and ranges count.
        generator: Draws how far between, and when.
    """
    first, second = ends
    share = torch.rand(len(first), 1, generator=generator)
    seconds = (3.2 * torch.rand(12, generator=generator) ** 2.5).sort().values

    def told(timbre: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        low, high = limits.unbind(1)
        pitch = notes.pitch.maximum(low).minimum(high)  # nobody knows a flute's lowest C
        return model.partials(model.begin(timbre, pitch, notes.velocity), seconds, notes.hz)

    with torch.no_grad():
        both = [told(first, notes.range), told(second, other_range)]
        wanted = [blended(a, b, share[..., None]) for a, b in zip(*both, strict=True)]
    found = told(torch.lerp(first, second, share), torch.lerp(notes.range, other_range, share))
    losses = [F.smooth_l1_loss(a.clamp_min(-100), b.clamp_min(-100), beta=2.0) / 10 for a, b in zip(found, wanted, strict=True)]
    return losses[0] + 0.5 * losses[1]


def blended(a_db: Tensor, b_db: Tensor, share: Tensor) -> Tensor:
    """Between two levels in dB, straight in amplitude to `BLEND_POWER`."""
    unit = BLEND_POWER * math.log(10) / 20
    return torch.log(torch.lerp((unit * a_db).exp(), (unit * b_db).exp(), share).clamp_min(1e-9)) / unit


def sounded(
    partials_db: Tensor, noise_db: Tensor, times: Tensor, hz: Tensor, samples: int, generator: torch.Generator
) -> Tensor:
    """[B, N] of levels [B, T, K] and [B, T, M] at times [T]; phases and noise are drawn."""
    edges = torch.arange(samples // BLOCK + 1) * (BLOCK / RATE_HZ)
    frames = torch.arange(samples // HOP + 1) * (HOP / RATE_HZ)
    levels = torch.exp((math.log(10) / 20) * resampled(partials_db, times, edges).clamp_min(FLOOR_DB))
    phases = 2 * math.pi * torch.rand(hz.shape, generator=generator)
    white = torch.randn(len(hz), samples, generator=generator)
    return additive(levels, hz, phases) + shaped_noise(resampled(noise_db, times, frames), white)


def _descend(model: TimbreVAE, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step downhill; none where the slope is no number."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if torch.isfinite(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)):
        optimizer.step()


def _set_rate(optimizer: torch.optim.Optimizer, rate: float, number: int, steps: int) -> None:
    """A short rise, then half a cosine down to 2 %."""
    rise = min(1.0, (number + 1) / 100)
    fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * number / steps))
    for group in optimizer.param_groups:
        group["lr"] = rate * rise * fall


def _pick(among: Tensor, generator: torch.Generator) -> Tensor:
    return among[int(torch.randint(len(among), (), generator=generator))]
