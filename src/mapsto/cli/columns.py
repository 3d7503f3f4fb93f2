"""How wide text is on a terminal, and lines of a width: Chinese characters take two columns, and part without a space."""

from __future__ import annotations

import re
import unicodedata

WIDE = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"

CLOSING, OPENING = re.escape("，。、；：？！）》」』】”’…,.;:?!)]}"), re.escape("（《「『【“‘([{")
"""What may not begin a line, and what may not end one."""

PIECES = re.compile(
    rf"(?:`[^`]*`|\[[^\[\]\s]*\]"  # commands and [defaults] stay whole
    rf"|[{OPENING}]*(?:{WIDE}|\S+?(?=\s|{WIDE}|[（《「『【“‘]|$)))[{CLOSING}]*\s*"
)
"""What may not be broken, with the space after it: words, and single Chinese characters with their punctuation."""


SHORTEST = 6
"""Columns of a last line."""


def width_of(text: str) -> int:
    """Columns of a terminal."""
    return sum(0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def padded(text: str, width: int) -> str:
    """A text with spaces after it up to a width."""
    return text + " " * (width - width_of(text))


def wrapped(text: str, width: int) -> list[str]:
    """Lines of a width in columns; what cannot be broken and is wider has a line of its own."""
    lines: list[list[str]] = [[]]
    for piece in PIECES.findall(text):
        if lines[-1] and width_of("".join(lines[-1]) + piece.rstrip()) > width:
            lines.append([])
        lines[-1].append(piece)
    _keep_company(lines, width)
    return ["".join(line).rstrip() for line in lines if line]


def _keep_company(lines: list[list[str]], width: int) -> None:
    """Let no single character stand on the last line."""
    while len(lines) > 1 and len(lines[-2]) > 1 and width_of("".join(lines[-1])) < SHORTEST:
        if width_of(lines[-2][-1] + "".join(lines[-1]).rstrip()) > width:
            return
        lines[-1].insert(0, lines[-2].pop())
