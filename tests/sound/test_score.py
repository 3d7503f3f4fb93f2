"""Scores: notes in order, meters, keys, tempos, and what follows from them."""

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mido.midifiles.meta import _key_signature_encode
from PIL import Image

from mapsto.errors import NoSpace, UnreadableInput, UsageError, WeightsError
from mapsto.sound.score import DRUMS, FIFTHS, Meter, Note, Score, Track
from tunes import MAMAN, MINUET, PITCHED, TUNES, scores


@given(st.lists(PITCHED, max_size=20), st.randoms(use_true_random=False))
def test_notes_may_come_in_any_order(notes: list[Note], at_random: random.Random) -> None:
    mixed = at_random.sample(notes, len(notes))
    track = Track("melody", tuple(mixed))
    assert track == Track("melody", tuple(notes))
    assert [(note.start, note.pitch) for note in track.notes] == sorted({(note.start, note.pitch) for note in notes})


@given(st.lists(PITCHED, max_size=20))
def test_no_pitch_sounds_twice_at_once(notes: list[Note]) -> None:
    kept = Track("melody", tuple(notes)).notes
    for pitch in {note.pitch for note in kept}:
        line = [note for note in kept if note.pitch == pitch]
        assert all(one.end <= other.start for one, other in pairwise(line))
        asked = {tick for note in notes if note.pitch == pitch for tick in range(note.start, note.end)}
        assert asked >= {tick for note in line for tick in range(note.start, note.end)}


def test_a_note_ends_where_the_next_of_its_pitch_begins_and_the_longer_of_two_stays() -> None:
    track = Track("melody", (Note(0, 24, 60), Note(12, 6, 60), Note(12, 9, 60), Note(12, 6, 62)))
    assert track.notes == (Note(0, 12, 60), Note(12, 9, 60), Note(12, 6, 62))
    assert track.end == 21


@pytest.mark.parametrize(
    "note", [Note(-1, 3, 60), Note(0, 0, 60), Note(0, 3, 128), Note(0, 3, -1), Note(0, 3, 60, 0), Note(0, 3, 60, 128)]
)
def test_notes_out_of_range_are_refused(note: Note) -> None:
    with pytest.raises(UsageError, match="melody"):
        Track("melody", (note,))


def test_a_drum_track_has_our_drums_only() -> None:
    assert [note.pitch for note in Track("beat", tuple(Note(0, 3, pitch) for pitch in DRUMS.values()), drums=True).notes]
    with pytest.raises(UsageError, match="Pitch 60"):
        Track("beat", (Note(0, 3, 60),), drums=True)


@pytest.mark.parametrize(
    ("text", "steps", "pulse"),
    [("4/4", 16, 12), ("3/4", 12, 12), ("6/8", 12, 18), ("2/4", 8, 12), ("12/8", 24, 18), ("5/8", 10, 6), ("3/8", 6, 6)],
)
def test_meters_count_their_bars(text: str, steps: int, pulse: int) -> None:
    meter = Meter.of(text)
    assert (str(meter), meter.steps, meter.ticks, meter.pulse) == (text, steps, 3 * steps, pulse)
    assert meter.ticks % meter.pulse == 0


@pytest.mark.parametrize("text", ["", "4", "4/", "/4", "4/3", "0/4", "-3/4", "9/4", "17/8", "4/16", "four/4", "4/4/4", "²/4"])
def test_other_meters_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"6/8|meter"):
        Meter.of(text)


@pytest.mark.parametrize("tempo", [9.99, 401, 0, -5, float("nan"), float("inf")])
def test_absurd_tempos_are_refused(tempo: float) -> None:
    with pytest.raises(UsageError, match="tempo"):
        Score(tempo_bpm=tempo)


def test_an_unknown_key_names_those_like_it() -> None:
    with pytest.raises(UsageError, match="F#"):
        Score(key="f#")
    with pytest.raises(UsageError, match="Try C"):
        Score(key="?")


def test_keys_are_those_of_midi() -> None:
    assert {name: fifths for name, (fifths, _) in _key_signature_encode.items()} == FIFTHS


def test_there_are_as_many_bars_as_anything_needs() -> None:
    track = Track("melody", (Note(47, 2, 60),))
    assert Score().bars == 1
    assert Score((track,)).bars == 2
    assert Score((track,), bars=7).bars == 7
    assert Score((track,), Meter(3, 8)).bars == 3
    assert Score(styles=((("ink", 1.0),),) * 5).bars == 5
    with pytest.raises(UsageError, match="-1"):
        Score(bars=-1)


def test_the_last_styles_go_on() -> None:
    lied, ragtime = (("lied", 1.0),), (("ragtime", 0.5), ("lied", 0.5))
    assert Score(bars=4, styles=(lied, ragtime)).styles == (lied, ragtime, ragtime, ragtime)
    assert Score(bars=4).styles == ()


