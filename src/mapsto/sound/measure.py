"""Figures for music: what is counted in one piece, and how far one set of pieces is from another.

    pitch_class_entropy(grid)                              # one figure of one piece
    far = energy_distance(features_of(real), features_of(made))

No figure says that music is good. Music that is too plain scores *better* than real music in scale and groove consistency: read
every figure beside the same figure of real pieces that were held out, and beside `notes_per_bar`.

Shapes: a grid is [4, T], voices bass, tenor, alto, melody by steps of a sixteenth; a value is the MIDI pitch of a note that
begins, REST for silence, HOLD for a note that goes on. N (M) pieces, F features of a piece. `bar` is the number of steps a bar.
Steps after the last full bar count wherever bars do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsto.errors import UsageError
from mapsto.sound.score import HOLD, REST, Grid

Floats = NDArray[np.float64]

BASS, MELODY = 0, 3
QUARTER = 4
"""Steps."""

MAJOR, HARMONIC_MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Upper ends of the bins of `rhythm_histogram`, in steps; one more bin holds all that is longer."""

LAGS = (1, 2, 4, 8)
NGRAM = 12
VARIED = 5
"""A run of notes with fewer different intervals and lengths is a figure of everybody: a tremolo, a broken chord."""


class Notes(NamedTuple):
    """The notes of one voice: pitches, first steps and lengths in steps, [K] each."""

    pitch: Grid
    start: Grid
    length: Grid


class Repetition(NamedTuple):
    """How alike bars are that lie some bars apart, each in [0, 1]; `rhythm` ≥ `shifted` ≥ `exact`."""

    rhythm: float
    exact: float
    shifted: float


class Copying(NamedTuple):
    """Share of n-grams that are known, and the longest known run in notes."""

    rate: float
    longest: int


def as_grid(grid: Any) -> Grid:
    """An array or tensor as int64 [4, T].

    Raises:
        UsageError: another shape, or values that are neither pitches nor REST nor HOLD.
    """
    found = np.asarray(grid)
    if found.ndim != 2 or found.shape[0] != 4 or found.dtype.kind not in "iu":
        raise UsageError(f"A grid is whole numbers [4, T], not {found.dtype} {list(found.shape)}.")
    found = found.astype(np.int64)
    if found.size and not (found.min() >= HOLD and found.max() <= 127):
        raise UsageError(f"A grid holds {HOLD} to 127, not {found.min()} to {found.max()}.")
    return found


def sounding(grid: Any) -> Grid:
    """The pitch that is heard at every step, REST where none is: [4, T] → [4, T]. A HOLD after nothing is silence."""
    grid = as_grid(grid)
    last = np.maximum.accumulate(np.where(grid != HOLD, np.arange(grid.shape[1]), 0), axis=1)
    heard = np.take_along_axis(grid, last, axis=1)
    found: Grid = np.where(heard == HOLD, REST, heard)
    return found


def notes_of(grid: Any, voice: int = MELODY) -> Notes:
    """The notes of one voice, in order."""
    line: Grid = as_grid(grid)[voice]
    start = np.flatnonzero(line >= 0)
    ends = np.append(np.flatnonzero(line != HOLD), len(line))
    return Notes(line[start], start, ends[np.searchsorted(ends, start, side="right")] - start)


def bars_of(grid: Any, bar: int) -> Grid:
    """The full bars: [4, T] → [B, 4, bar].

    Raises:
        UsageError: a bar of no steps.
    """
    if bar < 1:
        raise UsageError(f"A bar has one step or more, not {bar}.")
    grid = as_grid(grid)
    count = int(grid.shape[1]) // bar
    found: Grid = grid[:, : count * bar].reshape(4, count, bar).transpose(1, 0, 2)
    return found


def pitch_class_entropy(grid: Any) -> float:
    """Entropy of the pitch classes of all notes, in bits: 0 for one pitch class (or none) to 3.58 for twelve alike.

    Source: Wu & Yang, "The Jazz Transformer on the front line", arXiv 2008.01307, §5.1, over the whole piece instead of
    windows of bars.
    """
    share = _shares(_pitch_classes(as_grid(grid)))
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum()) + 0.0


