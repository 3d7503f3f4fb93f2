"""Where new pictures go. Decided before anything heavy is loaded.

one picture    → portrait.7.png here, or in the folder, or the file that -o names
several        → portrait/portrait.7.png … and one sheet of all, or in the folder that -o names
               → the sheet alone, where -o names a file or standard output
-o "{model}/{seed}.{ext}"       a template
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapsto.cli.plan import STREAM, filled, is_folder
from mapsto.errors import UsageError


@dataclass(frozen=True)
class Spots:
    """Places of several pictures.

    Args:
        each: Of every picture; None where only the sheet is wanted.
        sheet: Of the sheet, in the place `has_sheet` says there is; None is standard output.
        has_sheet: Whether there is one.
    """

    each: tuple[Path | None, ...] | None
    sheet: Path | None = None
    has_sheet: bool = False

    @property
    def files(self) -> list[Path]:
        """All files that will be written."""
        places = [*(self.each or ()), self.sheet if self.has_sheet else None]
        return [place for place in places if place is not None]

    @property
    def streams(self) -> bool:
        """Whether a picture goes to standard output."""
        return None in (self.each or ()) or (self.has_sheet and self.sheet is None)


def spot(output: str | None, name: str, fields: Mapping[str, str]) -> Path | None:
    """Where one picture goes; None is standard output.

    Args:
        output: As for -o.
        name: Of the file where none is given, without its extension.
        fields: What a template may hold; "ext" is the extension.
    """
    if output == STREAM:
        return None
    if output is not None and "{" in output:
        return Path(filled(output, fields))
    if output is not None and not is_folder(output):
        return Path(output)
    return Path(output or "") / f"{name}.{fields['ext']}"


def spots(output: str | None, names: Sequence[str], fields: Sequence[Mapping[str, str]], sheet: str, folder: str) -> Spots:
    """Where pictures and their sheet go.

    Args:
        output: As for -o.
        names: Of the files, without extension.
        fields: For each, what a template may hold.
        sheet: Name of the sheet.
        folder: Where to, where nothing is said.

    Raises:
        UsageError: a template that gives two pictures one name.
    """
    if len(names) == 1:
        return Spots((spot(output, names[0], fields[0]),))
    if output is not None and "{" not in output and not _is_place(output):
        return Spots(None, spot(output, sheet, fields[0]), has_sheet=True)
    if output is not None and "{" in output:
        each = tuple(spot(output, name, field) for name, field in zip(names, fields, strict=True))
        if len(set(each)) < len(each):
            raise UsageError(f"{len(names)} pictures would be written to {each[0]}.", "Tell them apart, as with {seed} in -o.")
        return Spots(each)
    place = Path(output or folder)
    extension = fields[0]["ext"]
    return Spots(tuple(place / f"{name}.{extension}" for name in names), place / f"{sheet}.{extension}", has_sheet=True)


def _is_place(output: str) -> bool:
    """A folder that is there, ends like one, or has no extension that a file would have."""
    return output != STREAM and (is_folder(output) or not Path(output).suffix)
