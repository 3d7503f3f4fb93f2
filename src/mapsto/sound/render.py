"""Score → Audio: a score played by instruments and drums, in a room, as loud as music usually is. N counts samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from mapsto import device
from mapsto.errors import UsageError, nearest
from mapsto.media.audio import Sound
from mapsto.sound import bands
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.drums import DrumKit
from mapsto.sound.instrument import LONGEST_NOTE, Asked, Instruments, parts_of
from mapsto.sound.loudness import loudness, normalised
from mapsto.sound.room import in_room, placed
from mapsto.sound.score import DRUMS, TICKS, Note, Score, Track
from mapsto.sound.standins import stand_in

ROOM = 0.15
LONGEST_SECONDS = 1200.0
VARIANTS = 2
"""Takes of a note that is repeated, in turn, so that it does not sound like a machine."""

SIDES = {"bass": 0.0, "tenor": -0.3, "alto": 0.3, "melody": 0.08}
OTHER_SIDES = (0.1, -0.25, 0.25, -0.4, 0.4, 0.0)
DRUM_SIDES = {"closed hat": 0.25, "open hat": 0.25, "low tom": -0.25, "high tom": 0.2, "crash": -0.3, "ride": 0.35}

DRUMS_DB = -2.0
"""Of the drums, beside the notes."""

NOTE_LUFS = -23.0
MOST_BALANCED_DB = 10.0


@dataclass(frozen=True)
class Played:
    """Told after every track: how many are done, and how many there are."""

    done: int
    total: int


def render(
    score: Score,
    instruments: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
    room: float = ROOM,
    band: Instruments | None = None,
    kit: DrumKit | None = None,
    on_progress: Callable[[Played], object] | None = None,
) -> Sound:
    """Play a score: stereo, 44,100 Hz, −16 LUFS, true peak at most −1 dBFS.

    Args:
        score: What to play.
        instruments: By the name of a track, or "*" for all others, who plays it: {"melody": "flute:0.5,violin:0.5"}. By default
            the tracks' own, and a piano for an instrument that is not among ours.
        seed: Of phases and noise; the same gives the same samples.
        room: How much of a room is heard, 0 to 1.
        band: Who plays; the embedded instruments and the user's own by default.
        kit: The drums; the embedded ones by default.
        on_progress: Called after every track.

    Raises:
        UsageError: an unknown instrument or track, a seed out of range, or a piece of more than `LONGEST_SECONDS`.
    """
    device.generator(seed)
    if score.seconds > LONGEST_SECONDS:
        raise UsageError(
            f"The piece takes {score.seconds / 60:.0f} minutes; at most {LONGEST_SECONDS / 60:.0f} are played.", "Cut it first."
        )
    players = cast(score, instruments or {}, bands.names() if band is None else band.names)
    stage = torch.zeros(2, round(score.seconds * RATE_HZ) + 1)
    for number, track in enumerate(score.tracks):
        if track.notes and track.drums:
            stage = _added(stage, _drummed(track, score, kit or _kit(), seed))
        elif track.notes:
            side = SIDES.get(track.name, OTHER_SIDES[number % len(OTHER_SIDES)])
            player = players[track.name]
            made = _played(track, score, band or bands.band_of(player), player, seed + 7919 * number)
            stage = _added(stage, placed(made, side))
        if on_progress is not None:
            on_progress(Played(number + 1, len(score.tracks)))
    return normalised(Sound(_without_tail(in_room(stage, room)).numpy(), RATE_HZ))


def cast(score: Score, wanted: Mapping[str, str], known: list[str]) -> dict[str, str]:
    """Who plays each track that is no drums.

    Raises:
        UsageError: an unknown instrument, or a track that the score does not have.
    """
    names = [track.name for track in score.tracks if not track.drums]
    for name, text in wanted.items():
        if name not in names and name != "*":
            near = nearest(name, names) or names
            raise UsageError(f"There is no track called {name!r}.", f"There are {', '.join(near)}." if near else "")
        parts_of(text, known)
    own = {
        track.name: track.instrument if _is_known(track.instrument, known) else stand_in(track.instrument, known)
        for track in score.tracks
    }
    return {name: wanted.get(name, wanted.get("*", own[name])) for name in names}


def _is_known(text: str, known: list[str]) -> bool:
    try:
        return bool(parts_of(text, known))
    except UsageError:
        return False


@lru_cache(maxsize=1)
def _kit() -> DrumKit:
    return DrumKit.from_pretrained()


def _played(track: Track, score: Score, band: Instruments, player: str, seed: int) -> Tensor:
    """[N] of a track; notes that are alike are made once, or `VARIANTS` times."""
    spots: dict[Asked, list[int]] = {}
    taken: dict[tuple[int, int, int], int] = {}
    for note in track.notes:
        key = (note.pitch, note.length, note.velocity)
        take = taken[key] = (taken.get(key, -1) + 1) % VARIANTS
        spots.setdefault(_asked(note, score, 1000 * seed + take), []).append(_sample(note, score))
    timbre = band.timbre(player)
    gain = balance(band, timbre)
    made = [sound * gain for sound in band.notes(timbre, list(spots))]
    whole = torch.zeros(max(at + len(sound) for sound, ats in zip(made, spots.values(), strict=True) for at in ats))
    for sound, ats in zip(made, spots.values(), strict=True):
        for at in ats:
            whole[at : at + len(sound)] += sound
    return whole


def balance(band: Instruments, timbre: Tensor) -> float:
    """What brings a second in the middle of an instrument's range to `NOTE_LUFS`, so that nobody drowns the others."""
    low, high = band.network.pitches(timbre[None])[0].tolist()
    note = band.notes(timbre, [Asked((low + high) / 2, 1.0)])[0]
    apart_db = NOTE_LUFS - loudness(Sound(note[None].numpy(), RATE_HZ))
    return float(10 ** (min(max(apart_db, -MOST_BALANCED_DB), MOST_BALANCED_DB) / 20))


