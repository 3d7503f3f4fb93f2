"""The composing network, as it is embedded: learned from scores that anyone may learn from.

    python recipes/composer.py RUN --scores MUSIC [--steps 12000] [--export src/mapsto/embedded]

An hour and a half on one core. Pieces are in C or a; about one in eight is held out, with everything that shares its melody.
"""

from __future__ import annotations

import argparse
import copy
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scores import GREEN, Piece, read, split

from mapsto import device, weights
from mapsto.learning import scores as learning
from mapsto.learning.fit import Plan, finished, fit
from mapsto.learning.plans import Indices
from mapsto.learning.scores import ScoreData, ScoreGame, voices_of
from mapsto.sound.melody import METERS, STEPS_OF_BAR, ScoreNetwork
from mapsto.sound.score import VOICES

BATCH = 16
RARE = 0.05

NAMES = {"mutopia_folk": "folk", "polish_dance": "polish-dance"}
"""What styles are called, where not as their sets."""

TEMPOS = {
    "lied": 84,
    "baroque": 92,
    "classical": 108,
    "romantic": 92,
    "polish_dance": 138,
    "mutopia_folk": 116,
    "hymn": 88,
    "renaissance": 96,
    "ragtime": 88,
    "march": 112,
    "song": 96,
}
"""Quarter notes a minute; the sets do not tell any."""

BANDS = {
    "lied": ("piano", "piano", "piano", "oboe"),
    "baroque": ("harpsichord", "harpsichord", "harpsichord", "harpsichord"),
    "classical": ("cello", "viola", "violin", "violin"),
    "romantic": ("piano", "piano", "piano", "piano"),
    "polish_dance": ("piano", "piano", "piano", "piano"),
    "mutopia_folk": ("guitar", "guitar", "guitar", "recorder"),
    "hymn": ("organ", "organ", "organ", "organ"),
    "renaissance": ("bassoon", "viola", "recorder", "recorder"),
    "ragtime": ("piano", "piano", "piano", "piano"),
    "march": ("trombone", "horn", "horn", "trumpet"),
    "song": ("piano", "piano", "piano", "clarinet"),
}
"""Who plays bass, tenor, alto and melody, where nobody says."""

CREDIT = (
    "scores in the public domain, CC0 or CC BY: OpenScore Lieder (CC0), Mutopia Project (per piece public domain or CC BY), "
    "Polish scores of the Fryderyk Chopin Institute (CC BY 4.0)"
)


def learned(pieces: Sequence[Piece], styles: Sequence[str]) -> list[learning.Piece]:
    """As the game takes them; pieces in other meters are left out."""
    names = [f"{over}/{under}" for over, under in METERS]
    return [
        learning.Piece(piece.grid, names.index(piece.meter), int(not piece.minor), styles.index(piece.style), piece.id)
        for piece in pieces
        if piece.meter in names and piece.bar == STEPS_OF_BAR[names.index(piece.meter)] and piece.bars >= 4
    ]


def usual(pieces: Sequence[learning.Piece], styles: int) -> list[float]:
    """Notes in a bar of 4/4, of every style."""
    found = []
    for style in range(styles):
        own = [piece for piece in pieces if piece.style == style]
        notes, steps = sum(int((p.grid >= 0).sum()) for p in own), sum(p.grid.shape[1] for p in own)
        found.append(notes / max(1, steps) * STEPS_OF_BAR[0])
    return found


def spread(pieces: Sequence[learning.Piece], styles: int) -> list[float]:
    """Standard deviation of the logarithm of the notes in a bar, over the pieces of every style."""
    found = []
    for style in range(styles):
        notes = [np.log(np.mean(p.grid >= 0) + 1e-3) for p in pieces if p.style == style]
        found.append(round(float(np.std(notes)), 3) if notes else 0.0)
    return found


def textures(pieces: Sequence[learning.Piece], styles: int) -> list[dict[str, float]]:
    """Which voices play, and in what share of the pieces of every style; rare ones are left out."""
    found = []
    for style in range(styles):
        played = Counter(voices_of(p.grid) for p in pieces if p.style == style)
        common = {mask: count for mask, count in played.most_common() if mask and count >= RARE * played.total()}
        whole = sum(common.values())
        found.append({"+".join(voices_in(mask)): round(count / whole, 3) for mask, count in common.items()})
    return found


def voices_in(mask: int) -> list[str]:
    """Names of those whose bit is set."""
    return [voice for number, voice in enumerate(VOICES) if mask >> number & 1]


def main() -> None:
    """Train, and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--scores", type=Path, required=True, help="folder with the sets")
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--export", type=Path)
    options = parser.parse_args()
    device.set_threads(options.threads)
    parts = split(read(options.scores, GREEN))
    train, held_out = (learned(side, GREEN) for side in (parts.train, parts.held_out))
    torch.manual_seed(0)
    game = ScoreGame(ScoreNetwork(GREEN))
    game.network.usual.copy_(torch.tensor(usual(train, len(GREEN))))
    data, rest = ScoreData(train, len(GREEN)), ScoreData(held_out, len(GREEN), balance=1.0)
    print(f"{len(train)} pieces, {len(held_out)} held out, {len(data)} windows", flush=True)
    plan = Plan(options.steps, BATCH, precision=options.precision, threads=options.threads, device="cpu", clip=1.0)
    resume = (options.run / "config.json").exists()
    for report in fit(copy.deepcopy(game), data, plan, options.run, resume=resume, held_out=rest):
        if report.step % 100 == 0 or report.notes:
            terms = ", ".join(f"{name} {value:.3f}" for name, value in report.terms.items())
            print(f"{report.step}/{report.steps}: {terms}; {report.eta_seconds / 60:.0f} min left", *report.notes, flush=True)
    if options.export:
        export(game, train, rest, options)


def export(game: ScoreGame, train: Sequence[learning.Piece], held_out: ScoreData, options: argparse.Namespace) -> None:
    """Measure the network, and write it with its card."""
    network = finished(game, options.run)["network"]
    assert isinstance(network, ScoreNetwork)
    judged = ScoreGame(network)
    batches = [held_out.batch(indices, torch.Generator().manual_seed(0)) for indices in parts_of(len(held_out), 32)]
    probes = [judged.probe(batch) for batch in batches]
    scores = {f"held_out_{key}": round(sum(probe[key] for probe in probes) / len(probes), 4) for key in probes[0]}
    named = ScoreNetwork(**{**network.config, "styles": [NAMES.get(style, style) for style in GREEN]})
    named.load_state_dict(network.state_dict())
    card = {
        "recipe": f"recipes/composer.py: {options.steps:,} steps of {BATCH} windows of {learning.STEPS} sixteenths",
        "data": f"{CREDIT}: {len({piece.name for piece in held_out.pieces})} pieces held out",
        "licence": "CC BY 4.0",
        "scores": scores,
        "tempos": {NAMES.get(style, style): tempo for style, tempo in TEMPOS.items()},
        "spread": dict(zip(named.styles, spread(train, len(GREEN)), strict=True)),
        "textures": dict(zip(named.styles, textures(train, len(GREEN)), strict=True)),
        "meters": {"polish-dance": "3/4", "folk": "3/4"},
        "instruments": {NAMES.get(style, style): dict(zip(VOICES, band, strict=True)) for style, band in BANDS.items()},
    }
    weights.save(named.eval(), options.export / "scores.safetensors", card)


def parts_of(count: int, size: int) -> list[Indices]:
    """Indices in order, in parts."""
    return np.array_split(np.arange(count), -(-count // size))


if __name__ == "__main__":
    main()
