"""How evenly `mapsto morph` goes from one style to another, and whether what lies between is a style too.

    python benchmarks/morph.py --photos PHOTOS... --paintings PAINTINGS... --teacher squeezenet1_0.pth

Six pairs of presets on three held-out photos, 32 steps each; the judge is SqueezeNet 1.0, while pace, bends and places are
found with the embedded network. Beside it stand the straight way of style vectors, painted anew in every frame, and a
cross-fade of the two stills: that is smooth, and what it shows is no style. Other pairs and photos can be named.

    max/mean      the largest step over the mean one
    approach      share of steps that come nearer to the end
    tortuosity    sum of the steps over the distance from end to end
    validity      style loss to the way's own target, over what the ends have of theirs; the worst frame
    to mixture    the same with the mixture of both styles' Gram matrices as target; no aim
    sharpness     mean slope of the luma over that of the ends; the worst frame

Aims are of medians over the ways, as those of clips are; the worst way is told beside.

Steps are measured by `Judge.change`, which says why it is on one scale for a whole way. The target is the geodesic between both
styles' Gram matrices in the Bures–Wasserstein metric, at the place where the way is: along it features go over into each other.
The linear mixture of the matrices, the target before, belongs to a picture with one style in some of its places and the other
in the rest. It keeps too much energy for what lies between: halfway between features that are large and features that are 0 it
has half of the energy, where halfway features have a quarter.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
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
from mapsto.image.bending import Geodesic, geodesic
from mapsto.image.features import from_squeezenet, perceptual
from mapsto.image.morphing import Morph
from mapsto.image.timeline import keys_of
from mapsto.image.track import MARKS, PROBES, Leg
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
    mixture: float


class Ends(NamedTuple):
    """What both styles ask for: Gram matrices, and what lies between them."""

    start: losses.Taps
    end: losses.Taps
    between: Geodesic

    def mixture(self, part: float) -> losses.Taps:
        """What is asked of a picture with both styles side by side."""
        return {tap: torch.lerp(self.start[tap], self.end[tap], part) for tap in self.start}


def measured(frames: Sequence[Tensor], parts: Sequence[float], ends: Ends, judge: Judge) -> Way:
    """One way.

    Args:
        frames: [1, 3, H, W] each.
        parts: How far each is from the first style to the second.
        ends: What both styles ask for.
        judge: Who looks.
    """
    seen = [judge.teacher(frame) for frame in frames]
    change, grams = judge.change(seen[0], seen[-1]), [losses.grams(taps) for taps in seen]
    steps = [change(a, b) for a, b in pairwise(seen)]
    left = [change(taps, seen[-1]) for taps in seen]
    far = [float(losses.style_loss(gram, ends.between(part))) for gram, part in zip(grams, parts, strict=True)]
    mixed = [float(losses.style_loss(gram, ends.mixture(part))) for gram, part in zip(grams, parts, strict=True)]
    return Way(
        max(steps) / statistics.mean(steps),
        sum(b < a for a, b in pairwise(left)) / len(steps),
        sum(steps) / left[0],
        max(against_ends(far, parts)),
        min(against_ends([slope(frame) for frame in frames], parts)),
        max(against_ends(mixed, parts)),
    )


def against_ends(values: Sequence[float], parts: Sequence[float]) -> list[float]:
    """Values over what lies between the first and the last."""
    return [value / (values[0] + (values[-1] - values[0]) * part) for value, part in zip(values, parts, strict=True)]


def slope(frame: Tensor) -> float:
    """Mean of |∇ luma|."""
    luma = (frame * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    across, down = luma[:, :-1, 1:] - luma[:, :-1, :-1], luma[:, 1:, :-1] - luma[:, :-1, :-1]
    return float((across.square() + down.square()).sqrt().mean())


class Row(NamedTuple):
    """One pair on one photo: the morph; CPU-seconds before the first frame; bends, places; straight way and cross-fade."""

    pair: str
    photo: str
    morph: Way
    seconds: float
    bends: int
    places: int
    others: tuple[Way, ...] = ()


class Asked(NamedTuple):
    """Steps of every way, and whether nothing is measured beside it."""

    steps: int
    alone: bool


def straightened(leg: Leg, stylize: Stylizer, picture: Picture) -> Leg:
    """The same without bends, at its own pace."""
    straight = replace(leg, bends=())
    pace, _ = stylize.pace(picture, straight.place, PROBES)
    return replace(straight, marks=tuple(pace(mark / MARKS) for mark in range(MARKS + 1)))


def row(x: Tensor, photo: str, pair: tuple[str, str], ends: Ends, stylize: Stylizer, judge: Judge, asked: Asked) -> Row:
    """One pair on one photo."""
    picture, start = Picture.of(x), time.process_time()
    made = Morph(stylize, picture, keys_of(list(pair), stylize.names), seconds=1.0)
    seconds, times = time.process_time() - start, [i / asked.steps for i in range(asked.steps + 1)]

    (leg,) = made.track.legs
    frames = [made.frame(when).tensor() for when in times]
    way = measured(frames, [leg.part(when) for when in times], ends, judge)
    found = Row(" → ".join(pair), photo, way, seconds, len(leg.bends), len(made.fades[0].places))
    if asked.alone:
        return found
    plain = straightened(leg, stylize, picture)
    straight = [stylize(picture, plain.at(when), **made.how).tensor() for when in times]
    faded = [torch.lerp(frames[0], frames[-1], when) for when in times]
    others = measured(straight, [plain.part(when) for when in times], ends, judge), measured(faded, times, ends, judge)
    return found._replace(others=others)


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0 weights in torchvision's names")
    parser.add_argument("--side", type=int, default=256, help="shorter side of photos, pixels")
    parser.add_argument("--photo-count", type=int, default=3)
    parser.add_argument("--photo-names", nargs="+", help="beginnings of their names, instead of evenly spread ones")
    parser.add_argument("--pairs", nargs="+", metavar="A,B", help="presets, instead of evenly spread ones")
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--alone", action="store_true", help="leave out what stands beside: a third of the time")
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
    names = ",".join(options.pairs).split(",") if options.pairs else spread(list(PRESETS), 2 * PAIRS)
    rows = []
    for pair in zip(names[::2], names[1::2], strict=True):
        start, end = (judge.style(grid.presets[name])[0] for name in pair)
        ends = Ends(start, end, geodesic(start, end))
        for name, x in zip(grid.photo_names, grid.photos, strict=True):
            rows.append(row(x, name, pair, ends, stylize, judge, Asked(options.steps, options.alone)))
            print(rows[-1], flush=True)
    report.write(options.out, page(rows, options))


def page(rows: Sequence[Row], options: argparse.Namespace) -> list[str]:
    """The result."""
    aims = []
    for number, (name, bar) in enumerate(BARS.items()):
        values = [row.morph[number] for row in rows]
        middle, worst = statistics.median(values), (min if name in AT_LEAST else max)(values)
        reached = middle >= bar if name in AT_LEAST else middle <= bar
        sign = "≥" if name in AT_LEAST else "≤"
        text = f"{middle:.2f}; {worst:.2f} at worst"
        if not options.alone:
            straight, fade = (statistics.median(row.others[other][number] for row in rows) for other in (0, 1))
            text += f"; medians of the straight way {straight:.2f}, of a cross-fade {fade:.2f}"
        aims.append(Aim(f"{name}, median of {len(rows)} ways", f"{sign} {bar:.2f}", text, reached))
    shown = [
        (row.pair, row.photo[:24], *(f"{x:.2f}" for x in row.morph), row.bends or "–", row.places, f"{row.seconds:.1f}")
        for row in rows
    ]
    others = [(row.pair, row.photo[:24], *(f"{value:.2f}" for way in row.others for value in way[2:])) for row in rows]
    names = [*BARS, "to mixture"]
    parts = [
        report.heading("Morph: evenness", ["style-s", "features-s"]),
        f"- precision: auto; shorter side of photos {options.side} px, {options.steps} steps\n",
        section("Aims", report.aims(aims)),
        section(
            "Every way",
            "The last columns: places where the way is bent, paintings it fades between, CPU-seconds before the first frame.\n",
            table(("pair", "photo", *names, "bends", "paintings", "CPU-s"), shown),
        ),
    ]
    if options.alone:
        return parts
    columns = ("pair", "photo", *names[2:], *(f"fade: {name}" for name in names[2:]))
    return [*parts, section("Beside it: the straight way, and a cross-fade", table(columns, others))]


if __name__ == "__main__":
    main()
