import math

import pytest
import torch

from mapsto.sound.analysis import BANDS, HIGHEST_HZ, NOISE_UNIT_HZ, RATE_HZ
from mapsto.sound.synthesis import BELOW, BLOCK, HOP, additive, bent, fluttering, resampled, shaped_noise


def spelled_out(levels: torch.Tensor, hz: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
    """Σ a(t) cos(2π f t + φ), sample by sample: the slow reference of `additive`."""
    edges = levels.shape[1]
    n = torch.arange((edges - 1) * BLOCK, dtype=torch.float64)
    level = resampled(levels.double(), torch.arange(edges).double() * BLOCK, n)  # [B, N, K]
    return (level * torch.cos(2 * math.pi / RATE_HZ * n[:, None] * hz.double()[:, None] + phases.double()[:, None])).sum(2)


def test_blocks_of_matrices_sum_the_partials() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.rand(2, 40, 5, generator=generator)
    hz = torch.tensor([[100.0, 201.0, 3000.5, 9000.0, 18_000.0], [55.0, 110.0, 440.0, 441.0, 12.0]])
    phases = 6 * torch.rand(2, 5, generator=generator)
    assert (additive(levels, hz, phases) - spelled_out(levels, hz, phases)).abs().max() < 2e-4


def test_what_is_above_the_highest_frequency_stays_silent() -> None:
    assert additive(torch.ones(1, 9, 1), torch.tensor([[HIGHEST_HZ + 1]]), torch.zeros(1, 1)).abs().max() == 0


def test_a_complex_level_turns_the_phase() -> None:
    levels, hz = torch.full((1, 20, 1), 0.5), torch.tensor([[440.0]])
    turned = additive(levels * complex(math.cos(1), math.sin(1)), hz, torch.zeros(1, 1))
    assert (turned - additive(levels, hz, torch.ones(1, 1))).abs().max() < 1e-5


@pytest.mark.parametrize("decibels", [-20.0, -60.0])
def test_noise_has_the_level_asked_for(decibels: float) -> None:
    white = torch.randn(1, 1600 * HOP, generator=torch.Generator().manual_seed(3))
    noise = shaped_noise(torch.full((1, 1601, BANDS), decibels), white)
    whole_db = decibels + 10 * math.log10(RATE_HZ / 2 / NOISE_UNIT_HZ)
    assert float(10 * torch.log10(noise.square().mean())) == pytest.approx(whole_db, abs=0.1)


def test_noise_stays_in_its_band() -> None:
    levels = torch.full((1, 401, BANDS), -140.0)
    levels[..., 20] = -30.0
    noise = shaped_noise(levels, torch.randn(1, 400 * HOP, generator=torch.Generator().manual_seed(3)))
    power = torch.fft.rfft(noise[0]).abs().square()
    hz = torch.fft.rfftfreq(noise.shape[1], 1 / RATE_HZ)
    inside = (hz > 1200) & (hz < 3600)
    assert power[inside].sum() / power.sum() > 0.999


def test_bending_by_nothing_changes_nothing() -> None:
    x = torch.sin(0.2 * torch.arange(2000.0))
    assert (bent(x, torch.zeros(2000)) - x).abs().max() < 1e-3


def test_reading_faster_raises_the_pitch() -> None:
    n = torch.arange(8000, dtype=torch.float64)
    x, wanted = torch.sin(0.3 * n).float(), torch.sin(0.3 * 1.01 * n).float()
    assert (bent(x, 0.01 * n) - wanted)[20:7800].abs().max() < 2e-3


def test_flutter_wavers_as_much_and_as_often_as_asked_about_0_db() -> None:
    depth, often = torch.tensor([0.0, 0.5, 2.0, 4.0]), torch.full((4,), 5.0)
    factors = fluttering(depth, often, 40_000, 0.005, torch.Generator().manual_seed(1))
    decibels = 20 * torch.log10(factors.abs())
    assert decibels[:, 0].abs().max() < 1e-4
    assert decibels.std(0)[1:].tolist() == pytest.approx([0.5, 2.0, 4.0], rel=0.12)
    assert decibels.mean(0).abs().max() < 0.3
    crossings = ((decibels[1:, 1] * decibels[:-1, 1]) < 0).sum() / (2 * 40_000 * 0.005)
    assert float(crossings) == pytest.approx(5.0, rel=0.15)


def test_two_reeds_beat_steadily() -> None:
    factors = fluttering(torch.tensor([6.5]), torch.tensor([4.0]), 2000, 0.005, torch.Generator().manual_seed(1), beats=1.0)
    decibels = 20 * torch.log10(factors[:, 0].abs())
    assert (decibels[50:] - decibels[:-50]).abs().max() < 0.1  # 50 · 5 ms is one beat of 4 Hz
    assert float(decibels.std()) == pytest.approx(6, abs=0.3)
    assert float(decibels.mean()) == pytest.approx(0, abs=0.1)


def test_the_pitch_lies_between_two_reeds() -> None:
    factors = fluttering(torch.tensor([6.5]), torch.tensor([4.0]), 4000, 0.005, torch.Generator().manual_seed(1), beats=1.0)
    spectrum = torch.fft.fft(factors[:, 0]).abs()
    hz = torch.fft.fftfreq(4000, 0.005)[spectrum.argsort(descending=True)[:2]]
    assert sorted(hz.tolist()) == pytest.approx([-4 * BELOW, 4 * (1 - BELOW)], abs=0.06)


def test_values_between_times_lie_on_straight_lines_and_stay_beyond_them() -> None:
    values, times = torch.tensor([[0.0], [10.0], [0.0]]), torch.tensor([1.0, 2.0, 4.0])
    wanted = torch.tensor([0.0, 1.5, 2.0, 3.0, 9.0])
    assert resampled(values, times, wanted)[:, 0].tolist() == [0.0, 5.0, 10.0, 5.0, 0.0]
