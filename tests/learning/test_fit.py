from __future__ import annotations

import errno
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mapsto.errors import MapstoError, NoSpace, OutOfMemory, UsageError, WeightsError
from mapsto.learning.fit import estimate, finished, fit
from mapsto.learning.games import Batch, Moment
from mapsto.learning.interruption import Interruption
from mapsto.learning.plans import average_weight
from mapsto.learning.run_folder import config, rows
from playing import Duel, Plain, Points, kept, plan, played, same


def test_it_learns(tmp_path: Path) -> None:
    reports = played(Plain(), plan(150), tmp_path)
    errors = [row["terms"]["square"] for row in rows(tmp_path)]
    assert errors[-1] < 0.1 * errors[0]
    last = reports[-1]
    assert (last.step, last.steps, last.images) == (150, 150, 1200)
    assert last.terms["square"] == errors[-1]
    assert last.eta_seconds == 0
    assert last.samples is not None
    assert last.samples.is_file()


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        played(Duel(), plan(6, seed=seed), tmp_path / name)
    assert same(kept(tmp_path / "a"), kept(tmp_path / "b"))
    assert not same(kept(tmp_path / "a"), kept(tmp_path / "c"))


def test_the_random_numbers_of_others_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    reports = fit(Duel(), Points(), plan(4), tmp_path)
    next(reports)
    drawn = [torch.rand(1), *(torch.rand(1) for _ in zip(range(2), reports, strict=False))]
    assert torch.equal(torch.cat(drawn), wanted)


def test_ctrl_c_finishes_the_step_saves_and_resumes_with_the_same_bits(tmp_path: Path) -> None:
    played(Duel(), plan(20), tmp_path / "calm")
    before = signal.getsignal(signal.SIGINT)
    reports = fit(Duel(), Points(), plan(20, rows=20), tmp_path / "run")
    while next(reports).step < 7:
        pass
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="Saved step 8 of 20"):
        next(reports)
    assert signal.getsignal(signal.SIGINT) is before
    assert played(Duel(), plan(20), tmp_path / "run", resume=True)[0].step == 8
    assert same(kept(tmp_path / "run"), kept(tmp_path / "calm"))


def test_resuming_a_finished_training_changes_nothing(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path)
    before = kept(tmp_path)
    (report,) = played(Plain(seed=9), plan(5), tmp_path, resume=True)
    assert (report.step, report.eta_seconds) == (5, 0)
    assert same(kept(tmp_path), before)


