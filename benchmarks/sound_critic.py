"""Whether a critic of spectrograms makes instruments better: learning by ear goes on with it and without, for as many steps.

    python benchmarks/sound_critic.py run/ --soundfont FluidR3_GM.sf2 --steps 200 --seeds 1 2

`run/` is that of recipes/instruments.py; the trainings begin with the embedded instruments and stay in run/critic, so that what
is there is not repeated. Every second of the notes held out is played once by each, at the pitch measured of the original.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import report
import torch
from report import section, table
from torch import Tensor

from mapsto import weights
from mapsto.sound.analysis import RATE_HZ, onset
from mapsto.sound.instrument import Asked, Instruments
from mapsto.sound.spectrum import LSD_HOP, LSD_RANGE_DB, LSD_SIZE, log_spectral_distance, mel_matrix, stft
from mapsto.sound.timbre import TimbreVAE

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from instruments import HELD_SECONDS, PROGRAMS, QUIETEST_DB, gain_db, is_held_out, learned_by_ear, notes_of, taken_apart

Original = tuple[str, Asked, Tensor]
BANDS = 64


def originals(options: argparse.Namespace) -> list[Original]:
    """Every second held-out note of each instrument: who, what to play, and how it sounded."""
    found = []
    for name in PROGRAMS:
        data = taken_apart(name, options.soundfont, options.run)
        gain = 10 ** (gain_db(data) / 20)
        for row in np.nonzero([is_held_out(name, int(pitch)) for pitch in data["pitch"]])[0][1::2]:
            sound = data["sound"][row] * gain
            x = torch.tensor(sound[onset(sound) :]).float()
            if x.abs().max() >= 10 ** (QUIETEST_DB / 20):
                pitch = float(69 + 12 * np.log2(data["f0_hz"][row] / 440))
                found.append((name, Asked(pitch, HELD_SECONDS, data["velocity"][row] / 127, 1), x))
    return found


def in_bands_db(x: Tensor, target: Tensor) -> float:
    """As the log-spectral distance, over bands even on the mel scale: chance counts for less, for a band holds many bins."""
    mel = mel_matrix(LSD_SIZE, BANDS, RATE_HZ)
    mel = mel / mel.sum(1, keepdim=True).clamp_min(1e-9)
    levels = [10 * torch.log10(mel @ stft(each, LSD_SIZE, LSD_HOP)[0].square() + 1e-14) for each in (x, target)]
    found, wanted = (level.clamp_min(float(levels[1].max()) - LSD_RANGE_DB) for level in levels)
    return float((found - wanted).square().mean(0).sqrt().mean())


@torch.no_grad()
def measured(network: TimbreVAE, notes: Sequence[Original]) -> tuple[list[float], list[float]]:
    """Three distances in dB: medians over the medians of instruments, and means over these."""
    band, rows = Instruments(network), {name: [] for name in PROGRAMS}
    for name, asked, original in notes:
        made = band.notes(band.timbre(name), [asked])[0]
        size = min(len(made), len(original))
        both = made[None, :size], original[None, :size]
        plain, heard = (float(log_spectral_distance(*both, heard_only=only)) for only in (False, True))
        rows[name].append((plain, heard, in_bands_db(*both)))
    middles = [[statistics.median(column) for column in zip(*row, strict=True)] for row in rows.values() if row]
    columns = list(zip(*middles, strict=True))
    return [statistics.median(column) for column in columns], [statistics.fmean(column) for column in columns]


def parse() -> argparse.Namespace:
    """Options of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--out", type=Path, default=report.dated("sound-critic.md"))
    return parser.parse_args()


METHOD = """\
The embedded instruments go on learning by ear (`TimbreGame`, batches of 6 notes of 1.3 s), with the critic and without, from
the same weights and with the same batches. The critic looks through three windows (512, 1,024 and 2,048 samples), is paired
with the network relativistically, and learns alone for the first 15 % of the steps. LSD as in `benchmarks/instruments.py`; "in
bands" is the same over 64 bands of the mel scale. Medians over the instruments' medians, and means over these.
"""


def main() -> None:
    """Train what is missing, measure and write."""
    options = parse()
    torch.set_num_threads(1)
    notes, learned = originals(options), None
    rows = []
    for name, seed in [("before", 0), *((name, seed) for seed in options.seeds for name in ("plain", "adversarial"))]:
        network = weights.load("instruments", expect="TimbreVAE").requires_grad_(True)
        assert isinstance(network, TimbreVAE)
        if seed:
            learned = learned or notes_of(list(PROGRAMS), options.soundfont, options.run, held_out=False)
            place = options.run / "critic" / f"{name}-{seed}"
            adversarial = name == "adversarial"
            network = learned_by_ear(network, learned, place, steps=options.steps, seed=seed, adversarial=adversarial)
        medians, means = measured(network, notes)
        rows.append([name, seed or "", options.steps if seed else "", *(f"{value:.3f}" for value in (*medians, *means))])
        print(*rows[-1], flush=True)
    columns = (
        "",
        "seed",
        "steps",
        *(f"{what}, {of}" for of in ("median", "mean") for what in ("LSD", "heard only", "in bands")),
    )
    told = f"{len(notes)} held-out notes of {len(PROGRAMS)} instruments; dB, less is nearer.\n"
    parts = [report.heading("A critic of spectrograms, measured", ["instruments"])]
    report.write(options.out, [*parts, section("With it and without", METHOD, told, table(columns, rows))])


if __name__ == "__main__":
    main()
