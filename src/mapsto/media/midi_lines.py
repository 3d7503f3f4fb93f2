"""Messages → what each channel plays, and what a file says about the whole piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from math import isfinite
from typing import Any, NamedTuple

from mapsto.errors import UsageError
from mapsto.media.general_midi import PROGRAMS
from mapsto.media.metadata import parsed
from mapsto.media.midi_events import MidiFile, Timed
from mapsto.sound.score import FASTEST, SLOWEST, Blend, Meter

DRUM_CHANNEL = 9
"""The tenth, counted from 0."""

OURS = "mapsto "
"""Begins the text in which a file of ours says in JSON what MIDI has no words for."""

MOST_BARS = 20_000
"""Of a piece: eight hours at 160 beats a minute."""

USUAL_TEMPO = 500_000
"""Microseconds a quarter note where a file says nothing."""


class Played(NamedTuple):
    """A note as it is in the file, in ticks of the file."""

    start: int
    end: int
    pitch: int
    velocity: int


@dataclass
class Line:
    """What one channel plays in one track of a file.

    Args:
        channel: 0…15.
        name: Of the track.
        said: The instrument, in words of the file.
        program: The instrument, as a number.
        notes: In order of their ends.
    """

    channel: int
    name: str = ""
    said: str | None = None
    program: int | None = None
    notes: list[Played] = field(default_factory=list)

    @property
    def drums(self) -> bool:
        """Whether pitches are drums."""
        return self.channel == DRUM_CHANNEL

    @property
    def instrument(self) -> str:
        """By the program; a piano where none is named."""
        return "drums" if self.drums else PROGRAMS[self.program or 0]


@dataclass
class _Key:
    """A key that sounds: since when, how hard, by how many note-ons it is down, and when it was last let go.

    One that is not down any more sounds on by the pedal.
    """

    start: int
    velocity: int
    down: int = 1
    let_go: int | None = None


def lines_of(messages: Iterable[Timed], pedals: Iterable[Timed] = ()) -> list[Line]:
    """The channels of one track, by number, each with its notes.

    A second note-on of a sounding pitch begins a new note, which lasts until there were as many note-offs. A note that is let
    go while the sustain pedal of its channel is down lasts until the pedal comes up, or its pitch is struck again; drums know
    no pedal. A note without an end lasts until it was let go at all, or else until the last note of the track begins or ends.

    Args:
        messages: Of the track.
        pedals: Of other tracks: a channel is one instrument, whichever track its pedal stands in.
    """
    hands = _Hands()
    name, said = "", None
    for now, message in merge(messages, pedals, key=lambda each: each[0]):
        if message.type == "track_name":
            name = name or words(message.name)
        elif message.type == "instrument_name":
            said = words(message.name) if said is None else said
        elif not message.is_meta:
            hands.told(now, message)
    hands.end()
    lines = hands.lines
    for line in lines.values():
        line.name, line.said = name if len(lines) == 1 else line.instrument, said
    return [lines[channel] for channel in sorted(lines)]


@dataclass
class _Hands:
    """Who plays a track: the lines so far, the keys that sound by channel and pitch, and the channels whose pedal is down."""

    lines: dict[int, Line] = field(default_factory=dict)
    keys: dict[tuple[int, int], _Key] = field(default_factory=dict)
    pedals: set[int] = field(default_factory=set)
    last: int = 0

    def told(self, now: int, message: Any) -> None:
        """A message of a channel."""
        if message.type == "control_change":
            return self._press(now, message.channel, down=message.value >= 64)
        line = self.lines.setdefault(message.channel, Line(message.channel))
        if message.type == "program_change":
            line.program = message.program if line.program is None else line.program
        else:
            self.last = now
            self._turn(line, now, message)

    def end(self) -> None:
        """End what sounds yet."""
        for (channel, pitch), key in self.keys.items():
            end = self.last if key.let_go is None or key.down == 0 else key.let_go
            self.lines[channel].notes.append(Played(key.start, end, pitch, key.velocity))

    def _press(self, now: int, channel: int, *, down: bool) -> None:
        """The pedal goes down, or up."""
        if channel == DRUM_CHANNEL:
            return
        if down:
            self.pedals.add(channel)
            return
        self.pedals.discard(channel)
        for at in [at for at, key in self.keys.items() if at[0] == channel and key.down == 0]:
            self._finish(at, now)

    def _turn(self, line: Line, now: int, message: Any) -> None:
        """One note-on, or note-off, which a note-on without velocity is too."""
        at = (line.channel, message.note)
        key = self.keys.get(at)
        if message.type == "note_on" and message.velocity:
            down = 1
            if key is not None:
                down = 1 if key.let_go is not None and key.let_go < now else key.down + 1
                self._finish(at, now if key.let_go is None or key.down == 0 else key.let_go)
            self.keys[at] = _Key(now, message.velocity, down)
        elif key is not None and key.down > 0:
            key.down, key.let_go = key.down - 1, now
            if key.down == 0 and line.channel not in self.pedals:
                self._finish(at, now)

    def _finish(self, at: tuple[int, int], now: int) -> None:
        """End a note."""
        key = self.keys.pop(at)
        self.lines[at[0]].notes.append(Played(key.start, now, at[1], key.velocity))


def words(text: str) -> str:
    """Text as mido reads it, byte by byte: it is UTF-8 where it can be, Latin-1 otherwise."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


