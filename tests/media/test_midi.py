"""MIDI in and out: what is written is read again, what people play is understood, what is broken is refused."""

import io
import os
import struct
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsto.errors import UnreadableInput, UsageError
from mapsto.media import midi_events
from mapsto.media.general_midi import DRUM_OF, PROGRAMS, program_of
from mapsto.media.midi import midi_of, read_midi, write_midi
from mapsto.media.midi_events import events_of
from mapsto.sound.score import DRUMS, Meter, Note, Score, Track
from tunes import MAMAN, MINUET, TUNES, message, meta, midi, played, scores, strokes


def _read(content: bytes, folder: Path) -> tuple[Score, tuple[str, ...]]:
    path = folder / "tune.mid"
    path.write_bytes(content)
    return read_midi(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("midi")


def _header(tracks: int, type: int = 1, division: int = 96) -> bytes:
    return b"MThd" + struct.pack(">Ihhh", 6, type, tracks, division)


def _chunk(data: bytes, name: bytes = b"MTrk") -> bytes:
    return name + struct.pack(">I", len(data)) + data


END = b"\x00\xff\x2f\x00"
C4 = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"
"""A quarter note at 96 ticks a quarter."""


# ---- there and back ----


@given(scores())
def test_what_is_written_is_read_again(folder: Path, score: Score) -> None:
    assert _read(midi_of(score), folder) == (score, ())


@given(scores())
def test_other_programs_read_the_same_notes(score: Score) -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_of(score)))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 1 + len(score.tracks))
    assert file.length == pytest.approx(score.seconds, rel=1e-4)
    for track, chunk in zip(score.tracks, file.tracks[1:], strict=True):
        found, now, sounding = set(), 0, dict[int, tuple[int, int]]()
        for each in chunk:
            now += each.time
            if each.type == "note_on":
                sounding[each.note] = (now, each.velocity)
            elif each.type == "note_off":
                start, velocity = sounding.pop(each.note)
                found.add(Note(start // 40, (now - start) // 40, each.note, velocity))
            if not each.is_meta:
                assert (each.channel == 9) == track.drums
        assert found == set(track.notes)


def test_the_bytes_are_the_same_every_time() -> None:
    assert midi_of(MINUET) == midi_of(replace(MINUET))


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("division", [96, 384, 1000])
def test_a_tune_that_is_played_by_hand_is_understood(name: str, seed: int, division: int, tmp_path: Path) -> None:
    tune = TUNES[name]
    heard, remarks = _read(played(tune, seed, division=division), tmp_path)
    assert remarks == ()
    assert (heard.meter, heard.tempo_bpm, heard.bars) == (tune.meter, tune.tempo_bpm, tune.bars)
    for track, original in zip(heard.tracks, tune.tracks, strict=True):
        assert track.name == original.name
        assert [(note.start, note.pitch) for note in track.notes] == [(note.start, note.pitch) for note in original.notes]
        assert all(one.length <= other.length for one, other in zip(track.notes, original.notes, strict=True))
    grid, expected = heard.grid(), tune.grid()
    assert ((grid >= 0) == (expected >= 0)).all()


def test_our_own_file_whose_notes_somebody_moved_is_quantised(tmp_path: Path) -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_of(MAMAN)))
    for chunk in file.tracks[1:]:
        next(each for each in chunk if each.type == "note_on").time += 13
    buffer = io.BytesIO()
    file.save(file=buffer)
    heard, _ = _read(buffer.getvalue(), tmp_path)
    assert [note.start for note in heard.tracks[0].notes] == [note.start for note in MAMAN.tracks[0].notes]


# ---- golden bytes ----


