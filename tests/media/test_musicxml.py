"""MusicXML: what the symbols add up to is the score."""

import json
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from mapsto.media.musicxml import DRUM_PLACES, musicxml_of, write_musicxml
from mapsto.media.notation import FLAGS, IN_TRIPLETS, VALUES, spelled
from mapsto.sound.score import DRUMS, FIFTHS, Meter, Note, Score, Track
from tunes import MINUET, MOONLIGHT, TUNES, notes, scores

WHOLE = {"whole": 1, "half": 2, "quarter": 4, "eighth": 8, "16th": 16, "32nd": 32}
IN_ORDER = [
    "chord",
    "pitch",
    "unpitched",
    "rest",
    "duration",
    "tie",
    "instrument",
    "voice",
    "type",
    "dot",
    "time-modification",
    "notehead",
    "beam",
    "notations",
]
"""What stands in a note, as the schema orders it."""


def _parse(score: Score) -> Element:
    return ElementTree.fromstring(musicxml_of(score))


def _number(element: Element, path: str) -> int:
    return int(element.findtext(path) or 0)


def _pitch(note: Element) -> int:
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[note.findtext("pitch/step") or ""]
    return natural + _number(note, "pitch/alter") + 12 * (_number(note, "pitch/octave") + 1)


def _sounding(part: Element, bar: int) -> list[tuple[int, int, int]]:
    """Starts, lengths and pitches of a part, as a reader adds them up: ties join, backup and forward move."""
    open_notes: dict[tuple[str, int], tuple[int, int]] = {}
    found = []
    for number, measure in enumerate(part.iter("measure")):
        now = start = number * bar
        for each in measure:
            duration = _number(each, "duration")
            if each.tag == "backup":
                now -= duration
            elif each.tag == "forward":
                now += duration
            elif each.tag == "note":
                start = start if each.find("chord") is not None else now
                if each.find("rest") is None:
                    key = each.findtext("voice") or "", _pitch(each)
                    ties = [tie.get("type") for tie in each.iter("tie")]
                    began, length = open_notes.pop(key) if "stop" in ties else (start, 0)
                    assert began + length == start
                    if "start" in ties:
                        open_notes[key] = (began, length + duration)
                    else:
                        found.append((began, length + duration, key[1]))
                now = start + duration
            assert number * bar <= now <= (number + 1) * bar
        assert now == (number + 1) * bar
    assert not open_notes
    return sorted(found)


@limits(max_examples=60)
@given(scores())
def test_what_a_reader_adds_up_is_the_score(score: Score) -> None:
    root = _parse(score)
    parts = root.findall("part")
    assert [part.get("id") for part in parts] == [part.get("id") for part in root.iter("score-part")]
    for part, track in zip(parts, score.tracks, strict=True):
        assert len(part.findall("measure")) == score.bars
        if not track.drums:
            assert _sounding(part, score.meter.ticks) == [(each.start, each.length, each.pitch) for each in _sorted(track)]


def _sorted(track: Track) -> list[Note]:
    return sorted(track.notes, key=lambda note: (note.start, note.length, note.pitch))


@limits(max_examples=60)
@given(scores())
def test_symbols_last_as_long_as_they_look(score: Score) -> None:
    for note in _parse(score).iter("note"):
        kind = note.findtext("type")
        if kind is None:
            assert note.find("rest[@measure='yes']") is not None
            continue
        looks = Fraction(48, WHOLE[kind]) * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
        if note.find("time-modification") is not None:
            looks *= Fraction(_number(note, "time-modification/normal-notes"), _number(note, "time-modification/actual-notes"))
        assert looks == _number(note, "duration")


@limits(max_examples=60)
@given(scores())
def test_notes_say_things_in_the_order_of_the_schema(score: Score) -> None:
    for note in _parse(score).iter("note"):
        places = [IN_ORDER.index(each.tag) for each in note]
        assert places == sorted(places)
        ties = [tie.get("type") for tie in note.iter("tie")]
        assert ties == [tied.get("type") for tied in note.iter("tied")]


