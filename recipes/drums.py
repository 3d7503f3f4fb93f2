"""The embedded drummer: what it learns from, for how long, and how well it guesses what it never heard.

    python recipes/drums.py SETS drummer.safetensors

SETS is the folder with drums_groove.npz, made of the Groove MIDI Dataset (Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck,
David Bamman, "Learning to Groove with Inverse Sequence Transformations", ICML 2019; CC BY 4.0, Google LLC): 1,138 takes of ten
drummers, 21,676 bars of 4/4, with the split of its makers. Fills are takes of their own there; so that the drummer learns what
stands around one, they are set into other takes of their style too, as the last bar of four.

Guesses are compared in nats a bar (nine drums, five levels each, silence among them) with three that anybody could make:

    by place       how often each drum is struck at each place of the bar, by style
    as before      what the bar before had at this place is kept, with the chance that this happens
    both           by place and what the bar before had there
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mapsto import weights
from mapsto.sound.drummer import BAR, DENSITIES, PHRASE, D, DrumNetwork, L, Levels, Told, density_of, levels_of, seen_at

STEPS, BATCH, RATE = 4000, 2048, 3e-3
LEAST_TAKES, LEAST_BARS = 8, 150
"""Styles with less to learn from have no name; their takes count as no style in particular."""

FILLS = 0.35
"""Of fourth bars, how many become a fill in the second copy of the takes."""

NO_STYLE, ANY_DENSITY = 0.1, 0.3
"""How often style and density are not told."""

NEW = 0.3
"""How often nothing is seen before the bar: what was just played says so much that the style would not be listened to."""


@dataclass(frozen=True)
class Take:
    """A recording.

    Args:
        levels: [T, D].
        style: Its family, such as "rock".
        bpm: Its tempo.
        fills: Of every bar, whether it is a fill.
        held_out: Nothing is learned from it.
    """

    levels: Levels
    style: str
    bpm: float
    fills: tuple[bool, ...]
    held_out: bool

    @property
    def strokes(self) -> float:
        """In a bar."""
        return float((self.levels > 0).sum()) / len(self.fills)


def takes(path: Path) -> list[Take]:
    """All recordings of a set."""
    with np.load(path, allow_pickle=False) as file:
        events, offsets, index = file["ev"], file["off"], json.loads(str(file["index"]))
    found = []
    for begin, end, told in zip(offsets, offsets[1:], index, strict=False):
        levels = levels_of(events[begin:end, :, 0])
        fills = (told["kind"] == "fill",) * (len(levels) // BAR)
        found.append(Take(levels, told["style"], float(told["bpm"]), fills, told["split"] != "train"))
    return found


def styles_of(found: list[Take]) -> list[str]:
    """Names of the styles with enough to learn from, the largest first."""
    names = dict.fromkeys(take.style for take in found)
    learned = {name: [take for take in found if take.style == name and not take.held_out] for name in names}
    bars = {name: sum(len(take.fills) for take in those) for name, those in learned.items()}
    return sorted((n for n in names if len(learned[n]) >= LEAST_TAKES and bars[n] >= LEAST_BARS), key=lambda n: -bars[n])


def with_fills(found: list[Take], seed: int) -> list[Take]:
    """The same takes of grooves, with bars of fills of their style in some fourth bars."""
    rng, made = np.random.default_rng(seed), []
    for take in found:
        bars = [other.levels[-BAR:] for other in found if other.style == take.style and other.fills[0]]
        if take.fills[0] or len(take.fills) < PHRASE or not bars:
            continue
        levels, fills = take.levels.copy(), list(take.fills)
        for bar in range(PHRASE - 1, len(fills), PHRASE):
            if rng.random() < FILLS:
                levels[bar * BAR : (bar + 1) * BAR] = bars[rng.integers(len(bars))]
                fills[bar] = True
        made.append(replace(take, levels=levels, fills=tuple(fills)))
    return made


class Heap:
    """All steps of some takes, one after the other."""

    def __init__(self, found: list[Take], styles: list[str]) -> None:
        parts, at, told, end = [], [], [], 0
        for take in found:
            steps = np.arange(len(take.fills) * BAR)
            parts.append(take.levels[: len(steps)])
            at.append(end + steps)
            end += len(steps)
            fills = np.array(take.fills)
            filled = np.concatenate([[False], fills[:-1]])
            style = styles.index(take.style) if take.style in styles else len(styles)
            same = np.ones(len(steps))
            rows = [
                steps,
                style * same,
                take.bpm * same,
                density_of(take.strokes) * same,
                fills[steps // BAR],
                filled[steps // BAR],
            ]
            told.append(np.stack(rows, 1))
        self.levels = torch.from_numpy(np.concatenate(parts))
        self.at, self.told = torch.from_numpy(np.concatenate(at)), torch.from_numpy(np.concatenate(told)).float()
        self.styles = len(styles)

    def batch(
        self, which: torch.Tensor, generator: torch.Generator | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What is seen, told and struck; with a generator, style and density are left out now and then."""
        at, told = self.at[which], self.told[which]
        step, style, density = told[:, 0].long(), told[:, 1].long(), told[:, 3].long()
        known = step
        if generator is not None:
            draws = torch.rand(3, len(at), generator=generator)
            style = torch.where(draws[0] < NO_STYLE, self.styles, style)
            density = torch.where(draws[1] < ANY_DENSITY, len(DENSITIES) + 1, density)
            known = torch.where(draws[2] < NEW, step % BAR, step)
        one = torch.nn.functional.one_hot(style, self.styles + 1).float()
        features = Told(step, known, one, told[:, 2], density, told[:, 4], told[:, 5]).features()
        return seen_at(self.levels, at, known), features, self.levels[at]


