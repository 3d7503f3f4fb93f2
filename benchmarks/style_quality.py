"""How well `mapsto style` paints: style and content distances on pictures nobody trained on, against the slow reference.

    python benchmarks/style_quality.py --photos PHOTOS... --paintings PAINTINGS... --teacher squeezenet1_0.pth
    python benchmarks/style_quality.py …  --optimize 4 --learn 60 --learn-pairs 4     # with a few pairs of the slow ways

The measures and the grid are those of judging.py. `teacher` is SqueezeNet 1.0 in torchvision's format, which the shipped
weights were trained with; `own` is the embedded network.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import report
import torch
from judging import SEEN, Grid, Judge, Score, spread
from presets import PRESETS
from report import Aim, section, table
from torch import Tensor

from mapsto import Picture, Stylizer
from mapsto.cli.sheet import sheet_of
from mapsto.image.features import from_squeezenet
from mapsto.image.learn import learn_hand
from mapsto.image.optimize import optimize
from mapsto.image.stylizer import style_tensor
from mapsto.learning import measure

STRENGTHS = [i / 8 for i in range(9)]
FAINT = (0.01, 0.02, 0.05)


# ---- fast -------------------------------------------------------------------------------------------------------------------


def fast(grid: Grid, judge: Judge, stylize: Stylizer, styles: dict[str, Tensor], *, named: bool) -> dict[str, list[Score]]:
    """Every photo in every style, by preset name or by the encoder from the picture."""
    found = {}
    for name, picture in styles.items():
        target, ready = judge.style(picture), stylize.style_of(name if named else Picture.of(picture))
        found[name] = [
            judge.score(stylize(x, ready, seed=0), target, c) for x, c in zip(grid.photos, grid.content, strict=True)
        ]
    return found


def flat_sky(side: int = 256) -> Tensor:
    """A clear sky, from top to bottom a little lighter: [1, 3, side, side]."""
    light = torch.linspace(0.55, 0.8, side).view(1, 1, side, 1).expand(1, 3, side, side)
    return light * torch.tensor([0.8, 0.9, 1.0]).view(1, 3, 1, 1)


def lattices(stylize: Stylizer) -> dict[str, float]:
    """Share of a painted sky's texture that repeats on the network's grid, by preset; the border left out."""
    return {name: float(measure.lattice_share(stylize(flat_sky(), name)[:, :, 32:-32, 32:-32])) for name in PRESETS}


def faint(grid: Grid, stylize: Stylizer) -> dict[float, list[float]]:
    """PSNR to the photo at small strengths, over presets, on the first photo."""
    x = grid.photos[0]
    return {t: [measure.psnr(stylize(x, name, strength=t), x) for name in PRESETS] for t in FAINT}


class Slider(NamedTuple):
    """Strength in equal steps: whether 0 is the photo, share of steps that move away from it, largest / mean step."""

    exact: bool
    rising: float
    unevenness: float


def slider(x: Tensor, judge: Judge, stylize: Stylizer, name: str) -> Slider:
    """How a preset's strength behaves on one photo."""
    row = [stylize(x, name, strength=t) for t in STRENGTHS]
    photo, *seen = [judge.teacher(picture, SEEN) for picture in (x, *row)]
    change = judge.change(photo, seen[-1])
    steps = [change(a, b) for a, b in pairwise(seen)]
    away = [change(photo, a) for a in seen]
    rising = statistics.mean(float(b > a) for a, b in pairwise(away))
    exact = float((row[0] - x).abs().max()) <= 0.5 / 255 + 1e-6  # the photo in bytes
    return Slider(exact, rising, max(steps) / statistics.mean(steps))


# ---- the slow ways ----------------------------------------------------------------------------------------------------------


Way = Callable[[Tensor], Tensor]
"""A photo → a painted picture."""


class Pair(NamedTuple):
    """One photo and one style, painted in several ways; scores and seconds by way."""

    name: str
    pictures: dict[str, Tensor]
    scores: dict[str, Score]
    seconds: dict[str, float]


