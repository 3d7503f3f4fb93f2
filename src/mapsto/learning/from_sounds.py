"""From a folder of recorded notes to an instrument of one's own.

    recordings = read_samples(Path("my_wavs"))
    start = weights.load("instruments")
    learned = notes_of(recordings, len(start.names))
    game = game_of(start, "bells", learned)
    for report in fit(game, NoteData(game.notes), plan, run): ...

The network is that of the instruments there are, and knows them still when it has learned one more: the new one is a point
among theirs, so that it can be mixed with each of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.learning.timbres import NoteData, TimbreGame
from mapsto.sound.analysis import BAND_HZ, FLOOR_DB, GRID_SECONDS, RATE_HZ, Parts, frequencies, take_apart
from mapsto.sound.critic import SpectrogramCritic
from mapsto.sound.instrument import Asked, Instruments
from mapsto.sound.learn import Notes, timbre_of
from mapsto.sound.samples import Recordings, Sample
from mapsto.sound.spectrum import log_spectral_distance
from mapsto.sound.timbre import TimbreVAE, Traits, features_of

Floats = NDArray[np.float64]

STEPS, BATCH = 300, 6
"""Of a training where nothing is said: a few minutes on one processor."""

MANY, HELD_OUT = 12, 6
"""From `MANY` notes on every `HELD_OUT`-th is held out where nothing is said; never the lowest or the highest."""

FEW = 4
"""Notes below which most pitches have to be guessed."""

LEVEL_DB = -20.0
"""Of the first second of a note at `USUAL` velocity, the median."""

USUAL = 0.7
"""Velocity of a note whose name tells none."""

OTHERS = (0.4, 1.0)
"""Velocities at which such a note is shown as well: see `struck`."""

LOUDER_POWER = 2.0
"""Amplitude goes with velocity to this power, as General MIDI recommends."""

DULL_DB, DULL_HZ = 6.0, 1000.0
"""For every octave above `DULL_HZ` a note gets brighter by so much from velocity 0 to 1."""

ENDED_DB = -45.0
"""A recording that ends so far below its loudest has not been cut off."""

LEARNED_SECONDS = 3.4
FASTEST_FADE = 80.0
"""dB a second at most, by which a note is taken to go on fading after its recording ends."""


def notes_of(recordings: Recordings, who: int, chosen: Sequence[int] | None = None) -> Notes:
    """Notes taken apart, at one level; those whose velocity nobody told at two more.

    Args:
        recordings: Of one instrument.
        who: Its number.
        chosen: Which of them; all by default.
    """
    notes = [recordings.notes[i] for i in (range(len(recordings)) if chosen is None else chosen)]
    gain_db = level_of(recordings)
    low, high = recordings.notes[0].pitch, recordings.notes[-1].pitch
    rows = []
    for note in notes:
        parts = take_apart(note.samples, note.hz, note.held_seconds, may_ring=True)
        for velocity in (note.velocity,) if note.velocity is not None else (USUAL, *OTHERS):
            rows.append(_row(note, parts, velocity, gain_db, who, (low, high)))
    columns = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    traits = Traits(**{key: columns.pop(key) for key in Traits.__dataclass_fields__})
    found = Notes(**columns, traits=traits, features=torch.zeros(len(rows), 1))
    return replace(found, features=features_of(found.partials_db, found.noise_db, found.hz))


def level_of(recordings: Recordings) -> float:
    """What brings the notes of an instrument to `LEVEL_DB`, in dB."""
    levels = []
    for note in recordings.notes:
        power = float(np.square(note.samples[:RATE_HZ]).sum()) / RATE_HZ
        levels.append(10 * math.log10(power + 1e-12) - float(struck(note.velocity or USUAL, np.array([DULL_HZ]))[0]))
    return LEVEL_DB - statistics.median(levels)


def struck(velocity: float, hz: Floats) -> Floats:
    """dB by which a note of some velocity differs from one of `USUAL` velocity at some frequencies."""
    louder = 20 * LOUDER_POWER * math.log10(velocity / USUAL)
    return louder + DULL_DB * (velocity - USUAL) * np.log2(np.maximum(hz, 1.0) / DULL_HZ).clip(0, 4)


def _row(
    note: Sample, parts: Parts, velocity: float, gain_db: float, who: int, limits: tuple[float, float]
) -> dict[str, Tensor]:
    """The columns of `Notes` for one note."""
    told = velocity if note.velocity is None else USUAL  # a note of a named velocity is as it is
    hz = frequencies(parts.f0_hz, parts.stiffness, parts.detune_cents)
    fades = note.held_seconds > 0.99 * len(note.samples) / RATE_HZ
    known = LEARNED_SECONDS if fades and _has_ended(note.samples) else min(len(parts.straight) / RATE_HZ, LEARNED_SECONDS)
    audio = np.zeros(round(LEARNED_SECONDS * RATE_HZ))
    audio[: len(parts.straight)] = _filtered(parts.straight, told)[: len(audio)] * 10 ** (gain_db / 20)
    trusted = np.zeros(len(GRID_SECONDS), bool)
    trusted[: len(parts.trusted)] = parts.trusted
    return {
        "who": torch.tensor(who),
        "pitch": torch.tensor(69 + 12 * math.log2(parts.f0_hz / 440)).float(),
        "velocity": torch.tensor(velocity).float(),
        "partials_db": torch.tensor(_gone_on(parts.partials_db, fades=fades) + struck(told, hz) + gain_db).float(),
        "noise_db": torch.tensor(_gone_on(parts.noise_db, fades=fades) + struck(told, BAND_HZ) + gain_db).float(),
        "trusted": torch.tensor(trusted),
        "f0_hz": torch.tensor(parts.f0_hz).float(),
        "audio": torch.tensor(audio).half(),
        "seconds": torch.tensor(known).float(),
        "range": torch.tensor(limits).float(),
        "stiffness": torch.tensor(parts.stiffness).float(),
        "release": torch.tensor(parts.release_db_per_second).float(),
        "vibrato_cents": torch.tensor(parts.vibrato_cents).float(),
        "vibrato_hz": torch.tensor(parts.vibrato_hz).float(),
        "flutter_db": torch.tensor(parts.flutter_db).float(),
        "flutter_hz": torch.tensor(parts.flutter_hz).float(),
        "detune_cents": torch.tensor(parts.detune_cents).float(),
    }


def _has_ended(x: Floats) -> bool:
    """Whether a note faded to nothing before its recording ended, or was cut off."""
    last = x[-round(0.02 * RATE_HZ) :]
    return bool(np.square(last).mean() < 10 ** (ENDED_DB / 10) * np.square(x).max())


def _filtered(x: Floats, velocity: float) -> Floats:
    """A note as if it had been struck otherwise."""
    if velocity == USUAL:
        return x
    hz = np.asarray(np.fft.rfftfreq(len(x), 1 / RATE_HZ), np.float64)
    gains = 10 ** (struck(velocity, hz) / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(x) * gains, len(x)), np.float64)


def _gone_on(levels: Floats, *, fades: bool) -> Floats:
    """[T′, C] dB → [T, C] at all of `GRID_SECONDS`: a note that fades goes on as it did last, others stay."""
    count = len(levels)
    more = GRID_SECONDS[count:, None] - GRID_SECONDS[count - 1]
    before = int(np.searchsorted(GRID_SECONDS[:count], GRID_SECONDS[count - 1] - 0.3)) if fades else count - 1
    passed = max(GRID_SECONDS[count - 1] - GRID_SECONDS[before], 0.05)
    slope = ((levels[-1] - levels[before]) / passed).clip(-FASTEST_FADE, 0)
    return np.concatenate([levels, np.maximum(levels[-1] + slope * more, FLOOR_DB)])


# ---- what is trained ----


def check_name(start: TimbreVAE, name: str) -> None:
    """Refuse the name of an instrument there is.

    Raises:
        UsageError: it is taken.
    """
    if name in start.names:
        raise UsageError(f"There is an instrument called {name!r} already.", "Choose another with --name.")


def extended(start: TimbreVAE, name: str, notes: Notes) -> TimbreVAE:
    """A network that knows one instrument more: it begins where the encoder puts its notes."""
    check_name(start, name)
    wide = TimbreVAE(**{**start.config, "names": [*start.names, name]})
    with torch.no_grad():
        begin = timbre_of(start, notes)[0].mean(0, keepdim=True)
        wide.load_state_dict({**start.state_dict(), "points": torch.cat([start.points, begin])})
    return wide


def game_of(start: TimbreVAE, name: str, notes: Notes, *, adversarial: bool = False, seed: int = 0) -> TimbreGame:
    """What is played to learn one instrument more.

    Args:
        start: The network that is begun with; it stays as it is.
        name: Of the instrument.
        notes: Of it, learned and held out.
        adversarial: Against a critic.
        seed: Of the critic's weights.

    Raises:
        UsageError: the name is taken.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = SpectrogramCritic() if adversarial else None
    return TimbreGame(extended(start, name, notes), notes, teacher=start, critic=critic, rate=6e-4)


