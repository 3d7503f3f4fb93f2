"""Which symbols a score is written with: values, dots, ties, triplets, beams and names of pitches.

A duration takes as many tied notes as it needs, over bar lines and wherever a reader expects to see the beat. In a beat that is
not divided by four, notes are a triplet's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

from mapsto.sound.score import FIFTHS, STEP, TICKS, Meter, Note, Score, Track

VALUES = {48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1), 12: ("quarter", 0)} | {
    9: ("eighth", 1),
    6: ("eighth", 0),
    3: ("16th", 0),
}
"""Ticks of notes, the longest first: their type, and dots."""

IN_TRIPLETS = {8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 3: ("16th", 1), 2: ("16th", 0), 1: ("32nd", 0)}
"""Ticks of notes of which three take the time of two."""

FLAGS = {"eighth": 1, "16th": 2, "32nd": 3}


class Chord(NamedTuple):
    """Pitches that sound from one tick up to, not with, another; no pitches are a rest."""

    start: int
    end: int
    pitches: tuple[int, ...] = ()


class Written(NamedTuple):
    """One symbol.

    Args:
        start: Its tick.
        length: In ticks.
        pitches: None of them for a rest.
        tied: Whether it goes on from the one before, and whether the next goes on from it.
        triplet: Whether three take the time of two.
        bracket: start or stop, where a triplet begins or ends.
    """

    start: int
    length: int
    pitches: tuple[int, ...]
    tied: tuple[bool, bool] = (False, False)
    triplet: bool = False
    bracket: str = ""

    @property
    def look(self) -> tuple[str, int]:
        """Its type, and how many dots it has."""
        return (IN_TRIPLETS if self.triplet else VALUES)[self.length]

    @property
    def flags(self) -> int:
        """How many beams it can have."""
        return FLAGS.get(self.look[0], 0) if self.pitches else 0


def voices_of(track: Track, meter: Meter) -> list[list[Chord]]:
    """The chords of a track, in as many voices as are needed so that none overlap in one; at least one voice."""
    notes = _unpitched(track, meter) if track.drums else track.notes
    chords: dict[tuple[int, int], list[int]] = {}
    for note in notes:
        chords.setdefault((note.start, note.end), []).append(note.pitch)
    voices: list[list[Chord]] = [[]]
    for (start, end), pitches in sorted(chords.items(), key=lambda each: (each[0][0], -max(each[1]))):
        free = next((voice for voice in voices if not voice or voice[-1].end <= start), None)
        if free is None:
            voices.append(free := [])
        free.append(Chord(start, end, tuple(pitches)))
    return voices


def _unpitched(track: Track, meter: Meter) -> Iterator[Note]:
    """Strokes, which have no length to be heard, up to the next one or the next beat."""
    starts = sorted({note.start for note in track.notes})
    until = {start: min(after, start + meter.pulse - start % meter.ticks % meter.pulse) for start, after in pairwise(starts)}
    for note in track.notes:
        last = note.start + meter.pulse - note.start % meter.ticks % meter.pulse
        yield Note(note.start, until.get(note.start, last) - note.start, note.pitch, note.velocity)


def written(chords: Sequence[Chord], start: int, end: int, meter: Meter) -> list[Written]:
    """The symbols of one voice in one bar, rests included, without gaps.

    Args:
        chords: Those that sound in the bar, in order; they may begin before it and end after it.
        start: Tick at which the bar begins.
        end: Tick at which it ends.
        meter: Of the bar.
    """
    cell = TICKS if meter.unit == 4 else TICKS // 2
    pieces = list(_with_rests(chords, start, end))
    edges = {tick - start for piece in pieces for tick in (piece.start, piece.end) if start < tick < end}
    uneven = {edge // cell for edge in edges if edge % STEP}
    symbols: list[Written] = []
    for piece in pieces:
        at, sounds = max(piece.start, start), bool(piece.pitches)
        for length, triplet in _lengths(at - start, min(piece.end, end) - start, uneven, cell, meter.pulse):
            tied = (sounds and at > piece.start, sounds and at + length < piece.end)
            bracket = _bracket(at - start, length, cell) if triplet else ""
            symbols.append(Written(at, length, piece.pitches, tied, triplet, bracket))
            at += length
    return symbols


def _with_rests(chords: Sequence[Chord], start: int, end: int) -> Iterator[Chord]:
    now = start
    for chord in chords:
        if chord.start > now:
            yield Chord(now, chord.start)
        yield chord
        now = chord.end
    if now < end:
        yield Chord(now, end)


def _bracket(at: int, length: int, cell: int) -> str:
    return "start" if at % cell == 0 else "stop" if (at + length) % cell == 0 else ""


def _lengths(at: int, end: int, uneven: set[int], cell: int, pulse: int) -> Iterator[tuple[int, bool]]:
    """Lengths of the symbols from one place in the bar to another, and whether they are a triplet's.

    Args:
        at: Ticks from the beginning of the bar.
        end: Likewise.
        uneven: Cells that are divided by three.
        cell: Ticks that three notes may share.
        pulse: Ticks of a beat.
    """
    while at < end:
        number = at // cell
        if number in uneven:
            rest = min(end, (number + 1) * cell) - at
            length = next(value for value in IN_TRIPLETS if value <= rest)
        else:
            stop = min([end, *(each * cell for each in uneven if each > number)])
            length = next(value for value in VALUES if value <= stop - at and _is_readable(at, value, stop - at, pulse))
        yield length, number in uneven
        at += length


def _is_readable(at: int, value: int, rest: int, pulse: int) -> bool:
    """Whether a note that still has to last `rest` ticks can take a value here so that the beat is seen.

    It begins with a beat, or stays within one, or is all of a quarter from one eighth to another.
    """
    within = at % pulse
    if within == 0 and pulse > TICKS:  # of three eighths: it takes several whole beats, or less than one
        return value < pulse or value % pulse == 0
    return within == 0 or within + value <= pulse or (pulse == TICKS == value == rest and within == TICKS // 2)


def beams_of(symbols: Sequence[Written], start: int, pulse: int) -> list[list[str]]:
    """For every symbol of a bar, what each of its beams does, in MusicXML's words; nothing where it stands alone.

    Notes shorter than a quarter share beams within a beat, up to a rest or a longer note.
    """
    beams: list[list[str]] = [[] for _ in symbols]
    places = groupby(range(len(symbols)), key=lambda at: ((symbols[at].start - start) // pulse, symbols[at].flags > 0))
    for (_, beamed), group in places:
        together = list(group)
        if beamed and len(together) > 1:
            for level in range(1, max(symbols[at].flags for at in together) + 1):
                flagged = [(at, symbols[at].flags >= level) for at in together]
                for has, part in groupby(flagged, key=itemgetter(1)):
                    if has:
                        _join([at for at, _ in part], together[0], beams)
    return beams


def _join(part: Sequence[int], first: int, beams: list[list[str]]) -> None:
    """One more beam for symbols that stand beside each other; a single one gets a hook."""
    if len(part) == 1:
        beams[part[0]].append("forward hook" if part[0] == first else "backward hook")
        return
    for at in part:
        beams[at].append("begin" if at == part[0] else "end" if at == part[-1] else "continue")


def by_bar(voice: Sequence[Chord], score: Score) -> dict[int, list[Chord]]:
    """The chords that sound in each bar, one that lasts in several."""
    bars: dict[int, list[Chord]] = {}
    for chord in voice:
        for bar in range(chord.start // score.meter.ticks, -(-chord.end // score.meter.ticks)):
            bars.setdefault(bar, []).append(chord)
    return bars


def spelled(pitch: int, key: str) -> tuple[str, int, int]:
    """Step, alteration and octave of a pitch: of its names the one that lies nearest to the key on the line of fifths.

    On that line, … B♭ F C G D …, C major has its scale from F to B. What is altered is looked for from E♭ to G♯, so that
    the leading notes of A and D minor are written as such; other keys likewise.
    """
    lowest = FIFTHS[key] - 3
    fifths = lowest + (7 * pitch - lowest) % 12
    step, alter = "FCGDAEB"[(fifths + 1) % 7], (fifths + 1) // 7
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step]
    return step, alter, (pitch - alter - natural) // 12 - 1
