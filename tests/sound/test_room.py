import pytest
import torch

from mapsto.errors import UsageError
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.room import PIECE, in_room, placed


def test_no_room_is_the_sound_itself() -> None:
    sound = torch.randn(2, 1000)
    assert torch.equal(in_room(sound, 0)[:, :1000], sound)


def test_a_sound_is_equally_loud_wherever_it_is_placed() -> None:
    x = torch.randn(500)
    for side in (-1.0, -0.3, 0.0, 1.0):
        assert float(placed(x, side).square().sum()) == pytest.approx(float(x.square().sum()), rel=1e-5)
    assert placed(x, -1.0)[1].abs().max() < 1e-6


def test_a_click_comes_back_with_its_own_energy_and_dies_away() -> None:
    click = torch.zeros(2, 10)
    click[:, 0] = 1
    wet = in_room(click, 1.0)[:, 1:]
    assert wet.square().sum(1).tolist() == pytest.approx([1.0, 1.0], rel=1e-3)
    early, late = (wet[:, at : at + RATE_HZ // 5].square().sum() for at in (RATE_HZ // 20, RATE_HZ))
    assert late < 1e-3 * early


def test_pieces_join_as_if_there_were_one() -> None:
    x = torch.randn(2, PIECE + 5000)
    whole = in_room(x, 0.5)
    parts = in_room(torch.cat([x[:, :PIECE], torch.zeros(2, 5000)], 1), 0.5)
    parts += in_room(torch.cat([torch.zeros(2, PIECE), x[:, PIECE:]], 1), 0.5)
    assert (whole - parts).abs().max() < 1e-3


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_rooms_that_make_no_sense_are_refused(amount: float) -> None:
    with pytest.raises(UsageError, match="room"):
        in_room(torch.zeros(2, 10), amount)