def split(recordings: Recordings, part: float | None) -> tuple[list[int], list[int]]:
    """Which notes are learned from and which are held out: the latter evenly over the pitches, neither lowest nor highest.

    Args:
        recordings: By pitch.
        part: To hold out; None decides by how many there are.
    """
    count = len(recordings)
    wanted = (count // HELD_OUT if count >= MANY else 0) if part is None else round(part * count)
    inner = max(0, count - 2)
    held = sorted({1 + round((i + 0.5) * inner / wanted - 0.5) for i in range(min(wanted, inner))})
    return [i for i in range(count) if i not in held], held


def judged(network: TimbreVAE, recordings: Recordings, chosen: Sequence[int]) -> dict[str, float]:
    """How near the last instrument of a network comes to some notes: medians of log-spectral distances in dB."""
    band, gain = Instruments(network), 10 ** (level_of(recordings) / 20)
    rows = []
    for note in (recordings.notes[i] for i in chosen):
        asked = Asked(note.pitch, note.held_seconds, note.velocity or USUAL, 1)
        made = band.notes(network.points[-1], [asked])[0]
        recorded = torch.tensor(note.samples * gain).float()
        size = min(len(made), len(recorded))
        both = made[None, :size], recorded[None, :size]
        rows.append([float(log_spectral_distance(*both, heard_only=only)) for only in (False, True)])
    medians = [round(statistics.median(column), 2) for column in zip(*rows, strict=True)]
    return dict(zip(("log_spectral_distance_db", "heard_only_db"), medians, strict=True))


def moved(network: TimbreVAE, start: TimbreVAE) -> float:
    """How far the instruments of the start have gone, in dB as an ear hears it: the median."""
    before, after = Instruments(start), Instruments(network)
    apart = []
    for number in range(len(start.names)):
        low, high = start.pitches(start.points[number : number + 1])[0].tolist()
        pitch = min(max((low + high) / 2, 0.0), 127.0)
        apart.append(_between(before, after, number, pitch))
    return round(statistics.median(apart), 2)


@torch.no_grad()
def _between(before: Instruments, after: Instruments, number: int, pitch: float) -> float:
    one, other = (band.note(band.network.points[number], pitch=pitch, seconds=1.0) for band in (before, after))
    size = min(len(one), len(other))
    return float(log_spectral_distance(other[None, :size], one[None, :size]))


def card_of(recordings: Recordings, folder: str, licence: str, recipe: str, start: Mapping[str, Any]) -> dict[str, Any]:
    """The story that goes with the weights.

    Args:
        recordings: All that was learned from.
        folder: Its name.
        licence: Of the recordings.
        recipe: How.
        start: Card of the network that was begun with.
    """
    data = f"{folder}: {len(recordings)} notes, sha256 {recordings.digest[:16]}; licence {licence}"
    return {
        "recipe": recipe,
        "data": f"{data}; and {start.get('data')}",
        "licence": f"{licence}; and {start.get('licence')}",
        "scores": {},
    }


def data_of(game: TimbreGame, count: int) -> NoteData:
    """The first notes of a game, to learn from; the others are held out."""
    return NoteData(game.notes, range(count))
