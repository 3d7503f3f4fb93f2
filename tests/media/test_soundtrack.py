from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.audio import Sound
from mapsto.media.coding import Coding
from mapsto.media.soundtrack import sound_of
from mapsto.media.video import FilmWriter, frames
from mapsto.sound.loudness import loudness

SECONDS, FPS = 2.0, 25


def tone(channels: int = 2) -> Sound:
    """Two seconds that swell and fade, with a click in the middle, and louder on the left."""
    at = np.arange(round(SECONDS * 44_100)) / 44_100
    wave = 0.4 * np.sin(2 * np.pi * 440 * at) * np.sin(np.pi * at / SECONDS) ** 2
    wave[44_100:44_140] += 0.3
    return Sound(np.stack([wave / (1 + channel) for channel in range(channels)]).astype(np.float32))


def film(path: Path, sound: Sound | None) -> Path:
    codec = Coding("vp9" if path.suffix == ".webm" else "h264")
    with FilmWriter(path, (64, 48), time_base=Fraction(1, FPS), fps=Fraction(FPS), coding=codec, sound=sound) as writer:
        for number in range(round(SECONDS * FPS)):
            writer.add(np.full((48, 64, 3), 4 * number, np.uint8), number)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_comes_back_when_and_as_loud_as_it_was(tmp_path: Path, suffix: str, channels: int) -> None:
    wanted = tone(channels)
    heard = sound_of(film(tmp_path / f"film{suffix}", wanted)).at(44_100)
    count = wanted.samples.shape[1]
    assert heard.samples.shape[0] == channels
    assert 0 <= heard.samples.shape[1] - count <= 1100  # a frame of the codec at most
    apart = heard.samples[:, :count] - wanted.samples
    assert float((apart**2).mean() / (wanted.samples**2).mean()) < 10 ** (-25 / 10)
    assert loudness(heard) == pytest.approx(loudness(wanted), abs=0.1)
    late = np.correlate(heard.samples[0, 43_000:45_000], wanted.samples[0, 43_000:45_000], "full").argmax() - 1999
    assert abs(late) <= 1
    assert len(list(frames(tmp_path / f"film{suffix}"))) == round(SECONDS * FPS)


def test_the_same_sound_makes_the_same_bytes(tmp_path: Path) -> None:
    one, other = (film(tmp_path / name, tone()).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert one == other


def test_sound_goes_beside_the_pictures_and_not_behind_them(tmp_path: Path) -> None:
    import av

    with av.open(str(film(tmp_path / "film.mp4", tone()))) as container:
        order = [(packet.stream.type, float(packet.pts * packet.time_base)) for packet in container.demux() if packet.size]
    clock = 0.0
    for kind, seconds in order:
        if kind == "video":
            assert clock >= min(seconds, SECONDS) - 0.5, "sound is late"
        clock = max(clock, seconds) if kind == "audio" else clock


def test_too_many_channels_and_silent_films_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one or two channels"):
        film(tmp_path / "film.mp4", Sound(np.zeros((6, 4410), np.float32)))
    assert not (tmp_path / "film.mp4").exists()
    with pytest.raises(UnreadableInput, match="has no sound"):
        sound_of(film(tmp_path / "mute.mp4", None))
