"""Melodies everybody owns, written out; how a person might play them; and scores at random."""

import io
import random
from collections.abc import Iterable, Sequence
from typing import Any

import mido
from hypothesis import strategies as st

from mapsto.sound.score import DRUMS, FIFTHS, Meter, Note, Score, Track

NAMES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def notes(text: str, eighth: int = 6) -> tuple[Note, ...]:
    """Notes that follow each other: "d5:2 g4 -:2 b3+d4:4" are names and eighths; - is a rest, + makes a chord, # a sharp."""
    found, now = [], 0
    for word in text.replace("|", " ").split():
        names, _, count = word.partition(":")
        length = round(float(count or 1) * eighth)
        for name in names.split("+") if names != "-" else ():
            pitch = NAMES[name[0]] + ("#" in name) + 12 * (int(name[-1]) + 1)
            found.append(Note(now, length, pitch))
        now += length
    return tuple(found)


# Christian Petzold, Minuet in G major (BWV Anh. 114), bars 1 to 8
MINUET_RIGHT = (
    "d5:2 g4 a4 b4 c5 | d5:2 g4:2 g4:2 | e5:2 c5 d5 e5 f#5 | g5:2 g4:2 g4:2 | "
    "c5:2 d5 c5 b4 a4 | b4:2 c5 b4 a4 g4 | f#4:2 g4 a4 b4 g4 | a4:6"
)
MINUET_LEFT = "g3+b3+d4:4 a3:2 | b3:6 | c4:6 | b3:6 | a3:6 | g3:6 | d4:2 b3:2 g3:2 | d4:2 d3 c4 b3 a3"
MINUET = Score(
    (Track("right hand", notes(MINUET_RIGHT)), Track("left hand", notes(MINUET_LEFT))), Meter(3, 4), tempo_bpm=112, key="G"
)

# "Ah! vous dirai-je, maman", France, before 1761
MAMAN = Score((Track("melody", notes("c4:2 c4:2 g4:2 g4:2 | a4:2 a4:2 g4:4 | f4:2 f4:2 e4:2 e4:2 | d4:2 d4:2 c4:4")),))

# Ludwig van Beethoven, Sonata op. 27 no. 2, bars 1 and 2: triplets, of which an eighth has four ticks
MOONLIGHT = Score(
    (
        Track("right hand", notes("g#3 c#4 e4 " * 8, eighth=4)),
        Track("left hand", notes("c#2+c#3:8 b1+b2:8")),
    ),
    tempo_bpm=54,
    key="C#m",
)

TUNES = {"minuet": MINUET, "maman": MAMAN, "moonlight": MOONLIGHT}


def played(score: Score, seed: int, most: float = 0.03, division: int = 384) -> bytes:
    """A MIDI file of somebody who plays a score: up to `most` of a quarter note early or late, and detached."""
    at_random = random.Random(seed)
    chunks = []
    for track in score.tracks:
        turns: list[tuple[int, Any]] = []
        for note in track.notes:
            start = max(0.0, note.start / 12 + at_random.uniform(-most, most))
            end = note.end / 12 - at_random.uniform(0, most)
            turns.append((round(start * division), message("note_on", note=note.pitch, velocity=at_random.randint(50, 100))))
            turns.append((round(end * division), message("note_on", note=note.pitch, velocity=0)))
        chunks.append([(0, meta("track_name", name=track.name)), *turns])
    meter = meta("time_signature", numerator=score.meter.beats, denominator=score.meter.unit)
    return midi([(0, meter), (0, meta("set_tempo", tempo=mido.bpm2tempo(score.tempo_bpm)))], *chunks, division=division)


def message(kind: str, **values: Any) -> mido.Message:
    """A message of a channel."""
    return mido.Message(kind, **values)


def meta(kind: str, **values: Any) -> mido.MetaMessage:
    """A message about the music."""
    return mido.MetaMessage(kind, **values)


def midi(*chunks: Iterable[tuple[int, Any]], type: int = 1, division: int = 480) -> bytes:
    """A MIDI file as mido writes it; of messages at one tick those that end notes come first."""
    tracks = []
    for chunk in chunks:
        track, now = mido.MidiTrack(), 0
        for at, each in sorted(chunk, key=lambda timed: (timed[0], timed[1].type == "note_on" and timed[1].velocity > 0)):
            track.append(each.copy(time=at - now))
            now = at
        tracks.append(track)
    buffer = io.BytesIO()
    mido.MidiFile(type=type, ticks_per_beat=division, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


def strokes(*turns: tuple[int, int, int], channel: int = 0) -> list[tuple[int, Any]]:
    """Note-ons and note-offs of (start, end, pitch) in ticks of the file."""
    ons = [(start, message("note_on", channel=channel, note=pitch, velocity=64)) for start, _, pitch in turns]
    return ons + [(end, message("note_off", channel=channel, note=pitch)) for _, end, pitch in turns]


# ---- at random ----

METERS = [Meter(4, 4), Meter(3, 4), Meter(6, 8), Meter(2, 4), Meter(5, 8), Meter(12, 8), Meter(6, 4), Meter(1, 8)]
LENGTHS = st.sampled_from([1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 48]) | st.integers(1, 100)
PITCHED = st.builds(Note, st.integers(0, 300), LENGTHS, st.integers(0, 127), st.integers(1, 127))
STRUCK = st.builds(Note, st.integers(0, 300), st.just(3), st.sampled_from(list(DRUMS.values())), st.integers(1, 127))
WEIGHTS = st.floats(0, 1, allow_subnormal=False)
STYLE_NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=","), min_size=1, max_size=8)
BLENDS = st.lists(st.tuples(STYLE_NAMES, WEIGHTS), max_size=3, unique_by=lambda each: each[0]).map(tuple)


def tracks(note_lists: st.SearchStrategy[Sequence[Note]], *, drums: bool) -> st.SearchStrategy[Track]:
    """Tracks with names in any script."""
    return st.builds(
        Track, st.text(max_size=8), note_lists.map(tuple), st.sampled_from(["piano", "flute", "bells of mine"]), st.just(drums)
    )


def scores() -> st.SearchStrategy[Score]:
    """Scores on the grid of ticks."""
    pitched, struck = tracks(st.lists(PITCHED, max_size=12), drums=False), tracks(st.lists(STRUCK, max_size=8), drums=True)
    with_notes = tracks(st.lists(PITCHED, min_size=1, max_size=12), drums=False)
    return st.builds(
        lambda first, more, *rest: Score((first, *more), *rest),
        with_notes,
        st.lists(pitched | struck, max_size=3),
        st.sampled_from(METERS),
        st.floats(10, 400),
        st.integers(0, 40),
        st.sampled_from(list(FIFTHS)),
        st.lists(BLENDS, max_size=5).map(tuple),
        st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    )
