import numpy as np
import pytest

from mapsto.sound.habits import busyness, playing


class Fixed:
    """A generator that draws what it is told."""

    def __init__(self, drawn: float) -> None:
        self.drawn = drawn

    def normal(self) -> float:
        return self.drawn

    random = normal


@pytest.mark.parametrize(("drawn", "factor"), [(0.0, np.exp(-0.125)), (1.0, np.exp(0.375)), (9.0, np.exp(0.625))])
def test_busyness_is_log_normal_and_cut_off(drawn: float, factor: float) -> None:
    found = busyness({"lied": 0.25, "ragtime": 0.75}, {"lied": 0.5, "ragtime": 0.5}, Fixed(drawn))  # type: ignore[arg-type]
    assert found == pytest.approx(factor)


def test_pieces_are_as_busy_as_the_style_in_the_mean() -> None:
    generator = np.random.default_rng(0)
    found = [busyness({"lied": 0.4}, {"lied": 1.0}, generator) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.03)


def test_voices_come_as_often_as_they_are_told() -> None:
    told = {"folk": {"melody": 0.25, "bass+melody": 0.75}, "hymn": {"bass+tenor+alto+melody": 1.0}}
    generator = np.random.default_rng(0)
    found = [playing(told, [{"folk": 0.5, "hymn": 0.5}], generator)[0] for _ in range(4000)]
    shares = {mask: found.count(mask) / len(found) for mask in (8, 9, 15)}
    assert shares == pytest.approx({8: 0.125, 9: 0.375, 15: 0.5}, abs=0.03)


def test_voices_change_once_where_a_style_goes_over_into_another() -> None:
    told = {"folk": {"melody": 0.25, "bass+melody": 0.75}, "hymn": {"bass+tenor+alto+melody": 1.0}}
    way = [{"folk": 1 - t, "hymn": t} for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    generator = np.random.default_rng(0)
    found = [playing(told, way, generator) for _ in range(2000)]
    assert set(found) == {(one,) * (5 - n) + (15,) * n for one in (8, 9) for n in (1, 2, 3, 4)}
    assert [np.mean([ways[place] == 15 for ways in found]) for place in range(5)] == pytest.approx(
        [0.0, 0.25, 0.5, 0.75, 1.0], abs=0.03
    )


def test_a_card_that_tells_nothing_asks_for_nothing_and_draws_as_many_numbers() -> None:
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert busyness({}, {"lied": 1.0}, one) == 1.0
    assert playing({}, [{"lied": 1.0}] * 2, one) == (0, 0)
    other.normal(), other.random(2)
    assert one.random() == other.random()
