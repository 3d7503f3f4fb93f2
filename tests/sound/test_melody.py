from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from composers import SMALL, STYLES, network, piece, places, tokens, wish
from mapsto.sound import melody
from mapsto.sound.melody import (
    HIGHEST,
    HOLD_TOKEN,
    LOOKBACK,
    LOWEST,
    ORDER,
    REST_TOKEN,
    TOKENS,
    UNKNOWN,
    Memory,
    Places,
    ScoreNetwork,
    grid_of,
    looked_back,
    phrase_steps,
    phrases_of,
    tokens_of,
    turned,
)
from mapsto.sound.score import HOLD, REST


def close(a: Tensor, b: Tensor, within: float = 1e-4) -> bool:
    return bool(torch.allclose(a, b, atol=within, rtol=0))


# ---- tokens ----


def test_a_grid_comes_back_from_its_tokens() -> None:
    every = torch.tensor([REST, HOLD, *range(LOWEST, HIGHEST + 1)])
    assert torch.equal(grid_of(tokens_of(every)), every)
    assert torch.equal(tokens_of(every).sort().values, torch.arange(TOKENS))
    assert tokens_of(torch.tensor([REST, HOLD])).tolist() == [REST_TOKEN, HOLD_TOKEN]


@given(st.integers(0, 127))
def test_pitches_out_of_reach_come_within_it_by_whole_octaves(pitch: int) -> None:
    found = int(grid_of(tokens_of(torch.tensor(pitch))))
    assert LOWEST <= found <= HIGHEST
    assert (found - pitch) % 12 == 0
    assert abs(found - pitch) < 12 + max(LOWEST - pitch, pitch - HIGHEST, -11)


# ---- what is seen ----


@pytest.mark.parametrize(("meter", "length"), [(0, 16), (1, 12), (2, 12)])
def test_every_step_sees_the_step_before_and_those_bars_ago(meter: int, length: int) -> None:
    x = tokens(10, meter)
    seen = looked_back(x, places(10, meter))
    assert len(seen) == 1 + len(LOOKBACK)
    for each, lag in zip(seen, (1, *(bars * length for bars in LOOKBACK)), strict=True):
        assert (each[:, :, :lag] == UNKNOWN).all()
        assert torch.equal(each[:, :, lag:], x[:, :, :-lag])


def test_meters_in_one_batch_look_back_by_their_own_bars() -> None:
    x = tokens(6, 1, batch=2)  # 72 steps
    both = Places(*(torch.cat([a[:, :72], b], 0) for a, b in zip(places(5, 0), places(6, 1), strict=True)))
    bar = looked_back(x, both)[1]
    assert torch.equal(bar[0, :, 16:], x[0, :, :-16])
    assert torch.equal(bar[1, :, 12:], x[1, :, :-12])


@pytest.mark.parametrize("meter", [0, 1, 2])
def test_later_notes_never_change_what_was_thought_of_earlier_ones(meter: int) -> None:
    net, x, where = network(), tokens(6, meter), places(6, meter)
    before = net.logits(x, where, wish())
    for at in (1, 17, 40):
        changed = x.clone()
        changed[:, :, at:] = tokens(6, meter, seed=1)[:, :, at:]
        after = net.logits(changed, where, wish())
        assert close(after[:, :, :at], before[:, :, :at], 1e-5)
        first = ORDER[0]
        assert close(after[:, first, at], before[:, first, at], 1e-5)  # chosen before the others of its step
        assert not close(after[:, :, at + 1], before[:, :, at + 1])


def test_each_voice_knows_those_chosen_before_it_and_no_others() -> None:
    net, x, where = network(), tokens(2), places(2)
    before = net.logits(x, where, wish())
    for place, voice in enumerate(ORDER):
        changed = x.clone()
        changed[0, voice, -1] = (changed[0, voice, -1] + 1) % TOKENS
        moved = (net.logits(changed, where, wish()) - before)[0, :, -1].abs().amax(1) > 1e-6
        assert {v for v in range(4) if moved[v]} == set(ORDER[place + 1 :])


@pytest.mark.parametrize("meter", [0, 1])
def test_step_by_step_is_the_same_as_all_at_once(meter: int) -> None:
    net, x, where = network(), tokens(9, meter, batch=2), places(9, meter, batch=2)
    z = torch.randn(2, x.shape[2], 4, generator=torch.Generator().manual_seed(1))
    seen, wanted = looked_back(x, where), wish(1, batch=2)
    at_once = net.states(seen, where, wanted, z)
    memory, found = Memory(), []
    for t in range(x.shape[2]):
        one = Places(*(each[:, t : t + 1] for each in where))
        found.append(net.states([each[:, :, t : t + 1] for each in seen], one, wanted, z[:, t : t + 1], memory))
    assert memory.steps == x.shape[2]
    assert close(torch.cat(found, 1), at_once)


