"""How evenly `mapsto morph` goes from one style to another, and whether what lies between is a style too.

    python benchmarks/morph.py --photos PHOTOS... --paintings PAINTINGS... --teacher squeezenet1_0.pth

Six pairs of presets on three held-out photos, 32 steps each; the judge is SqueezeNet 1.0, while the pace is found with the
embedded network. A cross-fade of the two stills stands beside it: it is smooth, and what it shows is no style.

    max/mean      the largest step over the mean one
    approach      share of steps that come nearer to the end
    tortuosity    sum of the steps over the distance from end to end
    validity      style loss to the mixture of both styles' Gram matrices, over what the ends have of theirs; the worst frame
    sharpness     mean slope of the luma over that of the ends; the worst frame
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import report
import torch
from judging import Grid, Judge, spread
from presets import PRESETS
from report import Aim, section, table
from torch import Tensor

from mapsto import Picture, Stylizer
from mapsto.image.features import from_squeezenet, perceptual
from mapsto.image.morphing import Morph
from mapsto.image.timeline import keys_of
from mapsto.learning import losses

PAIRS = 6
BARS = {"max/mean": 1.25, "approach": 1.0, "tortuosity": 1.5, "validity": 1.3, "sharpness": 0.85}
AT_LEAST = ("approach", "sharpness")


class Way(NamedTuple):
    """The measures above."""

    evenness: float
    approach: float
    tortuosity: float
    validity: float
    sharpness: float


def measured(frames: Sequence[Tensor], parts: Sequence[float], ends: tuple[losses.Taps, losses.Taps], judge: Judge) -> Way:
    """One way.

    Args:
        frames: [1, 3, H, W] each.
        parts: How far each is from the first style to the second.
        ends: Gram matrices of both styles.
        judge: Who looks.
    """
    steps = [judge.change(a, b) for a, b in pairwise(frames)]
    left = [judge.change(frame, frames[-1]) for frame in frames]
    losses_ = [style_loss(frame, part, ends, judge) for frame, part in zip(frames, parts, strict=True)]
    slopes = [slope(frame) for frame in frames]
    return Way(
        max(steps) / statistics.mean(steps),
        sum(b < a for a, b in pairwise(left)) / len(steps),
        sum(steps) / left[0],
        max(against_ends(losses_, parts)),
        min(against_ends(slopes, parts)),
    )


def against_ends(values: Sequence[float], parts: Sequence[float]) -> list[float]:
    """Values over what lies between the first and the last."""
    return [value / (values[0] + (values[-1] - values[0]) * part) for value, part in zip(values, parts, strict=True)]


def style_loss(frame: Tensor, part: float, ends: tuple[losses.Taps, losses.Taps], judge: Judge) -> float:
    """To the mixture of both styles."""
    mixture = {tap: torch.lerp(ends[0][tap], ends[1][tap], part) for tap in ends[0]}
    return float(losses.style_loss(losses.grams(judge.teacher(frame)), mixture))


def slope(frame: Tensor) -> float:
    """Mean of |∇ luma|."""
    luma = (frame * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    across, down = luma[:, :-1, 1:] - luma[:, :-1, :-1], luma[:, 1:, :-1] - luma[:, :-1, :-1]
    return float((across.square() + down.square()).sqrt().mean())


def ways(x: Tensor, pair: tuple[str, str], stylize: Stylizer, judge: Judge, grid: Grid, steps: int) -> tuple[Way, Way]:
    """The morph, and the cross-fade of its ends."""
    made = Morph(stylize, Picture.of(x), keys_of(list(pair), stylize.names), seconds=1.0)
    start, end = (stylize.style_of(name).z for name in pair)
    times = [i / steps for i in range(steps + 1)]
    frames = [made.frame(time).tensor() for time in times]
    parts = [float((made.track.at(time).z - start).norm() / (end - start).norm()) for time in times]
    ends = (judge.style(grid.presets[pair[0]])[0], judge.style(grid.presets[pair[1]])[0])
    faded = [torch.lerp(frames[0], frames[-1], time) for time in times]
    return measured(frames, parts, ends, judge), measured(faded, times, ends, judge)


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0 weights in torchvision's names")
    parser.add_argument("--side", type=int, default=256, help="shorter side of photos, pixels")
    parser.add_argument("--photo-count", type=int, default=3)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=report.dated("morph.md"))
    found = parser.parse_args()
    found.skip, found.painting_count = [], 0
    return found


@torch.inference_mode()
def main() -> None:
    """Measure and write."""
    options = parse()
    torch.set_num_threads(options.threads)
    teacher = from_squeezenet(torch.load(options.teacher, weights_only=True)).eval()
    judge = Judge(teacher, perceptual("small"))  # type: ignore[arg-type]
    grid, stylize = Grid(options, judge), Stylizer.from_pretrained(device="cpu")
    names = spread(list(PRESETS), 2 * PAIRS)
    rows, faded = [], []
    for pair in zip(names[::2], names[1::2], strict=True):
        for name, x in zip(grid.photo_names, grid.photos, strict=True):
            way, fade = ways(x, pair, stylize, judge, grid, options.steps)
            rows.append((f"{pair[0]} → {pair[1]}", name, way))
            faded.append(fade)
    report.write(options.out, page(rows, faded, options))


def page(rows: Sequence[tuple[str, str, Way]], faded: Sequence[Way], options: argparse.Namespace) -> list[str]:
    """The result."""
    found = [way for *_, way in rows]
    aims = []
    for number, (name, bar) in enumerate(BARS.items()):
        worst = (min if name in AT_LEAST else max)(way[number] for way in found)
        reached = worst >= bar if name in AT_LEAST else worst <= bar
        sign = "≥" if name in AT_LEAST else "≤"
        middle = statistics.median(way[number] for way in found)
        fade = statistics.median(way[number] for way in faded)
        text = f"{worst:.2f} at worst, {middle:.2f} median; cross-fade {fade:.2f}"
        aims.append(Aim(name, f"{sign} {bar:.2f}", text, reached))
    shown = [(pair, photo[:24], *(f"{value:.2f}" for value in way)) for pair, photo, way in rows]
    return [
        report.heading("Morph: evenness", ["style-s", "features-s"]),
        f"- precision: auto; shorter side of photos {options.side} px, {options.steps} steps\n",
        section("Aims", report.aims(aims)),
        section("Every way", table(("pair", "photo", *BARS), shown)),
    ]


if __name__ == "__main__":
    main()