def test_a_damaged_newest_checkpoint_costs_its_steps_and_nothing_else(tmp_path: Path) -> None:
    played(Duel(), plan(12, checkpoint_every=5), tmp_path)
    wanted = kept(tmp_path)
    newest = max(tmp_path.glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-9])
    played(Duel(), plan(12, checkpoint_every=5), tmp_path, resume=True)
    assert same(kept(tmp_path), wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 4}, "batch was 8, is 4"),
        ({"steps": 9, "seed": 3}, "steps was 5, is 9; seed was 0, is 3"),
        ({"precision": "bf16"}, "precision was fp32, is bf16"),
    ],
)
def test_resuming_with_another_plan_says_what_differs(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    played(Plain(), plan(5), tmp_path)
    with pytest.raises(UsageError, match=words):
        played(Plain(), plan(**{"steps": 5} | change), tmp_path, resume=True)


def test_resuming_with_another_game_or_other_data_is_refused(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path)
    with pytest.raises(UsageError, match="kind was Plain, is Duel"):
        played(Duel(), plan(5), tmp_path, resume=True)
    with pytest.raises(UsageError, match="digest was 37-1, is 37-2"):
        played(Plain(), plan(5), tmp_path, source=Points(seed=2), resume=True)


def test_how_often_to_save_may_change_when_resuming(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path)
    played(Plain(), plan(5, checkpoint_every=2, samples_every=1, rows=2), tmp_path, resume=True)


def test_a_folder_is_neither_overwritten_nor_resumed_out_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training to resume"):
        played(Plain(), plan(5), tmp_path, resume=True)
    played(Plain(), plan(5), tmp_path)
    with pytest.raises(UsageError, match="There is a training in"):
        played(Plain(), plan(5), tmp_path)


def test_checkpoints_without_a_configuration_are_nobodys_to_overwrite(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path)
    wanted = kept(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(UsageError, match=r"holds checkpoints, but no config\.json"):
        played(Plain(), plan(5), tmp_path)
    assert same(kept(tmp_path), wanted)


def test_a_start_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path / "calm")
    played(Plain(), plan(5), tmp_path / "again")
    for path in (*tmp_path.glob("again/checkpoint-*5.safetensors"), tmp_path / "again" / "config.json"):
        path.unlink()
    played(Plain(), plan(5), tmp_path / "again")
    assert same(kept(tmp_path / "again"), kept(tmp_path / "calm"))
    assert len(rows(tmp_path / "again")) == 5


def test_no_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        played(Plain(), plan(5), tmp_path, source=Points(0))


class Failing(Plain):
    """Its loss is no number at some steps."""

    def __init__(self, *steps: int) -> None:
        super().__init__()
        self.steps = steps

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        found = super().terms(player, batch, moment)
        return {name: term * (torch.nan if moment.step in self.steps else 1) for name, term in found.items()}


def test_a_loss_that_is_no_number_sets_the_training_back_once(tmp_path: Path) -> None:
    reports = played(Failing(11), plan(20, checkpoint_every=4), tmp_path)
    (note,) = [note for report in reports for note in report.notes if "number" in note]
    assert note.startswith("Square and gradient stopped being a number at step 12: went back to step 4, at half the rate")
    assert reports[-1].step == 20
    assert all(bool(tensor.isfinite().all()) for tensor in kept(tmp_path).values())
    assert [row["step"] for row in rows(tmp_path)] == list(range(2, 21, 2))
    assert rows(tmp_path)[-1]["rate"] == pytest.approx(0.01)  # half of what the cosine ends at


def test_the_setback_survives_a_restart(tmp_path: Path) -> None:
    played(Failing(11), plan(20, checkpoint_every=4), tmp_path / "calm")
    reports = fit(Failing(11), Points(), plan(20, checkpoint_every=4, rows=20), tmp_path / "run")
    while not any("number" in note for note in next(reports).notes):
        pass
    reports.close()  # type: ignore[attr-defined]
    played(Failing(11), plan(20, checkpoint_every=4), tmp_path / "run", resume=True)
    assert same(kept(tmp_path / "run"), kept(tmp_path / "calm"))


def test_diverging_twice_stops_with_words_and_a_good_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(
        MapstoError, match=r"diverged a second time: square and gradient .* at step 14\. Lower the learning rate"
    ):
        played(Failing(11, 13), plan(20, checkpoint_every=4), tmp_path)
    assert all(bool(tensor.isfinite().all()) for tensor in kept(tmp_path).values())


def test_a_full_disk_pauses_the_training_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played(Duel(), plan(12, checkpoint_every=5), tmp_path / "calm")
    write, full = Path.write_bytes, [False, True, True, True]

    def limited(path: Path, content: bytes) -> int:
        if path.suffix == ".safetensors" and full and full.pop(0):
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", limited)
    monkeypatch.setattr(Interruption, "pause", lambda self, seconds: None)
    reports = played(Duel(), plan(12, checkpoint_every=5), tmp_path / "run")
    told = [note for report in reports for note in report.notes if "No space left" in note]
    assert len(told) == 3
    assert "waits for room" in told[0]
    assert same(kept(tmp_path / "run"), kept(tmp_path / "calm"))
    assert not list((tmp_path / "run").glob(".*"))


def test_ctrl_c_ends_the_wait_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = fit(Duel(), Points(), plan(12, checkpoint_every=5, rows=12), tmp_path)
    next(reports)

    def limited(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", limited)
    while not any("No space" in note for note in next(reports).notes):
        pass
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="Could not save step 5"):
        next(reports)


class Greedy(Duel):
    """Has memory for so many pictures at once."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        if player == "maker" and len(batch.x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().terms(player, batch, moment)


def test_out_of_memory_halves_the_pieces_as_if_they_had_been_so_from_the_start(tmp_path: Path) -> None:
    reports = played(Greedy(2), plan(8), tmp_path / "greedy")
    told = [note for report in reports for note in report.notes]
    assert "every batch of 8 is taken in 2 pieces" in told[0]
    assert "in 4 pieces" in told[1]
    played(Greedy(8), plan(8, accumulate=4), tmp_path / "modest")
    assert same(kept(tmp_path / "greedy"), kept(tmp_path / "modest"))


def test_not_enough_memory_for_one_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match="Choose a smaller size"):
        played(Greedy(0), plan(8), tmp_path)


@pytest.mark.parametrize("pieces", [2, 3, 8])
def test_pieces_add_up_to_the_batch(tmp_path: Path, pieces: int) -> None:
    for name, accumulate in (("whole", 1), ("pieces", pieces)):
        played(Plain(), plan(10, accumulate=accumulate), tmp_path / name, source=Points(flip=False))
    whole, in_pieces = kept(tmp_path / "whole"), kept(tmp_path / "pieces")
    for name, tensor in whole.items():
        torch.testing.assert_close(in_pieces[name], tensor, rtol=1e-3, atol=1e-5, msg=name)
    one, other = (rows(tmp_path / name)[-1]["terms"] for name in ("whole", "pieces"))
    assert one == pytest.approx(other, rel=1e-3)


class Watched(Plain):
    """Remembers its weights before every step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        self.seen.append(self.net[2].weight.detach().clone())
        return super().terms(player, batch, moment)


def test_the_average_is_the_sum_of_all_weights_each_with_its_share(tmp_path: Path) -> None:
    game = Watched()
    played(game, plan(15, ema=0.2), tmp_path)
    average = game.seen[0]
    for step, weights in enumerate([*game.seen[1:], game.net[2].weight.detach()]):
        stays = average_weight(8 * (step + 1), 8, 0.2)
        average = stays * average + (1 - stays) * weights
    torch.testing.assert_close(finished(Plain(), tmp_path)["net"].get_parameter("2.weight"), average)


def test_finished_modules_are_copies_in_evaluation_mode(tmp_path: Path) -> None:
    game = Plain()
    played(game, plan(5), tmp_path)
    net = finished(game, tmp_path)["net"]
    assert not net.training
    assert net is not game.net
    assert not any(parameter.requires_grad for parameter in net.parameters())
    with pytest.raises(WeightsError, match="of another maker"):
        finished(Duel(), tmp_path)
    with pytest.raises(WeightsError, match="no checkpoint"):
        finished(game, tmp_path / "elsewhere")


class Frozen(Duel):
    """A maker whose first layer stays."""

    def __init__(self) -> None:
        super().__init__()
        self.maker[0].requires_grad_(False)


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    game = Frozen()
    before = game.maker[0].weight.clone(), game.maker[3].weight.clone()
    played(game, plan(5), tmp_path)
    assert torch.equal(game.maker[0].weight, before[0])
    assert not torch.equal(game.maker[3].weight, before[1])
    assert not game.maker[0].weight.requires_grad


class Turns(Duel):
    """Notes which parameters may move in which turn."""

    def __init__(self) -> None:
        super().__init__()
        self.free: list[tuple[str, set[str]]] = []

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        self.free.append((player, {name.partition(".")[0] for name, p in self.named_parameters() if p.requires_grad}))
        return super().terms(player, batch, moment)


def test_players_take_turns_and_only_one_of_them_moves(tmp_path: Path) -> None:
    game = Turns()
    played(game, plan(2), tmp_path)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in game.parameters())  # as it came
    assert game.free == 2 * [("critic", {"critic"}), ("maker", {"maker"})]
    assert {"critic.penalty", "maker.adversarial", "maker.gradient"} <= rows(tmp_path)[0]["terms"].keys()