@pytest.mark.parametrize(
    "track",
    [
        b"\x00\x90\x3c\x40\x60\x80\x3c\x00\x00\x90\x3e\x40\x60\x80\x3e\x00",  # spelled out
        b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x3e\x40\x60\x3e\x00",  # running status, velocity 0 for an end
        b"\x00\x90\x3c\x40\x60\x3c\x00\x00\xff\x01\x01x\x00\x3e\x40\x60\x3e\x00",  # a text in between
        b"\x00\x90\x3c\x40\x30\xf0\x03\x41\x10\xf7\x30\x90\x3c\x00\x00\x3e\x40\x60\x3e\x00",  # system exclusive
        b"\x00\xb0\x07\x64\x00\x90\x3c\x40\x60\x3c\x00\x00\xe0\x00\x40\x00\x90\x3e\x40\x60\x3e\x00",  # loudness and bends
        b"\x00\x90\x3c\x40\x60\x3e\x40\x00\x3c\x00\x60\x3e\x00",  # the end after the next beginning
        b"\x00\x90\x3c\x40\x30\xff\x08\x01p\x30\x90\x3c\x00\x00\x3e\x40\x60\x3e\x00",  # a kind of text that mido does not know
    ],
)
def test_bytes_by_hand_are_two_quarter_notes(track: bytes, tmp_path: Path) -> None:
    for end in (END, b""):  # some programs forget it
        heard, remarks = _read(_header(1) + _chunk(track + end), tmp_path)
        assert remarks == ()
        assert heard.tracks == (Track("piano", (Note(0, 12, 60, 64), Note(12, 12, 62, 64))),)


def _pedalled(*turns: tuple[int, str, int, int], channel: int = 0) -> list[tuple[int, Any]]:
    """Messages of (sixteenth, "on", "off" or "pedal", pitch or value, …) in order."""
    kinds = {"on": "note_on", "off": "note_off"}
    return [
        (120 * at, message("control_change", control=64, value=value, channel=channel))
        if kind == "pedal"
        else (120 * at, message(kinds[kind], note=value, velocity=64, channel=channel))
        for at, kind, value, *_ in turns
    ]


def _in_this_order(*chunks: list[tuple[int, Any]]) -> bytes:
    """A file whose messages stay in the order given, also those at one tick."""
    tracks = []
    for chunk in chunks:
        track, now = mido.MidiTrack(), 0
        for at, each in chunk:
            track.append(each.copy(time=at - now))
            now = at
        tracks.append(track)
    buffer = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


HELD = (0, "on", 60, 0), (4, "off", 60, 0)


@pytest.mark.parametrize(
    ("turns", "notes"),
    [
        (((0, "pedal", 127, 0), *HELD, (8, "pedal", 0, 0)), [(0, 8, 60)]),  # until the pedal comes up
        (((0, "pedal", 63, 0), *HELD, (8, "pedal", 0, 0)), [(0, 4, 60)]),  # below a half it is up
        ((*HELD, (5, "pedal", 127, 0), (8, "pedal", 0, 0)), [(0, 4, 60)]),  # too late
        (((0, "pedal", 127, 0), (0, "on", 60, 0), (6, "pedal", 0, 0), (8, "off", 60, 0)), [(0, 8, 60)]),  # the key holds it
        (((0, "pedal", 127, 0), *HELD, (6, "on", 60, 0), (7, "off", 60, 0), (8, "pedal", 0, 0)), [(0, 6, 60), (6, 8, 60)]),
        (((0, "pedal", 127, 0), *HELD, (5, "off", 60, 0), (8, "pedal", 0, 0)), [(0, 8, 60)]),  # let go twice
        (((0, "pedal", 127, 0), *HELD, (8, "on", 62, 0), (12, "off", 62, 0)), [(0, 12, 60), (8, 12, 62)]),  # it never comes up
        (((0, "pedal", 127, 0), *HELD, (6, "pedal", 90, 0), (8, "pedal", 0, 0)), [(0, 8, 60)]),  # pressed again
    ],
)
def test_the_pedal_holds_notes(turns: tuple[Any, ...], notes: list[tuple[int, int, int]], tmp_path: Path) -> None:
    heard, _ = _read(_in_this_order(_pedalled(*turns)), tmp_path)
    assert [(note.start // 3, note.end // 3, note.pitch) for note in heard.tracks[0].notes] == notes


def test_a_pedal_counts_for_its_channel_in_all_tracks_but_not_for_drums(tmp_path: Path) -> None:
    pedal = _pedalled((0, "pedal", 127, 0), (8, "pedal", 0, 0))
    other = _pedalled(*HELD, channel=1)
    drums = _pedalled((0, "pedal", 127, 0), (0, "on", 36, 0), (1, "off", 36, 0), (8, "pedal", 0, 0), channel=9)
    heard, _ = _read(_in_this_order(pedal, _pedalled(*HELD), other, drums), tmp_path)
    assert [[note.end // 3 for note in track.notes] for track in heard.tracks] == [[8], [4], [1]]


def test_chunks_of_other_kinds_and_what_follows_the_tracks_are_passed_over(tmp_path: Path) -> None:
    content = _header(2) + _chunk(b"abc", b"XFIH") + _chunk(END) + _chunk(C4 + END) + b"junk"
    assert _read(content, tmp_path)[0].tracks == (Track("piano", (Note(0, 12, 60, 64),)),)


def test_a_longer_header_is_read_too(tmp_path: Path) -> None:
    content = b"MThd" + struct.pack(">Ihhh", 8, 0, 1, 96) + b"??" + _chunk(C4 + END)
    assert _read(content, tmp_path)[0].tracks[0].notes == (Note(0, 12, 60, 64),)


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 500), st.integers(0, 127)), max_size=20), st.sampled_from([0, 1])
)
def test_messages_are_those_that_mido_reads(turns: list[tuple[int, int, int]], type: int) -> None:
    chunk = [
        (0, meta("track_name", name="x")),
        (3, meta("key_signature", key="Ebm")),
        (5, message("program_change", program=9)),
    ]
    content = midi([*chunk, *strokes(*((at, at + length, pitch) for at, length, pitch in turns))], type=type)
    theirs, now = [], 0
    for each in mido.MidiFile(file=io.BytesIO(content)).tracks[0]:
        now += each.time
        theirs.append((now, each.copy(time=0)))
    (ours,) = events_of(content, "tune").chunks
    assert ours == theirs


