from __future__ import annotations

import copy
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from composers import SMALL, STYLES, network, piece
from mapsto.errors import UsageError
from mapsto.learning.fit import finished, fit
from mapsto.learning.games import Batch, Moment
from mapsto.learning.scores import (
    ROWS,
    STEPS,
    Piece,
    ScoreData,
    ScoreGame,
    density_of,
    parted,
    rows_of,
    transposed,
    voices_of,
)
from mapsto.sound.composing import Plan as Wanted
from mapsto.sound.composing import composed
from mapsto.sound.melody import HOLD_TOKEN, LOWEST, REST_TOKEN, TOKENS, UNKNOWN, ScoreNetwork, grid_of, tokens_of
from mapsto.sound.score import REST
from playing import kept, plan, same

ROW = {name: number for number, name in enumerate(ROWS)}


def a_piece(bars: int = 6, meter: int = 0, style: int = 0, seed: int = 0) -> Piece:
    return Piece(piece(bars, meter, seed), meter, seed % 2, style, f"piece {seed}")


def batch_of(*rows: np.ndarray, labels: tuple[int, ...] | None = None) -> Batch:
    return Batch(torch.from_numpy(np.stack(rows)), None if labels is None else torch.tensor(labels))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def certain(net: ScoreNetwork, **settings: Any) -> ScoreGame:
    """A game in which nothing is forgotten or hidden."""
    quiet = {"forget": 0.0, "blind": 0.0, "veiled": 0.0, "alone": 1.0}
    return ScoreGame(net, **{**quiet, **settings})


# ---- windows ----