@pytest.mark.parametrize("style", [("", 1.0), ("a,b", 1.0), ("a", float("nan"))])
def test_styles_that_cannot_be_told_are_refused(style: tuple[str, float]) -> None:
    with pytest.raises(UsageError, match="no style"):
        Score(styles=((style,),))


def test_seconds_are_quarters_by_tempo() -> None:
    assert Score(bars=4, tempo_bpm=120).seconds == 8
    assert Score(bars=4, meter=Meter(6, 8), tempo_bpm=60).seconds == 12
    assert Score(bars=4, meter=Meter(3, 4)).ticks == 4 * 36 == 3 * Score(bars=4, meter=Meter(3, 4)).steps


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_transposing_twice_is_transposing_by_the_sum(one: int, two: int) -> None:
    for tune in TUNES.values():
        assert tune.transposed(one).transposed(two) == tune.transposed(one + two)


@pytest.mark.parametrize(
    ("key", "by", "to"), [("C", 2, "D"), ("C", -1, "B"), ("Am", 2, "Bm"), ("G", 12, "G"), ("C", 6, "F#"), ("Em", 1, "Fm")]
)
def test_the_key_goes_along(key: str, by: int, to: str) -> None:
    assert Score(key=key).transposed(by).key == to


def test_drums_stay_where_they_are() -> None:
    drums = Track("beat", (Note(0, 3, DRUMS["kick"]),), drums=True)
    score = Score((*MAMAN.tracks, drums))
    assert score.transposed(5).tracks == (*MAMAN.transposed(5).tracks, drums)


def test_transposing_out_of_range_says_how_far_is_possible() -> None:
    low = min(note.pitch for note in MAMAN.tracks[0].notes)
    with pytest.raises(UsageError, match=f"Between -{low} and"):
        MAMAN.transposed(-low - 1)
    assert MAMAN.transposed(-low).tracks[0].notes[0].pitch == 0


@given(scores())
def test_equal_scores_have_equal_hashes(score: Score) -> None:
    assert hash(replace(score)) == hash(score)
    assert replace(score) == score


# ---- files ----


def test_the_suffix_says_what_is_written(tmp_path: Path) -> None:
    for suffix in ("mid", "MIDI", "musicxml", "xml", "png", "svg"):
        MINUET.save(tmp_path / f"minuet.{suffix}")
    assert Score.read(tmp_path / "minuet.mid") == Score.read(tmp_path / "minuet.MIDI") == MINUET
    assert ElementTree.parse(tmp_path / "minuet.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "minuet.xml").read_text() == (tmp_path / "minuet.musicxml").read_text()
    assert ElementTree.parse(tmp_path / "minuet.xml").getroot().tag == "score-partwise"
    with Image.open(tmp_path / "minuet.png") as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("name", ["tune", "tune.pdf", "tune.mid.gz"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.musicxml"):
        MINUET.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["mid", "musicxml", "png", "svg"])
def test_where_nothing_can_be_written_nothing_is(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"tune.{suffix}").mkdir()
    with pytest.raises(NoSpace):
        MINUET.save(tmp_path / f"tune.{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"tune.{suffix}"]


@pytest.mark.parametrize("suffix", ["mid", "musicxml", "png", "svg"])
def test_settings_that_json_cannot_say_leave_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"tune.{suffix}"
    MINUET.save(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="JSON"):
        replace(MINUET, settings={"seed": object()}).save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="does not exist"):
        Score.read(tmp_path / "nowhere.mid")


class Sound:
    def save(self, path: Path, *, settings: object) -> None:
        path.write_bytes(b"sound")


def _silent(score: Score) -> Sound:
    raise WeightsError("The instruments are not there.")


def _played_by(render: Callable[[Score], Sound], monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mapsto.sound.render")
    monkeypatch.setattr(module, "render", render, raising=False)
    monkeypatch.setitem(sys.modules, "mapsto.sound.render", module)


def test_sound_is_left_to_the_instruments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _played_by(lambda score: Sound(), monkeypatch)
    MINUET.save(tmp_path / "minuet.wav")
    assert (tmp_path / "minuet.wav").read_bytes() == b"sound"
    shown: Any = MINUET._repr_html_()
    assert shown.count("<svg ") == 1
    assert "data:audio/flac;base64,c291bmQ=" in shown
    assert "<audio" not in replace(MINUET, bars=2000)._repr_html_()


def test_a_notebook_shows_what_cannot_be_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _played_by(_silent, monkeypatch)
    shown = MINUET._repr_html_()
    assert "<svg " in shown
    assert "<audio" not in shown
    with pytest.raises(WeightsError):
        MINUET.save(tmp_path / "minuet.wav")
    assert list(tmp_path.iterdir()) == []
