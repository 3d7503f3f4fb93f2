"""Ways to learn, compared under one set of conditions: same pictures, same length, same judge. Rows that lost are told too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from mapsto import device
from mapsto.learning.arms import Arm, Learned, Make, OnReport, averages_of, learn, made
from mapsto.learning.fit import Plan, Source
from mapsto.learning.games import Game
from mapsto.learning.restraint import begin
from mapsto.learning.watch import Average, Judge, Score

CERTAIN = 2.0
"""Standard errors of a difference from which on it is called one."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        name: Of the way to learn.
        score: By pictures that it did not learn from; lower is better.
        images: Pictures seen in all, those of the start included.
        seconds: Of this training.
        step: After which the weights were best; 0 for the start.
        strength: λ.
    """

    name: str
    score: Score
    images: int
    seconds: float = 0.0
    step: int = 0
    strength: float = 0.0


@dataclass(frozen=True)
class Bench:
    """The conditions.

    Args:
        make: Makes the game.
        start: Weights that arms may begin with, by the names of `game.state_dict()`.
        data: To learn from.
        run: The folder; every arm has its own in it.
        judge: By pictures that nothing is learned from or chosen by.
        check: By other such pictures, to choose the best moment of each training.
        importance: F for EWC.
        seen: Pictures the start has learned from.
        on_report: Told the name of an arm and its reports.
    """

    make: Make
    start: Mapping[str, Tensor]
    data: Source
    run: Path
    judge: Judge
    check: Judge | None = None
    importance: Mapping[str, Tensor] | None = None
    seen: int = 0
    on_report: OnReport | None = None

    def learn(self, arm: Arm, plan: Plan, folder: str, patience: int | None = None) -> Learned:
        """Train an arm, or what is left of it; see `arms.learn`."""
        return learn(
            arm,
            self.make,
            self.data,
            plan,
            self.run / folder,
            start=self.start,
            importance=self.importance,
            judge=self.check,
            patience=patience,
            on_report=self.on_report,
        )

    def row(self, learned: Learned, plan: Plan) -> Row:
        """What the judge says of an arm that is done."""
        arm = learned.arm
        score = self._score(made(self.make, plan.seed, **arm.options), learned.average, plan)
        images = learned.images + (self.seen if arm.start else 0)
        return Row(arm.name, score, images, learned.seconds, learned.step, arm.strength)

    def of_start(self, plan: Plan) -> Row:
        """What the judge says of the start itself.

        Raises:
            UsageError: the start does not fit the game.
        """
        game = made(self.make, plan.seed)
        begin(game, self.start)
        return Row("start", self._score(game, averages_of(game), plan), self.seen)

    def _score(self, game: Game, average: Average, plan: Plan) -> Score:
        """The judge's figure, found on the plan's device; the averages are back on the CPU afterwards."""
        place = device.pick(plan.device)
        game.to(place)
        found = self.judge(game, {name: module.to(place) for name, module in average.items()})
        for module in average.values():
            module.cpu()
        return found


def clearly(lower: Score, higher: Score) -> bool:
    """Whether one score is lower than another by more than chance: two standard errors of their difference.

    Scores of the same batches are compared batch by batch, others as if they knew nothing of each other.
    """
    error = math.hypot(lower.error, higher.error)
    if 1 < len(lower.parts) == len(higher.parts):
        apart = [b - a for a, b in zip(lower.parts, higher.parts, strict=True)]
        error = statistics.stdev(apart) / len(apart) ** 0.5
    return lower.value + CERTAIN * error < higher.value


def verdict(rows: Sequence[Row]) -> str:
    """What the last of the rows may say of itself beside the others, in a sentence."""
    *others, ours = rows
    beaten = [row.name for row in others if clearly(ours.score, row.score)]
    lost = [row.name for row in others if clearly(row.score, ours.score)]
    level = [row.name for row in others if row.name not in (*beaten, *lost)]
    parts = [
        f"{'better than' if names is beaten else 'worse than' if names is lost else 'no different, within the error, from'}"
        f" {' and '.join(names)}"
        for names in (beaten, lost, level)
        if names
    ]
    return f"{ours.name.capitalize()} is {', '.join(parts)}." if parts else f"Nothing to compare {ours.name} with."


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text."""
    lines = [("", "score (lower is better)", "images seen", "minutes", "best step", "λ"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(_aligned, line, widths, range(len(line)))) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    score = f"{row.score.value:.4g} ± {row.score.error:.2g}"
    return (row.name, score, f"{row.images:,}", f"{row.seconds / 60:.1f}", str(row.step), f"{row.strength:g}")


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
