from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darkroom import Command
from mapsto import __version__, weights
from mapsto.cli.sounding import cast_of, pitch_of
from mapsto.errors import UsageError
from mapsto.media import audio, picture
from mapsto.media.audio import Sound


def test_a_mixture_of_instruments_becomes_a_note(mapsto: Command) -> None:
    done = mapsto("sound", "flute:0.5,violin:0.5", "--pitch", "A4", "--seconds", 0.4, "-o", "note.wav")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("note.wav  ")
    sound = Sound.read("note.wav")
    assert sound.rate_hz == 44_100
    assert 0.4 < sound.seconds < 3
    assert -12 < sound.peak_db <= -1
    assert audio.settings("note.wav") == {
        "mapsto": __version__,
        "command": "sound",
        "instrument": "flute:0.5,violin:0.5",
        "pitch": 69.0,
        "length": 0.4,
        "velocity": 0.7,
        "seed": 0,
        "room": 0.0,
        "weights": {"instruments": weights.digest("instruments")},
        "torch": __import__("torch").__version__,
    }


def test_the_file_is_named_after_the_note_by_default(mapsto: Command) -> None:
    assert mapsto("sound", "flute:0.5,violin:0.5", "--pitch", "Bb3", "--seconds", 0.1).code == 0
    assert Path("flute-violin.Bb3.wav").exists()


def test_the_same_seed_gives_the_same_file(mapsto: Command) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert mapsto("sound", "oboe", "--seconds", 0.2, "--seed", seed, "-o", f"{name}.wav").code == 0
    assert np.array_equal(Sound.read("a.wav").samples, Sound.read("b.wav").samples)
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()
    assert Path("a.wav").read_bytes() != Path("c.wav").read_bytes()


def test_a_timbre_goes_a_way(mapsto: Command) -> None:
    done = mapsto("sound", "--path", "flute, trumpet", "--pitch", "C4", "--seconds", 0.8, "--room", 0.2, "-o", "way.flac")
    assert (done.code, done.err) == (0, "")
    assert Sound.read("way.flac").samples.shape[0] == 2
    assert (audio.settings("way.flac") or {})["path"] == "flute, trumpet"


def test_without_an_instrument_they_are_listed(mapsto: Command) -> None:
    done = mapsto("sound")
    assert done.code == 0
    assert {"piano", "violin", "flute"} <= set(done.out.split())
    assert json.loads(mapsto("sound", "--json").out)["data"]["instruments"] == done.out.split()


def test_programs_are_told_everything(mapsto: Command) -> None:
    done = mapsto("sound", "piano", "--seconds", 0.2, "-o", "n.wav", "--picture", "--json")
    told = json.loads(done.out)
    assert told["ok"]
    first, drawn = told["outputs"]
    assert (first["path"], first["rate_hz"], first["channels"], first["seed"]) == ("n.wav", 44_100, 1, 0)
    assert drawn["path"] == "n.png"
    with Image.open("n.png") as image:
        assert image.size == (drawn["width"], drawn["height"])
    assert (picture.settings("n.png") or {})["instrument"] == "piano"


def test_files_of_others_are_not_replaced(mapsto: Command) -> None:
    Sound(np.zeros((1, 100), np.float32)).save("mine.wav")
    assert mapsto("sound", "flute", "--seconds", 0.1, "-o", "mine.wav").code == 2
    assert mapsto("sound", "flute", "--seconds", 0.1, "-o", "mine.wav", "--overwrite").code == 0
    assert mapsto("sound", "oboe", "--seconds", 0.1, "-o", "mine.wav").code == 0  # now it is ours


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fluet"], 2, "flute"),
        (["flute:0"], 2, "sum to 0"),
        (["flute:-1,oboe:1"], 2, "Weights are 0 or more"),
        (["flute", "--path", "flute,oboe"], 2, "at once"),
        (["--path", "flute"], 2, "goes nowhere"),
        (["flute", "--pitch", "H4"], 2, "no pitch"),
        (["flute", "--pitch", "-5"], 2, "out of range"),
        (["flute", "--seconds", "0"], 2, "0 s"),
        (["flute", "--seconds", "100"], 2, "at most 60"),
        (["flute", "--velocity", "2"], 2, "velocity"),
        (["flute", "--room", "3"], 2, "room"),
        (["flute", "--bits", "8"], 2, "16 or 24"),
        (["flute", "-o", "note.mp3"], 2, ".wav or .flac"),
        (["flute", "--model", "ghost"], 5, "no weights"),
        (["flute", "--model", "hills"], 5, "TimbreVAE"),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_written(
    mapsto: Command, arguments: list[str], code: int, said: str
) -> None:
    before = set(Path.cwd().iterdir())
    done = mapsto("sound", *arguments)
    assert done.code == code
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    ("text", "number"), [("A4", 69), ("a4", 69), ("C4", 60), ("Bb3", 58), ("F#5", 78), ("c-1", 0), ("G9", 127), ("60.5", 60.5)]
)
def test_pitches_are_spelled_as_musicians_do(text: str, number: float) -> None:
    assert pitch_of(text) == number


def test_pitches_may_be_frequencies() -> None:
    assert pitch_of("440Hz") == 69
    assert pitch_of("261.6256 hz") == pytest.approx(60, abs=1e-4)
    for bad in ("0Hz", "-3Hz", "nan", "H2", "", "C10", "inf"):
        with pytest.raises(UsageError):
            pitch_of(bad)


def test_casts_are_spelled_by_track() -> None:
    assert cast_of(None) == {}
    assert cast_of("flute") == {"*": "flute"}
    assert cast_of("flute:1,oboe:2") == {"*": "flute:1,oboe:2"}
    assert cast_of("melody=flute,bass=cello") == {"melody": "flute", "bass": "cello"}
    assert cast_of("melody=flute:0.5,violin:0.5, bass = cello") == {"melody": "flute:0.5,violin:0.5", "bass": "cello"}
    for bad in ("melody=flute,melody=oboe", "melody="):
        with pytest.raises(UsageError):
            cast_of(bad)


def test_every_seed_there_is_sounds_and_others_are_refused(mapsto: Command) -> None:
    assert mapsto("sound", "oboe", "--seconds", 0.2, "--seed", 2**63 - 1, "-o", "a.wav").code == 0
    for seed in (-1, 2**63, 10**30):
        done = mapsto("sound", "oboe", "--seconds", 0.2, "--seed", seed, "-o", "other.wav")
        assert (done.code, f"seed {seed} is out of range" in done.err) == (2, True)
        assert not Path("other.wav").exists()
