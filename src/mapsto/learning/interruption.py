"""Ctrl-C while training: the step is finished first."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType


class Interruption:
    """Within it the first Ctrl-C is only noted in `asked`; the second does what Ctrl-C always does.

    Does nothing outside the main thread, where Python delivers no signals.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Interruption:
        self._listens = threading.current_thread() is threading.main_thread()
        if self._listens:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._restore()

    def pause(self, seconds: float) -> None:
        """Sleep, but not through Ctrl-C."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _note(self, signal_number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, self._before)
            self._listens = False
