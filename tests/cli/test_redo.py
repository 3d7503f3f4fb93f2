from __future__ import annotations

import io
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import Command, animation, photo, pixels
from mapsto.cli.app import run
from mapsto.cli.info import told
from mapsto.cli.order import order_of
from mapsto.errors import MapstoError
from mapsto.media import picture


@pytest.mark.parametrize(
    "options",
    [
        ["ink"],
        ["ink", "--strength", "0.4", "--keep-colors", "--size", "64", "--seed", "5", "--tile", "64"],
        ["ink:1,painting.png:2", "-o", "photo.ink.jpg", "--quality", "70"],
        ["ink", "-o", "photo.ink.webp"],
        ["painting.png", "--method", "optimize", "--steps", "3"],
    ],
    ids=["plain", "everything", "mixture", "webp", "optimize"],
)
def test_the_same_photo_comes_out_with_the_same_pixels(mapsto: Command, options: list[str]) -> None:
    photo("painting.png", seed=4)
    made = json.loads(mapsto("style", "photo.jpg", *options, "--json").out)["outputs"][0]["path"]
    done = mapsto("redo", made, "photo.jpg", "-o", f"again{Path(made).suffix}")
    assert done.code == 0, done.err
    assert done.err == f"Its pixels are identical to those of {made}.\n"
    assert np.array_equal(pixels(made), pixels(f"again{Path(made).suffix}"))
    again, before = (picture.settings(path) or {} for path in (f"again{Path(made).suffix}", made))
    assert again == before


def test_an_animation_is_repeated(mapsto: Command) -> None:
    animation("film.gif")
    assert mapsto("style", "film.gif", "ink", "--strength", "0.5").code == 0
    assert mapsto("redo", "film.ink.gif", "film.gif").code == 0
    assert Path("film.ink.redo.gif").read_bytes() == Path("film.ink.gif").read_bytes()


def test_the_photo_is_found_beside_the_painting(mapsto: Command) -> None:
    mapsto("style", "photo.jpg", "ink")
    done = mapsto("redo", "photo.ink.png", "--json")
    said = json.loads(done.out)
    assert said["outputs"][0]["path"] == "photo.ink.redo.png"
    assert said["data"] == {"identical": True}
    photo("photo.jpg", seed=9)
    done = mapsto("redo", "photo.ink.png")
    assert done.code == 2
    assert "mapsto redo photo.ink.png PHOTO" in done.err


def test_it_goes_to_standard_output_in_the_format_of_then(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    run(["style", "photo.jpg", "ink", "-o", "then.webp"])
    capfdbinary.readouterr()
    assert run(["redo", "then.webp", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == Path("then.webp").read_bytes()


def test_a_photo_from_standard_input_is_not_called_another(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    mapsto("style", "photo.jpg", "ink")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path("photo.jpg").read_bytes())))
    done = mapsto("redo", "photo.ink.png", "-", "-o", "again.png")
    assert (done.code, "another" in done.err) == (0, False)
    assert np.array_equal(pixels("again.png"), pixels("photo.ink.png"))


def test_another_photo_gets_the_same_settings(mapsto: Command) -> None:
    mapsto("style", "photo.jpg", "ink", "--seed", "3", "--strength", "0.5")
    other = photo("other.jpg", seed=8)
    done = mapsto("redo", "photo.ink.png", other, "-o", "other.png")
    assert done.code == 0
    assert "another photo" in done.err
    mapsto("style", other, "ink", "--seed", "3", "--strength", "0.5")
    assert np.array_equal(pixels("other.png"), pixels("other.ink.png"))


def test_a_style_picture_is_looked_for_and_checked(mapsto: Command) -> None:
    painting = photo("far/painting.png", seed=4)
    assert mapsto("style", "photo.jpg", painting).code == 0
    Path("near").mkdir()
    shutil.copy("photo.painting.png", "near/made.png")
    painting.rename("near/painting.png")
    assert mapsto("redo", "near/made.png", "photo.jpg").code == 0
    photo("near/painting.png", seed=5)
    done = mapsto("redo", "near/made.png", "photo.jpg")
    assert done.code == 4
    assert "content has changed" in done.err
    Path("near/painting.png").unlink()
    done = mapsto("redo", "near/made.png", "photo.jpg")
    assert done.code == 4
    assert "far/painting.png is missing" in done.err


def test_what_differs_from_then_is_told(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    mapsto("style", "photo.jpg", "ink")
    made = picture.read("photo.ink.png")
    settings = picture.settings("photo.ink.png") or {}
    settings |= {"mapsto": "0.0.1", "torch": "1.0", "device": "cuda:7", "weights": {"tiny": "0" * 64}}
    made.save("old.png", settings=settings)
    done = mapsto("redo", "old.png", "photo.jpg", "--json")
    warnings = "\n".join(json.loads(done.out)["warnings"])
    for word in ("Mapsto 0.0.1", "PyTorch 1.0", "cuda:7", "weights tiny"):
        assert word in warnings


def test_info_shows_settings_and_pictures_of_others(mapsto: Command) -> None:
    mapsto("style", "photo.jpg", "ink:3,mosaic:1", "--strength", "0.5", "-o", "out.webp")
    done = mapsto("info", "out.webp")
    assert done.code == 0
    for words in (
        "WEBP, 48×32",
        "ink 75%, mosaic 25%",
        "strength    0.5",
        "mapsto redo out.webp photo.jpg",
        "photo.jpg (sha256",
    ):
        assert words in done.out
    said = json.loads(mapsto("info", "out.webp", "--json").out)
    assert said["data"]["settings"]["strength"] == 0.5
    assert (said["data"]["width"], said["data"]["height"], said["data"]["frames"]) == (48, 32, 1)
    assert "not made by Mapsto" in mapsto("info", "photo.jpg").out
    assert "3 frames" in mapsto("info", animation("film.gif")).out


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["strength", "style", "weights", "tile", "size", "steps", "device", "source", "method", "quality"])


@given(st.dictionaries(KEYS, json_values))
def test_settings_of_strangers_are_never_trusted(settings: dict[str, Any]) -> None:
    complete = {"mapsto": "0.1.0", "style": [{"name": "ink", "weight": 1.0}], "weights": {"tiny": ""}} | settings
    assert all(isinstance(text, str) for text in told(complete).values())
    with suppress(MapstoError):
        order_of(complete)
