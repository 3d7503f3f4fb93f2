"""Image × Style → Style of music: which tune goes with a painting. A matter of taste, so it is a table and four lines of
arithmetic that anybody can read, the same every time, and every part of it can be overruled.

What style of painting it is says what kind of music (`MUSIC`). What is seen says how it goes:

    light      dark pictures are in minor, light ones in major
    hue        the circle of colours, from red, lies on the circle of fifths, from C, as Scriabin has it in "Prometheus"
    colours    the more colourful, the faster, by up to a quarter more or less
    detail     the more of it, the more notes, up to a third more or less
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mapsto.media.picture import Picture
from mapsto.sound.tonality import key_of

MUSIC: Mapping[str, tuple[str, str]] = {
    "starry-night": ("romantic:0.7,lied:0.3", "much feeling, late in its century"),
    "great-wave": ("folk", "tunes of the people; of Japanese ones nothing was learned"),
    "ink": ("lied:0.6,renaissance:0.4", "few lines, and much silence around them"),
    "mosaic": ("hymn:0.7,renaissance:0.3", "church walls"),
    "stained-glass": ("hymn:0.6,baroque:0.4", "church windows, and the organ below them"),
    "halftone": ("ragtime", "printed for everybody, as rags were"),
    "pixel-art": ("classical:0.5,march:0.5", "square steps"),
    "cross-stitch": ("folk:0.7,song:0.3", "made at home"),
    "sunrise": ("lied:0.5,romantic:0.5", "haze, and one warm voice in it"),
    "water-lilies": ("romantic:0.6,lied:0.4", "late, loose and near to dreaming"),
    "pointillism": ("classical", "small clear parts that make a whole"),
    "wheat-field": ("romantic:0.5,folk:0.5", "wind over the fields"),
    "irises": ("lied", "flowers, as songs have them"),
    "chateau-noir": ("classical:0.5,romantic:0.5", "between feeling and building"),
    "tahiti": ("folk:0.6,lied:0.4", "far from the salons"),
    "improvisation": ("ragtime:0.5,polish-dance:0.5", "several rhythms at once"),
    "moscow": ("polish-dance:0.6,march:0.4", "dances from the east, and brass"),
    "udnie": ("ragtime:0.6,polish-dance:0.4", "a dance, of 1913"),
    "woman-with-hat": ("ragtime:0.5,song:0.5", "the wild side of 1905"),
    "eiffel": ("ragtime:0.6,march:0.4", "a city that moves, of 1911"),
    "tiles": ("song:0.5,classical:0.5", "a portrait in small even steps"),
    "moonlight": ("romantic:0.6,lied:0.4", "night, and unrest"),
    "vampire": ("lied:0.6,romantic:0.4", "dark songs of its time"),
    "actor": ("folk:0.5,march:0.5", "a stage, and drums before it"),
    "hummingbirds": ("baroque", "ornament upon ornament"),
    "woodcut": ("folk:0.6,march:0.4", "plain and strong"),
    "pen": ("song:0.6,baroque:0.4", "one thin line that runs on"),
    "watercolour": ("song", "told to children"),
    "comic": ("march:0.5,ragtime:0.5", "what plays to moving pictures"),
    "baroque": ("baroque", "of the same years"),
    "grid": ("classical:0.5,baroque:0.5", "straight voices in good order"),
    "violet": ("baroque:0.6,classical:0.4", "geometry, as in a fugue"),
}
"""Styles of music by the name of a style of painting, and why."""

OTHERWISE = ("lied:0.5,folk:0.5", "a song, for what has no name")

MAJOR_FROM = 0.42
"""Mean lightness from which on a picture is in major."""

FASTER, DENSER = 0.64, 0.8
"""Octaves of tempo between grey and the most colourful, and of notes between empty and full of detail."""

COLOURFUL, DETAILED = 0.41, 0.42
"""Colourfulness and detail of the median painting, with which tempo and notes stay as they are; see `Look`."""

SPREAD = 0.6
"""Of detail, between the emptiest of ten paintings and the fullest."""


@dataclass(frozen=True)
class Look:
    """What is seen of a picture, all in [0, 1].

    Args:
        light: Mean lightness.
        hue: Of all colours together, by how strong they are; 0 is red, 1/3 green, 2/3 blue.
        colours: Colourfulness (Hasler & Süsstrunk, "Measuring colourfulness in natural images", 2003), 1 for theirs of 110.
        detail: Mean difference of lightness between neighbours in a picture of 128 rows, times eight.
    """

    light: float
    hue: float
    colours: float
    detail: float


@dataclass(frozen=True)
class Mood:
    """How a tune goes.

    Args:
        key: Such as "Am".
        faster: What a usual tempo is multiplied by.
        denser: And a usual number of notes.
    """

    key: str
    faster: float
    denser: float


def music_for(likeness: Sequence[tuple[str, float]]) -> tuple[str, str]:
    """Styles of music with weights, as a composer reads them, and why.

    Args:
        likeness: Styles of painting and their shares; names that are not in the table count as `OTHERWISE`.
    """
    weights: dict[str, float] = {}
    for name, share in likeness:
        for part in MUSIC.get(name, OTHERWISE)[0].split(","):
            style, _, weight = part.partition(":")
            weights[style] = weights.get(style, 0.0) + share * float(weight or 1)
    reasons = dict.fromkeys(MUSIC.get(name, OTHERWISE)[1] for name, _ in likeness)
    told = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
    return ",".join(f"{style}:{weight:.3g}" for style, weight in told), "; ".join(reasons)


def look_of(picture: Picture) -> Look:
    """What is seen of a picture; its size does not matter."""
    wide = max(1, round(128 * picture.width / picture.height))
    small = Image.fromarray(picture.on_white().pixels).resize((wide, 128), Image.Resampling.BOX)
    red, green, blue = np.moveaxis(np.asarray(small, np.float64) / 255, 2, 0)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    first, second = red - green, (red + green) / 2 - blue
    colours = np.hypot(first.std(), second.std()) + 0.3 * np.hypot(first.mean(), second.mean())
    around = np.angle(((2 * red - green - blue) + 1j * 3**0.5 * (green - blue)).sum()) / (2 * np.pi)
    detail = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean() if wide > 1 else 0.0
    return Look(float(light.mean()), float(around % 1.0), float(min(1.0, colours * 255 / 110)), float(min(1.0, 4 * detail)))


def mood_of(look: Look) -> Mood:
    """How a tune goes with what is seen, by the rules at the top of this file."""
    fifths = round(12 * look.hue) % 12
    return Mood(
        key_of(7 * fifths + (0 if look.light >= MAJOR_FROM else 9), minor=look.light < MAJOR_FROM),
        2 ** (FASTER * min(max(look.colours - COLOURFUL, -0.5), 0.5)),
        2 ** (DENSER * min(max((look.detail - DETAILED) / SPREAD, -0.5), 0.5)),
    )
