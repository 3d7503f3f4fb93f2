"""In which language people are told what happened: that of `Accept-Language`, English or Chinese.

Errors, notes and findings arise in English, and are kept so; they are translated for each reader as they are told.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Request

PROSE: Final = ("message", "hint", "note", "notes", "findings")
"""Keys whose values are sentences for people; all else is data, and the same in every language."""

_FOREIGN = re.compile(r"：[^：。]*?[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}[^：。]*(?=。)")
"""A reason that some library gave, in its English, within a sentence of ours: the sentence is clear without it."""


def language_of(accepted: str) -> str:
    """Either "en" or "zh", whichever an `Accept-Language` likes better; "en" where it says neither."""
    liked = []
    for place, part in enumerate(accepted[:200].split(",")):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            liked.append((-float(quality or 1), place, tag.partition("-")[0]))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(liked) if tag in ("en", "zh")), "en")


def _asked(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


Language = Annotated[str, Depends(_asked)]
"""Of whoever asks."""


def spoken(told: Any, language: str) -> Any:
    """An answer in a language: its sentences translated, as far as there are words for them.

    An error also says in `language` which of the two its sentences are in.
    """
    if isinstance(told, list):
        return [spoken(each, language) for each in told]
    if not isinstance(told, dict):
        return told
    if {"code", "message", "hint"} <= told.keys():
        return _error(told, language)
    if language == "en":
        return {key: spoken(value, language) for key, value in told.items()}
    return {key: _prose(value) if key in PROSE else spoken(value, language) for key, value in told.items()}


def _error(told: dict[str, Any], language: str) -> dict[str, Any]:
    if language == "en":
        return {**told, "language": "en"}
    message, hint = _prose(told["message"]), _prose(told["hint"])
    whole = message != told["message"] and (hint != told["hint"] or not hint)
    return {**told, **({"message": message, "hint": hint} if whole else {}), "language": "zh" if whole else "en"}


def _prose(value: Any) -> Any:
    from mapsto.words import said

    if isinstance(value, str):
        return _FOREIGN.sub("", said(value, "zh")) if value else value
    if isinstance(value, list):
        return [_prose(each) for each in value]
    return {key: _prose(each) for key, each in value.items()} if isinstance(value, dict) else value
