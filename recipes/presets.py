"""The named styles that ship, and the picture each was learned from.

`file` is a file name inside the folder of paintings (any depth); None means that recipes/textures.py draws it.
`side` is the shorter side in pixels at which the hand is measured: it sets how large its strokes come out.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """Where a preset's hand comes from."""

    file: str | None
    side: int
    title: str
    artist: str
    year: str
    hand: str
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom, in parts of the picture
    ink: bool = False  # desaturated and stretched, for aged silk and paper
    licence: str = "public domain"


def _drawn(title: str, hand: str) -> Source:
    return Source(None, 320, title, "Mapsto, recipes/textures.py", "2026", hand, licence="Apache-2.0")


PRESETS: dict[str, Source] = {
    "starry-night": Source(
        "0328_La_nuit_toil_e-1889.jpg", 288, "La nuit étoilée", "Vincent van Gogh", "1889", "swirling impasto"
    ),
    "great-wave": Source(
        "0139_the-great-wave-off-kanagawa.jpg",
        320,
        "The Great Wave off Kanagawa",
        "Katsushika Hokusai",
        "1831",
        "woodblock print",
    ),
    "ink": Source(
        "0462_lan05.jpg",
        300,
        "Landscape leaf (file lan05)",
        "not named in the source",
        "",
        "dry-brush ink on paper",
        (0.0, 0.3, 1.0, 1.0),
        ink=True,
    ),
    "mosaic": _drawn("Byzantine tesserae", "small stones in mortar"),
    "stained-glass": _drawn("Leaded window", "glowing panes in black leads"),
    "halftone": _drawn("Four-colour screen", "printed dots"),
    "pixel-art": _drawn("Dithered blocks", "square blocks, few colours"),
    "cross-stitch": _drawn("Sampler", "crossed threads on linen"),
    "sunrise": Source(
        "0320_Impression_soleil_levant-1872.jpg", 300, "Impression, soleil levant", "Claude Monet", "1872", "impressionist haze"
    ),
    "water-lilies": Source("0650_water-lilies-1919-2.jpg", 320, "Water Lilies", "Claude Monet", "1919", "loose dabs"),
    "pointillism": Source(
        "8033_Seascape_at_Port-en-Bessin_in_1888.jpg",
        360,
        "Seascape at Port-en-Bessin",
        "Georges Seurat",
        "1888",
        "dots of pure colour",
    ),
    "wheat-field": Source(
        "0703_vg_wheat_field.jpg", 320, "Wheat Field with Cypresses", "Vincent van Gogh", "1889", "curling strokes"
    ),
    "irises": Source("0332_Les_Iris-1889.jpg", 300, "Les Iris", "Vincent van Gogh", "1889", "outlined leaves and petals"),
    "chateau-noir": Source(
        "9118_Ch_teau_Noir_between_1900_and_1904.jpg",
        320,
        "Château Noir",
        "Paul Cézanne",
        "1900–1904",
        "hatched planes of colour",
    ),
    "tahiti": Source("21010_where_do_we.jpg", 340, "Where Do We Come From?", "Paul Gauguin", "1897", "flat glowing shapes"),
    "improvisation": Source(
        "0317_Composition-VI-1913.jpg", 263, "Composition VI", "Wassily Kandinsky", "1913", "colliding abstract marks"
    ),
    "moscow": Source(
        "0335_Moscou-1916.jpg", 320, "Moscow I", "Wassily Kandinsky", "1916", "jewelled fragments outlined in black"
    ),
    "udnie": Source("0698_udnie.jpg", 300, "Udnie", "Francis Picabia", "1913", "shaded shards"),
    "woman-with-hat": Source(
        "0609_woman_with_hat_matisse.jpg", 320, "Woman with a Hat", "Henri Matisse", "1905", "wild patches of colour"
    ),
    "eiffel": Source("9004_Tour_Eiffel_in_1911.jpg", 340, "Tour Eiffel", "Robert Delaunay", "1911", "cubist facets"),
    "tiles": Source(
        "0759_Robert_Delaunay_1906_Portrait.jpg",
        300,
        "Portrait of Metzinger",
        "Robert Delaunay",
        "1906",
        "square dabs on white",
        (0.0, 0.0, 1.0, 0.75),
    ),
    "moonlight": Source(
        "20235_Winter_Landscape_in_Moonlight_1919.jpg",
        300,
        "Winter Landscape in Moonlight",
        "Ernst Ludwig Kirchner",
        "1919",
        "jagged expressionism",
    ),
    "vampire": Source("9001_Vampire_in_1893.jpg", 320, "Vampire", "Edvard Munch", "1893", "long dark strands"),
    "actor": Source(
        "0393_otani-oniji.jpg",
        340,
        "Ōtani Oniji III",
        "Tōshūsai Sharaku",
        "1794",
        "flat print, firm contour",
        (0.1, 0.25, 1.0, 1.0),
    ),
    "hummingbirds": Source(
        "20231_Kunstformen_der_Natur_Trochilidae_1904.jpg",
        320,
        "Kunstformen der Natur: Trochilidae",
        "Ernst Haeckel",
        "1904",
        "plate of feathers and fronds",
    ),
    "woodcut": Source(
        "20781_illustration-1-1.jpg", 300, "Just So Stories, first plate", "Rudyard Kipling", "1902", "black and white hatching"
    ),
    "pen": Source(
        "20787_illustration-12-1.jpg",
        340,
        "Just So Stories, a later plate",
        "Rudyard Kipling",
        "1902",
        "thin pen lines on cream",
        (0.05, 0.05, 0.95, 0.95),
    ),
    "watercolour": Source(
        "20706_illustration-570.jpg",
        300,
        "Plate from the tales",
        "Beatrix Potter",
        "1902–1930",
        "wash over pencil",
        (0.08, 0.08, 0.92, 0.92),
    ),
    "comic": Source(
        "E17P02_0.jpg",
        300,
        "Pepper&Carrot, episode 17",
        "David Revoy",
        "2016",
        "inked comic panel",
        (0.04, 0.09, 1.0, 0.66),
        licence="CC BY 4.0",
    ),
    "baroque": Source(
        "0132_the-calling-of-st-matthew.jpg", 300, "The Calling of St Matthew", "Caravaggio", "1600", "chiaroscuro"
    ),
    "grid": Source("0600_mondrian.jpg", 320, "Composition", "Piet Mondrian", "c. 1913", "short bars of ochre and grey"),
    "violet": Source(
        "0336_Noir-et-violet-1923.jpg", 280, "Black and Violet", "Wassily Kandinsky", "1923", "geometry on warm ground"
    ),
}