# ---- what the file says ----


def test_keys_are_ended_as_on_a_piano(tmp_path: Path) -> None:
    def heard(*turns: tuple[int, str]) -> list[tuple[int, int]]:
        chunk = [(at * 40, message(kind, note=60, velocity=64)) for at, kind in turns]
        track = mido.MidiTrack(
            [each.copy(time=at - before) for (at, each), (before, _) in zip(chunk, [(0, 0), *chunk], strict=False)]
        )
        buffer = io.BytesIO()
        mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=buffer)
        return [(note.start, note.length) for note in _read(buffer.getvalue(), tmp_path)[0].tracks[0].notes]

    on, off = "note_on", "note_off"
    assert heard((0, on), (12, on), (24, off), (36, off)) == [(0, 12), (12, 24)]  # as many ends as beginnings
    assert heard((0, on), (12, on), (24, off), (96, off)) == [(0, 12), (12, 84)]
    assert heard((0, on), (12, on), (24, off)) == [(0, 12), (12, 12)]  # one end for two beginnings
    assert heard((0, on), (12, off), (24, off), (36, on), (48, off)) == [(0, 12), (36, 12)]
    assert heard((0, on), (12, off), (24, on)) == [(0, 12), (24, 3)]  # no end at all
    assert heard((0, on), (12, on), (24, off), (48, on), (60, off)) == [(0, 12), (12, 12), (48, 12)]


def test_a_hanging_note_lasts_as_long_as_its_track_plays(tmp_path: Path) -> None:
    chunk = [(0, message("note_on", note=48)), *strokes((0, 480, 60), (480, 1920, 62))]
    heard, _ = _read(midi(chunk), tmp_path)
    assert heard.tracks[0].notes[0] == Note(0, 48, 48, 64)


def test_channels_of_one_track_become_tracks_of_their_own(tmp_path: Path) -> None:
    programs = [(0, message("program_change", channel=channel, program=program)) for channel, program in ((0, 73), (1, 42))]
    parts = strokes((0, 480, 72)), strokes((0, 480, 48), channel=1), strokes((0, 120, 36), channel=9)
    heard, _ = _read(midi([(0, meta("track_name", name="A song")), *programs, *chain(*parts)], type=0), tmp_path)
    assert [(track.name, track.instrument, track.drums) for track in heard.tracks] == [
        ("flute", "flute", False),
        ("cello", "cello", False),
        ("drums", "drums", True),
    ]


