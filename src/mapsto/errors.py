"""What can go wrong, in words a person can act on.

Every error says what was given, why it cannot be used and what to do; the class decides the exit code of the command line.

    MapstoError (1)                     anything below
    ├── UsageError (2)                  a value that makes no sense: an unknown style, weights that sum to nothing
    ├── UnreadableInput (4)             missing, truncated, lying or unsafe input files
    ├── WeightsError (5)                weights missing, damaged or of another architecture
    ├── OutOfMemory (6)                 nothing smaller was left to try
    └── NoSpace (7)                     the disk is full or the folder cannot be written
"""

from __future__ import annotations


class MapstoError(ValueError):
    """Base of all errors meant for people.

    Args:
        what: One sentence: what was given and why it cannot be used.
        hint: What to do about it; empty when there is nothing to suggest.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()


class UsageError(MapstoError):
    """A value that makes no sense where it was given."""

    exit_code = 2


class UnreadableInput(MapstoError):
    """A file that is missing, truncated, lying about itself or unsafe to open."""

    exit_code = 4


class WeightsError(MapstoError):
    """Weights that are missing, damaged, or belong to another architecture."""

    exit_code = 5


class OutOfMemory(MapstoError):
    """There is not enough memory, and nothing smaller was left to try."""

    exit_code = 6


class NoSpace(MapstoError):
    """The result cannot be written: the disk is full or the folder is read-only."""

    exit_code = 7


def nearest(word: str, known: list[str], limit: int = 3) -> list[str]:
    """The known names most like `word`, best first (possibly none)."""
    import difflib

    return difflib.get_close_matches(word.lower(), known, n=limit, cutoff=0.4)
