from __future__ import annotations

import time

import pytest
import torch

from mapsto.learning.meter import Meter, Watch


def test_means_are_over_the_steps_that_had_the_term() -> None:
    meter = Meter()
    for step in range(4):
        terms = {"always": torch.tensor(float(step))}
        meter.add(step, terms | ({"seldom": torch.tensor(10.0 * step)} if step % 2 else {}))
    assert meter.means() == {"always": 1.5, "seldom": 20}
    meter.clear()
    assert meter.means() == {}


def test_what_is_no_number_is_found_once_with_its_step() -> None:
    meter = Meter()
    meter.add(1, {"a": torch.tensor(1.0)})
    meter.add(2, {"a": torch.tensor(torch.nan), "b": torch.tensor(1.0), "c": torch.tensor(-torch.inf)})
    assert meter.look() == {2: ["a", "c"]}
    assert meter.look() == {}


def test_a_meter_can_be_kept_and_loaded() -> None:
    meter, other = Meter(), Meter()
    meter.add(1, {"a": torch.tensor(1.0)})
    other.load(meter.state())
    for each in (meter, other):
        each.add(2, {"a": torch.tensor(4.0)})
    assert meter.means() == other.means() == {"a": 2.5}


def test_nothing_to_note_is_no_term() -> None:
    meter = Meter()
    meter.add(1, {})
    assert meter.means() == {}


def test_a_watch_goes_on_from_the_seconds_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = Watch(seconds=50, step=10)
    now[0] = 104
    assert watch.seconds() == 54
    assert watch.pace(18) == 2
    assert watch.reported(18) == 2
    now[0] = 105
    assert (watch.since_report(), watch.since_save()) == (1, 5)
    watch.saved()
    assert watch.since_save() == 0
