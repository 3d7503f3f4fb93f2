from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from composers import network, piece, places, wish
from mapsto.sound import composing, melody
from mapsto.sound.composing import Composing, Plan, Recall, composed, latents_of
from mapsto.sound.melody import DENSITIES, HOLD_TOKEN, LOOKBACK, ORDER, REST_TOKEN, TOKENS, UNKNOWN, looked_back, tokens_of

USUAL = torch.tensor([12.0, 8.0, 10.0])
PLAIN: dict[str, Any] = {"guidance": 1.0, "temperature": 1.0, "top": 1.0}


def weights(bars: int, *row: float) -> Tensor:
    return torch.tensor(row).expand(bars, 4, -1)


RAGTIME, HALVES = (1.0, 0.0, 0.0), (0.5, 0.5, 0.0)


def written(plan: Plan, seed: int = 0, given: Tensor | None = None, spread: float = 0.25) -> Tensor:
    return torch.cat(list(composed(network(seed, spread), plan, USUAL, given)), 1)


def joined(plan: Plan, logits: Tensor, shares: Tensor) -> Tensor:
    """What `Composing` makes of the opinions of experts."""
    return Composing(network(), plan, USUAL)._joined(logits, shares)


def logits(experts: int) -> Tensor:
    return torch.randn(experts, TOKENS, generator=torch.Generator().manual_seed(5))


# ---- several styles at once ----


def test_a_product_is_the_normalised_product_of_powers() -> None:
    x, shares = logits(3), torch.tensor([0.7, 0.3])
    p = x.double().softmax(1)
    wanted = p[0] ** 0.7 * p[1] ** 0.3
    found = joined(Plan(weights(1, 0.7, 0.3, 0.0), **PLAIN), x, shares).exp()
    assert torch.allclose(found.double(), wanted / wanted.sum(), atol=1e-6)


def test_a_mixture_is_the_weighted_mean_of_probabilities() -> None:
    x, shares = logits(3), torch.tensor([0.7, 0.3])
    p = x.double().softmax(1)
    found = joined(Plan(weights(1, 0.7, 0.3, 0.0), blend="mixture", **PLAIN), x, shares).exp()
    assert torch.allclose(found.double(), 0.7 * p[0] + 0.3 * p[1], atol=1e-6)


@pytest.mark.parametrize("blend", ["product", "mixture"])
def test_one_style_without_guidance_is_that_style_itself(blend: str) -> None:
    x = logits(2)
    found = joined(Plan(weights(1, *RAGTIME), blend=blend, **PLAIN), x, torch.tensor([1.0]))
    assert torch.allclose(found, x[0].log_softmax(0), atol=1e-5)


@pytest.mark.parametrize("blend", ["product", "mixture"])
def test_a_style_of_weight_zero_says_nothing(blend: str) -> None:
    x = logits(3)
    found = joined(Plan(weights(1, *HALVES), blend=blend, **PLAIN), x, torch.tensor([1.0, 0.0]))
    assert torch.allclose(found, x[0].log_softmax(0), atol=1e-5)


def test_guidance_goes_on_past_the_style_away_from_none() -> None:
    x = logits(2)
    p, none = x.double().softmax(1)
    wanted = p**2 / none
    found = joined(Plan(weights(1, *RAGTIME), **{**PLAIN, "guidance": 2.0}), x, torch.tensor([1.0])).exp()
    assert torch.allclose(found.double(), wanted / wanted.sum(), atol=1e-6)


def test_without_a_style_only_the_expert_for_none_is_asked() -> None:
    x = logits(1)
    found = joined(Plan(weights(1, 0.0, 0.0, 0.0)), x, torch.empty(0))
    assert torch.allclose(found, x[0].log_softmax(0), atol=1e-6)


def test_the_first_note_is_drawn_from_the_styles_own_distribution() -> None:
    """Of 600 seeds, how often each token comes, against the network's own probabilities: a χ² test."""
    net, plan = network(), Plan(weights(1, *RAGTIME), **PLAIN)
    own = net.logits(torch.full((1, 4, 16), UNKNOWN), places(1), wish(0))[0, ORDER[0], 0].softmax(0)
    own[HOLD_TOKEN] = 0
    own /= own.sum()
    with torch.inference_mode():
        first = [int(Composing(net, replace(plan, seed=seed), USUAL)._step(0, 0)[ORDER[0]]) for seed in range(600)]
    counts = torch.bincount(torch.tensor(first), minlength=TOKENS).float()
    likely = own * 600 >= 5
    seen = torch.cat([counts[likely], counts[~likely].sum()[None]])
    meant = torch.cat([600 * own[likely], 600 * own[~likely].sum()[None]])
    chi2, freedom = float(((seen - meant).square() / meant).sum()), len(seen) - 1
    assert chi2 < freedom + 4 * (2 * freedom) ** 0.5