def test_names_and_programs_are_those_of_the_track(tmp_path: Path) -> None:
    chunk = [(0, meta("track_name", name="Melodie")), (0, message("program_change", program=40)), *strokes((0, 480, 72))]
    assert _read(midi([], chunk), tmp_path)[0].tracks[0].name == "Melodie"
    assert _read(midi([], chunk), tmp_path)[0].tracks[0].instrument == "violin"


@pytest.mark.parametrize(("spelled", "read"), [("小径".encode(), "小径"), ("Flöte".encode("latin-1"), "Flöte"), (b"", "piano")])
def test_names_are_read_in_utf_8_or_latin_1(spelled: bytes, read: str, tmp_path: Path) -> None:
    content = _header(1) + _chunk(b"\x00\xff\x03" + bytes([len(spelled)]) + spelled + C4 + END)
    assert _read(content, tmp_path)[0].tracks[0].name == read


def test_drums_of_general_midi_are_ours_and_others_are_told_about(tmp_path: Path) -> None:
    pitches = range(35, 82)
    chunk = strokes(*((index * 480, index * 480 + 60, pitch) for index, pitch in enumerate(pitches)), channel=9)
    heard, remarks = _read(midi(chunk), tmp_path)
    assert [note.pitch for note in heard.tracks[0].notes] == [DRUM_OF[pitch] for pitch in pitches if pitch in DRUM_OF]
    assert remarks == (f"{len(set(pitches) - set(DRUM_OF))} strokes of other percussion were left out.",)
    assert {DRUM_OF[pitch] for pitch in DRUMS.values()} == set(DRUMS.values())
    assert all(DRUM_OF[pitch] == pitch for pitch in DRUMS.values())


def test_programs_and_instruments_agree() -> None:
    assert len(PROGRAMS) == 128
    assert all(PROGRAMS[program_of(name)] == name for name in PROGRAMS)
    assert program_of("an instrument of mine") == 0


@pytest.mark.parametrize("key", ["C", "Bb", "F#m", "Abm", "C#"])
def test_the_key_is_kept(key: str, tmp_path: Path) -> None:
    assert _read(midi([(0, meta("key_signature", key=key))], strokes((0, 480, 60))), tmp_path)[0].key == key


def test_a_key_that_cannot_be_is_passed_over(tmp_path: Path) -> None:
    content = _header(1) + _chunk(b"\x00\xff\x59\x02\x0f\x63\x00\xff\x51\x01\x00" + C4 + END)
    heard, remarks = _read(content, tmp_path)
    assert (heard.key, heard.tempo_bpm, remarks) == ("C", 120, ())


# ---- tempo and meter ----


def _with(*about: tuple[int, Any], notes: tuple[tuple[int, int, int], ...] = ((0, 480, 60),)) -> bytes:
    return midi(about, strokes(*notes))


def test_a_file_that_says_nothing_is_in_common_time_at_120(tmp_path: Path) -> None:
    heard, remarks = _read(_with(), tmp_path)
    assert (heard.meter, heard.tempo_bpm, heard.key, remarks) == (Meter(4, 4), 120, "C", ())


def test_the_tempo_is_that_of_the_first_note(tmp_path: Path) -> None:
    tempos = [(at, meta("set_tempo", tempo=mido.bpm2tempo(bpm))) for at, bpm in ((0, 120), (480, 90), (1920, 60))]
    heard, remarks = _read(_with(*tempos, notes=((480, 960, 60), (1920, 2400, 62))), tmp_path)
    assert heard.tempo_bpm == 90
    assert remarks == ("The tempo changes; that of the first note was kept.",)
    assert _read(_with(*tempos[:2], notes=((480, 960, 60),)), tmp_path)[1] == ()


