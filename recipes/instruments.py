"""Trains the embedded instruments, a timbre VAE, and fits the nine drums, on notes of a soundfont rendered by FluidSynth.

    apt-get install -y fluid-soundfont-gm fluidsynth
    python recipes/instruments.py run/ --soundfont /usr/share/sounds/sf2/FluidR3_GM.sf2
    python recipes/instruments.py run/ --soundfont /usr/share/sounds/sf2/FluidR3_GM.sf2 --export src/mapsto/embedded

Every semitone of every instrument is rendered dry, in two of four velocities; every sixth is held out. A note is taken apart
into partials, noise and traits (mapsto.sound.analysis), the network learns those, and then learns by ear, from spectra of the
notes themselves (mapsto.learning.timbres), with --adversarial against a critic. Notes that are rendered and taken apart stay in
run/, as does the run folder of the training, run/ear, so that the same command goes on from there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from soundfont_notes import Asked, rendered
from torch import Tensor

from mapsto import weights
from mapsto.learning.fit import finished, fit
from mapsto.learning.plans import Plan
from mapsto.learning.timbres import NoteData, TimbreGame
from mapsto.sound import drums
from mapsto.sound.analysis import DETUNED, RATE_HZ, Parts, onset, take_apart
from mapsto.sound.critic import SpectrogramCritic
from mapsto.sound.drums import DrumKit
from mapsto.sound.instrument import Asked as Wanted
from mapsto.sound.instrument import Instruments
from mapsto.sound.learn import Notes, Step, learn_parts, timbre_of
from mapsto.sound.score import DRUMS
from mapsto.sound.spectrum import log_spectral_distance
from mapsto.sound.timbre import TimbreVAE, Traits, features_of, frequencies

PROGRAMS = {
    "accordion": (21, 50, 91),
    "bass": (32, 28, 60),
    "bassoon": (70, 34, 72),
    "celesta": (8, 60, 100),
    "cello": (42, 36, 76),
    "choir": (52, 43, 81),
    "clarinet": (71, 50, 91),
    "flute": (73, 60, 96),
    "guitar": (24, 40, 83),
    "harp": (46, 31, 98),
    "harpsichord": (6, 36, 86),
    "horn": (60, 36, 77),
    "marimba": (12, 45, 91),
    "oboe": (68, 58, 91),
    "organ": (19, 36, 91),
    "piano": (0, 28, 100),
    "recorder": (74, 67, 98),
    "saxophone": (65, 49, 81),
    "strings": (48, 36, 91),
    "trombone": (57, 40, 72),
    "trumpet": (56, 54, 86),
    "vibraphone": (11, 53, 89),
    "viola": (41, 48, 86),
    "violin": (40, 55, 98),
}
"""Instruments, their General MIDI programs counted from 0, and the lowest and highest pitch that is learned."""

VELOCITIES = (40, 76, 104, 122)
HELD_OUT_VELOCITIES = (64, 100)
HELD_SECONDS = 3.5
STRAIGHT_SECONDS = 3.4
LEVEL_DB = -20.0
"""Of the first second of an instrument's notes that are played at 95 to 110, the median."""

QUIETEST_DB = -75.0
"""Notes whose loudest partial is below it are beyond the instrument, and left out."""

TONES_HZ = {"kick": 150.0, "low tom": 160.0, "mid tom": 200.0, "high tom": 260.0}
"""Drums that are one falling tone below some frequency."""

DRUM_PEAK = 0.7
DRUM_VELOCITY = 115

DATA = "Notes rendered from the soundfont FluidR3 GM (Frank Wen and others, MIT licence)"
LICENCE = "Apache-2.0"


def is_held_out(name: str, pitch: int) -> bool:
    """Every sixth semitone, from the fourth of the instrument on."""
    return (pitch - PROGRAMS[name][1]) % 6 == 3


def wanted(name: str) -> list[Asked]:
    """The notes of an instrument: two velocities on every other semitone and on those held out, one between."""
    _, low, high = PROGRAMS[name]
    notes = []
    for pitch in range(low, high + 1):
        step = pitch - low
        played = [VELOCITIES[step % 4]] + ([VELOCITIES[(step + 2) % 4]] if step % 2 == 0 else [])
        chosen = HELD_OUT_VELOCITIES if is_held_out(name, pitch) else played
        notes += [Asked(pitch, velocity, HELD_SECONDS) for velocity in chosen]
    return notes


