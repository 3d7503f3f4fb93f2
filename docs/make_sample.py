"""Makes the pictures that Mapsto Studio shows before anything has been loaded, with the shipped weights.

    python docs/make_sample.py            # writes src/mapsto/studio/static/sample*; needs `pip install 'mapsto[demo]'`

The photo is chelsea by Stéfan van der Walt (CC0), which comes with scikit-image. The whole page is to stay under 300 kB.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from skimage import data

from mapsto import Picture, Stylizer
from mapsto.image.styles import styles

FOLDER = Path(__file__).resolve().parent.parent / "src/mapsto/studio/static"
CELL, COLUMNS = 64, 8
"""Of the sheet with all presets, in their order; static/gallery.js knows both."""

FIRST = "stained-glass"
"""What the page shows large at first; static/page-style.js knows it."""


def main() -> None:
    """Write the photo, the photo painted, and a sheet of it in all presets."""
    photo = Image.fromarray(data.chelsea()).resize((674, 448), Image.Resampling.LANCZOS)
    stylize = Stylizer.from_pretrained("style-s", device="cpu", precision="fp32")
    photo.save(FOLDER / "sample.webp", quality=44, method=6)
    painted = stylize(Picture.of(photo), FIRST).to_pil().convert("RGB")
    painted.resize((480, 319), Image.Resampling.LANCZOS).save(FOLDER / "sample-painted.avif", quality=36, speed=2)
    sheet(photo, stylize).save(FOLDER / "sample-styles.avif", quality=38, speed=2)


def sheet(photo: Image.Image, stylize: Stylizer) -> Image.Image:
    """The middle of the photo in every preset, side by side."""
    small = Picture.of(photo.resize((385, 256), Image.Resampling.LANCZOS))
    names = [style["name"] for style in styles() if style["kind"] == "preset"]
    page = Image.new("RGB", (COLUMNS * CELL, -(-len(names) // COLUMNS) * CELL))
    for number, name in enumerate(names):
        painted = stylize(small, name).to_pil().convert("RGB")
        left = (painted.width - painted.height) // 2
        square = painted.crop((left, 0, left + painted.height, painted.height)).resize((CELL, CELL), Image.Resampling.LANCZOS)
        page.paste(square, (number % COLUMNS * CELL, number // COLUMNS * CELL))
    return page


if __name__ == "__main__":
    main()
