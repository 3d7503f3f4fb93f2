"""A contact sheet: pictures of one size, each over its name."""

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

SEEN = 128
"""Shorter side at which small pictures are shown."""

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


def on_sheet(picture: Picture) -> Picture:
    """A small picture enlarged to be seen, crisp; others as they are."""
    from mapsto.image.enlarge import crisp

    scale = round(SEEN / min(picture.size))
    return crisp(picture, scale) if scale > 1 else picture


def beside(left: Picture, right: Picture) -> Picture:
    """Two pictures of one size, side by side."""
    page = Image.new("RGBA", (2 * left.width + GAP, left.height), (*PAPER, 255))
    for x, picture in ((0, left), (left.width + GAP, right)):
        page.paste(picture.to_pil(), (x, 0))
    return Picture.of(page if left.alpha is not None else page.convert("RGB"))


def sheet_of(pictures: Sequence[Named | None], columns: int | None = None) -> Picture:
    """Pictures of one size on a page, each over its name; transparency shows the paper.

    Args:
        pictures: Names and pictures, the first at least; None leaves a place empty.
        columns: How many side by side; by default so that the page comes out about 3 : 2.
    """
    assert pictures[0] is not None
    width, height = pictures[0][1].size
    across = columns or max(1, round((1.5 * len(pictures) * (height + LABEL) / width) ** 0.5))
    down = -(-len(pictures) // across)
    page = Image.new("RGB", (GAP + across * (width + GAP), GAP + down * (height + LABEL + GAP)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for index, named in enumerate(pictures):
        if named is not None:
            x, y = GAP + index % across * (width + GAP), GAP + index // across * (height + LABEL + GAP)
            image = named[1].to_pil()
            page.paste(image, (x, y), image if image.mode == "RGBA" else None)
            draw.text((x, y + height + 4), named[0], INK, font)
    return Picture.of(page)
