from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from composers import network, piece, places, tokens, wish
from mapsto.errors import UnreadableInput, UsageError
from mapsto.learning.from_scores import FREE, Songs, adapted, card_of, check_count, extended, game_of, judged, read_songs
from mapsto.learning.plans import Plan
from mapsto.learning.scores import ScoreGame
from mapsto.sound.score import REST, Meter, Note, Score, Track
from playing import plan
from tunes import MAMAN, MINUET


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pieces in two folders and beside them, a twin, and what cannot be learned from."""
    place = tmp_path / "midis"
    (place / "Old Songs").mkdir(parents=True)
    (place / "waltzes").mkdir()
    for seed in range(3):
        Score.of_grid(piece(4, seed=seed), tempo_bpm=80 + seed).save(place / f"Old Songs/{seed}.mid")
        Score.of_grid(piece(4, 1, seed=seed), Meter(3, 4), tempo_bpm=150).save(place / f"waltzes/{seed}.midi")
    MINUET.save(place / "minuet.mid")
    (place / "twin.mid").write_bytes((place / "minuet.mid").read_bytes())
    (place / "broken.mid").write_bytes(b"MThd")
    Score((Track("d", (Note(0, 3, 36),), drums=True),)).save(place / "drums.mid")
    Score((Track("x", (Note(0, 12, 60),)),), Meter(5, 8), bars=4).save(place / "five.mid")
    Score((Track("x", (Note(0, 12, 60),)),)).save(place / "short.mid")
    (place / "notes.txt").write_text("nothing")
    (place / ".hidden.mid").write_text("nothing")
    return place


def test_a_folder_is_one_style_and_what_is_skipped_is_told(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    songs = read_songs(folder, "mine", on_progress=lambda done, of: told.append((done, of)))
    assert songs.styles == ("mine",)
    assert [each.name for each in songs.pieces] == [
        *(f"Old Songs/{n}.mid" for n in range(3)),
        "minuet.mid",
        *(f"waltzes/{n}.midi" for n in range(3)),
    ]
    reasons = dict(songs.skipped)
    assert set(reasons) == {"twin.mid", "broken.mid", "drums.mid", "five.mid", "short.mid"}
    assert reasons["twin.mid"] == "the same as minuet.mid."
    assert reasons["drums.mid"] == "It has no notes but drums."
    assert reasons["five.mid"] == "Music in 5/8 is not learned."
    assert reasons["short.mid"] == "It is shorter than two bars."
    assert told == [(done, 12) for done in range(1, 13)]


def test_folders_are_styles_of_their_own(folder: Path) -> None:
    songs = read_songs(folder, "mine", by_folder=True)
    assert songs.styles == ("mine", "old-songs", "waltzes")
    assert [len(songs.of(style)) for style in range(3)] == [1, 3, 3]
    assert songs.told() == {
        "tempos": {"mine": 112.0, "old-songs": 81.0, "waltzes": 150.0},
        "meters": {"mine": "3/4", "old-songs": "4/4", "waltzes": "3/4"},
    }
    for style, number in ((1, 0), (2, 1)):
        grids = [piece(4, number, seed=seed) for seed in range(3)]
        notes = sum(int((grid >= 0).sum()) for grid in grids) / sum(grid.shape[1] for grid in grids) * 16
        assert float(songs.usual[style]) == pytest.approx(notes)


def test_pieces_are_moved_home(folder: Path) -> None:
    """The minuet is in G: a fourth higher, or a fifth lower, is C."""
    (minuet,) = [each for each in read_songs(folder, "mine").pieces if each.name == "minuet.mid"]
    there = MINUET.grid()
    assert np.array_equal(minuet.grid, np.where(there >= 0, there + 5, there)) or np.array_equal(
        minuet.grid, np.where(there >= 0, there - 7, there)
    )
    assert (minuet.meter, minuet.mode, minuet.bars) == (1, 1, 8)


@pytest.mark.parametrize(("meter", "number", "bars"), [(Meter(2, 4), 0, 3), (Meter(3, 8), 2, 3), (Meter(12, 8), 2, 10)])
def test_bars_of_half_and_of_twice_the_length_are_regrouped(tmp_path: Path, meter: Meter, number: int, bars: int) -> None:
    one = replace(MAMAN, meter=meter, bars=5)
    one.save(tmp_path / "one.mid")
    (found,) = read_songs(tmp_path, "mine").pieces
    grid = one.grid()
    assert (found.meter, found.bars) == (number, bars if one.bars == 5 else -(-grid.shape[1] // (16, 12, 12)[number]))
    assert np.array_equal(found.grid[:, : grid.shape[1]], grid)
    assert (found.grid[:, grid.shape[1] :] == REST).all()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None])
def test_a_folder_without_pieces_is_told(tmp_path: Path, make: object) -> None:
    make(tmp_path / "none")  # type: ignore[operator]
    with pytest.raises(UnreadableInput):
        read_songs(tmp_path / "none", "mine")


def test_only_broken_files_are_told_with_the_first_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(UnreadableInput, match=r"Not one of 1 files can be used\. The first: .*a\.mid is empty"):
        read_songs(tmp_path, "mine")


def songs_of(count: int, style: str = "mine") -> Songs:
    from mapsto.learning.scores import Piece

    pieces = tuple(Piece(piece(4, seed=seed), 0, 1, 0, f"{seed}.mid") for seed in range(count))
    return Songs(pieces, (style,), (100.0,) * count)


def test_splits_are_disjoint_complete_and_stay_when_a_file_is_added() -> None:
    few, more = songs_of(12), songs_of(13)
    learned, held = few.split(3)
    names = [{each.name for each in part.pieces} for part in (learned, held)]
    assert (len(names[0]), len(names[1])) == (9, 3)
    assert names[0] | names[1] == {each.name for each in few.pieces}
    assert len(names[1] & {each.name for each in more.split(3)[1].pieces}) >= 2
    assert len(few.split(0)[1]) == 0


def test_new_styles_begin_as_any_style_and_old_ones_stay() -> None:
    start, x, where = network(), tokens(2), places(2)
    wide = extended(start, ["mine", "yours"], torch.tensor([9.0, 10.0]))
    assert wide.styles == (*start.styles, "mine", "yours")
    assert wide.usual.tolist() == [12.0, 8.0, 10.0, 9.0, 10.0]

    def thought(net: object, style: int, count: int) -> torch.Tensor:
        chosen = torch.nn.functional.one_hot(torch.tensor([style]), count + 1).float()
        return net.logits(x, where, wish()._replace(style=chosen))  # type: ignore[attr-defined, no-any-return]

    for old, new in ((0, 0), (2, 2), (3, 5), (3, 3), (3, 4)):
        assert torch.allclose(thought(start, old, 3), thought(wide, new, 5), atol=1e-5)
    with pytest.raises(UsageError, match="a style called 'lied' already"):
        extended(start, ["lied"], torch.zeros(1))


def test_few_pieces_are_refused() -> None:
    for count, says in ((1, "One piece is too few"), (3, "3 pieces are too few")):
        with pytest.raises(UsageError, match=says):
            check_count(count)
    check_count(4)


def test_the_weights_follow_the_seed_and_the_usual_notes_the_pieces() -> None:
    songs = songs_of(4)
    one, same, other = (game_of(songs, "tiny", seed).network for seed in (1, 1, 2))
    assert torch.equal(one.head.leave[0].weight, same.head.leave[0].weight)
    assert not torch.equal(one.head.leave[0].weight, other.head.leave[0].weight)
    assert torch.equal(one.usual, songs.usual)


def test_a_judgement_is_the_probe_of_all_windows() -> None:
    songs, net = songs_of(3), network()
    data = songs.data(balance=1.0)
    batch = data.batch(np.arange(len(data)), torch.Generator().manual_seed(0))
    wanted = ScoreGame(net).probe(batch)
    assert judged(net, songs) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(("count", "note"), [(5, "proves nothing"), (12, "Judged by 2 pieces that nothing was learned from.")])
def test_adapting_tells_what_it_is_judged_by_and_keeps_old_styles(tmp_path: Path, count: int, note: str) -> None:
    start = network().requires_grad_(True)
    order: Plan = plan(3, batch=2)
    found = adapted(start, songs_of(count), tmp_path, plan=order, strength=3.0, scratch=False)
    assert note in found.note
    assert [row.name for row in found.found.rows] == ["start", "adapted"]
    assert found.network.styles == (*start.styles, "mine")
    assert not torch.equal(found.network.head.leave[0].weight, start.head.leave[0].weight)
    again = adapted(start, songs_of(count), tmp_path, plan=order, strength=3.0, scratch=False)
    assert all(
        torch.equal(a, b) for a, b in zip(found.network.state_dict().values(), again.network.state_dict().values(), strict=True)
    )


def test_the_leash_holds_all_but_the_new_styles(tmp_path: Path) -> None:
    """On a leash of any strength the rest hardly moves; what the new style is, is learned all the same."""
    start = network().requires_grad_(True)
    moved = {}
    for strength in (0.0, 3e4):
        found = adapted(start, songs_of(5), tmp_path / f"{strength:g}", plan=plan(8, batch=2), strength=strength, scratch=False)
        state, before = found.network.state_dict(), extended(start, ["mine"], torch.zeros(1)).state_dict()
        held = [float((state[name] - before[name]).norm()) for name in state if name not in FREE]
        moved[strength] = sum(held), float((state["style.weight"] - before["style.weight"]).norm())
    assert moved[3e4][0] < 0.5 * moved[0.0][0]
    assert moved[3e4][1] > 0.5 * moved[0.0][1]


def test_the_card_tells_of_old_and_new_styles() -> None:
    start = {"data": "scores", "licence": "CC0", "tempos": {"lied": 64.0}, "instruments": {"lied": {"melody": "flute"}}}
    card = card_of(songs_of(4), "midis", "mine", "adapted", start)
    assert card["tempos"] == {"lied": 64.0, "mine": 100.0}
    assert card["meters"] == {"mine": "4/4"}
    assert card["instruments"] == start["instruments"]
    assert card["data"].endswith("; and scores")
    assert card["licence"] == "mine; and CC0"
    alone = card_of(songs_of(4), "midis", "mine", "trained")
    assert alone["data"].startswith("midis: 4 pieces, sha256 ")
    assert "instruments" not in alone