def taken_apart(name: str, soundfont: Path, run: Path) -> dict[str, NDArray[Any]]:
    """All notes of an instrument as rendered and as parts, from run/ where they are."""
    path = run / f"{name}.npz"
    if not path.exists():
        notes = wanted(name)
        sound = rendered(soundfont, PROGRAMS[name][0], notes)
        parts = [take_apart(x, 440 * 2 ** ((note.pitch - 69) / 12), HELD_SECONDS) for x, note in zip(sound, notes, strict=True)]
        told = [field.name for field in fields(Parts) if field.name not in ("straight", "detune_cents")]
        columns = {key: [getattr(part, key) for part in parts] for key in told}
        straight = np.stack([_fitted(part.straight) for part in parts])
        asked = {"pitch": [note.pitch for note in notes], "velocity": [note.velocity for note in notes]}
        np.savez(path, sound=sound, straight=straight, **asked, **{key: np.array(value) for key, value in columns.items()})
        print(f"{name}: {len(notes)} notes", flush=True)
    with np.load(path) as file:
        return dict(file)


def _fitted(x: NDArray[np.float64]) -> NDArray[np.float32]:
    size = round(STRAIGHT_SECONDS * RATE_HZ)
    return np.pad(x[:size], (0, max(0, size - len(x)))).astype(np.float32)


def gain_db(found: dict[str, NDArray[Any]]) -> float:
    """What brings an instrument to `LEVEL_DB`."""
    level = 10 * np.log10((found["straight"][:, :RATE_HZ] ** 2).mean(1) + 1e-12)
    return LEVEL_DB - float(np.median(level[(found["velocity"] >= 95) & (found["velocity"] <= 110)]))


def notes_of(names: list[str], soundfont: Path, run: Path, *, held_out: bool) -> Notes:
    """The notes to learn from, or those held out, of all instruments at one level."""
    rows = [_rows(number, taken_apart(name, soundfont, run), name, held_out) for number, name in enumerate(names)]
    columns = {key: torch.cat([row[key] for row in rows]) for key in rows[0]}
    traits = Traits(**{field.name: columns.pop(field.name) for field in fields(Traits)})
    hz = frequencies(columns["f0_hz"], traits.stiffness, traits.detune_cents)
    seen = features_of(columns["partials_db"], columns["noise_db"], hz)
    notes = Notes(**columns, traits=traits, features=seen)
    return notes[torch.nonzero(notes.partials_db.amax((1, 2)) > QUIETEST_DB)[:, 0]]


def _rows(number: int, found: dict[str, NDArray[Any]], name: str, held_out: bool) -> dict[str, Tensor]:
    """The columns of `Notes` for one instrument."""
    chosen = np.array([is_held_out(name, int(pitch)) == held_out for pitch in found["pitch"]])
    gain = gain_db(found)

    def column(key: str) -> Tensor:
        return torch.tensor(found[key][chosen]).float()

    count = int(chosen.sum())
    return {
        "who": torch.full((count,), number),
        "pitch": 69 + 12 * torch.log2(column("f0_hz") / 440),
        "velocity": column("velocity") / 127,
        "partials_db": column("partials_db") + gain,
        "noise_db": column("noise_db") + gain,
        "trusted": torch.tensor(found["trusted"][chosen]),
        "f0_hz": column("f0_hz"),
        "audio": (column("straight") * 10 ** (gain / 20)).half(),
        "seconds": torch.full((count,), STRAIGHT_SECONDS),
        "range": torch.tensor(PROGRAMS[name][1:]).float().expand(count, 2),
        "stiffness": column("stiffness"),
        "release": column("release_db_per_second"),
        "vibrato_cents": column("vibrato_cents"),
        "vibrato_hz": column("vibrato_hz"),
        "flutter_db": column("flutter_db"),
        "flutter_hz": column("flutter_hz"),
        "detune_cents": torch.zeros(count, DETUNED),
    }


def told(stage: str, steps: Iterator[Step], since: float) -> None:
    """Run a training to its end, with a line now and then."""
    for step in steps:
        if step.number % 100 == 0:
            terms = ", ".join(f"{name} {value:.3f}" for name, value in step.terms.items())
            print(f"{stage} {step.number}: {terms}; {(time.monotonic() - since) / 60:.1f} min", flush=True)


