from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from mapsto.image import bending, hands
from mapsto.image.bending import PLACES, _Way, bends, geodesic, lowest
from mapsto.image.points import Style
from mapsto.image.stylize import StyleNetwork
from mapsto.image.stylizer import Stylizer
from mapsto.image.timeline import keys_of
from mapsto.image.track import Track, track_of
from mapsto.media.picture import Picture


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.from_pretrained(precision="fp32")


@pytest.fixture(scope="module")
def cat() -> Picture:
    return Picture.of(np.ascontiguousarray(data.chelsea()[40:168, 100:260]))


def gram(seed: int, rank: int = 6, size: int = 6) -> torch.Tensor:
    """Second moments of features, [1, size, size]."""
    x = torch.randn(1, size, rank, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x @ x.mT


def root(matrix: torch.Tensor, power: float = 0.5) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).pow(power)[..., None, :]) @ vectors.mT


def bures(a: torch.Tensor, b: torch.Tensor) -> float:
    """The distance: d² = tr A + tr B − 2 tr (A^½ B A^½)^½."""
    cross = root(root(a) @ b @ root(a))
    return float((a + b - 2 * cross).diagonal(dim1=-2, dim2=-1).sum().clamp_min(0).sqrt())


def test_the_geodesic_is_that_of_the_formula() -> None:
    a, b, one = gram(0), gram(1), torch.eye(6, dtype=torch.float64)
    transport = root(a, -0.5) @ root(root(a) @ b @ root(a)) @ root(a, -0.5)
    for t in (0.0, 0.3, 1.0):
        step = (1 - t) * one + t * transport
        torch.testing.assert_close(geodesic({"tap": a}, {"tap": b})(t)["tap"], step @ a @ step)


def test_between_matrices_that_commute_roots_go_straight() -> None:
    base = torch.linalg.qr(gram(2)).Q
    first, second = (
        torch.diag(torch.tensor(values, dtype=torch.float64)) for values in ([4.0, 1, 9, 0, 1, 2], [0.0, 1, 1, 4, 9, 2])
    )
    a, b = base @ first @ base.mT, base @ second @ base.mT
    for t in (0.25, 0.5, 0.75):
        middle = torch.lerp(first.sqrt(), second.sqrt(), t).square()
        torch.testing.assert_close(geodesic({"tap": a}, {"tap": b})(t)["tap"], base @ middle @ base.mT)


@pytest.mark.parametrize("rank", [6, 3])
def test_the_geodesic_goes_from_end_to_end_at_one_pace_also_where_features_are_few(rank: int) -> None:
    a, b = gram(3, rank), gram(4, rank)
    way = geodesic({"tap": a}, {"tap": b})
    torch.testing.assert_close(way(0)["tap"], a)
    torch.testing.assert_close(way(1)["tap"], b)
    whole = bures(a, b)
    for t in (0.2, 0.5):
        assert bures(a, way(t)["tap"]) == pytest.approx(t * whole, rel=1e-4)
        assert bures(way(t)["tap"], b) == pytest.approx((1 - t) * whole, rel=1e-4)


def test_the_lowest_place_of_a_bowl_is_found_and_nothing_worse_than_the_start() -> None:
    goal = torch.tensor([[3.0, -2.0, 0.5]])
    found = lowest(lambda z: ((z - goal) * torch.tensor([1.0, 5.0, 2.0])).square().sum(), torch.zeros(1, 3), steps=20)
    torch.testing.assert_close(found, goal, atol=1e-2, rtol=0)
    start = torch.ones(1, 3)
    assert lowest(lambda z: (z - start).norm().add(1e-9).sqrt(), start).equal(start)


@pytest.fixture(scope="module")
def bent(stylizer: Stylizer, cat: Picture) -> tuple[Style, Style, tuple[torch.Tensor, ...]]:
    a, b = stylizer.style_of("halftone"), stylizer.style_of("sunrise")
    return a, b, bends(stylizer, cat, a, b)


def test_bending_never_makes_a_way_worse_and_here_brings_it_much_nearer_to_the_geodesic(
    stylizer: Stylizer, cat: Picture, bent: tuple[Style, Style, tuple[torch.Tensor, ...]]
) -> None:
    a, b, found = bent
    assert len(found) == PLACES
    with torch.no_grad():
        way = _Way(stylizer, cat, a, b)
        straight, now = torch.cat([torch.lerp(a.z, b.z, t) for t in way.places]), torch.cat(found)
        assert way(now) < way(straight)
        assert sum(way.far(way.seen(now))) < 0.5 * sum(way.far(way.seen(straight)))
        assert way.energy(way.seen(now)) < way.energy(way.seen(straight))


def test_the_energy_of_a_way_is_one_where_features_go_straight_at_one_pace_and_more_on_any_other(
    stylizer: Stylizer, cat: Picture
) -> None:
    with torch.no_grad():
        way = _Way(stylizer, cat, stylizer.style_of("halftone"), stylizer.style_of("sunrise"))

        def through(*parts: float) -> float:
            return float(way.energy([{tap: torch.lerp(way.first[tap], way.last[tap], t) for tap in way.first} for t in parts]))

        assert through(0.25, 0.5, 0.75) == pytest.approx(1, rel=1e-4)
        assert through(0, 0, 0) == pytest.approx(4, rel=1e-4)  # in one of four steps
        assert through(0.5, 0.25, 0.75) == pytest.approx(4 * (0.25 + 0.0625 + 0.25 + 0.0625), rel=1e-4)  # back and forth


def test_bends_are_the_same_every_time_and_in_any_mode(
    stylizer: Stylizer, cat: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bending, "STEPS", 2)
    a, b = stylizer.style_of("halftone"), stylizer.style_of("sunrise")
    found = bends(stylizer, cat, a, b)
    with torch.inference_mode():
        again = bends(Stylizer.from_pretrained(precision="fp32"), cat, a, b)
    assert all(x.equal(y) for x, y in zip(found, again, strict=True))
    assert not any(z.requires_grad for z in found)


def test_the_way_to_a_learned_hand_is_bent_with_the_networks_between(
    stylizer: Stylizer, cat: Picture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bending, "STEPS", 2)
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path))
    network = StyleNetwork(**{**stylizer.base.config, "names": ["mine"]})
    state, z = stylizer.base.state_dict(), stylizer.style_of("sunrise").z
    network.load_state_dict({**state, "presets": z, "paint.weight": 0.8 * state["paint.weight"]})
    hands.keep("mine", network, {})
    keys = keys_of("halftone@0s, mine@1s", stylizer.names)
    track = track_of(stylizer, keys, lambda _seconds: cat)
    leg = track.legs[1]
    assert len(leg.bends) == PLACES
    assert [dict(leg.place(t).hands) for t in (0, 0.5, 1)] == [{}, {"mine": 0.5}, {"mine": 1.0}]
    assert Track.read(json.loads(json.dumps(track.said()))).legs[1].place(0.3).z.equal(leg.place(0.3).z)


def test_a_way_stays_straight_where_that_is_good_enough_and_where_it_is_a_strength(stylizer: Stylizer, cat: Picture) -> None:
    hat, moscow = stylizer.style_of("woman-with-hat"), stylizer.style_of("moscow")
    photo = Style(torch.zeros_like(hat.z))
    assert bends(stylizer, cat, moscow, hat) == ()
    assert bends(stylizer, cat, photo, hat) == bends(stylizer, cat, hat, photo) == bends(stylizer, cat, hat, hat) == ()
