"""Scores for training: read from sets of pieces in C or a, held out by melody.

A set is a file `<style>.npz`: `ev` uint8 [sum of T, 4] (bass, tenor, alto, melody by sixteenths; 0 silence, 1 goes on, n ≥ 2
begins the pitch n + 22), `off` int64 [pieces + 1], `index` a JSON list with id, meter, steps of a bar, licence, transposition.
A meter of 3/4 with bars of 24 steps is 3/2.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapsto.errors import UnreadableInput
from mapsto.sound.measure import melody_text, ngrams
from mapsto.sound.score import HOLD, REST, Grid

GREEN = (
    "lied",
    "baroque",
    "classical",
    "romantic",
    "polish_dance",
    "mutopia_folk",
    "hymn",
    "renaissance",
    "ragtime",
    "march",
    "song",
)
"""Sets that shipped weights may learn from."""

SONGBOOK = "songbook"
"""Stated to be in the public domain by those who collected it, piece by piece unproved."""

HELD_OUT = 0.12
LEAST_HELD_OUT = 2
SHARED = 0.2
"""Two pieces are of one family where this share of the shorter one's distinct 12-grams is in the other."""

COMMON = 8
"""A 12-gram in more pieces than this is a scale or a repeated note, and makes no family."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece.

    Args:
        grid: int64 [4, T].
        style: The set it comes from.
        meter: Such as "6/8".
        bar: Steps of a bar.
        id: Where it comes from.
        licence: As stated, "" where the set has one for all.
        transposed: Semitones from where it was written to C or a.
        minor: Whether the mode is minor.
    """

    grid: Grid
    style: str
    meter: str
    bar: int
    id: str
    licence: str
    transposed: int
    minor: bool

    @property
    def bars(self) -> int:
        """Full bars."""
        return int(self.grid.shape[1]) // self.bar


@dataclass(frozen=True)
class Split:
    """Pieces to learn from, and pieces that nothing learns from."""

    train: list[Piece]
    held_out: list[Piece]

    def of(self, style: str) -> Split:
        """The part of one style."""
        return Split(*([p for p in side if p.style == style] for side in (self.train, self.held_out)))


def read(folder: Path, styles: Iterable[str] = (*GREEN, SONGBOOK)) -> list[Piece]:
    """The pieces of some sets, in the order of the files.

    Raises:
        UnreadableInput: a set is missing, or not of this format.
    """
    return [piece for style in styles for piece in read_set(folder / f"{style}.npz")]


def read_set(path: Path) -> list[Piece]:
    """The pieces of one set; the file's name is the style.

    Raises:
        UnreadableInput: missing, or not of this format.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            events, offsets, index = file["ev"], file["off"], json.loads(str(file["index"]))
        if events.ndim != 2 or events.shape[1] != 4 or len(offsets) != len(index) + 1 or offsets[-1] > len(events):
            raise ValueError("the index does not fit the events")
        return [_piece(path.stem, events[a:b], told) for a, b, told in zip(offsets, offsets[1:], index, strict=False)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UnreadableInput(f"{path} is no set of scores: {error}.", "Give the folder with the .npz sets.") from error


def decoded(events: np.ndarray) -> Grid:
    """Stored [T, 4] → grid [4, T]."""
    value: Grid = events.T.astype(np.int64)
    return np.where(value == 0, REST, np.where(value == 1, HOLD, value + 22))


def split(pieces: Sequence[Piece], share: float = HELD_OUT) -> Split:
    """Hold out `share` of the pieces of every style, two at least, by a hash of their ids.

    Families (pieces that share melody) go to one side as a whole, so that no held-out melody was learned under another name;
    one that would fill more than half of what a style holds out is learned from. The GREEN pieces are split among themselves,
    whatever else is read; others follow the GREEN ones of their family, and are left out where those are on both sides.
    """
    first = _sides([p for p in pieces if p.style in GREEN], {}, share)
    side = _sides(pieces, first, share)
    return Split(*([p for p in pieces if side.get(p) is out] for out in (False, True)))


def _sides(pieces: Sequence[Piece], known: dict[Piece, bool], share: float) -> dict[Piece, bool]:
    """Which pieces are held out; those `known` stay where they are."""
    found = dict(known)
    wanted = {s: max(LEAST_HELD_OUT, round(share * n)) for s, n in Counter(p.style for p in pieces).items()}
    held = Counter(p.style for p, out in known.items() if out)
    for family in sorted(([pieces[i] for i in f] for f in families(pieces)), key=_digest):
        new = [p for p in family if p not in known]
        sides = {known[p] for p in family if p in known}
        styles = Counter(p.style for p in new)
        if len(sides) == 2:
            continue
        room = all(n <= max(1, wanted[s] // 2) and held[s] + n <= wanted[s] for s, n in styles.items())
        out = sides.pop() if sides else room
        found |= dict.fromkeys(new, out)
        held += styles if out else Counter()
    return found


def families(pieces: Sequence[Piece]) -> list[list[int]]:
    """Indices of pieces, those that share melody together, each list ascending."""
    grams = [set(ngrams(melody_text(piece.grid))) for piece in pieces]
    where: defaultdict[str, list[int]] = defaultdict(list)
    for i, known in enumerate(grams):
        for gram in known:
            where[gram].append(i)
    shared = Counter((a, b) for those in where.values() if len(those) <= COMMON for a in those for b in those if a < b)
    leader = list(range(len(pieces)))

    def head(i: int) -> int:
        while leader[i] != i:
            i = leader[i]
        return i

    for (a, b), count in shared.items():
        if count >= SHARED * min(len(grams[a]), len(grams[b])):
            low, high = sorted((head(a), head(b)))
            leader[high] = low
    together: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(pieces)):
        together[head(i)].append(i)
    return list(together.values())


def _piece(style: str, events: np.ndarray, told: dict[str, object]) -> Piece:
    return Piece(
        decoded(events),
        style,
        str(told["meter"]),
        int(str(told["bar"])),
        str(told["id"]),
        str(told.get("lic", "")),
        int(str(told.get("transposed", 0))),
        bool(told.get("mode", 0)),
    )


def _digest(family: list[Piece]) -> str:
    return min(hashlib.sha256(piece.id.encode()).hexdigest() for piece in family)
