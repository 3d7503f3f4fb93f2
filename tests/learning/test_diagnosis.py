from __future__ import annotations

from typing import Any

import pytest

from mapsto.learning.diagnosis import USUAL, Row, budget, findings


def log(count: int = 12, **columns: Any) -> list[Row]:
    """Rows by columns: "terms__x" is row["terms"]["x"]; a number for all rows, or a list with one for each."""
    found: list[dict[str, Any]] = [{"step": 10 * (i + 1), "terms": {}, "noted": {}} for i in range(count)]
    for name, values in columns.items():
        *outer, inner = name.split("__")
        for i, row in enumerate(found):
            place = row.setdefault(outer[0], {}) if outer else row
            place[inner] = values[i] if isinstance(values, list) else values
    return found


SICK = {
    "critic": log(train__logit_real=2.0, held_out__logit_real=-0.5, noted__logit_fake=-2.0),
    "sure": log(noted__overfitting=0.95),
    "won": log(noted__logit_real=4.0, noted__logit_fake=-4.0),
    "collapse": log(diversity=[0.1, 0.3, 0.3, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]),
    "copies": log(noted__nearest_ratio=0.7),
    "by heart": log(
        train__velocity=[1 - 0.05 * i for i in range(12)],
        held_out__velocity=[1, 0.9, 0.8, 0.7, 0.75, 0.8, 0.8, 0.85, 0.9, 0.9, 0.9, 0.9],
    ),
    "empty": log(noted__nats=0.2),
    "gradient": log(terms__gradient=[1.0] * 9 + [20.0] * 3),
}

WELL = {
    "critic": log(train__logit_real=2.0, held_out__logit_real=1.5, noted__logit_fake=-2.0),
    "sure": log(noted__overfitting=[0.95] * 11 + [0.6]),
    "won": log(noted__logit_real=1.0, noted__logit_fake=-1.0),
    "collapse": log(diversity=[0.1, 0.3, 0.3, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.2]),
    "copies": log(noted__nearest_ratio=0.97),
    "by heart": log(train__velocity=[1 - 0.05 * i for i in range(12)], held_out__velocity=[1 - 0.02 * i for i in range(12)]),
    "empty": log(noted__nats=300.0),
    "gradient": log(terms__gradient=[1.0] * 11 + [20.0]),
}


@pytest.mark.parametrize("name", SICK)
def test_an_illness_is_told_and_no_other(name: str) -> None:
    assert list(findings(SICK[name])) == [name]
    assert findings(SICK[name])[name].endswith(".")


@pytest.mark.parametrize("name", WELL)
def test_the_healthy_are_left_in_peace(name: str) -> None:
    assert findings(WELL[name]) == {}


def test_two_rows_are_too_few_to_say_anything() -> None:
    assert [name for name, rows in SICK.items() if findings(rows[-2:])] == []


def test_nothing_is_said_about_nothing() -> None:
    assert findings([]) == {}
    assert findings([{"step": 1, "terms": {"a": None}, "noted": {"nats": None}}]) == {}


def test_the_words_tell_the_numbers() -> None:
    assert "62% of the way" in findings(SICK["critic"])["critic"]
    assert "33% as much as at step 20" in findings(SICK["collapse"])["collapse"]
    assert "best at step 40 (0.7) and is 0.9 now" in findings(SICK["by heart"])["by heart"]
    assert "20 times as long" in findings(SICK["gradient"])["gradient"]


def test_a_psnr_is_better_when_higher() -> None:
    best_early = [20.0, 22.0, 25.0, 24.0, 23.0, 22.0, 21.0, 20.0, 20.0, 20.0, 20.0, 20.0]
    rising = [20.0 + i for i in range(12)]
    assert "best at step 30 (25)" in findings(log(train__psnr_db=rising, held_out__psnr_db=best_early))["by heart"]
    assert findings(log(train__psnr_db=rising, held_out__psnr_db=rising)) == {}


def test_a_budget_is_told_as_a_share_of_the_papers() -> None:
    usual = USUAL["GanGame"][0]
    assert "10% of what the paper used" in (budget("GanGame", usual // 10) or "")
    assert "0.4% of what" in (budget("GanGame", usual // 250) or "")
    assert "less than 0.1% of what" in (budget("GanGame", 1) or "")
    assert budget("GanGame", usual) is None
    assert budget("Unheard", 1) is None
