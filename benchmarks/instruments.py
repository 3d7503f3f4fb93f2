"""How near the embedded instruments come to the notes they were learned from, on pitches held out, and what playing costs.

    python benchmarks/instruments.py run/ --soundfont FluidR3_GM.sf2

`run/` is that of recipes/instruments.py; what is not in it is rendered and taken apart again. Beside the result stands a sheet
of spectrograms, for each of eight instruments: the original, ours, and the first fifth of a second of both. Nothing is chosen:
it is the middle one of the notes held out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import report
import torch
from report import Aim, section, table
from torch import Tensor

from mapsto.media.picture import Picture
from mapsto.sound import learn
from mapsto.sound.analysis import GRID_SECONDS, RATE_HZ, onset, take_apart
from mapsto.sound.drums import DrumKit
from mapsto.sound.instrument import Asked, Instruments
from mapsto.sound.loudness import loudness, true_peak_db
from mapsto.sound.render import render
from mapsto.sound.score import Meter, Score
from mapsto.sound.spectrum import log_spectral_distance, mel_matrix, spectrogram, stft

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from instruments import HELD_SECONDS, PROGRAMS, QUIETEST_DB, gain_db, is_held_out, notes_of, taken_apart

SHEET = ("piano", "violin", "cello", "flute", "clarinet", "trumpet", "accordion", "guitar")
NEAR = 44
"""Samples of a millisecond."""

ELSEWHERE = 20
"""Places in a note at which nothing happens."""

MORPHS = (("flute", "trumpet"), ("piano", "organ"), ("violin", "clarinet"), ("harpsichord", "choir"))
BANDS = {
    "winds": ("cello", "bassoon", "clarinet", "flute"),
    "strings": ("cello", "viola", "violin", "violin"),
    "piano": ("piano",) * 4,
}


@dataclass(frozen=True)
class Compared:
    """One held-out note: the original from its onset, ours, what was asked, and how far our noise is above the original's."""

    original: Tensor
    ours: Tensor
    asked: Asked
    noise_above_db: float

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        """Ours and the original, [1, N] each."""
        size = min(len(self.ours), len(self.original))
        return self.ours[None, :size], self.original[None, :size]


def compared(name: str, band: Instruments, options: argparse.Namespace) -> list[Compared]:
    """All held-out notes of an instrument; those that the soundfont leaves silent are left out."""
    data = taken_apart(name, options.soundfont, options.run)
    gain = 10 ** (gain_db(data) / 20)
    found = []
    for row in np.nonzero([is_held_out(name, int(pitch)) for pitch in data["pitch"]])[0]:
        sound = data["sound"][row] * gain
        original = torch.tensor(sound[onset(sound) :]).float()
        if original.abs().max() < 10 ** (QUIETEST_DB / 20):
            continue
        pitch = float(69 + 12 * np.log2(data["f0_hz"][row] / 440))
        asked = Asked(pitch, HELD_SECONDS, data["velocity"][row] / 127, 1)
        ours = band.notes(band.timbre(name), [asked])[0]
        parts = take_apart(ours.double().numpy(), float(data["f0_hz"][row]), HELD_SECONDS)
        known = parts.trusted & data["trusted"][row]
        noise = [np.maximum(each[known], -100) for each in (parts.noise_db, data["noise_db"][row] + gain_db(data))]
        found.append(Compared(original, ours, asked, float(np.median(noise[0] - noise[1]))))
    return found


def ceiling(name: str, options: argparse.Namespace) -> float:
    """The distance when a note is made of its own parts: what no network can beat but by luck."""
    notes = notes_of([name], options.soundfont, options.run, held_out=True)
    times = torch.tensor(GRID_SECONDS[: notes.partials_db.shape[1]]).float()
    size = notes.audio.shape[1] // 128 * 128
    made = learn.sounded(notes.partials_db, notes.noise_db, times, notes.hz, size, torch.Generator().manual_seed(0))
    return float(log_spectral_distance(made, notes.audio[:, :size].float()).median())