def test_hours_become_a_number_of_steps_that_resuming_keeps(tmp_path: Path) -> None:
    order = plan(0, hours=1e-5)
    game = Plain()
    played(game, order, tmp_path)
    found = config(tmp_path)
    assert found is not None
    steps = found["plan"]["steps"]
    assert steps >= 1
    assert played(Plain(), order, tmp_path, resume=True)[-1].steps == steps
    played(Plain(), plan(steps), tmp_path / "counted")
    assert same(kept(tmp_path), kept(tmp_path / "counted"))  # timing the first steps left no trace


class Probed(Plain):
    def probe(self, batch: Batch) -> dict[str, float]:
        return {"brightness": float(batch.x.mean())}


def test_training_and_held_out_pictures_are_probed_at_every_grid(tmp_path: Path) -> None:
    held_out = Points(10, seed=7, flip=False)
    played(Probed(), plan(10, samples_every=5), tmp_path, held_out=held_out)
    probed = [row for row in rows(tmp_path) if "train" in row]
    assert [row["step"] for row in probed] == [5, 10]
    assert all(0 < row["held_out"]["brightness"] < 1 for row in probed)
    assert probed[0]["train"] == probed[1]["train"]  # the same pictures every time
    assert probed[0]["train"] != probed[0]["held_out"]