def _asked(note: Note, score: Score, seed: int) -> Asked:
    seconds = min(note.length / TICKS * 60 / score.tempo_bpm, LONGEST_NOTE)
    return Asked(float(note.pitch), seconds, note.velocity / 127, (131 * seed + note.pitch) % device.SEEDS)


def _sample(note: Note, score: Score) -> int:
    return round(note.start / TICKS * 60 / score.tempo_bpm * RATE_HZ)


def _drummed(track: Track, score: Score, kit: DrumKit, seed: int) -> Tensor:
    """[2, N] of a track of drums; a closed hat ends an open one."""
    names = {pitch: name for name, pitch in DRUMS.items()}
    made: dict[tuple[str, int, int], Tensor] = {}
    whole = torch.zeros(2, round(score.seconds * RATE_HZ) + 4 * RATE_HZ)
    closings = [_sample(note, score) for note in track.notes if names[note.pitch] == "closed hat"]
    for number, note in enumerate(track.notes):
        drum, at = names[note.pitch], _sample(note, score)
        key = (drum, note.velocity, number % (2 * VARIANTS))
        if key not in made:
            of_its_own = (1000 * seed + 10 * note.pitch + key[2]) % device.SEEDS
            made[key] = kit.stroke(drum, velocity=note.velocity / 127, seed=of_its_own)
        sound = made[key]
        if drum == "open hat":
            sound = _choked(sound, min((stop - at for stop in closings if stop > at), default=len(sound)))
        whole[:, at : at + len(sound)] += placed(sound * 10 ** (DRUMS_DB / 20), DRUM_SIDES.get(drum, 0.0))
    return whole


def _choked(sound: Tensor, at: int) -> Tensor:
    """Ended within 20 ms of a sample."""
    fade = min(round(0.02 * RATE_HZ), max(0, len(sound) - at))
    if fade == 0:
        return sound
    gain = torch.cat([torch.ones(at), 0.5 + 0.5 * torch.cos(math.pi * torch.arange(fade) / fade)])
    return sound[: at + fade] * gain


def _added(stage: Tensor, more: Tensor) -> Tensor:
    """Both together, as long as the longer."""
    if more.shape[1] > stage.shape[1]:
        stage, more = more.clone(), stage
    stage[:, : more.shape[1]] += more
    return stage


def _without_tail(x: Tensor) -> Tensor:
    """Up to where nothing is heard any more, and a fade of 50 ms before it."""
    level = x.abs().amax(0)
    heard = torch.nonzero(level > float(level.max()) * 10 ** (-72 / 20))
    if not len(heard):
        return x
    fade = round(0.05 * RATE_HZ)
    x = x[:, : int(heard[-1]) + fade].clone()
    fade = min(fade, x.shape[1])
    x[:, -fade:] *= 0.5 + 0.5 * torch.cos(math.pi * (torch.arange(fade) + 1) / fade)
    return x