@pytest.mark.parametrize(("meter", "length"), [(0, 16), (1, 12), (2, 12)])
@pytest.mark.parametrize("bar", [0, 2])
def test_a_window_says_where_it_is_and_what_is_there(meter: int, length: int, bar: int) -> None:
    own = a_piece(6, meter, seed=1)
    rows = rows_of(own, bar)
    assert rows.shape == (len(ROWS), STEPS)
    there = (6 - bar) * length
    assert np.array_equal(grid_of(torch.from_numpy(rows[:4, :there])).numpy(), own.grid[:, bar * length :])
    assert (rows[:4, there:] == UNKNOWN).all()
    steps = np.arange(STEPS)
    assert np.array_equal(rows[ROW["phase"]], steps % length)
    assert np.array_equal(rows[ROW["bar"]], bar + steps // length)
    assert np.array_equal(rows[ROW["left"]], np.maximum(0, 6 - bar - steps // length))
    told = {name: rows[ROW[name]] for name in ("meter", "mode", "density", "voices", "key")}
    wanted = {"meter": meter, "mode": 1, "density": density_of(own.grid, meter), "voices": voices_of(own.grid), "key": 0}
    assert all((told[name] == wanted[name]).all() for name in wanted)


def test_a_long_piece_fills_the_window_and_past_the_end_is_the_last_bar() -> None:
    own = a_piece(30)
    assert (rows_of(own, 3)[:4] != UNKNOWN).all()
    assert np.array_equal(rows_of(own, 99), rows_of(own, 29))


def test_notes_and_voices_are_counted() -> None:
    grid = np.full((4, 32), REST)
    grid[3, ::4] = 60  # four notes a bar
    grid[0, 0] = 40
    assert density_of(grid, 0) == int(np.searchsorted((2.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0), 4.5))
    assert voices_of(grid) == 0b1001
    grid[0, 0] = REST
    assert voices_of(grid) == 0b1000
    assert density_of(grid[:, :24], 1) == density_of(grid, 0)  # of as many steps


@pytest.mark.parametrize("key", range(12))
def test_another_key_moves_all_notes_alike_and_nothing_else(key: int) -> None:
    rows = rows_of(a_piece(3), 0)
    moved = transposed(rows, key)
    shift = key if key < 6 else key - 12
    is_note = (rows[:4] > HOLD_TOKEN) & (rows[:4] < UNKNOWN)
    assert np.array_equal(moved[:4][~is_note], rows[:4][~is_note])
    assert (moved[:4][is_note] - rows[:4][is_note] == shift).all()
    assert np.array_equal(moved[4 : ROW["key"]], rows[4 : ROW["key"]])
    assert (moved[ROW["key"]] == key).all()


@pytest.mark.parametrize("key", range(12))
def test_no_note_becomes_silence_in_another_key(key: int) -> None:
    rows = rows_of(a_piece(3), 0)
    rows[:4, : TOKENS - 2] = np.arange(2, TOKENS)
    moved = transposed(rows, key)[:4, : TOKENS - 2]
    assert moved.min() > HOLD_TOKEN
    assert moved.max() < UNKNOWN
    assert ((moved - np.arange(2, TOKENS) - key) % 12 == 0).all()


def test_rare_styles_are_shown_more_often_than_they_are() -> None:
    pieces = [a_piece(403, style=0), a_piece(7, style=1, seed=2)]  # 100 windows and one
    assert [len(ScoreData(pieces, 3, balance=b)) for b in (1.0, 0.5, 0.0)] == [101, 110, 200]
    half = ScoreData(pieces, 3)
    assert sum(half.pieces[number].style == 1 for number, _ in half.windows) == 10
    assert {bar for number, bar in half.windows if number == 0} == set(range(0, 400, 4))


def test_a_batch_depends_on_its_generator_alone() -> None:
    data = ScoreData([a_piece(8, seed=seed, style=seed % 3) for seed in range(6)], 3)
    chosen = np.array([0, 3, 5, 1])
    one, same_, other = (data.batch(chosen, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.x, same_.x)
    assert not torch.equal(one.x, other.x)
    assert one.labels is not None
    assert one.labels.tolist() == [data.pieces[data.windows[index][0]].style for index in chosen]


def test_half_of_what_is_shown_stays_in_c() -> None:
    data = ScoreData([a_piece(8)], 1)
    batch = data.batch(np.zeros(600, np.int64), generator())
    keys = torch.bincount(batch.x[:, ROW["key"], 0], minlength=12)
    assert float(keys[0]) == pytest.approx(600 * 12 / 23, abs=60)
    assert int(keys[1:].min()) > 10


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, meter=2),
        lambda p: replace(p, mode=1),
        lambda p: replace(p, style=1),
        lambda p: replace(p, grid=np.where(p.grid == 60, 61, p.grid)),
    ],
)
def test_the_digest_tells_data_apart(change: Any) -> None:
    own = a_piece(3, 1)
    own.grid[3, 0] = 60
    assert ScoreData([own], 2).digest == ScoreData([replace(own, name="other")], 2).digest
    assert ScoreData([own], 2).digest != ScoreData([change(own)], 2).digest
    assert ScoreData([own], 2).digest != ScoreData([own], 3).digest
    assert ScoreData([own], 2).digest != ScoreData([own, own], 2).digest


# ---- the loss ----


def test_the_loss_is_the_mean_cross_entropy_of_what_is_known() -> None:
    """Of every voice and step up to the end of the piece, by the network's own logits; by hand."""
    net, own = network(), a_piece(3, 1, style=1)
    rows = rows_of(own, 0)
    batch = batch_of(rows, labels=(1,))
    tokens, places, wish = parted(batch, 3, 0.0, generator())
    logits = net.logits(tokens, places, wish)[0, :, :36].double().log_softmax(2)
    wanted = -logits.gather(2, tokens[0, :, :36, None])[..., 0].mean()
    found = certain(net).terms("network", batch, Moment(0, 0.0, 0, generator()))["notes"]
    assert float(found) == pytest.approx(float(wanted), rel=1e-5)


def test_what_lies_after_the_end_is_no_loss() -> None:
    net = network()
    game = certain(net)
    short, long = (rows_of(a_piece(bars), 0) for bars in (2, 40))
    long[:4, 32:] = UNKNOWN
    long[4:] = short[4:]
    long[:4, :32] = short[:4, :32]
    losses = [float(game._losses(batch_of(rows, labels=(0,)), generator(), 1.0)[0]) for rows in (short, long)]
    assert losses[0] == losses[1]
    nothing = short.copy()
    nothing[:4] = UNKNOWN
    assert float(game._losses(batch_of(nothing, labels=(0,)), generator(), 1.0)[0]) == 0.0
    tokens = torch.from_numpy(short[:4])[None]
    net_with = network().requires_grad_(True)
    parts = parted(batch_of(short, labels=(0,)), 3, 0.0, generator())
    found = net_with.logits(tokens, *parts[1:])
    found.retain_grad()
    each = torch.nn.functional.cross_entropy(found.flatten(0, 2), tokens.flatten().clamp_max(UNKNOWN - 1), reduction="none")
    (each * (tokens != UNKNOWN).flatten()).sum().backward()
    assert found.grad is not None
    assert (found.grad[:, :, 32:] == 0).all()


def test_the_kl_is_that_of_normal_distributions_and_is_free_up_to_a_rate() -> None:
    from torch.distributions import Normal, kl_divergence

    net, batch = network(), batch_of(rows_of(a_piece(16), 0), labels=(0,))
    game = certain(net, free=1.0, beta=0.5)
    tokens, places, _ = parted(batch, 3, 0.0, generator())
    mean, log_variance = net.reader(tokens, places.bar_steps)
    kl = float(kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(2).mean())
    terms = game.terms("network", batch, Moment(0, 1.0, 0, generator()))
    assert game.noted()["kl_nats"] == pytest.approx(kl, rel=1e-5)
    assert float(terms["kl"]) == pytest.approx(0.5 * max(0.0, kl - 1.0) / 128, rel=1e-4)
    halfway = game.terms("network", batch, Moment(0, 0.05, 0, generator()))["kl"]
    assert float(halfway) == pytest.approx(0.5 * float(terms["kl"]), rel=1e-5)
    assert float(certain(net, free=1e6).terms("network", batch, Moment(0, 1.0, 0, generator()))["kl"]) == 0.0


def test_with_latents_the_network_is_told_of_the_phrase() -> None:
    """The noise of the latents reaches the notes where there are latents, and only there."""
    net, batch = network(), batch_of(rows_of(a_piece(16), 0), labels=(0,))
    for alone, tells in ((1.0, False), (0.0, True)):
        one, other = (float(certain(net)._losses(batch, generator(seed), alone)[0]) for seed in (0, 1))
        assert (one != other) is tells


def test_parts_of_the_wish_are_forgotten_as_often_as_said() -> None:
    rows = rows_of(a_piece(2, seed=1), 0)
    count = 4000
    batch = Batch(torch.from_numpy(rows)[None].expand(count, -1, -1), torch.ones(count, dtype=torch.int64))
    _, places, wish = parted(batch, 3, 0.25, generator())
    lost = {
        "style": wish.style[:, 3] == 1,
        "mode": wish.mode == 2,
        "density": wish.density == 8,
        "voices": wish.voices == 0,
    }
    for part in lost.values():
        assert float(part.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float((lost["style"] & lost["mode"]).float().mean()) == pytest.approx(0.0625, abs=0.02)
    assert (wish.style.sum(1) == 1).all()
    assert (places.meter == 0).all()
    unlabelled = parted(Batch(batch.x[:4]), 3, 0.0, generator())[2]
    assert (unlabelled.style[:, 3] == 1).all()


def test_a_probe_hides_nothing_and_can_be_compared_with_the_last() -> None:
    net, batch = network(), batch_of(rows_of(a_piece(6), 0), labels=(0,))
    open_, hiding = certain(net), ScoreGame(net, forget=0.5, blind=0.5, veiled=0.9)
    assert hiding.probe(batch) == hiding.probe(batch) == open_.probe(batch)
    assert (hiding.forget, hiding.blind, hiding.veiled) == (0.5, 0.5, 0.9)
    assert open_.probe(batch)["notes"] == pytest.approx(float(open_._losses(batch, generator(0), 1.0)[0]))


# ---- learning ----


def trained(run: Path, steps: int, resume: bool = False, **more: Any) -> ScoreGame:
    torch.manual_seed(0)
    game = ScoreGame(ScoreNetwork(STYLES, **SMALL))
    data = ScoreData([a_piece(8, seed=seed, style=seed % 3) for seed in range(4)], 3)
    for _ in fit(game, data, plan(steps, batch=2, **more), run, resume=resume):
        pass
    return game


def test_stopped_and_resumed_it_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    trained(tmp_path / "calm", 8)
    torch.manual_seed(0)
    data = ScoreData([a_piece(8, seed=seed, style=seed % 3) for seed in range(4)], 3)
    reports = fit(ScoreGame(ScoreNetwork(STYLES, **SMALL)), data, plan(8, batch=2, rows=8), tmp_path / "run")
    while next(reports).step < 3:
        pass
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="Saved step 4 of 8"):
        next(reports)
    trained(tmp_path / "run", 8, resume=True)
    assert same(kept(tmp_path / "run"), kept(tmp_path / "calm"))


def test_other_data_or_settings_are_not_resumed(tmp_path: Path) -> None:
    trained(tmp_path, 2)
    other = ScoreData([a_piece(8, seed=9)], 3)
    with pytest.raises(UsageError, match="digest was"):
        list(fit(ScoreGame(ScoreNetwork(STYLES, **SMALL)), other, plan(2, batch=2), tmp_path, resume=True))
    data = ScoreData([a_piece(8, seed=seed, style=seed % 3) for seed in range(4)], 3)
    game = ScoreGame(ScoreNetwork(STYLES, **SMALL), veiled=0.5)
    with pytest.raises(UsageError, match=r"veiled was 0\.6, is 0\.5"):
        list(fit(game, data, plan(2, batch=2), tmp_path, resume=True))


def test_how_many_notes_are_usual_is_kept_with_the_weights(tmp_path: Path) -> None:
    game = ScoreGame(ScoreNetwork(STYLES, **SMALL))
    game.network.usual.copy_(torch.tensor([5.0, 6.0, 7.0]))
    for _ in fit(copy.deepcopy(game), ScoreData([a_piece(8)], 3), plan(2, batch=2), tmp_path):
        pass
    average = finished(game, tmp_path)["network"]
    assert isinstance(average, ScoreNetwork)
    assert average.usual.tolist() == [5.0, 6.0, 7.0]


class Two(ScoreData):
    """Pieces from their beginning, in C, in turn."""

    def batch(self, indices: np.ndarray, generator: torch.Generator) -> Batch:
        rows = [rows_of(each, 0, 64) for each in self.pieces]
        return batch_of(*rows, labels=tuple(each.style for each in self.pieces))


def test_two_pieces_are_learned_by_heart_and_told_apart_by_their_styles(tmp_path: Path) -> None:
    pieces = [a_piece(4, style=style, seed=2 * style) for style in (0, 1)]
    torch.manual_seed(0)
    net = ScoreNetwork(STYLES, **{**SMALL, "width": 32, "condition": 16})
    game = certain(net, rate=1e-2)
    for _ in fit(game, Two(pieces, 3), plan(150, batch=2, clip=1.0), tmp_path):
        pass
    learned = game.network.eval()
    assert game.noted()["notes"] < 0.05
    for each in pieces:
        weights = torch.nn.functional.one_hot(torch.tensor(each.style), 3).float().expand(4, 4, -1)
        wanted = Wanted(weights, mode=each.mode, temperature=0.0, guidance=1.0, voices=[voices_of(each.grid)] * len(weights))
        wanted = replace(wanted, notes=float((each.grid >= 0).sum()) / 4)
        found = torch.cat(list(composed(learned, wanted, learned.usual)), 1)
        assert float((grid_of(found) == torch.from_numpy(each.grid)).float().mean()) > 0.9


def test_tokens_of_a_window_are_those_of_the_piece() -> None:
    own = a_piece(2)
    rows = torch.from_numpy(rows_of(own, 0))
    assert torch.equal(rows[:4, :32], tokens_of(torch.from_numpy(own.grid)))
    assert REST_TOKEN in rows[:4]
    assert int(own.grid[own.grid >= 0].min()) >= LOWEST
