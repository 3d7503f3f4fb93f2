from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bells import folder, network
from darkroom import Command
from mapsto import weights
from mapsto.files import data_dir
from mapsto.image import own_models
from mapsto.media.audio import Sound
from mapsto.sound.score import Note, Score, Track
from mapsto.sound.timbre import TimbreVAE

SHORT = ("--vae", "toys", "--steps", "2", "--batch", "2")


@pytest.fixture(autouse=True)
def wavs(place: Path) -> Path:
    """Five notes, a file that is none, and small instruments to begin with."""
    folder(Path("my wavs"))
    Path("my wavs/broken.wav").write_bytes(b"no sound")
    card = {"recipe": "random", "data": "none", "licence": "none"}
    weights.save(network(), data_dir() / "weights/toys.safetensors", card)
    return Path("my wavs")


def timbres(name: str) -> TimbreVAE:
    found = weights.load(name, expect="TimbreVAE")
    assert isinstance(found, TimbreVAE)
    return found


def test_a_folder_becomes_an_instrument_of_ones_own(mapsto: Command, wavs: Path) -> None:
    done = mapsto("train", "sound", wavs, "--name", "bells", *SHORT, "--held-out", "0.2", "--licence", "CC0")
    assert done.code == 0, done.err
    assert f"{own_models.path_of('bells')}  bells  " in done.out
    assert "dB from 1 notes it did not learn from" in done.out
    assert "Skipped 1 files. broken.wav: " in done.err
    assert "5 notes, A3 to C5" in done.err
    assert "Next: mapsto sound bells --pitch E4" in done.err
    card = weights.card("bells")
    assert card["arguments"]["names"] == ["saw", "square", "bells"]
    assert card["recipe"].startswith("mapsto train sound: 2 steps of 2, ")
    assert (card["start"], card["instrument"]) == ("toys", "bells")
    assert card["licence"] == "CC0; and none"
    assert set(card["scores"]) == {"held_out_notes", "log_spectral_distance_db", "heard_only_db", "others_moved_db"}
    assert (own_models.run_of("bells") / "index.html").is_file()
    assert list(own_models.run_of("bells").glob("samples-*.png"))


def test_it_is_played_mixed_listed_and_forgotten(mapsto: Command, wavs: Path) -> None:
    assert mapsto("train", "sound", wavs, "--name", "bells", *SHORT).code == 0
    done = mapsto("sound", "bells", "--seconds", 0.2, "-o", "note.wav", "--json")
    assert json.loads(done.out)["ok"], done.out
    assert mapsto("sound", "--path", "saw, bells", "--model", "bells", "--seconds", 0.4, "-o", "way.wav").code == 0
    assert "bells" in mapsto("sound").out.split()
    Score((Track("melody", (Note(0, 6, 67),), "flute"),), tempo_bpm=120).save("tune.mid")
    assert mapsto("play", "tune.mid", "--instruments", "melody=bells", "-o", "tune.wav").code == 0
    told = json.loads(mapsto("info", "tune.wav", "--json").out)["data"]
    assert set(told["settings"]["weights"]) == {"instruments", "bells", "drums"}
    assert told["rate_hz"] == 44_100
    listed = mapsto("models", "--json")
    assert [each["name"] for each in json.loads(listed.out)["data"]["instruments"]] == ["bells", "square"]
    assert "Instruments of your own: bells, square." in mapsto("models").err
    assert "names       saw, square, bells" in mapsto("info", own_models.path_of("bells")).out
    assert mapsto("models", "--forget", "bells").code == 0
    assert mapsto("sound", "bells").code == 2


def test_stopped_and_resumed_it_is_the_same_instrument(mapsto: Command, wavs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.learning.timbres import TimbreGame

    order = ("--vae", "toys", "--steps", "4", "--batch", "2", "--adversarial")
    assert mapsto("train", "sound", wavs, "--name", "calm", *order).code == 0
    kept, turns = TimbreGame.terms, [0]

    def stopping(self: TimbreGame, *given: Any) -> Any:
        turns[0] += 1
        if turns[0] == 3:
            signal.raise_signal(signal.SIGINT)
        return kept(self, *given)

    monkeypatch.setattr(TimbreGame, "terms", stopping)
    done = mapsto("train", "sound", wavs, "--name", "bells", *order)
    assert done.code == 130
    assert "Stopped. Saved step 2 of 4" in done.err
    assert "bells" not in weights.catalogue()
    done = mapsto("train", "sound", wavs, "--name", "bells", *order, "--resume")
    assert done.code == 0, done.err
    one, other = timbres("calm").state_dict(), timbres("bells").state_dict()
    assert all(bool((one[name] == other[name]).all()) for name in one)
    assert "against a critic" in weights.card("bells")["recipe"]


def test_a_dry_run_tells_the_cost_and_keeps_nothing(mapsto: Command, wavs: Path) -> None:
    done = mapsto("train", "sound", wavs, "--name", "bells", "--vae", "toys", "--dry-run", "--json")
    said = json.loads(done.out)
    assert said["data"]["steps"] == 300
    assert said["data"]["seconds"] > 0
    assert "bells" not in weights.catalogue()
    assert not own_models.run_of("bells").exists()


def test_one_note_is_enough_and_said_to_be_few(mapsto: Command) -> None:
    folder(Path("one"), ("A4",))
    done = mapsto("train", "sound", "one", *SHORT)
    assert done.code == 0, done.err
    assert "One note is few: how other pitches sound is guessed from it." in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 4, "does not exist"),
        (["empty"], 4, "no sound file"),
        (["silent"], 4, "Not one of 1 files can be used"),
        (["my wavs", "--name", "saw"], 2, "called 'saw' already"),
        (["my wavs", "--name", "toys"], 2, "weights called toys already"),
        (["my wavs", "--name", "no/name"], 2, "name"),
        (["my wavs", "--vae", "hills"], 5, "TimbreVAE"),
        (["my wavs", "--vae", "ghost"], 5, "ghost"),
        (["my wavs", "--size", "64"], 2, "Leave --size out"),
        (["my wavs", "--styles", "folders"], 2, "Leave --styles out"),
        (["my wavs", "--held-out", "1.5"], 2, "held out"),
        (["my wavs", "--device", "cuda"], 2, "not learned on cuda"),
        (["my wavs", "--steps", "1", "--hours", "1"], 2, "Both"),
        (["my wavs", "--steps", "0"], 2, "0 steps"),
        (["my wavs", "--resume"], 2, "no training to resume"),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_kept(mapsto: Command, arguments: list[str], code: int, said: str) -> None:
    Path("empty").mkdir()
    Path("silent").mkdir()
    Sound(np.zeros((1, 44_100), np.float32)).save("silent/A4.wav")
    before = set(weights.catalogue())
    standard = () if "--vae" in arguments else ("--vae", "toys")
    done = mapsto("train", "sound", *arguments, *standard)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert set(weights.catalogue()) == before


def test_a_critic_of_sounds_is_for_sounds(mapsto: Command, wavs: Path) -> None:
    done = mapsto("train", "flow", wavs, "--adversarial")
    assert (done.code, "--adversarial is for sound" in done.err) == (2, True)
