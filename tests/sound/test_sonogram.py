from __future__ import annotations

import io
import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mapsto.media import picture
from mapsto.media.audio import Sound
from mapsto.sound.drawing import Raster, Words
from mapsto.sound.sonogram import LEAST, MOST, drawing_of, write_spectrogram


def tone(hz: float, seconds: float = 1.0) -> Sound:
    at = np.arange(round(44_100 * seconds)) / 44_100
    return Sound(np.stack([0.5 * np.sin(2 * np.pi * hz * at)] * 2).astype(np.float32))


def words(sound: Sound) -> list[str]:
    return [shape.text for shape in drawing_of(sound).shapes if isinstance(shape, Words)]


def raster(sound: Sound) -> Raster:
    return next(shape for shape in drawing_of(sound).shapes if isinstance(shape, Raster))


@pytest.mark.parametrize("hz", [500, 1000, 5000])
def test_a_tone_is_light_at_the_height_of_its_number(hz: int) -> None:
    drawing, found = drawing_of(tone(hz)), raster(tone(hz))
    light = np.asarray(found.image.convert("L"), float).mean(1)
    y = found.y + (light.argmax() + 0.5) * found.height / len(light)
    label = next(
        s for s in drawing.shapes if isinstance(s, Words) and s.text == (f"{hz // 1000} kHz" if hz >= 1000 else "500 Hz")
    )
    assert abs(label.y - y) < 4


def test_its_width_follows_its_length_and_time_is_told() -> None:
    assert [raster(tone(440, seconds)).width for seconds in (0.5, 8, 20)] == [LEAST, 800, MOST]
    assert "0.5 s · 44.1 kHz · " in words(tone(440, 0.5))[0]
    assert {"0 s", "1 s", "8 s"} <= set(words(tone(440, 8)))
    assert {"0:00", "1:15", "5:00"} <= set(words(Sound(np.zeros((1, 300_000), np.float32), 1000)))


def test_frequencies_above_half_the_rate_are_not_told() -> None:
    found = words(Sound(np.zeros((1, 8000), np.float32), 8000))
    assert "2 kHz" in found
    assert "5 kHz" not in found
    assert "silence" in found[0]
    assert {"0 dB", "-90 dB"} <= set(found)


def test_png_and_svg_keep_settings_and_show_the_same(tmp_path: Path) -> None:
    settings = {"mapsto": "0", "command": "sound"}
    png, svg = tmp_path / "a.png", tmp_path / "a.svg"
    assert write_spectrogram(tone(440), png, settings) == picture.Picture.of(png).size
    assert picture.settings(png) == settings
    width, height = write_spectrogram(tone(440), svg, settings)
    assert picture.Picture.of(png).size == (2 * width, 2 * height)
    root = ElementTree.parse(svg).getroot()
    kept = next(each.text for each in root if each.tag.endswith("metadata"))
    assert '"command": "sound"' in (kept or "")
    data = re.search(r"base64,([^\"]+)", svg.read_text("utf-8"))
    assert data is not None
    with Image.open(io.BytesIO(b64decode(data[1]))) as inside:
        assert np.array_equal(np.asarray(inside), np.asarray(raster(tone(440)).image))


@pytest.mark.parametrize("samples", [1, 100, 4000])
def test_the_shortest_sounds_can_be_drawn(samples: int) -> None:
    assert raster(Sound(np.ones((1, samples), np.float32))).width == LEAST
