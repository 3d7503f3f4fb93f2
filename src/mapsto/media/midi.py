"""MIDI files → scores, and back.

    >>> song, remarks = read_midi("tune.mid")      # remarks say what could not be kept
    >>> write_midi(song, "copy.mid")               # read again, it is equal to song

A score has one meter and one tempo, and its time is counted in ticks. So what was played is moved to the nearest sixteenths or
triplets (the rule stands in `mapsto.sound.quantise`); the tempo is that of the first note; the meter is that which lasts
longest, with silence before an upbeat so that bar lines fall where they did. Notes last as long as the sustain pedal
(controller 64) holds them; other pedals, bends and controllers are not kept.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np

from mapsto.errors import UnreadableInput
from mapsto.files import atomic
from mapsto.media.general_midi import DRUM_OF, program_of
from mapsto.media.metadata import dumped
from mapsto.media.midi_events import MidiFile, Timed, events_of
from mapsto.media.midi_lines import DRUM_CHANNEL, MOST_BARS, OURS, About, Line, Played, about, lines_of, text_of
from mapsto.sound.quantise import quantised
from mapsto.sound.score import TICKS, Meter, Note, Score, Track

MOST_BYTES = 64 << 20
"""Of a file."""

MOST_SHARED = 10_000_000
"""Sustain pedals times tracks, up to which a pedal counts for the same channel in all tracks."""

DIVISION = 480
"""Ticks a quarter note in files that are written."""

SCALE = DIVISION // TICKS


# ---- reading ----


def read_midi(path: str | os.PathLike[str]) -> tuple[Score, tuple[str, ...]]:
    """The score in a MIDI file, and what could not be kept, in sentences for people.

    Type 0, 1 or 2 (its patterns follow each other), any division in ticks. Channel 10 is drums. A file of ours, unless somebody
    moved its notes off the ticks, gives exactly the score that was written.

    Raises:
        UnreadableInput: missing, empty, no MIDI, damaged, timed by film frames, above `MOST_BYTES`, `MOST_BARS` or a million
            events, or without notes.
    """
    name = str(path)
    file = events_of(_content(Path(path), name), name)
    if file.type == 2:
        _put_after_each_other(file)
    lines, said = [line for chunk, pedals in _with_pedals(file.chunks) for line in lines_of(chunk, pedals)], about(file)
    heard = [note for line in lines for note in line.notes if not line.drums or note.pitch in DRUM_OF]
    if not heard:
        raise UnreadableInput(f"{name} holds no notes.", "Export it again, with its notes.")
    meter, upbeat = said.meter(max(note.end for note in heard))
    _check_length(max(note.end for note in heard), file.division, meter, name)
    tracks = [_track(line, said, meter, upbeat) for line in lines if line.notes or said.own is not None]
    tempo = said.tempo(min(note.start for note in heard))
    key = said.keys[0] if said.keys else "C"
    score = Score(tuple(tracks), meter, tempo, said.bars, key, said.styles(meter), said.settings)
    return score, tuple(dict.fromkeys(said.remarks))


def _content(path: Path, name: str) -> bytes:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            what = "a folder" if stat.S_ISDIR(about.st_mode) else "a pipe or device"
            raise UnreadableInput(f"{name} is {what}, not a MIDI file.", "Name a file.")
        if about.st_size > MOST_BYTES:
            raise UnreadableInput(f"{name} is larger than {MOST_BYTES >> 20} MB.", "Cut it into several files.")
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableInput(f"{name} does not exist.", "Check the spelling and the folder.") from error
    except UnreadableInput:
        raise
    except (OSError, ValueError) as error:  # a null byte in a path is a ValueError
        why = getattr(error, "strerror", None) or error
        raise UnreadableInput(f"{name!r} cannot be opened: {why}.", "Check its name and permissions.") from error
    if not content:
        raise UnreadableInput(f"{name} is empty (0 bytes).", "Copy, download or export it again.")
    return content


def _with_pedals(chunks: list[list[Timed]]) -> Iterator[tuple[list[Timed], list[Timed]]]:
    """Each track, and the sustain pedals in others; only its own where a file of many tracks has very many."""
    pedals = [(at, n, message) for n, chunk in enumerate(chunks) for at, message in chunk if message.type == "control_change"]
    pedals.sort(key=lambda each: each[0])
    for number, chunk in enumerate(chunks):
        few = len(pedals) * len(chunks) <= MOST_SHARED
        yield chunk, [(at, message) for at, n, message in pedals if n != number] if few else []


def _put_after_each_other(file: MidiFile) -> None:
    """Let the patterns of a file of type 2 follow each other, each from a bar line."""
    meters = [
        message for chunk in file.chunks for _, message in chunk if message.type == "time_signature" and message.numerator
    ]
    bar = max(1, file.division * 4 * meters[0].numerator // meters[0].denominator) if meters else 4 * file.division
    since = 0
    for number, (chunk, end) in enumerate(zip(file.chunks, file.ends, strict=True)):
        file.chunks[number] = [(since + at, message) for at, message in chunk]
        since += -(-end // bar) * bar


def _check_length(end: int, division: int, meter: Meter, name: str) -> None:
    bars = end * TICKS // (division * meter.ticks)
    if bars > MOST_BARS:
        raise UnreadableInput(f"{name} is {bars:,} bars long; the limit is {MOST_BARS:,}.", "Cut it into several files.")


def _track(line: Line, said: About, meter: Meter, upbeat: Fraction) -> Track:
    """A line on the grid; percussion that is none of our drums is left out."""
    notes = [note for note in line.notes if not line.drums or note.pitch in DRUM_OF]
    if len(notes) < len(line.notes):
        said.remarks.append(f"{len(line.notes) - len(notes)} strokes of other percussion were left out.")
    pitches = [DRUM_OF[note.pitch] if line.drums else note.pitch for note in notes]
    starts, lengths = _times(notes, said, meter, upbeat)
    written = tuple(map(Note, starts, lengths, pitches, [note.velocity for note in notes]))
    if said.own is not None:
        return Track(line.name, written, line.instrument if line.said is None else line.said, line.drums)
    return Track(line.name or line.instrument, written, line.instrument, line.drums)


def _times(notes: Sequence[Played], said: About, meter: Meter, upbeat: Fraction) -> tuple[list[int], list[int]]:
    """Onsets and lengths in our ticks: quantised, but for notes of a file of ours that lie on ticks as they were written."""
    times = np.array([(note.start, note.end) for note in notes], np.int64).reshape(-1, 2)
    lie_on_ticks = not (times * TICKS % said.division).any() and (times[:, 1] > times[:, 0]).all()
    if said.own is not None and not upbeat and lie_on_ticks:
        start, end = (times * TICKS // said.division).T
        return start.tolist(), (end - start).tolist()
    played = times / said.division + float(upbeat)
    starts, lengths = quantised(played[:, 0], played[:, 1], triplets=meter.unit == 4)
    return starts.tolist(), lengths.tolist()


# ---- writing ----


def write_midi(score: Score, path: str | os.PathLike[str]) -> None:
    """Write a score as a MIDI file, see `midi_of`; on any failure what was there before stays.

    Raises:
        UsageError: settings that JSON cannot say.
        NoSpace: the disk is full or the place cannot be written.
    """
    content = midi_of(score)
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(content)


def midi_of(score: Score) -> bytes:
    """A MIDI file of type 1: a track with tempo, meter, key and styles (as markers where they change), then the score's tracks.

    Of more than fifteen tracks beside drums, some share a channel.

    Raises:
        UsageError: settings that JSON cannot say.
    """
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    pitched = [track for track in score.tracks if not track.drums]
    places = {id(track): channels[number % len(channels)] for number, track in enumerate(pitched)}
    chunks = [_conductor(score), *(_part(track, places.get(id(track), DRUM_CHANNEL)) for track in score.tracks)]
    file, buffer = mido.MidiFile(type=1, ticks_per_beat=DIVISION, tracks=chunks), io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _conductor(score: Score) -> mido.MidiTrack:
    own = dumped({"bars": score.bars, "settings": dict(score.settings)})
    messages: list[Timed] = [
        (0, mido.MetaMessage("text", text=OURS + own)),
        (0, mido.MetaMessage("set_tempo", tempo=round(60e6 / score.tempo_bpm))),
        (0, _time_signature(score.meter)),
        (0, mido.MetaMessage("key_signature", key=score.key)),
    ]
    before = None
    for bar, blend in enumerate(score.styles):
        if blend != before:
            messages.append((bar * score.meter.ticks * SCALE, mido.MetaMessage("marker", text=_bytewise(text_of(blend)))))
        before = blend
    return _timed([*messages, (score.ticks * SCALE, mido.MetaMessage("end_of_track"))])


def _time_signature(meter: Meter) -> mido.MetaMessage:
    clicks = meter.pulse * 2  # there are 24 clocks a quarter note
    return mido.MetaMessage("time_signature", numerator=meter.beats, denominator=meter.unit, clocks_per_click=clicks)


def _part(track: Track, channel: int) -> mido.MidiTrack:
    program = 0 if track.drums else program_of(track.instrument)
    opening: list[Timed] = [
        (0, mido.MetaMessage("track_name", name=_bytewise(track.name))),
        (0, mido.MetaMessage("instrument_name", name=_bytewise(track.instrument))),
        (0, mido.Message("program_change", channel=channel, program=program)),
    ]
    turns = [(note.end, 0, note.pitch, 0) for note in track.notes]  # ends before beginnings
    turns += [(note.start, 1, note.pitch, note.velocity) for note in track.notes]
    kinds = ("note_off", "note_on")
    played = [
        (at * SCALE, mido.Message(kinds[begins], skip_checks=True, channel=channel, note=pitch, velocity=velocity))
        for at, begins, pitch, velocity in sorted(turns)
    ]
    return _timed([*opening, *played])


def _timed(messages: Sequence[Timed]) -> mido.MidiTrack:
    """New messages in order; each is told the time since the one before."""
    track, now = mido.MidiTrack(), 0
    for at, message in messages:
        message.time, now = at - now, at
        track.append(message)
    return track


def _bytewise(text: str) -> str:
    """UTF-8, spelled so that mido writes it byte by byte."""
    return text.encode(errors="replace").decode("latin-1")
