"""How new drums compare with real ones that the drummer never heard, and what they cost.

    python benchmarks/drums.py SETS [--model drummer] [--seeds 4]

SETS is the folder with drums_groove.npz. Real takes are held out by those who made the set; of each, the first eight bars
count, and takes of fewer are left out. New ones have eight bars at the median tempo of their style, and the seeds from 0 on.

The judge of styles knows only how often each drum is struck at each place of the bar in the takes that were learned from.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import report
import torch
from report import section, table

from mapsto.sound.drummer import BAR, D, Levels, levels_of
from mapsto.sound.drumming import Drummer

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from drums import Heap, takes

BARS = 8
SHOWN = ("strokes per bar", "groove", "each drum", "bars as before")


def habits(learned: Heap) -> torch.Tensor:
    """Log chances [S, BAR, D, 2] that a drum is silent, or struck, at a place of the bar, by style."""
    hits = torch.full((learned.styles + 1, BAR, D, 2), 0.5)
    struck, place = (learned.levels[learned.at] > 0).long(), learned.told[:, 0].long() % BAR
    cells = (learned.told[:, 1].long()[:, None], place[:, None], torch.arange(D)[None], struck)
    hits.index_put_(cells, torch.ones(()), accumulate=True)
    return (hits / hits.sum(-1, keepdim=True)).log()[: learned.styles]


def judged(odds: torch.Tensor, levels: torch.Tensor) -> int:
    """The style whose habits explain levels [T, D] best: a judge that knows nothing else."""
    places = torch.arange(len(levels)) % BAR
    return int(odds[:, places[:, None], torch.arange(D)[None], (levels > 0).long()].sum((1, 2)).argmax())


def figures(pieces: Sequence[Levels]) -> list[float]:
    """Means of `SHOWN` over pieces of levels [T, D]."""
    found = []
    for levels in pieces:
        bars = (levels > 0).reshape(-1, BAR, levels.shape[1])
        same, any_drum = bars[1:] == bars[:-1], bars.any(2)
        groove = (any_drum[1:] == any_drum[:-1]).mean()
        found.append([bars.sum() / len(bars), groove, same.mean(), same.all((1, 2)).mean()])
    return [float(value) for value in np.mean(found, 0)]


def copied(pieces: Sequence[Levels], known: set[bytes]) -> float:
    """Share of bars whose strokes, of all drums at once, occur in what was learned from."""
    bars = [bar.tobytes() for levels in pieces for bar in (levels > 0).reshape(-1, BAR, levels.shape[1])]
    return statistics.mean(bar in known for bar in bars)


def main() -> None:
    """Measure, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--model", default="drummer")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    drummer, found = Drummer.from_pretrained(options.model), takes(options.sets / "drums_groove.npz")
    styles, tempos = list(drummer.styles), drummer.card["tempos"]
    learned = [take for take in found if not take.held_out]
    odds = habits(Heap(learned, styles))
    known = {bar.tobytes() for take in learned for bar in (take.levels > 0).reshape(-1, BAR, take.levels.shape[1])}
    long = [take for take in found if take.held_out and len(take.fills) >= BARS and take.style in styles]
    real = {style: [take.levels[: BARS * BAR] for take in long if take.style == style] for style in styles}
    since = time.process_time()
    made = {
        style: [
            levels_of(np.round(drummer.play(style, BARS, tempo_bpm=float(tempos[style]), seed=seed).T * 127))
            for seed in range(options.seeds)
        ]
        for style in styles
    }
    cost = (time.process_time() - since) / (len(styles) * options.seeds * BARS)
    rows = []
    for style in [*styles, "all"]:
        sides = [list(chain(*side.values())) if style == "all" else side[style] for side in (made, real)]
        ours, theirs = (figures(side) if side else [] for side in sides)
        shown = [f"{a:.2f} ({theirs[k]:.2f})" if theirs else f"{a:.2f} (–)" for k, a in enumerate(ours)]
        rows.append([style, f"{len(sides[0])} ({len(sides[1])})", *shown])
    right = [
        [judged(odds, torch.from_numpy(levels)) == styles.index(style) for style in styles for levels in side[style]]
        for side in (made, real)
    ]
    copies = [copied(list(chain(*side.values())), known) for side in (made, real)]
    scores = drummer.card["scores"]
    guesses = {
        "the drummer": "held_out_nats_a_bar",
        "as the bar before, by style and place": "held_out_nats_a_bar_both",
        "as the bar before": "held_out_nats_a_bar_as_before",
        "by style and place": "held_out_nats_a_bar_by_place",
    }
    parts = [
        report.heading("Drums", [options.model]),
        section(
            "New drums beside real ones",
            "In brackets the real takes. groove: share of sixteenths at which a bar and the next agree in whether anything is "
            "struck; each drum: the same of every drum by itself; bars as before: share of bars that repeat all of the last.",
            table(["style", "pieces", *SHOWN], rows),
        ),
        section(
            "Styles and copies",
            table(
                ["", "new", "real, held out"],
                [
                    ["the judge names the style", *(f"{statistics.mean(side):.2f}" for side in right)],
                    ["bars that stand in what was learned from", *(f"{share:.3f}" for share in copies)],
                ],
            ),
        ),
        section(
            "Guessing real takes that were held out",
            "All 251, at every sixteenth nine drums with five levels each; fewer nats are better.",
            table(["guess", "nats a bar"], [[name, f"{scores[key]:.1f}"] for name, key in guesses.items()]),
        ),
        section("Cost", f"{1000 * cost:.0f} ms of a core for a bar."),
    ]
    report.write(report.dated("drums.md"), parts)


if __name__ == "__main__":
    main()