def learned_by_ear(model: TimbreVAE, notes: Notes, run: Path, *, steps: int, seed: int, adversarial: bool) -> TimbreVAE:
    """A network that has also learned by ear, in a run folder; what is there goes on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = SpectrogramCritic() if adversarial else None
    game = TimbreGame(model, notes, critic=critic)
    plan = Plan(steps=steps, batch=6, seed=seed, precision="fp32", device="cpu", threads=1, clip=1.0, ema=0.1)
    for report in fit(game, NoteData(notes), plan, run, resume=(run / "config.json").exists()):
        if report.step % 50 == 0:
            terms = ", ".join(f"{name} {value:.3f}" for name, value in report.terms.items())
            print(f"ear {report.step}: {terms}; {report.seconds / 60:.1f} min", flush=True)
    network = finished(game, run)["network"]
    assert isinstance(network, TimbreVAE)
    return network


@torch.no_grad()
def place(model: TimbreVAE, notes: Notes) -> None:
    """Set the timbre of every instrument: the mean of those of its notes."""
    for number in range(len(model.names)):
        mean, _ = timbre_of(model, notes[torch.nonzero(notes.who == number)[:, 0]])
        model.points[number] = mean.mean(0)


def held_out_distances(
    model: TimbreVAE, soundfont: Path, run: Path, *, heard_only: bool = False
) -> dict[str, tuple[float, float]]:
    """By instrument: medians over held-out notes of the log-spectral distance, and of the level above the original's in dB."""
    band = Instruments(model)
    found = {}
    for name in model.names:
        data = taken_apart(name, soundfont, run)
        gain = 10 ** (gain_db(data) / 20)
        rows = []
        for row in np.nonzero([is_held_out(name, int(pitch)) for pitch in data["pitch"]])[0]:
            original = torch.tensor(data["sound"][row, data["onset"][row] :] * gain).float()
            if original.abs().max() < 10 ** (QUIETEST_DB / 20):
                continue
            pitch = float(69 + 12 * np.log2(data["f0_hz"][row] / 440))
            note = band.notes(band.timbre(name), [Wanted(pitch, HELD_SECONDS, data["velocity"][row] / 127, 1)])[0]
            size = min(len(note), len(original))
            distance = log_spectral_distance(note[None, :size], original[None, :size], heard_only=heard_only)
            power = note[: 3 * RATE_HZ].square().mean() / original[: 3 * RATE_HZ].square().mean()
            rows.append((float(distance), float(10 * torch.log10(power))))
        found[name] = (float(np.median([a for a, _ in rows])), float(np.median([b for _, b in rows])))
    return found


def fitted_drums(soundfont: Path) -> DrumKit:
    """The nine drums of the standard kit."""
    kit = DrumKit(tuple(DRUMS))
    strokes = rendered(soundfont, 0, [Asked(pitch, DRUM_VELOCITY, 1.0) for pitch in DRUMS.values()], drums=True)
    loudest = np.abs(strokes).max()
    for drum, stroke in zip(DRUMS, strokes, strict=True):
        x = stroke[onset(stroke) :].astype(np.float64) / loudest * DRUM_PEAK
        drums.fit(kit, drum, x, tone_below_hz=TONES_HZ.get(drum, 0.0))
    return kit


def export(model: TimbreVAE, kit: DrumKit, options: argparse.Namespace, folder: Path) -> None:
    """Measure, and write both with their cards."""
    found = held_out_distances(model, options.soundfont, options.run)
    print(*(f"{name:12s} {lsd:5.1f} dB  level {level:+.1f} dB" for name, (lsd, level) in found.items()), sep="\n")
    scores = {
        "held_out_log_spectral_distance_db": {name: round(lsd, 1) for name, (lsd, _) in found.items()},
        "median_db": round(float(np.median([lsd for lsd, _ in found.values()])), 2),
    }
    steps = f"{options.steps[0]:,} steps on parts, {options.steps[1]:,} by ear"
    common = {"data": DATA, "licence": LICENCE}
    plays = {"plays": "notes of 24 instruments, and of any mixture of them", "scores": scores}
    weights.save(model, folder / "instruments.safetensors", {"recipe": f"recipes/instruments.py: {steps}", **plays, **common})
    story = {"recipe": "recipes/instruments.py: one stroke of each drum taken apart", "plays": "nine drums", "scores": {}}
    weights.save(kit, folder / "drums.safetensors", {**story, **common})


def parse() -> argparse.Namespace:
    """Options of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs=2, default=(10_000, 1200), metavar=("PARTS", "EAR"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adversarial", action="store_true", help="learn by ear against a critic of spectrograms")
    parser.add_argument("--export", type=Path, help="write the embedded weights into this folder when trained")
    return parser.parse_args()


def main() -> None:
    """Render, take apart, train; and export where asked."""
    options = parse()
    torch.set_num_threads(options.threads)
    options.run.mkdir(parents=True, exist_ok=True)
    names = list(PROGRAMS)
    notes = notes_of(names, options.soundfont, options.run, held_out=False)
    torch.manual_seed(options.seed)
    model, path = TimbreVAE(names), options.run / "parts.pt"
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True))
    else:
        light = replace(notes, audio=torch.zeros(len(notes), 1))  # so that a batch is quickly gathered
        told("parts", learn_parts(model, light, steps=options.steps[0], seed=options.seed, bf16=True), time.monotonic())
        place(model, notes)
        torch.save(model.state_dict(), path)
    ear = options.run / ("adversarial" if options.adversarial else "ear")
    model = learned_by_ear(model, notes, ear, steps=options.steps[1], seed=options.seed, adversarial=options.adversarial)
    if options.export:
        export(model.eval(), fitted_drums(options.soundfont), options, options.export)


if __name__ == "__main__":
    main()
