"""Help in other languages than English: what typer knows of the verbs is translated before it is shown, and wrapped by width.

Whether typer brings its own copy of click or uses the package, both build help from the same few attributes and methods.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from mapsto.cli.columns import width_of, wrapped
from mapsto.words import catalogue

Say = Callable[[str], str]

EXTRAS = re.compile(r"^(?P<help>.*?)(?:\s*\\?\[(?P<extras>(?:default|required)\b.*)\])?$", re.DOTALL)
"""Help of an option, and what click adds to it: its default, and whether it must be there."""

KIND = re.compile(r"(?<=\s)<[^<>]+>$|(?<=\s)(?:TEXT|INTEGER|FLOAT)$")
"""What typer tells of an option without a metavar."""


def translate(command: Any, language: str) -> None:
    """Let the help of a command, and of those below it, be in another language."""
    words = catalogue(language)
    translate_with(command, lambda text: words.get(text, text))


def translate_with(command: Any, say: Say) -> None:
    """Replace all that the help of a command shows by what is said for it; names of commands and options stay."""
    command.context_class = _context_class(command.context_class, say)
    if command.help:
        paragraphs = _paragraphs(command.help)
        command.short_help = say(paragraphs[0])
        command.help = "\n\n".join(map(say, paragraphs))
    if command.epilog:
        command.epilog = "\n\n".join(map(say, _paragraphs(command.epilog)))
    command.options_metavar = say(command.options_metavar)
    if hasattr(command, "subcommand_metavar"):
        command.subcommand_metavar = say(command.subcommand_metavar)
    for param in command.params:
        if getattr(param, "help", None):
            param.help = say(" ".join(param.help.split()))
        if param.metavar:
            param.metavar = say(param.metavar)
    for verb in getattr(command, "commands", {}).values():
        translate_with(verb, say)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs, each in one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", inspect.cleandoc(text))]


def _context_class(base: Any, say: Say) -> Any:
    """Contexts whose pages are written by `_formatter_class`."""
    return type("Context", (base,), {"formatter_class": _formatter_class(base.formatter_class, say)})


def _formatter_class(base: Any, say: Say) -> Any:
    class Formatter(base):  # type: ignore[misc]
        """Writes help with translated headings, in lines that count Chinese characters as two columns."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            first = f"{prefix or say('Usage: ')}{prog} "
            self._write(args, first, " " * width_of(first))

        def write_heading(self, heading: str) -> None:
            self.write(f"{'':>{self.current_indent}}{say(f'{heading}:')}\n")

        def write_text(self, text: str) -> None:
            indent = " " * self.current_indent
            for number, paragraph in enumerate(_paragraphs(text)):
                self.write("\n" if number else "")
                self._write(paragraph, indent, indent)

        def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
            told = [(_named(name, say), _explained(text, say)) for name, text in rows]
            column = min(max(width_of(name) for name, _ in told), col_max) + col_spacing + self.current_indent
            for name, text in told:
                first = f"{'':>{self.current_indent}}{name}"
                if width_of(first) > column - col_spacing:
                    self.write(f"{first}\n")
                    first = ""
                self._write(text, first + " " * (column - width_of(first)), " " * column)

        def _write(self, text: str, first: str, indent: str) -> None:
            lines = wrapped(text, self.width - width_of(indent)) or [""]
            self.write("\n".join([(first + lines[0]).rstrip(), *(indent + line for line in lines[1:])]) + "\n")

    return Formatter


def _named(name: str, say: Say) -> str:
    """An option with what it takes; of arguments their name is enough."""
    return KIND.sub(lambda kind: say(kind[0]), name) if name.startswith("-") else KIND.sub("", name).rstrip()


def _explained(text: str, say: Say) -> str:
    """Help of a parameter or a verb, and its default."""
    found = EXTRAS.match(text)
    assert found is not None
    extras = re.sub(r"^default: ", say("default: "), found["extras"] or "").replace("required", say("required"))
    return (say(found["help"]) + (f"  [{extras}]" if extras else "")).strip()
