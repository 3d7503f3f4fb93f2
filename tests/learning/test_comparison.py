from __future__ import annotations

import pytest

from mapsto.learning.comparison import Row, clearly, table, verdict
from mapsto.learning.watch import Score


def rows(**scores: float) -> list[Row]:
    return [Row(name, Score(value, 1.0), 100) for name, value in scores.items()]


@pytest.mark.parametrize(("apart", "certain"), [(0.0, False), (2.8, False), (2.9, True), (-5.0, False)])
def test_two_standard_errors_make_a_difference(apart: float, certain: bool) -> None:
    assert clearly(Score(0.0, 1.0), Score(apart, 1.0)) is certain  # 2 √2 = 2.83


def test_scores_of_the_same_batches_are_compared_batch_by_batch() -> None:
    """Batches differ by 100, and what is compared only by 1, but by that everywhere."""
    low, high = Score(51.0, 50.0, (1.0, 101.0, 51.0)), Score(52.0, 50.0, (2.0, 102.1, 51.9))
    assert clearly(low, high)
    assert not clearly(high, low)
    assert not clearly(low, high._replace(parts=(52.0,)))
    assert not clearly(low, Score(52.0, 50.0, (102.0, 2.0, 52.0)))


def test_what_is_said_is_what_was_measured() -> None:
    better = "Adapted is better than start and scratch."
    mixed = "Adapted is better than start, worse than scratch."
    level = "Adapted is better than start, no different, within the error, from scratch."
    assert verdict(rows(start=50, scratch=20, adapted=10)) == better
    assert verdict(rows(start=50, scratch=1, adapted=10)) == mixed
    assert verdict(rows(start=50, scratch=11, adapted=10)) == level
    assert verdict(rows(adapted=10)) == "Nothing to compare adapted with."


def test_every_row_is_told_and_aligned() -> None:
    found = table([Row("start", Score(812.43, 14.1), 1_500_000), Row("adapted", Score(30.1, 0.98), 64_000, 246.0, 900, 3.0)])
    head, first, second = found.splitlines()
    assert first.split() == ["start", "812.4", "±", "14", "1,500,000", "0.0", "0", "0"]
    assert second.split() == ["adapted", "30.1", "±", "0.98", "64,000", "4.1", "900", "3"]
    assert len(head) == len(first) == len(second)
