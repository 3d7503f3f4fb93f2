"""Played notes → ticks.

The rule: every track is taken beat by beat, a quarter note each. Onsets in a beat go to the nearest sixteenth or to the nearest
eighth of a triplet, all to the one grid or all to the other: that from which they are less far in sum, sixteenths at a tie.
Ends go to the grid of the beat they lie in, sixteenths where nothing begins there. No note gets shorter than one step of its
grid. In meters of eighths there are no triplets: their beats are divided by three anyhow.

    N notes
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mapsto.sound.score import TICKS

Beats: TypeAlias = npt.NDArray[np.float64]
"""[N], in quarter notes from the beginning."""

Ticks: TypeAlias = npt.NDArray[np.int64]
"""[N]."""

SIXTEENTHS, TRIPLETS = 4, 3
"""Steps a quarter note."""

_TIE = 1e-9


def quantised(starts: Beats, ends: Beats, *, triplets: bool = True) -> tuple[Ticks, Ticks]:
    """Onsets and lengths of one track on the grid.

    Args:
        starts: Onsets, ≥ 0, in any order.
        ends: Where the notes end.
        triplets: Whether there may be triplets at all.

    Returns:
        Onsets and lengths in ticks, lengths ≥ 3.
    """
    beats, beat_of = np.unique(np.floor(starts).astype(np.int64), return_inverse=True)
    by_three = _sums(starts, TRIPLETS, beat_of, len(beats)) < _sums(starts, SIXTEENTHS, beat_of, len(beats)) - _TIE
    steps = np.where(by_three & triplets, TRIPLETS, SIXTEENTHS)
    steps_of_starts = steps[beat_of]
    start, end = _nearest(starts, steps_of_starts), _nearest(ends, _steps_at(ends, beats, steps))
    return start, np.maximum(end - start, TICKS // steps_of_starts)


def _sums(times: Beats, steps: int, beat_of: Ticks, beats: int) -> Beats:
    """How far all onsets of each beat are from a grid, [beats]."""
    away = np.abs(times - np.rint(times * steps) / steps)
    return np.bincount(beat_of, away, minlength=beats).astype(np.float64)


def _steps_at(times: Beats, beats: Ticks, steps: Ticks) -> Ticks:
    """The grid of the beat that each time lies in, [N]; sixteenths in beats that are not among `beats`."""
    if not len(beats):
        return np.full(len(times), SIXTEENTHS)
    beat = np.floor(times).astype(np.int64)
    place = np.minimum(np.searchsorted(beats, beat), len(beats) - 1)
    return np.where(beats[place] == beat, steps[place], SIXTEENTHS)


def _nearest(times: Beats, steps: Ticks) -> Ticks:
    """The nearest point of the grid, the later one of two, in ticks."""
    on_grid: Ticks = np.floor(times * steps + 0.5).astype(np.int64) * (TICKS // steps)
    return on_grid