def train(heap: Heap, network: DrumNetwork, steps: int, seed: int = 0) -> None:
    """Learn; the rate rises in the first tenth of the steps, and falls to nothing as half a cosine."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    since, mean = time.monotonic(), 0.0
    for step in range(steps):
        loss = network(*heap.batch(torch.randint(len(heap.at), (BATCH,), generator=generator), generator)).sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        mean = loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % 200 == 199:
            print(f"{step + 1} steps: {mean * BAR:.2f} nats a bar, {time.monotonic() - since:.0f} s", flush=True)


@torch.inference_mode()
def surprise(network: DrumNetwork, heap: Heap, style: int | None = None) -> torch.Tensor:
    """Nats of every step, [T]; as if all were of one style, if one is given."""
    found = []
    for which in torch.arange(len(heap.at)).split(8192):
        seen, told, levels = heap.batch(which)
        if style is not None:
            begin = BAR + 2 * PHRASE
            told[:, begin : begin + heap.styles + 1] = torch.nn.functional.one_hot(torch.tensor(style), heap.styles + 1).float()
        found.append(network(seen, told, levels).sum(1))
    return torch.cat(found)


def baselines(learned: Heap, held_out: Heap) -> dict[str, float]:
    """Nats a bar of the three simple guesses; counts begin at a half."""
    found = {}
    for name, uses in {"by_place": (1, 0), "as_before": (0, 1), "both": (1, 1)}.items():
        counts = torch.full((learned.styles + 1, BAR, L, D, L), 0.5)
        for heap, learns in ((learned, True), (held_out, False)):
            place, now = heap.told[:, 0].long() % BAR * uses[0], heap.levels[heap.at]
            style, back = heap.told[:, 1].long() * uses[0], (heap.told[:, 0] >= BAR)[:, None]
            before = heap.levels[(heap.at - BAR).clamp(min=0)] * back * uses[1]
            drum = torch.arange(D)
            cells = (style[:, None], place[:, None], before, drum[None])
            if learns:
                counts.index_put_((*cells, now), torch.ones(()), accumulate=True)
            else:
                chances = counts / counts.sum(-1, keepdim=True)
                found[name] = float(-chances[(*cells, now)].log().sum(1).mean()) * BAR
    return found


def main() -> None:
    """Learn, measure, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.manual_seed(0)
    found = takes(options.sets / "drums_groove.npz")
    styles = styles_of(found)
    learned, held_out = ([take for take in found if take.held_out is out] for out in (False, True))
    network = DrumNetwork(styles)
    print(
        f"{len(learned)} takes, {len(held_out)} held out; {', '.join(styles)}; {sum(p.numel() for p in network.parameters()):,}"
    )
    since = time.process_time()
    train(Heap([*learned, *with_fills(learned, 0)], styles), network.train(), options.steps)
    seconds = time.process_time() - since
    network.eval()
    plain, judged = Heap(learned, styles), Heap(held_out, styles)
    scores = {"held_out_nats_a_bar": float(surprise(network, judged).mean()) * BAR}
    scores["learned_nats_a_bar"] = float(surprise(network, plain).mean()) * BAR
    scores["held_out_nats_a_bar_without_style"] = float(surprise(network, judged, len(styles)).mean()) * BAR
    scores |= {f"held_out_nats_a_bar_{name}": nats for name, nats in baselines(plain, judged).items()}
    scores = {name: round(value, 3) for name, value in scores.items()}
    print(json.dumps(scores, indent=1))
    tempos = {name: round(float(np.median([t.bpm for t in learned if t.style == name]))) for name in styles}
    strokes = {name: round(float(np.mean([t.strokes for t in learned if t.style == name])), 1) for name in styles}
    card = {
        "recipe": f"recipes/drums.py: {options.steps:,} steps of {BATCH} sixteenths, {seconds:.0f} CPU-seconds",
        "data": "Groove MIDI Dataset (Google LLC, CC BY 4.0): 21,676 bars of ten drummers; 251 of 1,138 takes held out",
        "licence": "CC BY 4.0",
        "scores": scores,
        "tempos": tempos,
        "strokes": strokes,
    }
    weights.save(network, options.target, card)
    print(f"{options.target}: {options.target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