def scale_consistency(grid: Any) -> float:
    """Largest share of notes in one of 24 scales, in [7/12, 1]; 0 without notes.

    Source: Mogren, "C-RNN-GAN", arXiv 1611.09904. The scales are 12 major and 12 harmonic minor ones: natural minor would
    be the major ones again.
    """
    share = _shares(_pitch_classes(as_grid(grid)))
    scales = ((root + np.array(scale)) % 12 for root in range(12) for scale in (MAJOR, HARMONIC_MINOR))
    return max(float(share[scale].sum()) for scale in scales)


def groove_consistency(grid: Any, /, bar: int) -> float:
    """Mean share of steps at which a bar and the next agree in whether any voice begins a note; 1 for fewer than two bars.

    Source: Wu & Yang, arXiv 2008.01307, §5.2, over neighbouring bars only.
    """
    begins: NDArray[np.bool_] = np.any(bars_of(grid, bar) >= 0, axis=1)
    return float((begins[1:] == begins[:-1]).mean()) if len(begins) > 1 else 1.0


def notes_per_bar(grid: Any, /, bar: int) -> float:
    """Notes of all voices that begin in a bar, on average."""
    grid = as_grid(grid)
    return float((grid >= 0).sum()) * bar / max(int(grid.shape[1]), 1)


def silence(grid: Any) -> float:
    """Share of steps at which no voice is heard; 1 for an empty grid."""
    heard = (sounding(grid) >= 0).any(0)
    return 1 - float(heard.mean()) if heard.size else 1.0


def polyphony(grid: Any) -> float:
    """Mean number of voices heard, over the steps at which one is; 0 without any.

    Source: Dong et al., "MusPy", arXiv 2008.01951; unisons count as two.
    """
    voices = (sounding(grid) >= 0).sum(0)
    return float(voices[voices > 0].mean()) if voices.any() else 0.0


def repetition(grid: Any, /, bar: int, lag: int) -> Repetition:
    """Mean likeness of every bar with the one `lag` bars later, in what bass and melody begin.

    Of the places (voice, step) where either bar begins a note, that share where both do (`rhythm`), where both begin the same
    pitch (`exact`), and where the pitches are k semitones apart, for the best k of each voice and pair of bars, 0 among them
    (`shifted`: a sequence counts as a return; a bar of one note always does). Pairs of bars where nothing begins are left out;
    0 where no pair is left.
    """
    bars = bars_of(grid, bar)[:, (BASS, MELODY)]
    if lag < 1:
        raise UsageError(f"Bars are one or more apart, not {lag}.")
    one, other = bars[:-lag], bars[lag:]
    both, either = (one >= 0) & (other >= 0), (one >= 0) | (other >= 0)
    some = either.any((1, 2))
    if not some.any():
        return Repetition(0.0, 0.0, 0.0)
    apart = np.where(both, other - one, 128) + 128  # 0 … 255; 256 where there is nothing to compare
    best = np.array([[np.bincount(voice, minlength=257)[:256].max() for voice in pair] for pair in apart[some]]).sum(1)
    count = either[some].sum((1, 2))
    same = (both & (one == other))[some].sum((1, 2))
    return Repetition(*(float((match / count).mean()) for match in (both[some].sum((1, 2)), same, best)))


def interval_histogram(grid: Any, voice: int = MELODY) -> Floats:
    """Shares of the steps from note to note of a voice, −12 … 12 semitones, wider ones at the ends: [25], 0 without any."""
    return _shares(np.bincount(np.diff(notes_of(grid, voice).pitch).clip(-12, 12) + 12, minlength=25))


def rhythm_histogram(grid: Any, voice: int = MELODY) -> Floats:
    """Shares of the lengths of notes of a voice, in the bins of `LENGTHS`: [9], 0 without any."""
    return _shares(np.bincount(np.searchsorted(LENGTHS, notes_of(grid, voice).length), minlength=len(LENGTHS) + 1))


def summary(grid: Any, /, bar: int) -> dict[str, float]:
    """The figures of one piece by name, as a table of a benchmark shows them."""
    found = {
        "pitch-class entropy": pitch_class_entropy(grid),
        "scale consistency": scale_consistency(grid),
        "groove consistency": groove_consistency(grid, bar),
        "notes per bar": notes_per_bar(grid, bar),
        "silence": silence(grid),
        "polyphony": polyphony(grid),
    }
    for lag in LAGS:
        found |= {f"{name} at {lag}": value for name, value in repetition(grid, bar, lag)._asdict().items()}
    return found


