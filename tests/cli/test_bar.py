from __future__ import annotations

import io
import os
import pty
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mapsto.cli import bar
from mapsto.cli.voice import Voice

END = b"\x03end of what was shown"


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Both streams on a terminal; yields what tells all that it showed."""
    for name, value in {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}.items():
        monkeypatch.setenv(name, value)
    master, slave = pty.openpty()

    def shown() -> str:
        screen.flush()
        os.write(slave, END)
        said = b""
        while not said.endswith(END):  # a terminal hands on what was written in pieces, when it likes
            said += os.read(master, 1 << 16)
        return said.removesuffix(END).decode()

    with open(slave, "w") as screen, monkeypatch.context() as patch:  # noqa: PTH123 (a descriptor)
        patch.setattr(sys, "stdout", screen)
        patch.setattr(sys, "stderr", screen)
        yield shown
    os.close(master)


def work(steps: int = 3) -> None:
    voice = Voice("style")
    with bar.Bar(steps) as line:
        for step in range(steps):
            line.show(step, f"painting {step} [red]")
            voice.result(f"result {step}")


def test_results_stand_above_the_moving_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        work()
        text = shown()
    assert "painting 2 [red]" in text
    for step in range(3):  # each begins on a line that was cleared for it
        assert re.search(rf"(^|\n|\x1b\[2K|\r)result {step}\r?\n", text)


def test_results_in_a_file_are_not_caught_by_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        with (tmp_path / "out.txt").open("w") as file, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", file)
            work()
        assert "result" not in shown()
    assert (tmp_path / "out.txt").read_text() == "result 0\nresult 1\nresult 2\n"


def test_a_hidden_line_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as shown:
        with bar.Bar(1, hidden=True) as line:
            line.show(0.5, "x")
        assert shown() == ""


def test_without_a_terminal_a_plain_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 4.0, 12.0, 12.0, 12.0])
    monkeypatch.setattr(bar.time, "monotonic", lambda: next(clock))
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    with bar.Bar(4) as line:
        line.show(1, "a.jpg")
        line.show(3, "b.jpg")
    assert said.getvalue() == "b.jpg: 75 %, 4.0 s left\n"


def test_what_was_done_before_makes_nobody_hopeful(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 12.0, 12.0, 12.0])
    monkeypatch.setattr(bar.time, "monotonic", lambda: next(clock))
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    with bar.Bar(4) as line:
        line.resume(2)
        line.show(3, "resumed")
    assert said.getvalue() == "resumed: 75 %, 12 s left\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.42, "0.4 s"), (9.9, "9.9 s"), (42.4, "42 s"), (150, "2 min"), (4800, "1 h 20 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert bar.spoken(seconds) == words
