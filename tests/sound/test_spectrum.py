import math

import pytest
import torch

from mapsto.sound.spectrum import coloured, log_spectral_distance, mel_matrix, spectral_loss, spectrogram, stft

SINE = torch.sin(2 * math.pi * 1000 / 44_100 * torch.arange(44_100.0))[None]


def noise(seed: int) -> torch.Tensor:
    return torch.randn(1, 88_200, generator=torch.Generator().manual_seed(seed))


def test_a_sine_of_amplitude_1_has_magnitude_1() -> None:
    in_a_bin = torch.sin(2 * math.pi * 50 / 2048 * torch.arange(44_100.0))[None]
    assert float(stft(in_a_bin, 2048).amax()) == pytest.approx(1.0, abs=1e-3)


def test_a_sound_is_at_no_distance_from_itself() -> None:
    assert float(spectral_loss(SINE, SINE)) == 0
    assert float(log_spectral_distance(SINE, SINE)) == 0


def test_half_as_loud_is_6_db_away() -> None:
    assert float(log_spectral_distance(0.5 * noise(1), noise(1))) == pytest.approx(6.02, abs=0.01)


def test_two_draws_of_one_noise_are_as_far_apart_as_the_docstring_says() -> None:
    assert float(log_spectral_distance(noise(1), noise(2))) == pytest.approx(7.9, abs=0.15)


def test_silence_counts_unless_only_what_is_heard_does() -> None:
    quieter = 0.5 * SINE
    everywhere, heard = (float(log_spectral_distance(quieter, SINE, heard_only=only)) for only in (False, True))
    assert everywhere < heard <= 6.03


def test_the_loss_falls_as_a_sound_comes_nearer() -> None:
    losses = [float(spectral_loss(SINE + far * noise(1)[:, :44_100], SINE)) for far in (0.1, 0.01, 0.001)]
    assert losses == sorted(losses, reverse=True)


def test_bands_cover_every_frequency_once() -> None:
    cover = mel_matrix(4096, 64, 44_100).sum(0)
    hz = torch.linspace(0, 22_050, 2049)
    assert cover[(hz > 700) & (hz < 18_000)].tolist() == pytest.approx(
        [1.0] * int(((hz > 700) & (hz < 18_000)).sum()), abs=1e-3
    )


def test_a_higher_tone_is_drawn_higher() -> None:
    def brightest(hz: float) -> int:
        tone = torch.sin(2 * math.pi * hz / 44_100 * torch.arange(44_100.0))
        return int(spectrogram(tone, 44_100, columns=100).sum(0).mean(1).argmax())

    assert brightest(4000) < brightest(1000) < brightest(250)


def test_louder_is_lighter() -> None:
    light = coloured(torch.linspace(0, 1, 50)[None])[:, 0].sum(0)
    assert bool((light.diff() > 0).all())
