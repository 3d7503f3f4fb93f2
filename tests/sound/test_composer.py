from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from composers import STYLES, network, piece
from mapsto import weights
from mapsto.errors import UsageError, WeightsError
from mapsto.sound.blends import curve_of, row_of
from mapsto.sound.composer import Composer, moved_home
from mapsto.sound.manner import FORMS, LONGEST, How
from mapsto.sound.score import FIFTHS, HOLD, REST, VOICES, Meter, Note, Score, Track
from mapsto.sound.tonality import semitones_from_home
from tunes import MINUET, MOONLIGHT

CARD: dict[str, Any] = {
    "recipe": "random",
    "data": "none",
    "licence": "none",
    "tempos": {"ragtime": 100.0, "lied": 64.0, "polish-dance": 144.0},
    "meters": {"ragtime": "4/4", "polish-dance": "3/4"},
    "instruments": {"ragtime": {"melody": "piano"}, "lied": {"melody": "flute", "bass": "cello"}},
}
R, L, P = torch.eye(3)


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(network(), "toy", CARD)


def own(grid: np.ndarray, key: str = "C", meter: Meter | None = None, **more: Any) -> Score:
    """A piece that says Mapsto made it, so that its key is believed."""
    return Score.of_grid(grid, meter or Meter(), key=key, settings={"mapsto": "0"}, **more)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Part of the events of two grids that is the same."""
    return float((a == b).mean())


# ---- how styles are spelled ----


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("lied", L),
        ("ragtime:0.6,lied:0.4", 0.6 * R + 0.4 * L),
        ("ragtime:3, lied", 0.75 * R + 0.25 * L),
        ({"ragtime": 1, "polish-dance": 1}, (R + P) / 2),
        ("ragtime,ragtime", R),
        ("ragtime:1,lied:0", R),
    ],
)
def test_weights_sum_to_one(text: Any, row: torch.Tensor) -> None:
    assert torch.allclose(row_of(text, STYLES), row)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("rag-time", "no musical style called 'rag-time'", "Perhaps ragtime?"),
        ("jazz", "no musical style called 'jazz'", "There are: ragtime, lied, polish-dance."),
        ("", "no musical style called ''", "There are:"),
        ("photo", "no musical style called 'photo'", "There are:"),
        ({"lide": 1}, "no musical style called 'lide'", "Perhaps lied or"),
        ({}, "no musical style called ''", "There are:"),
        ("lied:-1,ragtime", "cannot have the weight -1", "0 or more"),
        ("lied:nan", "'nan' is no weight", "Weights are numbers"),
        ("lied:much", "'much' is no weight", "Weights are numbers"),
        ({"lied": float("inf")}, "cannot have the weight inf", "0 or more"),
        ("lied:0,ragtime:0", "sum to nothing", "above 0"),
    ],
)
def test_what_is_no_style_is_told(text: Any, says: str, hint: str, composer: Composer) -> None:
    with pytest.raises(UsageError) as error:
        composer.blend(text, bars=1)
    assert says in error.value.what
    assert hint in error.value.hint


def test_a_file_called_like_a_style_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jazz").write_bytes(b"")
    Path("lied").write_bytes(b"")
    assert torch.equal(row_of("lied", STYLES), L)
    with pytest.raises(UsageError, match="no musical style called 'jazz'"):
        row_of("jazz", STYLES)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("lied, ragtime", [L, 0.75 * L + 0.25 * R, 0.5 * L + 0.5 * R, 0.25 * L + 0.75 * R, R]),
        ("lied@1, ragtime@3, polish-dance@5", [L, (L + R) / 2, R, (R + P) / 2, P]),
        ("lied, ragtime@3", [L, (L + R) / 2, R, R, R]),
        ("lied@2, ragtime@4", [L, L, (L + R) / 2, R, R]),
        ("lied@1..3, ragtime@5", [L, L, L, (L + R) / 2, R]),
        ("lied, ragtime, polish-dance@5", [L, (L + R) / 2, R, (R + P) / 2, P]),
        ("lied@3, ragtime@3", [L, L, R, R, R]),
        ("lied:0.5+ragtime:0.5@1, polish-dance@5", [(4 - i) / 8 * (L + R) + i / 4 * P for i in range(5)]),
        ([("lied", 1), ("ragtime", 5)], [(4 - i) / 4 * L + i / 4 * R for i in range(5)]),
        ([{"lied": 1, "ragtime": 1}, "ragtime"], [(4 - i) / 8 * (L + R) + i / 4 * R for i in range(5)]),
        ([({"lied": 1}, 2), ([("ragtime", 1.0)], 4)], [L, L, (L + R) / 2, R, R]),
    ],
)
def test_a_path_goes_straight_from_key_to_key(path: Any, rows: list[torch.Tensor]) -> None:
    assert torch.allclose(curve_of(path, 5, STYLES), torch.stack(rows), atol=1e-6)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("lied", "goes from one style to another"),
        ("", "goes from one style to another"),
        ("lied@1, ragtime@9", "wanted in bar 9, and there are 4"),
        ("lied@1, ragtime@2..9", "wanted in bar 9, and there are 4"),
        ("lied@0, ragtime@4", "counted from 1"),
        ("lied@3, ragtime@2", "Bar 2 comes after bar 3"),
        ("lied@3..2, ragtime@4", "Bar 2 comes after bar 3"),
        ([("lied", 3), ("ragtime", 2)], "Bar 2 comes after bar 3"),
        ("lied@x, ragtime", "'x' is no bar"),
        ("lied@2s, ragtime", "'2s' is no bar"),
        ("lied, jazz", "no musical style called 'jazz'"),
        ("photo, lied", "no musical style called 'photo'"),
    ],
)
def test_a_path_that_cannot_be_gone_is_told(path: Any, says: str, composer: Composer) -> None:
    with pytest.raises(UsageError, match=says):
        composer.path(path, bars=4)


def test_one_bar_of_a_path_is_its_end() -> None:
    assert torch.equal(curve_of("lied, ragtime", 1, STYLES), R[None])


# ---- new pieces ----


def test_a_piece_says_what_it_was_made_of(composer: Composer) -> None:
    song = composer.blend("ragtime:0.6,lied:0.4", bars=3, seed=1, key="Bb", tempo_bpm=90)
    assert (song.bars, song.key, song.tempo_bpm, str(song.meter)) == (3, "Bb", 90, "4/4")
    assert song.styles == ((("ragtime", 0.6), ("lied", 0.4)),) * 3
    song = composer.path("lied@1, ragtime@3", bars=3)
    assert song.styles == ((("lied", 1.0),), (("ragtime", 0.5), ("lied", 0.5)), (("ragtime", 1.0),))


@pytest.mark.parametrize(("meter", "steps"), [("4/4", 16), ("3/4", 12), ("6/8", 12)])
@pytest.mark.parametrize("bars", [1, 3])
def test_every_meter_has_its_bars(composer: Composer, meter: str, steps: int, bars: int) -> None:
    song = composer.blend("lied", bars=bars, meter=meter, seed=2)
    assert (str(song.meter), song.bars, song.steps) == (meter, bars, bars * steps)


def test_seeds_decide_the_piece_its_key_and_nothing_else_does(composer: Composer) -> None:
    one, same, other = (composer.blend("lied", bars=2, seed=seed) for seed in (5, 5, 6))
    assert one == same
    assert one.tracks != other.tracks
    state = torch.get_rng_state()
    torch.manual_seed(99)
    assert composer.blend("lied", bars=2, seed=5) == one
    torch.set_rng_state(state)
    keys = Counter(composer.blend("lied", bars=1, seed=seed).key for seed in range(12))
    assert len(keys) > 4


@pytest.mark.parametrize("key", ["C", "D", "F#", "Bb", "Am", "Ebm"])
def test_a_key_only_moves_the_piece(composer: Composer, key: str) -> None:
    """Of one seed and mode, pieces in two keys are the same but for their height."""
    home = "Am" if key.endswith("m") else "C"
    first, moved = (composer.blend("ragtime", bars=2, seed=3, key=name).grid() for name in (home, key))
    up = semitones_from_home(key)
    assert np.array_equal(np.where(first >= 0, first + up, first), moved)


def test_style_and_card_say_tempo_meter_and_instruments(composer: Composer) -> None:
    song = composer.blend("polish-dance", bars=1)
    assert (song.tempo_bpm, str(song.meter)) == (144, "3/4")
    assert composer.blend({"ragtime": 1, "lied": 1}, bars=1).tempo_bpm == 80  # the geometric mean of 100 and 64
    players = {track.name: track.instrument for track in composer.blend("lied", bars=2).tracks}
    assert players == {"melody": "flute", "bass": "cello", "alto": "piano", "tenor": "piano"}


@pytest.mark.parametrize("card", [{}, {"tempos": [1], "meters": "x", "instruments": None}])
def test_a_card_that_says_nothing_of_styles_is_enough(card: dict[str, Any]) -> None:
    song = Composer(network(), "toy", card).blend("lied", bars=1)
    assert (song.tempo_bpm, str(song.meter)) == (96, "4/4")


def test_single_voices_may_have_styles_of_their_own(composer: Composer) -> None:
    song = composer.blend("ragtime", bars=2, voices={"bass": "lied"})
    assert song.styles == ((("ragtime", 0.75), ("lied", 0.25)),) * 2
    assert {track.name: track.instrument for track in song.tracks}["bass"] == "cello"
    assert (
        composer.blend("ragtime", bars=2, key="C").grid().tolist()
        != composer.blend("ragtime", bars=2, key="C", voices={"bass": "lied"}).grid().tolist()
    )


def test_only_the_voices_of_a_texture_play_and_those_that_somebody_asks_for() -> None:
    found = Composer(network(), "band", {"textures": {STYLES[0]: {"melody": 1.0}}})
    sounds = [bool((row >= 0).any()) for row in found.blend(STYLES[0], 4).grid()]
    assert sounds == [False, False, False, True]
    asked = found.blend(STYLES[0], 4, voices={"bass": STYLES[0]}).grid()
    assert [bool((row >= 0).any()) for row in asked] == [True, False, False, True]


def test_the_voices_of_a_bar_are_those_of_its_style() -> None:
    first, second = STYLES[:2]
    found = Composer(network(), "band", {"textures": {first: {"melody": 1.0}, second: {"bass": 1.0}}})
    bars = found.path(f"{first}@1, {first}@2, {second}@3", 4).grid().reshape(len(VOICES), 4, -1)
    assert (bars >= 0).any(2).T.tolist() == [[False, False, False, True]] * 2 + [[True, False, False, False]] * 2


def test_a_blend_of_all_weight_on_one_is_that_one(composer: Composer) -> None:
    alone = composer.blend("lied", bars=2, seed=4)
    assert composer.blend("ragtime:0,lied:1", bars=2, seed=4) == alone
    assert composer.blend("lied", bars=2, seed=4, blend="mixture") == alone
    both = [
        composer.blend("ragtime,lied", bars=2, seed=4, key="C", meter="4/4", blend=blend) for blend in ("product", "mixture")
    ]
    assert both[0].tracks != both[1].tracks


def test_bars_are_told_as_they_come(composer: Composer) -> None:
    told: list[tuple[int, int]] = []
    composer.blend("lied", bars=3, on_bar=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_forms_look_back_and_never_before_the_beginning() -> None:
    for form in FORMS.values():
        assert all(back <= bar for bar, back in enumerate(form))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"blend": "mixed"}, "no blend 'mixed'. Perhaps mixture"),
        ({"form": "aab"}, "no form 'aab'. Perhaps aaba"),
        ({"meter": "3/8"}, "no meter '3/8'. Perhaps"),
        ({"meter": "5/4"}, "no meter '5/4'"),
        ({"key": "H"}, "no key 'H'"),
        ({"voices": {"soprano": "lied"}}, "no voice 'soprano'"),
        ({"voices": {"bass": "jazz"}}, "no musical style called 'jazz'"),
        ({"temperature": -1.0}, "temperature -1 is out of range"),
        ({"temperature": float("nan")}, "temperature nan is out of range"),
        ({"guidance": 6.0}, "guidance 6 is out of range"),
        ({"density": 0.0}, "density 0 is out of range"),
        ({"tempo_bpm": 0.0}, "tempo 0 is out of range"),
        ({"tempo_bpm": 1e9}, "tempo 1e+09 is out of range"),
        ({"seed": -1}, "seed -1 is out of range"),
        ({"seed": 2**70}, "is out of range"),
        ({"bars": 0}, "0 bars cannot be composed"),
        ({"bars": LONGEST + 1}, "10001 bars cannot be composed"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_composed(
    composer: Composer, how: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapsto.sound.composing.Composing.bars", lambda self: pytest.fail("it was composed"))
    with pytest.raises(UsageError) as error:
        composer.blend("lied", **{"bars": 2, **how})
    assert says in str(error.value)


def test_the_defaults_of_how_are_within_its_own_ranges() -> None:
    assert How() == How(temperature=How.temperature, guidance=How.guidance)


# ---- after pieces ----


@pytest.mark.parametrize(("meter", "number"), [(Meter(4, 4), 0), (Meter(3, 4), 1), (Meter(6, 8), 2)])
def test_what_goes_on_keeps_what_was_there(composer: Composer, meter: Meter, number: int) -> None:
    before = piece(5, number)
    there = own(before + np.where(before >= 0, 2, 0), "D", meter, tempo_bpm=71.0)
    song = composer.continued(there, 2, seed=1)
    assert (song.bars, song.key, song.tempo_bpm, song.meter) == (7, "D", 71.0, meter)
    steps = 5 * meter.steps
    assert np.array_equal(song.grid()[:, :steps], there.grid())
    assert (song.grid()[:, steps:] >= 0).any()
    assert composer.continued(there, 2, seed=1) == song


def test_all_tracks_of_a_piece_stay_and_its_voices_follow(composer: Composer) -> None:
    """Chords, drums, velocities and triplets, which four voices on sixteenths cannot say, are kept."""
    drums = Track("drums", (Note(0, 3, 36, 99),), "drums", drums=True)
    there = replace(MOONLIGHT, tracks=(*MOONLIGHT.tracks, drums))
    song = composer.continued(there, 2, "ragtime")
    assert song.tracks[:3] == there.tracks
    assert {track.name for track in song.tracks[3:]} <= set(VOICES)
    assert min(note.start for track in song.tracks[3:] for note in track.notes) >= there.ticks
    assert song.bars == there.bars + 2
    assert song.styles == ((),) * there.bars + ((("ragtime", 1.0),),) * 2


def test_styles_stand_in_the_bars_they_belong_to(composer: Composer) -> None:
    there = composer.blend("lied", bars=2, seed=1)
    assert composer.continued(there, 1, "ragtime").styles == (*there.styles, (("ragtime", 1.0),))
    assert composer.continued(there, 1).styles == (*there.styles, ())
    plain = own(piece(2))
    assert composer.continued(plain, 1).styles == ()


def test_a_note_may_go_on_over_the_last_bar_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.sound import composer as module
    from mapsto.sound.melody import HOLD_TOKEN

    held = torch.zeros(4, 16, dtype=torch.int64)
    held[3, :5] = HOLD_TOKEN
    monkeypatch.setattr(module, "composed", lambda *given: iter([held]))
    grid = np.full((4, 16), REST, np.int64)
    grid[3], grid[3, 0] = HOLD, 60
    song = Composer(network(), "toy").continued(own(grid), 1)
    assert song.tracks[0].notes[0].length == (16 + 5) * 3


def test_a_piece_with_a_pickup_goes_on_at_the_bar_line(composer: Composer) -> None:
    grid = piece(2, 1)
    grid[:, :8] = REST
    song = composer.continued(own(grid, meter=Meter(3, 4)), 1)
    assert song.bars == 3
    assert np.array_equal(song.grid()[:, :24], grid)


def test_no_change_gives_the_piece_back(composer: Composer) -> None:
    for number, meter in enumerate((Meter(4, 4), Meter(3, 4), Meter(6, 8))):
        grid = piece(3, number)
        there = own(np.where(grid >= 0, grid + semitones_from_home("Eb"), grid), "Eb", meter)
        same = composer.variation(there, 0.0, seed=3)
        assert np.array_equal(same.grid(), there.grid())
        assert (same.key, same.meter, same.bars) == ("Eb", meter, 3)


def test_more_change_changes_more(composer: Composer) -> None:
    there = own(piece(6))
    kept = [alike(composer.variation(there, amount).grid(), there.grid()) for amount in (0.0, 0.2, 0.5, 1.0)]
    assert kept[0] == 1
    assert all(after < before - 0.02 for before, after in pairwise(kept))


def test_a_variation_keeps_the_drums_and_says_its_style(composer: Composer) -> None:
    drums = np.zeros((9, 32), np.float32)
    drums[0, ::4] = 1
    there = own(piece(2), drums=drums)
    song = composer.variation(there, 0.3, "lied")
    assert np.array_equal(song.drum_grid(), there.drum_grid())
    assert song.styles == ((("lied", 1.0),),) * 2


@pytest.mark.parametrize(("bars_of_a", "bars_of_b"), [(6, 6), (2, 9), (9, 1)])
def test_a_morph_begins_as_one_piece_and_ends_as_the_other(composer: Composer, bars_of_a: int, bars_of_b: int) -> None:
    a, b = own(piece(bars_of_a, seed=1)), own(piece(bars_of_b, seed=2))
    song = composer.morph(a, b, 6, seed=1).grid()
    assert np.array_equal(song[:, :16], a.grid()[:, :16])
    last = (5 % bars_of_b) * 16
    assert alike(song[:, 80:], b.grid()[:, last : last + 16]) > 0.95  # but where a note was held that is not there


def test_a_morph_is_in_the_key_of_the_first(composer: Composer) -> None:
    a, b = piece(4, seed=1), piece(4, seed=2)
    at_home = composer.morph(own(a), own(b), 4, seed=1).grid()
    there = composer.morph(own(np.where(a >= 0, a + 2, a), "D"), own(np.where(b >= 0, b - 2, b), "Bb"), 4, seed=1)
    assert there.key == "D"
    assert np.array_equal(there.grid(), np.where(at_home >= 0, at_home + 2, at_home))


def test_one_bar_of_a_morph_is_the_first_piece(composer: Composer) -> None:
    a, b = own(piece(2, seed=1)), own(piece(2, seed=2))
    assert np.array_equal(composer.morph(a, b, 1).grid(), a.grid()[:, :16])


def test_the_key_of_other_programs_is_not_believed(composer: Composer) -> None:
    """The minuet is in G, whatever its file says."""
    assert composer.variation(replace(MINUET, key="C"), 0.1).key == "G"
    assert composer.variation(replace(MINUET, key="C", settings={"mapsto": "1"}), 0.1).key == "C"


@pytest.mark.parametrize("key", FIFTHS)
def test_moving_home_never_makes_silence_of_a_note(key: str) -> None:
    every = np.arange(-2, 128)[None].repeat(4, 0)
    moved = moved_home(every, key)
    assert moved[0, :2].tolist() == [HOLD, REST]
    assert moved[:, 2:].min() >= 0
    assert moved.max() <= 127
    assert (((every - moved) - semitones_from_home(key))[:, 2:] % 12 == 0).all()


@pytest.mark.parametrize(
    ("way", "says"),
    [
        (lambda c, s: c.variation(s, 1.5), "variation by 1.5 makes no sense"),
        (lambda c, s: c.variation(s, float("nan")), "makes no sense"),
        (lambda c, s: c.variation(replace(s, meter=Meter(5, 8)), 0.3), "Music in 5/8 was not learned"),
        (lambda c, s: c.continued(replace(s, meter=Meter(2, 4)), 2), "Music in 2/4 was not learned"),
        (lambda c, s: c.continued(s, 0), "0 bars cannot be composed"),
        (lambda c, s: c.continued(s, 2, seed=-1), "seed -1 is out of range"),
        (lambda c, s: c.variation(s, 0.3, seed=-1), "seed -1 is out of range"),
        (lambda c, s: c.continued(s, 2, "jazz"), "no musical style called 'jazz'"),
        (lambda c, s: c.continued(s, 2, key="D"), "The key is that of the piece"),
        (lambda c, s: c.variation(s, 0.3, tempo_bpm=90), "The tempo is that of the piece"),
        (lambda c, s: c.morph(s, s, 2, meter="3/4"), "The meter is that of the piece"),
        (lambda c, s: c.morph(s, replace(s, meter=Meter(3, 4)), 2), "One piece is in 4/4, the other in 3/4"),
        (lambda c, s: c.morph(s, Score(bars=2), 2), "no notes in this piece but drums"),
        (lambda c, s: c.continued(Score((Track("d", (Note(0, 3, 36),), drums=True),)), 2), "no notes in this piece but drums"),
        (lambda c, s: c.variation(replace(s, bars=LONGEST + 1), 0.3), "10001 bars cannot be composed"),
    ],
)
def test_pieces_that_nothing_can_be_made_of(composer: Composer, way: Any, says: str) -> None:
    with pytest.raises(UsageError) as error:
        way(composer, Score.of_grid(piece(2)))
    assert says in str(error.value)


# ---- weights ----


def test_a_composer_is_found_by_its_file_and_composes_the_same(tmp_path: Path) -> None:
    net = network()
    for tensor in net.state_dict().values():
        tensor.copy_(tensor.half())
    weights.save(net, tmp_path / "toy.safetensors", CARD)
    found = Composer.from_pretrained(tmp_path / "toy.safetensors")
    assert (found.name, found.styles) == ("toy", STYLES)
    assert found.card["tempos"] == CARD["tempos"]
    assert found.blend("lied", bars=2, seed=1) == Composer(net, "toy", CARD).blend("lied", bars=2, seed=1)


def test_other_weights_compose_nothing(tmp_path: Path) -> None:
    from mapsto.image.features import PerceptualNetwork

    weights.save(PerceptualNetwork(), tmp_path / "eyes.safetensors", CARD)
    with pytest.raises(WeightsError, match="holds a PerceptualNetwork, and a ScoreNetwork is wanted"):
        Composer.from_pretrained(tmp_path / "eyes.safetensors")


def test_what_comes_after_a_piece_has_as_many_notes_unless_something_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.sound import composer as module
    from mapsto.sound.composing import Plan

    plans: list[Plan] = []

    def noting(net: object, plan: Plan, *given: object) -> Any:
        plans.append(plan)
        return iter([torch.zeros(4, 16, dtype=torch.int64)])

    monkeypatch.setattr(module, "composed", noting)
    composer, a, b = Composer(network(), "toy"), own(piece(2, seed=1)), own(piece(4, seed=2))
    in_a, in_b = (float((each.grid() >= 0).sum()) / each.bars for each in (a, b))
    composer.continued(a, 1)
    composer.variation(a, 0.5)
    composer.morph(a, b, 1)
    composer.variation(a, 0.5, density=3.0)
    composer.variation(a, 0.5, "lied")
    assert [plan.notes for plan in plans] == [in_a, in_a, (in_a + in_b) / 2, 3.0, None]
