"""A drawing is a list of shapes, back to front; it is painted as pixels or written as SVG, and looks the same.

Lengths are in pixels from the upper left corner, colours are sRGB in 0…255.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

Colour: TypeAlias = tuple[int, int, int]

DENSITY = 2
"""Pixels of a picture for one of the drawing, so that it is sharp on any screen."""

SMOOTH = 2
"""Pixels that are painted for one of the picture, each way."""

STRIP = 400
"""Height of what is painted at a time: memory does not grow with the drawing."""

FONT = "Aileron, Inter, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Box:
    """A rectangle, its corners rounded by `radius`."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour
    radius: float = 0

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches down."""
        return self.y, self.y + self.height

    def svg(self) -> str:
        """As an element."""
        place = f'x="{_n(self.x)}" y="{_n(self.y)}" width="{_n(self.width)}" height="{_n(self.height)}"'
        rounded = f' rx="{_n(self.radius)}"' if self.radius else ""
        return f'<rect {place}{rounded} fill="{_hex(self.fill)}"/>'

    def paint(self, draw: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Onto a canvas that begins at `top`, `scale` times as large."""
        x, y = self.x * scale, (self.y - top) * scale
        corner = (x, y, x + max(1, self.width * scale) - 1, y + max(1, self.height * scale) - 1)
        draw.rounded_rectangle(corner, self.radius * scale, self.fill) if self.radius else draw.rectangle(corner, self.fill)


@dataclass(frozen=True)
class Dot:
    """A disc around x, y."""

    x: float
    y: float
    radius: float
    fill: Colour

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches down."""
        return self.y - self.radius, self.y + self.radius

    def svg(self) -> str:
        """As an element."""
        return f'<circle cx="{_n(self.x)}" cy="{_n(self.y)}" r="{_n(self.radius)}" fill="{_hex(self.fill)}"/>'

    def paint(self, draw: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Onto a canvas that begins at `top`, `scale` times as large."""
        x, y, r = self.x * scale, (self.y - top) * scale, self.radius * scale
        draw.ellipse((x - r, y - r, x + r, y + r), self.fill)


@dataclass(frozen=True)
class Area:
    """A polygon."""

    points: tuple[tuple[float, float], ...]
    fill: Colour

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches down."""
        heights = [y for _, y in self.points]
        return min(heights), max(heights)

    def svg(self) -> str:
        """As an element."""
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in self.points)
        return f'<polygon points="{points}" fill="{_hex(self.fill)}"/>'

    def paint(self, draw: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Onto a canvas that begins at `top`, `scale` times as large."""
        draw.polygon([(x * scale, (y - top) * scale) for x, y in self.points], self.fill)


@dataclass(frozen=True)
class Words:
    """A line of text, its middle at the height y.

    Args:
        x: Where it begins, stands in the middle, or ends, as `at` says.
        y: Its middle.
        text: What it says.
        size: Height of the letters in pixels.
        fill: Its colour.
        at: start, middle or end.
    """

    x: float
    y: float
    text: str
    size: float
    fill: Colour
    at: str = "start"

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches down, generously."""
        return self.y - self.size, self.y + self.size

    def svg(self) -> str:
        """As an element."""
        place = f'x="{_n(self.x)}" y="{_n(self.y + 0.35 * self.size)}" font-size="{_n(self.size)}"'
        return f'<text {place} text-anchor="{self.at}" fill="{_hex(self.fill)}">{escape(_printable(self.text))}</text>'

    def paint(self, draw: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Onto a canvas that begins at `top`, `scale` times as large."""
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[self.at]
        place = (self.x * scale, (self.y + 0.35 * self.size - top) * scale)
        draw.text(place, _printable(self.text), self.fill, _font(self.size * scale), anchor=anchor)


@dataclass(frozen=True)
class Raster:
    """A picture, stretched over a rectangle."""

    x: float
    y: float
    width: float
    height: float
    image: Image.Image

    @property
    def extent(self) -> tuple[float, float]:
        """From where to where it reaches down."""
        return self.y, self.y + self.height

    def svg(self) -> str:
        """As an element that holds the picture itself, as PNG."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", optimize=True)
        place = f'x="{_n(self.x)}" y="{_n(self.y)}" width="{_n(self.width)}" height="{_n(self.height)}"'
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<image {place} preserveAspectRatio="none" href="data:image/png;base64,{data}"/>'

    def paint(self, draw: ImageDraw.ImageDraw, scale: float, top: float) -> None:
        """Onto a canvas that begins at `top`, `scale` times as large."""
        size = round(self.width * scale), round(self.height * scale)
        draw._image.paste(
            self.image.resize(size, Image.Resampling.BICUBIC), (round(self.x * scale), round((self.y - top) * scale))
        )


Shape: TypeAlias = "Box | Dot | Area | Words | Raster"


@dataclass
class Drawing:
    """Shapes on paper.

    Args:
        width: Of the paper.
        height: Of the paper.
        paper: Its colour.
        shapes: Back to front.
    """

    width: float
    height: float
    paper: Colour
    shapes: list[Shape] = field(default_factory=list)


def painted(drawing: Drawing) -> Image.Image:
    """As pixels, `DENSITY` for one of the drawing."""
    width, height = round(drawing.width * DENSITY), round(drawing.height * DENSITY)
    page = Image.new("RGB", (width, height), drawing.paper)
    scale = DENSITY * SMOOTH
    extents = [shape.extent for shape in drawing.shapes]
    for top in range(0, height, STRIP * DENSITY):
        bottom = min(height, top + STRIP * DENSITY)
        strip = Image.new("RGB", (width * SMOOTH, (bottom - top) * SMOOTH), drawing.paper)
        draw = ImageDraw.Draw(strip)
        for shape, (high, low) in zip(drawing.shapes, extents, strict=True):
            if high * DENSITY <= bottom and low * DENSITY >= top:
                shape.paint(draw, scale, top / DENSITY)
        page.paste(strip.reduce(SMOOTH), (0, top))
    return page


def svg_of(drawing: Drawing, title: str = "", metadata: str = "") -> str:
    """As an SVG document.

    Args:
        drawing: What is drawn.
        title: Told where the pointer rests, and to who cannot see it.
        metadata: Text that is kept and not shown.
    """
    size = f'width="{_n(drawing.width)}" height="{_n(drawing.height)}"'
    box = f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} font-family="{FONT}" role="img">'
    said = [f"<title>{escape(_printable(title))}</title>"] if title else []
    said += [f"<metadata>{escape(_printable(metadata))}</metadata>"] if metadata else []
    ground = f'<rect width="100%" height="100%" fill="{_hex(drawing.paper)}"/>'
    return "\n".join([head, *said, ground, *(shape.svg() for shape in drawing.shapes), "</svg>", ""])


def mixed(colour: Colour, ground: Colour, share: float) -> Colour:
    """Between a ground, at 0, and a colour, at 1."""
    red, green, blue = (round(share * one + (1 - share) * other) for one, other in zip(colour, ground, strict=True))
    return red, green, blue


def width_of(text: str, size: float) -> float:
    """About how wide a line of text is."""
    return float(_font(64).getlength(_printable(text))) * size / 64


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _printable(text: str) -> str:
    """Text without what breaks lines or XML."""
    return "".join(each if each.isprintable() else " " for each in text)


def _n(value: float) -> str:
    """A number in hundredths, as short as it can be."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