@pytest.mark.parametrize(
    ("micros", "kept"), [(0, 400), (1, 400), (100_000, 400), (150_000, 400), (6_000_000, 10), (16_777_215, 10)]
)
def test_absurd_tempos_are_told_about(micros: int, kept: float, tmp_path: Path) -> None:
    heard, remarks = _read(_with((0, meta("set_tempo", tempo=micros))), tmp_path)
    assert heard.tempo_bpm == kept
    assert len(remarks) == (micros not in (150_000, 6_000_000))


@pytest.mark.parametrize(
    ("beats", "unit", "meter"),
    [
        (3, 4, "3/4"),
        (6, 8, "6/8"),
        (2, 2, "4/4"),
        (3, 2, "6/4"),
        (4, 2, "8/4"),
        (1, 1, "4/4"),
        (8, 16, "4/8"),
        (6, 16, "3/8"),
    ],
)
def test_meters_are_written_in_quarters_or_eighths(beats: int, unit: int, meter: str, tmp_path: Path) -> None:
    heard, remarks = _read(_with((0, meta("time_signature", numerator=beats, denominator=unit))), tmp_path)
    assert (str(heard.meter), remarks) == (meter, ())


@pytest.mark.parametrize(("beats", "unit"), [(5, 16), (12, 4), (255, 8), (5, 2), (1, 32), (3, 1024)])
def test_other_meters_are_told_about(beats: int, unit: int, tmp_path: Path) -> None:
    heard, remarks = _read(_with((0, meta("time_signature", numerator=beats, denominator=unit))), tmp_path)
    assert heard.meter == Meter(4, 4)
    assert remarks == (f"A meter of {beats}/{unit} cannot be written; the bars are in 4/4.",)


def test_the_meter_that_lasts_longest_is_kept_and_an_upbeat_stays_before_the_bar_line(tmp_path: Path) -> None:
    meters = [
        (0, meta("time_signature", numerator=1, denominator=4)),
        (480, meta("time_signature", numerator=3, denominator=4)),
    ]
    heard, remarks = _read(_with(*meters, notes=((0, 480, 60), (480, 1920, 62), (1920, 3360, 64))), tmp_path)
    assert (heard.meter, heard.bars) == (Meter(3, 4), 3)
    assert [note.start for note in heard.tracks[0].notes] == [24, 36, 72]
    assert remarks == ("The meter changes; all bars are written in that which lasts longest, 3/4.",)


def test_the_same_meter_said_twice_is_no_change(tmp_path: Path) -> None:
    meters = [(at, meta("time_signature", numerator=3, denominator=4)) for at in (0, 0, 1440)]
    heard, remarks = _read(_with(*meters, notes=((0, 480, 60), (1440, 1920, 62))), tmp_path)
    assert (heard.meter, heard.tracks[0].notes[1].start, remarks) == (Meter(3, 4), 36, ())


def test_patterns_of_type_2_follow_each_other_from_bar_line_to_bar_line(tmp_path: Path) -> None:
    meter = (0, meta("time_signature", numerator=3, denominator=4))
    content = midi([meter, *strokes((0, 480, 60), (1440, 1500, 61))], strokes((0, 480, 62)), strokes((480, 960, 64)), type=2)
    heard, remarks = _read(content, tmp_path)
    assert [[note.start for note in track.notes] for track in heard.tracks] == [[0, 36], [72], [120]]
    assert remarks == ()


