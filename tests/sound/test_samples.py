from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bells import BAR, folder, struck
from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.audio import Sound
from mapsto.sound import samples, tuning
from mapsto.sound.analysis import RATE_HZ
from mapsto.sound.samples import held, named_pitch, read_samples


@pytest.mark.parametrize(
    ("text", "pitch"),
    [
        ("bell_A4", 69),
        ("C#3", 49),
        ("Cs3", 49),
        ("my bell Bb2", 46),
        ("a4-bb3", 58),
        ("koto-C-1", 0),
        ("bell_A4_v100", 69),
        ("bell", None),
        ("take_01", None),
        ("bla4", None),
        ("G10", None),
        ("A9", None),
    ],
)
def test_pitches_are_told_by_names(text: str, pitch: int | None) -> None:
    assert named_pitch(text) == pitch


@pytest.mark.parametrize("hz", [41.2, 98.0, 261.6, 440.0, 1318.5, 2093.0])
@pytest.mark.parametrize("ratios", [(1,), (1, 2, 3, 4, 5), (2, 3, 4)])
def test_pitches_are_heard(hz: float, ratios: tuple[float, ...]) -> None:
    found = tuning.heard(struck(hz, ratios)[0].astype(float))
    assert found is not None
    assert abs(1200 * math.log2(found / hz)) < 15


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ)
    assert tuning.heard(noise) is None
    assert tuning.heard(noise * np.exp(-8 * np.arange(RATE_HZ) / RATE_HZ)) is None


def test_a_folder_is_read_by_pitch_at_one_rate_from_the_louder_channel(tmp_path: Path) -> None:
    folder(tmp_path, ("C5", "A3"))
    Sound(np.concatenate([0.1 * struck(330.0), struck(330.0)]), RATE_HZ).save(tmp_path / "stereo_E4.flac")
    (tmp_path / "deep").mkdir()
    Sound(struck(196.0, rate_hz=22_050), 22_050).save(tmp_path / "deep" / "nameless.wav")
    found = read_samples(tmp_path)
    assert [note.name for note in found.notes] == ["deep/nameless.wav", "string_A3.wav", "stereo_E4.flac", "string_C5.wav"]
    assert [round(note.pitch) for note in found.notes] == [55, 57, 64, 72]
    assert np.abs(found.notes[2].samples).max() == pytest.approx(np.abs(struck(330.0)).max(), rel=0.01)
    low = tuning.heard(found.notes[0].samples)
    assert low == pytest.approx(196.0, rel=0.01)


def test_what_cannot_be_learned_is_skipped_and_told(tmp_path: Path) -> None:
    folder(tmp_path, ("A4",))
    (tmp_path / "broken_A3.wav").write_bytes(b"RIFF1234WAVEfmt nothing")
    Sound(np.zeros((1, RATE_HZ), np.float32)).save(tmp_path / "silent_A3.wav")
    soundfile.write(tmp_path / "nan_A3.wav", np.full(9000, np.nan, np.float32), RATE_HZ, subtype="FLOAT")
    Sound(struck(440.0, seconds=0.05)).save(tmp_path / "short_A3.wav")
    Sound(0.1 * np.random.default_rng(0).standard_normal((1, RATE_HZ)).astype(np.float32)).save(tmp_path / "snare.wav")
    soundfile.write(tmp_path / "long_A3.wav", np.full(40 * 8000, 0.1, np.float32), 8000)
    (tmp_path / "again_A4.wav").write_bytes((tmp_path / "string_A4.wav").read_bytes())
    (tmp_path / "notes.txt").write_text("no sound")
    found = read_samples(tmp_path)
    assert [note.name for note in found.notes] == ["again_A4.wav"]
    said = dict(found.skipped)
    for name, reason in {
        "broken_A3.wav": "damaged",
        "silent_A3.wav": "silent",
        "nan_A3.wav": "not numbers",
        "short_A3.wav": "shorter than 0.1 s",
        "snare.wav": "drums are not learned",
        "long_A3.wav": "at most 30 s",
        "string_A4.wav": "the same as again_A4.wav",
    }.items():
        assert reason in said.pop(name)
    assert not said


def test_a_folder_without_a_note_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableInput, match="no sound file"):
        read_samples(tmp_path)
    with pytest.raises(UnreadableInput, match="does not exist"):
        read_samples(tmp_path / "nowhere")
    (tmp_path / "a.wav").write_bytes(b"no")
    with pytest.raises(UnreadableInput, match="Not one of 1 files"):
        read_samples(tmp_path)
    with pytest.raises(UnreadableInput, match="is no folder"):
        read_samples(tmp_path / "a.wav")
    monkeypatch.setattr(samples, "MOST", 0)
    with pytest.raises(UsageError, match="more than an instrument needs"):
        read_samples(tmp_path)


def test_a_name_counts_more_than_what_is_heard_and_that_is_told(tmp_path: Path) -> None:
    Sound(struck(440.0)).save(tmp_path / "x_C5.wav")
    Sound(struck(220.0)).save(tmp_path / "octave_A4_v127.wav")
    found = read_samples(tmp_path)
    assert [(note.pitch, note.velocity) for note in found.notes] == [(69, 1.0), (72, None)]
    assert found.remarks == ("x_C5.wav sounds -3.0 semitones from what it is called: its name counts.",)


def test_what_rings_out_was_held_for_its_length_and_others_until_they_were_let_go() -> None:
    bar = struck(440.0, BAR, seconds=1.5)[0].astype(float)
    assert held(bar) == pytest.approx(1.5, abs=0.01)
    at = np.arange(RATE_HZ) / RATE_HZ
    blown = 0.2 * np.sin(2 * math.pi * 440 * at) * 10 ** (-200 * np.maximum(0, at - 0.8) / 20)
    assert held(blown) == pytest.approx(0.8 + 12 / 200, abs=0.02)
