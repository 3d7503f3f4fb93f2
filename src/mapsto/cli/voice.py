"""How the commands speak: results on stdout, everything else on stderr; for programs, one JSON object on stdout.

    {"ok", "command", "outputs": [{"path", "width", "height", "seed", "seconds", "sha256"}], "warnings", "error", "data"}

`error` is null or {"code", "message", "hint"}; `data` is what a verb has to say beyond files.
"""

from __future__ import annotations

import errno
import json as jsons
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import typer

from mapsto.cli import tongue
from mapsto.errors import MapstoError
from mapsto.words import ENGLISH, said

INTERRUPTED, PARTLY = 130, 3

FULL_STOPS = ("。", "？", "！", "……")


@dataclass(frozen=True)
class Fault:
    """What went wrong, in words; `code` is the exit code."""

    code: int
    message: str
    hint: str = ""

    def line(self, language: str = ENGLISH) -> str:
        """All of it in one line."""
        what, hint = said(" ".join(self.message.split()), language), said(self.hint, language)
        if not hint:
            return what
        if language == ENGLISH:
            return f"{what.rstrip('.')} — {hint}"
        return f"{what}{'' if what.endswith(FULL_STOPS) else ' ' if what.endswith('.') else '。'}{hint}"


def fault_of(error: BaseException) -> Fault:
    """An exception in words a person can act on."""
    if isinstance(error, MapstoError):
        return Fault(error.exit_code, error.what, error.hint)
    if isinstance(error, KeyboardInterrupt):
        return Fault(INTERRUPTED, "Stopped.")
    if _is_out_of_memory(error):
        return Fault(6, "There is not enough memory.", "Close other programs, or give a smaller --size.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Fault(7, "No space left on the disk.", "Free some space or choose another folder with -o.")
    if isinstance(error, OSError) and error.strerror:
        return Fault(1, f"{error.strerror}: {error.filename}" if error.filename else error.strerror)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return Fault(1, f"Something unexpected happened: {what}", "This is a fault of Mapsto; please report it with what -v shows.")


def _is_out_of_memory(error: BaseException) -> bool:
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from mapsto.device import is_out_of_memory

    return is_out_of_memory(error)


class Voice:
    """What one command says.

    Args:
        command: The verb.
        json: Say everything in one object at the end.
        quiet: Say nothing but errors.
        verbose: Say more, and show tracebacks.
    """

    def __init__(self, command: str, *, json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.command, self.json, self.quiet, self.verbose = command, json, quiet, verbose
        self.language = ENGLISH if json else tongue.spoken()
        self.outputs: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.data: dict[str, Any] = {}
        self.fault: Fault | None = None

    def result(self, line: str) -> None:
        """A result for people: on stdout."""
        if not (self.json or self.quiet):
            _echo(line if "\t" in line else self.said(line))  # rows with tabs are for programs

    def row(self, before: str, name: str, width: int, text: str) -> None:
        """A result in columns, the name so many wide: on stdout. The text is said as it is."""
        if not (self.json or self.quiet):
            from mapsto.cli.columns import padded

            _echo(f"{before}{padded(self.said(name), width)}{text}")

    def note(self, line: str) -> None:
        """What may be good to know: on stderr."""
        if not (self.json or self.quiet):
            _echo(self.said(line), err=True)

    def trouble(self, line: str) -> None:
        """One of several things that went wrong: on stderr, even when quiet."""
        _echo(f"mapsto: {self.said(line)}", err=True)

    def detail(self, line: str) -> None:
        """What only the curious want to know: on stderr."""
        if self.verbose:
            _echo(self.said(line), err=True)

    def warn(self, line: str) -> None:
        """What may not be as expected: on stderr, and part of the object. Said once."""
        if line not in self.warnings:
            self.warnings.append(line)
            if not self.quiet:
                _echo(f"mapsto: {self.said(line)}", err=True)

    def told(self, fault: Fault) -> str:
        """A fault in one line, in the language of this voice."""
        return fault.line(self.language)

    def said(self, line: str) -> str:
        """A sentence in the language of this voice."""
        return said(line, self.language)

    def fail(self, fault: Fault) -> None:
        """Why the command failed; the last word counts."""
        self.fault = fault

    def close(self) -> int:
        """Say what is left to say; the exit code."""
        if self.fault is not None:
            _echo(f"mapsto: {self.told(self.fault)}", err=True)
        if self.json:
            _echo(jsons.dumps(self.envelope(), ensure_ascii=False, indent=1))
        return self.fault.code if self.fault else 0

    def envelope(self) -> dict[str, Any]:
        """The object for programs."""
        found = {
            "ok": self.fault is None,
            "command": self.command,
            "outputs": self.outputs,
            "warnings": self.warnings,
            "error": asdict(self.fault) if self.fault else None,
        }
        return {**found, "data": self.data} if self.data else found


@contextmanager
def speaking(command: str, *, json: bool = False, quiet: bool = False, verbose: bool = False) -> Iterator[Voice]:
    """A voice for the length of a command. Whatever goes wrong is told in one line, and the process ends with its exit code."""
    voice = Voice(command, json=json, quiet=quiet, verbose=verbose)
    try:
        yield voice
    except (BrokenPipeError, typer.Exit):
        raise
    except (Exception, KeyboardInterrupt) as error:
        if verbose:
            import traceback

            _echo("".join(traceback.format_exception(error)).rstrip(), err=True)
        voice.fail(fault_of(error))
    if code := voice.close():
        raise typer.Exit(code)


def _echo(line: str, err: bool = False) -> None:
    """Write a line; file names that are no text are shown with �.

    By way of `sys.stdout` as it is now: while a progress line is shown, it stands there and makes room.
    """
    stream = sys.stderr if err else sys.stdout
    stream.write(line.encode("utf-8", "surrogateescape").decode("utf-8", "replace") + "\n")
    stream.flush()


def give_up_stdout() -> None:
    """Let nothing more be written where writing failed: Python flushes once more when it ends, and would complain again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_stdout(voice: Voice) -> None:
    """Refuse to write a picture where only text makes sense.

    Raises:
        UsageError: stdout is wanted by --json too, or is a terminal.
    """
    from mapsto.errors import UsageError

    if voice.json:
        raise UsageError("Both the picture and --json want standard output.", "Give a file name with -o.")
    if sys.stdout.isatty():
        raise UsageError("A picture would only be noise on a terminal.", "Send it on: -o - > painted.png, or -o painted.png.")
