"""The judge of styles on two styles that anyone could tell apart."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from mapsto.errors import UsageError

HOME = Path(__file__).parents[2]
STYLES = ("slow", "fast")


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(HOME / "recipes"), str(HOME / "benchmarks"), *sys.path])
    return importlib.import_module("music_classifier")


def grid(style: str, seed: int, bar: int = 16, bars: int = 12) -> np.ndarray:
    """Chords on every other bar, or a run of sixteenths in the melody."""
    rng = np.random.default_rng(seed)
    if style == "slow":
        found = np.full((4, bar * bars), -2)
        found[:, :: 2 * bar] = rng.integers(48, 72, (4, (bars + 1) // 2))
        found[3, ::4] = rng.integers(60, 72, -(-bar * bars // 4))
        return found
    return np.stack([np.full(bar * bars, -1)] * 3 + [rng.integers(60, 80, bar * bars)])


def pieces(classifier: ModuleType, first: int, count: int = 12) -> list[object]:
    made = []
    for seed in range(first, first + count):
        style, meter = STYLES[seed % 2], ("4/4", "3/4")[seed // 2 % 2]
        bar = classifier.METERS[meter]
        made.append(classifier.Piece(grid(style, seed, bar), style, meter, bar, str(seed), "", 0, False))
    return made


def judge_of(classifier: ModuleType, seed: int = 0) -> object:
    return classifier.train(
        classifier.windows_of(pieces(classifier, 0), STYLES), STYLES, seed=seed, members=2, epochs=40, batch=32
    )


def test_two_styles_are_told_apart_in_every_key_and_after_saving(classifier: ModuleType, tmp_path: Path) -> None:
    judge = judge_of(classifier)
    unseen = [grid(style, seed) for seed, style in enumerate(STYLES * 4, 100)]
    found = judge.judge(unseen, ["4/4"] * 8)
    assert found.argmax(1).tolist() == [0, 1] * 4
    assert found.sum(1) == pytest.approx(torch.ones(8))
    raised = [np.where(x >= 0, x + 5, x) for x in unseen]
    assert judge.judge(raised, ["4/4"] * 8) == pytest.approx(found, abs=1e-5)
    judge.save(tmp_path / "judge.safetensors")
    again = classifier.read_judge(tmp_path / "judge.safetensors")
    assert again.styles == STYLES
    assert torch.equal(again.judge(unseen, ["4/4"] * 8), found)


def test_one_seed_gives_one_judge_and_leaves_other_chance_alone(classifier: ModuleType) -> None:
    before = torch.random.get_rng_state()
    first, same, other = (judge_of(classifier, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["members.0.0.weight"], other["members.0.0.weight"])


def test_a_curve_follows_a_change_of_style(classifier: ModuleType) -> None:
    judge = judge_of(classifier)
    both = np.concatenate([grid("slow", 7, bars=6), grid("fast", 8, bars=6)], 1)
    curve = judge.curve(both, "4/4", bars=2)
    assert curve.shape == (11, 2)
    assert curve.argmax(1).tolist()[:5] == [0] * 5
    assert curve.argmax(1).tolist()[-5:] == [1] * 5


def test_styles_of_a_meter_weigh_alike(classifier: ModuleType) -> None:
    styles, meters = [0] * 30 + [1] * 10 + [0] * 5, [0] * 40 + [1] * 5
    number = [*range(30), *range(30, 40), *[40] * 5]
    w = classifier.Windows(torch.zeros(45, 3), *(torch.tensor(x) for x in (styles, meters, number, [8] * 45)))
    weight = classifier.balanced(w)
    assert float(weight.mean()) == pytest.approx(1)
    assert float(weight[:30].sum()) == pytest.approx(float(weight[30:40].sum()))
    assert float(weight[40:].sum()) == pytest.approx(float(weight[:30].sum()) / 8)


def test_recall_is_counted_by_hand(classifier: ModuleType) -> None:
    logs = torch.tensor([[0.0, -1], [-1, 0], [-2, 0], [0, -1]])
    w = classifier.Windows(
        torch.zeros(4, 1), torch.tensor([0, 0, 1, 1]), torch.zeros(4).long(), torch.tensor([0, 0, 1, 1]), torch.full((4,), 8)
    )
    found = classifier.found_by(logs, w)
    assert found.windows[8].tolist() == [0.5, 0.5]
    assert found.confusion.tolist() == [[1, 0], [0, 1]]  # a tie goes to the first, −2 and 0 beat 0 and −1


def test_what_cannot_be_judged_is_told(classifier: ModuleType) -> None:
    judge = classifier.Judge(STYLES, 99)
    with pytest.raises(UsageError, match="5/4"):
        judge.judge([grid("slow", 0)], ["5/4"])
    with pytest.raises(UsageError, match="less than a bar"):
        judge.judge([grid("slow", 0)[:, :10]], ["4/4"])
