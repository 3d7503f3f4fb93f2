import math

import pytest
import torch

from mapsto.learning import measure


def test_noise_has_the_lattice_share_of_chance() -> None:
    x = torch.rand(4, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    assert float(measure.lattice_share(x)) == pytest.approx(measure.CHANCE, rel=0.15)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_stamp_repeated_on_the_grid_is_all_lattice(period: int) -> None:
    stamp = torch.rand(1, 1, period, period, generator=torch.Generator().manual_seed(0))
    assert measure.lattice_share(stamp.repeat(1, 3, 128 // period, 128 // period)) > 0.99


def test_a_stamp_off_the_grid_is_no_lattice() -> None:
    stamp = torch.rand(1, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    assert measure.lattice_share(stamp.repeat(1, 3, 30, 30)[:, :, :192, :192]) < 0.1


def test_psnr_of_a_known_error() -> None:
    x = torch.zeros(1, 3, 4, 4)
    assert measure.psnr(x + 0.1, x) == pytest.approx(20)
    assert math.isinf(measure.psnr(x, x))


def test_sharpness_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(16.0).view(1, 1, 1, 16).expand(1, 3, 16, 16) / 20
    assert measure.sharpness(ramp) == pytest.approx(0.05, rel=1e-4)


def test_a_weave_in_one_patch_does_not_hide_behind_a_busy_one() -> None:
    busy = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    weave = 0.5 + 0.05 * torch.cos(torch.arange(32) * torch.pi / 2).expand(1, 3, 32, 32)
    both = torch.cat([busy, weave], 3)
    assert measure.lattice_share(both) < 0.12
    chance, woven = measure.lattice_shares(both).tolist()
    assert chance == pytest.approx(measure.CHANCE, abs=0.03)
    assert woven > 0.95


def test_what_cannot_be_seen_is_no_weave() -> None:
    faint = 0.5 + 0.0005 * torch.cos(torch.arange(32) * torch.pi / 2).expand(1, 3, 32, 32)
    assert measure.lattice_shares(faint).max() < 0.02
