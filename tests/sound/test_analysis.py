import math

import numpy as np
import pytest
import torch

from mapsto.sound import tuning
from mapsto.sound.analysis import BANDS, DETUNED, GRID_SECONDS, RATE_HZ, frequencies, onset, release_rate, take_apart
from mapsto.sound.synthesis import HOP, shaped_noise

N = 4 * RATE_HZ
SECONDS = np.arange(N) / RATE_HZ


def struck(f0: float, stiffness: float, fading_db: float = 10.0) -> np.ndarray:
    """Eight partials, each 6 dB below the last, that fade alike; let go at 3 s, 100 dB a second."""
    hz = frequencies(f0, stiffness)[:8]
    tone = sum(10 ** (-(20 + 6 * k) / 20) * np.sin(2 * math.pi * h * SECONDS + k) for k, h in enumerate(hz))
    return np.asarray(tone * 10 ** (-(fading_db * SECONDS + 100 * np.maximum(0, SECONDS - 3)) / 20))


@pytest.mark.parametrize(("f0", "stiffness"), [(110.3, 0.0), (261.0, 4e-4), (1046.5, 1e-3)])
def test_pitch_stiffness_and_levels_of_a_note_are_found(f0: float, stiffness: float) -> None:
    parts = take_apart(np.pad(struck(f0, stiffness), (1000, 0)), f0 * 1.01, 3.0)
    assert 1200 * abs(math.log2(parts.f0_hz / f0)) < 0.5
    assert parts.stiffness == pytest.approx(stiffness, abs=2e-5)
    late = int(np.searchsorted(GRID_SECONDS, 1.0))
    wanted = [-(20 + 6 * k) - 10 * GRID_SECONDS[late] for k in range(8)]
    assert parts.partials_db[late, :8] == pytest.approx(wanted, abs=0.3)
    assert parts.partials_db[late, 8:40].max() < -90
    assert parts.release_db_per_second == pytest.approx(110, rel=0.03)
    assert abs(parts.onset - 1000) < 200


def test_noise_is_told_from_partials() -> None:
    levels = torch.full((1, N // HOP + 1, BANDS), -62.0)
    hiss = shaped_noise(levels, torch.randn(1, N // HOP * HOP, generator=torch.Generator().manual_seed(2)))[0].double().numpy()
    parts = take_apart(struck(220.0, 0.0, 0.0)[: len(hiss)] + hiss, 220.0, 3.0)
    assert np.median(parts.noise_db[parts.trusted][:, 8:34]) == pytest.approx(-62, abs=1.0)
    assert parts.partials_db[60, :6] == pytest.approx([-20, -26, -32, -38, -44, -50], abs=2.5)


def test_the_noise_of_a_clean_tone_is_none() -> None:
    parts = take_apart(struck(220.0, 0.0, 6.0), 220.0, 3.0)
    assert parts.noise_db[parts.trusted].max() < -85


def test_vibrato_is_measured_and_taken_out() -> None:
    cents = 20 * np.sin(2 * math.pi * 5.5 * SECONDS)
    phase = 2 * math.pi * np.cumsum(440 * 2 ** (cents / 1200)) / RATE_HZ
    x = sum(0.1 / k * np.sin(k * phase) for k in range(1, 12))
    parts = take_apart(x, 440.0, 3.5)
    assert parts.vibrato_cents == pytest.approx(20, abs=2)
    assert parts.vibrato_hz == pytest.approx(5.5, abs=0.2)
    before, after = (tuning.clarity(each[RATE_HZ : 3 * RATE_HZ], frequencies(parts.f0_hz, 0.0)) for each in (x, parts.straight))
    assert after > 0.98 > 0.9 > before


def test_two_reeds_flutter_and_one_does_not() -> None:
    one = struck(300.0, 0.0, 0.0)
    two = one + struck(301.5, 0.0, 0.0)
    assert np.nanmax(take_apart(one, 300.0, 2.9).flutter_db) < 0.3
    beating = take_apart(two, 300.75, 2.9)
    assert beating.flutter_db[0] > 3
    assert beating.flutter_hz[0] == pytest.approx(1.5, abs=0.5)


def test_partials_of_a_bar_are_found_where_they_are() -> None:
    ratios = (1.0, 2.76, 5.40, 8.93)
    tones = [10 ** (-(12 + 3 * k) / 20) * np.sin(2 * math.pi * 330 * r * SECONDS) for k, r in enumerate(ratios)]
    x = np.asarray(sum(tones) * 10 ** (-10 * SECONDS / 20))
    as_string, as_bar = (take_apart(x, 330.0, 3.0, may_ring=may) for may in (False, True))
    assert as_string.detune_cents.tolist() == [0.0] * DETUNED
    found = as_bar.detune_cents[[0, 2, 4, 8]]
    assert found == pytest.approx([1200 * math.log2(r / round(r)) for r in ratios], abs=1)
    assert np.isnan(np.delete(as_bar.detune_cents, [0, 2, 4, 8])).all()
    late = int(np.searchsorted(GRID_SECONDS, 1.0))
    assert as_bar.partials_db[late, [0, 2, 4, 8]] == pytest.approx([-(12 + 3 * k) - 10 for k in range(4)], abs=0.5)
    assert as_bar.noise_db[late].max() < -75
    assert take_apart(struck(220.0, 3e-4), 220.0, 3.0, may_ring=True).detune_cents.tolist() == [0.0] * DETUNED


def test_a_note_begins_where_it_is_first_heard() -> None:
    assert abs(onset(np.concatenate([np.zeros(5000), np.ones(5000)])) - (5000 - 88)) <= 64


def test_what_faded_before_it_was_let_go_tells_no_release() -> None:
    assert math.isnan(release_rate(struck(220.0, 0.0, 40.0), 2.5))
