import json

import pytest
import torch

from mapsto.image.points import Style
from mapsto.image.track import Leg, Track


def style(value: float, *hands: tuple[str, float]) -> Style:
    return Style(torch.full((1, 4), float(value)), hands)


A, B = style(1 / 3), style(2 / 3, ("mine", 0.1))


def test_a_leg_follows_its_marks() -> None:
    leg = Leg(2.0, 6.0, style(0), style(1), (0.0, 0.1, 1.0))
    found = [float(leg.at(time).z[0, 0]) for time in (1, 2, 3, 4, 5, 6, 9)]
    assert found == pytest.approx([0, 0, 0.05, 0.1, 0.55, 1, 1])


def test_the_ends_are_the_styles_themselves() -> None:
    track = Track((Leg(0, 1, A, A), Leg(1, 3, A, B, (0.0, 0.7, 1.0)), Leg(3, 3, B, B)))
    assert [track.at(time) is A for time in (-1, 0, 0.5, 1)] == [True] * 4
    assert [track.at(time) is B for time in (3, 99)] == [True] * 2
    assert track.seconds == 3


def test_a_still_track_stands() -> None:
    assert all(Track.still(A).at(time) is A for time in (0, 0.5, 1e6))


def test_a_bent_leg_goes_from_its_start_through_its_bends_to_its_end() -> None:
    through = (torch.full((1, 4), 5.0), torch.full((1, 4), -2.0))
    leg = Leg(0.0, 3.0, A, B, (0.0, 1.0), through)
    assert leg.at(0) is A
    assert leg.at(3) is B
    for time, z in zip((1, 2), through, strict=True):
        torch.testing.assert_close(leg.at(time).z, z)
    assert dict(leg.at(1.5).hands) == {"mine": pytest.approx(0.05)}
    torch.testing.assert_close(leg.at(1e-7).z, A.z, atol=1e-5, rtol=0)


def test_a_bend_on_the_line_leaves_the_way_straight() -> None:
    bent = Leg(0.0, 1.0, A, B, bends=(torch.lerp(A.z, B.z, 0.5),))
    for time in (0.2, 0.5, 0.9):
        torch.testing.assert_close(bent.at(time).z, Leg(0.0, 1.0, A, B).at(time).z)


def test_what_is_written_down_is_the_same_way() -> None:
    bends = (torch.randn(1, 4, generator=torch.Generator().manual_seed(0)),)
    track = Track((Leg(0, 1.7, A, B, (0.0, 1 / 7, 1.0)), Leg(1.7, 3, B, A, bends=bends)))
    again = Track.read(json.loads(json.dumps(track.said())))
    for time in (0, 0.3, 1.1, 1.7, 2.1, 3):
        assert torch.equal(again.at(time).z, track.at(time).z)
        assert again.at(time).hands == track.at(time).hands


def test_what_was_written_down_before_ways_were_bent_can_be_read() -> None:
    (said,) = Track((Leg(0, 1, A, B),)).said()
    assert "bends" not in said
    assert Track.read([said]).legs[0].bends == ()