def features(grid: Any, /, bar: int) -> Floats:
    """A piece, or a window of it, as a vector [F]: its notes, lines, chords, rhythms and returns.

    Transposing the piece changes nothing. The meter is not told, though lengths and returns depend on it. Shares of histograms
    are given as their roots, so that rare events count.
    """
    grid = as_grid(grid)
    grid = grid if grid.shape[1] else np.full((4, 1), REST)
    lines = [part for voice in (BASS, MELODY) for part in (*_line(grid, voice), np.sqrt(rhythm_histogram(grid, voice)))]
    returns = [repetition(grid, bar, lag)[:2] for lag in LAGS[:3]]
    whole = [pitch_class_entropy(grid), 10 * scale_consistency(grid), groove_consistency(grid, bar)]
    return np.concatenate([_texture(grid), *lines, _harmony(grid), whole, np.ravel(returns)])


def features_of(pieces: Iterable[tuple[Any, int]]) -> Floats:
    """Features of grids with the steps of their bars: [N, F]."""
    return np.stack([features(grid, bar) for grid, bar in pieces])


def windows(grid: Any, /, bar: int, *, bars: int = 8, hop: int = 4) -> list[Grid]:
    """Parts of a piece of `bars` bars, `hop` bars apart; a shorter piece is one window, and the last one reaches its end.

    A note that began before its window begins with it.
    """
    grid = as_grid(grid)
    count = grid.shape[1] // bar
    firsts = sorted({*range(0, count - bars + 1, hop), max(0, count - bars)})
    heard = sounding(grid)
    found = []
    for first in firsts:
        part = grid[:, first * bar : min(first + bars, count) * bar].copy()
        if part.shape[1]:
            part[:, 0] = np.where(part[:, 0] == HOLD, heard[:, first * bar], part[:, 0])
            found.append(part)
    return found


def standardised(x: Floats, among: Floats) -> Floats:
    """Features in units of their spread: [N, F] with the mean and deviation of `among` [M, F] taken out."""
    spread = among.std(0)
    found: Floats = (x - among.mean(0)) / np.where(spread > 1e-6, spread, 1)
    return found


def energy_distance(x: Floats, y: Floats) -> float:
    """Energy coefficient of two sets, without bias: (2 E|X−Y| − E|X−X'| − E|Y−Y'|) / 2 E|X−Y|.

    0 in expectation for sets of one source, at any count, so it may come out negative; 1 for two different points. Unlike a
    Fréchet distance it needs no covariance, which a few dozen pieces do not tell. Features should be `standardised`.

    Args:
        x: [N, F], N ≥ 2.
        y: [M, F], M ≥ 2.

    Source: Székely & Rizzo, "Energy statistics: a class of statistics based on distances", 2013; pairs of a piece with itself
    are left out here, so that there is no bias.
    """
    _comparable(x, y, least=2)
    across = float(_apart(x, y).mean())
    within = sum(float(_apart(z, z).sum()) / (len(z) * (len(z) - 1)) for z in (x, y))
    return 1 - within / (2 * across) if across else 0.0


def nearest_ratio(made: Floats, held_out: Floats, train: Floats) -> float:
    """How far new pieces are from the nearest training piece, over how far real held-out pieces are: below 1 smells of copies.

    Means over [N, F] and [M, F] of the distance to the nearest of [K, F].
    """
    _comparable(made, train, least=1)
    _comparable(held_out, train, least=1)
    near, usual = (float(_apart(x, train).min(1).mean()) for x in (made, held_out))
    return near / usual if usual else 1.0


def melody_text(grid: Any) -> str:
    """The melody as one character a note but the first: the interval from the note before and its own length in steps.

    Intervals are cut to ±60 semitones, lengths to 100 steps. Transposed melodies are the same text.
    """
    pitch, _, length = notes_of(grid)
    code = 1 + (np.diff(pitch).clip(-60, 60) + 60) * 128 + length[1:].clip(1, 100)
    return "".join(map(chr, code.tolist()))


