from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bells import network
from mapsto import weights
from mapsto.errors import UsageError
from mapsto.files import data_dir
from mapsto.image import models
from mapsto.media.audio import Sound
from mapsto.sound import bands
from mapsto.sound.render import render
from mapsto.sound.score import Note, Score, Track
from mapsto.sound.timbre import TimbreVAE

CARD = {"recipe": "random", "data": "none", "licence": "none"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two instruments of one's own, learned apart, and one learned beside the first."""
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path))
    for name, others in (("bells", ("flute",)), ("gongs", ("flute",)), ("chimes", ("flute", "bells"))):
        weights.save(network((*others, name)), data_dir() / f"weights/{name}.safetensors", {**CARD, "instrument": name})
    (data_dir() / "weights/broken.safetensors").write_bytes(b"nothing")
    return tmp_path


def test_own_instruments_come_after_those_that_come_along() -> None:
    assert bands.own() == {"bells": "bells", "chimes": "chimes", "gongs": "gongs"}
    assert bands.names()[-3:] == ["bells", "chimes", "gongs"]
    assert "flute" in bands.names()


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("flute", "instruments"),
        ("flute:0.5,violin:0.5", "instruments"),
        ("bells", "bells"),
        ("bells:0.5,flute:0.5", "bells"),
        ("bells,chimes", "chimes"),
        ("chimes,bells", "chimes"),
        ({"gongs": 1.0}, "gongs"),
    ],
)
def test_a_mixture_is_played_by_who_knows_all_of_it(text: str | dict[str, float], model: str) -> None:
    assert bands.model_of(text) == model
    if model != "instruments":
        band = bands.band_of(text)
        assert band.name == model
        assert torch.isfinite(band.timbre(text)).all()


def test_instruments_learned_apart_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="learned apart") as error:
        bands.model_of("bells,gongs")
    assert "--vae bells" in error.value.hint


def test_unknown_ones_come_with_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="'bels'") as error:
        bands.model_of("bels")
    assert "bells" in error.value.hint


def test_weights_that_were_replaced_are_read_again() -> None:
    before = bands.band_of("bells").timbre("bells")
    other = TimbreVAE(("flute", "bells"), latent=4, width=32)
    path = data_dir() / "weights/bells.safetensors"
    weights.save(other, path, CARD)
    assert not torch.equal(bands.band_of("bells").timbre("bells"), before)


def test_a_score_is_played_by_instruments_of_several_networks() -> None:
    tracks = (Track("melody", (Note(0, 6, 67),), "bells"), Track("bass", (Note(0, 12, 48),), "gongs:1,flute:1"))
    score = Score(tracks, tempo_bpm=120)
    sound = render(score, room=0)
    assert isinstance(sound, Sound)
    assert sound.samples.any()
    same, other = (render(score, {"melody": name}, room=0) for name in ("bells", "flute"))
    assert (same.samples == sound.samples).all()
    assert other.samples.shape != sound.samples.shape or (other.samples != sound.samples).any()


def test_an_instrument_of_ones_own_can_be_forgotten() -> None:
    models.forget("bells")
    assert "bells" not in bands.names()
