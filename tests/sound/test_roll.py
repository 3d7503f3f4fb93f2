"""A score as a picture: every note at its place, in its colour, as pixels and as SVG."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from mapsto.media import picture
from mapsto.sound.drawing import DENSITY, Area, Box, Dot, Words, mixed, painted, svg_of
from mapsto.sound.layout import BAND, DRUM_ROW, MARGIN, NARROW, PAPER, STYLE_COLOURS, VOICE_COLOURS, WIDE, Layout
from mapsto.sound.roll import roll_of
from mapsto.sound.score import DRUMS, Meter, Note, Score, Track
from tunes import MINUET, MOONLIGHT, scores

LOUD = 100
"""A velocity at which a note has the very colour of its track."""


def _score(*notes: tuple[int, int, int], bars: int = 1, **more: object) -> Score:
    written = tuple(Note(start, length, pitch, LOUD) for start, length, pitch in notes)
    return replace(Score((Track("melody", written),), bars=bars), **more)


def _notes(score: Score) -> list[Box]:
    """The notes of the first track in a drawing; the beginning of a note and the legend have other sizes."""
    colour = VOICE_COLOURS["melody"]
    return [each for each in roll_of(score).shapes if isinstance(each, Box) and each.fill == colour and each.y > MARGIN + 20]


def test_notes_stand_where_they_sound() -> None:
    score = _score((0, 12, 60), (12, 6, 64), (36, 12, 67))
    layout, found = Layout(score), _notes(score)
    assert [(note.x - layout.left) / layout.tick for note in found] == pytest.approx([0, 12, 36])
    assert [round((note.width + 0.8) / layout.tick, 6) for note in found] == [12, 6, 12]
    heights = [note.y for note in found]
    assert [round((heights[0] - y) / layout.key, 6) for y in heights] == [0, 4, 7]


@limits(max_examples=25)
@given(scores())
def test_every_note_is_on_the_page(score: Score) -> None:
    layout, drawing = Layout(score), roll_of(score)
    assert all(low >= 0 and high <= drawing.height for low, high in (shape.extent for shape in drawing.shapes))
    boxes = [shape for shape in drawing.shapes if isinstance(shape, Box)]
    assert all(layout.left - 20 <= box.x and box.x + box.width <= drawing.width - MARGIN + 0.5 for box in boxes)
    struck = sum(len(track.notes) for track in score.tracks if track.drums)
    assert sum(isinstance(shape, Dot) for shape in drawing.shapes) == struck


def test_the_pixels_have_the_colour_of_the_note() -> None:
    score = _score((12, 12, 60), (24, 12, 72))
    page = np.asarray(painted(roll_of(score)))
    for note in _notes(score):
        x, y = round((note.x + note.width / 2) * DENSITY), round((note.y + note.height / 2) * DENSITY)
        assert tuple(page[y, x]) == VOICE_COLOURS["melody"]
        assert tuple(page[y, x - round(24 * Layout(score).tick * DENSITY)]) != VOICE_COLOURS["melody"]
    assert tuple(page[0, 0]) == tuple(page[-1, -1]) == PAPER


def test_softer_notes_are_paler() -> None:
    def darkness(velocity: int) -> int:
        track = Track("melody", (Note(0, 48, 60, velocity),))
        return min(
            sum(box.fill) for box in roll_of(Score((track,))).shapes if isinstance(box, Box) and box.width > 300 and box.radius
        )

    assert darkness(20) > darkness(60) > darkness(100) == darkness(127)


def test_a_note_over_the_end_of_a_row_goes_on_in_the_next() -> None:
    score = _score((0, 30 * 48, 60), bars=32)
    layout, found = Layout(score), _notes(score)
    assert layout.rows == 2
    assert [round((note.width + 0.8) / layout.tick) for note in found] == [16 * 48, 14 * 48]
    assert found[1].y - found[0].y == pytest.approx(layout.row)


@pytest.mark.parametrize("bars", [1, 2, 7, 16, 20, 21, 64, 65, 300, 3000, 20_000])
@pytest.mark.parametrize("meter", [Meter(4, 4), Meter(3, 8), Meter(6, 4)], ids=str)
def test_pages_have_a_size_that_can_be_looked_at(bars: int, meter: Meter) -> None:
    layout = Layout(Score(bars=bars, meter=meter))
    assert layout.rows * layout.bars >= bars > (layout.rows - 1) * layout.bars
    assert layout.rows <= 16
    assert layout.bars * meter.ticks * layout.tick <= WIDE + 1e-6
    assert NARROW <= layout.width - layout.left - MARGIN <= WIDE + 1e-6


def test_bars_are_numbered_and_octaves_named() -> None:
    said = [shape.text for shape in roll_of(_score((0, 12, 38), (0, 12, 84), bars=20)).shapes if isinstance(shape, Words)]
    assert [text for text in said if text.isdecimal()] == [str(bar) for bar in range(1, 21)]
    assert [text for text in said if text[0] == "C" and text[1:].isdecimal()] == ["C2", "C3", "C4", "C5", "C6"]


def test_numbers_keep_their_distance_however_many_bars_there_are() -> None:
    numbers = [shape for shape in roll_of(Score(bars=9000)).shapes if isinstance(shape, Words) and shape.text.isdecimal()]
    assert all(other.x - one.x >= 39 or other.y > one.y for one, other in pairwise(numbers))


def test_drums_have_rows_of_their_own_from_the_kick_up() -> None:
    kick, ride = (Track("beat", (Note(at, 3, DRUMS[name], 100),), drums=True) for at, name in ((0, "kick"), (12, "ride")))
    drawing = roll_of(Score((kick, ride)))
    low, high = sorted((shape for shape in drawing.shapes if isinstance(shape, Dot)), key=lambda dot: -dot.y)
    assert low.y - high.y == DRUM_ROW
    assert low.x < high.x
    assert {"kick", "ride"} <= {shape.text for shape in drawing.shapes if isinstance(shape, Words)}
    assert Layout(Score((kick, ride))).roll == 0


# ---- styles ----


def _bands(score: Score) -> list[Area]:
    return [shape for shape in roll_of(score).shapes if isinstance(shape, Area)]


def _height(area: Area, x: float) -> float:
    """How high an area is at a place."""
    half = len(area.points) // 2
    upper, lower = area.points[:half], area.points[half:][::-1]
    return float(np.interp(x, *zip(*lower, strict=True)) - np.interp(x, *zip(*upper, strict=True)))


def test_bands_are_as_high_as_the_shares_of_each_bar() -> None:
    weights = [(0.6, 0.4), (3.0, 1.0), (0.0, 2.0)]
    score = Score(bars=3, styles=tuple((("ragtime", one), ("lied", other)) for one, other in weights))
    layout, bands = Layout(score), _bands(score)
    for bar, pair in enumerate(weights):
        x = layout.left + (bar + 0.5) * 48 * layout.tick
        assert [_height(band, x) for band in bands] == pytest.approx([BAND * each / sum(pair) for each in pair])
    assert [band.fill for band in bands] == list(STYLE_COLOURS[:2])


def test_bands_go_on_evenly_from_row_to_row() -> None:
    score = Score(bars=32, styles=tuple((("a", bar / 31), ("b", 1 - bar / 31)) for bar in range(32)))
    layout, bands = Layout(score), _bands(score)
    end = layout.left + 16 * 48 * layout.tick
    assert [_height(bands[0], end), _height(bands[2], layout.left)] == pytest.approx([BAND * 15.5 / 31] * 2)


def test_styles_are_named_and_a_score_without_them_has_no_band() -> None:
    drawing = roll_of(Score(bars=4, styles=((("polish-dance", 1.0), ("unheard", 0.0)),)))
    said = [shape.text for shape in drawing.shapes if isinstance(shape, Words)]
    assert said.count("polish-dance") == 2  # above, and in the band
    assert "unheard" not in said
    assert _bands(MINUET) == []


def test_bars_without_styles_leave_the_paper_bare() -> None:
    score = Score(bars=2, styles=((), (("a", 1.0),)))
    layout = Layout(score)
    assert _height(_bands(score)[0], layout.left) == 0
    assert _height(_bands(score)[0], layout.left + 96 * layout.tick) == pytest.approx(BAND)


# ---- files ----


def test_svg_has_the_same_shapes_and_escapes_what_people_call_their_tracks() -> None:
    score = Score((Track('<b> & "co"\n\x00', MOONLIGHT.tracks[0].notes),), settings={"style": "<小径>"})
    drawing = roll_of(score)
    root = ElementTree.fromstring(svg_of(drawing, "a < b", json.dumps(score.settings)))
    shapes = [each for each in root.iter() if each.tag.split("}")[1] in ("rect", "circle", "polygon", "text")]
    assert len(shapes) == len(drawing.shapes) + 1  # and the paper
    assert '<b> & "co"  ' in [each.text for each in shapes]
    assert json.loads(root.findtext("{*}metadata") or "") == score.settings
    assert root.findtext("{*}title") == "a < b"


def test_files_keep_the_settings_of_the_score(tmp_path: Path) -> None:
    score = replace(MINUET, settings={"seed": 3, "styles": ["小径"]})
    score.save(tmp_path / "roll.png")
    score.save(tmp_path / "roll.svg")
    assert picture.settings(tmp_path / "roll.png") == score.settings
    root = ElementTree.parse(tmp_path / "roll.svg").getroot()
    assert json.loads(root.findtext("{*}metadata") or "") == score.settings


def test_strips_join_without_a_seam() -> None:
    tall = roll_of(_score(*((bar * 48, 48, 60) for bar in range(300)), bars=300))
    page = np.asarray(painted(tall))
    assert page.shape[:2] == (round(tall.height * DENSITY), round(tall.width * DENSITY))
    for note in (box for box in tall.shapes if isinstance(box, Box) and box.fill == VOICE_COLOURS["melody"]):
        assert tuple(page[round((note.y + note.height / 2) * DENSITY), round((note.x + note.width / 2) * DENSITY)]) == note.fill


def test_colours_mix_in_a_straight_line() -> None:
    assert mixed((200, 100, 0), (0, 100, 200), 0) == (0, 100, 200)
    assert mixed((200, 100, 0), (0, 100, 200), 0.5) == (100, 100, 100)
    assert mixed((200, 100, 0), (0, 100, 200), 1) == (200, 100, 0)


@given(st.text(max_size=20))
def test_any_name_can_be_drawn(name: str) -> None:
    drawing = roll_of(Score((Track(name, (Note(0, 12, 60),)),), styles=(((name.replace(",", "") or "a", 1.0),),)))
    ElementTree.fromstring(svg_of(drawing, name))
