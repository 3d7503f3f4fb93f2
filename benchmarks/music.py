"""How new pieces compare with real ones, how blends follow their weights, and what 16 bars cost.

    python benchmarks/music.py SETS --judge classifier.safetensors [--model scores] [--pieces 12]

The judge is made by benchmarks/music_classifier.py from real pieces; the composer never sees it. Pieces have seeds from 0 on,
in order, and 16 bars; real ones, held out from both, are cut to their first 16. Where the composer knows styles that the judge
does not, their figures are shown and their style is not judged.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import report
import torch
from music_classifier import Judge, read_judge
from music_floors import OPENING, openings
from report import Aim, section, table

from mapsto.sound import measure
from mapsto.sound.composer import Composer
from mapsto.sound.score import Grid, Score

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from composer import NAMES
from scores import GREEN, Piece, Split, read, split

BARS = 16
WAY = 12
"""Bars of a path between two styles."""

WAYS = 96
"""Pieces of every path: what the judge says of two bars is coarse, and its mean over them is what counts."""

CHANCE = 3
"""Standard errors that the deepest of the 55 falls of a path may have: in a level one chance brings two to three."""

HALVES = 12
"""Pieces of half and half, in each way of blending."""

BOTH = 0.2
"""Mean probability that each of two styles must have in a piece that shows both."""

SHOWN = ("pitch-class entropy", "scale consistency", "groove consistency", "notes per bar", "silence", "polyphony")
RETURNS = ("exact at 1", "exact at 4", "exact at 8", "rhythm at 4")


class Made(NamedTuple):
    """New pieces of one style: grids with the steps of their bars, and what their meters are."""

    pieces: list[tuple[Grid, int]]
    meters: list[str]


def made(composer: Composer, style: str, count: int) -> Made:
    """Seeds from 0 on."""
    scores = [composer.blend(style, BARS, seed=seed) for seed in range(count)]
    return Made([(score.grid(), score.meter.steps) for score in scores], [str(score.meter) for score in scores])


def opening(piece: Piece) -> tuple[Grid, int]:
    """The first bars of a real piece."""
    return piece.grid[:, : OPENING * piece.bar], piece.bar


# ---- styles ----


def figures(found: dict[str, Made], parts: Split) -> str:
    """New and real, side by side."""
    rows = []
    for style, new in found.items():
        real = parts.of(style)
        sides = (
            ("new", new.pieces),
            ("held out", list(map(opening, real.held_out))),
            ("train", list(map(opening, real.train))),
        )
        for side, pieces in sides:
            means = measure.mean_of(pieces)
            values = (means[name] for name in (*SHOWN, *RETURNS))
            rows.append((NAMES.get(style, style), side, len(pieces), *(f"{value:.2f}" for value in values)))
    return table(("style", "pieces", "count", *SHOWN, *RETURNS), rows)


def distances(found: dict[str, Made], parts: Split, judge: Judge) -> tuple[str, list[Aim]]:
    """How far new pieces are from those that were learned from, beside held-out ones; what is copied; what the judge says."""
    train = {style: openings(parts.of(style).train) for style in found}
    everything = np.concatenate(list(train.values()))
    known = [piece.grid for piece in parts.train]
    rows, recalls = [], []
    for style, new in found.items():
        learned, real, drawn = (
            measure.standardised(x, everything)
            for x in (train[style], openings(parts.of(style).held_out), measure.features_of(new.pieces))
        )
        copied = measure.copying([grid for grid, _ in new.pieces], known)
        told = recall(judge, style, new)
        recalls += [] if told is None else [told]
        rows.append(
            (
                NAMES.get(style, style),
                f"{measure.energy_distance(drawn, learned):.3f}",
                f"{measure.energy_distance(real, learned):.3f}",
                f"{measure.nearest_ratio(drawn, real, learned):.2f}",
                f"{copied.rate:.3f}",
                copied.longest,
                "not judged" if told is None else f"{told:.2f}",
            )
        )
    columns = (
        "style",
        "distance to train",
        "held out's",
        "nearest, of held out's",
        "12-grams copied",
        "longest run",
        "recognised",
    )
    copies = max(float(row[4]) for row in rows)
    aims = [
        Aim(
            "styles of which the judge recognises half the pieces",
            "≥ 6",
            str(sum(r >= 0.5 for r in recalls)),
            sum(r >= 0.5 for r in recalls) >= 6,
        ),
        Aim("12-grams copied from training, the most", "≤ 0.05", f"{copies:.3f}", copies <= 0.05),
    ]
    return table(columns, rows), aims


def recall(judge: Judge, style: str, new: Made) -> float | None:
    """Share of the pieces that the judge takes for what they are."""
    if style not in judge.styles:
        return None
    said = judge.judge([grid for grid, _ in new.pieces], new.meters)
    return float((said.argmax(1) == judge.styles.index(style)).float().mean())


# ---- blends ----


def blends(composer: Composer, judge: Judge, pairs: Sequence[tuple[str, str]]) -> tuple[str, list[Aim]]:
    """Paths over 12 bars, and pieces of half and half."""
    rows = []
    for a, b in pairs:
        names = [NAMES.get(style, style) for style in (a, b)]
        ways = [composer.path(names, WAY, seed=seed) for seed in range(WAYS)]
        curves = [share_of(judge, score, a, b) for score in ways]
        mean = np.mean(curves, axis=0)
        asked = np.linspace(0, 1, len(mean))
        single = statistics.median(float(np.corrcoef(curve, asked)[0, 1]) for curve in curves)
        rising = sum(y >= x - 0.02 for x, y in pairwise(mean)) / (len(mean) - 1)
        fall = deepest_fall(np.array(curves))
        halves = [
            both(judge, composer.blend(dict.fromkeys(names, 0.5), BARS, seed=seed, blend=blend), a, b)
            for blend in ("product", "mixture")
            for seed in range(HALVES)
        ]
        product, mixture = (statistics.mean(halves[i : i + HALVES]) for i in (0, HALVES))
        rows.append((" → ".join(names), float(np.corrcoef(mean, asked)[0, 1]), single, rising, fall, product, mixture))
    middle = [statistics.median(row[place] for row in rows) for place in range(1, 4)]
    weakest, deepest = min(row[1] for row in rows), max(row[4] for row in rows)
    aims = [
        Aim(
            "correlation of the judge with the asked weight along 12 bars, the worst pair",
            "≥ 0.90",
            f"{weakest:.2f}, median {middle[0]:.2f}",
            weakest >= 0.9,
        ),
        Aim("steps of that curve that rise, median of pairs", "1.00", f"{middle[2]:.2f}", middle[2] >= 1.0),
        Aim("its deepest fall in standard errors, the worst pair", f"≤ {CHANCE}", f"{deepest:.1f}", deepest <= CHANCE),
    ]
    columns = (
        "path",
        "correlation, mean of seeds",
        "of single pieces, median",
        "steps that rise",
        "deepest fall, standard errors",
        "half and half, both: product",
        "mixture",
    )
    return table(columns, [(row[0], *(f"{value:.2f}" for value in row[1:])) for row in rows]), aims


def deepest_fall(curves: np.ndarray) -> float:
    """Of the mean of [pieces, bars], from any bar to any later one, over the standard error of that; 0 if it always rises."""
    falls = [curves[:, a] - curves[:, b] for a, b in combinations(range(curves.shape[1]), 2)]
    return max(0.0, *(float(fall.mean() / (fall.std(ddof=1) / len(fall) ** 0.5 or 1)) for fall in falls))


def share_of(judge: Judge, score: Score, a: str, b: str) -> np.ndarray:
    """Of the second style against the first, along a piece, in windows of two bars."""
    curve = judge.curve(score.grid(), str(score.meter), bars=2)
    first, second = (curve[:, judge.styles.index(style)] for style in (a, b))
    return (second / (first + second)).numpy()


def both(judge: Judge, score: Score, a: str, b: str) -> bool:
    """Whether a piece shows both styles."""
    said = judge.curve(score.grid(), str(score.meter), bars=4).mean(0)
    return all(float(said[judge.styles.index(style)]) >= BOTH for style in (a, b))


# ---- all of it ----


def seconds(composer: Composer, rounds: int = 5) -> float:
    """Processor seconds of 16 bars of 4/4 in two styles, the median of some rounds."""
    taken = []
    for seed in range(rounds):
        start = time.process_time()
        composer.blend(dict.fromkeys(composer.styles[:2], 0.5), BARS, seed=seed, meter="4/4")
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--model", default="scores")
    parser.add_argument("--pieces", type=int, default=12)
    parser.add_argument("--out", type=Path, default=report.dated("music.md"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    composer, judge = Composer.from_pretrained(options.model), read_judge(options.judge)
    parts = split(read(options.sets, GREEN))
    known = [style for style in GREEN if NAMES.get(style, style) in composer.styles]
    found = {style: made(composer, NAMES.get(style, style), options.pieces) for style in known}
    judged = [style for style in known if style in judge.styles]
    pairs = list(zip(judged, judged[1:] + judged[:1], strict=True))[:6]
    told, aims = distances(found, parts, judge)
    mixed, more = blends(composer, judge, pairs)
    cost = seconds(composer)
    aims += [*more, Aim("seconds of one core for 16 bars of two styles", "≤ 5", f"{cost:.1f}", cost <= 5)]
    lines = [
        report.heading("New music, measured", [options.model]),
        section("Aims", report.aims(aims)),
        section("Beside real music", figures(found, parts)),
        section("How near, how copied, how recognised", told),
        section("Blends", mixed),
    ]
    report.write(options.out, lines)


if __name__ == "__main__":
    main()
