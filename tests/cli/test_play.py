from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from darkroom import Command
from mapsto.files import sha256
from mapsto.media import audio
from mapsto.media.audio import Sound
from mapsto.sound.loudness import loudness, true_peak_db
from mapsto.sound.score import DRUMS, Note, Score, Track
from tunes import message, meta, midi, strokes

SHORT = Score(
    (
        Track("melody", (Note(0, 6, 67), Note(6, 6, 64)), "flute"),
        Track("bass", (Note(0, 12, 48),), "cello"),
        Track("drums", (Note(0, 3, DRUMS["kick"]), Note(6, 3, DRUMS["snare"])), drums=True),
    ),
    tempo_bpm=120,
)


@pytest.fixture
def tune(place: Path) -> Path:
    SHORT.save("tune.mid")
    return Path("tune.mid")


def test_a_score_becomes_sound(mapsto: Command, tune: Path) -> None:
    done = mapsto("play", tune, "--instruments", "melody=flute,bass=cello", "-o", "tune.wav")
    assert (done.code, done.err) == (0, "")
    sound = Sound.read("tune.wav")
    assert len(sound.samples) == 2
    assert loudness(sound) == pytest.approx(-16, abs=1)
    assert true_peak_db(sound) <= -1 + 0.01
    found = audio.settings("tune.wav") or {}
    assert found["command"] == "play"
    assert found["source"] == {"name": "tune.mid", "sha256": sha256(tune)}
    assert found["instruments"] == {"melody": "flute", "bass": "cello"}
    assert set(found["weights"]) == {"instruments", "drums"}


def test_the_same_seed_gives_the_same_file(mapsto: Command, tune: Path) -> None:
    for name in ("a.wav", "b.wav"):
        assert mapsto("play", tune, "--seed", 5, "-o", name).code == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_who_plays_is_heard(mapsto: Command, tune: Path) -> None:
    for player in ("flute", "trumpet"):
        assert mapsto("play", tune, "--instruments", player, "-o", f"{player}.wav").code == 0
    flute, trumpet = (Sound.read(f"{name}.wav").samples[0][:20_000] for name in ("flute", "trumpet"))
    assert not np.allclose(flute, trumpet, atol=1e-2)


def test_the_sound_is_named_after_the_score_and_has_a_picture_where_wanted(mapsto: Command, tune: Path) -> None:
    done = mapsto("play", tune, "--picture", "--bits", 24)
    assert done.code == 0
    assert Path("tune.wav").exists()
    assert Path("tune.png").exists()
    assert audio.about("tune.wav")["subtype"] == "PCM_24"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ghost.mid"], 4, "does not exist"),
        (["photo.jpg"], 4, "photo.jpg"),
        (["tune.mid", "--instruments", "melody=fluet"], 2, "flute"),
        (["tune.mid", "--instruments", "soprano=flute"], 2, "track"),
        (["tune.mid", "--room", "2"], 2, "room"),
        (["tune.mid", "-o", "tune.txt"], 2, ".wav or .flac"),
        (["tune.mid", "--soundfont", "ghost.sf2"], 2, "soundfont"),
    ],
)
def test_mistakes_are_told_in_a_line_and_nothing_is_written(
    mapsto: Command, tune: Path, arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("bin").mkdir()
    Path("bin/fluidsynth").write_text("#!/bin/sh\nexit 1\n")
    Path("bin/fluidsynth").chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}")
    before = set(Path.cwd().iterdir())
    done = mapsto("play", *arguments)
    assert done.code == code
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert set(Path.cwd().iterdir()) == before


