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


def test_what_is_written_down_is_the_same_way() -> None:
    track = Track((Leg(0, 1.7, A, B, (0.0, 1 / 7, 1.0)),))
    again = Track.read(json.loads(json.dumps(track.said())))
    for time in (0, 0.3, 1.1, 1.7):
        assert torch.equal(again.at(time).z, track.at(time).z)
        assert again.at(time).hands == track.at(time).hands
