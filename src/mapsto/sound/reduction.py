"""Any score → four voices on a grid, and four voices → a score.

A score whose tracks are lines called after the voices comes back as it is. Of other music, the melody is the highest line that
sounds, the bass the lowest, and what lies between goes to the inner voice that was nearest; what finds no place is left out.
Off the grid, triplets for one, a note begins at the nearest sixteenth.

    V voices, 4: bass, tenor, alto, melody   T steps of a sixteenth
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise, product
from statistics import fmean, median
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mapsto.errors import UsageError, nearest
from mapsto.sound.score import DRUMS, HOLD, REST, STEP, VOICES, Drums, Grid, Meter, Note, Score, Track

BASS, TENOR, ALTO, MELODY = range(4)

CALLED = {
    "bass": BASS,
    "basso": BASS,
    "bassus": BASS,
    "tenor": TENOR,
    "alto": ALTO,
    "altus": ALTO,
    "contralto": ALTO,
    "cantus": MELODY,
    "melody": MELODY,
    "soprano": MELODY,
    "vocals": MELODY,
    "voice": MELODY,
}
"""Names of tracks that say which voice they are; numbers behind them are ignored."""

VELOCITIES = (76, 68, 68, 84)
"""How loud the voices are, 1…127, on an eighth that is not accented."""

ACCENTS = (16, 10, 6, 0, -6)
"""Added at the beginning of a bar, in its middle where it has two halves, on other beats, on other eighths, and elsewhere."""


class Held(NamedTuple):
    """A note in steps: from `start` up to, not with, `end`."""

    start: int
    end: int
    pitch: int


Line: TypeAlias = list[Held]


# ---- score → grid ----


def reduced(score: Score) -> Grid:
    """A score in four voices, int64 [4, T] with T = `score.steps`; all silent where only drums play.

    Lines that are called after voices (`CALLED`) are those voices. Two to four lines without such names are voices in order of
    their mean pitch; one alone is the melody. Everything else is told apart by pitch, see `Ear`.
    """
    lines = [(track.name, _steps_of(track, score.steps)) for track in score.tracks if track.notes and not track.drums]
    grid = np.full((len(VOICES), score.steps), REST, np.int64)
    for voice, line in enumerate(_voices(lines)):
        _write(line, grid[voice], lowest=voice == BASS)
    return grid


def struck(score: Score) -> Drums:
    """What the drum tracks play, float32 [9, T]: velocity / 127 where a drum is struck; where two meet, the louder."""
    drums = np.zeros((len(DRUMS), score.steps), np.float32)
    rows = {pitch: row for row, pitch in enumerate(DRUMS.values())}
    for note in (note for track in score.tracks if track.drums for note in track.notes):
        at = rows[note.pitch], min(_step(note.start), score.steps - 1)
        drums[at] = max(drums[at], note.velocity / 127)
    return drums


def _step(tick: int) -> int:
    """The nearest step; no tick lies in the middle of two."""
    return (tick + 1) // STEP


def _steps_of(track: Track, steps: int) -> Line:
    starts = ((min(_step(note.start), steps - 1), note) for note in track.notes)
    return [Held(start, max(start + 1, _step(note.end)), note.pitch) for start, note in starts]


def _voices(lines: Sequence[tuple[str, Line]]) -> list[Line]:
    """Which notes every voice gets, by track; lines that are called after a voice are taken by their word."""
    single = [_is_line(line) for _, line in lines]
    voices = [_called(name) if is_line else None for (name, _), is_line in zip(lines, single, strict=True)]
    voices = [voice if voices.count(voice) == 1 else None for voice in voices]
    if all(single) and len(lines) <= len(VOICES) and None in voices:
        voices = list(_by_height([line for _, line in lines]))
    known = [(note, voice) for (_, line), voice in zip(lines, voices, strict=True) for note in line]
    return Ear(known).listen() if None in voices else _dealt(known)


def _called(name: str) -> int | None:
    return CALLED.get(name.casefold().strip(" 0123456789.:#"))


def _is_line(line: Line) -> bool:
    """Whether notes follow each other, but for one in twenty: ornaments fall together on the grid.

    A note may sound a sixteenth into the next, as when played legato.
    """
    follows = [note.start < after.start and note.end <= after.start + 1 for note, after in pairwise(line)]
    return sum(follows) >= 0.95 * len(follows)


def _by_height(lines: list[Line]) -> Iterator[int]:
    """One line is the melody; two are melody and bass; a third is the alto, a fourth the tenor."""
    order = sorted(range(len(lines)), key=lambda index: -fmean(note.pitch for note in lines[index]))
    among = {1: [MELODY], 2: [MELODY, BASS], 3: [MELODY, ALTO, BASS], 4: [MELODY, ALTO, TENOR, BASS]}[len(lines)]
    return (among[order.index(index)] for index in range(len(lines)))


def _dealt(known: Sequence[tuple[Held, int | None]]) -> list[Line]:
    return [[note for note, voice in known if voice == each] for each in range(len(VOICES))]


def _write(line: Line, row: Grid, *, lowest: bool) -> None:
    """Write a voice into its row: of notes that begin together the highest (or lowest); a new note ends the one before."""
    chosen: Callable[..., Held] = min if lowest else max
    together = groupby(sorted(line), key=lambda note: note.start)
    notes = [chosen(chord, key=lambda note: (note.pitch, note.end)) for _, chord in together]
    until = [note.start for note in notes[1:]] + [len(row)] * bool(notes)
    for note, end in zip(notes, until, strict=True):
        row[note.start] = note.pitch
        row[note.start + 1 : min(note.end, end)] = HOLD


# ---- telling voices apart by their pitch ----


@dataclass
class _Voice:
    """What is remembered of an inner voice: its last pitch, and until when it sounds."""

    pitch: float
    end: int = 0


class Ear:
    """Hears four voices in notes of which some may be known already.

    At every onset the highest new note is the melody's, unless a higher one still sounds; of the others the lowest is the
    bass's, unless a lower one still sounds. What is left goes to alto and tenor at the least cost in semitones: of leaping, of
    cutting a note that sounds, of crossing, and of taking the tenor, since a single line in the middle is the alto.

    Args:
        known: Notes, and their voice where it is known; that voice then takes no others.
    """

    CUT, CROSS, LOW = 12, 12, 6

    def __init__(self, known: Sequence[tuple[Held, int | None]]) -> None:
        self.known = sorted(known, key=lambda each: each[0])
        self.free = set(range(len(VOICES))) - {voice for _, voice in known}
        high, low = _heights([note for note, _ in self.known])
        self.inner = {TENOR: _Voice(low + (high - low) / 3), ALTO: _Voice(high - (high - low) / 3)}
        self.lines: list[Line] = [[] for _ in VOICES]

    def listen(self) -> list[Line]:
        """The notes of each voice, [4]."""
        sounding: Line = []
        for now, chord in groupby(self.known, key=lambda each: each[0].start):
            sounding = [note for note in sounding if note.end > now]
            begun = list(chord)
            sounding += [note for note, voice in begun if voice is not None]
            for note, voice in begun:
                if voice is not None:
                    self._give(note, voice)
            new = sorted((note for note, voice in begun if voice is None), key=lambda note: note.pitch)
            self._place_inner(self._place_outer(new, [note.pitch for note in sounding]), now)
            sounding += new
        return self.lines

    def _place_outer(self, new: Line, sounding: Sequence[int]) -> Line:
        """Give the highest and the lowest of new notes, in ascending order, to melody and bass; → the rest."""
        if new and MELODY in self.free and new[-1].pitch >= max(sounding, default=0):
            self._give(new[-1], MELODY)
            new = new[:-1]
        if new and BASS in self.free and new[0].pitch <= min(sounding, default=127):
            self._give(new[0], BASS)
            new = new[1:]
        return new

    def _place_inner(self, new: Line, now: int) -> None:
        """Give one or two of new notes, in ascending order, to alto and tenor; what is more finds no place."""
        free = [voice for voice in (TENOR, ALTO) if voice in self.free]
        if len(free) == 2 and len(new) >= 2:
            low, high = min(
                combinations(new, 2), key=lambda two: self._cost(two[0], TENOR, now) + self._cost(two[1], ALTO, now)
            )
            self._give(low, TENOR)
            self._give(high, ALTO)
        elif free and new:
            note, voice = min(product(new, free), key=lambda one: self._cost_alone(one[0], one[1], now))
            self._give(note, voice)

    def _cost(self, note: Held, voice: int, now: int) -> float:
        return abs(note.pitch - self.inner[voice].pitch) + self.CUT * (self.inner[voice].end > now)

    def _cost_alone(self, note: Held, voice: int, now: int) -> float:
        other = self.inner[TENOR + ALTO - voice]
        crosses = note.pitch < other.pitch if voice == ALTO else note.pitch > other.pitch
        return self._cost(note, voice, now) + self.CROSS * (crosses and other.end > now) + self.LOW * (voice == TENOR)

    def _give(self, note: Held, voice: int) -> None:
        self.lines[voice].append(note)
        if voice in self.inner:
            self.inner[voice] = _Voice(note.pitch, note.end)


def _heights(notes: Line) -> tuple[float, float]:
    """About where melody and bass move: medians of the highest and lowest of notes that begin together."""
    chords = [[note.pitch for note in chord] for _, chord in groupby(notes, key=lambda note: note.start)]
    several = [chord for chord in chords if len(chord) > 1] or chords
    return median(map(max, several)), median(map(min, several))


# ---- grid → score ----


def voices_of(
    grid: npt.ArrayLike, meter: Meter, *, drums: npt.ArrayLike | None = None, instruments: Mapping[str, str] | None = None
) -> tuple[Track, ...]:
    """A track for each voice that sounds, melody first, and one for the drums.

    How loud a note is follows from its voice (`VELOCITIES`) and its place in the bar (`ACCENTS`); drums say it themselves.

    Args:
        grid: [4, T], pitches, `REST` or `HOLD`; a hold of no note is a rest.
        meter: Of its bars.
        drums: [9, T] in [0, 1].
        instruments: Who plays which voice; a piano where nothing is said.

    Raises:
        UsageError: not such grids, or an unknown voice.
    """
    players = dict(instruments or {})
    if unknown := sorted(set(players) - set(VOICES)):
        like = nearest(unknown[0], list(VOICES)) or list(VOICES)
        raise UsageError(f"There is no voice {unknown[0]!r}.", f"Try {', '.join(like)}.")
    rows = reversed(list(enumerate(_checked(grid))))
    sung = ((VOICES[voice], _notes_of(row, voice, meter)) for voice, row in rows)
    tracks = [Track(name, notes, players.get(name, "piano")) for name, notes in sung if notes]
    beaten = () if drums is None else _beats_of(drums)
    return (*tracks, *([Track("drums", beaten, "drums", drums=True)] if beaten else []))


def _checked(grid: npt.ArrayLike) -> Grid:
    """[4, T] int64.

    Raises:
        UsageError: another shape, no whole numbers, or values that are neither pitches nor `REST` nor `HOLD`.
    """
    values = np.asarray(grid)
    if values.ndim != 2 or len(values) != len(VOICES) or not np.issubdtype(values.dtype, np.integer):
        raise UsageError(
            f"A grid of shape {list(values.shape)} and type {values.dtype} is no score.", "Give whole numbers [4, steps]."
        )
    if values.size and not (values.min() >= min(REST, HOLD) and values.max() <= 127):
        raise UsageError(f"The grid has values of {values.min()}…{values.max()}.", "Give pitches of 0…127, −1 or −2.")
    return values.astype(np.int64)


def _notes_of(row: Grid, voice: int, meter: Meter) -> tuple[Note, ...]:
    turns = np.flatnonzero(row != HOLD)  # where something begins, be it silence
    ends = np.append(turns[1:], len(row))
    begun = row[turns] >= 0
    return tuple(
        Note(start * STEP, (end - start) * STEP, pitch, VELOCITIES[voice] + accent(start * STEP, meter))
        for start, end, pitch in zip(turns[begun].tolist(), ends[begun].tolist(), row[turns[begun]].tolist(), strict=True)
    )


def _beats_of(drums: npt.ArrayLike) -> tuple[Note, ...]:
    values = np.asarray(drums)
    if values.ndim != 2 or len(values) != len(DRUMS) or not ((values >= 0) & (values <= 1)).all():
        raise UsageError(f"Drums of shape {list(values.shape)} cannot be played.", "Give [9, steps] of values in [0, 1].")
    pitches = list(DRUMS.values())
    rows, steps = (each.tolist() for each in np.nonzero(values))
    return tuple(
        Note(step * STEP, STEP, pitches[row], max(1, round(float(values[row, step]) * 127)))
        for row, step in zip(rows, steps, strict=True)
    )


def accent(tick: int, meter: Meter) -> int:
    """What is added to the velocity of a note at a place in the bar, see `ACCENTS`."""
    within = tick % meter.ticks
    if within == 0:
        return ACCENTS[0]
    if meter.ticks // meter.pulse % 2 == 0 and 2 * within == meter.ticks:
        return ACCENTS[1]
    if within % meter.pulse == 0:
        return ACCENTS[2]
    return ACCENTS[3] if within % (2 * STEP) == 0 else ACCENTS[4]
