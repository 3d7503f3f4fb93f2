"""Who judges painted pictures, and the fixed grid of pictures they are judged on.

Style is the mean over relu1, fire2 … fire8 of ‖Gram(x) − Gram(s)‖² / ‖Gram(s)‖², content the mean square distance of the
instance-normalised fire4 and fire5. Held out is what recipes/pictures.py holds out. The grid is held-out photos and paintings
in the order of their paths, evenly spread: nothing is chosen by eye.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import report
from torch import Tensor

from mapsto.image.features import PerceptualNetwork
from mapsto.learning import losses

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from pictures import files, held_out, load, preset_picture, unit
from presets import PRESETS

T = TypeVar("T")

SEEN = ("relu1", "fire2", "fire4")
"""Taps of the teacher by which the change from one picture to another is told."""


class Score(NamedTuple):
    """Style and content distance by the teacher, style distance by our own network."""

    style: float
    content: float
    own: float


class Judge:
    """Two networks that look at pictures; the photo's and the style's features are computed once.

    Args:
        teacher: SqueezeNet 1.0.
        own: The embedded network.
    """

    def __init__(self, teacher: PerceptualNetwork, own: PerceptualNetwork) -> None:
        self.teacher, self.own = teacher, own

    def style(self, x: Tensor) -> tuple[losses.Taps, losses.Taps]:
        """Gram matrices of a style picture by both networks."""
        return losses.grams(self.teacher(x)), losses.grams(self.own(x))

    def content(self, x: Tensor) -> losses.Taps:
        """What a photo depicts."""
        found: losses.Taps = self.teacher(x, self.teacher.content_taps)
        return found

    def score(self, painted: Tensor, style: tuple[losses.Taps, losses.Taps], content: losses.Taps) -> Score:
        """How far a painted picture is from both."""
        taps = self.teacher(painted)
        distance = losses.style_loss(losses.grams(taps), style[0])
        depicted = losses.content_loss({name: taps[name] for name in content}, content)
        return Score(float(distance), float(depicted), float(losses.style_loss(losses.grams(self.own(painted)), style[1])))

    def change(self, first: losses.Taps, last: losses.Taps) -> Callable[[losses.Taps, losses.Taps], float]:
        """How different two pictures of a way look: distance of early features, each tap on one scale for the whole way.

        The scale is the mean norm of the features at both ends of the way, so this is a metric: no way is shorter than the
        straight one. Before, it was the norm at the first of the two pictures. A step was then not as large as its reverse,
        steps among weak features counted more than those among strong ones, and a way from a strong texture to a weak one was
        told to be long although it went straight: features that shrink in place to a fifth have a tortuosity of 1 by this
        measure, and of ln 5 / 0.8 = 2 by that one.

        Args:
            first: What the teacher sees at the start of the way.
            last: And at its end.
        """
        scale = {tap: (first[tap].norm() + last[tap].norm()) / 2 for tap in SEEN}
        return lambda a, b: sum(float((a[tap] - b[tap]).norm() / scale[tap]) for tap in SEEN)


class Grid:
    """The pictures that everything is measured on.

    Args:
        options: Of the command.
        judge: Whose features are kept with the pictures.
    """

    def __init__(self, options: argparse.Namespace, judge: Judge) -> None:
        if names := getattr(options, "photo_names", None):
            photos = [p for p in files(options.photos) if p.stem.startswith(tuple(names))]
        else:
            photos = spread([p for p in files(options.photos) if held_out(p)], options.photo_count)
        used = {source.file for source in PRESETS.values()}
        paintings = [p for p in files(options.paintings) if not set(p.parts) & set(options.skip)]
        unseen = [p for p in paintings if held_out(p) and p.name not in used]
        self.photo_names = [p.stem for p in photos]
        self.photos = [eights(unit(load(p, options.side))) for p in photos]
        self.content = [judge.content(x) for x in self.photos]
        self.paintings = {p.stem: unit(load(p, options.side)) for p in spread(unseen, options.painting_count)}
        self.presets = {name: preset_picture(source, name, options.paintings) for name, source in PRESETS.items()}


def spread(items: Sequence[T], count: int) -> list[T]:
    """`count` of the items, evenly spread over their order."""
    return [items[i * len(items) // count] for i in range(min(count, len(items)))]


def eights(x: Tensor) -> Tensor:
    """Cut to multiples of 8, so that nothing is padded."""
    return x[:, :, : x.shape[2] // 8 * 8, : x.shape[3] // 8 * 8]
