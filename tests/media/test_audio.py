import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mapsto.errors import NoSpace, UnreadableInput, UsageError
from mapsto.media.audio import Sound, about, resample, settings

RATE = 44_100


def tone(hz: float = 440.0, seconds: float = 0.2, channels: int = 2, rate_hz: int = RATE) -> Sound:
    wave = 0.5 * np.sin(2 * math.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return Sound(np.stack([wave * (0.9**c) for c in range(channels)]).astype(np.float32), rate_hz)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str, bits: int, channels: int) -> None:
    sound = tone(channels=channels)
    path = sound.save(tmp_path / f"a{suffix}", bits=bits)
    again = Sound.read(path)
    assert again.rate_hz == RATE
    assert again.samples.shape == sound.samples.shape
    assert np.abs(again.samples - sound.samples).max() <= 0.51 * 2 ** (1 - bits)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_says_how_it_was_made(tmp_path: Path, suffix: str) -> None:
    said = {"mapsto": "1", "instrument": "Flöte – 笛", "seed": 3, "room": 0.15, "long": "x" * 5000}
    path = tone().save(tmp_path / f"a{suffix}", settings=said)
    assert settings(path) == said
    assert about(path)["settings"] == said
    assert settings(tone().save(tmp_path / f"b{suffix}")) is None


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_comments_of_others_are_no_settings(tmp_path: Path, name: str) -> None:
    with soundfile.SoundFile(tmp_path / name, "w", RATE, 1) as file:
        file.comment = "mapsto {broken"
        file.write(np.zeros(10))
    assert settings(tmp_path / name) is None


def test_other_programs_find_the_comment_of_a_wav_and_its_sound(tmp_path: Path) -> None:
    path = tone().save(tmp_path / "a.wav", settings={"seed": 3})
    with soundfile.SoundFile(path) as file:
        assert file.comment == 'mapsto {"seed": 3}'
        assert file.frames == RATE // 5
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_about_tells_what_the_header_says(tmp_path: Path) -> None:
    found = about(tone(seconds=1.5).save(tmp_path / "a.flac", bits=24))
    assert found == {
        "format": "FLAC",
        "seconds": 1.5,
        "rate_hz": RATE,
        "channels": 2,
        "subtype": "PCM_24",
        "settings": None,
    }


def test_full_scale_is_clipped_and_does_not_wrap(tmp_path: Path) -> None:
    path = Sound(np.array([[2.0, -2.0, 1.0, -1.0]], np.float32)).save(tmp_path / "a.wav")
    assert Sound.read(path).samples[0].tolist() == pytest.approx([1, -1, 1, -1], abs=1e-4)


def test_other_formats_are_read(tmp_path: Path) -> None:
    wave = tone(seconds=1.0).samples.T
    for name, kind in (("a.ogg", "OGG"), ("a.aiff", "AIFF"), ("a.mp3", "MP3")):
        soundfile.write(tmp_path / name, wave, RATE, format=kind)
        again = Sound.read(tmp_path / name)
        size = min(again.samples.shape[1], RATE // 2)
        assert 0.25 < np.abs(again.samples[:, 4000:size]).max() < 0.7


@pytest.mark.parametrize("rates", [(48_000, 44_100), (22_050, 44_100), (96_000, 44_100), (8000, 44_100)])
def test_another_rate_keeps_the_tone(rates: tuple[int, int]) -> None:
    made = tone(1000, 0.5, 1, rates[0]).at(rates[1]).samples[0]
    wanted = tone(1000, 0.5, 1, rates[1]).samples[0]
    assert len(made) == len(wanted)
    inside = slice(len(made) // 10, -len(made) // 10)
    assert np.abs(made[inside] - wanted[inside]).max() < 1e-3


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    high = tone(10_000, 0.5, 1, 48_000).samples[0]
    assert np.abs(resample(high, 48_000, 16_000)[500:-500]).max() < 1e-3


def test_reading_resamples_where_asked(tmp_path: Path) -> None:
    path = tone(rate_hz=48_000).save(tmp_path / "a.wav")
    assert Sound.read(path, rate_hz=RATE).samples.shape == (2, RATE // 5)


def nan_file(path: Path) -> None:
    soundfile.write(path, np.array([0.1, np.nan, 0.2], np.float32), RATE, subtype="FLOAT")


FAULTS = {
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text": (lambda path: path.write_text("la la la\n" * 50), "text"),
    "rubbish": (lambda path: path.write_bytes(bytes(range(255, 0, -1)) * 9), "no sound"),
    "header only": (lambda path: path.write_bytes(tone().encoded()[:20]), "damaged"),
    "no samples": (lambda path: soundfile.write(path, np.zeros((0, 1)), RATE), "no samples"),
    "NaN": (nan_file, "not numbers"),
    "infinite": (lambda path: soundfile.write(path, np.array([0.1, np.inf]), RATE, subtype="DOUBLE"), "not numbers"),
    "folder": (lambda path: path.mkdir(), "folder"),
    "missing": (lambda path: None, "does not exist"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_is_no_sound_is_refused_in_words(tmp_path: Path, fault: str) -> None:
    make, said = FAULTS[fault]
    make(tmp_path / "a.wav")  # type: ignore[no-untyped-call]
    with pytest.raises(UnreadableInput, match=said):
        Sound.read(tmp_path / "a.wav")


def test_a_cut_flac_is_refused(tmp_path: Path) -> None:
    whole = tone(seconds=2.0).encoded("FLAC")
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableInput, match="damaged"):
        Sound.read(tmp_path / "a.flac")


def test_what_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tone(seconds=2.0).save(tmp_path / "a.wav")
    with pytest.raises(UnreadableInput, match="takes 2 s"):
        Sound.read(path, longest_seconds=1.5)


def test_silence_is_refused_where_something_is_needed() -> None:
    assert tone().audible() is not None
    with pytest.raises(UnreadableInput, match=r"bell\.wav is silent"):
        Sound(np.full((1, 100), 1e-4, np.float32)).audible("bell.wav")


@pytest.mark.parametrize("name", ["a", "a.mp3", "a.png"])
def test_only_wav_and_flac_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="wav"):
        tone().save(tmp_path / name)


def test_only_16_and_24_bits_are_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="16 or 24"):
        tone().save(tmp_path / "a.wav", bits=8)


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tone(440).save(tmp_path / "a.wav")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(NoSpace):
        tone(880).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("shape", [(5,), (1, 2, 3), (0, 5), (65, 1)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="Samples"):
        Sound(np.zeros(shape, np.float32))


def test_it_plays_in_a_notebook() -> None:
    assert tone()._repr_html_().startswith('<audio controls src="data:audio/wav;base64,UklGR')
