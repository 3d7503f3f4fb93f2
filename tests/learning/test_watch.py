from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from mapsto.errors import UsageError, WeightsError
from mapsto.image.features import perceptual
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.leash import Leash
from mapsto.learning.restraint import Around, Leashed, state_of
from mapsto.learning.watch import Average, HeldOutLoss, SampleDistance, Score, Watched, innermost, keep, kept
from toy_games import Dot, DotGame, PairGame, Points

CLOUD = torch.randn(21, 2, generator=torch.Generator().manual_seed(3))


def dot(x: float, y: float) -> Average:
    found = Dot()
    found.load_state_dict({"x": torch.tensor([x]), "y": torch.tensor([y])})
    return {"dot": found}


def test_the_held_out_loss_is_that_of_the_averages() -> None:
    game = DotGame()
    before = state_of(game)
    found = HeldOutLoss(Points(CLOUD), batch=8)(game, dot(0.5, -1.0))  # batches of 8, 8 and 5 count by their pictures
    assert found.value == pytest.approx(float((CLOUD - torch.tensor([0.5, -1.0])).square().sum(1).mean()), rel=1e-6)
    assert found.error > 0
    assert game.turns == 0
    assert all(torch.equal(value, state_of(game)[name]) for name, value in before.items())


def test_one_batch_has_no_error_that_is_known() -> None:
    assert HeldOutLoss(Points(CLOUD), rounds=1)(DotGame(), dot(0, 0)).error == 0


def test_a_game_that_draws_is_judged_with_the_same_draws() -> None:
    class Noisy(DotGame):
        def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, torch.Tensor]:
            return {"noise": torch.rand((), generator=moment.generator)}

    judge = HeldOutLoss(Points(CLOUD), rounds=3)
    assert judge(Noisy(), dot(0, 0)) == judge(Noisy(), dot(1, 1))
    assert judge(Noisy(), dot(0, 0)).value != HeldOutLoss(Points(CLOUD), rounds=3, seed=1)(Noisy(), dot(0, 0)).value
    assert judge(Noisy(), dot(0, 0)).error > 0  # rounds draw anew


def test_players_against_each_other_are_not_judged_by_a_loss() -> None:
    with pytest.raises(UsageError, match="critic and generator"):
        HeldOutLoss(Points(CLOUD))(PairGame(), {})


class Grey(Game):
    """Samples of one grey with a little noise."""

    players = averaged = ("dot",)

    def __init__(self) -> None:
        super().__init__()
        self.dot = Dot()

    def samples(self, average: dict[str, nn.Module], count: int) -> torch.Tensor:
        noise = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        return average["dot"].x.detach() + 0.1 * noise  # type: ignore[operator,union-attr]


def test_samples_nearer_to_the_pictures_are_nearer() -> None:
    torch.manual_seed(0)
    pictures = 0.4 + 0.1 * torch.rand(6, 3, 32, 32)
    judge = SampleDistance(pictures, perceptual(), count=20)
    same, near, far = (judge(Grey(), dot(x, 0)) for x in (0.4, 0.5, 0.8))
    assert abs(same.value) < near.value < far.value
    with pytest.raises(UsageError, match="3 pictures are too few"):
        SampleDistance(pictures[:3], perceptual())


def test_averages_are_kept_and_read_again(tmp_path: Path) -> None:
    game = PairGame()
    keep(tmp_path / "a.safetensors", {"generator": game.generator})
    other = PairGame()
    found = kept(tmp_path / "a.safetensors", other)["generator"]
    assert all(torch.equal(value, game.generator.state_dict()[name]) for name, value in found.state_dict().items())
    assert not found.training
    assert not any(weight.requires_grad for weight in found.parameters())
    assert not torch.equal(other.generator[0].weight, found[0].weight)  # type: ignore[index]


def test_averages_of_another_game_or_none_at_all(tmp_path: Path) -> None:
    keep(tmp_path / "a.safetensors", dot(1, 2))
    (tmp_path / "b.safetensors").write_bytes(b"xx")
    for name, what in (("a", "not of this game"), ("b", "cannot be read"), ("c", "cannot be read")):
        with pytest.raises(WeightsError, match=what):
            kept(tmp_path / f"{name}.safetensors", PairGame())


class Watching:
    """A watched game that is told its scores."""

    def __init__(self, folder: Path, patience: int | None = None) -> None:
        self.next = math.nan
        self.game = Watched(Leashed(DotGame(), strength=1), self.judge, folder, patience)

    def judge(self, game: Game, average: Average) -> Score:
        assert type(game) is DotGame
        assert not torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
        return Score(self.next)

    def sees(self, step: int, score: float) -> None:
        self.next = score
        moment = Moment(step - 1, 0.0, 0, torch.Generator())
        self.game.terms("dot", Batch(CLOUD[:, :, None, None]), moment)
        with torch.autocast("cpu", torch.bfloat16):
            self.game.samples(dot(float(step), 0), 1)

    def best(self) -> float:
        return float(kept(self.game.folder / "best.safetensors", DotGame())["dot"].x)  # type: ignore[arg-type]


def test_the_best_averages_are_kept(tmp_path: Path) -> None:
    watching = Watching(tmp_path)
    for step, score in ((2, 5.0), (4, 3.0), (6, 3.0), (8, math.nan), (10, 4.0)):
        watching.sees(step, score)
    assert (watching.game.best, watching.best()) == (4, 4.0)
    assert watching.game.scores == {2: 5.0, 4: 3.0, 6: 3.0, 8: math.inf, 10: 4.0}
    assert not watching.game.over


def test_patience_ends(tmp_path: Path) -> None:
    watching = Watching(tmp_path, patience=2)
    over = []
    for step, score in enumerate((5.0, 6.0, 4.0, 4.5, 4.0, 1.0), 1):
        watching.sees(step, score)
        over.append(watching.game.over)
    assert over == [False, False, False, False, True, False]


def test_even_numbers_that_are_none_leave_something(tmp_path: Path) -> None:
    watching = Watching(tmp_path)
    watching.sees(1, math.nan)
    assert watching.best() == 1.0


def test_a_resumed_run_knows_its_scores_and_goes_back_in_time(tmp_path: Path) -> None:
    watching = Watching(tmp_path)
    for step, score in ((2, 5.0), (4, 3.0), (6, 2.0)):
        watching.sees(step, score)
    again = Watching(tmp_path)
    assert again.game.scores == watching.game.scores
    again.sees(4, 3.5)  # the run went back before step 4, and on another way
    assert again.game.scores == {2: 5.0, 4: 3.5}
    assert again.best() == 4.0


def test_damaged_scores_are_no_scores(tmp_path: Path) -> None:
    for content in ("{", "[]", '{"a": 1}'):
        (tmp_path / "scores.json").write_text(content)
        assert Watching(tmp_path).game.scores == {}


def test_the_game_itself_is_found() -> None:
    game = DotGame()
    assert innermost(Around(Leashed(game, strength=1))) is innermost(game) is game
    assert isinstance(Leashed(game, strength=1).leash, Leash)
