import math

import numpy as np
import pytest

from mapsto.media.audio import Sound
from mapsto.sound.loudness import _high_pass, _shelf, loudness, normalised, true_peak_db


def sine(
    hz: float, decibels: float, seconds: float = 5.0, rate_hz: int = 48_000, channels: int = 2, phase: float = 0.0
) -> Sound:
    wave = 10 ** (decibels / 20) * np.sin(2 * math.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz + phase)
    return Sound(np.tile(wave, (channels, 1)).astype(np.float32), rate_hz)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("decibels", [-23.0, -33.0])
def test_a_stereo_sine_of_1_khz_is_as_loud_as_ebu_tech_3341_says(decibels: float, rate_hz: int) -> None:
    assert loudness(sine(1000, decibels, rate_hz=rate_hz)) == pytest.approx(decibels, abs=0.1)


def test_the_filter_at_48_khz_is_that_of_bs_1770() -> None:
    b, a = _shelf(48_000)
    assert b == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-6)
    assert a == pytest.approx([1.0, -1.69065929318241, 0.73248077421585], abs=1e-6)
    b, a = _high_pass(48_000)
    assert b.tolist() == [1.0, -2.0, 1.0]
    assert a == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-6)


def test_quiet_passages_are_gated_out() -> None:
    """EBU Tech 3341, case 3: 10 s at −36, 60 s at −23, 10 s at −36 dB are −23 LUFS."""
    parts = [sine(1000, level, seconds).samples for level, seconds in ((-36, 10), (-23, 60), (-36, 10))]
    assert loudness(Sound(np.concatenate(parts, 1), 48_000)) == pytest.approx(-23, abs=0.1)


def test_silence_has_no_loudness_and_stays_silence() -> None:
    silence = Sound(np.zeros((2, 48_000), np.float32))
    assert loudness(silence) == -math.inf
    assert true_peak_db(silence) == -math.inf
    assert normalised(silence) is silence


def test_a_peak_between_samples_is_found() -> None:
    """A sine at a quarter of the rate, sampled 45° beside its tops, has samples 3 dB below its peak."""
    between = sine(12_000, 0.0, phase=math.pi / 4)
    assert between.peak_db == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(Sound(0.5 * between.samples[:, 2000:-2000], 48_000)) == pytest.approx(-6.02, abs=0.9)


@pytest.mark.parametrize("decibels", [-50.0, -20.0, 0.0])
def test_everything_becomes_as_loud_as_wanted(decibels: float) -> None:
    result = normalised(sine(997, decibels))
    assert loudness(result) == pytest.approx(-16, abs=0.1)
    assert true_peak_db(result) <= -1


def test_peaks_are_pressed_down_and_nothing_clips() -> None:
    generator = np.random.default_rng(0)
    clicks = 0.02 * generator.standard_normal((2, 96_000))
    clicks[:, ::9600] = 1.0
    result = normalised(Sound(clicks.astype(np.float32), 48_000))
    assert true_peak_db(result) <= -1
    assert loudness(result) > loudness(Sound((clicks * 10 ** (-1 / 20)).astype(np.float32), 48_000)) + 3


def test_what_needs_no_limiting_is_only_scaled() -> None:
    quiet = sine(440, -40)
    result = normalised(quiet)
    ratio = result.samples[0, 1000:2000] / quiet.samples[0, 1000:2000]
    assert np.ptp(ratio) < 1e-3 * ratio.mean()
