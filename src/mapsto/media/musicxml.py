"""Scores → MusicXML, for programs that engrave notes. Reading is not offered.

Each track is a part. Notes of a track that begin and end together are a chord, other notes that overlap are further voices of
the part. How durations and pitches are spelled stands in `mapsto.media.notation`.

Source: W3C, "MusicXML 4.0", https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mapsto.files import atomic
from mapsto.media.general_midi import program_of
from mapsto.media.metadata import dumped
from mapsto.media.midi_lines import text_of
from mapsto.media.notation import Chord, Written, beams_of, by_bar, spelled, voices_of, written
from mapsto.sound.score import DRUMS, FIFTHS, TICKS, Score, Track

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)

DRUM_PLACES = {
    "kick": ("F", 4),
    "snare": ("C", 5),
    "closed hat": ("G", 5),
    "open hat": ("G", 5),
    "low tom": ("A", 4),
    "mid tom": ("D", 5),
    "high tom": ("E", 5),
    "crash": ("A", 5),
    "ride": ("F", 5),
}
"""Where drums stand on the staff; cymbals have heads like crosses."""

_CROSSES = frozenset(DRUMS[name] for name in ("closed hat", "open hat", "crash", "ride"))


def write_musicxml(score: Score, path: str | os.PathLike[str]) -> None:
    """Write a score as MusicXML; on any failure what was there before stays.

    Raises:
        UsageError: settings that JSON cannot say.
        NoSpace: the disk is full or the place cannot be written.
    """
    content = musicxml_of(score)
    with atomic(Path(path)) as temporary:
        temporary.write_text(content, "utf-8")


def musicxml_of(score: Score) -> str:
    """The text of a MusicXML file.

    Raises:
        UsageError: settings that JSON cannot say.
    """
    root = Element("score-partwise", version="4.0")
    identification = SubElement(root, "identification")
    _leaf(SubElement(identification, "encoding"), "software", "Mapsto")
    if score.settings:
        kept = SubElement(SubElement(identification, "miscellaneous"), "miscellaneous-field", name="mapsto")
        kept.text = dumped(score.settings)
    tracks = score.tracks or (Track("music"),)
    parts = SubElement(root, "part-list")
    for number, track in enumerate(tracks, start=1):
        _announce(parts, track, number)
    for number, track in enumerate(tracks, start=1):
        _Part(score, track, f"P{number}", leads=number == 1).write(SubElement(root, "part", id=f"P{number}"))
    ElementTree.indent(root)
    return f"{_HEAD}{ElementTree.tostring(root, encoding='unicode')}\n"


def _leaf(parent: Element, tag: str, text: object = None, **attributes: str) -> Element:
    """A new last element of another, with text without what XML cannot hold."""
    leaf = SubElement(parent, tag, attributes)
    if text is not None:
        leaf.text = "".join(each if each.isprintable() else " " for each in str(text))
    return leaf


def _announce(parts: Element, track: Track, number: int) -> None:
    part = _leaf(parts, "score-part", id=f"P{number}")
    _leaf(part, "part-name", track.name or track.instrument)
    played = {pitch: name for name, pitch in DRUMS.items()} if track.drums else {0: track.instrument}
    for pitch, name in played.items():
        _leaf(_leaf(part, "score-instrument", id=f"P{number}-I{pitch}"), "instrument-name", name)
    channels = [channel for channel in range(1, 17) if channel != 10]
    for pitch in played:
        midi = _leaf(part, "midi-instrument", id=f"P{number}-I{pitch}")
        _leaf(midi, "midi-channel", 10 if track.drums else channels[(number - 1) % 15])
        _leaf(midi, "midi-program", 1 if track.drums else program_of(track.instrument) + 1)
        if track.drums:
            _leaf(midi, "midi-unpitched", pitch + 1)


# ---- how that is told in XML ----


@dataclass(frozen=True)
class _Part:
    """One part of the document.

    Args:
        score: The piece.
        track: What the part plays.
        id: Of the part.
        leads: Whether tempo and styles stand above it.
    """

    score: Score
    track: Track
    id: str
    leads: bool

    def write(self, part: Element) -> None:
        """All bars into an element."""
        bars = [by_bar(voice, self.score) for voice in voices_of(self.track, self.score.meter)]
        for bar in range(self.score.bars):
            measure = _leaf(part, "measure", number=str(bar + 1))
            if bar == 0:
                self._attributes(measure)
            if self.leads:
                self._directions(measure, bar)
            self._notes(measure, bar, [voice.get(bar, []) for voice in bars])
            if bar == self.score.bars - 1:
                _leaf(_leaf(measure, "barline", location="right"), "bar-style", "light-heavy")

    def _attributes(self, measure: Element) -> None:
        score, attributes = self.score, _leaf(measure, "attributes")
        _leaf(attributes, "divisions", TICKS)
        if not self.track.drums:
            key = _leaf(attributes, "key")
            _leaf(key, "fifths", FIFTHS[score.key])
            _leaf(key, "mode", "minor" if score.key.endswith("m") else "major")
        time = _leaf(attributes, "time")
        _leaf(time, "beats", score.meter.beats)
        _leaf(time, "beat-type", score.meter.unit)
        clef = _leaf(attributes, "clef")
        pitches = [note.pitch for note in self.track.notes] or [60]
        if self.track.drums:
            _leaf(clef, "sign", "percussion")
            return
        sign, line = ("G", 2) if sum(pitches) >= 60 * len(pitches) else ("F", 4)
        _leaf(clef, "sign", sign)
        _leaf(clef, "line", line)

    def _directions(self, measure: Element, bar: int) -> None:
        """The tempo above the first bar, and styles where they change."""
        tempo, styles = self.score.tempo_bpm, self.score.styles
        if bar == 0:
            direction = _leaf(measure, "direction", placement="above")
            metronome = _leaf(_leaf(direction, "direction-type"), "metronome")
            _leaf(metronome, "beat-unit", "quarter")
            _leaf(metronome, "per-minute", f"{tempo:g}")
            _leaf(direction, "sound", tempo=f"{tempo:g}")
        if styles and (bar == 0 or styles[bar] != styles[bar - 1]):
            direction = _leaf(measure, "direction", placement="above")
            _leaf(_leaf(direction, "direction-type"), "words", text_of(styles[bar]))

    def _notes(self, measure: Element, bar: int, voices: Sequence[Sequence[Chord]]) -> None:
        """Voices one after the other; only the first shows its rests, but for those in triplets."""
        start, length = bar * self.score.meter.ticks, self.score.meter.ticks
        for number, chords in enumerate(voices, start=1):
            if number > 1 and not chords:
                continue
            if number > 1:
                _leaf(_leaf(measure, "backup"), "duration", length)
            if not chords:
                rest = _leaf(measure, "note")
                _leaf(rest, "rest", measure="yes")
                _leaf(rest, "duration", length)
                _leaf(rest, "voice", number)
                continue
            symbols = written(chords, start, start + length, self.score.meter)
            for symbol, beams in zip(symbols, beams_of(symbols, start, self.score.meter.pulse), strict=True):
                if number > 1 and not symbol.pitches and not symbol.triplet:
                    _leaf(_leaf(measure, "forward"), "duration", symbol.length)
                else:
                    self._symbol(measure, symbol, number, beams)

    def _symbol(self, measure: Element, symbol: Written, voice: int, beams: Sequence[str]) -> None:
        for place, pitch in enumerate(symbol.pitches or (None,)):
            note = _leaf(measure, "note")
            if place:
                _leaf(note, "chord")
            if pitch is None:
                _leaf(note, "rest")
            else:
                self._pitch(note, pitch)
            _leaf(note, "duration", symbol.length)
            for tied, kind in zip(symbol.tied, ("stop", "start"), strict=True):
                if tied:
                    _leaf(note, "tie", type=kind)
            if self.track.drums and pitch is not None:
                _leaf(note, "instrument", id=f"{self.id}-I{pitch}")
            _leaf(note, "voice", voice)
            head = "x" if self.track.drums and pitch in _CROSSES else ""
            _look(note, symbol, head, beams if place == 0 else (), symbol.bracket if place == 0 else "")

    def _pitch(self, note: Element, pitch: int) -> None:
        if self.track.drums:
            step, octave = DRUM_PLACES[next(name for name, number in DRUMS.items() if number == pitch)]
            where = _leaf(note, "unpitched")
            _leaf(where, "display-step", step)
            _leaf(where, "display-octave", octave)
            return
        step, alter, octave = spelled(pitch, self.score.key)
        where = _leaf(note, "pitch")
        _leaf(where, "step", step)
        if alter:
            _leaf(where, "alter", alter)
        _leaf(where, "octave", octave)


def _look(note: Element, symbol: Written, head: str, beams: Sequence[str], bracket: str) -> None:
    """What the note looks like: type, dots, triplet, head, beams, ties and bracket, in the order that MusicXML asks for."""
    kind, dots = symbol.look
    _leaf(note, "type", kind)
    for _ in range(dots):
        _leaf(note, "dot")
    if symbol.triplet:
        modification = _leaf(note, "time-modification")
        _leaf(modification, "actual-notes", 3)
        _leaf(modification, "normal-notes", 2)
    if head:
        _leaf(note, "notehead", head)
    for number, does in enumerate(beams, start=1):
        _leaf(note, "beam", does, number=str(number))
    if not (any(symbol.tied) or bracket):
        return
    notations = _leaf(note, "notations")
    for tied, name in zip(symbol.tied, ("stop", "start"), strict=True):
        if tied:
            _leaf(notations, "tied", type=name)
    if bracket:
        _leaf(notations, "tuplet", type=bracket)
