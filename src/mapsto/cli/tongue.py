"""In which language this process speaks to people; programs, which ask for --json, are always answered in English."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from mapsto.errors import UsageError
from mapsto.words import ENGLISH, LANGUAGES, language, said, system

FLAG = "--lang"

_spoken = [ENGLISH]
"""One language for the whole process, threads too."""


def speak(name: str) -> None:
    """From now on speak this language, one of `LANGUAGES`."""
    _spoken[0] = name


def spoken() -> str:
    """The language that is spoken now."""
    return _spoken[0]


def here(text: str) -> str:
    """A sentence of ours in the language that is spoken now."""
    return said(text, spoken())


def listen(arguments: Sequence[str]) -> list[str]:
    """Speak as the command, the environment or the system asks; the arguments without --lang, which may stand anywhere.

    Raises:
        UsageError: a language that is not spoken here, or none after --lang.
    """
    speak(system())
    with suppress(UsageError):  # a flag outranks what is wrong here
        speak(language())
    rest, asked = _without_flag(arguments)
    speak(language(asked))
    return rest


def _without_flag(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    rest: list[str] = []
    asked, words = None, iter(arguments)
    for word in words:
        if word == "--":  # what follows are names
            rest += [word, *words]
        elif word == FLAG:
            asked = next(words, None)
            if asked is None:
                raise UsageError(f"{FLAG} needs a language.", f"Give {' or '.join(LANGUAGES)}.")
        elif word.startswith(f"{FLAG}="):
            asked = word.removeprefix(f"{FLAG}=")
        else:
            rest.append(word)
    return rest, asked