def pairs(grid: Grid, judge: Judge, stylize: Stylizer, options: argparse.Namespace) -> Iterator[Pair]:
    """Presets spread over their list, then unseen paintings; each with the next photo of the grid."""
    count = max(options.optimize, options.learn_pairs if options.learn else 0)
    for named, styles in ((True, grid.presets), (False, grid.paintings)):
        for number, name in enumerate(spread(list(styles), count)):
            ways = {"fast": _fast(stylize, name if named else Picture.of(styles[name]))}
            if number < options.optimize:
                ways["optimize"] = _optimized(stylize, styles[name], options.steps)
            if options.learn and not named and number < options.learn_pairs:
                ways[f"learn {options.learn:g}"] = _learned(stylize, styles[name], options.learn)
            yield pair(grid, judge, number % len(grid.photos), name, styles[name], ways)


def pair(grid: Grid, judge: Judge, index: int, name: str, style: Tensor, ways: dict[str, Way]) -> Pair:
    """One photo in one style, in every way."""
    title, x, target = f"{grid.photo_names[index]} in {_short(name)}", grid.photos[index], judge.style(style)
    print(title, flush=True)
    found, scores, spent = {"photo": x, "style": style}, {}, {}
    for way, paint in ways.items():
        start = time.process_time()
        found[way] = paint(x)
        spent[way] = time.process_time() - start
        scores[way] = judge.score(found[way], target, grid.content[index])
    return Pair(title, found, scores, spent)


def _fast(stylize: Stylizer, style: object) -> Way:
    return lambda photo: stylize(photo, style)


def _optimized(stylize: Stylizer, style: Tensor, steps: int) -> Way:
    return lambda photo: optimize(photo, [(style, 1.0)], steps=steps, network=stylize.features)


def _learned(stylize: Stylizer, painting: Tensor, seconds: float) -> Way:
    """As `--learn` does it, on the photo itself and built-in scenes; nothing is kept."""

    def paint(photo: Tensor) -> Tensor:
        picture, bf16 = Picture.of(painting), stylize.dtype == torch.bfloat16
        z, small = stylize.encode(picture), style_tensor(picture)
        hand = learn_hand(stylize.base, z, small, stylize.features, name="hand", seconds=seconds, photos=[photo], bf16=bf16)
        painter = Stylizer(hand, stylize.encoder, stylize.features, stylize.device, stylize.dtype)
        return painter(photo, "hand")  # type: ignore[no-any-return]

    return paint


# ---- written down -----------------------------------------------------------------------------------------------------------


def mean(scores: Sequence[Score]) -> Score:
    """Of each figure."""
    return Score(*(statistics.mean(values) for values in zip(*scores, strict=True)))


def preset_section(found: dict[str, list[Score]], shares: dict[str, float], pictures: dict[str, Tensor]) -> str:
    """A row a preset, and their mean; a style that repeats by itself, as stitches do, shows in the last column."""
    own = {name: float(measure.lattice_share(picture)) for name, picture in pictures.items()}
    rows = [(name, *_digits(mean(scores)), f"{shares[name]:.3f}", f"{own[name]:.3f}") for name, scores in found.items()]
    every = mean([score for scores in found.values() for score in scores])
    rows.append(
        ("**mean**", *_digits(every), f"{statistics.mean(shares.values()):.3f}", f"{statistics.mean(own.values()):.3f}")
    )
    return section(
        "Presets on photos not trained on",
        f"Lattice share on a flat sky: {measure.CHANCE:.3f} is chance.\n",
        table(("preset", "style, teacher", "content", "style, own", "lattice share", "of its source"), rows),
    )


def unseen_section(found: dict[str, list[Score]], photos: int) -> str:
    """A row a painting, and their mean and median."""
    rows = [(_short(name), *_digits(mean(scores))) for name, scores in found.items()]
    every = [score for scores in found.values() for score in scores]
    middle = Score(*(statistics.median(values) for values in zip(*every, strict=True)))
    rows += [("**mean**", *_digits(mean(every))), ("**median of all pairs**", *_digits(middle))]
    title = f"Unseen paintings, through the encoder: {len(every)} pairs ({photos} photos each)"
    return section(title, table(("painting", "style, teacher", "content", "style, own"), rows))


