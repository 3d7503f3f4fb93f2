"""A still that lives: the photo turns into its painting, the painting breathes, and the view wanders over it, all by bars.

Bars are those of a tune, counted from 0 in real numbers. In the first quarter of them, four at most, the photo turns into the
style, evenly as an eye sees it. Then the style leans towards the preset that looks most like it and comes back, about once
in four bars, and at the last bar line the picture is what is painted of the photo as a still. The view goes nearer and back
about once in eight bars, each time towards another place of much detail, and never leaves the picture.

Painting takes a second, and showing a picture a hundredth of it. So pictures are painted at a few `places` only, and what is
shown in between is a blend of the two beside it: they differ so little that nothing is seen twice.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from mapsto.image.points import Style, between
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Leg
from mapsto.media.picture import Picture

OPENING = 0.25
"""Of the bars, in which the photo becomes the painting."""

LONGEST_OPENING = 4.0
"""Bars."""

STEPS = 12
"""Pictures that are painted on the way from the photo to the style."""

A_BAR = 2
"""Pictures that are painted in a bar after that."""

BREATH = 4.0
"""Bars from the style to its neighbour and back, about."""

LEAN = 0.35
"""How far towards the neighbour."""

SWING = 8.0
"""Bars in which the view goes nearer and back, about."""

NEARER, NEARER_A_BAR = 0.10, 0.02
"""How much nearer the view comes: at most, and for every bar of a short piece."""

LOOKED_AT = 8
"""Presets that may be neighbours: those with the most similar style vectors."""

GRID = 5
"""Rows and columns of places that the view may go to."""

Painted = Callable[[Style], Picture]
"""Paints the picture in a style."""


@dataclass(frozen=True)
class View:
    """Part of a picture, in shares of its width and height.

    Args:
        left: Where it begins.
        top: Likewise.
        side: Of its width and its height, in (0, 1].
    """

    left: float
    top: float
    side: float


class Life:
    """What is seen of a picture while a tune is heard.

    Args:
        bars: Of the tune.
        opening: From the photo to the style, see `opening_of`.
        neighbour: What the style leans towards.
        targets: Where the view goes, in turn: x and y in [0, 1], see `places_of_interest`.
    """

    def __init__(self, bars: int, opening: Leg, neighbour: Style, targets: Sequence[tuple[float, float]]) -> None:
        self.bars, self.leg, self.neighbour, self.targets = bars, opening, neighbour, list(targets) or [(0.5, 0.5)]
        self.opening = min(LONGEST_OPENING, OPENING * bars) if bars > 1 else 0.5
        self.breaths = max(1, round((bars - self.opening) / BREATH))
        self.swings = max(1, round(bars / SWING))
        self.nearer = min(NEARER, NEARER_A_BAR * bars)

    def style(self, bar: float) -> Style:
        """What is painted in."""
        if bar <= self.opening:
            return self.leg.place(self.leg.part(bar / self.opening))
        rest = (min(bar, self.bars) - self.opening) / (self.bars - self.opening)
        lean = LEAN * math.sin(math.pi * self.breaths * rest) ** 2
        return between(self.leg.b, self.neighbour, lean if lean > 1e-9 else 0.0)

    def view(self, bar: float) -> View:
        """What part of it is seen."""
        turn = self.swings * min(bar, self.bars) / self.bars
        number = min(int(turn), self.swings - 1)
        side = 1 / (1 + self.nearer * math.sin(math.pi * (turn - number)) ** 2)
        x, y = self.targets[number % len(self.targets)]
        return View(x * (1 - side), y * (1 - side), side)

    def places(self) -> list[float]:
        """The bars at which pictures are painted, rising, from 0 to the last."""
        opening = [self.opening * step / STEPS for step in range(STEPS)]
        count = max(2 * self.breaths, round(A_BAR * (self.bars - self.opening)))
        return [*opening, *(self.opening + (self.bars - self.opening) * step / count for step in range(count + 1))]


class Reel:
    """Shows pictures that lie between painted ones; two of them are kept.

    Args:
        life: What is seen when.
        painted: Paints.
        size: Of what is shown, in pixels.
    """

    def __init__(self, life: Life, painted: Painted, size: tuple[int, int]) -> None:
        self.life, self.painted, self.size = life, painted, size
        self.places = life.places()
        self.kept: dict[int, Image.Image] = {}

    def frame(self, bar: float) -> Picture:
        """What is seen at a time."""
        number = min(max(bisect_right(self.places, bar) - 1, 0), len(self.places) - 2)
        before, after = self.places[number], self.places[number + 1]
        part = min(max((bar - before) / (after - before), 0.0), 1.0)
        self.kept = {place: image for place, image in self.kept.items() if place in (number, number + 1)}
        whole = self._at(number) if part == 0 else self._at(number + 1) if part == 1 else self._between(number, part)
        shown = whole.resize(self.size, Image.Resampling.BICUBIC, _box(self.life.view(bar), whole.size, self.size))
        return Picture(np.asarray(shown))

    def _between(self, number: int, part: float) -> Image.Image:
        return Image.blend(self._at(number), self._at(number + 1), part)

    def _at(self, number: int) -> Image.Image:
        if number not in self.kept:
            self.kept[number] = self.painted(self.life.style(self.places[number])).to_pil().convert("RGB")
        return self.kept[number]


def _box(view: View, whole: tuple[int, int], shown: tuple[int, int]) -> tuple[float, float, float, float]:
    """A view in pixels of the whole, in the shape of what is shown: what is too wide or too high is cut evenly."""
    scale = min(whole[0] / shown[0], whole[1] / shown[1])
    wide, high = shown[0] * scale, shown[1] * scale
    left, top = (whole[0] - wide) / 2 + view.left * wide, (whole[1] - high) / 2 + view.top * high
    return left, top, min(left + view.side * wide, whole[0]), min(top + view.side * high, whole[1])


def opening_of(stylizer: Stylizer, picture: Picture, style: Style) -> Leg:
    """From the photo to a style in the time from 0 to 1, evenly as it is seen on the picture."""
    photo = Style(style.z * 0, style.hands)
    pace, _ = stylizer.pace(picture, lambda part: between(photo, style, part), probes=STEPS + 1)
    return Leg(0.0, 1.0, replace(photo, hands=()), style, tuple(pace(step / (4 * STEPS)) for step in range(4 * STEPS + 1)))


def neighbour_of(stylizer: Stylizer, picture: Picture, style: Style) -> tuple[str, Style]:
    """The preset in which a picture looks most like it does in a style, without being that; the hands of the style stay."""
    presets = stylizer.base.presets.detach().float().cpu()
    alike = torch.cosine_similarity(presets, style.z, dim=1).argsort(descending=True).tolist()
    others = [k for k in alike if float((presets[k] - style.z).norm()) > 0.02 * float(style.z.norm())][:LOOKED_AT]
    ways = [replace(style, z=presets[k : k + 1]) for k in others]
    if not ways:
        return "", style
    apart = [stylizer.pace(picture, lambda part, way=way: way if part else style, probes=2)[1] for way in ways]  # type: ignore[misc]
    nearest = min(range(len(ways)), key=apart.__getitem__)
    return stylizer.base.names[others[nearest]], ways[nearest]


def likeness(stylizer: Stylizer, style: Style) -> list[tuple[str, float]]:
    """The presets whose style vectors point as that of a style does, and shares: one for a preset, two between presets."""
    presets = stylizer.base.presets.detach().float().cpu()
    apart = 1 - torch.cosine_similarity(presets, style.z, dim=1)
    order, names = apart.argsort().tolist(), stylizer.base.names
    first, second = order[0], order[min(1, len(order) - 1)]
    share = float(apart[second] / (apart[first] + apart[second]).clamp(min=1e-9))
    return [(names[first], 1.0)] if share > 0.9 or first == second else [(names[first], share), (names[second], 1 - share)]


def places_of_interest(picture: Picture, count: int = 3) -> list[tuple[float, float]]:
    """The places with most detail, away from each other: x and y in [0, 1], the strongest first."""
    small = np.asarray(Image.fromarray(picture.pixels).convert("L").resize((20 * GRID, 20 * GRID), Image.Resampling.BOX))
    light = small.astype(np.float64)
    detail = np.hypot(*np.gradient(light)).reshape(GRID, 20, GRID, 20).mean((1, 3))
    found: list[tuple[float, float]] = []
    for place in np.argsort(-detail, axis=None, kind="stable"):
        row, column = divmod(int(place), GRID)
        at = (column / (GRID - 1), row / (GRID - 1))
        if all(math.dist(at, other) >= 0.45 for other in found):
            found.append(at)
        if len(found) == count:
            break
    return found
