from __future__ import annotations

import numpy as np
import pytest

from mapsto import weights
from mapsto.media.picture import Picture
from mapsto.sound.accompaniment import COLOURFUL, DETAILED, MUSIC, Look, look_of, mood_of, music_for
from mapsto.sound.blends import row_of
from mapsto.sound.tonality import is_minor


def flat(red: int, green: int, blue: int) -> Picture:
    return Picture(np.full((40, 60, 3), (red, green, blue), np.uint8))


def test_every_style_of_painting_has_music_that_is_known() -> None:
    assert set(MUSIC) == set(weights.card("style-s")["arguments"]["names"])
    known = weights.card("scores")["arguments"]["styles"]
    for music, why in MUSIC.values():
        assert float(row_of(music, known).sum()) == pytest.approx(1)
        assert why


def test_a_mixture_of_paintings_has_a_mixture_of_music() -> None:
    assert music_for([("pointillism", 1.0)]) == ("classical:1", MUSIC["pointillism"][1])
    music, why = music_for([("pointillism", 0.25), ("ink", 0.75)])
    assert music == "lied:0.45,renaissance:0.3,classical:0.25"
    assert why == f"{MUSIC['pointillism'][1]}; {MUSIC['ink'][1]}"
    assert music_for([("a hand of mine", 1.0)])[0] == "folk:0.5,lied:0.5"


def test_what_is_seen_is_measured() -> None:
    red, black, grey = look_of(flat(255, 0, 0)), look_of(flat(0, 0, 0)), look_of(flat(128, 128, 128))
    assert (red.hue, black.light, grey.colours, red.detail) == pytest.approx((0, 0, 0, 0), abs=1e-9)
    assert [look_of(flat(*colour)).hue for colour in ((0, 255, 0), (0, 0, 255))] == pytest.approx([1 / 3, 2 / 3])
    assert grey.light == pytest.approx(128 / 255)
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[::2] = 255
    assert look_of(Picture(stripes)).detail == 1
    # Hasler & Süsstrunk: for halves of red and blue, σ of R−G and of (R+G)/2−B are 127.5 and 191.25, |μ| 127.5 and 63.75
    halves = np.zeros((128, 128, 3), np.uint8)
    halves[:64, :, 0], halves[64:, :, 2] = 255, 255
    wanted = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, 63.75)
    assert look_of(Picture(halves)).colours == pytest.approx(min(1, wanted / 110))


def test_the_look_is_the_same_at_any_size() -> None:
    picture = Picture(np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)).resized(128)
    small, large = look_of(picture), look_of(picture.resized(512))
    assert (large.light, large.hue, large.colours) == pytest.approx((small.light, small.hue, small.colours), abs=0.02)
    assert large.detail == pytest.approx(small.detail, rel=0.1)


def test_dark_is_minor_red_is_c_and_the_middle_changes_nothing() -> None:
    middle = mood_of(Look(0.5, 0.0, COLOURFUL, DETAILED))
    assert (middle.key, middle.faster, middle.denser) == ("C", 1, 1)
    assert mood_of(Look(0.1, 0.0, 0.5, 0.2)).key == "Am"
    assert mood_of(Look(0.5, 1 / 12, 0.5, 0.2)).key == "G"
    assert mood_of(Look(0.5, 11 / 12, 0.5, 0.2)).key == "F"


def test_tempo_and_notes_stay_in_their_bounds() -> None:
    dull, busy = mood_of(Look(0.2, 0.3, 0, 0)), mood_of(Look(0.9, 0.3, 1, 1))
    assert is_minor(dull.key)
    assert not is_minor(busy.key)
    assert 0.8 < dull.faster < 1 < busy.faster < 1.26
    assert 0.75 < dull.denser < 1 < busy.denser < 1.34
