"""Transfer learning that proves whether it helped: from trained weights and a few pictures to weights of one's own.

    parts = parts_of(prepare("my_paintings", (64, 64)))
    judge = SampleDistance(pictures_of(parts.proof), network)
    result = adapt(make, start, parts.learn, Plan(steps=2000), Path("runs/mine"), judge=judge)
    result.table()     # start, scratch and adapted, each with its score, the pictures it has seen, and a sentence

The loss gains λ‖w − w₀‖², measured tensor by tensor (see `leash`). "Evaluate, adjust": where pictures are many enough, λ is
searched for with some that are held out for that, and the table is judged by yet others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.learning.arms import Arm, Make, OnReport
from mapsto.learning.comparison import Bench, Row, clearly, table, verdict
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan, Source
from mapsto.learning.watch import Average, Judge

STRENGTH = 3.0
"""λ where there are too few pictures to search for it."""

STRENGTHS = (0.0, 1.0, 10.0, 100.0)
"""Tried first; then the neighbours of the best, a factor 3 to both sides."""

SEARCHED = 0.25
"""Length of each trial, as part of the whole run."""

MANY = 50
"""Pictures from which on some are held out to search for λ and to stop early."""

FEW = 10
"""Pictures below which none are held out."""

PATIENCE = 4
"""Of ten looks at the pictures held out, how many in a row may be no better than the best."""


class Parts(NamedTuple):
    """Pictures to learn from; to search and stop by, if there are enough; and to judge the result by."""

    learn: PictureData
    check: PictureData | None
    proof: PictureData
    note: str


def parts_of(data: PictureData, seed: int = 0) -> Parts:
    """Split pictures so that nothing is proved by what was learned from, or chosen by.

    From 50 on 15 in a hundred go to each of check and proof; from 10 on 20 in a hundred to proof; with fewer all are learned
    from, and the note says that the proof is none.
    """
    if len(data) >= MANY:
        learned, held = data.split(0.3, seed)
        check, proof = held.split(0.5, seed + 1)
        return Parts(learned, check, proof, f"Judged by {len(proof)} pictures that nothing was learned from or chosen by.")
    if len(data) >= FEW:
        learned, proof = data.split(max(0.2, 4 / len(data)), seed)
        return Parts(learned, None, proof, f"Judged by {len(proof)} pictures that nothing was learned from.")
    note = f"Judged by the {len(data)} pictures it learned from, which proves nothing: give {FEW} or more."
    return Parts(data, None, data, note)


def pictures_of(data: PictureData) -> Tensor:
    """All of them: [N, C, H, W] float32 in [0, 1], none mirrored."""
    every = np.arange(len(data))
    return replace(data, flip=False).batch(every, torch.Generator()).x


@dataclass(frozen=True)
class Adapted:
    """What adapting came to.

    Args:
        average: The adapted modules by their names in `Game.averaged`, on the CPU and in evaluation mode.
        strength: λ.
        rows: Start, scratch (if asked for) and adapted, judged by the same pictures.
        trials: What the search for λ tried, in that order.
    """

    average: Average
    strength: float
    rows: Sequence[Row]
    trials: Sequence[Trial] = ()

    @property
    def better(self) -> bool:
        """Whether it is nearer than every other row, by more than the errors of both."""
        return all(clearly(self.rows[-1].score, row.score) for row in self.rows[:-1])

    def table(self) -> str:
        """Rows as text, and what they say in a sentence."""
        return f"{table(self.rows)}\n{verdict(self.rows)}"


def adapt(
    make: Make,
    start: Mapping[str, Tensor],
    data: Source,
    plan: Plan,
    run: Path,
    *,
    judge: Judge,
    check: Judge | None = None,
    strength: float | Literal["auto"] = "auto",
    arm: Arm | None = None,
    importance: Mapping[str, Tensor] | None = None,
    scratch: bool = True,
    seen: int = 0,
    on_report: OnReport | None = None,
) -> Adapted:
    """Fine-tune any game on a leash, and compare it with its start and with learning from nothing.

    Stopped at any moment, the same call goes on: every training has its own folder in `run`.

    Args:
        make: Makes the game with random weights, such as `lambda: FlowGame(FlowNetwork(...))`.
        start: Its trained weights by the names of `game.state_dict()`; what is missing there begins at random, on no leash.
        data: To learn from.
        plan: Of each training, in steps. The trials of a search are a quarter as long.
        run: A folder, made if it is not there.
        judge: By pictures that nothing is learned from or chosen by: fills the table.
        check: By other such pictures: chooses λ, and the best moment of each training. Needs enough of them.
        strength: λ, or "auto": searched for where there is a `check`, else 3.
        arm: Other restraints and options, as Arm("adapted", frozen=("critic:0.5",)); its strength is not looked at.
        importance: F for EWC.
        scratch: Train from random weights too, for as many pictures.
        seen: Pictures the start has learned from, which the table charges to whoever uses it.
        on_report: Told the name of a training and its reports.

    Raises:
        UsageError: a start or restraints that do not fit the game, a negative strength, a plan in hours, or a folder with
            another training.
        KeyboardInterrupt: interrupted; the same call goes on.
    """
    arm = replace(arm or Arm("adapted"), strength=STRENGTH if strength == "auto" else strength)
    if not arm.start:
        raise UsageError(f"{arm.name} does not begin with the start's weights.", "Scratch is trained beside it anyway.")
    if plan.steps < 1:
        raise UsageError("Trainings that are compared have to be of one length.", "Give steps instead of hours.")
    arm.game(make, start, importance)  # what makes no sense is told now, not after the first training
    bench = Bench(make, start, data, run, judge, check, importance, seen, on_report)
    rows, trials = [bench.of_start(plan)], list[Trial]()
    if strength == "auto" and check is not None:
        short = replace(plan, steps=max(1, round(SEARCHED * plan.steps)))
        trials = search(partial(_trial, bench, arm, short))
        arm = replace(arm, strength=min(trials, key=lambda trial: trial.score).strength)
    if scratch:
        rows.append(bench.row(bench.learn(Arm("scratch", start=False, options=arm.options), plan, "scratch", PATIENCE), plan))
    learned = bench.learn(arm, plan, "adapted", PATIENCE)
    return Adapted(learned.average, arm.strength, [*rows, bench.row(learned, plan)], trials)


class Trial(NamedTuple):
    """A strength and what it came to; lower is better."""

    strength: float
    score: float


def search(trial: Callable[[float], float], strengths: Sequence[float] = STRENGTHS) -> list[Trial]:
    """All that was tried: the strengths given, then the neighbours of the best one, a factor 3 to both sides.

    Args:
        trial: From a strength to a score, lower for better.
        strengths: Tried first. No leash at all has no neighbours.
    """
    tried = [Trial(strength, trial(strength)) for strength in strengths]
    best = min(tried, key=lambda one: one.score).strength
    return [*tried, *(Trial(near, trial(near)) for near in ((best / 3, best * 3) if best else ()))]


def _trial(bench: Bench, arm: Arm, plan: Plan, strength: float) -> float:
    """The best score of a short training by the pictures that are held out for choosing."""
    named = replace(arm, name=f"trial with λ = {strength:g}", strength=strength)
    return min(bench.learn(named, plan, f"trial-{strength:g}").scores.values())
