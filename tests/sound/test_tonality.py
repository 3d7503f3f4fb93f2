from __future__ import annotations

import numpy as np
import pytest

from mapsto.errors import UsageError
from mapsto.sound.score import FIFTHS, HOLD, REST, Grid
from mapsto.sound.tonality import estimated, is_minor, key_of, named, semitones_from_home, tonic

NOTES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# C C# D D# E F F# G G# A A# B, as most people spell them
MAJORS = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]
MINORS = ["Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"]


def melody(*pitches: int, length: int = 4) -> Grid:
    """[4, T]: one voice, notes of the same length."""
    grid = np.full((4, length * len(pitches)), REST, np.int64)
    grid[3] = HOLD
    grid[3, ::length] = pitches
    return grid


@pytest.mark.parametrize("key", FIFTHS)
def test_the_tonic_is_the_note_a_key_is_called_after(key: str) -> None:
    accidental = key.removesuffix("m")[1:]
    assert tonic(key) == (NOTES[key[0]] + {"": 0, "#": 1, "b": -1}[accidental]) % 12
    assert is_minor(key) == key.endswith("m")


@pytest.mark.parametrize("key", FIFTHS)
def test_a_key_comes_back_from_its_tonic_but_for_its_spelling(key: str) -> None:
    again = key_of(tonic(key), minor=is_minor(key))
    assert (tonic(again), is_minor(again)) == (tonic(key), is_minor(key))
    assert abs(FIFTHS[again]) <= abs(FIFTHS[key])


@pytest.mark.parametrize("key", FIFTHS)
def test_from_home_to_a_key_is_as_far_as_from_c_or_a_to_its_tonic(key: str) -> None:
    up = semitones_from_home(key)
    assert -5 <= up <= 6
    assert (9 * is_minor(key) + up) % 12 == tonic(key)


def test_keys_are_spelled_with_the_fewest_accidentals() -> None:
    assert [key_of(tone, minor=False) for tone in range(12)] == MAJORS
    assert [key_of(tone, minor=True) for tone in range(12)] == MINORS
    assert key_of(14, minor=False) == "D"


@pytest.mark.parametrize("key", [*MAJORS, *MINORS])
def test_scales_up_and_down_to_the_tonic_are_recognised(key: str) -> None:
    """The octave on the tonic, up and down, with triads: major, and harmonic minor."""
    steps = (0, 2, 3, 5, 7, 8, 11, 12) if is_minor(key) else (0, 2, 4, 5, 7, 9, 11, 12)
    triad = (0, 3, 7, 12) if is_minor(key) else (0, 4, 7, 12)
    scale = melody(*(48 + tonic(key) + step for step in (*steps, *reversed(steps), *triad)))
    assert estimated(scale) == key


def test_long_notes_count_for_as_long_as_they_sound() -> None:
    """C, E and G held against short notes of F# major: C."""
    grid = melody(66, 70, 73, length=1)
    long = melody(60, 64, 67, length=16)
    both = np.concatenate([grid, long], 1)
    assert estimated(both) == "C"
    assert estimated(grid) == "Gb"


def test_silence_and_all_notes_alike_are_in_no_key_which_is_called_c() -> None:
    assert estimated(np.full((4, 32), REST)) == "C"
    assert estimated(np.full((4, 32), HOLD)) == "C"
    assert estimated(melody(*range(60, 72))) == "C"


def test_a_hold_after_a_rest_is_no_note() -> None:
    grid = np.full((4, 8), HOLD, np.int64)
    grid[3, 0], grid[3, 1] = 60, REST
    short = np.full((4, 8), REST, np.int64)
    short[3, 0] = 60
    assert estimated(grid) == estimated(short)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("d", "D"),
        ("D minor", "Dm"),
        ("bb", "Bb"),
        ("B♭", "Bb"),
        ("f♯ Minor", "F#m"),
        ("g-major", "G"),
        (" C#m ", "C#m"),
        ("A maj", "A"),
    ],
)
def test_keys_may_be_spelled_as_people_do(text: str, key: str) -> None:
    assert named(text) == key


@pytest.mark.parametrize("text", ["", "H", "Q#", "major", "D dorian", "12"])
def test_what_is_no_key_is_told_with_some_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="There is no key") as error:
        named(text)
    assert "As in D, Bb or F#m." in error.value.hint
