from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

import drums as recipe
from drums import FILLS, Heap, Take, baselines, styles_of, surprise, takes, with_fills

from mapsto.sound.drummer import BAR, D, DrumNetwork

GROOVE = np.zeros((BAR, D), np.int64)
GROOVE[::4, 0], GROOVE[4::8, 1], GROOVE[::2, 2] = 4, 3, 2


def take(style: str = "rock", bars: int = 8, *, fill: bool = False, held_out: bool = False) -> Take:
    levels = np.roll(np.tile(GROOVE, (bars, 1)), int(fill), 1)
    return Take(levels, style, 100.0, (fill,) * bars, held_out)


def test_a_set_is_read_with_its_split_and_its_fills(tmp_path: Path) -> None:
    events = np.zeros((3 * BAR, D, 2), np.uint8)
    events[0, 0, 0], events[2 * BAR, 1, 0] = 127, 30
    index = [
        {"style": "rock", "bpm": 90, "kind": "beat", "split": "train"},
        {"style": "jazz", "bpm": 120, "kind": "fill", "split": "test"},
    ]
    np.savez(tmp_path / "drums_groove.npz", ev=events, off=np.array([0, 2 * BAR, 3 * BAR]), index=json.dumps(index))
    rock, jazz = takes(tmp_path / "drums_groove.npz")
    assert (rock.style, rock.bpm, rock.fills, rock.held_out) == ("rock", 90.0, (False, False), False)
    assert (jazz.fills, jazz.held_out, int(jazz.levels[0, 1]), int(rock.levels[0, 0])) == ((True,), True, 1, 4)


def test_only_styles_with_enough_to_learn_from_have_names() -> None:
    many = [take("rock", 30) for _ in range(9)] + [take("jazz", 2) for _ in range(20)] + [take("funk", 900)]
    assert styles_of(many) == ["rock"]


def test_fills_are_set_into_fourth_bars_of_their_style() -> None:
    found = [take(bars=400), take(bars=1, fill=True), take("jazz", 8)]
    (made,) = with_fills(found, 0)
    filled = np.flatnonzero(made.fills)
    assert set(filled % 4) == {3}
    assert abs(len(filled) / 100 - FILLS) < 0.15
    bars = made.levels.reshape(-1, BAR, D)
    assert all(np.array_equal(bars[bar], np.roll(GROOVE, 1, 1)) for bar in filled)
    assert np.array_equal(bars[0], GROOVE)


def test_simple_guesses_are_what_their_formulas_say() -> None:
    """A groove that never changes: of eight bars, seven are the one before, and each level at a place is always the same."""
    learned, judged = (Heap([take()], ["rock"]) for _ in range(2))
    found = baselines(learned, judged)
    always = -np.log((8 + 0.5) / (8 + 2.5))
    assert found["by_place"] == pytest.approx(always * D * BAR, rel=1e-5)
    noise = np.random.default_rng(0).integers(0, 5, (400 * BAR, D))
    random = Heap([replace(take(bars=400), levels=noise)], ["rock"])
    assert baselines(random, random)["as_before"] == pytest.approx(np.log(5) * D * BAR, rel=0.01)


def test_nothing_of_one_take_is_seen_from_another() -> None:
    heap = Heap([take("rock", 2), take("jazz", 2)], ["rock", "jazz"])
    seen, _, levels = heap.batch(torch.tensor([2 * BAR]))  # the first step of the second
    assert not seen.any()
    assert levels[0].tolist() == GROOVE[0].tolist()


def test_a_groove_is_learned_in_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "BATCH", 64)
    torch.manual_seed(0)
    network, heap = DrumNetwork(["rock"], width=16), Heap([take()], ["rock"])
    before = float(surprise(network.eval(), heap).mean())
    recipe.train(heap, network.train(), 60)
    assert float(surprise(network.eval(), heap).mean()) < 0.3 * before