def test_composing_goes_through_the_states_of_the_network() -> None:
    """What every step was drawn from is what the network says of the whole piece at once."""
    net, plan = network(), Plan(weights(9, *HALVES), seed=3)
    work, states = Composing(net, plan, USUAL), list[Tensor]()
    kept = work._state

    def noting(number: int, z: Tensor | None) -> Tensor:
        states.append(kept(number, z))
        return states[-1]

    work._state = noting  # type: ignore[method-assign]
    with torch.inference_mode():
        tokens = torch.cat(list(work.bars()), 1)[None]
        where = places(9)
        for expert, style in enumerate((0, 1, 3)):
            wished = wish(style)._replace(density=work._wish.density[expert : expert + 1])
            at_once = net.states(looked_back(tokens, where), where, wished, None)[0]
            assert torch.allclose(torch.stack([h[expert] for h in states]), at_once, atol=1e-4)


# ---- rules ----


@pytest.mark.parametrize("meter", [0, 1, 2])
def test_the_same_seed_gives_the_same_piece_and_another_another(meter: int) -> None:
    plan = Plan(weights(3, *HALVES), meter=meter, seed=7)
    one, same, other = written(plan), written(plan), written(replace(plan, seed=8))
    assert one.shape == (4, 3 * (16, 12, 12)[meter])
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_it_comes_bar_by_bar() -> None:
    plan = Plan(weights(3, *RAGTIME), meter=1)
    bars = list(composed(network(), plan, USUAL))
    assert [tuple(bar.shape) for bar in bars] == [(4, 12)] * 3


def test_nothing_holds_where_nothing_sounds() -> None:
    tokens = written(Plan(weights(8, *HALVES), temperature=2.0, top=1.0))
    assert (tokens == HOLD_TOKEN).any()
    for voice in tokens.tolist():
        assert voice[0] != HOLD_TOKEN
        assert (REST_TOKEN, HOLD_TOKEN) not in pairwise(voice)


def test_voices_that_rest_stay_silent() -> None:
    tokens = written(Plan(weights(2, *RAGTIME), voices=(0b1001, 0b1001)))
    assert (tokens[[1, 2]] == REST_TOKEN).all()
    assert (tokens[[0, 3]] > HOLD_TOKEN).any(1).all()


@pytest.mark.parametrize("meter", [0, 1])
def test_who_asks_for_more_notes_gets_more(meter: int) -> None:
    plan = Plan(weights(8, *RAGTIME), meter=meter, temperature=0.7)
    counts = [float((written(replace(plan, notes=notes))[:, 24:] > HOLD_TOKEN).sum()) for notes in (4.0, 16.0, 40.0)]
    assert counts[0] < counts[1] < counts[2]


def test_the_pull_is_a_logarithm_of_notes_that_were_against_notes_that_should_be() -> None:
    work = Composing(network(), Plan(weights(4, *RAGTIME), notes=8.0), USUAL)
    assert work._pull(0) == 0.0
    note, rest = torch.tensor([5, 5, 0, 0]), torch.zeros(4, dtype=torch.int64)

    def after(notes: int) -> float:
        """Of 32 steps, so many with two notes."""
        work._written.steps = [note] * notes + [rest] * (32 - notes)
        return work._pull(0)

    assert after(8) == pytest.approx(0.0, abs=1e-6)  # 8 notes a bar
    half, twice = (0.25 + 0.02) / (0.5 + 0.02), (1.0 + 0.02) / (0.5 + 0.02)
    assert after(4) == pytest.approx(-composing.PULL * float(torch.tensor(half).log2()), abs=1e-6)
    assert after(16) == pytest.approx(-composing.PULL * float(torch.tensor(twice).log2()), abs=1e-6)
    assert after(0) == pytest.approx(1.5 * composing.PULL)


def test_without_a_style_and_a_number_there_is_no_pull() -> None:
    work = Composing(network(), Plan(weights(4, 0.0, 0.0, 0.0)), USUAL)
    work._written.steps = [torch.tensor([5, 5, 5, 5])] * 32
    assert work._pull(0) == 0.0


def test_the_usual_number_of_notes_is_that_of_the_styles_by_weight() -> None:
    wanted = 0.5 * (12.0 + 8.0)
    works = [Composing(network(), Plan(weights(4, *HALVES), notes=n), USUAL) for n in (None, wanted)]
    for work in works:
        work._written.steps = [torch.tensor([5, 0, 0, 0])] * 32
    assert works[0]._pull(0) == pytest.approx(works[1]._pull(0))


