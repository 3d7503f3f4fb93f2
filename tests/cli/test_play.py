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