def pairs_section(found: Sequence[Pair]) -> str:
    """A row a pair and way, then the mean of each way over the pairs that have it."""
    rows = [(p.name, way, *_digits(p.scores[way]), f"{p.seconds[way]:.1f}") for p in found for way in p.scores]
    columns = ("pair", "way", "style, teacher", "content", "style, own", "CPU-seconds")
    return section("Fast, learned and optimised, pair by pair", table(columns, rows))


def slider_section(sliders: dict[str, Slider], dim: dict[float, list[float]]) -> str:
    """How strength behaves."""
    rows = [(name, "yes" if s.exact else "no", f"{100 * s.rising:.0f} %", f"{s.unevenness:.2f}") for name, s in sliders.items()]
    near = [(f"{t:g}", f"{min(values):.1f}", f"{statistics.median(values):.1f}") for t, values in dim.items()]
    return section(
        "Strength",
        "Nine strengths from 0 to 1 on the first photo.\n",
        table(("preset", "0 is the photo", "steps away from the photo", "largest step / mean step"), rows),
        "Distance from the photo near strength 0, dB over all presets:\n",
        table(("strength", "least", "median"), near),
    )


def _short(name: str, most: int = 32) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _digits(score: Score) -> tuple[str, str, str]:
    return f"{score.style:.3f}", f"{score.content:.3f}", f"{score.own:.3f}"


def aims_of(
    presets: dict[str, list[Score]],
    unseen: dict[str, list[Score]],
    shares: dict[str, float],
    dim: dict[float, list[float]],
    sliders: dict[str, Slider],
) -> list[Aim]:
    """What was to be reached."""
    named = mean([score for scores in presets.values() for score in scores])
    others = mean([score for scores in unseen.values() for score in scores])
    worst = max(shares, key=lambda name: shares[name])
    least = min(dim[FAINT[0]])
    rising = min(s.rising for s in sliders.values())
    return [
        Aim("presets, mean style", "≤ 0.10", f"{named.style:.3f}", named.style <= 0.10),
        Aim("presets, mean content", "≤ 0.9", f"{named.content:.3f}", named.content <= 0.9),
        Aim("lattice share in every preset", "< 0.10", f"{shares[worst]:.3f} ({worst})", shares[worst] < 0.10),
        Aim(f"identity at strength {FAINT[0]:g}, every preset", "≥ 32 dB", f"{least:.1f} dB", least >= 32),
        Aim("strength rises at every step", "100 %", f"{100 * rising:.0f} %", rising == 1),
        Aim("unseen paintings, mean style", "≤ 0.20", f"{others.style:.3f}", others.style <= 0.20),
        Aim("unseen paintings, mean content", "≤ 1.08", f"{others.content:.3f}", others.content <= 1.08),
    ]


def thumb(x: Tensor, side: int) -> Picture:
    """A small square from the middle, for sheets."""
    edge = min(x.shape[2:])
    top, left = (x.shape[2] - edge) // 2, (x.shape[3] - edge) // 2
    return Picture.of(x[:, :, top : top + edge, left : left + edge]).resized(f"{side}x{side}")


def contact_sheet(grid: Grid, stylize: Stylizer, count: int, side: int = 128) -> Picture:
    """The first photos of the grid, each in all presets in their order, seed 0."""
    cells = []
    for x in grid.photos[:count]:
        cells += [("photo", thumb(x, side)), *((preset, thumb(stylize(x, preset, seed=0), side)) for preset in PRESETS)]
    return sheet_of(cells, columns=11)


def pair_sheet(found: Sequence[Pair], side: int = 256) -> Picture:
    """Pairs in rows: photo, style, and every way."""
    ways = list(dict.fromkeys(way for p in found for way in p.pictures))
    blank = torch.full((1, 3, side, side), 0.97)
    return sheet_of([(way, thumb(p.pictures.get(way, blank), side)) for p in found for way in ways], columns=len(ways))