# ---- the whole piece ----


@dataclass
class About:
    """What a file says of the whole piece, in order of time.

    Args:
        division: Ticks a quarter note.
        tempos: Ticks, and microseconds a quarter note.
        meters: Ticks, beats and units.
        keys: Names of keys.
        markers: Ticks, and texts.
        own: What a file of ours says in JSON; None of other files.
        remarks: What could not be kept, in sentences for people.
    """

    division: int
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    own: dict[str, Any] | None = None
    remarks: list[str] = field(default_factory=list)

    def tempo(self, first: int) -> float:
        """Quarter notes a minute when the first note begins."""
        before = [tempo for at, tempo in self.tempos if at <= first] or [USUAL_TEMPO]
        if len({*before[-1:], *(tempo for at, tempo in self.tempos if at > first)}) > 1:
            self.remarks.append("The tempo changes; that of the first note was kept.")
        bpm = round(60e6 / max(1, before[-1]), 2)
        if not SLOWEST <= bpm <= FASTEST:
            kept = min(max(bpm, SLOWEST), FASTEST)
            self.remarks.append(f"A tempo of {bpm:g} quarter notes a minute was taken as {kept:g}.")
            return kept
        return bpm

    def meter(self, end: int) -> tuple[Meter, Fraction]:
        """The meter that lasts longest, and the quarter notes of silence that put its bar lines where they were.

        Args:
            end: The tick at which the last note ends.
        """
        end = max(end, 1)
        changes = [each for each in self.meters if each[0] < end] or [(0, 4, 4)]
        if changes[0][0] > 0:
            changes.insert(0, (0, 4, 4))
        lasting: Counter[tuple[int, int]] = Counter()
        for (at, *meter), (until, *_) in zip(changes, [*changes[1:], (end, 0, 0)], strict=True):
            lasting[meter[0], meter[1]] += until - at
        (beats, unit), _ = lasting.most_common(1)[0]
        if sum(ticks > 0 for ticks in lasting.values()) > 1:
            self.remarks.append(f"The meter changes; all bars are written in that which lasts longest, {beats}/{unit}.")
        since = next(at for at, *meter in changes if meter == [beats, unit])
        kept = self._written(beats, unit)
        return kept, -Fraction(since, self.division) % Fraction(kept.ticks, 12)

    def _written(self, beats: int, unit: int) -> Meter:
        """A meter of quarters or eighths with bars as long; 4/4 where there is none."""
        quarters = Fraction(4 * beats, unit)
        for one in (4, 8) if unit <= 4 else (8, 4):
            with_one = quarters * one / 4
            if with_one.denominator == 1:
                try:
                    return Meter(int(with_one), one)
                except UsageError:
                    break
        self.remarks.append(f"A meter of {beats}/{unit} cannot be written; the bars are in 4/4.")
        return Meter()

    @property
    def bars(self) -> int:
        """As a file of ours says it, 0 otherwise."""
        said = (self.own or {}).get("bars")
        return said if isinstance(said, int) and 0 < said <= MOST_BARS else 0

    @property
    def settings(self) -> dict[str, Any]:
        """As a file of ours says them, none otherwise."""
        said = (self.own or {}).get("settings")
        return said if isinstance(said, dict) else {}

    def styles(self, meter: Meter) -> tuple[Blend, ...]:
        """By bar, of a file of ours: each marker holds until the next."""
        if self.own is None or not self.markers:
            return ()
        bar = Fraction(meter.ticks, 12) * self.division
        told = {int(at / bar): blend_of(text) for at, text in self.markers if at < MOST_BARS * bar}
        styles: list[Blend] = []
        for number in range(max(told, default=-1) + 1):
            styles.append(told.get(number, styles[-1] if styles else ()))
        return tuple(styles)


def about(file: MidiFile) -> About:
    """What a file says of the whole piece, whichever track it stands in."""
    found = About(file.division)
    for now, message in sorted((each for chunk in file.chunks for each in chunk if each[1].is_meta), key=lambda each: each[0]):
        if message.type == "set_tempo":
            found.tempos.append((now, message.tempo))
        elif message.type == "time_signature" and message.numerator:
            found.meters.append((now, message.numerator, message.denominator))
        elif message.type == "key_signature":
            found.keys.append(message.key)
        elif message.type == "marker":
            found.markers.append((now, words(message.text)))
        elif message.type == "text" and message.text.startswith(OURS):
            found.own = parsed(message.text.removeprefix(OURS))
    return found


def text_of(blend: Blend) -> str:
    """Styles and their weights as a marker says them: "ragtime 0.6, lied 0.4"."""
    return ", ".join(f"{name} {weight!r}" for name, weight in blend) or "-"


def blend_of(text: str) -> Blend:
    """What a marker says, see `text_of`; nothing where it says something else."""
    found = []
    for part in text.split(", "):
        name, _, weight = part.rpartition(" ")
        try:
            found.append((name, float(weight)))
        except ValueError:
            return ()
    return tuple(found) if all(name and "," not in name and isfinite(weight) for name, weight in found) else ()