def test_of_what_is_long_ago_nothing_is_left_but_the_lookback(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one layer and a memory of M steps, a state depends on M steps and on nothing before them."""
    monkeypatch.setattr(melody, "MEMORY", 20)
    net = ScoreNetwork(STYLES, **{**SMALL, "layers": 1})
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    x, where = tokens(4), places(4)
    seen = looked_back(x, where)
    memory, found = Memory(), []
    for t in range(64):
        one = Places(*(each[:, t : t + 1] for each in where))
        found.append(net.states([each[:, :, t : t + 1] for each in seen], one, wish(), None, memory))
    window = slice(64 - 20, 64)
    last = net.states([each[:, :, window] for each in seen], Places(*(each[:, window] for each in where)), wish(), None)
    assert close(found[-1][:, 0], last[:, -1])
    assert not close(found[-1][:, 0], net.states(seen, where, wish(), None)[:, -1])


def test_rotary_products_depend_on_the_distance_alone() -> None:
    query, key = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    products = [(turned(query, start + 7) * turned(key, start)).sum() for start in (0, 5, 500)]
    assert torch.allclose(torch.stack(products), products[0].expand(3), atol=1e-4)
    assert float((turned(query, 8) * turned(key, 0)).sum()) != pytest.approx(float(products[0]), abs=1e-3)


# ---- what is asked for, and latents ----


def test_the_wish_changes_what_is_thought() -> None:
    net, x, where = network(), tokens(1), places(1)
    plain = net.logits(x, where, wish())
    others = [
        wish(1),
        wish(0)._replace(mode=torch.tensor([1])),
        wish(0)._replace(density=torch.tensor([3])),
        wish(0)._replace(voices=torch.tensor([9])),
        wish(0)._replace(key=torch.tensor([5])),
    ]
    assert all(not close(net.logits(x, where, other), plain) for other in others)
    assert torch.equal(net.logits(x, where, wish(0)._replace(key=torch.tensor([0]))), plain)


def test_no_latent_and_a_latent_that_is_no_number_are_the_same() -> None:
    net, x, where = network(), tokens(1), places(1)
    plain = net.logits(x, where, wish())
    assert torch.equal(net.logits(x, where, wish(), torch.full((1, 16, 4), torch.nan)), plain)
    assert not close(net.logits(x, where, wish(), torch.zeros(1, 16, 4)), plain)  # the mean latent is one


@pytest.mark.parametrize(("meter", "length"), [(0, 32), (1, 24)])
def test_steps_of_phrases_are_two_bars_each(meter: int, length: int) -> None:
    steps, there = phrase_steps(5 * length // 2, torch.tensor([length // 2]))
    assert steps.shape == there.shape == (1, 3, 32)
    assert there.sum(2).tolist() == [[length, length, length // 2]]
    for number in range(3):
        own = steps[0, number][there[0, number]]
        assert own.tolist() == list(range(number * length, number * length + len(own)))
    assert torch.equal(phrases_of(places(5, meter)), torch.arange(5 * length // 2)[None] // length)
    assert phrases_of(places(3, meter, first=7))[0, [0, -1]].tolist() == [0, 1]  # counted from the first bar that is seen


@pytest.mark.parametrize("meter", [0, 1])
def test_the_reader_of_a_phrase_sees_no_other(meter: int) -> None:
    net, x = network(), tokens(6, meter)
    length = 2 * int(places(1, meter).bar_steps)
    bar = places(6, meter).bar_steps
    mean, log_variance = net.reader(x, bar)
    assert mean.shape == log_variance.shape == (1, 3, 4)
    changed = x.clone()
    changed[:, :, length : 2 * length] = tokens(6, meter, seed=1)[:, :, length : 2 * length]
    after = net.reader(changed, bar)[0]
    assert close(after[:, [0, 2]], mean[:, [0, 2]], 1e-6)
    assert not close(after[:, 1], mean[:, 1])
    alone = net.reader(x[:, :, length : 2 * length], bar)[0]
    assert close(alone[:, 0], mean[:, 1], 1e-6)


def test_meters_in_one_batch_are_read_as_alone() -> None:
    net = network()
    x = tokens(6, 1, batch=2)  # 72 steps: four and a half bars of 4/4
    both = net.reader(x, torch.tensor([16, 12]))[0]
    assert close(both[1], net.reader(x[1:], torch.tensor([12]))[0][0], 1e-6)
    assert close(both[0], net.reader(x[:1], torch.tensor([16]))[0][0], 1e-6)


def test_the_mapping_writes_the_likeliest_notes_of_its_logits() -> None:
    net = network()
    z = torch.randn(2, 4, 2, 1, generator=torch.Generator().manual_seed(0))
    where, wanted = places(3, 1, batch=2), wish(1, batch=2)
    grid = net(z, wish=wanted, places=where)
    assert grid.shape == (2, 4, 36)
    latents = z[..., 0].mT.repeat_interleave(24, 1)[:, :36]
    assert torch.equal(grid_of(net.logits(tokens_of(grid), where, wanted, latents).argmax(3)), grid)


def test_a_size_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match="25 channels"):
        ScoreNetwork(STYLES, width=25, heads=2)


def test_real_pieces_survive_the_tokens() -> None:
    grid = torch.from_numpy(piece(4))
    assert torch.equal(grid_of(tokens_of(grid)), grid)
