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
    found = [playing(told, {"folk": 0.5, "hymn": 0.5}, generator) for _ in range(4000)]
    shares = {mask: found.count(mask) / len(found) for mask in (8, 9, 15)}
    assert shares == pytest.approx({8: 0.125, 9: 0.375, 15: 0.5}, abs=0.03)


def test_a_card_that_tells_nothing_asks_for_nothing_and_still_draws_once() -> None:
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert busyness({}, {"lied": 1.0}, one) == 1.0
    assert playing({}, {"lied": 1.0}, one) == 0
    other.normal(), other.random()
    assert one.random() == other.random()
