"""Any score in four voices, and four voices as a score."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mapsto.errors import UsageError
from mapsto.sound.reduction import ACCENTS, VELOCITIES, accent
from mapsto.sound.score import DRUMS, HOLD, REST, VOICES, Grid, Meter, Note, Score, Track
from tunes import MAMAN, METERS, MINUET, MINUET_LEFT, MINUET_RIGHT, MOONLIGHT, notes, scores

STEPS = st.integers(0, 127) | st.just(HOLD) | st.just(REST)


@st.composite
def grids(draw: st.DrawFn) -> tuple[Grid, Meter]:
    """Grids of whole bars in which only notes are held."""
    meter = draw(st.sampled_from(METERS))
    steps = meter.steps * draw(st.integers(1, 3))
    grid = np.array([draw(st.lists(STEPS, min_size=steps, max_size=steps)) for _ in VOICES])
    for row in grid:
        for at in range(steps):
            if row[at] == HOLD and (at == 0 or row[at - 1] == REST):
                row[at] = REST
    return grid, meter


def _rows(score: Score) -> dict[str, list[int]]:
    """The voices that sound: their pitches in order."""
    rows = dict(zip(VOICES, score.grid(), strict=True))
    return {voice: row[row >= 0].tolist() for voice, row in rows.items() if (row >= 0).any()}


def _line(text: str, name: str = "piano") -> Track:
    return Track(name, notes(text))


def _pitches(text: str) -> list[int]:
    return [note.pitch for note in notes(text)]


@given(grids())
def test_a_grid_comes_back_from_its_score(given_grid: tuple[Grid, Meter]) -> None:
    grid, meter = given_grid
    score = Score.of_grid(grid, meter)
    assert score.grid().dtype == np.int64
    np.testing.assert_array_equal(score.grid(), grid)
    assert score.bars * meter.steps == grid.shape[1]


@given(scores())
def test_any_score_has_a_grid_of_notes_that_are_in_it(score: Score) -> None:
    grid = score.grid()
    assert grid.shape == (4, score.steps)
    starts = {
        (min((note.start + 1) // 3, score.steps - 1), note.pitch) for t in score.tracks if not t.drums for note in t.notes
    }
    found = {(int(step), int(grid[voice, step])) for voice, step in np.argwhere(grid >= 0)}
    assert found <= starts
    held = np.argwhere(grid == HOLD)
    assert all(step > 0 and grid[voice, step - 1] != REST for voice, step in held)
    np.testing.assert_array_equal(Score.of_grid(grid, score.meter).grid(), grid)


def test_a_hold_of_no_note_is_a_rest() -> None:
    grid = np.full((4, 16), REST)
    grid[3] = [HOLD, HOLD, 60, HOLD, REST, HOLD, 62, 62, *[HOLD] * 8]
    expected = [REST, REST, 60, HOLD, REST, REST, 62, 62, *[HOLD] * 8]
    assert Score.of_grid(grid).grid()[3].tolist() == expected


def test_a_short_grid_is_filled_up_to_the_bar() -> None:
    score = Score.of_grid(np.full((4, 17), 60))
    assert (score.bars, score.grid().shape) == (2, (4, 32))
    assert (score.grid()[:, 17:] == REST).all()


def test_tensors_are_grids_too() -> None:
    grid = torch.tensor([[48], [55], [64], [72]]).repeat(1, 16)
    assert Score.of_grid(grid) == Score.of_grid(grid.numpy())


@pytest.mark.parametrize(
    "grid",
    [
        np.zeros((3, 16), int),
        np.zeros((1, 4, 16), int),
        np.zeros((4, 16)),
        np.full((4, 16), 128),
        np.full((4, 16), -3),
        [],
        "abc",
    ],
)
def test_what_is_no_grid_is_refused(grid: object) -> None:
    with pytest.raises(UsageError, match=r"grid|Give"):
        Score.of_grid(grid)  # type: ignore[arg-type]


def test_instruments_play_the_voices_they_are_given() -> None:
    score = Score.of_grid(np.full((4, 16), 60), instruments={"melody": "flute", "bass": "cello"})
    assert [(track.name, track.instrument) for track in score.tracks] == [
        ("melody", "flute"),
        ("alto", "piano"),
        ("tenor", "piano"),
        ("bass", "cello"),
    ]
    with pytest.raises(UsageError, match="melody"):
        Score.of_grid(np.full((4, 16), 60), instruments={"melodie": "flute"})


@pytest.mark.parametrize("meter", METERS, ids=str)
def test_accents_follow_the_bar(meter: Meter) -> None:
    accents = [accent(tick, meter) for tick in range(0, meter.ticks, 3)]
    assert accents[0] == max(accents) == ACCENTS[0]
    assert all(each == ACCENTS[4] for each in accents[1::2])
    beats = [accent(tick, meter) for tick in range(0, meter.ticks, meter.pulse)]
    assert all(each >= ACCENTS[2] for each in beats)
    assert accent(meter.ticks * 5 + 3, meter) == accent(3, meter)


def test_the_accents_of_common_meters() -> None:
    def of(meter: Meter) -> list[int]:
        return [ACCENTS.index(accent(tick, meter)) for tick in range(0, meter.ticks, 6)]

    assert of(Meter(4, 4)) == [0, 3, 2, 3, 1, 3, 2, 3]
    assert of(Meter(3, 4)) == [0, 3, 2, 3, 2, 3]
    assert of(Meter(6, 8)) == [0, 3, 3, 1, 3, 3]


def test_the_melody_is_above_the_rest() -> None:
    by_voice = {track.name: track.notes[0].velocity for track in Score.of_grid(np.full((4, 16), 60)).tracks}
    assert by_voice == {voice: VELOCITIES[row] + ACCENTS[0] for row, voice in enumerate(VOICES)}
    assert by_voice["melody"] == max(by_voice.values())


# ---- drums ----


@given(st.lists(st.lists(st.floats(0, 1), min_size=16, max_size=16), min_size=9, max_size=9))
def test_drums_come_back_as_loud_as_midi_can_say(rows: list[list[float]]) -> None:
    drums = np.array(rows)
    found = Score.of_grid(np.full((4, 16), REST), drums=drums).drum_grid()
    assert found.shape == (9, 16)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found > 0, drums > 0)
    np.testing.assert_allclose(found, drums, atol=1 / 127)


def test_drums_alone_are_silence_in_four_voices() -> None:
    score = Score((Track("beat", (Note(0, 3, DRUMS["kick"], 127), Note(49, 3, DRUMS["ride"], 64)), drums=True),))
    assert (score.grid() == REST).all()
    assert np.argwhere(score.drum_grid()).tolist() == [[0, 0], [8, 16]]
    assert score.drum_grid()[0, 0] == 1


@pytest.mark.parametrize("drums", [np.zeros((8, 16)), np.full((9, 16), 1.5), np.full((9, 16), np.nan), np.zeros(9)])
def test_what_are_no_drums_is_refused(drums: np.ndarray) -> None:
    with pytest.raises(UsageError, match="Drums"):
        Score.of_grid(np.full((4, 16), 60), drums=drums)


# ---- telling voices apart ----


def test_one_line_is_the_melody() -> None:
    assert _rows(MAMAN) == {"melody": [note.pitch for note in MAMAN.tracks[0].notes]}
    assert list(_rows(Score((Track("tuba", MAMAN.transposed(-24).tracks[0].notes, "tuba"),)))) == ["melody"]


@given(st.lists(st.lists(st.integers(36, 84), min_size=4, max_size=4, unique=True), min_size=1, max_size=8))
def test_four_notes_at_a_time_are_four_voices(chords: list[list[int]]) -> None:
    struck = tuple(Note(12 * at, 12, pitch) for at, chord in enumerate(chords) for pitch in chord)
    found = Score((Track("piano", struck),)).grid()[:, : 4 * len(chords) : 4]
    np.testing.assert_array_equal(found.T, [sorted(chord) for chord in chords])


def test_three_at_a_time_leave_the_tenor_out_and_two_are_melody_and_bass() -> None:
    assert _rows(Score((_line("c3+e4+g4:2 d3+f4+a4:2"),))) == {"bass": [48, 50], "alto": [64, 65], "melody": [67, 69]}
    assert _rows(Score((_line("c3+g4:2 d3+a4:2"),))) == {"bass": [48, 50], "melody": [67, 69]}


def test_lines_without_names_are_in_order_of_their_height() -> None:
    lines = {"melody": "e5:2 f5:2", "alto": "c5:2 g5:2", "tenor": "g4:2 g4:2", "bass": "c3:2 b2:2"}
    tracks = [_line(text, f"staff {number}") for number, text in enumerate(lines.values())]
    expected = {voice: _pitches(text) for voice, text in lines.items()}
    assert _rows(Score(tuple(tracks))) == _rows(Score(tuple(reversed(tracks)))) == expected
    del expected["tenor"]
    assert _rows(Score((tracks[3], tracks[1], tracks[0]))) == expected


def test_lines_that_are_called_after_voices_are_those_voices_however_high() -> None:
    assert _rows(Score((_line("c3:2", "Soprano"), _line("c5:2", "Bass")))) == {"melody": [48], "bass": [72]}
    assert _rows(Score((_line("c3:2", "tenor"),))) == {"tenor": [48]}


def test_a_voice_keeps_its_melody_below_its_accompaniment() -> None:
    song = Score((_line("c4:2 d4:2", "Voice 1"), Track("piano", notes("c3+e5+g5:2 b2+f5+g5:2"))))
    assert _rows(song)["melody"] == [60, 62]
    assert _rows(song)["bass"] == [48, 47]


def test_a_minuet_for_two_hands_has_its_right_hand_for_melody() -> None:
    rows = _rows(MINUET)
    assert rows["melody"] == _pitches(MINUET_RIGHT)
    chord, *others = MINUET_LEFT.split(maxsplit=1)
    assert rows["bass"] == [_pitches(chord)[0], *_pitches(" ".join(others))]
    both = Track("piano", tuple(note for track in MINUET.tracks for note in track.notes))
    assert _rows(Score((both,), Meter(3, 4)))["melody"] == _pitches(MINUET_RIGHT)


def test_what_begins_below_a_sounding_note_is_not_the_melody() -> None:
    held = (Note(0, 48, 76), *(Note(at, 12, pitch) for at, pitch in ((0, 48), (12, 60), (24, 64), (36, 67))))
    rows = Score((Track("piano", held),)).grid()
    assert rows[3].tolist() == [76, *[HOLD] * 15]
    assert _rows(Score((Track("piano", held),)))["bass"] == [48, 60, 64, 67]


def test_triplets_go_to_the_nearest_sixteenths() -> None:
    onsets = np.flatnonzero(MOONLIGHT.grid()[3] >= 0)
    assert onsets[:6].tolist() == [0, 1, 3, 4, 5, 7]


def test_a_line_may_be_played_legato() -> None:
    legato = Track("melody", tuple(Note(note.start, note.length + 3, note.pitch) for note in notes("c5:2 d5:2 e5:2 c5:2")))
    with_chords = Score((legato, Track("chords", notes("c4+e4+g4:8"))))
    assert _rows(with_chords)["melody"] == [72, 74, 76, 72]
    assert with_chords.grid()[3, :16].tolist() == [each for pitch in (72, 74, 76, 72) for each in (pitch, *[HOLD] * 3)]
