"""Sets of scores, read and split."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mapsto.errors import UnreadableInput

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RECIPES))
    return importlib.import_module("scores")


def stored(path: Path, melodies: list[Any], **others: Any) -> Path:
    """A set of pieces with these stored melodies [T]."""
    events = np.zeros((sum(map(len, melodies)), 4), dtype=np.uint8)
    events[:, 3] = np.concatenate(melodies)
    index = [{"id": f"{path.stem}/{i}", "meter": "3/4", "bar": 12, "mode": 1, **others} for i in range(len(melodies))]
    np.savez(path, ev=events, off=np.cumsum([0, *map(len, melodies)]), index=np.array(json.dumps(index)))
    return path


def melody(seed: int, count: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 60, count).astype(np.uint8)


def test_a_set_is_read_as_it_is_stored(scores: ModuleType, tmp_path: Path) -> None:
    path = stored(tmp_path / "waltz.npz", [[0, 38, 1, 1], [50] * 13], lic="CC BY 3", transposed=-5)
    first, second = scores.read_set(path)
    assert first.grid.tolist() == [[-1] * 4] * 3 + [[-1, 60, -2, -2]]
    assert (first.style, first.id, first.meter, first.bar, first.minor) == ("waltz", "waltz/0", "3/4", 12, True)
    assert (first.licence, first.transposed) == ("CC BY 3", -5)
    assert (first.bars, second.bars) == (0, 1)
    assert second.grid[3].tolist() == [72] * 13


def test_the_split_is_complete_apart_and_the_same_in_any_order(scores: ModuleType, tmp_path: Path) -> None:
    for name, first in (("march", 0), ("song", 1000)):
        stored(tmp_path / f"{name}.npz", [melody(first + i) for i in range(50)])
    pieces = scores.read(tmp_path, ("march", "song"))
    found, again = scores.split(pieces), scores.split(pieces[::-1])
    assert {p.id for p in found.held_out} == {p.id for p in again.held_out}
    assert len(found.train) + len(found.held_out) == 100
    assert not {p.id for p in found.train} & {p.id for p in found.held_out}
    assert [len(found.of(style).held_out) for style in ("march", "song")] == [6, 6]


def test_other_sets_change_nothing_for_the_green_ones_and_follow_them(scores: ModuleType, tmp_path: Path) -> None:
    tunes = [melody(i) for i in range(30)]
    stored(tmp_path / "song.npz", tunes)
    mixed = [np.concatenate([tunes[i], tunes[i + 1]]) for i in range(10)]  # a melody that ties two families
    stored(tmp_path / "songbook.npz", [*mixed, *tunes, *(melody(900 + i) for i in range(30))])
    green, both = (scores.split(scores.read(tmp_path, styles)) for styles in (("song",), ("song", "songbook")))
    assert [p.id for p in both.of("song").held_out] == [p.id for p in green.held_out]
    assert [p.id for p in both.of("song").train] == [p.id for p in green.train]
    grams = [{gram for p in side for gram in scores.ngrams(scores.melody_text(p.grid))} for side in (both.train, both.held_out)]
    assert not grams[0] & grams[1]
    assert both.of("songbook").held_out


def test_small_styles_hold_out_two(scores: ModuleType, tmp_path: Path) -> None:
    pieces = scores.read_set(stored(tmp_path / "march.npz", [melody(i) for i in range(10)]))
    assert len(scores.split(pieces).held_out) == 2


def test_one_melody_under_two_names_and_keys_stays_on_one_side(scores: ModuleType, tmp_path: Path) -> None:
    tunes = [melody(i) for i in range(40)]
    varied = [np.concatenate([tune[:30] + 3, melody(500 + i, 18)]).astype(np.uint8) for i, tune in enumerate(tunes)]
    pieces = [*scores.read_set(stored(tmp_path / "song.npz", tunes)), *scores.read_set(stored(tmp_path / "lied.npz", varied))]
    assert scores.families(pieces) == [[i, i + 40] for i in range(40)]
    sides = [{p.id.split("/")[1] for p in side} for side in (scores.split(pieces).train, scores.split(pieces).held_out)]
    assert not sides[0] & sides[1]
    assert sides[1]


def test_a_common_scale_makes_no_family(scores: ModuleType, tmp_path: Path) -> None:
    scale = np.arange(40, 60, dtype=np.uint8)
    pieces = scores.read_set(stored(tmp_path / "march.npz", [np.concatenate([scale, melody(i, 30)]) for i in range(20)]))
    assert len(scores.families(pieces)) == 20


def test_what_is_no_set_is_told(scores: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    cut = stored(tmp_path / "cut.npz", [melody(0)])
    with np.load(cut) as file:
        np.savez(cut, ev=file["ev"][:10], off=file["off"], index=file["index"])
    for name in ("broken", "other", "cut", "missing"):
        with pytest.raises(UnreadableInput, match=name):
            scores.read_set(tmp_path / f"{name}.npz")
