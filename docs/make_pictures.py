"""Makes the pictures of the README with the shipped weights, from photos that come with scikit-image and from nothing.

    python docs/make_pictures.py            # writes docs/pictures/*.jpg; needs `pip install 'mapsto[demo]'`

Nothing is chosen by seed: it is 0 everywhere, and new pictures have seeds from 0 on, in order. Photos: astronaut (NASA, public
domain), coffee (Rachel Michetti, CC0), chelsea (Stéfan van der Walt, CC0).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from skimage import data

from mapsto import Composer, Generator, Picture, Stylizer
from mapsto.cli.sheet import on_sheet, sheet_of
from mapsto.sound.drawing import painted
from mapsto.sound.roll import roll_of

HERE = Path(__file__).resolve().parent / "pictures"
LARGEST = 600_000
"""Bytes of a file."""

STYLES = ("starry-night", "great-wave", "ink", "mosaic", "pointillism", "stained-glass", "woodcut", "watercolour")
"""Those of the first picture; hands that differ in stroke."""

Cells = list[tuple[str, Picture]]


def photo(name: str, side: int) -> Picture:
    """One of scikit-image's photos, its shorter side at `side` pixels."""
    return Picture.of(getattr(data, name)()).resized(side)


def square(name: str, side: int) -> Picture:
    """The middle of one of them."""
    pixels = getattr(data, name)()
    edge = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - edge) // 2, (pixels.shape[1] - edge) // 2
    return Picture.of(pixels[top : top + edge, left : left + edge]).resized(side)


@cache
def painter() -> Stylizer:
    """The style network."""
    return Stylizer.from_pretrained("style-s", device="cpu", precision="fp32")


def several() -> Picture:
    """A photo in eight styles."""
    stylize, cat = painter(), photo("chelsea", 300)
    return sheet_of([("photo", cat), *((name, stylize(cat, name)) for name in STYLES)], columns=3)


def strengths() -> Picture:
    """One style from 0 to 1."""
    stylize, cup = painter(), square("coffee", 288)
    return sheet_of([(f"strength {t:g}", stylize(cup, "starry-night", strength=t)) for t in (0, 0.25, 0.5, 0.75, 1)], columns=5)


def between() -> Picture:
    """From one style to another."""
    stylize, face = painter(), square("astronaut", 288)
    mixtures = [(1 - part, part) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    cells: Cells = [
        (f"great-wave:{a:g}, stained-glass:{b:g}", stylize(face, [("great-wave", a), ("stained-glass", b)]))
        for a, b in mixtures
    ]
    return sheet_of(cells, columns=5)


def new(model: str, count: int, columns: int, truncation: float) -> Picture:
    """New pictures of a model."""
    drawn = Generator.from_pretrained(model, device="cpu", precision="fp32")(count, truncation=truncation)
    return sheet_of([(str(seed), on_sheet(picture)) for seed, picture in enumerate(drawn)], columns)


def portraits() -> Picture:
    """New faces."""
    return new("portrait", 20, 10, 1.0)


def sprites() -> Picture:
    """New tiles of a dungeon."""
    return new("pixel-art", 20, 10, 1.0)


def lied_to_ragtime() -> Picture:
    """Eight bars of music between two styles."""
    song = Composer.from_pretrained("scores").path("lied, ragtime", bars=8, key="C")
    return Picture.of(painted(roll_of(song))).resized(400)


PICTURES = {
    "styles": several,
    "strength": strengths,
    "between": between,
    "portraits": portraits,
    "sprites": sprites,
    "lied-to-ragtime": lied_to_ragtime,
}


def save(sheet: Picture, path: Path) -> None:
    """As a JPEG of the best quality that stays small."""
    for quality in range(90, 40, -5):
        sheet.save(path, quality=quality)
        if path.stat().st_size <= LARGEST:
            break
    print(f"{path}  {sheet.width}×{sheet.height}  {path.stat().st_size / 1000:.0f} kB")


def main(names: Sequence[str] | None = None) -> None:
    """All pictures, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PICTURES, action="append")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args(names)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only or PICTURES:
        save(PICTURES[name](), options.out / f"{name}.jpg")


if __name__ == "__main__":
    main()
