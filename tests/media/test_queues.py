from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mapsto.media.queues import Behind, ahead


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("mapsto-")]


def test_items_come_in_order_and_at_most_a_few_too_early() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    for got in (items := ahead(source(), 3)):
        time.sleep(0.001)
        assert len(made) <= got + 1 + 3 + 2  # three wait, one is on its way, and the source has begun the next
    assert list(items) == []
    assert made == list(range(50))
    assert names() == []


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_closing_half_way_closes_the_source_and_ends_the_thread(taken: int) -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    items = ahead(source(), 2)
    assert [next(items) for _ in range(taken)] == list(range(taken))
    items.close()
    assert names() == []
    assert closed.is_set() == (taken > 0)  # a thread that never began has nothing to close


def test_what_the_source_raises_comes_after_what_it_made() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    items = ahead(source())
    assert next(items) == 1
    with pytest.raises(OSError, match="no more"):
        next(items)
    assert names() == []


def test_behind_works_in_order_and_close_waits() -> None:
    done: list[int] = []
    worker = Behind(lambda number: (time.sleep(0.001), done.append(number)), 2)
    for number in range(20):
        worker.put(number)
        assert len(done) >= number - 3
    worker.close()
    assert done == list(range(20))
    assert names() == []


def test_an_error_behind_comes_out_and_nothing_follows_it() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 2:
            raise OSError("full")
        done.append(number)

    worker = Behind(work)
    with pytest.raises(OSError, match="full"):
        for number in range(100):
            worker.put(number)
            time.sleep(0.001)
    with pytest.raises(OSError, match="full"):
        worker.close()
    assert done == [0, 1]
    assert names() == []
