from __future__ import annotations

import numpy as np
import pytest
import torch

from mapsto.image.living import LEAN, Life, Reel, _box, likeness, places_of_interest
from mapsto.image.points import Style
from mapsto.image.track import Leg
from mapsto.media.picture import Picture

PHOTO, STYLE, OTHER = (Style(torch.tensor([[value, 1 - value]])) for value in (0.0, 1.0, 0.5))
NOTHING = Style(torch.zeros(1, 2))


def life(bars: int) -> Life:
    return Life(bars, Leg(0.0, 1.0, NOTHING, STYLE), OTHER, [(0.2, 0.8), (1.0, 0.0)])


@pytest.mark.parametrize("bars", [1, 2, 4, 8, 13, 256])
def test_it_begins_as_the_photo_and_ends_as_the_painting(bars: int) -> None:
    seen = life(bars)
    assert seen.style(0).is_photo
    assert seen.style(seen.opening) is STYLE
    assert torch.allclose(seen.style(bars).z, STYLE.z, atol=1e-6)
    for bar in (0, bars):
        view = seen.view(bar)
        assert (view.left, view.top, view.side) == pytest.approx((0, 0, 1))


@pytest.mark.parametrize("bars", [1, 3, 8, 40])
def test_nothing_jumps_and_the_view_stays_inside(bars: int) -> None:
    seen = life(bars)
    at = np.linspace(0, bars, 100 * bars + 1)
    styles = torch.cat([seen.style(float(bar)).z for bar in at])
    views = np.array([(v.left, v.top, v.side) for v in map(seen.view, at)])
    assert float((styles[1:] - styles[:-1]).abs().max()) < 0.1
    assert np.abs(np.diff(views, axis=0)).max() < 0.01
    assert (views[:, :2] >= -1e-12).all()
    assert (views[:, :2] + views[:, 2:] <= 1 + 1e-12).all()
    furthest = float((styles[at > seen.opening] - STYLE.z).norm(dim=1).max())
    assert furthest == pytest.approx(LEAN * float((OTHER.z - STYLE.z).norm()), rel=0.02)


def test_places_rise_from_the_beginning_to_the_end_and_hold_the_turns() -> None:
    seen = life(8)
    places = seen.places()
    assert places == sorted(set(places))
    assert (places[0], places[-1]) == (0, 8)
    assert seen.opening in places


def test_a_blend_lies_between_the_two_pictures_beside_it() -> None:
    asked: list[float] = []

    def painted(style: Style) -> Picture:
        asked.append(float(style.z[0, 0]))
        return Picture(np.full((44, 66, 3), round(200 * asked[-1]), np.uint8))

    seen = life(4)
    reel = Reel(seen, painted, (60, 40))
    first, second = reel.places[3:5]
    low, middle, high = (int(reel.frame(bar).pixels[20, 30, 0]) for bar in (first, (first + second) / 2, second))
    assert low < high
    assert abs(middle - (low + high) / 2) <= 1
    assert len(asked) == 2, "what was painted is kept"
    assert reel.frame(99.0).size == (60, 40)


def test_the_shape_of_what_is_shown_is_kept() -> None:
    seen = life(8)
    for bar in np.linspace(0, 8, 50):
        for whole, shown in (((101, 50), (64, 32)), ((50, 101), (30, 60)), ((66, 44), (60, 40))):
            left, top, right, bottom = _box(seen.view(float(bar)), whole, shown)
            assert 0 <= left < right <= whole[0]
            assert 0 <= top < bottom <= whole[1]
            assert (right - left) / (bottom - top) == pytest.approx(shown[0] / shown[1])


def test_the_view_goes_to_where_the_detail_is() -> None:
    pixels = np.full((100, 150, 3), 128, np.uint8)
    pixels[:20, -30:] = np.random.default_rng(0).integers(0, 255, (20, 30, 1), dtype=np.uint8)
    found = places_of_interest(Picture(pixels))
    assert found[0] == (1.0, 0.0)
    assert len(found) == 3


def test_a_preset_is_like_itself_and_a_mixture_like_its_parts() -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    presets = torch.eye(4)
    stylizer = cast(Any, SimpleNamespace(base=SimpleNamespace(presets=presets, names=["a", "b", "c", "d"])))
    assert likeness(stylizer, Style(2 * presets[2:3])) == [("c", 1.0)]
    (first, most), (second, least) = likeness(stylizer, Style(0.7 * presets[:1] + 0.3 * presets[1:2]))
    assert (first, second) == ("a", "b")
    assert most > least
    assert most + least == pytest.approx(1)