def test_styles_are_markers_that_people_can_read() -> None:
    lied, mixed = (("lied", 1.0),), (("ragtime", 0.6), ("lied", 0.4))
    file = mido.MidiFile(file=io.BytesIO(midi_of(Score(MAMAN.tracks, bars=4, styles=(lied, lied, (), mixed)))))
    now, found = 0, []
    for each in file.tracks[0]:
        now += each.time
        if each.type == "marker":
            found.append((now // 1920, each.text))
    assert found == [(0, "lied 1.0"), (2, "-"), (3, "ragtime 0.6, lied 0.4")]


def test_markers_of_others_are_no_styles(tmp_path: Path) -> None:
    assert _read(_with((0, meta("marker", text="Refrain 2"))), tmp_path)[0].styles == ()


# ---- what cannot be read ----


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"Dear diary, this is no music.", "no MIDI file"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "no MIDI file"),
        (b"MThd", "header"),
        (_header(0), "no tracks"),
        (_header(1), "0 are there"),
        (_header(3) + _chunk(C4 + END), "of 3 tracks 1"),
        (_header(1, type=3) + _chunk(C4 + END), "type 3"),
        (_header(1, division=0) + _chunk(C4 + END), "0 ticks"),
        (_header(1, division=-6360) + _chunk(C4 + END), "frames"),
        (_header(1) + _chunk(END), "no notes"),
        (_header(1) + _chunk(b"\x00\x99\x47\x40\x60\x89\x47\x00" + END), "no notes"),  # a whistle, which is none of our drums
        (_header(1) + _chunk(b"\x00\x90\x3c"), "middle of a message"),
        (_header(1) + _chunk(b"\x00\x3c\x40"), "no beginning"),
        (_header(1) + _chunk(b"\x00\x90\xc8\x40"), "200"),
        (_header(1) + _chunk(b"\x00\x90\x3c\xc8"), "200"),
        (_header(1) + _chunk(b"\x00\xf4\x00"), "0xf4"),
        (_header(1) + _chunk(b"\xff\xff\xff\xff\x7f\x90\x3c\x40"), "four bytes"),
        (_header(1) + _chunk(b"\x00\xff\x01\x7fabc"), "middle of a message"),
        (_header(1) + _chunk(C4 + b"\xff\xff\xff\x7f\x90\x3c\x40" + END), "bars long"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(content: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=why) as told:
        _read(content, tmp_path)
    assert "tune.mid" in told.value.what
    assert told.value.hint


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    content = played(MINUET, 0)
    for size in range(0, len(content), 7):
        with pytest.raises(UnreadableInput):
            _read(content[:size], tmp_path)


@given(st.data())
def test_a_file_with_changed_bytes_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    content = bytearray(played(MINUET, 1))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        heard, _ = _read(bytes(content), folder)
    except UnreadableInput:
        return
    assert any(track.notes for track in heard.tracks)


@pytest.mark.parametrize("own", ["{", "[]", '{"bars": -3, "settings": 5}', '{"bars": 1e9}', '{"bars": 99999999}', "null"])
def test_a_garbled_text_of_ours_does_no_harm(own: str, tmp_path: Path) -> None:
    heard, _ = _read(_with((0, meta("text", text=f"mapsto {own}")), (10**6, meta("marker", text="a 1.0, b"))), tmp_path)
    assert (heard.bars < 1000, dict(heard.settings)) == (True, {})


def test_too_many_events_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_events, "MOST_EVENTS", 20)
    content = _with(notes=tuple((at * 480, at * 480 + 240, 60) for at in range(20)))
    with pytest.raises(UnreadableInput, match="more than 20 events"):
        _read(content, tmp_path)


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.mid").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(UnreadableInput, match="64 MB"):
        read_midi(tmp_path / "huge.mid")


def test_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(UnreadableInput, match="pipe"):
        read_midi(tmp_path / "pipe.mid")


def test_folders_and_names_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "none.mid", tmp_path / "none.mid" / "x.mid", tmp_path / ("x" * 300)):
        with pytest.raises(UnreadableInput):
            read_midi(name)
    with pytest.raises(UnreadableInput, match="cannot"):
        read_midi("a\0b.mid")


def test_drums_only_are_a_score_of_silence_in_four_voices(tmp_path: Path) -> None:
    heard, _ = _read(midi(strokes((0, 60, 36), (480, 540, 38), channel=9)), tmp_path)
    assert (heard.grid() == -1).all()
    assert (heard.drum_grid() > 0).sum() == 2


# ---- writing ----


def test_settings_that_json_cannot_say_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JSON"):
        write_midi(Score(settings={"x": {1, 2}}), tmp_path / "tune.mid")
    assert list(tmp_path.iterdir()) == []


def test_many_tracks_share_channels_and_come_back(tmp_path: Path) -> None:
    score = Score(tuple(Track(f"part {number}", (Note(number, 12, 60),)) for number in range(40)))
    assert _read(midi_of(score), tmp_path)[0] == score
