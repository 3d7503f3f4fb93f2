"""Where things stand in the picture of a score: rows of bars, keys, drums and styles, and the colours of them all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

from mapsto.sound.drawing import Colour
from mapsto.sound.score import DRUMS, Score

PAPER, SHADE, INK, SOFT, FAINT = (252, 251, 248), (243, 241, 236), (52, 52, 58), (128, 126, 124), (226, 223, 216)
RULE, BLACK_KEY, WHITE_KEY = (196, 192, 184), (70, 70, 76), (255, 255, 255)

VOICE_COLOURS: dict[str, Colour] = {
    "melody": (212, 71, 56),
    "alto": (233, 160, 26),
    "tenor": (38, 150, 126),
    "bass": (62, 88, 168),
}
MORE_COLOURS: tuple[Colour, ...] = (
    (212, 71, 56),
    (62, 88, 168),
    (38, 150, 126),
    (233, 160, 26),
    (140, 84, 160),
    (86, 160, 211),
    (190, 100, 130),
    (122, 134, 60),
    (120, 90, 70),
    (110, 118, 130),
)
STYLE_COLOURS: tuple[Colour, ...] = (
    (94, 129, 172),
    (208, 135, 112),
    (163, 190, 140),
    (180, 142, 173),
    (235, 203, 139),
    (136, 192, 208),
    (191, 97, 106),
    (129, 141, 160),
)

WIDE, NARROW = 1536, 640
"""Pixels that the bars of a row take at most, and the least width of a page without its margins."""

MARGIN, GUTTER, KEYS = 24, 50, 17
DRUM_ROW, BAND, NUMBERS, AIR, GAP, LINE = 11, 40, 16, 10, 32, 22


@dataclass(frozen=True)
class Layout:
    """Where things stand on the page; x and y in pixels, from the upper left corner.

    Args:
        score: What is shown.
    """

    score: Score

    @cached_property
    def bars(self) -> int:
        """In a row."""
        bars = self.score.bars
        if bars <= 20:
            return bars
        return 16 if bars <= 64 else 32 if bars <= 256 else 4 * -(-bars // 64)

    @cached_property
    def rows(self) -> int:
        """How many."""
        return -(-self.score.bars // self.bars)

    @cached_property
    def tick(self) -> float:
        """Pixels a tick: 8, more where a row would be narrow, less where it would be wide."""
        ticks = self.bars * self.score.meter.ticks
        return min(max(8.0, NARROW / ticks), WIDE / ticks)

    @cached_property
    def pitches(self) -> range:
        """What is shown, with some air: two octaves at least; nothing where only drums play."""
        found = [note.pitch for track in self.score.tracks if not track.drums for note in track.notes]
        if not found:
            return range(0)
        low, high = min(found) - 2, max(found) + 3
        lack = max(0, 24 - (high - low))
        return range(max(0, low - lack // 2), min(128, high + (lack + 1) // 2))

    @cached_property
    def key(self) -> float:
        """Pixels a semitone."""
        tall, least, most = (380, 5, 12) if self.rows == 1 else (280, 4, 8) if self.rows <= 4 else (170, 2.5, 6)
        return min(max(tall / max(1, len(self.pitches)), least), most)

    @cached_property
    def drums(self) -> list[str]:
        """Those that are struck, from the top."""
        struck = {note.pitch for track in self.score.tracks if track.drums for note in track.notes}
        return [name for name, pitch in reversed(DRUMS.items()) if pitch in struck]

    @cached_property
    def styles(self) -> list[str]:
        """In the order in which they come."""
        return list(dict.fromkeys(name for blend in self.score.styles for name, weight in blend if weight > 0))

    @cached_property
    def colours(self) -> tuple[Colour, ...]:
        """Of the tracks."""
        more = cycle(MORE_COLOURS)
        return tuple(VOICE_COLOURS.get(track.name) or next(more) for track in self.score.tracks)

    # ---- lengths, in pixels ----

    @cached_property
    def left(self) -> float:
        """Where bars begin."""
        return MARGIN + GUTTER + KEYS

    @cached_property
    def width(self) -> float:
        """Of the page."""
        return self.left + max(NARROW, self.bars * self.score.meter.ticks * self.tick) + MARGIN

    @cached_property
    def roll(self) -> float:
        """Height of the notes in a row."""
        return self.key * len(self.pitches)

    @cached_property
    def beaten(self) -> float:
        """Height of the drums in a row, with the space above them."""
        return len(self.drums) * DRUM_ROW + (AIR if self.pitches else 0) if self.drums else 0

    @cached_property
    def band(self) -> float:
        """Height of the styles in a row, with the space above them."""
        return BAND + AIR if self.styles else 0

    @cached_property
    def row(self) -> float:
        """From the top of a row to the top of the next."""
        return NUMBERS + self.roll + self.beaten + self.band + GAP