def attack_ms(x: Tensor, share: float) -> float:
    """From a tenth to a share of the highest level, of 3 ms, that is reached in the first half second."""
    power = torch.nn.functional.avg_pool1d(x[None, None, : RATE_HZ // 2].square(), 132, 11)[0, 0].sqrt()
    top = power.max()
    first, last = (int((power > part * top).float().argmax()) for part in (0.1, share))
    return (last - first) * 11 / RATE_HZ * 1000


def step_db(x: Tensor, at: int) -> float:
    """The largest step of a sample within 1 ms of a place, beside those of the 40 ms before, or after the start."""
    steps = x.diff().abs()
    low, high, far = max(0, at - NEAR), at + NEAR, round(0.04 * RATE_HZ)
    around = steps[max(0, low - far) : low] if low else steps[high : high + far]
    return float(20 * torch.log10((steps[low:high].max() + 1e-9) / (around.max() + 1e-9)))


@dataclass(frozen=True)
class Ends:
    """Steps in dB, see `step_db`: in the first millisecond, where a note is let go, elsewhere, and where it is cut off."""

    begin: float
    let_go: float
    elsewhere: float
    cut: float


def ends(x: Tensor) -> Ends:
    """Of a note of `HELD_SECONDS`; elsewhere is the largest of `ELSEWHERE` places while it is held."""
    at = round(HELD_SECONDS * RATE_HZ)
    places = torch.linspace(0.3, HELD_SECONDS - 0.1, ELSEWHERE) * RATE_HZ
    cut = x.clone()
    cut[at:] = 0
    return Ends(step_db(x, 0), step_db(x, at), max(step_db(x, int(place)) for place in places), step_db(cut, at))


def after_db(x: Tensor) -> float:
    """The level of the last 20 ms, beside that of the first second."""
    return float(10 * torch.log10((x[-882:].square().mean() + 1e-14) / x[:RATE_HZ].square().mean()))


def measured(name: str, band: Instruments, options: argparse.Namespace) -> tuple[list[object], list[Compared]]:
    """A row of the table, and the notes it was measured on."""
    found = compared(name, band, options)
    rows = []
    for one in found:
        ours, original = one.both
        rows.append(
            (
                float(log_spectral_distance(ours, original)),
                float(log_spectral_distance(ours, original, heard_only=True)),
                float(10 * torch.log10(ours[:, : 3 * RATE_HZ].square().mean() / original[:, : 3 * RATE_HZ].square().mean())),
                *(attack_ms(x, share) for share in (0.5, 0.9) for x in (one.original, one.ours)),
                one.noise_above_db,
                after_db(one.ours),
                log_spectral_distance(again(name, one, band), ours).item(),
            )
        )
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    steps = [ends(one.ours) for one in found]
    worst = [max(getattr(step, what) for step in steps) for what in ("begin", "let_go", "elsewhere")]
    cut = statistics.median(step.cut for step in steps)
    distances = [middle[0], middle[1], ceiling(name, options), middle[9]]
    return [name, len(rows), *distances, *middle[2:8], *worst, cut, middle[8]], found


def again(name: str, one: Compared, band: Instruments) -> Tensor:
    """[1, N] the same note, drawn once more."""
    drawn = band.notes(band.timbre(name), [replace(one.asked, seed=2)])[0]
    return drawn[None, : min(len(one.ours), len(one.original))]


def chorale(bars: int = 16) -> Score:
    """Four voices in eighths and quarters, by arithmetic: nothing repeats exactly."""
    steps, scale = 16 * bars, (0, 2, 4, 5, 7, 9, 11)
    grid = np.full((4, steps), -2)
    for voice, (lowest, length) in enumerate(((36, 4), (48, 4), (55, 2), (67, 2))):
        for number, step in enumerate(range(0, steps, length)):
            degree = (number * (3 + voice) + number * number // 5 + 2 * voice) % 9
            grid[voice, step] = lowest + 12 * (degree // 7) + scale[degree % 7]
    return Score.of_grid(grid, Meter(4, 4), tempo_bpm=96)


def played(band: Instruments) -> list[tuple[str, float, float, float]]:
    """By band: CPU-seconds for a second of sound, loudness and true peak; the median of three rounds."""
    score, found = chorale(), []
    kit = DrumKit.from_pretrained()
    for name, players in BANDS.items():
        cast = {track.name: player for track, player in zip(score.tracks, players, strict=True)}
        taken = []
        for _ in range(3):
            start = time.process_time()
            sound = render(score, cast, band=band, kit=kit)
            taken.append((time.process_time() - start) / score.seconds)
        found.append((name, statistics.median(taken), loudness(sound), true_peak_db(sound)))
    return found


def evenness(band: Instruments, first: str, last: str, *, even: bool) -> float:
    """The largest of twelve steps of a morph of six seconds over their mean, by the ear of a mel spectrogram in dB."""
    timbres = [band.timbre(first), band.timbre(last)]
    way = band.between(timbres) if even else lambda t: torch.lerp(timbres[0], timbres[1], t)
    note = band.morph(way, Asked(60.0, 7.5))[round(1.4 * RATE_HZ) :]  # after the attack, which changes by itself
    mel = mel_matrix(2048, 64, RATE_HZ)
    level = 10 * torch.log10(mel @ stft(note[None, : 6 * RATE_HZ], 2048)[0].square() + 1e-9)
    parts = torch.stack([part.mean(1) for part in level.clamp_min(float(level.max()) - 70).chunk(13, 1)])
    steps = (parts[1:] - parts[:-1]).square().mean(1).sqrt()
    return float(steps.max() / steps.mean())


def sheet(found: dict[str, list[Compared]], out: Path) -> None:
    """Original, ours, and both attacks, for each of some instruments."""
    rows = []
    for notes in found.values():
        one = notes[len(notes) // 2]
        whole = [spectrogram(x[: 4 * RATE_HZ], RATE_HZ, columns=400) for x in (one.original, _padded(one.ours, 4 * RATE_HZ))]
        begins = [
            spectrogram(_padded(x[: RATE_HZ // 5], RATE_HZ // 4, 900), RATE_HZ, columns=160) for x in (one.original, one.ours)
        ]
        rows.append(torch.cat([*whole, *begins], 2))
    page = torch.cat(rows, 1)
    Picture((page.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()).save(out, quality=85)


def _padded(x: Tensor, size: int, before: int = 0) -> Tensor:
    return torch.nn.functional.pad(x, (before, max(0, size - before - len(x))))[:size]


def aims(rows: list[list[object]], costs: list[tuple[str, float, float, float]], even: list[float]) -> list[Aim]:
    """What was to be reached."""

    def column(number: int, *names: str) -> list[float]:
        return [float(row[number]) for row in rows if not names or row[0] in names]  # type: ignore[arg-type]

    lsd = statistics.median(column(2))
    noise = max(column(11, "piano", "violin", "viola", "cello", "strings"))
    after = max(column(16, "piano", "violin", "viola", "cello", "strings"))
    begin, let_go, elsewhere = (max(column(number)) for number in (12, 13, 14))
    cost, peak = max(c for _, c, _, _ in costs), max(p for _, _, _, p in costs)
    loud = max(abs(found + 16) for _, _, found, _ in costs)
    return [
        Aim("instruments", "≥ 12", str(len(rows)), len(rows) >= 12),
        Aim("log-spectral distance, held out", "≤ 8 dB, median", f"{lsd:.1f} dB", lsd <= 8),
        Aim("noise of piano and strings above the original's", "≤ 3 dB", f"{noise:+.1f} dB, worst", noise <= 3),
        Aim("level after a note of piano or strings", "≤ −50 dB", f"{after:.0f} dB, worst", after <= -50),
        Aim("largest step in the first millisecond", "≤ 0 dB", f"{begin:+.1f} dB, worst", begin <= 0),
        Aim("where a note is let go", f"≤ {elsewhere:+.1f} dB, as elsewhere", f"{let_go:+.1f} dB, worst", let_go <= elsewhere),
        Aim("real-time factor, 16 bars in four voices", "≤ 0.2", f"{cost:.2f}, worst band", cost <= 0.2),
        Aim("true peak", "≤ −1 dBFS", f"{peak:.2f} dBFS", peak <= -1),
        Aim("loudness", "−16 ± 0.5 LUFS", f"{loud:.2f} LU off at most", loud <= 0.5),
        Aim("largest step of a morph over the mean", "≤ 2", f"{max(even):.2f}, worst of {len(even)}", max(even) <= 2),
    ]


def parse() -> argparse.Namespace:
    """Options of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=report.dated("instruments.md"))
    return parser.parse_args()


COLUMNS = (
    "instrument",
    "notes",
    "LSD, dB",
    "heard only",
    "own parts",
    "ours twice",
    "level, dB",
    "attack to half: original, ms",
    "ours",
    "to 90 %: original, ms",
    "ours",
    "noise above original, dB",
    "first step, dB",
    "let go",
    "elsewhere",
    "cut",
    "after the note, dB",
)

METHOD = """\
LSD: log-spectral distance, windows of 2,048 samples, 512 apart, both sounds ending 80 dB below the loudest point of the
original; the median over all held-out notes (every sixth semitone, at velocities 64 and 100, which no other note has), each
played at the pitch measured of the original, vibrato and phases as they come. Silence that both share counts in it; "heard
only" leaves it out. "Own parts" is the LSD of the notes made of their own measured parts; "ours twice" that of two draws of our
own note, which nothing but chance parts: two draws of one noise are 7.9 dB apart, so that where a bow or two reeds make every
partial waver, that is most of the distance.

Attacks: from a tenth of the highest level of the first half second to half of it, and to 90 %. The second is often decided by
which of several swings of a note that has begun long ago is the highest.

Steps: the largest difference of two samples within 1 ms of a place, beside the largest in the 40 ms before it, worst of all
notes: where the note is let go, and at 20 other places of the same notes, where nothing happens; in the first millisecond,
beside the 40 ms after it. A click stands out against the note at that time, so letting go would be above elsewhere. "Cut" is
what is measured where the same note is cut off instead, the median.
"""


def main() -> None:
    """Measure and write."""
    options = parse()
    torch.set_num_threads(1)
    band = Instruments.from_pretrained()
    rows, shown = [], {}
    for name in PROGRAMS:
        row, found = measured(name, band, options)
        print(*row, flush=True)
        rows.append(row)
        if name in SHEET:
            shown[name] = found
    sheet(shown, options.out.with_suffix(".jpg"))
    costs = played(band)
    ways = [(f"{a} to {b}", evenness(band, a, b, even=True), evenness(band, a, b, even=False)) for a, b in MORPHS]
    shapes = [[value if isinstance(value, (str, int)) else f"{value:.1f}" for value in row] for row in rows]
    parts = [
        report.heading("Instruments, measured", ["instruments", "drums"]),
        section("Aims", report.aims(aims(rows, costs, [way[1] for way in ways]))),
        section("Held-out notes", METHOD, table(COLUMNS, shapes), f"{', '.join(shown)}: `{options.out.stem}.jpg`.\n"),
        section(
            "Sixteen bars in four voices",
            table(
                ("band", "CPU-seconds a second", "LUFS", "true peak, dBFS"),
                [(name, f"{cost:.3f}", f"{lufs:.2f}", f"{peak:.2f}") for name, cost, lufs, peak in costs],
            ),
        ),
        section(
            "Morphs of six seconds, largest of twelve steps over the mean",
            table(("way", "at an even pace", "straight"), [(name, f"{a:.2f}", f"{b:.2f}") for name, a, b in ways]),
        ),
    ]
    report.write(options.out, parts)


if __name__ == "__main__":
    main()