HEAD = b"MThd\0\0\0\6\0\1"
BROKEN = {
    "empty": (b"", 4, "is empty (0 bytes)"),
    "text": (b"not music", 4, "is no MIDI file"),
    "cut": (midi(strokes((0, 480, 60)))[:-9], 4, "is cut off or damaged"),
    "no tracks": (HEAD + b"\0\0\1\xe0", 4, "has no tracks"),
    "no notes": (midi([(0, meta("set_tempo", tempo=500_000))]), 4, "holds no notes"),
    "two hours": (midi(strokes((0, 480, 60), (480 * 2 * 60 * 120, 480 * 2 * 60 * 120 + 480, 60))), 2, "takes 120 minutes"),
    "film frames": (HEAD + b"\0\1\xe7\x28", 4, "counts frames of a film"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_score_that_cannot_be_played_is_one_line_and_no_sound(mapsto: Command, name: str) -> None:
    content, code, said = BROKEN[name]
    Path("bad.mid").write_bytes(content)
    before = set(Path.cwd().iterdir())
    done = mapsto("play", "bad.mid")
    assert (done.code, len(done.err.splitlines())) == (code, 1), done.err
    assert said in done.err
    assert set(Path.cwd().iterdir()) == before


STRANGE = {
    "slow": (
        [(0, meta("set_tempo", tempo=16_000_000)), *strokes((0, 60, 60))],
        "A tempo of 3.75 quarter notes a minute was taken as 10",
    ),
    "fast": ([(0, meta("set_tempo", tempo=1)), *strokes((0, 480, 60))], "was taken as 400"),
    "meter": (
        [(0, meta("time_signature", numerator=99, denominator=32)), *strokes((0, 480, 60))],
        "A meter of 99/32 cannot be written",
    ),
    "highest": (strokes((0, 480, 127), (0, 480, 0)), ""),
    "drums": (strokes((0, 480, 36), (480, 960, 38), channel=9), ""),
    "banjo": (
        [(0, message("program_change", program=105)), *strokes((0, 480, 60))],
        "no banjo among the instruments: guitar plays",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_score_is_played_and_what_was_changed_is_told(mapsto: Command, name: str) -> None:
    messages, said = STRANGE[name]
    Path("odd.mid").write_bytes(midi(messages))
    done = mapsto("play", "odd.mid")
    assert done.code == 0, done.err
    assert said in done.err
    assert len(done.err.splitlines()) == bool(said)
    sound = Sound.read("odd.wav")
    assert sound.peak_db > -40


def test_the_spectrogram_is_drawn_as_svg_where_wanted(mapsto: Command, tune: Path) -> None:
    done = mapsto("play", tune, "--svg")
    assert done.code == 0
    assert Path("tune.svg").read_text("utf-8").startswith("<svg")
    assert not Path("tune.png").exists()


def test_a_soundfont_needs_fluidsynth(mapsto: Command, tune: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("grand.sf2").write_bytes(b"RIFF\0\0\0\0sfbk")
    monkeypatch.setenv("PATH", "")
    done = mapsto("play", tune, "--soundfont", "grand.sf2")
    assert done.code == 2
    assert "FluidSynth" in done.err


def test_a_file_that_is_no_soundfont_is_refused(mapsto: Command, tune: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/true")
    done = mapsto("play", tune, "--soundfont", "photo.jpg")
    assert done.code == 4
    assert "not a soundfont" in done.err


@pytest.mark.skipif(
    not (shutil.which("fluidsynth") and Path("/usr/share/sounds/sf2/FluidR3_GM.sf2").exists()), reason="needs FluidSynth"
)
def test_fluidsynth_plays_a_soundfont(mapsto: Command, tune: Path) -> None:
    done = mapsto("play", tune, "--soundfont", "/usr/share/sounds/sf2/FluidR3_GM.sf2", "-o", "sf.flac")
    assert (done.code, done.err) == (0, "")
    sound = Sound.read("sf.flac")
    assert loudness(sound) == pytest.approx(-16, abs=1)
    assert (audio.settings("sf.flac") or {})["soundfont"]["name"] == "FluidR3_GM.sf2"


def test_every_seed_there_is_plays_and_others_are_refused(mapsto: Command, tune: Path) -> None:
    for seed in (0, 2**63 - 1):
        assert mapsto("play", tune, "--seed", seed, "-o", f"{seed}.wav").code == 0
    for seed in (-1, 2**63, 10**30):
        done = mapsto("play", tune, "--seed", seed, "-o", "other.wav")
        assert (done.code, f"seed {seed} is out of range" in done.err) == (2, True)
        assert not Path("other.wav").exists()