def card_scores(presets: dict[str, list[Score]], unseen: dict[str, list[Score]], shares: dict[str, float]) -> dict[str, float]:
    """What the cards of the weights tell."""
    named = mean([score for scores in presets.values() for score in scores])
    others = mean([score for scores in unseen.values() for score in scores])
    found = {"preset_style": named.style, "preset_content": named.content, "worst_lattice_share": max(shares.values())}
    found |= {"unseen_style": others.style, "unseen_content": others.content}
    return {key: round(value, 4) for key, value in found.items()}


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--skip", nargs="*", default=[], help="folders of --paintings that hold no unseen paintings, by name")
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0 weights in torchvision's names")
    parser.add_argument("--weights", default="style-s", help="name or file")
    parser.add_argument("--side", type=int, default=384, help="shorter side of photos and unseen paintings, pixels")
    parser.add_argument("--photo-count", type=int, default=4)
    parser.add_argument("--painting-count", type=int, default=12)
    parser.add_argument("--strength-presets", type=int, default=8)
    parser.add_argument("--optimize", type=int, default=0, metavar="N", help="pairs of each kind to optimise")
    parser.add_argument("--steps", type=int, default=300, help="of optimising")
    parser.add_argument("--learn", type=float, default=0, metavar="SECONDS", help="learn unseen paintings first")
    parser.add_argument("--learn-pairs", type=int, default=4)
    parser.add_argument("--sheet-photos", type=int, default=3)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--scores", type=Path, help="write the figures for the weights' cards here, JSON")
    parser.add_argument("--out", type=Path, default=report.dated("style-quality.md"))
    return parser.parse_args()


def sheets(grid: Grid, stylize: Stylizer, slow: Sequence[Pair], options: argparse.Namespace) -> list[str]:
    """Write the sheets beside the result; the lines that show them."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet, ways = options.out.with_suffix(".jpg"), options.out.with_name(f"{options.out.stem}-pairs.jpg")
    contact_sheet(grid, stylize, options.sheet_photos).save(sheet, quality=80)
    lines = [f"![All presets on the first photos of the grid, seed 0]({sheet.name})\n"]
    if slow:
        pair_sheet(slow).save(ways, quality=85)
        lines.append(f"![Pairs: photo, style and every way]({ways.name})\n")
    return lines


def measured(grid: Grid, judge: Judge, stylize: Stylizer, options: argparse.Namespace) -> tuple[list[str], dict[str, float]]:
    """All sections on the fast way, and the figures for the cards."""
    presets = fast(grid, judge, stylize, grid.presets, named=True)
    unseen = fast(grid, judge, stylize, grid.paintings, named=False)
    shares, dim = lattices(stylize), faint(grid, stylize)
    sliders = {name: slider(grid.photos[0], judge, stylize, name) for name in spread(list(PRESETS), options.strength_presets)}
    text = [
        section("Aims", report.aims(aims_of(presets, unseen, shares, dim, sliders))),
        preset_section(presets, shares, grid.presets),
        unseen_section(unseen, len(grid.photos)),
        slider_section(sliders, dim),
    ]
    return text, card_scores(presets, unseen, shares)


def main() -> None:
    """Measure, and write the result with its sheets beside it."""
    options = parse()
    torch.set_num_threads(options.threads)
    stylize = Stylizer.from_pretrained(options.weights, device="cpu", precision=options.precision)
    judge = Judge(from_squeezenet(torch.load(options.teacher, weights_only=True)), stylize.features)
    with torch.no_grad():
        grid = Grid(options, judge)
        text, scores = measured(grid, judge, stylize, options)
    slow = list(pairs(grid, judge, stylize, options))
    shown = sheets(grid, stylize, slow, options)
    heading = report.heading("Style: quality", [options.weights, "style-encoder-s", "features-s"])
    setting = f"- precision: {stylize.dtype}; shorter side of photos {options.side} px; seed 0\n"
    report.write(options.out, [heading, setting, *text, pairs_section(slow) if slow else "", section("Pictures", *shown)])
    if options.scores:
        options.scores.write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()
