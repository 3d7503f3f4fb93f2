"""Ways to learn from few pictures, each of them one row of a table: from scratch, fine-tuned, on a leash, partly frozen.

    Arm("scratch", start=False)
    Arm("leashed", strength=3.0)                       # L2-SP
    Arm("FreezeD", frozen=("critic:0.5",))
    Arm("DiffAugment", options={"augment": True})      # for the function that makes the game

An arm that is stopped goes on where it was, and one that is done is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.files import atomic, sha256
from mapsto.learning.fit import Plan, Report, Source, finished, fit
from mapsto.learning.games import Game
from mapsto.learning.leash import Form, Unit
from mapsto.learning.restraint import Frozen, Leashed, begin, fingerprint
from mapsto.learning.watch import Average, Judge, Watched, heard, innermost, keep, kept, told

Make = Callable[..., Game]
"""Makes a new game with weights drawn at random, each time the same kind; keyword arguments are an arm's options."""

OnReport = Callable[[str, Report], object]
"""Told the name of an arm and how it goes."""

CHECKS = 10
"""How often a watched arm is judged."""


@dataclass(frozen=True)
class Arm:
    """One way to learn.

    Args:
        name: In tables and messages.
        start: Whether it begins with the start's weights, or with random ones.
        strength: λ of L2-SP; 0 for none.
        form: See `Leash`.
        unit: See `Leash`.
        ewc: λ of the leash that is weighed by importance; 0 for none.
        frozen: Layers that do not move, see `restraint.names_of`.
        pace: Factor of the game's learning rates.
        options: For the function that makes the game, as {"augment": True}.
    """

    name: str
    start: bool = True
    strength: float = 0.0
    form: Form = "squared"
    unit: Unit = "tensor"
    ewc: float = 0.0
    frozen: tuple[str, ...] = ()
    pace: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def game(
        self, make: Make, start: Mapping[str, Tensor], importance: Mapping[str, Tensor] | None = None, *, seed: int = 0
    ) -> Game:
        """The game with its restraints.

        Args:
            make: Makes it.
            start: Weights by the names of `game.state_dict()`.
            importance: F for EWC, see `importance`.
            seed: Of the weights that do not come from the start.

        Raises:
            UsageError: a start that does not fit, restraints that make no sense, EWC without importance.
        """
        game = made(make, seed, **self.options)
        if not self.start:
            return self._paced(game)
        begin(game, start)
        if self.frozen:
            game = Frozen(game, self.frozen)
        if self.strength:
            game = Leashed(game, strength=self.strength, start=start, form=self.form, unit=self.unit)
        if self.ewc:
            if importance is None:
                raise UsageError(f"{self.name} has to know which weights are important.", "Give what importance() found.")
            game = Leashed(game, strength=self.ewc, start=start, unit="network", importance=importance, term="ewc")
        return self._paced(game)

    def _paced(self, game: Game) -> Game:
        game.rates = {player: self.pace * rate for player, rate in game.rates.items()}
        return game


@dataclass(frozen=True)
class Learned:
    """What an arm came to.

    Args:
        arm: Which.
        average: The averaged modules, on the CPU.
        step: After which these were found.
        images: Pictures seen until the training stopped.
        seconds: Spent.
        scores: Of the judge, by step; empty without one.
    """

    arm: Arm
    average: Average
    step: int
    images: int
    seconds: float
    scores: Mapping[int, float]


def made(make: Make, seed: int, **options: Any) -> Game:
    """A new game whose random weights follow the seed; the global random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(**options)


def learn(
    arm: Arm,
    make: Make,
    data: Source,
    plan: Plan,
    run: Path,
    *,
    start: Mapping[str, Tensor],
    importance: Mapping[str, Tensor] | None = None,
    judge: Judge | None = None,
    patience: int | None = None,
    on_report: OnReport | None = None,
) -> Learned:
    """Train one arm, or what is left of it, in a folder of its own.

    Args:
        arm: How.
        make: Makes the game.
        data: To learn from.
        plan: How long; the seed also draws the weights that are new.
        run: The folder.
        start: Weights to begin with, by the names of `game.state_dict()`.
        importance: F for EWC.
        judge: Looks at the averages ten times; the best are kept. Without one the last are.
        patience: Scores no better than the best after which to stop.
        on_report: Told how it goes.

    Raises:
        UsageError: the folder holds another arm, or what the arm asks for makes no sense.
        KeyboardInterrupt: interrupted; the same call goes on.
    """
    key = _key(arm, data, plan, start)
    if (facts := _facts(run, key)) is not None:
        return _again(arm, made(make, plan.seed, **arm.options), run, facts)
    game = arm.game(make, start, importance, seed=plan.seed)
    if judge is not None:
        game = Watched(game, judge, run, patience)
        plan = replace(plan, samples_every=max(1, plan.steps // CHECKS))
    last = _play(game, arm, data, plan, run, on_report)
    average, step, scores = _result(game, run, last)
    keep(run / "average.safetensors", average)
    facts = {"step": step, "images": last.images, "seconds": last.seconds, "scores": told(scores), "key": key}
    with atomic(run / "learned.json") as file:
        file.write_text(json.dumps({"arm": asdict(arm), **facts}, indent=1))
    return _again(arm, innermost(game), run, facts)


def _play(game: Game, arm: Arm, data: Source, plan: Plan, run: Path, on_report: OnReport | None) -> Report:
    """Train to the end, or until a watched game has had enough; the last report."""
    last: Report | None = None
    for last in fit(game, data, plan, run, resume=(run / "config.json").exists()):
        if on_report is not None:
            on_report(arm.name, last)
        if isinstance(game, Watched) and game.over:
            break
    assert last is not None, "a training without a report"
    return last


def _result(game: Game, run: Path, last: Report) -> tuple[Average, int, dict[int, float]]:
    """The best averages of a watched game, else the last; with their step and all scores."""
    if not isinstance(game, Watched):
        return finished(game, run), last.step, {}
    if not game.over and last.step not in game.scores:
        game.step = last.step
        game.look(finished(game, run))
    return kept(run / "best.safetensors", innermost(game)), game.best, game.scores


def _again(arm: Arm, game: Game, run: Path, facts: Mapping[str, Any]) -> Learned:
    average, scores = kept(run / "average.safetensors", game), heard(facts["scores"])
    return Learned(arm, average, facts["step"], facts["images"], facts["seconds"], scores)


def _key(arm: Arm, data: Source, plan: Plan, start: Mapping[str, Tensor]) -> str:
    """What tells one order from another; where and how fast it is computed does not."""
    asked = {**asdict(arm), "data": data.digest, "start": fingerprint(start) if arm.start else ""}
    return sha256(json.dumps([asked, plan.steps, plan.batch, plan.seed], sort_keys=True, default=str).encode())[:16]


def _facts(run: Path, key: str) -> dict[str, Any] | None:
    """What is known of an arm that is done; None where it is not."""
    facts: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        facts = json.loads((run / "learned.json").read_text())
    if facts and facts.get("key") != key:
        raise UsageError(f"{run} holds another training.", "Choose another folder.")
    return facts or None


def averages_of(game: Game) -> Average:
    """A game's modules as they are, in the place of averages: what a start is judged by."""
    return {name: deepcopy(game.part(name)).eval().requires_grad_(False) for name in game.averaged}
