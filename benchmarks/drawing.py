"""How good the embedded models that draw are, on pictures they have not learned from, and what a picture costs.

    python benchmarks/drawing.py portrait=kaokore.zip pixel-art=crawl.zip

The pictures are those of recipes/image_models.py, which holds 1,000 of each out. Beside the result stand sheets of seeds 0 to
63, in order, as varied as the training pictures (truncation 1) and calmer (0.8). Nothing is chosen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import report
import torch
from report import Aim, section, table

from mapsto import Generator, Picture
from mapsto.cli.sheet import on_sheet, sheet_of
from mapsto.learning.appraisal import appraise
from mapsto.learning.evaluation import GAUSSIAN, RECONSTRUCTIONS, SAMPLES, Evaluation, Row

sys.path.insert(0, str(report.HERE.parent / "recipes"))

from image_models import HELD_OUT, KINDS, pictures

SHEET = 64
TRUNCATIONS = (1.0, 0.8)


@dataclass(frozen=True)
class Measured:
    """One model: its evaluation by every prior, and CPU-seconds a picture by prior and batch."""

    name: str
    found: dict[str, Evaluation]
    costs: dict[tuple[str, int], float]

    @property
    def best(self) -> Evaluation:
        """By the prior that `generate` uses."""
        return next(iter(self.found.values()))

    def row(self, name: str) -> Row:
        """Of the best."""
        row = self.best.row(name)
        assert row is not None
        return row


def measured(name: str, source: Path, options: argparse.Namespace) -> Measured:
    """One model on its own pictures."""
    generator = Generator.from_pretrained(name, device="cpu", precision="fp32")
    train, held_out = pictures(KINDS[name], source)
    priors = [prior for prior in generator.model.priors if prior != "gaussian"]
    found = {prior: appraise(generator, held_out, train, prior=prior, count=HELD_OUT) for prior in priors}
    costs = {
        (prior, count): seconds(Generator.from_pretrained(name, device="cpu"), prior, count)
        for prior in generator.model.priors
        for count in (1, 16)
    }
    for truncation in TRUNCATIONS:
        sheet(generator, truncation).save(beside(options.out, name, truncation), quality=85)
    return Measured(name, found, costs)


def seconds(generator: Generator, prior: str, count: int, rounds: int = 5) -> float:
    """CPU-seconds a picture, the median of some rounds after one that does not count."""
    taken = []
    for number in range(rounds + 1):
        start = time.process_time()
        generator(count, seed=number * count, prior=prior)
        taken.append((time.process_time() - start) / count)
    return statistics.median(taken[1:])


def sheet(generator: Generator, truncation: float) -> Picture:
    """Seeds 0 to 63."""
    drawn = generator(SHEET, truncation=truncation)
    return sheet_of([(str(seed), on_sheet(picture)) for seed, picture in enumerate(drawn)], 16)


def beside(out: Path, name: str, truncation: float) -> Path:
    """The file of a sheet."""
    return out.with_name(f"{out.stem}-{name}-{truncation:g}.jpg")


def aims(one: Measured) -> list[Aim]:
    """What was to be reached."""
    samples, rebuilt, plain = (one.row(name) for name in (SAMPLES, RECONSTRUCTIONS, GAUSSIAN))
    blurred = one.row("blurred ½")
    best = one.best
    assert best.psnr_db is not None
    assert best.psnr_pooled_db is not None
    assert best.nearest is not None
    ratio, half = samples.fd / rebuilt.fd, samples.fd / plain.fd
    decibels = f"{best.psnr_db:.1f} dB, mean of pictures ({best.psnr_pooled_db:.1f} pooled)"
    return [
        Aim(f"{one.name}: reconstruction of held-out pictures", "≥ 26 dB", decibels, best.psnr_db >= 26),
        Aim(
            f"{one.name}: fd of reconstructions",
            f"≤ {blurred.fd:.0f}, blurred ½",
            f"{rebuilt.fd:.1f}",
            rebuilt.fd <= blurred.fd,
        ),
        Aim(f"{one.name}: fd of samples over reconstructions'", "≤ 1.5", f"{ratio:.2f}", ratio <= 1.5),
        Aim(f"{one.name}: fd of samples over the Gaussian's", "< 0.5", f"{half:.2f}", half < 0.5),
        Aim(f"{one.name}: recall", "≥ 0.10", f"{samples.recall:.2f}", samples.recall >= 0.10),
        Aim(f"{one.name}: nearest training picture", "≥ 0.95 of held-out's", f"{best.nearest:.2f}", best.nearest >= 0.95),
    ]


def told(one: Measured, options: argparse.Namespace) -> str:
    """A section of the result."""
    reports = [f"By the {prior}:\n\n```\n{found.text()}\n```\n" for prior, found in one.found.items()]
    rows = [(prior, count, f"{1000 * cost:.0f}") for (prior, count), cost in one.costs.items()]
    costs = table(("prior", "pictures at a time", "CPU-milliseconds a picture"), rows)
    sheets = [f"![Seeds 0 to 63, truncation {t:g}]({beside(options.out, one.name, t).name})\n" for t in TRUNCATIONS]
    return section(one.name, *reports, costs, *sheets)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=PICTURES")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=report.dated("drawing.md"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    asked = dict(model.split("=", 1) for model in options.models)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    every = [measured(name, Path(source), options) for name, source in asked.items()]
    reached = [aim for one in every for aim in aims(one)]
    heading = report.heading("Models that draw, measured", list(asked))
    report.write(options.out, [heading, section("Aims", report.aims(reached)), *(told(one, options) for one in every)])


if __name__ == "__main__":
    main()
