"""A score as a picture: the piano roll, drums below it, and below them how much there is of every style.

Long pieces are broken into several rows. The same shapes are painted as pixels (PNG) and written as SVG.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mapsto.errors import MapstoError
from mapsto.files import atomic
from mapsto.media.metadata import dumped
from mapsto.media.picture import Picture
from mapsto.sound.drawing import Area, Box, Colour, Dot, Drawing, Shape, Words, mixed, painted, svg_of, width_of
from mapsto.sound.layout import (
    AIR,
    BAND,
    BLACK_KEY,
    DRUM_ROW,
    FAINT,
    GAP,
    INK,
    KEYS,
    LINE,
    MARGIN,
    NUMBERS,
    PAPER,
    RULE,
    SHADE,
    SOFT,
    STYLE_COLOURS,
    WHITE_KEY,
    Layout,
)
from mapsto.sound.score import DRUMS, Score, Track

Floats: TypeAlias = npt.NDArray[np.float64]

PLAYED = 120
"""Seconds: a notebook that plays more would get too large."""


def roll_of(score: Score) -> Drawing:
    """The picture of a score.

    Notes have the colours of their tracks, paler where they are softer; a thin line begins each beat, a stronger one each bar.
    """
    layout = Layout(score)
    top, legend = _legend(layout)
    drawing = Drawing(layout.width, top + layout.rows * layout.row - GAP + MARGIN, PAPER, legend)
    for row in range(layout.rows):
        y = top + row * layout.row
        drawing.shapes += _Row(layout, row, y).shapes()
    return drawing


# ---- what stands above ----


def _legend(layout: Layout) -> tuple[float, list[Shape]]:
    """Names of tracks and styles with their colours, what meter, tempo and key there are; and where the rows begin."""
    score = layout.score
    key = f"{score.key[:-1]} minor" if score.key.endswith("m") else f"{score.key} major"
    said = f"{score.meter} · {score.tempo_bpm:g} bpm · {key}"
    shapes: list[Shape] = [Words(layout.width - MARGIN, MARGIN + 6, said, 13, SOFT, "end")]
    y, reserved = float(MARGIN + 6), width_of(said, 13) + 24
    pitched = [(track, colour) for track, colour in zip(score.tracks, layout.colours, strict=True) if not track.drums]
    one = len({track.instrument for track, _ in pitched}) == 1
    groups = [
        [(track.name if one and track.name else _called(track), colour) for track, colour in pitched],
        [(name, STYLE_COLOURS[number % len(STYLE_COLOURS)]) for number, name in enumerate(layout.styles)],
    ]
    for group in filter(None, groups):
        x = layout.left
        for name, colour in group:
            wide = width_of(name, 13) + 40
            if x > layout.left and x + wide > layout.width - MARGIN - reserved:
                x, y, reserved = layout.left, y + LINE, 0
            shapes += [Box(x, y - 5, 14, 10, colour, 3), Words(x + 20, y, name, 13, INK)]
            x += wide
        y, reserved = y + LINE, 0
    return max(y, MARGIN + 6 + LINE) + 4, shapes


def _called(track: Track) -> str:
    if track.instrument in (track.name, ""):
        return track.name
    return f"{track.name} · {track.instrument}" if track.name else track.instrument


# ---- one row ----


@dataclass(frozen=True)
class _Row:
    """A few bars side by side.

    Args:
        layout: Of the page.
        number: Which row.
        top: Where it begins.
    """

    layout: Layout
    number: int
    top: float

    @property
    def first(self) -> int:
        """Its first bar."""
        return self.number * self.layout.bars

    @property
    def last(self) -> int:
        """The bar after its last."""
        return min(self.layout.score.bars, self.first + self.layout.bars)

    @property
    def roll(self) -> float:
        """Where the notes begin."""
        return self.top + NUMBERS

    @property
    def drums(self) -> float:
        """Where the drums begin."""
        return self.roll + self.layout.roll + (AIR if self.layout.pitches else 0)

    @property
    def band(self) -> float:
        """Where the styles begin."""
        return self.roll + self.layout.roll + self.layout.beaten + AIR

    @property
    def width(self) -> float:
        """Of its bars."""
        return (self.last - self.first) * self.layout.score.meter.ticks * self.layout.tick

    def x(self, tick: float) -> float:
        """Where a tick of the piece stands."""
        return self.layout.left + (tick - self.first * self.layout.score.meter.ticks) * self.layout.tick

    def y(self, pitch: int) -> float:
        """Where a pitch begins from above."""
        return self.roll + (self.layout.pitches.stop - 1 - pitch) * self.layout.key

    def shapes(self) -> Iterator[Shape]:
        """Back to front."""
        yield from self._ground()
        yield from self._keyboard()
        if self.layout.drums:
            yield from self._drum_lane()
        yield from self._lines()
        for track, colour in reversed(list(zip(self.layout.score.tracks, self.layout.colours, strict=True))):
            yield from self._strokes(track) if track.drums else self._notes(track, colour)
        if self.layout.styles:
            yield from self._weights()

    def _ground(self) -> Iterator[Shape]:
        """A stripe for each black key, and a line below each C."""
        for pitch in self.layout.pitches:
            if _is_black(pitch):
                yield Box(self.layout.left, self.y(pitch), self.width, self.layout.key, SHADE)
        for pitch in self.layout.pitches:
            if pitch % 12 == 0:
                yield Box(self.layout.left, self.y(pitch) + self.layout.key - 0.5, self.width, 1, FAINT)

    def _keyboard(self) -> Iterator[Shape]:
        """A small keyboard on the left, with the names of its Cs."""
        key, x = self.layout.key, self.layout.left - KEYS
        if self.layout.pitches:
            yield Box(x - 0.75, self.roll - 0.75, KEYS - 2.5, self.layout.roll + 1.5, RULE, 1.5)
            yield Box(x, self.roll, KEYS - 4, self.layout.roll, WHITE_KEY, 1)
        for pitch in self.layout.pitches:
            if pitch % 12 in (0, 5) and pitch != self.layout.pitches.start:
                yield Box(x, self.y(pitch) + key - 0.4, KEYS - 4, 0.8, RULE)
            if _is_black(pitch):
                yield Box(x, self.y(pitch) + key / 8, (KEYS - 4) * 0.62, key * 0.75, BLACK_KEY, min(1.0, key / 4))
            if pitch % 12 == 0:
                yield Words(x - 6, self.y(pitch) + key / 2, f"C{pitch // 12 - 1}", 11, SOFT, "end")

    def _lines(self) -> Iterator[Shape]:
        """Beats, bars, and numbers above the bars."""
        score, layout = self.layout.score, self.layout
        bar, bottom = score.meter.ticks, self.roll + layout.roll + layout.beaten
        if score.meter.pulse * layout.tick >= 12:
            for tick in range(self.first * bar, self.last * bar, score.meter.pulse):
                yield Box(self.x(tick) - 0.375, self.roll, 0.75, bottom - self.roll, FAINT)
        every = next(2**power for power in range(32) if 2**power * bar * layout.tick >= 40)
        for number in range(self.first, self.last + 1):
            if bar * layout.tick >= 5 or number % every == 0 or number == self.last:
                yield Box(self.x(number * bar) - 0.5, self.roll, 1, bottom - self.roll, RULE)
            if number % every == 0 and number < self.last:
                yield Words(self.x(number * bar) + 1, self.top + 6, str(number + 1), 11, SOFT)

    def _notes(self, track: Track, colour: Colour) -> Iterator[Shape]:
        """Bars of a colour; the beginning of a note is darker."""
        first, last = (bar * self.layout.score.meter.ticks for bar in (self.first, self.last))
        key = self.layout.key
        for note in track.notes:
            if note.start >= last or note.end <= first:
                continue
            x, end = self.x(max(note.start, first)), self.x(min(note.end, last))
            fill = mixed(colour, PAPER, 0.5 + 0.5 * min(1.0, note.velocity / 100))
            y, wide = self.y(note.pitch), max(1.5, end - x - 0.8)
            yield Box(x, y + 0.25, wide, key - 0.5, fill, min(2.5, key / 3, wide / 2))
            if note.start >= first and wide > 5:
                yield Box(x, y + 0.25, 2, key - 0.5, mixed(colour, (0, 0, 0), 0.78), 1)

    def _drum_lane(self) -> Iterator[Shape]:
        yield Box(self.layout.left, self.drums, self.width, len(self.layout.drums) * DRUM_ROW, SHADE)
        for place, name in enumerate(self.layout.drums):
            y = self.drums + (place + 0.5) * DRUM_ROW
            yield Words(self.layout.left - 6, y, name, 9.5, SOFT, "end")
            if place:
                yield Box(self.layout.left, self.drums + place * DRUM_ROW - 0.375, self.width, 0.75, PAPER)

    def _strokes(self, track: Track) -> Iterator[Shape]:
        first, last = (bar * self.layout.score.meter.ticks for bar in (self.first, self.last))
        rows = {DRUMS[name]: place for place, name in enumerate(self.layout.drums)}
        for note in track.notes:
            if first <= note.start < last:
                loud = note.velocity / 127
                radius = min(DRUM_ROW / 2 - 0.8, (0.55 + 0.45 * loud) * max(1.2, 1.6 * self.layout.tick))
                y = self.drums + (rows[note.pitch] + 0.5) * DRUM_ROW
                yield Dot(self.x(note.start) + radius, y, radius, mixed(INK, SHADE, 0.25 + 0.75 * loud))

    def _weights(self) -> Iterator[Shape]:
        """Styles upon each other, as high as their shares: of a bar in its middle, in between a straight line."""
        middles = [bar + 0.5 for bar in range(self.first, self.last)]
        at = [float(self.first), *middles, float(self.last)]
        shares = np.array([self._shares(bar) for bar in at])  # [points, styles]
        above = np.cumsum(shares, 1)
        xs = [self.x(bar * self.layout.score.meter.ticks) for bar in at]
        for number, name in enumerate(self.layout.styles):
            high, low = (self.band + BAND * (1 - edge) for edge in (above[:, number], above[:, number] - shares[:, number]))
            if shares[:, number].max() > 0:
                colour = STYLE_COLOURS[number % len(STYLE_COLOURS)]
                yield Area((*zip(xs, high.tolist(), strict=True), *reversed(list(zip(xs, low.tolist(), strict=True)))), colour)
                yield from _name_within(name, np.array(xs), high, low)

    def _shares(self, bar: float) -> list[float]:
        """Of each style at a place between bars; they sum to 1, or are all 0."""
        blends = self.layout.score.styles
        before, after = (min(max(floor(bar + side), 0), len(blends) - 1) for side in (-0.5, 0.5))
        way = bar - 0.5 - before if after > before else 0.0
        return [(1 - way) * one + way * other for one, other in zip(*map(self._of_bar, (before, after)), strict=True)]

    def _of_bar(self, bar: int) -> list[float]:
        weights = dict(self.layout.score.styles[bar])
        found = [max(0.0, weights.get(name, 0.0)) for name in self.layout.styles]
        return [weight / (sum(found) or 1) for weight in found]


def _name_within(name: str, xs: Floats, high: Floats, low: Floats) -> Iterator[Shape]:
    """The name of a style where its band is thickest, if there is room."""
    half = width_of(name, 12) / 2 + 6
    if xs[-1] - xs[0] < 2 * half:
        return
    places = np.clip(xs, xs[0] + half, xs[-1] - half)
    rooms = [
        np.interp([x - half, x, x + half], xs, low).min() - np.interp([x - half, x, x + half], xs, high).max() for x in places
    ]
    best = int(np.argmax(rooms))
    if rooms[best] >= 15:
        x = float(places[best])
        middle = float(np.interp(x, xs, high) + np.interp(x, xs, low)) / 2
        yield Words(x, middle, name, 12, PAPER, "middle")


def _is_black(pitch: int) -> bool:
    return pitch % 12 in (1, 3, 6, 8, 10)


# ---- files ----


def write_roll(score: Score, path: Path) -> None:
    """Write the piano roll as PNG or SVG, by the suffix; the file keeps the score's settings.

    Raises:
        UsageError: settings that JSON cannot say.
        NoSpace: the disk is full or the place cannot be written.
    """
    settings = dict(score.settings) or None
    if path.suffix.lower() == ".svg":
        content = svg_of(roll_of(score), _title(score), dumped(settings) if settings else "")
        with atomic(path) as temporary:
            temporary.write_text(content, "utf-8")
        return
    Picture.of(painted(roll_of(score))).save(path, settings=settings)


def write_sound(score: Score, path: Path) -> None:
    """Play the score and write the sound, as WAV or FLAC, by the suffix; the file keeps the score's settings."""
    from mapsto.sound.render import render

    render(score).save(path, settings=dict(score.settings) or None)


def html(score: Score) -> str:
    """For notebooks: the piano roll, and a player below it where the score is short enough (`PLAYED`) and can be played."""
    roll = svg_of(roll_of(score), _title(score)).replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
    return f"<div>{roll}{_player(score) if score.seconds <= PLAYED else ''}</div>"


def _player(score: Score) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "score.flac"
        try:
            write_sound(score, path)
        except MapstoError:
            return ""
        content = base64.b64encode(path.read_bytes()).decode()
    return f'<br><audio controls src="data:audio/flac;base64,{content}"></audio>'


def _title(score: Score) -> str:
    return f"{score.bars} bars of {score.meter}, {', '.join(track.name for track in score.tracks if track.name)}"