def test_the_density_that_is_asked_for_is_that_of_training() -> None:
    from mapsto.learning.scores import density_of

    for bars, meter in ((4, 0), (4, 1)):
        grid = piece(bars, meter)
        notes = float((grid >= 0).sum()) / bars
        wished = Composing(network(), Plan(weights(1, *RAGTIME), meter=meter, notes=notes), USUAL)._wish
        assert wished.density.tolist() == [density_of(grid, meter)] * 2


def test_where_no_density_is_asked_for_every_style_has_its_own() -> None:
    used = torch.tensor([DENSITIES[1] - 0.5, DENSITIES[4] + 0.5, 0.0])
    wished = Composing(network(), Plan(weights(1, *HALVES)), used)._wish
    assert wished.density.tolist() == [1, 5, len(DENSITIES) + 1]  # no style, no density
    half = Composing(network(), Plan(weights(1, *HALVES), busy=DENSITIES[0] / DENSITIES[4]), used)._wish
    assert half.density.tolist()[1] == 1
    untold = Composing(network(), Plan(weights(1, *HALVES)), torch.zeros(3))._wish
    assert untold.density.tolist() == [len(DENSITIES) + 1] * 3


def test_what_returns_brings_back_no_style_that_was_left() -> None:
    curve = torch.cat([weights(2, *RAGTIME), weights(2, *HALVES)])
    work = Composing(network(), Plan(curve), USUAL)
    assert [work._kinship(bar, 2, 3) for bar in range(4)] == [1.0, 1.0, 0.5**4, 0.5**4]
    assert work._kinship(3, 1, 3) == 1.0


def test_voices_follow_styles_of_their_own() -> None:
    """Where the bass alone has another style, only what the bass is drawn from changes."""
    curve = weights(1, *RAGTIME).clone()
    curve[:, 0] = torch.tensor([0.0, 1.0, 0.0])
    net = network()
    one, own = Composing(net, Plan(weights(1, *HALVES), **PLAIN), USUAL), Composing(net, Plan(curve, **PLAIN), USUAL)
    assert one.experts == own.experts == [0, 1]
    x = logits(3)
    for voice in range(4):
        found = own._joined(x, curve[0, voice][own.experts])
        assert torch.allclose(found, x[int(voice == 0)].log_softmax(0), atol=1e-5)


def test_no_temperature_takes_the_likeliest_whatever_the_seed() -> None:
    plan = Plan(weights(2, *RAGTIME), temperature=0.0)
    assert torch.equal(written(plan), written(replace(plan, seed=9)))


def test_only_the_likeliest_are_drawn() -> None:
    work = Composing(network(), Plan(weights(1, *RAGTIME), temperature=1.0, top=0.6), USUAL)
    odds = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert {int(work._drawn(odds)) for _ in range(200)} == {0, 1}


# ---- what returns ----


def test_a_recall_beyond_doubt_gives_the_piece_back() -> None:
    for meter in (0, 1):
        given = tokens_of(torch.from_numpy(piece(5, meter)))
        strength = torch.full((given.shape[1],), torch.inf)
        plan = Plan(weights(5, *HALVES), meter=meter, recall=(Recall(given, strength),), z=torch.full((3, 4), torch.nan))
        assert torch.equal(written(plan), given)


def test_a_recall_may_be_longer_or_shorter_than_the_piece_or_say_nothing() -> None:
    given = tokens_of(torch.from_numpy(piece(2)))
    certain = torch.full((32,), torch.inf)
    longer = Plan(weights(1, *RAGTIME), recall=(Recall(given, certain),))
    assert torch.equal(written(longer), given[:, :16])
    shorter = Plan(weights(3, *RAGTIME), recall=(Recall(given, certain),))
    assert torch.equal(written(shorter)[:, :32], given)
    unknown = Plan(weights(2, *RAGTIME), recall=(Recall(torch.full((4, 32), UNKNOWN), certain),))
    assert torch.equal(written(unknown), written(Plan(weights(2, *RAGTIME))))


def test_voices_may_change_with_the_bars() -> None:
    found = written(Plan(weights(3, *RAGTIME), voices=(0b1001, 0, 0b1000))).unflatten(1, (3, 16))
    silent = (found <= REST_TOKEN).all(2)
    assert silent.T.tolist() == [[False, True, True, False], [False] * 4, [True, True, True, False]]


