from __future__ import annotations

import signal
import threading
import time

import pytest

from mapsto.learning.interruption import Interruption


def test_the_first_ctrl_c_is_noted_and_the_second_is_ctrl_c() -> None:
    with Interruption() as interruption:
        assert not interruption.asked
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_everything_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_it_does_not_sleep_through_ctrl_c() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        start = time.monotonic()
        interruption.pause(60)
        assert time.monotonic() - start < 30


def test_threads_have_no_signals_and_need_none() -> None:
    found = []

    def work() -> None:
        with Interruption() as interruption:
            found.append(interruption.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
