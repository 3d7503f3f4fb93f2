"""Figures of real music, beside which those of new music are read."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import report
from report import table

from mapsto.sound import measure
from mapsto.sound.score import Grid

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from scores import Piece, Split

OPENING = 16
"""Bars of a piece that its features are of: distances do not compare long pieces with short ones."""


def floors(parts: Split, styles: Sequence[str]) -> list[str]:
    """Two tables: figures of real pieces by style, and how far those held out are from those that are learned from.

    Figures of bars in a random order tell what likeness of bars is by chance.
    """
    return [_figures(parts, styles), _distances(parts, styles)]


def _figures(parts: Split, styles: Sequence[str]) -> str:
    rng = np.random.default_rng(0)
    rows = []
    for style in styles:
        train, held_out = ([(p.grid, p.bar) for p in side] for side in (parts.of(style).train, parts.of(style).held_out))
        mixed = [(shuffled(grid, bar, rng), bar) for grid, bar in train]
        for name, pieces in (("train", train), ("held out", held_out), ("train, bars shuffled", mixed)):
            rows.append((style, name, len(pieces), *(f"{value:.2f}" for value in measure.mean_of(pieces).values())))
    return table(("style", "pieces", "count", *measure.summary(parts.train[0].grid, parts.train[0].bar)), rows)


def shuffled(grid: Grid, bar: int, rng: np.random.Generator) -> Grid:
    """The full bars in a random order."""
    bars = measure.bars_of(grid, bar)
    return np.concatenate(list(bars[rng.permutation(len(bars))]), axis=1)


def _distances(parts: Split, styles: Sequence[str]) -> str:
    of = {style: parts.of(style) for style in styles}
    train = {style: openings(split.train) for style, split in of.items()}
    held_out = {style: openings(split.held_out) for style, split in of.items()}
    everything = np.concatenate(list(train.values()))
    train, held_out = ({s: measure.standardised(x, everything) for s, x in side.items()} for side in (train, held_out))
    known = [piece.grid for piece in parts.train]
    rows = []
    for s in styles:
        apart = {other: measure.energy_distance(train[s], train[other]) for other in styles if other != s}
        near = min(apart, key=lambda other: apart[other])
        copied = measure.copying([piece.grid for piece in of[s].held_out], known)
        numbers = (measure.energy_distance(train[s], held_out[s]), by_chance(train[s], len(held_out[s])), apart[near])
        rows.append((s, len(held_out[s]), *(f"{x:.4f}" for x in numbers), near, f"{copied.rate:.4f}", copied.longest))
    columns = ("distance to train", "deviation by chance", "to nearest style", "which", "12-grams copied", "longest run")
    return table(("style", "held out", *columns), rows)


def openings(pieces: Sequence[Piece]) -> measure.Floats:
    """Features of the first bars: [N, F]."""
    return measure.features_of((piece.grid[:, : OPENING * piece.bar], piece.bar) for piece in pieces)


def by_chance(x: measure.Floats, count: int, rounds: int = 100) -> float:
    """Standard deviation of the distance of `count` pieces of a set to the others, drawn at random."""
    rng = np.random.default_rng(0)
    count = min(count, len(x) // 2)
    orders = (rng.permutation(len(x)) for _ in range(rounds))
    return float(np.std([measure.energy_distance(x[order[:count]], x[order[count:]]) for order in orders]))
