"""Written music: tracks of notes in bars of one meter and one tempo, played by named instruments.

    >>> song = Score.read("tune.mid").transposed(2)
    >>> song.save("tune.musicxml")                 # .mid, .musicxml, .png or .svg (a piano roll), .wav or .flac
    >>> Score.of_grid(song.grid(), song.meter)     # [4, T]: what is left of it in four voices

Time is counted in ticks, 12 a quarter note: a sixteenth has 3, an eighth of a triplet 4. The networks know a coarser time of
steps, a sixteenth each, in a *grid*: int64 [4, T], the voices `VOICES`, at each step the MIDI pitch (60 is middle C) of the
note that begins there, `REST`, or `HOLD` where the note before goes on. Drums stand beside it: [9, T], the drums `DRUMS`, how
hard they are struck in [0, 1], 0 for silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mapsto.errors import UsageError, nearest

Grid: TypeAlias = npt.NDArray[np.int64]
"""[4, T], see the top of this file."""

Drums: TypeAlias = npt.NDArray[np.float32]
"""[9, T] in [0, 1]."""

TICKS = 12
"""A quarter note."""

STEP = 3
"""Ticks of a sixteenth."""

REST, HOLD = -1, -2
"""Silence; the note before goes on."""

VOICES = ("bass", "tenor", "alto", "melody")

DRUMS = {
    "kick": 36,
    "snare": 38,
    "closed hat": 42,
    "open hat": 46,
    "low tom": 45,
    "mid tom": 47,
    "high tom": 50,
    "crash": 49,
    "ride": 51,
}
"""Our nine drums, and the pitches by which General MIDI and the notes of a drum track call them."""

FIFTHS = {
    name: fifths
    for names in ("Cb Gb Db Ab Eb Bb F C G D A E B F# C#", "Abm Ebm Bbm Fm Cm Gm Dm Am Em Bm F#m C#m G#m D#m A#m")
    for fifths, name in enumerate(names.split(), start=-7)
}
"""The keys, major and minor, and how many sharps they have; flats count below zero."""

SLOWEST, FASTEST = 10, 400
"""Tempos that can be told, in quarter notes a minute."""

Blend: TypeAlias = tuple[tuple[str, float], ...]
"""Names of styles and their weights."""


@dataclass(frozen=True, order=True, slots=True)
class Note:
    """One note.

    Args:
        start: In ticks from the beginning of the piece, ≥ 0.
        length: In ticks, ≥ 1.
        pitch: 0…127, 60 is middle C; in a drum track one of the values of `DRUMS`.
        velocity: How loud, 1…127, as in MIDI.
    """

    start: int
    length: int
    pitch: int
    velocity: int = 80

    @property
    def end(self) -> int:
        """The first tick at which it does not sound any more."""
        return self.start + self.length


@dataclass(frozen=True)
class Track:
    """What one instrument plays. No pitch sounds twice at once: a note ends where the next of its pitch begins.

    Args:
        name: What the line is called, such as one of `VOICES`.
        notes: In any order; they are kept in order of start, then pitch.
        instrument: Who plays it.
        drums: Whether the pitches are drums.

    Raises:
        UsageError: a note out of range, or a pitch that is none of `DRUMS` among drums.
    """

    name: str
    notes: tuple[Note, ...] = ()
    instrument: str = "piano"
    drums: bool = False

    def __post_init__(self) -> None:
        for note in self.notes:
            _check_note(note, self)
        object.__setattr__(self, "notes", _in_order(self.notes))

    @property
    def end(self) -> int:
        """The tick at which the last note has ended; 0 where there is none."""
        return max((note.end for note in self.notes), default=0)


@dataclass(frozen=True)
class Meter:
    """How bars are counted.

    Args:
        beats: How many of the unit a bar has.
        unit: 4 for quarter notes, 8 for eighths.

    Raises:
        UsageError: another unit, or a bar of more than 32 sixteenths or none.
    """

    beats: int = 4
    unit: int = 4

    def __post_init__(self) -> None:
        if self.unit not in (4, 8) or not 1 <= self.steps <= 32:
            raise UsageError(
                f"A meter of {self.beats}/{self.unit} cannot be written.",
                "Give n/4 or n/8 with at most 32 sixteenths a bar, such as 4/4, 3/4 or 6/8.",
            )

    @classmethod
    def of(cls, text: str) -> Meter:
        """A meter as it is spelled: "3/4".

        Raises:
            UsageError: not spelled like that, or none that can be written.
        """
        beats, slash, unit = text.strip().partition("/")
        if not (slash and beats.isascii() and beats.isdecimal() and unit.isascii() and unit.isdecimal()):
            raise UsageError(f"{text!r} is not a meter.", "Spell it as 4/4, 3/4 or 6/8.")
        return cls(int(beats), int(unit))

    @property
    def steps(self) -> int:
        """Sixteenths a bar."""
        return self.beats * 16 // self.unit

    @property
    def ticks(self) -> int:
        """Ticks a bar."""
        return self.steps * STEP

    @property
    def pulse(self) -> int:
        """Ticks of a beat as it is felt: a quarter, a dotted quarter in 6/8, 9/8 and 12/8, an eighth in other eighths."""
        if self.unit == 4:
            return TICKS
        return 6 * STEP if self.beats % 3 == 0 and self.beats > 3 else 2 * STEP

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True)
class Score:
    """A piece of music.

    Args:
        tracks: What is played.
        meter: Of all bars.
        tempo_bpm: Quarter notes a minute, 10…400, kept in hundredths.
        bars: At least how many; there are as many as the notes and the styles need, and never none.
        key: A name out of `FIFTHS`, such as "C", "Bb" or "F#m".
        styles: For each bar the styles it was made of, with their weights; or nothing. The last goes on to the end.
        settings: How it was made, in what JSON can say.

    Raises:
        UsageError: a tempo, key, count of bars or name of a style that cannot be written.
    """

    tracks: tuple[Track, ...] = ()
    meter: Meter = Meter()
    tempo_bpm: float = 96.0
    bars: int = 0
    key: str = "C"
    styles: tuple[Blend, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_score(self)
        end = max((track.end for track in self.tracks), default=0)
        bars = max(1, self.bars, -(-end // self.meter.ticks), len(self.styles))
        object.__setattr__(self, "tracks", tuple(self.tracks))
        object.__setattr__(self, "tempo_bpm", round(float(self.tempo_bpm), 2))
        object.__setattr__(self, "bars", bars)
        object.__setattr__(self, "styles", self.styles + self.styles[-1:] * (bars - len(self.styles)))

    # ---- files ----

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Score:
        """The score in a MIDI file; `mapsto.media.midi.read_midi` also tells what could not be kept.

        Raises:
            UnreadableInput: missing, damaged, too large, or without notes.
        """
        from mapsto.media.midi import read_midi

        return read_midi(path)[0]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file in the format its suffix says; on any failure what was there before stays.

        Args:
            path: .mid or .midi, .musicxml or .xml, .png or .svg (a piano roll), .wav or .flac (played).

        Raises:
            UsageError: another suffix, or settings that JSON cannot say.
            NoSpace: the disk is full or the place cannot be written.
        """
        check_suffix(path)
        module, function = _WRITERS[Path(path).suffix.lower()]
        getattr(import_module(module), function)(self, Path(path))

    def _repr_html_(self) -> str:
        """What a notebook shows: the piano roll, and a player below it."""
        from mapsto.sound.roll import html

        return html(self)

    # ---- the four voices ----

    def grid(self) -> Grid:
        """The score in four voices, int64 [4, T], see `mapsto.sound.reduction.reduced`."""
        from mapsto.sound.reduction import reduced

        return reduced(self)

    def drum_grid(self) -> Drums:
        """What the drums play, float32 [9, T] in [0, 1]."""
        from mapsto.sound.reduction import struck

        return struck(self)

    @classmethod
    def of_grid(
        cls,
        grid: npt.ArrayLike,
        meter: Meter = Meter(),
        *,
        tempo_bpm: float = 96.0,
        key: str = "C",
        drums: npt.ArrayLike | None = None,
        instruments: Mapping[str, str] | None = None,
        styles: Sequence[Blend] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> Score:
        """A score of four voices, which `grid` gives back; louder where the bar is accented.

        Args:
            grid: [4, T], pitches, `REST` or `HOLD`; a hold of no note is a rest.
            meter: Of its bars.
            tempo_bpm: Quarter notes a minute.
            key: Its name only; nothing is transposed.
            drums: [9, T] in [0, 1].
            instruments: Who plays which voice; a piano where nothing is said.
            styles: As in `Score`.
            settings: As in `Score`.

        Raises:
            UsageError: not such grids, or an unknown voice.
        """
        from mapsto.sound.reduction import voices_of

        tracks = voices_of(grid, meter, drums=drums, instruments=instruments or {})
        bars = -(-np.shape(grid)[1] // meter.steps)
        return cls(tracks, meter, tempo_bpm, bars, key, tuple(styles), dict(settings or {}))

    # ---- what it is, and what can be made of it ----

    @property
    def ticks(self) -> int:
        """From the first bar line to the last."""
        return self.bars * self.meter.ticks

    @property
    def steps(self) -> int:
        """Sixteenths from the first bar line to the last."""
        return self.bars * self.meter.steps

    @property
    def seconds(self) -> float:
        """How long it is to the last bar line; what sounds on in the room is not counted."""
        return self.ticks / TICKS * 60 / self.tempo_bpm

    def transposed(self, semitones: int) -> Score:
        """All but the drums higher, or lower, and the key with it.

        Raises:
            UsageError: a note would leave what MIDI can say.
        """
        pitches = [note.pitch for track in self.tracks if not track.drums for note in track.notes]
        if pitches and not (min(pitches) + semitones >= 0 and max(pitches) + semitones <= 127):
            raise UsageError(
                f"Transposed by {semitones} semitones, some notes would be out of range.",
                f"Between {-min(pitches)} and {127 - max(pitches)} is possible.",
            )
        tracks = tuple(track if track.drums else _moved(track, semitones) for track in self.tracks)
        return replace(self, tracks=tracks, key=_key_moved(self.key, semitones))


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Refuse a file name that does not say how a score is to be written.

    Raises:
        UsageError: another suffix than those of `Score.save`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise UsageError(f"A score cannot be written as {suffix or 'a file without a suffix'}.", f"Use {', '.join(_WRITERS)}.")


def _moved(track: Track, semitones: int) -> Track:
    notes = (Note(note.start, note.length, note.pitch + semitones, note.velocity) for note in track.notes)
    return replace(track, notes=tuple(notes))


def _key_moved(key: str, semitones: int) -> str:
    """A semitone is seven fifths; of the names of a key, the one with the fewest accidentals."""
    if semitones % 12 == 0:
        return key
    fifths = (FIFTHS[key] + 7 * semitones + 5) % 12 - 5
    return next(name for name, number in FIFTHS.items() if number == fifths and name.endswith("m") == key.endswith("m"))


def _in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    """By start, then pitch; of two that begin together on one pitch the longer stays, others are cut where the next begins."""
    kept: list[Note] = []
    last: dict[int, int] = {}
    for note in sorted(notes, key=lambda each: (each.start, each.pitch, -each.length, -each.velocity)):
        at = last.get(note.pitch)
        if at is not None and kept[at].start == note.start:
            continue
        if at is not None and kept[at].end > note.start:
            before = kept[at]
            kept[at] = Note(before.start, note.start - before.start, before.pitch, before.velocity)
        last[note.pitch] = len(kept)
        kept.append(note)
    return tuple(kept)


_DRUM_PITCHES = frozenset(DRUMS.values())


def _check_note(note: Note, track: Track) -> None:
    if note.start < 0 or note.length < 1 or not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127):
        raise UsageError(
            f"{note} in the track {track.name!r} cannot be written.",
            "A note starts at 0 or later, lasts a tick or more, has a pitch of 0…127 and a velocity of 1…127.",
        )
    if track.drums and note.pitch not in _DRUM_PITCHES:
        raise UsageError(f"Pitch {note.pitch} is none of our drums.", f"Use {', '.join(map(str, DRUMS.values()))}.")


def _check_score(score: Score) -> None:
    if not (isfinite(score.tempo_bpm) and SLOWEST <= score.tempo_bpm <= FASTEST):
        raise UsageError(f"A tempo of {score.tempo_bpm:g} is none.", f"Give {SLOWEST}…{FASTEST} quarter notes a minute.")
    if score.key not in FIFTHS:
        like = nearest(score.key, list(FIFTHS)) or ["C", "Bb", "F#m"]
        raise UsageError(f"There is no key {score.key!r}.", f"Try {', '.join(like)}.")
    if score.bars < 0:
        raise UsageError(f"There is no piece of {score.bars} bars.", "Give one or more.")
    for name, weight in {each for blend in score.styles for each in blend}:
        if not name or "," in name or not isfinite(weight):
            raise UsageError(f"{name!r} with a weight of {weight} is no style.", "Names have no commas, weights are numbers.")


_WRITERS = {
    ".mid": ("mapsto.media.midi", "write_midi"),
    ".midi": ("mapsto.media.midi", "write_midi"),
    ".musicxml": ("mapsto.media.musicxml", "write_musicxml"),
    ".xml": ("mapsto.media.musicxml", "write_musicxml"),
    ".png": ("mapsto.sound.roll", "write_roll"),
    ".svg": ("mapsto.sound.roll", "write_roll"),
    ".wav": ("mapsto.sound.roll", "write_sound"),
    ".flac": ("mapsto.sound.roll", "write_sound"),
}
"""Modules and functions (score, path); loaded when first needed."""