def test_the_configuration_tells_everything(tmp_path: Path) -> None:
    played(Plain(), plan(3), tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())
    assert told["game"]["parameters"] == {"net": 3 * 4 * 9 + 4 + 4 * 3 + 3}
    assert told["plan"]["precision"] == "fp32"
    assert told["data"] == {"digest": "37-1", "pictures": 37}
    assert told["machine"]["processes"] == 1


def test_bf16_is_for_computing_and_not_for_keeping(tmp_path: Path) -> None:
    seen = []

    class Looking(Plain):
        def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
            seen.append(self.net(batch.x).dtype)
            return super().terms(player, batch, moment)

    played(Looking(), plan(3, precision="bf16"), tmp_path)
    assert set(seen) == {torch.bfloat16}
    assert {tensor.dtype for tensor in kept(tmp_path).values()} == {torch.float32}


def test_weights_lie_channels_last_and_so_do_moments_after_resuming(tmp_path: Path) -> None:
    played(Plain(), plan(5), tmp_path)
    game = Plain()
    played(game, plan(5), tmp_path, resume=True)
    assert isinstance(game.net[0], nn.Conv2d)
    assert game.net[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_an_estimate_takes_some_steps_with_a_copy(tmp_path: Path) -> None:
    game = Duel()
    before = {name: tensor.clone() for name, tensor in game.state_dict().items()}
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    found = estimate(game, Points(), plan(1000))
    assert torch.equal(torch.rand(1), wanted)
    assert same(before, game.state_dict())
    assert (found.steps, found.images) == (1000, 8000)
    assert found.seconds > 0
    assert found.memory is None or found.memory > 10_000_000
    played(game, plan(2), tmp_path)
    assert found.checkpoint == sum(tensor.nbytes for name, tensor in kept(tmp_path).items() if not name.startswith("extra/"))
    assert estimate(game, Points(), plan(0, hours=0.01)).steps > 1
    with pytest.raises(OutOfMemory, match="smaller batch"):
        estimate(Greedy(2), Points(), plan(1000))


class Sick(Plain):
    def noted(self) -> dict[str, float]:
        return {"nats": 0.1}


def test_a_finding_is_told_once_and_stays_in_the_log(tmp_path: Path) -> None:
    reports = played(Sick(), plan(10), tmp_path)
    told = [note for report in reports for note in report.notes]
    assert len(told) == 1
    assert "nats a picture" in told[0]
    found = rows(tmp_path)
    assert [list(row["findings"]) for row in found] == [[], []] + 8 * [["empty"]]
    assert [len(row["notes"]) for row in found] == [0, 0, 1] + 7 * [0]
    assert "nats a picture" in (tmp_path / "index.html").read_text()


class Hoarding(Plain):
    """Writes a file of its own with every grid, as far as there is room."""

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        raise NoSpace("No space left to write the best averages.")


def test_no_room_for_samples_is_told_and_stops_nothing(tmp_path: Path) -> None:
    reports = played(Hoarding(), plan(4), tmp_path)
    assert reports[-1].step == 4
    assert "best averages" in reports[-1].notes[0]


class Silent(Duel):
    """Its critic rests every second step."""

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        return {} if player == "critic" and moment.step % 2 else super().terms(player, batch, moment)


def test_a_player_may_pass(tmp_path: Path) -> None:
    played(Silent(), plan(6), tmp_path)
    state = kept(tmp_path)
    assert state["optimiser/critic/0.weight/step"] == 3
    assert state["optimiser/maker/0.weight/step"] == 6