def ngrams(text: str, n: int = NGRAM) -> list[str]:
    """All runs of n characters of a `melody_text`, in order."""
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def copying(made: Iterable[Any], train: Iterable[Any], n: int = NGRAM, *, varied: int = VARIED) -> Copying:
    """How much of new melodies is in training melodies, up to transposition.

    The rate is the share of the n-grams of all new pieces together that occur in some training melody (0 where there are none);
    the longest run is counted in notes with their intervals and lengths, 0 below n. Only n-grams of at least `varied` different
    characters count, and a run has to begin with one.
    """
    texts = [melody_text(grid) for grid in train]
    known = {gram for text in texts for gram in ngrams(text, n)}
    library = "\0".join(texts)
    total = copied = longest = 0
    for text in map(melody_text, made):
        grams = {i: gram for i, gram in enumerate(ngrams(text, n)) if len(set(gram)) >= varied}
        hits = [i for i, gram in grams.items() if gram in known]
        total, copied = total + len(grams), copied + len(hits)
        for i in hits:
            while i + max(longest + 1, n) <= len(text) and text[i : i + max(longest + 1, n)] in library:
                longest = max(longest + 1, n)
    return Copying(copied / total if total else 0.0, longest)


def mean_of(pieces: Sequence[tuple[Any, int]], measure: Callable[[Any, int], dict[str, float]] = summary) -> dict[str, float]:
    """Means of the figures of several grids with the steps of their bars."""
    found = [measure(grid, bar) for grid, bar in pieces]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]} if found else {}


def _pitch_classes(grid: Grid) -> Grid:
    return np.bincount(grid[grid >= 0] % 12, minlength=12)


def _shares(counts: NDArray[Any]) -> Floats:
    total = counts.sum()
    return counts / total if total else counts.astype(np.float64)


def _texture(grid: Grid) -> Floats:
    """Density and share of sound of every voice, how many begin together, how wide the piece is: [16]."""
    heard, begins = sounding(grid), grid >= 0
    together = np.sqrt(_shares(np.bincount(begins.sum(0), minlength=5)[1:]))
    full = (heard[BASS] >= 0) & (heard[MELODY] >= 0)
    width = float((heard[MELODY] - heard[BASS])[full].mean()) / 12 if full.any() else 0.0
    density = np.sqrt(begins.mean(1) * QUARTER)
    return np.concatenate([density, (heard >= 0).mean(1), together, [width, polyphony(grid), silence(grid), full.mean()]])


def _line(grid: Grid, voice: int) -> tuple[Floats, Floats]:
    """How a voice moves: sizes of its intervals [13]; range, direction, turns, and where notes begin and are held over [7]."""
    pitch, start, length = notes_of(grid, voice)
    steps = np.diff(pitch)
    sizes = interval_histogram(grid, voice)
    folded = np.sqrt(np.concatenate([sizes[12:13], sizes[13:] + sizes[11::-1]]))
    if len(pitch) < 3:
        return folded, np.zeros(7)
    turns = float((steps[1:] * steps[:-1] < 0).mean())
    weak = start % QUARTER != 0
    held_over = weak & (start % QUARTER + length > QUARTER)
    places = [float((start % 2 == 1).mean()), float((start % QUARTER == 2).mean()), float(held_over.mean())]
    return folded, np.array([pitch.std() / 6, float((steps > 0).mean()), turns, float(length.std() / length.mean()), *places])


def _harmony(grid: Grid) -> Floats:
    """Intervals above the lowest voice heard [12], and how strongly pitch classes line up in each of six periods [6].

    Source of the second: Amiot, "Music through Fourier space", 2016.
    """
    heard = sounding(grid)
    lowest = np.where(heard >= 0, heard, 1000).min(0)
    above = (heard - lowest)[heard >= 0] % 12
    spectrum = np.abs(np.fft.rfft(_shares(_pitch_classes(grid))))[1:]
    return np.concatenate([np.sqrt(_shares(np.bincount(above, minlength=12))), spectrum])


def _apart(x: Floats, y: Floats) -> Floats:
    """Distances of all pairs: [N, F], [M, F] → [N, M]."""
    square = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    found: Floats = np.sqrt(square.clip(0))
    if x is y:
        np.fill_diagonal(found, 0)  # rounding is no distance
    return found


def _comparable(x: Floats, y: Floats, least: int) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise UsageError(f"Features of shapes {list(x.shape)} and {list(y.shape)} cannot be compared.")
    if min(len(x), len(y)) < least:
        raise UsageError(f"{min(len(x), len(y))} pieces are too few to be compared.", f"Give {least} at least, better 50.")
