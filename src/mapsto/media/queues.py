"""Work in a thread of its own, a few items ahead of or behind the one who asks.

Decoders and encoders let other Python threads run, so reading, stylising and writing overlap; short queues keep memory bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 4
"""Items that wait at most."""

HELD = 64_000_000
"""Bytes of frames that wait at most, of large ones."""

_SOON_S = 0.05


def depth_for(size: tuple[int, int]) -> int:
    """How many RGB frames of that width and height may wait."""
    return max(1, min(DEPTH, HELD // (3 * size[0] * size[1])))


def ahead(source: Generator[T, None, None], depth: int = DEPTH) -> Generator[T, None, None]:
    """The same items, made in a thread up to `depth` in advance; what `source` raises comes out here.

    The thread starts with the first item that is asked for. It has ended, and `source` is closed, when this generator is
    exhausted, closed or dropped.
    """
    queue: Queue[tuple[T] | BaseException | None] = Queue(depth)
    stopped = Event()

    def produce() -> None:
        end: BaseException | None = None
        try:
            for item in source:
                queue.put((item,))
                if stopped.is_set():
                    break
        except BaseException as error:  # all of it belongs to the one who asks
            end = error
        finally:
            source.close()
            queue.put(end)

    thread = Thread(target=produce, name="mapsto-ahead", daemon=True)
    thread.start()
    try:
        while (got := queue.get()) is not None:
            if isinstance(got, BaseException):
                raise got
            yield got[0]
    finally:
        stopped.set()
        while thread.is_alive():  # it may be waiting for room, and once more to say that it ended
            with suppress(Empty):
                while True:
                    queue.get_nowait()
            thread.join(_SOON_S)


class Behind(Generic[T]):
    """Hands each item to `work` in a thread, in order; `put` waits while `depth` of them wait.

    What `work` raises comes out of the next `put`, or of `close`; nothing is worked on after it.
    """

    def __init__(self, work: Callable[[T], None], depth: int = DEPTH) -> None:
        self._queue: Queue[tuple[T] | None] = Queue(depth)
        self._error: BaseException | None = None
        self._dropped = False
        self._thread = Thread(target=self._consume, args=(work,), name="mapsto-behind", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Queue one item."""
        self._check()
        self._queue.put((item,))

    def close(self) -> None:
        """Wait until all is done."""
        self._queue.put(None)
        self._thread.join()
        self._check()

    def drop(self) -> None:
        """End without the items that still wait."""
        self._dropped = True
        self._queue.put(None)
        self._thread.join()

    def _consume(self, work: Callable[[T], None]) -> None:
        # The thread alone holds the work, and drops it at its end: else a film, whose work holds the film, would keep its
        # encoder until garbage is collected.
        while (got := self._queue.get()) is not None:  # after an error too, so that nobody waits for room
            if self._error is None and not self._dropped:
                try:
                    work(got[0])
                except BaseException as error:
                    self._error = error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
