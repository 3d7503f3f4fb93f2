from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

import mapsto
from mapsto.errors import UsageError
from mapsto.image.morphing import Morph
from mapsto.image.points import Style, between
from mapsto.image.stylizer import SEEN, Stylizer
from mapsto.image.timeline import closed, keys_of
from mapsto.media.picture import Picture


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.from_pretrained(precision="fp32")


@pytest.fixture(scope="module")
def cat() -> Picture:
    return Picture.of(np.ascontiguousarray(data.chelsea()[40:168, 100:260]))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))


def morph(stylizer: Stylizer, cat: Picture, path: object, **how: object) -> Morph:
    return Morph(stylizer, cat, keys_of(path, stylizer.names), **how)  # type: ignore[arg-type]


def same(a: Picture, b: Picture) -> bool:
    return np.array_equal(a.pixels, b.pixels)


def test_at_its_keys_it_is_the_still(stylizer: Stylizer, cat: Picture) -> None:
    made = morph(stylizer, cat, "photo@0s, ink@2s, mosaic:1+ink:1@5s", seed=3)
    assert same(made.frame(0), cat)
    assert same(made.frame(2), stylizer(cat, "ink", seed=3))
    assert same(made.frame(5), stylizer(cat, "mosaic:0.5,ink:0.5", seed=3))
    assert not same(made.frame(1), made.frame(2))


def test_a_style_stands_as_long_as_it_is_held_and_after_the_end(stylizer: Stylizer, cat: Picture) -> None:
    made = morph(stylizer, cat, "ink@1s..2s, mosaic@3s", seconds=5)
    ink, mosaic = made.track.at(1), made.track.at(3)
    assert made.seconds == 5
    assert [made.track.at(t) is ink for t in (0, 0.5, 1.5, 2)] == [True] * 4
    assert not any(made.track.at(2.5).z.equal(style.z) for style in (ink, mosaic))
    assert [made.track.at(t) is mosaic for t in (3, 4, 5, 9)] == [True] * 4


def changes(stylizer: Stylizer, frames: list[Picture]) -> tuple[list[float], list[float]]:
    """From frame to frame, and from each to the last, on one scale."""
    with torch.no_grad():
        seen = [stylizer.features(x.tensor(), SEEN) for x in frames]
    scale = {tap: float(seen[0][tap].norm() + seen[-1][tap].norm()) / 2 for tap in SEEN}

    def change(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
        return sum(float((a[tap] - b[tap]).norm()) / scale[tap] for tap in SEEN)

    return [change(a, b) for a, b in pairwise(seen)], [change(a, seen[-1]) for a in seen]


@pytest.mark.parametrize("path", ["starry-night, stained-glass", "halftone, sunrise"])
def test_equal_time_is_equal_change_and_every_step_comes_nearer(stylizer: Stylizer, cat: Picture, path: str) -> None:
    made = morph(stylizer, cat, path)
    steps, left = changes(stylizer, [made.frame(time) for time in made.times(9)])
    assert max(steps) / (sum(steps) / len(steps)) < 1.25
    assert all(b < a for a, b in pairwise(left))


def test_a_bent_way_has_the_stills_at_its_ends(stylizer: Stylizer, cat: Picture) -> None:
    made = morph(stylizer, cat, "halftone@0s, sunrise@1s", seed=2)
    assert made.track.legs[1].bends
    assert same(made.frame(0), stylizer(cat, "halftone", seed=2))
    assert same(made.frame(1), stylizer(cat, "sunrise", seed=2))


def test_without_times_every_leg_takes_as_long_as_it_is(stylizer: Stylizer, cat: Picture) -> None:
    made = morph(stylizer, cat, "photo, ink, photo, mosaic", seconds=9)
    there, back, _ = (leg.end - leg.start for leg in made.track.legs)
    assert there == pytest.approx(back, rel=1e-6)
    assert made.track.legs[0].start == 0
    assert made.track.legs[-1].end == made.seconds == 9
    assert all(a.end == b.start for a, b in pairwise(made.track.legs))


def test_a_loop_comes_back_without_showing_the_first_frame_twice(stylizer: Stylizer, cat: Picture) -> None:
    made = morph(stylizer, cat, "ink, mosaic", loop=True, seconds=4)
    assert made.times(4) == [0, 1, 2, 3]
    assert made.track.at(4).z.equal(made.track.at(0).z)
    assert not made.track.at(3).z.equal(made.track.at(0).z)


def test_a_loop_of_timed_keys_closes_in_their_mean_time(stylizer: Stylizer) -> None:
    keys = keys_of("photo@0s, ink@2s, mosaic@6s", stylizer.names)
    more, seconds = closed(keys, None)
    assert (more[-1].parts, seconds) == ((), 9.0)
    assert closed(keys, 7.0)[1] == 7.0
    with pytest.raises(UsageError, match="way back"):
        closed(keys, 6.0)


def test_a_way_that_ends_where_it_began_is_a_loop_already(stylizer: Stylizer, cat: Picture) -> None:
    array = np.array(cat.pixels)
    path = [(array, 0), ("ink", 2), (array.copy(), 3)]
    assert morph(stylizer, cat, path, loop=True).seconds == 3


def test_easing_changes_the_pace_and_not_the_way(stylizer: Stylizer, cat: Picture) -> None:
    even, smooth = (morph(stylizer, cat, "photo@0s, ink@4s", easing=easing) for easing in ("linear", "smooth"))
    assert smooth.track.at(2).z.allclose(even.track.at(2).z, atol=1e-6)  # half-way at half the time, in both
    assert smooth.track.at(0.5).z.norm() < even.track.at(0.5).z.norm()
    assert smooth.track.at(3.5).z.norm() > even.track.at(3.5).z.norm()


def test_between_two_hands_their_shares_go_over() -> None:
    a = Style(torch.zeros(1, 4), (("mine", 1.0),))
    b = Style(torch.ones(1, 4), (("mine", 0.5), ("yours", 0.5)))
    made = between(a, b, 0.5)
    assert made.z.equal(torch.full((1, 4), 0.5))
    assert dict(made.hands) == {"mine": 0.75, "yours": 0.25}
    assert between(a, b, 0) is a
    assert between(a, b, 1) is b
    assert between(a, Style(b.z, a.hands), 0.3).hands == a.hands


def test_the_public_function_gives_frames_as_they_are_asked_for(cat: Picture) -> None:
    frames = mapsto.morph(cat, ["photo", "ink"], frames=1000, size=64)
    first = next(frames)
    assert min(first.size) == 64
    assert same(first, cat.resized(64))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"frames": 0}, "0 frames"),
        ({"easing": "smoth"}, "smooth"),
        ({"path": ["ink", "great-wav"]}, "great-wave"),
        ({"path": "ink"}, "two or more"),
    ],
)
def test_what_cannot_be_is_refused_at_once(cat: Picture, how: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        mapsto.morph(cat, **{"path": "ink, mosaic", **how})
    assert says in str(caught.value)


def test_no_time_at_all_is_refused(stylizer: Stylizer, cat: Picture) -> None:
    with pytest.raises(UsageError, match="shows nothing"):
        morph(stylizer, cat, "ink, mosaic", seconds=0)
