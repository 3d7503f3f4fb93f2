"""A process that carries out jobs, one after the other, by the verbs of the command line; so files say the same as theirs.

What it is told: {"do": "run", "arguments", "folder"}, and in between {"do": "stop"}. What it says while it works:
{"part", "note"} and {"warning"}; in the end the object that `--json` prints, and its exit code.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from mapsto.studio import pipe
from mapsto.studio.pipe import Said

NICENESS = 10
"""Previews go first: a person waits for them."""


class Worker:
    """Runs verbs in the main thread, where Ctrl-C is heard; another thread listens.

    Args:
        hearing: Where it is told what to do.
        speaking: Where it says how it goes.
    """

    def __init__(self, hearing: BinaryIO, speaking: BinaryIO) -> None:
        self.hearing, self.speaking = hearing, speaking
        self.orders: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self.turn, self.mouth = threading.Lock(), threading.Lock()
        self.busy = self.stopped = False

    def listen(self) -> None:
        """Hear orders; `stop` is a Ctrl-C for what was ordered last. When nobody speaks any more, this process ends."""
        while (frame := pipe.read(self.hearing)) is not None:
            said, _ = frame
            with self.turn:
                if said["do"] != "stop":
                    self.busy, self.stopped = True, False
                    self.orders.put(said)
                elif self.busy:
                    self.stopped = True
                    signal.raise_signal(signal.SIGINT) if os.name == "nt" else os.kill(os.getpid(), signal.SIGINT)
        self._leave()

    def _leave(self) -> None:
        """End at once, with all that was started; what is half done is not in its place yet."""
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(0)

    def work(self) -> None:
        """Carry out orders, for ever."""
        while True:
            order, told = self.orders.get(), {"code": 130, "told": {}}
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                if not self.stopped:  # before it began
                    told = self._carry_out(order)
            except KeyboardInterrupt:  # a moment before or after the work
                pass
            self._rest()
            self.say({"ok": True, **told})

    def _rest(self) -> None:
        """From now on nothing can be stopped; least of all what is said in the end."""
        while True:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                with self.turn:
                    self.busy = False
                return
            except KeyboardInterrupt:
                continue

    def _carry_out(self, order: Said) -> dict[str, Any]:
        if order["do"] == "warm":
            from mapsto.cli import painting

            return {"code": 0, "told": {"from": painting.__name__}}
        os.chdir(order["folder"])
        return run(order["arguments"], self.say)

    def say(self, said: Said) -> None:
        """One frame."""
        with self.mouth:
            self.speaking.write(pipe.packed(said))
            self.speaking.flush()


def run(arguments: list[str], say: Callable[[Said], object]) -> dict[str, Any]:
    """Run a verb: its exit code, and the object it prints for programs.

    Args:
        arguments: As on the command line, without --json.
        say: Told how it goes.
    """
    from mapsto.cli import app, bar

    out, complaints, watcher = io.StringIO(), Complaints(say), _watcher(say)
    bar.WATCHERS.append(watcher)
    threads = _threads()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
            code = app.run([*arguments[:1], "--json", *arguments[1:]])
    finally:
        bar.WATCHERS.remove(watcher)
        _use(threads)
    text = out.getvalue()
    try:
        told = json.loads(text) if text.strip() else {}
    except ValueError:
        told = {}
    if code and not told.get("error"):
        told["error"] = {"code": code, "message": complaints.last or "The verb failed without a word.", "hint": ""}
    return {"code": code, "told": told}


class Complaints(io.TextIOBase):
    """Stands where stderr was: what a verb warns of is said on, everything goes to the log too.

    Args:
        say: Told of warnings.
    """

    def __init__(self, say: Callable[[Said], object]) -> None:
        self.say, self.held, self.last = say, "", ""

    def write(self, text: str) -> int:
        """A part of a line, or several."""
        *lines, self.held = (self.held + text).split("\n")
        for line in lines:
            os.write(2, f"{line}\n".encode(errors="replace"))
            if line.startswith("mapsto: "):
                self.last = line.removeprefix("mapsto: ")
                self.say({"warning": self.last})
        return len(text)

    def isatty(self) -> bool:
        """Nobody watches."""
        return False


def _watcher(say: Callable[[Said], object]) -> Callable[[float, str], None]:
    import time

    said = 0.0

    def watch(part: float, note: str) -> None:
        nonlocal said
        if time.monotonic() - said >= 0.1 or part >= 1:
            said = time.monotonic()
            say({"part": part, "note": note})

    return watch


def _threads() -> int | None:
    """How many this process computes with, before a verb changes that."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()


def _use(threads: int | None) -> None:
    if threads is not None:
        sys.modules["torch"].set_num_threads(threads)


def main() -> None:
    """Listen and work."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is something to stop
    worker = Worker(*pipe.ends())
    threading.Thread(target=worker.listen, daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()
