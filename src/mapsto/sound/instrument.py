"""Instruments: timbre × pitch → a note. A timbre is a point in a space, so there are instruments between instruments.

from mapsto.sound.instrument import Instruments

band = Instruments.from_pretrained()
note = band.note(band.timbre("flute:0.5,violin:0.5"), pitch=69, seconds=2)      # [N] at 44,100 Hz

N samples   Z size of a timbre   T times   K partials   M noise bands   E edges of blocks
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File

import torch
from torch import Tensor

from mapsto import device, weights
from mapsto.errors import UsageError, nearest
from mapsto.paths import Path, even, mix, spline
from mapsto.sound.analysis import BAND_HZ, FLUTTERS, GRID_SECONDS, HIGHEST_HZ, NOISE_UNIT_HZ, RATE_HZ
from mapsto.sound.synthesis import BLOCK, HOP, additive, bent, fluttering, resampled, shaped_noise
from mapsto.sound.timbre import LONGEST_SECONDS, TimbreVAE, Traits, frequencies

LONGEST_NOTE = 60.0
"""Seconds a note may be held."""

TAIL_DB = 75.0
"""A note that was let go ends when it has faded so far."""

INAUDIBLE_DB = -140.0
LONGEST_TAIL = 2.5
FADE_SECONDS = 0.02
RISE_SECONDS = 0.0015
STEADY_DB = 2.0
"""What changes by less a second, in a note that is held for long, is taken for steady."""

HELD_SECONDS = 1.2
"""Where a note stays while its timbre goes a way."""

EARS_SECONDS = (0.03, 0.3, 1.2)
MORPH_STEP = 0.04
"""Seconds between two timbres of a note."""

MOST_RANDOM_DB = 5.6
"""Many voices waver by less; where the lowest partials waver by more, two reeds beat."""

LEAST_DETUNE = 4.0
"""Cents; what a partial is told to be off by less is none, so that strings and pipes stay in tune with themselves."""

FLUTTER_STEP = 4
"""Edges of blocks from one drawn flutter to the next."""


GRID_TIMES = torch.tensor(GRID_SECONDS).float()


@dataclass(frozen=True)
class Asked:
    """A note that is wanted.

    Args:
        pitch: MIDI number, 69 for 440 Hz; between them too.
        seconds: Held; what fades after it comes on top.
        velocity: In [0, 1].
        seed: Of phases, noise and flutter.
    """

    pitch: float = 69.0
    seconds: float = 2.0
    velocity: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be played."""
        if not 0 <= self.pitch <= 127:
            raise UsageError(f"A pitch of {self.pitch:g} is out of range.", "MIDI numbers go from 0 to 127; 69 is A4.")
        if not 0 < self.seconds <= LONGEST_NOTE:
            raise UsageError(f"A note of {self.seconds:g} s cannot be played.", f"More than 0, and at most {LONGEST_NOTE:g} s.")
        if not 0 <= self.velocity <= 1:
            raise UsageError(f"A velocity of {self.velocity:g} is out of range.", "It goes from 0 to 1.")


