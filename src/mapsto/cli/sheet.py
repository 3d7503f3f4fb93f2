"""A contact sheet: one photo in many styles, with their names."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from mapsto.cli.bar import Bar
from mapsto.cli.order import Order
from mapsto.cli.painting import load
from mapsto.cli.voice import Voice
from mapsto.media.picture import Picture

SIDE = 256
"""Shorter side of each picture, in pixels: small enough to be quick, large enough to see strokes."""

GAP, LABEL = 12, 26
PAPER, INK = (250, 249, 246), (40, 40, 44)

Named = tuple[str, Picture]


def painted_in(photo: Picture, names: Sequence[str], order: Order, voice: Voice) -> list[Named]:
    """The photo, and the photo in every style."""
    small = photo.on_white().resized(SIDE)
    stylizer = load(order)
    found = [("photo", small)]
    with Bar(len(names), hidden=voice.quiet or voice.json) as bar:
        for done, name in enumerate(names):
            bar.show(done, name)
            found.append((name, stylizer(small, name, seed=order.seed)))
    return found


def sheet_of(pictures: Sequence[Named], columns: int | None = None) -> Picture:
    """Pictures of one size on a page, each over its name.

    Args:
        pictures: Names and pictures.
        columns: How many side by side; by default so that the page comes out about 3 : 2.
    """
    width, height = pictures[0][1].size
    across = columns or max(1, round((1.5 * len(pictures) * (height + LABEL) / width) ** 0.5))
    down = -(-len(pictures) // across)
    page = Image.new("RGB", (GAP + across * (width + GAP), GAP + down * (height + LABEL + GAP)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for index, (name, picture) in enumerate(pictures):
        x, y = GAP + index % across * (width + GAP), GAP + index // across * (height + LABEL + GAP)
        page.paste(picture.to_pil().convert("RGB"), (x, y))
        draw.text((x, y + height + 4), name, INK, font)
    return Picture.of(page)
