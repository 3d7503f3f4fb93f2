from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mapsto.errors import UsageError
from mapsto.learning.adapt import STRENGTHS, Adapted, adapt, parts_of, pictures_of, search
from mapsto.learning.arms import Arm
from mapsto.learning.comparison import clearly
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan, Report
from mapsto.learning.watch import HeldOutLoss
from toy_games import DotGame, Points

TRUTH = torch.tensor([2.0, -1.0])
NEAR = {"dot.x": torch.tensor([1.9]), "dot.y": torch.tensor([-1.1])}
FAR = {"dot.x": torch.tensor([-9.0]), "dot.y": torch.tensor([7.0])}
PLAN = Plan(20, 8, device="cpu", precision="fp32", threads=1, warmup=0, ema=1e-3, rows=1, samples=1)


def cloud(count: int, seed: int) -> Points:
    return Points(TRUTH + 1.5 * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)))


def adapted(run: Path, start: dict[str, torch.Tensor] = NEAR, **options: Any) -> Adapted:
    options = {
        "judge": HeldOutLoss(cloud(400, 1), rounds=1, batch=100),
        "check": HeldOutLoss(cloud(400, 2), rounds=1, batch=100),
        **options,
    }
    return adapt(DotGame, start, cloud(3, 11), options.pop("plan", PLAN), run, **options)


def photos(count: int, *, flip: bool = False) -> PictureData:
    pixels = np.arange(count * 12, dtype=np.int64).astype(np.uint8).reshape(count, 2, 2, 3)
    return PictureData(pixels, tuple(f"{i}.png" for i in range(count)), digest="x", flip=flip)


def test_a_near_start_on_a_leash_beats_few_pictures_alone(tmp_path: Path) -> None:
    """Three points say little about where their source has its middle; a start that is nearly there says more."""
    reports: list[str] = []
    found = adapted(tmp_path, seen=1000, on_report=lambda name, report: reports.append(name))
    start, scratch, ours = found.rows
    assert (start.name, scratch.name, ours.name) == ("start", "scratch", "adapted")
    assert ours.score.value < scratch.score.value
    assert (start.images, ours.strength, ours.images - 1000) == (1000, found.strength, 8 * ours_steps(tmp_path))
    assert list(dict.fromkeys(reports))[-2:] == ["scratch", "adapted"]
    assert found.table().splitlines()[-1].startswith("Adapted is ")


def ours_steps(run: Path) -> int:
    return max(map(int, json.loads((run / "adapted" / "scores.json").read_text())))


def test_the_strength_is_found_by_the_pictures_held_out_for_it(tmp_path: Path) -> None:
    near, far = adapted(tmp_path / "near", scratch=False), adapted(tmp_path / "far", FAR, scratch=False)
    assert [trial.strength for trial in near.trials[:4]] == list(STRENGTHS)
    assert near.strength == min(near.trials, key=lambda trial: trial.score).strength
    assert near.strength > far.strength  # a start that is far away is not worth holding to


def test_without_pictures_to_choose_by_the_strength_is_the_default(tmp_path: Path) -> None:
    found = adapted(tmp_path, check=None, scratch=False)
    assert (found.strength, found.trials) == (3.0, [])
    assert found.rows[-1].step == 20
    given = adapted(tmp_path / "given", check=None, scratch=False, strength=0.0)
    assert given.strength == 0


def test_a_start_that_was_better_is_told_to_be(tmp_path: Path) -> None:
    exact = {"dot.x": TRUTH[:1], "dot.y": TRUTH[1:]}
    found = adapted(tmp_path, exact, check=None, strength=0.0, scratch=False)
    assert clearly(found.rows[0].score, found.rows[1].score)
    assert not found.better
    assert found.table().endswith("Adapted is worse than start.")


def test_a_far_start_is_left(tmp_path: Path) -> None:
    assert adapted(tmp_path, FAR, scratch=False, plan=replace(PLAN, steps=80), strength=0.0).better


def test_stopped_and_gone_on_it_does_only_what_is_left(tmp_path: Path) -> None:
    def stop(name: str, report: Report) -> None:
        reached.append(name)
        if name == "scratch" and report.step:
            raise RuntimeError("the power is cut")

    reached: list[str] = []
    with pytest.raises(RuntimeError):
        adapted(tmp_path, on_report=stop)
    again: list[str] = []
    found = adapted(tmp_path, on_report=lambda name, report: again.append(name))
    assert list(dict.fromkeys(again)) == ["scratch", "adapted"]
    whole = adapted(tmp_path / "whole")
    assert torch.equal(found.average["dot"].at(), whole.average["dot"].at())  # type: ignore[operator]


def test_the_options_of_an_arm_go_to_scratch_too(tmp_path: Path) -> None:
    adapted(tmp_path, check=None, arm=Arm("adapted", options={"rate": 0.0}))
    assert (tmp_path / "scratch" / "config.json").read_text().count('"dot": 0.0') == 1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"arm": Arm("scratch", start=False)}, "does not begin"),
        ({"strength": -1.0}, "strength"),
        ({"arm": Arm("adapted", frozen=("critic:0.5",))}, "no layers called 'critic'"),
        ({"arm": Arm("adapted", ewc=1.0)}, "important"),
        ({"plan": replace(PLAN, steps=0, hours=1.0)}, "of one length"),
        ({"start": {"other": torch.zeros(1)}}, "Nothing in the start"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_trained(tmp_path: Path, options: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        adapted(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_neighbours_of_the_best_are_tried_too() -> None:
    tried = search(lambda strength: abs(strength - 8.0))
    assert [trial.strength for trial in tried] == [0, 1, 10, 100, 10 / 3, 30]
    assert [trial.strength for trial in search(lambda strength: strength)] == [0, 1, 10, 100]


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 0, 1)), (9, (9, 0, 9)), (10, (6, 0, 4)), (49, (39, 0, 10)), (50, (35, 7, 8))]
)
def test_pictures_are_split_by_how_many_there_are(count: int, sizes: tuple[int, int, int]) -> None:
    parts = parts_of(photos(count))
    assert (len(parts.learn), len(parts.check or ()), len(parts.proof)) == sizes
    names = [name for part in (parts.learn, parts.check, parts.proof) if part is not None for name in part.names]
    if count >= 10:
        assert len(names) == len(set(names)) == count
        assert "nothing was learned from" in parts.note
    else:
        assert "proves nothing" in parts.note


def test_pictures_to_be_judged_by_are_not_mirrored() -> None:
    data = photos(5, flip=True)
    assert torch.equal((255 * pictures_of(data)).round().to(torch.uint8).permute(0, 2, 3, 1), torch.from_numpy(data.pixels))
