"""What kind of picture each one is: from its folder, its name, a table, or a function of one's own."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from mapsto.errors import UnreadableInput, UsageError

Rule = Path | str | Callable[[str], str | None]
"""How classes are told, see `classes_of`."""

MOST = 1000
"""Classes. More are hardly meant, as where every picture's name is another; and a file of weights may not hold so many."""

_NUMBER = re.compile(r"[\s_\-.()]*\d+\W*$")


def classes_of(names: Sequence[str], rule: Rule) -> list[str | None]:
    """The class of every picture, None where there is none.

    Args:
        names: Relative paths with / between folders.
        rule: "folders": the first folder of the path. "names": the file name without its extension and the number at its end,
            so that `female-noble_00008071.jpg` is a female-noble. A path: a table (CSV, UTF-8, separated by comma, semicolon or
            tab) with pictures in the first column, by their whole name or by their file name where only one has it, and classes
            in the second. A function: from name to class.

    Raises:
        UnreadableInput: the table is not there or no text.
        UsageError: the rule finds no class at all, or more than `MOST`.
    """
    if callable(rule):
        found = [rule(name) for name in names]
    elif rule == "folders":
        found = [name.split("/", 1)[0] if "/" in name else None for name in names]
    elif rule == "names":
        found = [_NUMBER.sub("", PurePosixPath(name).stem) or None for name in names]
    else:
        found = _looked_up(names, _table(Path(rule)))
    if not any(found):
        raise UsageError(f"No picture finds its class by {rule!s}.", _HINTS.get(str(rule), _ROWS))
    if (count := len({*found} - {None})) > MOST:
        first, told = next(name for name in found if name), getattr(rule, "__name__", str(rule))
        hint = "Put more pictures into one class." if callable(rule) else _HINTS.get(str(rule), _ROWS)
        raise UsageError(f"{told} would be {count} classes, {first!r} for one; {MOST} are the most.", hint)
    return found


_ROWS = "Rows should be: file name, class."
_HINTS = {
    "folders": "Put the pictures of each class into a folder of its own.",
    "names": "Name them by their class and a number, as in oak_0001.jpg.",
}


def _looked_up(names: Sequence[str], rows: dict[str, str]) -> list[str | None]:
    bare = [PurePosixPath(name).name for name in names]
    count = Counter(bare)
    return [rows.get(name) or (rows.get(last) if count[last] == 1 else None) for name, last in zip(names, bare, strict=True)]


def _table(path: Path) -> dict[str, str]:
    """Rows of two columns or more; a header is a row like any other, for a picture that does not exist."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableInput(
            f"The table {path} cannot be read: {error.strerror}.", "Give a table, folders or names."
        ) from error
    except UnicodeDecodeError as error:
        raise UnreadableInput(f"The table {path} is not UTF-8 text.", "Save it as CSV, UTF-8.") from error
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    return {row[0].strip().removeprefix("./"): row[1].strip() for row in rows if len(row) > 1}
