from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError, WeightsError
from mapsto.learning.arms import Arm, Learned, learn, made
from mapsto.learning.fit import Plan, Report
from mapsto.learning.restraint import Frozen, Leashed, state_of
from mapsto.learning.watch import HeldOutLoss, innermost
from toy_games import DotGame, PairGame, Points

CLOUD = torch.tensor([2.0, -1.0]) + 0.3 * torch.randn(30, 2, generator=torch.Generator().manual_seed(3))
START = {"dot.x": torch.tensor([1.0]), "dot.y": torch.tensor([1.0])}
PLAN = Plan(20, 8, device="cpu", precision="fp32", threads=1, warmup=0, ema=1e-3, rows=1, samples=1)


def learned(run: Path, arm: Arm, **options: Any) -> Learned:
    return learn(arm, DotGame, Points(CLOUD[:10]), options.pop("plan", PLAN), run, start=START, **options)


def at(found: Learned) -> Tensor:
    return found.average["dot"].at()  # type: ignore[operator,no-any-return]


def steps(told: list[int]) -> Callable[[str, Report], None]:
    return lambda name, report: told.append(report.step)


def test_random_weights_follow_the_seed_and_nothing_else() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (state_of(made(PairGame, seed)) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not torch.equal(one["critic.0.weight"], other["critic.0.weight"])


def test_an_arm_is_its_game_with_its_restraints() -> None:
    start = state_of(PairGame())
    arm = Arm("all", strength=2, form="norm", frozen=("critic:0.5",), ewc=3, pace=0.5)
    game = arm.game(PairGame, start, {name: torch.ones_like(value) for name, value in start.items()})
    assert isinstance(game, Leashed)
    assert (game.strength, game.term, game.leash.unit) == (3, "ewc", "network")
    assert isinstance(game.game, Leashed)
    assert (game.game.strength, game.game.term, game.game.leash.form) == (2, "leash", "norm")
    assert isinstance(game.game.game, Frozen)
    assert game.rates == {"critic": 5e-3, "generator": 5e-3}
    assert all(torch.equal(value, start[name]) for name, value in state_of(game).items())


def test_scratch_knows_nothing_of_the_start() -> None:
    game = Arm("scratch", start=False, strength=3, options={"rate": 0.5}).game(DotGame, START, seed=4)
    assert type(game) is DotGame
    assert game.rates == {"dot": 0.5}
    assert torch.equal(game.dot.x, made(DotGame, 4).dot.x)


def test_ewc_without_importance_is_refused() -> None:
    with pytest.raises(UsageError, match="important"):
        Arm("EWC", ewc=1).game(DotGame, START)


def test_an_arm_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    arm, told = Arm("leashed", strength=1), list[int]()
    first = learned(tmp_path, arm, on_report=steps(told))
    assert told[-1] == first.step == 20
    assert (first.images, first.scores) == (160, {})
    again = learned(tmp_path, arm, on_report=steps(told))
    assert told.count(20) == 1
    assert torch.equal(at(first), at(again))
    assert (again.images, again.seconds, again.step) == (first.images, first.seconds, first.step)


def test_a_folder_holds_one_arm(tmp_path: Path) -> None:
    learned(tmp_path, Arm("leashed", strength=1))
    for other in (Arm("leashed", strength=2), Arm("scratch", start=False)):
        with pytest.raises(UsageError, match="another training"):
            learned(tmp_path, other)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("judged", [False, True])
def test_stopped_and_gone_on_is_the_same_as_never_stopped(tmp_path: Path, judged: bool) -> None:
    def stop(name: str, report: Report) -> None:
        if report.step >= 7:
            raise Interrupted

    plan = Plan(20, 8, device="cpu", precision="fp32", threads=1, warmup=0, checkpoint_every=2, samples=1)
    judge = HeldOutLoss(Points(CLOUD[10:20])) if judged else None
    arm = Arm("leashed", strength=1)
    whole = learned(tmp_path / "whole", arm, judge=judge, plan=plan)
    with pytest.raises(Interrupted):
        learned(tmp_path / "half", arm, judge=judge, plan=plan, on_report=stop)
    half = learned(tmp_path / "half", arm, judge=judge, plan=plan)
    assert torch.equal(at(half), at(whole))
    assert (half.step, half.scores) == (whole.step, whole.scores)
    assert len(half.scores) == (10 if judged else 0)


def test_the_best_of_a_judged_arm_is_kept_and_patience_saves_time(tmp_path: Path) -> None:
    """Judged by where it began, every step is worse than the one before."""
    judge = HeldOutLoss(Points(torch.ones(4, 2)))
    found = learned(tmp_path / "a", Arm("free"), judge=judge, patience=3)
    assert found.step == min(found.scores) == 2
    assert sorted(found.scores) == [2, 4, 6, 8]
    assert found.images == 8 * 8
    last = learned(tmp_path / "b", Arm("free"))
    assert float((at(found) - 1).norm()) < float((at(last) - 1).norm())


def test_what_is_judged_is_the_game_and_not_its_restraints(tmp_path: Path) -> None:
    seen = []

    def judge(game: Any, average: Any) -> Any:
        seen.append(type(game))
        return HeldOutLoss(Points(CLOUD[10:]))(game, average)

    learned(tmp_path, Arm("tight", strength=5), judge=judge)
    assert set(seen) == {DotGame}


def test_a_lost_result_is_told(tmp_path: Path) -> None:
    learned(tmp_path, Arm("free"))
    (tmp_path / "average.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="another folder"):
        learned(tmp_path, Arm("free"))


def test_a_damaged_note_means_going_on(tmp_path: Path) -> None:
    first = learned(tmp_path, Arm("free"))
    (tmp_path / "learned.json").write_text("{")
    assert torch.equal(at(learned(tmp_path, Arm("free"))), at(first))
    assert json.loads((tmp_path / "learned.json").read_text())["arm"]["name"] == "free"


def test_the_innermost_game_is_returned_from_any_arm() -> None:
    assert type(innermost(Arm("x", strength=1, frozen=("critic:0.5",)).game(PairGame, state_of(PairGame())))) is PairGame
