"""What Mapsto says, in other languages.

The code says everything in English. A catalogue, `zh.json`, maps English templates to Chinese ones; the n-th thing that a
template leaves open is {n} in both:

    {"{0} of {1} pictures failed.": "{1} 张图片中有 {0} 张失败。"}

Nothing is loaded where English is spoken.
"""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache

ENGLISH = "en"

LANGUAGES = (ENGLISH, "zh")

VARIABLE = "MAPSTO_LANG"

LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Where the system says which language its user speaks; the first that is set counts."""

DEEP = 12
"""What was left open in a template may itself be a sentence or a list of ours, with another in it, and so on."""

COLUMNS = "  "
"""What parts the columns of a line."""

CLEAR = 5
"""From so many letters on, a sentence that begins with an open place is not mistaken for another."""

WORD, PLAIN = re.compile(r"[\w-]+"), re.compile(r"[^\s()\[\]]+")
"""What may be the name of something, and what may be one of a list."""

HAN = re.compile(r"[\u3400-\u9fff]")
"""A Chinese character."""

OPEN = re.compile(r"\{(\d+)\}")


def language(asked: str | None = None) -> str:
    """The language to speak: what is asked for > MAPSTO_LANG > the system's.

    Raises:
        UsageError: a language that is not spoken here is asked for by name.
    """
    named = os.environ.get(VARIABLE) or None if asked is None else asked
    return system() if named is None else _checked(named)


def system() -> str:
    """The language of the system, if it is spoken here; else English."""
    return _spoken(next(filter(None, map(os.environ.get, LOCALE)), "")) or ENGLISH


def _checked(named: str) -> str:
    found = _spoken(named)
    if found is None:
        from mapsto.errors import UsageError

        raise UsageError(f"There is no language {named!r} here.", "Give en or zh.")
    return found


def _spoken(name: str) -> str | None:
    """The language of zh, zh-CN, zh_CN.UTF-8 and the like, if it is one of ours."""
    base = re.split(r"[-_.@]", name.lower())[0]
    return base if base in LANGUAGES else None


def said(text: str, language: str) -> str:
    """A sentence of ours in a language; what the catalogue does not have stays English."""
    return _said(text, language, DEEP) if text and language != ENGLISH else text


@lru_cache(maxsize=4096)  # what many templates may be is asked for again and again
def _said(text: str, language: str, deep: int, *, is_within: bool = False) -> str:
    """A sentence, or a part of one: there a single word is a name, even if it is a word of ours elsewhere."""
    exact = catalogue(language).get(text)
    if exact is not None and not (is_within and WORD.fullmatch(text)):
        return exact
    for template in _templates(language) if deep else ():
        values = template.values(text)
        if values is None:
            continue
        is_part = is_within or not template.is_row
        told = [_said(value, language, deep - 1, is_within=is_part) for value in values]
        if template.fits(values, told, is_within=is_within):
            return template.filled(told)
    if deep and COLUMNS in text:
        return COLUMNS.join(_said(column, language, deep - 1) for column in text.split(COLUMNS))
    return text


class Template:
    """A sentence with open places, and the same in another language.

    Args:
        text: In English.
        other: The same; its places stand in an order of their own.
    """

    def __init__(self, text: str, other: str) -> None:
        parts = OPEN.split(text)
        self.pieces, self.places, self.other = parts[::2], parts[1::2], other
        self.letters = sum(map(str.isalpha, "".join(self.pieces)))
        self.is_row = not self.letters and any(mark in "".join(self.pieces) for mark in (":", COLUMNS))

    def values(self, text: str) -> list[str] | None:
        """What stands in the open places, each as short as can be; None if the text is another sentence."""
        first, *rest = self.pieces
        if not rest:
            return [] if text == first else None
        *middle, last = rest
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return None
        found = []
        for piece in middle:
            begin = text.find(piece, at, end)
            if begin < 0:
                return None
            found.append(text[at:begin])
            at = begin + len(piece)
        return [*found, text[at:end]]

    def fits(self, values: list[str], told: list[str], *, is_within: bool = False) -> bool:
        """Whether the text is this sentence, and not another one that looks like it.

        Two spaces part columns, and a colon parts what a sentence is about. "{0}: {1}" has to hold something of ours. What says
        little, as "{0} of {1}" or "{0}, {1}", is a foreign sentence unless its places hold single words, or something of ours.
        """
        ours = [value != other for value, other in zip(values, told, strict=True)]
        if any(COLUMNS in value for value in values) or (self.letters and not self.pieces[0] and ": " in values[0]):
            return False
        if self.is_row:
            return any(ours)
        if self.letters >= CLEAR or (self.letters and self.pieces[0]):
            return True
        is_plain = all(is_ours or PLAIN.fullmatch(value) for is_ours, value in zip(ours, values, strict=True))
        return is_plain and (is_within or self.letters > 0 or any(ours))

    def filled(self, values: list[str]) -> str:
        """The sentence in the other language, with values in the order of the English one."""
        given = dict(zip(self.places, values, strict=True))
        first, *rest = OPEN.split(self.other)
        for number, part in enumerate(rest):
            first = _joined(first, part if number % 2 else given[part])
        return first


def _joined(left: str, right: str) -> str:
    """Two parts of a sentence; no space stands between Chinese characters."""
    if HAN.match(right) and left.endswith(" ") and HAN.match(left[-2:]):
        return left[:-1] + right
    if right.startswith(" ") and HAN.match(right[1:]) and HAN.match(left[-1:]):
        return left + right[1:]
    return left + right


@cache
def catalogue(language: str) -> dict[str, str]:
    """All that is said in a language other than English, by what is said in English."""
    import json
    from importlib.resources import files

    found: dict[str, str] = json.loads(files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8"))
    return found


@cache
def _templates(language: str) -> list[Template]:
    """The sentences with open places, those that say most first; those without a word last."""
    found = [Template(text, other) for text, other in catalogue(language).items() if OPEN.search(text)]
    return sorted(found, key=lambda template: (template.letters > 0, sum(map(len, template.pieces))), reverse=True)
