"""What the server answers when it does not do what was asked: a status, a code for programs, and a sentence for people."""

from __future__ import annotations

import re
from typing import Any

from mapsto.errors import MapstoError, NoSpace, OutOfMemory, UnreadableInput, UsageError, WeightsError

KINDS: tuple[tuple[type[MapstoError], str, int], ...] = (
    (UsageError, "usage", 422),
    (UnreadableInput, "unreadable-input", 422),
    (WeightsError, "weights", 422),
    (OutOfMemory, "out-of-memory", 507),
    (NoSpace, "no-space", 507),
)
"""Errors of the library: their code, and the status of the answer."""

BY_EXIT = {kind.exit_code: (code, status) for kind, code, status in KINDS} | {3: ("partly-failed", 200), 130: ("stopped", 200)}
"""What a verb of the command line ended with: code and status."""


class Refusal(Exception):
    """Something is not done, and this is why.

    Args:
        status: Of the answer.
        code: For programs, and for pages in other languages.
        message: One sentence: what was given and why it cannot be used.
        hint: What to do about it.
        values: What the message is about, for pages that have sentences of their own.
        retry_after: Seconds after which it may be tried again.
    """

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, retry_after: int | None = None, **values: Any
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.values, self.retry_after = values, retry_after

    def said(self) -> dict[str, Any]:
        """In JSON."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "values": self.values}

    def headers(self) -> dict[str, str]:
        """Of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    @classmethod
    def read(cls, said: dict[str, Any], status: int = 422) -> Refusal:
        """What `said` told."""
        return cls(int(said.get("status", status)), said["code"], said["message"], said["hint"], **said.get("values", {}))


def refusal_of(error: BaseException) -> Refusal:
    """An exception as a refusal. What nobody expected is not told to a page in detail: it may name paths."""
    if isinstance(error, Refusal):
        return error
    for kind, code, status in KINDS:
        if isinstance(error, kind):
            return Refusal(status, code, without_paths(error.what), without_paths(error.hint))
    if isinstance(error, MemoryError):
        return Refusal(507, "out-of-memory", "There is not enough memory.", "Close other programs, or take a smaller size.")
    return Refusal(
        500, "unexpected", f"Something unexpected happened: {type(error).__name__}.", "The log of the studio tells more."
    )


def without_paths(text: str) -> str:
    """A sentence in which files are called by their names alone."""
    return re.sub(r"(?<![\w/])(?:/[^/\s:'\"]+)+/([^/\s:'\"]+)", r"\1", text)
