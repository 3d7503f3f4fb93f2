from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from composers import STYLES, network, piece
from darkroom import Command
from mapsto import weights
from mapsto.files import data_dir
from mapsto.image import own_models
from mapsto.sound.melody import ScoreNetwork
from mapsto.sound.score import Meter, Score

SHORT = ("--preset", "tiny", "--steps", "2")


@pytest.fixture(autouse=True)
def midis(place: Path) -> Path:
    """Eight pieces in two folders, and a file that is none."""
    for seed in range(8):
        name = Path(f"my midis/{'odd' if seed % 2 else 'even'}/{seed}.mid")
        name.parent.mkdir(parents=True, exist_ok=True)
        Score.of_grid(piece(4, seed % 2, seed), Meter(3, 4) if seed % 2 else Meter(), tempo_bpm=100).save(name)
    Path("my midis/even/broken.mid").write_bytes(b"no music")
    return Path("my midis")


@pytest.fixture
def band(place: Path) -> str:
    card: dict[str, Any] = {"recipe": "random", "data": "none", "licence": "none", "tempos": {"lied": 64}}
    weights.save(network(), data_dir() / "weights/band.safetensors", card)
    return "band"


def clean(error: str) -> bool:
    return error.startswith("mapsto: ") and error.count("\n") == 1 and "Traceback" not in error


def composer(name: str) -> ScoreNetwork:
    found = weights.load(name, expect="ScoreNetwork")
    assert isinstance(found, ScoreNetwork)
    return found


def test_a_folder_becomes_a_composer_of_ones_own(mapsto: Command, midis: Path) -> None:
    done = mapsto("train", "music", midis, "--name", "mine", *SHORT, "--licence", "CC0")
    assert done.code == 0, done.err
    assert done.out.startswith(f"{own_models.path_of('mine')}  mine  ")
    assert "Skipped 1 files. even/broken.mid: " in done.err
    assert "8 pieces are few to learn from nothing" in done.err
    assert "8 pieces, 32 bars, styles: mine" in done.err
    assert "Next: mapsto compose mine --model mine" in done.err
    card = weights.card("mine")
    assert card["data"].startswith("my midis: 8 pieces, sha256 ")
    assert card["recipe"].startswith("mapsto train music: 2 steps of 4, ")
    assert (card["licence"], card["tempos"]) == ("CC0", {"mine": 100.0})
    assert (own_models.run_of("mine") / "index.html").is_file()
    made = mapsto("compose", "mine", "--model", "mine", "--bars", 1, "-o", "tune.mid")
    assert made.code == 0, made.err
    assert Score.read("tune.mid").styles == ((("mine", 1.0),),)


def test_folders_become_styles_and_some_pieces_are_held_out(mapsto: Command, midis: Path) -> None:
    done = mapsto("train", "music", midis, "--styles", "folders", "--held-out", "0.25", *SHORT, "--json")
    said = json.loads(done.out)
    assert said["ok"], said
    assert said["outputs"][0]["styles"] == ["even", "odd"]
    assert said["data"]["skipped"][0]["path"] == "even/broken.mid"
    assert composer("my-midis").styles == ("even", "odd")
    card = weights.card("my-midis")
    assert card["scores"]["held_out_pieces"] == 2
    assert {"notes", "notes_after_latents", "kl_nats"} < set(card["scores"])
    assert card["meters"] == {"even": "4/4", "odd": "3/4"}