@limits(max_examples=60)
@given(scores())
def test_beams_and_brackets_are_closed_within_the_bar(score: Score) -> None:
    for measure in _parse(score).iter("measure"):
        voices: dict[str, list[Element]] = {}
        for note in measure.findall("note"):
            if note.find("chord") is None:
                voices.setdefault(note.findtext("voice") or "", []).append(note)
        for line in voices.values():
            brackets = [each.get("type") for note in line for each in note.iter("tuplet")]
            assert brackets == ["start", "stop"] * (len(brackets) // 2)
            for level in ("1", "2", "3"):
                is_open = False
                for note in line:
                    does = note.findtext(f"beam[@number='{level}']")
                    assert is_open == (does in ("continue", "end"))
                    is_open = does in ("begin", "continue")
                assert not is_open
            for note in line:
                assert len(note.findall("beam")) <= FLAGS.get(note.findtext("type") or "", 0)


def test_values_are_what_they_are_called() -> None:
    for values, ratio in ((VALUES, 1), (IN_TRIPLETS, Fraction(2, 3))):
        for ticks, (kind, dots) in values.items():
            assert ticks == ratio * Fraction(48, WHOLE[kind]) * (2 - Fraction(1, 2**dots))
        assert list(values) == sorted(values, reverse=True)


def _told(score: Score) -> list[str]:
    """The first part in short: "quarter. 3 ~" is a dotted quarter of a triplet that is tied."""
    short = []
    for note in _parse(score).iterfind("part[1]//note"):
        head = "rest" if note.find("rest") is not None else ""
        triplet = " 3" if note.find("time-modification") is not None else ""
        tied = " ~" if note.find("tie[@type='start']") is not None else ""
        short.append(f"{head}{note.findtext('type') or ''}{'.' * len(note.findall('dot'))}{triplet}{tied}")
    return short


@pytest.mark.parametrize(
    ("spans", "meter", "told"),
    [
        ([(0, 48)], "4/4", ["whole"]),
        ([(0, 36)], "3/4", ["half."]),
        ([(36, 24)], "4/4", ["resthalf.", "quarter ~", "quarter", "resthalf."]),
        ([(0, 6), (6, 12), (18, 6), (24, 24)], "4/4", ["eighth", "quarter", "eighth", "half"]),
        ([(0, 9), (9, 3), (12, 18), (30, 18)], "4/4", ["eighth.", "16th", "quarter.", "eighth ~", "quarter"]),
        ([(0, 3), (3, 12), (15, 33)], "4/4", ["16th", "eighth. ~", "16th", "eighth. ~", "half"]),
        ([(0, 4), (4, 4), (8, 4), (12, 36)], "4/4", ["eighth 3"] * 3 + ["half."]),
        ([(0, 8), (8, 28), (36, 12)], "4/4", ["quarter 3", "eighth 3 ~", "half", "quarter"]),
        ([(0, 18), (18, 6), (24, 6), (30, 6)], "6/8", ["quarter.", "eighth", "eighth", "eighth"]),
        ([(0, 30), (30, 6)], "6/8", ["quarter. ~", "quarter", "eighth"]),
        ([(0, 36)], "6/8", ["half."]),
        ([], "3/4", ["rest"]),
    ],
)
def test_durations_are_spelled_so_that_the_beat_is_seen(spans: list[tuple[int, int]], meter: str, told: list[str]) -> None:
    line = tuple(Note(start, length, 60) for start, length in spans)
    assert _told(Score((Track("melody", line),), Meter.of(meter))) == told


def test_triplets_have_a_bracket_for_each_beat() -> None:
    right = _parse(MOONLIGHT).findall("part")[0]
    assert [each.get("type") for each in right.iter("tuplet")] == ["start", "stop"] * 8
    assert [note.findtext("beam") for note in right.iter("note")] == ["begin", "continue", "end"] * 8


def test_overlapping_notes_are_voices_of_one_part_and_notes_together_a_chord() -> None:
    part = _parse(Score((Track("piano", (*notes("c4+e4+g4:2 b3+d4:2"), Note(0, 48, 84))),))).findall("part")[0]
    assert {note.findtext("voice") for note in part.iter("note")} == {"1", "2"}
    assert len(part.findall(".//chord")) == 3
    assert [note.findtext("voice") for note in part.iter("note") if note.find("rest") is not None] == []


# ---- pitches ----


@given(st.integers(0, 127), st.sampled_from(list(FIFTHS)))
def test_spelled_pitches_sound_as_they_should(pitch: int, key: str) -> None:
    step, alter, octave = spelled(pitch, key)
    assert {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter + 12 * (octave + 1) == pitch
    assert abs(alter) <= 2


@pytest.mark.parametrize("key", FIFTHS)
def test_a_scale_has_every_step_once_and_the_accidentals_of_its_key(key: str) -> None:
    tonic = 60 + (7 * FIFTHS[key] + 9 * key.endswith("m")) % 12
    scale = [tonic + each for each in ((0, 2, 3, 5, 7, 8, 10) if key.endswith("m") else (0, 2, 4, 5, 7, 9, 11))]
    names = [spelled(pitch, key) for pitch in scale]
    assert sorted(step for step, _, _ in names) == list("ABCDEFG")
    assert sum(alter for _, alter, _ in names) == FIFTHS[key]


@pytest.mark.parametrize(
    ("key", "pitch", "name"),
    [
        ("C", 66, ("F", 1, 4)),
        ("C", 70, ("B", -1, 4)),
        ("C", 63, ("E", -1, 4)),
        ("Am", 68, ("G", 1, 4)),
        ("F", 61, ("C", 1, 4)),
        ("Db", 61, ("D", -1, 4)),
        ("C#", 60, ("B", 1, 3)),
        ("Cb", 59, ("C", -1, 4)),
        ("G", 60, ("C", 0, 4)),
        ("G#m", 67, ("F", 2, 4)),
    ],
)
def test_altered_pitches_are_spelled_as_the_key_suggests(key: str, pitch: int, name: tuple[str, int, int]) -> None:
    assert spelled(pitch, key) == name


# ---- what else a part says ----


def test_the_first_bar_says_meter_key_clef_and_tempo() -> None:
    root = _parse(MINUET)
    right, left = (part.find("measure/attributes") for part in root.findall("part"))
    assert right is not None
    assert left is not None
    assert [_number(right, path) for path in ("divisions", "key/fifths", "time/beats", "time/beat-type")] == [12, 1, 3, 4]
    assert right.findtext("key/mode") == "major"
    assert [each.findtext("clef/sign") for each in (right, left)] == ["G", "F"]
    assert [each.get("tempo") for each in root.iter("sound")] == ["112"]
    assert [each.text for each in root.iter("bar-style")] == ["light-heavy"] * 2


def test_styles_stand_where_they_change() -> None:
    lied, ragtime = (("lied", 1.0),), (("ragtime", 0.5), ("lied", 0.5))
    root = _parse(Score(MINUET.tracks, bars=9, styles=(lied, lied, ragtime)))
    said = {int(m.get("number", 0)): m.findtext("direction/direction-type/words") for m in root.iterfind("part[1]/measure")}
    assert {bar: words for bar, words in said.items() if bar > 1 and words} == {3: "ragtime 0.5, lied 0.5"}
    assert [each.text for each in root.iter("words")] == ["lied 1.0", "ragtime 0.5, lied 0.5"]


def test_drums_stand_in_their_places_up_to_the_next_stroke_or_beat() -> None:
    strokes = tuple(Note(at, 3, DRUMS[name]) for at, name in ((0, "kick"), (0, "closed hat"), (6, "closed hat"), (12, "snare")))
    part = _parse(Score((Track("beat", strokes, "drums", drums=True),))).findall("part")[0]
    struck = [note for note in part.iter("note") if note.find("unpitched") is not None]
    places = [(note.findtext("unpitched/display-step"), _number(note, "unpitched/display-octave")) for note in struck]
    assert places == [DRUM_PLACES[name] for name in ("kick", "closed hat", "closed hat", "snare")]
    assert [_number(note, "duration") for note in struck] == [6, 6, 6, 12]
    assert [note.findtext("notehead") for note in struck] == [None, "x", "x", None]
    assert part.findtext(".//clef/sign") == "percussion"


def test_every_drum_is_an_instrument_that_is_announced() -> None:
    strokes = tuple(Note(12 * place, 3, pitch) for place, pitch in enumerate(DRUMS.values()))
    root = _parse(Score((Track("beat", strokes, "drums", drums=True),)))
    announced = {each.get("id"): _number(each, "midi-unpitched") for each in root.iter("midi-instrument")}
    played = [each.get("id") for each in root.iter("instrument")]
    assert [announced[each] for each in played] == [pitch + 1 for pitch in DRUMS.values()]


@given(st.text(max_size=20))
def test_any_name_can_be_written(name: str) -> None:
    root = _parse(Score((Track(name, notes("c4"), "flute"),), settings={"name": name}))
    said = root.findtext(".//part-name") or ""
    assert said == ("".join(each if each.isprintable() else " " for each in name) or "flute")
    assert json.loads(root.findtext(".//miscellaneous-field") or "") == {"name": name}


def test_a_score_without_tracks_is_bars_of_rest(tmp_path: Path) -> None:
    write_musicxml(Score(bars=3), tmp_path / "nothing.musicxml")
    root = ElementTree.parse(tmp_path / "nothing.musicxml").getroot()
    assert len(root.findall("part/measure/note/rest[@measure='yes']")) == 3


def test_the_text_is_the_same_every_time() -> None:
    for tune in TUNES.values():
        assert musicxml_of(tune) == musicxml_of(tune)
