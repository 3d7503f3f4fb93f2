"""Figures of music against values worked out by hand, and against what must not change them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mapsto.errors import UsageError
from mapsto.sound import measure
from mapsto.sound.score import HOLD, REST

BAR = 16


def grid_of(**voices: list[int]) -> measure.Grid:
    """A grid from the voices that sound, padded with silence."""
    length = max(map(len, voices.values()))
    names = ("bass", "tenor", "alto", "melody")
    return np.array([voices.get(name, []) + [REST] * (length - len(voices.get(name, []))) for name in names])


def tune(pitches: list[int], length: int) -> list[int]:
    """Notes of one length, one after another."""
    return [value for pitch in pitches for value in (pitch, *[HOLD] * (length - 1))]


def noise(bars: int = 8, seed: int = 0) -> measure.Grid:
    """Random notes, silences and held notes, all between 48 and 72."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(3, size=(4, bars * BAR), p=[0.4, 0.1, 0.5])
    return np.where(kinds == 0, rng.integers(48, 73, kinds.shape), np.where(kinds == 1, REST, HOLD))


def transposed(grid: measure.Grid, semitones: int) -> measure.Grid:
    return np.where(grid >= 0, grid + semitones, grid)


def bar_of_eighths(pitch: int) -> list[int]:
    return tune([pitch] * 8, 2)


SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def test_notes_have_the_lengths_that_are_written() -> None:
    notes = measure.notes_of(grid_of(melody=[HOLD, 60, HOLD, REST, 62, 64, HOLD, HOLD]))
    assert notes.pitch.tolist() == [60, 62, 64]
    assert notes.start.tolist() == [1, 4, 5]
    assert notes.length.tolist() == [2, 1, 3]


def test_a_held_note_sounds_and_a_hold_after_nothing_does_not() -> None:
    heard = measure.sounding(grid_of(melody=[HOLD, 60, HOLD, REST, HOLD]))
    assert heard[3].tolist() == [REST, 60, 60, REST, REST]


@given(st.integers(0, 50))
def test_sounding_steps_are_the_sum_of_lengths(seed: int) -> None:
    grid = noise(2, seed)
    for voice in range(4):
        assert (measure.sounding(grid)[voice] >= 0).sum() == measure.notes_of(grid, voice).length.sum()


def test_entropy_is_the_logarithm_of_equally_used_pitch_classes() -> None:
    chromatic, octaves = grid_of(melody=list(range(60, 72))), grid_of(melody=[48, 60, 72])
    assert measure.pitch_class_entropy(chromatic) == pytest.approx(math.log2(12))
    assert measure.pitch_class_entropy(octaves) == 0
    assert measure.pitch_class_entropy(grid_of(melody=[60, 60, 60, 67])) == pytest.approx(0.811278, abs=1e-6)


def test_scales_hold_their_notes_in_every_key() -> None:
    for shift in range(12):
        for scale in (SCALE, [57, 59, 60, 62, 64, 65, 68]):
            assert measure.scale_consistency(transposed(grid_of(melody=scale), shift)) == pytest.approx(1)
    assert measure.scale_consistency(grid_of(melody=list(range(60, 72)))) == pytest.approx(7 / 12)
    assert measure.scale_consistency(grid_of(melody=[*SCALE[:7], 61])) == pytest.approx(7 / 8)


def test_groove_is_the_share_of_steps_that_agree_with_the_next_bar() -> None:
    on_beats, one_note = tune([60] * 4, 4), tune([60], 16)
    assert measure.groove_consistency(grid_of(bass=on_beats * 3), BAR) == 1
    assert measure.groove_consistency(grid_of(bass=on_beats + one_note), BAR) == pytest.approx(13 / 16)
    assert measure.groove_consistency(grid_of(bass=on_beats + one_note + one_note), BAR) == pytest.approx((13 + 16) / 32)
    assert measure.groove_consistency(grid_of(bass=on_beats), BAR) == 1


