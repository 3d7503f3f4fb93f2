from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage import data

from mapsto import paths
from mapsto.image import fading as module
from mapsto.image.fading import COUNTS, Fade, _dealt, faded, fading
from mapsto.image.morphing import Morph
from mapsto.image.points import Style
from mapsto.image.stylizer import Stylizer
from mapsto.image.timeline import keys_of
from mapsto.image.track import MARKS, Leg
from mapsto.media.picture import Picture


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.from_pretrained(precision="fp32")


@pytest.fixture(scope="module")
def cat() -> Picture:
    return Picture.of(np.ascontiguousarray(data.chelsea()[40:168, 100:260]))


@pytest.fixture(scope="module")
def made(stylizer: Stylizer, cat: Picture) -> Morph:
    return Morph(stylizer, cat, keys_of("ink@1s, mosaic@3s", stylizer.names), seconds=5)


def style(value: float) -> Style:
    return Style(torch.full((1, 4), value))


def even(a: Style, b: Style) -> Leg:
    return Leg(0.0, 1.0, a, b, tuple(mark / MARKS for mark in range(MARKS + 1)))


def test_between_two_pictures_pixels_go_straight() -> None:
    a, b = (Picture(np.array([[row]], np.uint8)) for row in ([0, 10, 200], [255, 20, 100]))
    assert faded(a, b, 0) is a
    assert faded(a, b, 0.2).pixels.tolist() == [[[51, 12, 180]]]
    assert faded(a, b, 0.999).pixels.tolist() == [[[255, 20, 100]]]


def test_a_time_lies_between_two_places() -> None:
    fade = Fade(Leg(2.0, 4.0, style(0), style(1)), (0.0, 0.25, 1.0))
    found = {time: fade.at(time) for time in (0, 2, 2.2, 2.5, 3, 4, 9)}
    assert found[0] == found[2] == (0.0, 0.25, 0.0)
    assert found[2.2] == (0.0, 0.25, pytest.approx(0.4))
    assert found[2.5] == (0.25, 1.0, 0.0)
    assert found[3] == (0.25, 1.0, pytest.approx(1 / 3))
    assert found[4] == found[9] == (1.0, 1.0, 0.0)


def test_every_piece_takes_as_long_as_it_is_and_easing_comes_after_that() -> None:
    linear, eased = (_dealt((0.0, 0.2, 1.0), [3.0, 1.0], paths.easing_of(name)) for name in ("linear", "ease-in"))
    assert linear[MARKS * 3 // 4] == pytest.approx(0.2)
    assert linear[MARKS * 3 // 8] == pytest.approx(0.1)
    assert eased[MARKS // 2] == linear[MARKS // 4]
    assert (linear[0], linear[-1], eased[0], eased[-1]) == (0, 1, 0, 1)
    assert _dealt((0.0, 0.5, 1.0), [0.0, 0.0], lambda t: t)[MARKS // 2] == 0.5


def test_a_frame_is_what_is_painted_at_its_places(stylizer: Stylizer, cat: Picture, made: Morph) -> None:
    fade = made.fades[1]
    assert len(fade.places) - 1 in COUNTS
    assert (fade.places[0], fade.places[-1]) == (0, 1)
    assert all(a < b for a, b in pairwise(fade.places))
    time = next(time for time in np.linspace(1.3, 2.7, 99).tolist() if 0.4 < fade.at(time)[2] < 0.6)
    before, after, share = fade.at(time)
    first, last = (stylizer(cat, fade.leg.place(place), seed=0) for place in (before, after))
    wanted = first.pixels + share * (last.pixels.astype(float) - first.pixels)
    assert np.abs(made.frame(time).pixels - wanted).max() <= 0.5 + 1e-3


def test_a_frame_does_not_depend_on_those_before(stylizer: Stylizer, cat: Picture, made: Morph) -> None:
    times = [1.9, 1.2, 2.6]
    alone = Morph(stylizer, cat, keys_of("ink@1s, mosaic@3s", stylizer.names), seconds=5)
    forth, back = [made.frame(time).pixels for time in times], [alone.frame(time).pixels for time in reversed(times)]
    assert all(np.array_equal(a, b) for a, b in zip(forth, reversed(back), strict=True))


def test_a_style_that_stands_is_painted_once(stylizer: Stylizer, cat: Picture, made: Morph) -> None:
    assert made.fades[0].places == made.fades[2].places == (0.0,)
    assert made.frame(3.5).pixels is made.frame(4.5).pixels


def test_there_are_as_many_places_as_it_takes_until_fading_is_as_good_as_painting(
    stylizer: Stylizer, cat: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = even(stylizer.style_of("moscow"), stylizer.style_of("woman-with-hat"))
    assert len(fading(stylizer, cat, leg, lambda t: t).places) == COUNTS[0] + 1
    monkeypatch.setattr(module, "WORSE", -1.0)
    assert len(fading(stylizer, cat, leg, lambda t: t).places) == COUNTS[-1] + 1
