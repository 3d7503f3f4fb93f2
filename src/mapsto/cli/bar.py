"""Progress on stderr: a moving line with the time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from mapsto.cli.tongue import here

EVERY_S = 10.0
"""Seconds between plain lines; work that is done sooner says nothing."""

WATCHERS: list[Callable[[float, str], object]] = []
"""Told of all that is shown or hidden, in [0, 1]: of a program that runs commands and shows progress in its own way."""


class Bar:
    """How far a job has come.

    Args:
        total: What counts as done, in any unit.
        hidden: Show nothing.
    """

    def __init__(self, total: float = 1.0, *, hidden: bool = False) -> None:
        self.total, self.hidden = total, hidden
        self.start = self.said = time.monotonic()
        self.before = 0.0
        self.rich: Any = None

    def __enter__(self) -> Bar:
        if not self.hidden and sys.stderr.isatty():
            self.rich = _moving_line()
            self.rich.add_task("", total=self.total)
            self.rich.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.rich is not None:
            self.rich.stop()

    def resume(self, done: float) -> None:
        """So much of the total was done before, and took none of this one's time."""
        self.before = done

    def show(self, done: float, text: str) -> None:
        """So much of the total is done, and this is being worked on."""
        for watcher in WATCHERS:
            watcher(done / self.total if self.total else 1.0, text)
        if self.rich is not None:
            from rich.markup import escape

            self.rich.update(self.rich.task_ids[0], completed=done, description=escape(_short(here(text))))
        elif not self.hidden and time.monotonic() - self.said >= EVERY_S:
            self.said = time.monotonic()
            sys.stderr.write(f"{here(text)}: {100 * done / self.total:.0f} %{here(self._left(done))}\n")

    def _left(self, done: float) -> str:
        new = done - self.before
        return f", {spoken((time.monotonic() - self.start) * (self.total - done) / new)} left" if new > 0 else ""


def _moving_line() -> Any:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # results that go to a file must not be caught by the line on the terminal
    )


def _short(text: str, width: int = 44) -> str:
    """A text that fits into so many columns, without its middle if need be."""
    from mapsto.cli.columns import width_of

    half = width // 2
    while width_of(text) > width:
        text, half = f"{text[: half - 1]}…{text[-half:]}", half - 1
    return text


def spoken(seconds: float) -> str:
    """A duration in words: 0.4 s, 12 s, 3 min, 1 h 20 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