def test_counting_notes_silence_and_voices() -> None:
    grid = grid_of(bass=tune([48], 16), melody=[*tune([60, 62], 4), *[REST] * 24])
    assert measure.notes_per_bar(grid, BAR) == pytest.approx(1.5)
    assert measure.silence(grid) == pytest.approx(0.5)
    assert measure.polyphony(grid) == pytest.approx((8 * 2 + 8) / 16)


def test_nothing_is_counted_where_nothing_is() -> None:
    for empty in (np.full((4, 32), REST), np.full((4, 32), HOLD), np.zeros((4, 0), dtype=int)):
        found = measure.summary(empty, BAR)
        assert found.pop("silence") == found.pop("groove consistency") == 1
        assert set(found.values()) == {0.0}
        assert np.isfinite(measure.features(empty, BAR)).all()


def test_a_bar_that_returns_is_a_repetition_at_its_lag_only() -> None:
    a, b = bar_of_eighths(60), tune([64], 16)
    found = {lag: measure.repetition(grid_of(melody=(a + b) * 4), BAR, lag) for lag in (1, 2, 4)}
    assert found[2] == found[4] == (1, 1, 1)
    assert found[1] == pytest.approx((1 / 8, 0, 1 / 8))


def test_a_sequence_returns_shifted_and_a_rhythm_as_rhythm() -> None:
    bar = tune([60, 64, 67, 72, 60, 64, 67, 72], 2)
    higher = tune([62, 66, 69, 74, 62, 66, 69, 74], 2)
    other = tune([60, 66, 69, 63, 64, 65, 66, 68], 2)
    assert measure.repetition(grid_of(melody=bar + higher), BAR, 1) == (1, 0, 1)
    assert measure.repetition(grid_of(melody=bar + other), BAR, 1) == pytest.approx((1, 1 / 8, 1 / 4))


def test_inner_voices_do_not_count_in_repetition() -> None:
    grid = noise()
    other = grid.copy()
    other[1:3] = noise(seed=1)[1:3]
    assert measure.repetition(grid, BAR, 1) == measure.repetition(other, BAR, 1)


@given(st.integers(0, 50), st.sampled_from([1, 2, 4]))
def test_kinds_of_repetition_are_ordered(seed: int, lag: int) -> None:
    rhythm, exact, shifted = measure.repetition(noise(8, seed), BAR, lag)
    assert 0 <= exact <= shifted <= rhythm <= 1


def test_histograms_count_by_hand() -> None:
    grid = grid_of(melody=[*tune([60, 62, 60, 60, 90], 4), 60, *tune([60], 20)])
    intervals = measure.interval_histogram(grid)
    expected = {2: 1, -2: 1, 0: 2, 12: 1, -12: 1}
    assert {i - 12: round(share * 6) for i, share in enumerate(intervals) if share} == expected
    assert (measure.rhythm_histogram(grid) * 7).round().tolist() == [1, 0, 0, 5, 0, 0, 0, 0, 1]


@given(st.integers(0, 20), st.integers(-24, 24))
def test_transposing_changes_no_feature(seed: int, shift: int) -> None:
    grid = noise(8, seed)
    assert measure.features(transposed(grid, shift), BAR) == pytest.approx(measure.features(grid, BAR))
    assert measure.melody_text(transposed(grid, shift)) == measure.melody_text(grid)


def test_features_have_one_length_and_see_voices() -> None:
    grid = noise()
    rolled = np.roll(grid, 1, axis=0)
    found = measure.features_of([(grid, 16), (rolled, 16), (grid, 12)])
    assert found.shape[0] == 3
    assert not np.allclose(found[0], found[1])


def test_tensors_are_measured_as_arrays_are() -> None:
    grid = noise()
    assert measure.summary(torch.from_numpy(grid), BAR) == measure.summary(grid, BAR)


