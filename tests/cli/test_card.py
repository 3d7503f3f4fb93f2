from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from composers import network
from darkroom import Command, animation, photo
from filming import film, noise
from mapsto import weights
from mapsto.cli import card as verb
from mapsto.media import video
from mapsto.media.audio import Sound
from mapsto.media.soundtrack import sound_of
from mapsto.sound.loudness import loudness, true_peak_db
from mapsto.sound.score import Score

STYLED = ("style", "photo.jpg", "ink", "--with-music")


REAL = verb._played


def hummed(score: Score, seed: int) -> Sound:
    """Something as long as a score that differs by its notes; playing it takes a hundred times as long."""
    at = np.arange(round(score.seconds * 44_100)) / 44_100
    pitch = np.mean([note.pitch for track in score.tracks for note in track.notes] or [60])
    wave = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * at + seed) * np.sin(np.pi * at / at[-1])
    return Sound(np.stack([wave, wave]).astype(np.float32) / 4)


@pytest.fixture(autouse=True)
def composer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A composer that knows few styles, with random weights, since what it composes does not matter here."""
    card = {"recipe": "random", "data": "none", "licence": "none", "tempos": {"lied": 240}}
    weights.save(network(), place.parent / "home/data/weights/band.safetensors", card)
    monkeypatch.setattr(verb, "COMPOSER", "band")
    monkeypatch.setattr(verb, "_played", hummed)


def clean(done: object) -> bool:
    err = str(getattr(done, "err", ""))
    return err.startswith("mapsto: ") and err.count("\n") == 1 and "Traceback" not in err


def test_a_photo_moves_as_long_as_its_tune_is_heard_and_says_so(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_played", REAL)
    done = mapsto(*STYLED, 2, "--music", "lied", "--seed", 3, "-o", "card.mp4", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    made, heard, frames = said["outputs"][0], sound_of("card.mp4"), list(video.frames("card.mp4"))
    assert (made["path"], made["frames"], made["seed"]) == ("card.mp4", len(frames), 3)
    assert {frame.size for frame in frames} == {(48, 32)}
    assert heard.seconds == pytest.approx(len(frames) / 25, abs=1e-3)
    tune = said["data"]["tune"]
    assert (tune["styles"], tune["bars"], tune["why"]) == ("lied", 2, "as asked for")
    assert len(frames) / 25 >= 2 * 4 * 60 / tune["tempo_bpm"]
    assert loudness(heard) == pytest.approx(-16, abs=0.5)
    assert true_peak_db(heard) <= -1.0
    settings = video.about("card.mp4").settings or {}
    assert settings["command"] == "style"
    assert settings["card"]["styles"] == "lied"
    assert {"band", "instruments", "tiny"} <= set(settings["weights"])
    assert sorted(path.name for path in Path().iterdir()) == ["card.mp4", "photo.jpg"]


def test_the_first_picture_is_the_photo_and_the_last_is_what_style_paints(mapsto: Command) -> None:
    from mapsto.media.picture import Picture

    assert mapsto(*STYLED, 1, "--music", "lied", "-o", "card.mp4", "--crf", 0).code == 0
    assert mapsto("style", "photo.jpg", "ink", "--size", "49x33", "-o", "still.png").code == 0
    first, *_, last = video.frames("card.mp4")
    for seen, wanted in ((first, "photo.jpg"), (last, "still.png")):
        light = [picture.pixels.mean(2) for picture in (seen, Picture.of(wanted).resized((48, 32)))]  # colours come at a half
        assert np.abs(light[0] - light[1]).mean() < 9  # the large picture is not the small one, made small
        assert np.corrcoef(light[0].ravel(), light[1].ravel())[0, 1] > 0.9


def test_made_again_it_is_the_same_to_the_last_byte(mapsto: Command) -> None:
    assert mapsto(*STYLED, 1, "--music", "ragtime:0.5,lied:0.5", "--strength", "0.6", "--seed", 5, "-o", "card.mp4").code == 0
    done = mapsto("redo", "card.mp4")
    assert done.code == 0, done.err
    assert done.err.endswith("Its pixels are identical to those of card.mp4.\nSo is its sound.\n")
    assert Path("card.redo.mp4").read_bytes() == Path("card.mp4").read_bytes()


def test_another_seed_is_another_tune_and_another_name_is_the_usual_one(mapsto: Command) -> None:
    for seed in (1, 2):
        assert mapsto(*STYLED, 1, "--music", "lied", "--seed", seed, "--overwrite").code == 0
        Path("photo.ink.mp4").rename(f"{seed}.mp4")
    one, other = (sound_of(f"{seed}.mp4").samples for seed in (1, 2))
    assert one.shape != other.shape or float(np.abs(one - other).max()) > 0.01


def test_without_a_wish_the_painting_decides_and_says_why(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from mapsto.sound import accompaniment

    monkeypatch.setitem(accompaniment.MUSIC, "ink", ("lied:0.6,ragtime:0.4", "so it is"))  # type: ignore[arg-type]
    done = mapsto(*STYLED, 1, "-o", "card.mp4")
    assert done.code == 0, done.err
    assert "Its tune is lied:0.6,ragtime:0.4 in " in done.err
    assert done.err.endswith(": so it is.\n")
    photo("painting.png", seed=4)
    done = mapsto("style", "photo.jpg", "painting.png:0.5,ink:0.5", "--with-music", 1, "--dry-run", "-o", "other.mp4")
    assert (done.code, Path("other.mp4").exists()) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((*STYLED, 0), 2, "0 bars make no moving picture"),
        ((*STYLED, 10_000), 2, "Ask for 1 to 256"),
        ((*STYLED, 1, "-o", "card.png"), 2, "card.png holds no moving picture with sound"),
        ((*STYLED, 1, "-o", "card.avi"), 2, "card.avi holds no moving picture with sound"),
        ((*STYLED, 1, "-o", "-"), 2, "into a file"),
        ((*STYLED, 1, "--music", "raggtime"), 2, "Perhaps ragtime?"),
        ((*STYLED, 1, "--music", "lied:-1"), 2, "Weights are 0 or more"),
        ((*STYLED, 1, "--music", "lied:0"), 2, "sum to nothing"),
        (("style", "photo.jpg", "ink", "--music", "lied"), 2, "--music goes with --with-music"),
        (("style", "photo.jpg", "photo.jpg", "--with-music", 1, "--method", "optimize"), 2, "would take hours"),
        ((*STYLED, 1, "--workers", 2), 2, "Leave --workers"),
        ((*STYLED, 1, "--codec", "vp9"), 2, "mp4 does not hold vp9"),
        (("style", "photo.jpg", "other.jpg", "ink", "--with-music", 1, "-o", "films/"), 2, "makes one moving picture, and 2"),
        (("style", "clip.mp4", "ink", "--with-music", 1, "-o", "card.mp4"), 2, "clip.mp4 moves already"),
        (("style", "nothing.jpg", "ink", "--with-music", 1), 4, "nothing.jpg does not exist"),
        (("style", ".", "ink", "-r", "--with-music", 1, "-o", "films/"), 2, "makes one moving picture"),
    ],
    ids=lambda value: " ".join(map(str, value[3:])) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_told_before_anything_is_made(
    mapsto: Command, arguments: tuple[object, ...], code: int, said: str
) -> None:
    photo("other.jpg", seed=2)
    film(Path("clip.mp4"), noise(5))
    before = sorted(path.name for path in Path().iterdir())
    done = mapsto(*arguments)
    assert (done.code, clean(done)) == (code, True), done.err
    assert said in done.err
    assert sorted(path.name for path in Path().iterdir()) == before


def test_without_pyav_it_says_what_to_install(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = mapsto(*STYLED, 1, "-o", "card.mp4")
    assert (done.code, clean(done)) == (2, True)
    assert "pip install 'mapsto[video]'" in done.err


def test_damaged_settings_are_no_crash(mapsto: Command) -> None:
    assert mapsto(*STYLED, 1, "--music", "lied", "-o", "card.mp4").code == 0
    settings = video.about("card.mp4").settings or {}
    tune = {"styles": "lied", "way": "blend", "bars": 1}
    for damage in (5, {}, {**tune, "way": "path"}, {**tune, "crf": "x"}):
        again = [next(video.frames("card.mp4"))]
        video.write_video("bad.mp4", again, settings={**settings, "card": damage})
        done = mapsto("redo", "bad.mp4")
        assert (done.code, clean(done)) == (4, True), done.err


def test_the_first_frame_of_an_animation_is_used_and_that_is_said(mapsto: Command) -> None:
    animation("anim.gif")
    done = mapsto("style", "anim.gif", "ink", "--with-music", 1, "--music", "lied", "-o", "card.mp4")
    assert done.code == 0, done.err
    assert "several frames" in done.err