def test_stopped_and_resumed_it_is_the_same_composer(mapsto: Command, midis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.learning.scores import ScoreGame

    short = ("--preset", "tiny", "--steps", "4")
    assert mapsto("train", "music", midis, "--name", "calm", *short, "--styles", "folders").code == 0
    kept, turns = ScoreGame.terms, [0]

    def stopping(self: ScoreGame, *given: Any) -> Any:
        turns[0] += 1
        if turns[0] == 2:
            signal.raise_signal(signal.SIGINT)
        return kept(self, *given)

    monkeypatch.setattr(ScoreGame, "terms", stopping)
    done = mapsto("train", "music", midis, "--name", "mine", *short, "--styles", "folders")
    assert done.code == 130
    assert "Stopped. Saved step 2 of 4" in done.err
    assert "--resume goes on from there" in done.err
    assert "mine" not in weights.catalogue()
    done = mapsto("train", "music", midis, "--name", "mine", *short, "--styles", "folders", "--resume")
    assert done.code == 0, done.err
    one, other = composer("calm").state_dict(), composer("mine").state_dict()
    assert all(bool((one[name] == other[name]).all()) for name in one)


def test_a_composer_learns_a_style_more(mapsto: Command, midis: Path, band: str) -> None:
    done = mapsto("adapt", band, midis, "--name", "mine", *SHORT, "--no-scratch")
    assert done.code == 0, done.err
    assert "Judged by the 8 pieces it learned from, which proves nothing" in done.out
    assert composer("mine").styles == (*STYLES, "mine")
    card = weights.card("mine")
    assert card["recipe"] == "mapsto adapt band: λ = 3; at most 2 steps of 4; seed 0"
    assert (card["start"], set(card["scores"])) == ("band", {"start", "adapted"})
    assert card["tempos"] == {"lied": 64, "mine": 100.0}
    for style in ("lied", "mine:0.5,lied:0.5"):
        assert mapsto("compose", style, "--model", "mine", "--bars", 1, "-o", "tune.mid").code == 0


def test_music_means_the_composer_that_comes_along(mapsto: Command, midis: Path, monkeypatch: Any, band: str) -> None:
    from mapsto.cli import music

    monkeypatch.setattr(music, "EMBEDDED", band)
    assert mapsto("adapt", "music", midis, "--name", "mine", *SHORT, "--no-scratch").code == 0
    assert weights.card("mine")["start"] == band


def test_a_rehearsal_tells_the_costs_and_keeps_nothing(mapsto: Command, midis: Path) -> None:
    done = mapsto("train", "music", midis, "--name", "mine", *SHORT, "--dry-run")
    assert done.code == 0, done.err
    assert done.out.startswith("2 steps of 4, ")
    assert "mine" not in weights.catalogue()
    assert not own_models.run_of("mine").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["train", "music", "nowhere"], 4, "nowhere does not exist"),
        (["train", "music", "photo.jpg"], 4, "photo.jpg is no folder"),
        (["train", "music", "."], 4, "There is no MIDI file"),
        (["train", "music", "my midis", "--styles", "names"], 2, "Styles cannot be told by 'names'"),
        (["train", "music", "my midis", "--preset", "huge"], 2, "no preset called 'huge'"),
        (["train", "music", "my midis", "--size", "64", "--flip"], 2, "Leave --size and --flip out"),
        (["train", "music", "my midis", "--held-out", "1"], 2, "A part of 1 cannot be held out"),
        (["train", "music", "my midis", "--name", "style-s"], 2, "is the name of weights that come with Mapsto"),
        (["train", "music", "my midis", "--name", "band"], 2, "weights called band already"),
        (["train", "music", "my midis", "--name", "hills", "--overwrite"], 2, "weights called hills already"),
        (["train", "flow", "my midis", "--styles", "folders"], 2, "--styles is for music"),
        (["adapt", "hills", "my midis", "--styles", "folders"], 2, "hills is no composer"),
        (["adapt", "band", "my midis", "--name", "mine", "--augment"], 2, "Leave --augment out"),
        (["adapt", "band", "my midis", "--name", "lied", "--preset", "tiny"], 2, "a style called 'lied' already"),
        (["adapt", "nobody", "my midis"], 5, "no model called 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_learned_is_one_clear_line(
    mapsto: Command, band: str, arguments: list[str], code: int, says: str, monkeypatch: Any
) -> None:
    if arguments[2] == ".":
        Path("empty").mkdir()
        monkeypatch.chdir("empty")
    done = mapsto(*arguments)
    last = done.err.splitlines()[-1]
    assert (done.code, last.startswith("mapsto: ")) == (code, True), done.err
    assert says in last
    assert "Traceback" not in done.err


def test_too_few_pieces_are_refused(mapsto: Command, band: str) -> None:
    Score.of_grid(piece(4)).save("one/a.mid")
    for start in (["train", "music"], ["adapt", band]):
        done = mapsto(*start, "one", *SHORT)
        assert done.code == 2
        assert "One piece is too few to learn from" in done.err


# ---- lists ----


def test_styles_of_music_are_listed_by_their_composers(mapsto: Command, band: str) -> None:
    done = mapsto("styles", "--music")
    assert done.code == 0, done.err
    rows = [line.split("\t") for line in done.out.splitlines()]
    own = [row for row in rows if row[1] == "band"]
    assert [row[0] for row in own] == list(STYLES)
    assert ["lied", "band", "own", "64", ""] in own
    said = json.loads(mapsto("styles", "--music", "--json").out)["data"]["styles"]
    assert {"name": "ragtime", "model": "band", "kind": "own", "tempo_bpm": None, "meter": None} in said


def test_composers_are_no_models_of_pictures_but_are_forgotten_alike(mapsto: Command, band: str) -> None:
    names = [model["name"] for model in json.loads(mapsto("models", "--json").out)["data"]["models"]]
    assert band not in names
    done = mapsto("models", "--forget", band)
    assert (done.code, done.err) == (0, "Forgot band.\n")
    assert band not in weights.catalogue()
    done = mapsto("models", "--forget", "nobody")
    assert (done.code, clean(done.err)) == (2, True)


def test_without_a_composer_that_is_told(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapsto.sound.composers.KIND", "Nothing")
    done = mapsto("styles", "--music")
    assert (done.code, done.err) == (5, "mapsto: There is no composer here — `mapsto train music` makes one.\n")