def test_windows_cover_the_piece_and_open_with_what_sounds() -> None:
    grid = grid_of(melody=tune([60], 16 * 9) + tune([62], 16))
    parts = measure.windows(grid, BAR, bars=4, hop=4)
    assert [part.shape[1] // BAR for part in parts] == [4, 4, 4]
    assert [part[3, 0] for part in parts] == [60, 60, 60]
    assert np.array_equal(parts[-1][3, 1:], grid[3, 6 * BAR + 1 :])
    assert [part.shape[1] for part in measure.windows(grid[:, :40], BAR)] == [32]
    assert measure.windows(grid[:, :8], BAR) == []


def test_energy_distance_of_points_is_worked_out_by_hand() -> None:
    x, y = np.array([[0.0], [2.0]]), np.array([[4.0], [6.0]])
    assert measure.energy_distance(x, y) == pytest.approx((2 * 4 - 2 - 2) / (2 * 4))
    assert measure.energy_distance(x[:1].repeat(3, 0), y[:1].repeat(5, 0)) == 1
    assert measure.energy_distance(x[:1].repeat(3, 0), x[:1].repeat(3, 0)) == 0


def test_energy_distance_has_no_bias_at_small_counts() -> None:
    rng = np.random.default_rng(0)
    found = [measure.energy_distance(rng.normal(size=(8, 20)), rng.normal(size=(40, 20))) for _ in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 200**0.5
    assert measure.energy_distance(rng.normal(size=(8, 20)) + 1, rng.normal(size=(40, 20))) > 3 * np.std(found)


def test_standardised_features_have_no_mean_and_unit_spread() -> None:
    x = np.random.default_rng(0).normal(3, 5, size=(50, 4))
    x[:, 3] = 7
    found = measure.standardised(x, x)
    assert found.mean(0) == pytest.approx(np.zeros(4))
    assert found.std(0) == pytest.approx(np.array([1, 1, 1, 0]))


def test_copies_are_nearer_than_what_was_held_out() -> None:
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(60, 8)), rng.normal(size=(20, 8))
    assert measure.nearest_ratio(train[:10], held_out, train) == pytest.approx(0, abs=1e-6)
    assert measure.nearest_ratio(held_out, held_out, train) == 1


def test_a_copy_in_another_key_is_found_with_its_length() -> None:
    rng = np.random.default_rng(1)
    old = rng.integers(50, 70, 40).tolist()
    fresh = [60 + 13 * (i % 2) for i in range(30)]
    new = grid_of(melody=tune([*fresh, *[p + 5 for p in old[10:31]], *fresh], 2))
    train = [grid_of(melody=tune(old, 2))]
    rate, longest = measure.copying([new], train, varied=1)
    assert longest == 20  # 21 notes have 20 intervals
    assert rate == pytest.approx((20 - 12 + 1) / (81 - 1 - 12 + 1))
    assert measure.copying(train, train) == (1, 39)
    assert measure.copying([new], train).longest == 20
    assert measure.copying([grid_of(melody=tune(old, 3))], train) == (0, 0)
    assert measure.copying([grid_of(melody=tune([60] * 12, 2))], train) == (0, 0)


def test_a_copied_run_lies_in_one_melody() -> None:
    first, second = np.random.default_rng(2).integers(50, 70, (2, 20)).tolist()
    train = [grid_of(melody=tune(first, 1)), grid_of(melody=tune(second, 1))]
    assert measure.copying([grid_of(melody=tune(first + second, 1))], train).longest == 19


def test_a_figure_of_everybody_is_no_copy() -> None:
    tremolo = [grid_of(melody=tune([60, 64, 67, 64] * 10, 1))]
    assert measure.copying(tremolo, tremolo) == (0, 0)
    assert measure.copying(tremolo, tremolo, varied=4) == (1, 39)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((3, 16), dtype=int), r"\[3, 16\]"),
        (np.zeros((4, 16)), "float64"),
        (np.full((4, 16), 128), "128"),
        (np.full((4, 16), -3), "-3"),
    ],
)
def test_what_is_no_grid_is_refused(wrong: np.ndarray, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        measure.summary(wrong, BAR)


def test_impossible_bars_lags_and_sets_are_refused() -> None:
    with pytest.raises(UsageError, match="one step or more"):
        measure.groove_consistency(noise(), 0)
    with pytest.raises(UsageError, match="not 0"):
        measure.repetition(noise(), BAR, 0)
    with pytest.raises(UsageError, match="too few"):
        measure.energy_distance(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(UsageError, match="cannot be compared"):
        measure.nearest_ratio(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros((5, 3)))