class Instruments:
    """Timbres by name, and notes of them.

    Args:
        network: A trained network, with the timbres of its names.
        name: Under which it was found.
    """

    def __init__(self, network: TimbreVAE, name: str = "instruments") -> None:
        self.network = network.eval().requires_grad_(False)
        self.name = name

    @classmethod
    def from_pretrained(cls, name: str | File = "instruments") -> Instruments:
        """By the name of the weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
        """
        network = weights.load(name, expect="TimbreVAE")
        assert isinstance(network, TimbreVAE)
        return cls(network, File(name).stem)

    @property
    def names(self) -> list[str]:
        """The instruments."""
        return list(self.network.names)

    def timbre(self, text: str | Mapping[str, float]) -> Tensor:
        """[Z]: an instrument, or a mixture of several.

        Args:
            text: "flute", "flute:0.5,violin:0.5", or {"flute": 0.5, "violin": 0.5}; only the ratio of weights counts.

        Raises:
            UsageError: an unknown instrument, or weights that make no sense.
        """
        parts = parts_of(text, self.names)
        return mix([self.network.points[self.names.index(name)] for name in parts], list(parts.values()))

    def note(
        self, timbre: Tensor, *, pitch: float = 69.0, seconds: float = 2.0, velocity: float = 0.7, seed: int = 0
    ) -> Tensor:
        """[N] one note at `RATE_HZ`, longer than `seconds` by what fades after it.

        Args:
            timbre: [Z] as `timbre` returns it, or any point between or beyond.
            pitch: MIDI number, 69 for 440 Hz.
            seconds: Held.
            velocity: How hard, in [0, 1].
            seed: Of phases, noise and flutter: the same gives the same samples.

        Raises:
            UsageError: a value out of range, or a timbre of another size.
        """
        return self.notes(timbre, [Asked(pitch, seconds, velocity, seed)])[0]

    @torch.no_grad()
    def notes(self, timbre: Tensor, asked: Sequence[Asked]) -> list[Tensor]:
        """Several notes of one timbre; the network is asked about all of them at once."""
        if timbre.shape != (self.network.latent,):
            raise UsageError(f"A timbre should be [{self.network.latent}], and is {list(timbre.shape)}.")
        begun, told = self._begun(timbre.expand(len(asked), -1), asked)
        return [self._one(note, begun[i : i + 1], _only(told, i)) for i, note in enumerate(asked)]

    def _one(self, note: Asked, begun: Tensor, traits: Traits) -> Tensor:
        hz = _partial_hz(note.pitch, traits)
        return self._sounded(note, traits, self._levels(begun, hz, note.seconds + _ending(traits)[1]))

    @torch.no_grad()
    def morph(self, way: Path, asked: Asked) -> Tensor:
        """[N] one long note whose timbre goes a way, after an attack of the first.

        Args:
            way: Time in [0, 1] → timbre [Z], such as `between` gives.
            asked: The note.
        """
        count = max(2, math.ceil(asked.seconds / MORPH_STEP) + 1)
        whole = torch.linspace(0, 1, count)
        begun, told = self._begun(torch.stack([way(float(t)) for t in whole]), [asked] * count)
        traits = Traits(**{name: getattr(told, name).mean(0) for name in Traits.__dataclass_fields__})
        moments = _grid_until(min(HELD_SECONDS, asked.seconds))
        after = torch.arange(float(moments[-1]) + MORPH_STEP, asked.seconds + LONGEST_TAIL, MORPH_STEP)
        times = torch.cat([moments, after])
        at = (times / asked.seconds).clamp(0, 1) * (count - 1)
        hz = _partial_hz(asked.pitch, traits)
        levels = [
            self.network.partials(_between(begun, place), time[None], hz[None])
            for place, time in zip(at, times.clamp_max(HELD_SECONDS), strict=True)
        ]
        partials, noise = (torch.cat([level[i][0] for level in levels]) for i in (0, 1))
        return self._sounded(asked, traits, (times, partials, noise))

    def between(self, timbres: Sequence[Tensor], *, pitch: float = 60.0, velocity: float = 0.7) -> Path:
        """A way through timbres, at an even pace for the ear: by their `distance` where `morph` holds a note."""

        def distance(a: Tensor, b: Tensor) -> float:
            return self.distance(a, b, pitch=pitch, velocity=velocity, moments=(HELD_SECONDS,))

        return even(spline(timbres), distance)

    @torch.no_grad()
    def distance(
        self, a: Tensor, b: Tensor, *, pitch: float = 60.0, velocity: float = 0.7, moments: Sequence[float] = EARS_SECONDS
    ) -> float:
        """How different two timbres sound, in dB: levels in the bands of `BAND_HZ`, root mean square; below −90 dB is silence.

        Args:
            a: [Z].
            b: [Z].
            pitch: Of the note that is compared.
            velocity: Likewise.
            moments: Seconds from its beginning at which it is.
        """
        begun, told = self._begun(torch.stack([a, b]), [Asked(pitch, 1.0, velocity)] * 2)
        hz = torch.stack([_partial_hz(pitch, _only(told, i)) for i in range(2)])
        partials, noise = self.network.partials(begun, torch.tensor(moments), hz)
        heard = torch.stack([_in_bands(*each) for each in zip(partials, noise, hz, strict=True)])
        return float((heard[0] - heard[1]).square().mean().sqrt())

    def _begun(self, timbres: Tensor, asked: Sequence[Asked]) -> tuple[Tensor, Traits]:
        """What the network knows of notes [B, W], and their traits, for timbres [B, Z]."""
        low, high = self.network.pitches(timbres).unbind(1)
        pitch, velocity = torch.tensor([(note.pitch, note.velocity) for note in asked], dtype=torch.float32).unbind(1)
        known = pitch.maximum(low - 1).minimum(high.maximum(low) + 1)
        begun = self.network.begin(timbres, known, velocity)
        return begun, self.network.told(begun)

    def _sounded(self, note: Asked, traits: Traits, levels: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """[N] of a note by its traits, and its levels in dB: times [T], [T, K] and [T, M]."""
        generator = device.generator(note.seed)
        times, partials, noise = levels
        release, tail = _ending(traits)
        unit = math.lcm(BLOCK, HOP)
        samples = math.ceil((note.seconds + tail) * RATE_HZ / unit) * unit
        hz = _partial_hz(note.pitch, traits)
        heard = max(1, int((hz < HIGHEST_HZ).sum()))
        edges = torch.arange(samples // BLOCK + 1) * (BLOCK / RATE_HZ)
        fallen = release * (edges - note.seconds).clamp_min(0)[:, None]
        level = (resampled(partials[:, :heard], times, edges) - fallen).clamp_min(INAUDIBLE_DB)
        swung = torch.exp((math.log(10) / 20) * level) * _flutter(traits, heard, len(edges), generator)
        phases = 2 * math.pi * torch.rand(1, heard, generator=generator)
        tone = _with_vibrato(additive(swung[None], hz[None, :heard], phases)[0], traits, generator)
        hiss = (resampled(noise, times, edges[:: HOP // BLOCK]) - fallen[:: HOP // BLOCK]).clamp_min(INAUDIBLE_DB)
        return _trimmed(tone + shaped_noise(hiss[None], torch.randn(1, samples, generator=generator))[0])

    def _levels(self, begun: Tensor, hz: Tensor, seconds: float) -> tuple[Tensor, Tensor, Tensor]:
        """Times [T], levels [T, K] and [T, M] in dB; after `LONGEST_SECONDS` they go on as they went in the last second."""
        known = _grid_until(min(seconds, LONGEST_SECONDS))
        times = torch.cat([known, torch.tensor([min(max(seconds, known[-1] + 0.01), LONGEST_SECONDS)])])
        partials, noise = (levels[0] for levels in self.network.partials(begun, times, hz[None]))
        if seconds <= LONGEST_SECONDS:
            return times, partials, noise
        before = int(torch.searchsorted(times, LONGEST_SECONDS - 1.0))
        times = torch.cat([times, torch.tensor([seconds])])
        last = [_gone_on(levels, before, seconds - LONGEST_SECONDS) for levels in (partials, noise)]
        return times, last[0], last[1]


def parts_of(text: str | Mapping[str, float], known: Sequence[str]) -> dict[str, float]:
    """Instruments and their weights.

    Raises:
        UsageError: an unknown instrument, a weight that is no number, or nothing at all.
    """
    parts = dict(text) if isinstance(text, Mapping) else spelled(text)
    for name, weight in parts.items():
        if name not in known:
            near = nearest(name, list(known)) or list(known)
            raise UsageError(f"There is no instrument called {name!r}.", f"Perhaps {' or '.join(near)}?")
        if not (math.isfinite(weight) and weight >= 0):
            raise UsageError(f"A weight of {weight:g} for {name} makes no sense.", "Weights are 0 or more.")
    if not parts:
        raise UsageError("No instrument was given.", f"There are {', '.join(known)}.")
    return parts


def spelled(text: str) -> dict[str, float]:
    """Names and weights as they are written: "flute:0.5,violin:0.5"; 1 where no weight is.

    Raises:
        UsageError: a weight that is no number.
    """
    parts: dict[str, float] = {}
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        name, colon, weight = item.partition(":")
        try:
            parts[name.strip()] = parts.get(name.strip(), 0.0) + (float(weight) if colon else 1.0)
        except ValueError as error:
            raise UsageError(f"{weight!r} is no weight for {name}.", "Write flute:0.5,violin:0.5, say.") from error
    return parts


def _ending(traits: Traits) -> tuple[float, float]:
    """How fast a note fades after it is let go, in dB a second, and for how many seconds."""
    release = float(traits.release.clamp(30, 700))
    return release, min(TAIL_DB / release, LONGEST_TAIL)


def _between(begun: Tensor, place: Tensor) -> Tensor:
    """[1, W] between two of [B, W]."""
    left = int(place.clamp_max(len(begun) - 2))
    return torch.lerp(begun[left], begun[left + 1], place - left)[None]


def _grid_until(seconds: float) -> Tensor:
    """Those of `GRID_SECONDS` before some time; the first in any case."""
    return GRID_TIMES[: max(1, int(torch.searchsorted(GRID_TIMES, seconds)))]


def _only(traits: Traits, index: int) -> Traits:
    return Traits(**{name: getattr(traits, name)[index] for name in Traits.__dataclass_fields__})


def _partial_hz(pitch: float, traits: Traits) -> Tensor:
    """[K]; the first partial of a string is at the pitch itself, however stiff it is."""
    f0 = torch.tensor([440 * 2 ** ((pitch - 69) / 12)]) / torch.sqrt(1 + traits.stiffness)
    detune = traits.detune_cents.where(traits.detune_cents.abs() > LEAST_DETUNE, 0)
    return frequencies(f0, traits.stiffness[None], detune[None])[0]


def _in_bands(partials: Tensor, noise: Tensor, hz: Tensor) -> Tensor:
    """[T, K] and [T, M] dB → [T, M] dB: what an ear finds in each band, partials and noise together."""
    bands = torch.log1p(torch.tensor(BAND_HZ).float() / 700)
    width = bands[1] - bands[0]
    near = (1 - (torch.log1p(hz / 700)[:, None] - bands).abs() / width).clamp_min(0) * (hz < HIGHEST_HZ)[:, None]  # [K, M]
    wide = width * (700 + torch.tensor(BAND_HZ).float()) / NOISE_UNIT_HZ
    power = (10 ** (partials / 10)) @ near + wide * 10 ** (noise / 10)
    return 10 * torch.log10(power + 1e-9)


def _gone_on(levels: Tensor, before: int, seconds: float) -> Tensor:
    """[T + 1, C]: one more level, `seconds` later; it never rises, and small changes are none."""
    slope = (levels[-1] - levels[before]).clamp(-60, 0)
    slope = -(-slope - STEADY_DB).clamp_min(0)
    return torch.cat([levels, (levels[-1] + slope * seconds)[None]])


def _flutter(traits: Traits, count: int, edges: int, generator: torch.Generator) -> Tensor:
    """[E, count] complex: how the first partials waver."""
    group = torch.log2(torch.arange(1, count + 1).float()).clamp(0, FLUTTERS - 1)
    middles = torch.arange(FLUTTERS).float()
    depth = resampled(traits.flutter_db[:, None], middles, group)[:, 0]
    often = resampled(traits.flutter_hz[:, None], middles, group)[:, 0]
    beats = float(((traits.flutter_db[:2].mean() - MOST_RANDOM_DB) / 0.4).clamp(0, 1))
    often = torch.lerp(often, traits.flutter_hz[0] * torch.arange(1, count + 1), beats)
    steps, step = edges // FLUTTER_STEP + 2, FLUTTER_STEP * BLOCK / RATE_HZ
    drawn = torch.view_as_real(fluttering(depth, often, steps, step, generator, beats=beats)).flatten(1)
    wanted = torch.arange(edges) / FLUTTER_STEP
    return torch.view_as_complex(resampled(drawn, torch.arange(steps).float(), wanted).reshape(edges, count, 2))


def _with_vibrato(tone: Tensor, traits: Traits, generator: torch.Generator) -> Tensor:
    """[N]: the pitch swings up and down, growing from 0.1 to 0.6 s; each swing a little different from the last."""
    cents, often = float(traits.vibrato_cents), float(traits.vibrato_hz)
    drift = torch.rand(3, generator=generator).tolist()
    if cents < 1:
        return tone
    seconds = torch.arange(len(tone), dtype=torch.float64) / RATE_HZ
    clock = seconds + 0.04 / often * torch.sin(2 * math.pi * (0.7 + 0.5 * drift[0]) * seconds + 6 * drift[1])
    growing = ((seconds - 0.1) / 0.5).clamp(0, 1) ** 2
    swing = growing * torch.sin(2 * math.pi * (often * clock + drift[2]))
    ratio = torch.exp2(cents / 1200 * swing) - 1
    return bent(tone, torch.cumsum(ratio, 0))


def _trimmed(x: Tensor) -> Tensor:
    """A rise of 1.5 ms and a fade of 20 ms, both without corners, so that nothing clicks."""
    rise, fade = round(RISE_SECONDS * RATE_HZ), round(FADE_SECONDS * RATE_HZ)
    x[:rise] *= 0.5 - 0.5 * torch.cos(math.pi * torch.arange(rise) / rise)
    x[-fade:] *= 0.5 + 0.5 * torch.cos(math.pi * (torch.arange(fade) + 1) / fade)
    return x
