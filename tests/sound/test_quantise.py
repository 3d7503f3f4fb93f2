"""Played notes go to the nearest sixteenths or triplets, beat by beat."""

from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsto.sound.quantise import quantised

TIMES = st.lists(st.tuples(st.floats(0, 8), st.floats(0, 2)), min_size=1, max_size=12)


def _slowly(played: list[tuple[float, float]], triplets: bool) -> list[tuple[int, int]]:
    """The rule, one note at a time."""

    def nearest(time: float, steps: int) -> float:
        return floor(time * steps + 0.5) / steps

    def steps_in(beat: int) -> int:
        onsets = [start for start, _ in played if floor(start) == beat]
        of_four, of_three = (sum(abs(start - nearest(start, steps)) for start in onsets) for steps in (4, 3))
        return 3 if triplets and of_three < of_four - 1e-9 else 4

    found = []
    for start, end in played:
        steps = steps_in(floor(start))
        begins, ends = round(12 * nearest(start, steps)), round(12 * nearest(end, steps_in(floor(end))))
        found.append((begins, max(ends - begins, 12 // steps)))
    return found


def _quantised(played: list[tuple[float, float]], triplets: bool = True) -> list[tuple[int, int]]:
    times = np.array(played, float).reshape(-1, 2)
    starts, lengths = quantised(times[:, 0], times[:, 1], triplets=triplets)
    return list(zip(starts.tolist(), lengths.tolist(), strict=True))


@given(TIMES, st.booleans())
def test_it_does_what_the_rule_says(spans: list[tuple[float, float]], triplets: bool) -> None:
    played = [(start, start + length) for start, length in spans]
    assert _quantised(played, triplets) == _slowly(played, triplets)


@pytest.mark.parametrize("steps", [4, 3])
@given(places=st.lists(st.integers(0, 60), min_size=1, max_size=20), seed=st.integers(0, 2**32 - 1))
def test_what_lies_on_a_grid_stays_there_even_when_played_a_little_off(steps: int, places: list[int], seed: int) -> None:
    full = sorted({*places, *(place // steps * steps + each for place in places for each in range(steps))})
    off = np.random.default_rng(seed).uniform(-0.03, 0.03, (2, len(full)))
    starts = np.array(full) / steps
    played = np.maximum(starts + off[0], 0)
    on_grid, lengths = quantised(played, played + 1 / steps + off[1])
    assert on_grid.tolist() == [place * 12 // steps for place in full]
    assert (lengths >= 12 // steps).all()


def test_a_tie_goes_to_the_sixteenths() -> None:
    assert _quantised([(7 / 24, 0.5)]) == [(3, 3)]
    assert _quantised([(7.01 / 24, 0.5)])[0][0] == 4


def test_the_beats_of_one_track_are_judged_one_by_one() -> None:
    onsets = [0, 1 / 3, 2 / 3, 1, 1.25, 1.5, 1.75]
    assert [start for start, _ in _quantised([(onset, onset + 0.25) for onset in onsets])] == [0, 4, 8, 12, 15, 18, 21]


def test_there_are_no_triplets_where_none_may_be() -> None:
    assert [start for start, _ in _quantised([(each / 3, each / 3 + 0.3) for each in range(3)], triplets=False)] == [0, 3, 9]


def test_no_note_is_lost_however_short() -> None:
    assert _quantised([(0, 0), (1, 1.01), (2 / 3, 2 / 3), (0.33, 0.34)]) == [(0, 4), (12, 3), (8, 4), (4, 4)]


def test_nothing_gives_nothing() -> None:
    assert _quantised([]) == []
