"""Who judges the style of music: a small network trained on real pieces, which no composer ever sees.

    python benchmarks/music_classifier.py sets/ --judge classifier.safetensors

It learns from windows of 2, 4 and 8 bars of the training pieces of recipes/scores.py and is itself judged on the held-out ones.
Keys are not told: `features` do not change with transposition. Nor is the meter: within every meter all styles weigh alike, as
far as they have pieces in it, so that knowing the meter would tell nothing.

Shapes: W windows, F features, S styles, N grids.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import report
import torch
import torch.nn.functional as F
from report import section, table
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mapsto.device import generator
from mapsto.errors import UsageError
from mapsto.sound import measure

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from music_floors import floors
from scores import GREEN, SONGBOOK, Piece, Split, read, split

METERS = {"4/4": 16, "3/4": 12, "6/8": 12}
"""Steps of a bar."""

STYLES = ("baroque", "hymn", "lied", "mutopia_folk", "polish_dance", "ragtime", "renaissance", SONGBOOK)
"""What is told apart. Left out: romantic (half of it is songs, as in lied), classical, march and song (10 and 21 pieces)."""

SIZES = (8, 4, 2)
"""Bars of a window."""

HOP = 4
MOST_WINDOWS = 12
"""Of one piece and size: long pieces count no more than others."""

FEWEST_NOTES = 2
"""A bar; emptier windows are not learned from, nor judged on."""

FULL_CELL = 8
"""Pieces of one style and meter from which on they weigh in full."""


class Windows(NamedTuple):
    """Windows of pieces: features [W, F]; style, meter, piece and size, each [W], int64."""

    x: Tensor
    style: Tensor
    meter: Tensor
    piece: Tensor
    size: Tensor

    def where(self, kept: Tensor) -> Windows:
        """Those that a mask [W] keeps."""
        return Windows(*(column[kept] for column in self))


class Judge(nn.Module):
    """Style from features: a few small networks whose log-probabilities are averaged.

    Args:
        styles: Names, in the order of the answers.
        width: F.
        members: How many networks.
        hidden: Their hidden units.
        dropout: Of hidden units, in training.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, styles: Sequence[str], width: int, members: int = 3, hidden: int = 64, dropout: float = 0.4) -> None:
        super().__init__()
        self.styles = tuple(styles)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.members = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, len(styles)))
            for _ in range(members)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features [W, F] → log-probabilities of every network [members, W, S]."""
        x = ((x - self.mean) / self.spread).clamp(-5, 5)
        return torch.stack([member(x).log_softmax(-1) for member in self.members])

    @torch.no_grad()
    def judge(self, grids: Sequence[Any], meters: Sequence[Any], *, bars: int = 8) -> Tensor:
        """The style of whole pieces: grids [4, T] and their meters → probabilities [N, S].

        Args:
            grids: At least a bar each.
            meters: Such as "6/8", or objects that know the `steps` of a bar.
            bars: Size of the windows whose log-probabilities are averaged.
        """
        curves = (self.curve(grid, meter, bars=bars, hop=HOP) for grid, meter in zip(grids, meters, strict=True))
        return torch.stack([curve.log().mean(0).softmax(0) for curve in curves])

    @torch.no_grad()
    def curve(self, grid: Any, meter: Any, *, bars: int = 4, hop: int = 1) -> Tensor:
        """The style along a piece: windows of some bars, `hop` apart → probabilities [W, S].

        Raises:
            UsageError: a grid of less than a bar, or an unknown meter.
        """
        bar = steps(meter)
        parts = measure.windows(grid, bar, bars=bars, hop=hop)
        if not parts:
            raise UsageError("A grid of less than a bar has no style.")
        x = torch.from_numpy(measure.features_of((part, bar) for part in parts)).float()
        return self(x).mean(0).softmax(-1)

    def save(self, path: Path) -> None:
        """Write a .safetensors file; `read_judge` reads it."""
        told = {"styles": json.dumps(self.styles), "members": str(len(self.members))}
        save_file({name: tensor.contiguous() for name, tensor in self.state_dict().items()}, path, told)


def read_judge(path: Path) -> Judge:
    """What `Judge.save` wrote, ready to judge."""
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    judge = Judge(json.loads(told["styles"]), len(state["mean"]), int(told["members"]), len(state["members.0.0.bias"]))
    judge.load_state_dict(state)
    return judge.eval()


def steps(meter: Any) -> int:
    """Of a bar."""
    if isinstance(meter, str):
        if meter not in METERS:
            raise UsageError(f"There is no meter {meter!r} here.", f"There are: {', '.join(METERS)}.")
        return METERS[meter]
    return int(meter.steps)


def windows_of(pieces: Sequence[Piece], styles: Sequence[str], sizes: Iterable[int] = SIZES) -> Windows:
    """All windows of the pieces whose style is one of these; `piece` counts along `pieces`."""
    rows, told = [], []
    for number, piece in enumerate(pieces):
        if piece.style not in styles:
            continue
        for size in sizes:
            parts = measure.windows(piece.grid, piece.bar, bars=size, hop=HOP)
            parts = [part for part in parts if (part >= 0).sum() >= FEWEST_NOTES * part.shape[1] / piece.bar]
            for i in range(min(len(parts), MOST_WINDOWS)):
                rows.append(measure.features(parts[i * len(parts) // min(len(parts), MOST_WINDOWS)], piece.bar))
                told.append((styles.index(piece.style), list(METERS).index(piece.meter), number, size))
    return Windows(torch.from_numpy(np.stack(rows)).float(), *torch.tensor(told).T)


def balanced(w: Windows) -> Tensor:
    """Weights [W] by which every style of a meter counts alike, and less where it has few pieces in it; their mean is 1."""
    cells = list(zip(w.style.tolist(), w.meter.tolist(), strict=True))
    windows = Counter(cells)
    pieces = Counter(cell for cell, _ in {(cell, piece) for cell, piece in zip(cells, w.piece.tolist(), strict=True)})
    weight = torch.tensor([min(1, pieces[cell] / FULL_CELL) / windows[cell] for cell in cells])
    return weight / weight.mean()


def train(
    w: Windows,
    styles: Sequence[str],
    *,
    seed: int = 0,
    members: int = 3,
    epochs: int = 20,
    batch: int = 256,
    peak: float = 4e-3,
) -> Judge:
    """A judge from windows: AdamW, one cycle, label smoothing 0.05, a little noise on the features. Same seed, same judge."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(styles, w.x.shape[1], members)
        judge.mean, judge.spread = w.x.mean(0), w.x.std(0).clamp_min(1e-3)
        weight, order = balanced(w), generator(seed)
        count = max(1, len(w.x) // batch)
        optimizer = torch.optim.AdamW(judge.parameters(), lr=peak, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=epochs * count)
        for _ in range(epochs):
            for chosen in torch.randperm(len(w.x), generator=order)[: count * batch].split(batch):
                noisy = w.x[chosen] + 0.1 * judge.spread * torch.randn_like(w.x[chosen])
                losses = [
                    F.nll_loss(found, w.style[chosen], reduction="none") - 0.05 * found.mean(-1) for found in judge(noisy)
                ]
                loss = torch.stack(losses).sum(0) @ weight[chosen] / batch
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    return judge.eval()


def learned(parts: Split, seed: int = 0) -> Judge:
    """The judge of the benchmarks, from the training pieces: about a CPU-minute."""
    return train(windows_of(parts.train, STYLES), STYLES, seed=seed)


class Found(NamedTuple):
    """How well a judge does: recall of windows by size, recall of pieces, and who is taken for whom, [S, S] of pieces."""

    windows: dict[int, Tensor]
    pieces: Tensor
    confusion: Tensor


@torch.no_grad()
def answers(judge: Judge, w: Windows) -> Tensor:
    """Log-probabilities [W, S]."""
    return judge(w.x).mean(0)


def found_by(logs: Tensor, w: Windows) -> Found:
    """Recall of answers [W, S]; a piece is what the mean over its windows of the largest size says."""
    count = logs.shape[1]
    by_size = {size: recall(confusion(logs[w.size == size], w.style[w.size == size], count)) for size in SIZES}
    large = w.size == SIZES[0]
    numbers, place = w.piece[large].unique(return_inverse=True)
    sums = torch.zeros(len(numbers), count).index_add_(0, place, logs[large])
    style = torch.zeros(len(numbers), dtype=torch.int64).index_copy_(0, place, w.style[large])
    taken = confusion(sums, style, count)
    return Found(by_size, recall(taken), taken)


def confusion(logs: Tensor, style: Tensor, count: int) -> Tensor:
    """Rows are what it is, columns what it is taken for: [S, S]."""
    return torch.bincount(style * count + logs.argmax(1), minlength=count * count).view(count, count)


def recall(confused: Tensor) -> Tensor:
    """[S, S] → [S]."""
    return confused.diagonal() / confused.sum(1)


def spliced(judge: Judge, pieces: Sequence[Piece], count: int = 150) -> str:
    """How well the judge follows 6 bars of one real piece and 6 of another: a table by size of window.

    The correlation is that of p(second) / (p(first) + p(second)) along 11 or 9 windows with the share of bars that are of the
    second piece: what the best music that goes from style to style in one leap can reach.
    """
    rng = np.random.default_rng(0)
    long = {style: [p.grid for p in pieces if p.style == style and p.bar == 16 and p.bars >= 12] for style in judge.styles}
    pairs = [rng.choice([style for style in judge.styles if long[style]], 2, replace=False) for _ in range(count)]
    rows = []
    for bars in SIZES[1:]:
        share = np.clip((np.arange(13 - bars) + bars - 6) / bars, 0, 1)
        follows = []
        for first, second in pairs:
            a, b = (long[style][rng.integers(len(long[style]))] for style in (first, second))
            curve = judge.curve(np.concatenate([a[:, :96], b[:, 96:192]], 1), "4/4", bars=bars).numpy()
            p, q = (curve[:, judge.styles.index(style)] for style in (first, second))
            follows.append(np.corrcoef(q / (p + q), share)[0, 1])
        rows.append((bars, count, f"{np.mean(follows):.2f}", f"{np.median(follows):.2f}", f"{np.quantile(follows, 0.1):.2f}"))
    return table(("bars a window", "pairs", "mean correlation", "median", "lowest tenth"), rows)


def cross_validated(w: Windows, styles: Sequence[str], folds: int = 5) -> Found:
    """Every piece judged by a judge that has not seen it; families of pieces may be parted."""
    fold = torch.randint(folds, (int(w.piece.max()) + 1,), generator=generator(0))[w.piece]
    logs = torch.zeros(len(w.x), len(styles))
    for number in range(folds):
        logs[fold == number] = answers(train(w.where(fold != number), styles, members=1), w.where(fold == number))
    return found_by(logs, w)


def with_meter(w: Windows) -> Windows:
    """The meter told as three more features."""
    return w._replace(x=torch.cat([w.x, F.one_hot(w.meter, len(METERS)).float()], 1))


def only_meter(w: Windows) -> Windows:
    """Nothing told but the meter."""
    return w._replace(x=F.one_hot(w.meter, len(METERS)).float())


def told(title: str, found: Found, styles: Sequence[str], w: Windows) -> str:
    """A section: recall by style and who is taken for whom."""
    large = w.where(w.size == SIZES[0])
    count = [len(large.piece[large.style == i].unique()) for i in range(len(styles))]
    rows = [
        (
            style,
            count[i],
            *(f"{found.windows[size][i]:.2f}" for size in SIZES),
            f"{found.pieces[i]:.2f}",
            *found.confusion[i].tolist(),
        )
        for i, style in enumerate(styles)
    ]
    means = (*(f"{found.windows[size].mean():.2f}" for size in SIZES), f"{found.pieces.mean():.2f}")
    rows.append(("mean", sum(count), *means, *[""] * len(styles)))
    return section(title, table(("style", "pieces", *(f"{size} bars" for size in SIZES), "whole", *styles), rows))


def sections(parts: Split, judge: Judge, seed: int) -> list[str]:
    """All that is to be said about the judge, and about real pieces."""
    every = (*GREEN, SONGBOOK)
    a, b = (windows_of(side, every) for side in (parts.train, parts.held_out))

    def judged(title: str, styles: Sequence[str], given: Callable[[Windows], Windows] = lambda w: w) -> str:
        known, unseen = (given(among(w, every, styles)) for w in (a, b))
        logs = answers(train(known, styles, seed=seed, members=1), unseen)
        return told(title, found_by(logs, unseen), styles, unseen)

    unseen = among(b, every, STYLES)
    both = among(Windows(*(torch.cat(pair) for pair in zip(a, shifted(b, len(parts.train)), strict=True))), every, STYLES)
    return [
        told("The judge: held-out pieces", found_by(answers(judge, unseen), unseen), STYLES, unseen),
        section("Along a piece", spliced(judge, parts.held_out)),
        told("Cross-validated over all pieces, one network", cross_validated(both, STYLES), STYLES, both),
        judged("The meter told, one network", STYLES, with_meter),
        judged("Nothing told but the meter", STYLES, only_meter),
        judged("Without the songbook, one network", [style for style in STYLES if style != SONGBOOK]),
        judged("All styles, one network", every),
        section("Real pieces", *floors(parts, every)),
    ]


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="folder with the .npz sets")
    parser.add_argument("--judge", type=Path, help="where to keep the judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=report.dated("music-classifier.md"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = split(read(options.sets))
    judge = learned(parts, options.seed)
    if options.judge:
        judge.save(options.judge)
    report.write(options.out, [report.heading("Who judges the style of music", []), *sections(parts, judge, options.seed)])


def among(w: Windows, names: Sequence[str], styles: Sequence[str]) -> Windows:
    """Windows of these styles only, counted along them."""
    place = torch.tensor([styles.index(name) if name in styles else -1 for name in names])[w.style]
    return w._replace(style=place).where(place >= 0)


def shifted(w: Windows, by: int) -> Windows:
    """Pieces counted from another number."""
    return w._replace(piece=w.piece + by)


if __name__ == "__main__":
    main()