def test_two_recalls_that_contradict_each_other_are_no_trouble() -> None:
    pieces = [tokens_of(torch.from_numpy(piece(2, seed=seed))) for seed in (0, 1)]
    certain = torch.full((32,), torch.inf)
    found = written(Plan(weights(2, *RAGTIME), recall=tuple(Recall(each, certain) for each in pieces)))
    assert ((found == pieces[0]) | (found == pieces[1]) | (found == REST_TOKEN)).float().mean() > 0.9


def test_the_form_brings_bars_back() -> None:
    form = (0, 0, 2, 2, 0, 5)
    found = written(Plan(weights(6, *RAGTIME), form=form, returning=1e4)).unflatten(1, (6, 16))
    assert torch.equal(found[:, 2:4, 1:], found[:, 0:2, 1:])
    assert torch.equal(found[:, 5, 1:], found[:, 0, 1:])
    assert not torch.equal(found[:, 4, 1:], found[:, 2, 1:])


def test_a_bar_that_comes_back_from_before_the_beginning_is_free() -> None:
    plan = Plan(weights(2, *RAGTIME), form=(4, 4), returning=1e4)
    assert torch.equal(written(plan), written(replace(plan, form=())))


def test_a_long_piece_forgets_only_what_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written is kept as long as the lookback, the form and the count of notes look at it."""
    form = [12 * (bar >= 12) for bar in range(30)]
    plan = Plan(weights(30, *RAGTIME), meter=1, form=form)
    found = written(plan)
    seen: list[int] = []
    kept = composing._Written.before

    def noting(self: Any, lag: int) -> Tensor:
        seen.append(len(self.steps))
        return kept(self, lag)

    monkeypatch.setattr(composing._Written, "before", noting)
    assert torch.equal(written(plan), found)
    assert max(seen) <= (max(LOOKBACK) + 12 + composing.WATCHED + 1) * 12

    class Everything(list[Tensor]):
        def __delitem__(self, key: Any) -> None:
            """Nothing is forgotten."""

    work = Composing(network(), plan, USUAL)
    work._written.steps = Everything()
    with torch.inference_mode():
        assert torch.equal(torch.cat(list(work.bars()), 1), found)


# ---- after what is given ----


def test_what_is_given_is_what_the_network_remembers() -> None:
    """A piece that is gone on with is drawn from the states that the whole has at once."""
    net, given = network(), tokens_of(torch.from_numpy(piece(3)))
    work = Composing(net, Plan(weights(1, *RAGTIME)), USUAL, given)
    with torch.inference_mode():
        h = work._state(48, None)
    whole = torch.cat([given, torch.full((4, 16), UNKNOWN)], 1)[None]
    wished = wish(0)._replace(density=work._wish.density[:1])
    at_once = net.states(looked_back(whole, places(4)), places(4), wished, None)[0, 48]
    assert torch.allclose(h[0], at_once, atol=1e-4)


def test_of_a_long_piece_only_the_end_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "MEMORY", 32)
    monkeypatch.setattr(melody, "MEMORY", 32)
    given = tokens_of(torch.from_numpy(piece(40)))
    work = Composing(network(), Plan(weights(1, *RAGTIME)), USUAL, given)
    assert work._memory.steps == 32
    assert torch.equal(torch.stack(work._written.steps, 1), given)
    assert next(work.bars()).shape == (4, 16)


def test_what_follows_a_held_note_may_hold_it() -> None:
    given = torch.zeros(4, 16, dtype=torch.int64)
    given[3] = HOLD_TOKEN
    given[3, 0] = 40
    recall = Recall(torch.full((4, 16), HOLD_TOKEN), torch.full((16,), torch.inf))
    found = written(Plan(weights(1, *RAGTIME), recall=(recall,)), given=given)
    assert (found[3] == HOLD_TOKEN).all()
    assert (found[:3, 0] != HOLD_TOKEN).all()


def test_latents_are_those_of_the_reader_and_fewer_than_bars_go_on() -> None:
    given = tokens_of(torch.from_numpy(piece(3, 2)))
    net = network()
    z = latents_of(net, given, 2)
    assert torch.equal(z, net.reader(given[None], torch.tensor([12]))[0][0])
    assert z.shape == (2, 4)
    plan = Plan(weights(7, *RAGTIME), meter=2, z=z)
    longer = replace(plan, z=torch.cat([z, z[-1:], z[-1:]]))
    assert torch.equal(written(plan), written(longer))
    assert not torch.equal(written(plan), written(replace(plan, z=None)))
    assert torch.equal(written(replace(plan, z=torch.full((2, 4), torch.nan))), written(replace(plan, z=None)))
