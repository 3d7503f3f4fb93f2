"""The report on a generator: its figures, as a table, as JSON, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mapsto.learning.ladder import BLURRED, FLOOR

FEATURES = "features-s"
"""Of which network: figures from different ones do not compare."""

SAMPLES, GAUSSIAN, RECONSTRUCTIONS = "samples", "Gaussian", "reconstructions"

CHANCE = 0.01
"""Of `copied`: what new pictures give."""

LEAST_RECALL = 0.10
ROUGH = 200
"""Pictures below which figures are rough."""


@dataclass(frozen=True)
class Row:
    """One set of pictures against real ones.

    Args:
        name: Of the set.
        fd: Fréchet distance; see distances.py for these five.
        kd: Kernel distance.
        kd_error: Its standard error.
        precision: Share of the set that is within reach of the real.
        recall: Share of the real that is within reach of the set.
        rung: Whether it belongs to the ladder.
    """

    name: str
    fd: float
    kd: float
    kd_error: float
    precision: float
    recall: float
    rung: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Args:
        rows: What was asked for, then the ladder.
        count: Pictures of every set.
        size: Height and width in pixels.
        seed: Of the ladder's random faults.
        psnr_db: Of the reconstructions of held-out pictures, the mean over pictures; None without any.
        psnr_pooled_db: The same from the mean square error over all of them, which the worst decide.
        nearest: See `nearest_ratio`; None without samples or without a training set.
        copied: See there; 0.01 is chance. None as above.
        path_length: See there; None without a way.
        path_length_error: Its standard error.
    """

    rows: tuple[Row, ...]
    count: int
    size: tuple[int, int]
    seed: int
    psnr_db: float | None = None
    psnr_pooled_db: float | None = None
    nearest: float | None = None
    copied: float | None = None
    path_length: float | None = None
    path_length_error: float | None = None

    def row(self, name: str) -> Row | None:
        """By its name, if it was measured."""
        return next((row for row in self.rows if row.name == name), None)

    def ladder(self) -> tuple[Row, ...]:
        """The rungs alone, as they were made."""
        return tuple(row for row in self.rows if row.rung)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` is the way back."""
        return {"features": FEATURES, **asdict(self), "rows": [asdict(row) for row in self.rows], "size": list(self.size)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Evaluation:
        """What `to_json` gave."""
        facts = {name: value for name, value in said.items() if name != "features"}
        height, width = facts["size"]
        return cls(**{**facts, "rows": tuple(Row(**row) for row in facts["rows"]), "size": (height, width)})

    def notes(self) -> tuple[str, ...]:
        """What it means, in sentences."""
        return tuple(_notes(self))

    def text(self) -> str:
        """For a terminal: the table, the other figures, and what they mean."""
        return "\n".join([*_table(self), "", *_figures(self), *_notes(self)])


def _table(found: Evaluation) -> Iterator[str]:
    width = max(len(row.name) for row in found.rows)
    yield f"{'':{width}}  {'fd':>8}  {'kd':>8} {'±':>6}  precision  recall"
    previous = False
    for row in found.rows:
        if row.rung and not previous:
            yield f"{'the ladder':-<{width}}"
        previous = row.rung
        figures = f"{row.fd:8.1f}  {row.kd:8.1f} {row.kd_error:6.1f}  {row.precision:9.2f}  {row.recall:6.2f}"
        yield f"{row.name:{width}}  {figures}"


def _figures(found: Evaluation) -> Iterator[str]:
    height, width = found.size
    yield f"{found.count} pictures in each set, {width} × {height} px, features of {FEATURES}; not comparable with FID."
    if found.psnr_db is not None:
        pooled = "" if found.psnr_pooled_db is None else f", {found.psnr_pooled_db:.1f} dB from the mean square error over all"
        yield f"Reconstructions of held-out pictures: {found.psnr_db:.1f} dB on average{pooled}."
    if found.nearest is not None and found.copied is not None:
        yield f"The nearest training picture is {found.nearest:.2f} × as far from samples as from held-out pictures."
        yield f"{found.copied:.1%} of the samples are very near to one; chance is {CHANCE:.0%}."
    if found.path_length is not None and found.path_length_error is not None:
        yield f"Path length: {found.path_length:.1f} ± {found.path_length_error:.1f}."


def _notes(found: Evaluation) -> Iterator[str]:
    yield from _places(found)
    samples, gaussian = found.row(SAMPLES), found.row(GAUSSIAN)
    if samples and gaussian and samples.fd >= gaussian.fd:
        yield "They do not beat a Gaussian: this prior has learned nothing yet."
    if samples and samples.recall < LEAST_RECALL:
        yield f"Only {samples.recall:.0%} of the real pictures are like any sample: few kinds are drawn, or none well."
    yield from _copies(found)
    rungs = found.ladder()
    if rungs and min(row.fd for row in rungs[1:]) <= rungs[0].fd:
        yield "The ladder is out of order: these pictures are too few, or too plain, for these figures to tell."
    elif found.count < ROUGH:
        yield f"{found.count} pictures give rough figures; hold out more."


def _places(found: Evaluation) -> Iterator[str]:
    rungs = found.ladder()
    if samples := found.row(SAMPLES):
        yield f"The samples stand {_place(samples, rungs)}."
    if rebuilt := found.row(RECONSTRUCTIONS):  # softness is what they suffer from
        yield f"The reconstructions stand {_place(rebuilt, tuple(row for row in rungs if row.name in (FLOOR, *BLURRED)))}."


def _copies(found: Evaluation) -> Iterator[str]:
    """Words only where chance hardly reaches: medians of few pictures differ, and the rarest of few is not rare."""
    if found.nearest is None or found.copied is None:
        return
    if found.nearest < 1 - max(0.05, found.count**-0.5):
        yield "Samples lie nearer to the training than held-out pictures do: it is repeated, or only its commonest kinds drawn."
    elif found.copied > CHANCE + 3 * (2 * CHANCE * (1 - CHANCE) / found.count) ** 0.5 + 3 / found.count:
        yield f"{found.copied:.0%} of the samples lie very near to a picture of the training: look at them for copies."


def _place(row: Row, rungs: tuple[Row, ...]) -> str:
    """Between which rungs a row's distance lies."""
    ordered = sorted(rungs, key=lambda rung: rung.fd)
    below = [rung for rung in ordered if rung.fd < row.fd]
    above = [rung for rung in ordered if rung.fd >= row.fd]
    if not below:
        return f"at {row.fd:.1f}, as near as “{above[0].name}” ({above[0].fd:.1f})"
    if not above:
        return f"at {row.fd:.1f}, beyond “{below[-1].name}” ({below[-1].fd:.1f})"
    return f"at {row.fd:.1f}, between “{below[-1].name}” ({below[-1].fd:.1f}) and “{above[0].name}” ({above[0].fd:.1f})"
