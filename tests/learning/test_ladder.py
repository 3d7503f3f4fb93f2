import pytest
import torch

from mapsto.learning import ladder
from mapsto.learning.scenes import scenes


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", list(ladder.FAULTS))
@pytest.mark.parametrize("size", [(16, 24), (17, 23)])
def test_every_fault_keeps_count_size_and_range(name: str, size: tuple[int, int]) -> None:
    x = torch.rand(3, 3, *size, generator=seeded())
    y = ladder.FAULTS[name](x, seeded(1))
    assert y.shape == x.shape
    assert 0 <= float(y.min()) <= float(y.max()) <= 1
    assert torch.equal(y, ladder.FAULTS[name](x, seeded(1)))
    assert not torch.allclose(x, y, atol=0.01)


def test_blurring_keeps_what_is_flat_and_loses_what_is_fine() -> None:
    flat = torch.full((1, 3, 32, 32), 0.3)
    torch.testing.assert_close(ladder.blurred(flat, times=4), flat)
    fine = (torch.arange(32) % 2).float().expand(1, 3, 32, 32)
    inner = ladder.blurred(fine, times=4)[..., 8:-8]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5))


def test_pieces_change_places_and_nothing_else() -> None:
    # every pixel says of which piece it is, and where in it
    piece = torch.arange(16.0).view(4, 4).repeat_interleave(3, 0).repeat_interleave(5, 1)
    within = torch.arange(15.0).view(3, 5).repeat(4, 4)
    x = torch.stack([piece, within]).expand(6, 2, 12, 20)
    y = ladder.in_pieces(x, seeded())
    assert torch.equal(y[:, 1], x[:, 1])
    places = y[:, 0, ::3, ::5].flatten(1)
    assert torch.equal(y[:, 0], places.view(6, 4, 4).repeat_interleave(3, 1).repeat_interleave(5, 2))
    assert torch.equal(places.sort(1).values, torch.arange(16.0).expand(6, 16))
    assert len(places.unique(dim=0)) == 6


def test_what_does_not_fill_a_piece_stays() -> None:
    x = torch.rand(2, 3, 10, 11, generator=seeded())
    y = ladder.in_pieces(x, seeded())
    assert torch.equal(y[:, :, 8:], x[:, :, 8:])
    assert torch.equal(y[:, :, :, 8:], x[:, :, :, 8:])


def test_elsewhere_is_scenes_and_their_mirror_images() -> None:
    made = ladder.elsewhere(torch.zeros(5, 3, 16, 32), seeded())
    assert torch.equal(made[:3], scenes(3, 32, seeded())[:, :, :16])
    assert torch.equal(made[3:], made[:2].flip(3))
