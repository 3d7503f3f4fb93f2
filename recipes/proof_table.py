"""The table of adapt_proof.py: every way to learn, by number of pictures, means over seeds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import torch

from mapsto import device

FIGURES = ("kd", "fd", "precision", "recall", "nearest")
"""Of learning/distances.py: the first two are better when lower, the others when higher."""

COLUMNS = ("way", *FIGURES, "pictures seen", "of these before", "minutes")

DEFAULT = "+ L2-SP"
"""What `mapsto adapt` does."""

Row = dict[str, Any]


def slug(name: str) -> str:
    """A name for files."""
    return name.replace("+", "plus").replace(",", "").replace(" ", "-").lower()


def document(rows: Sequence[Row], options: argparse.Namespace) -> str:
    """proof.md: what was done, and a table for each count; the first row is the start."""
    start, learned = rows[0], rows[1:]
    what = f"{options.model}, its {options.kind}" if not options.quick else f"a toy {options.kind}, to test the recipe"
    head = [f"# Adapting {what}", "", conditions(start, options)]
    parts = [section(count, start, [row for row in learned if row["count"] == count]) for count in options.counts]
    return "\n".join([*head, *(line for part in parts for line in part), ""])


def conditions(start: Row, options: argparse.Namespace) -> str:
    """How it was measured."""
    floor = ", ".join(f"{name} {value:.1f}" for name, value in start["floor"].items())
    critic = " The critic began at random in all of them." if options.kind == "gan" and options.critic is None else ""
    return (
        f"{options.steps} steps of {options.batch} pictures; {options.seeds} seeds, ± is their standard deviation. "
        f"Measured on {options.held_out} pictures held out, with features-s; between halves of these: {floor}. "
        f"{device.name(device.pick(options.device))}, PyTorch {torch.__version__}. "
        f"L2-SP {options.strength:g}, EWC {options.ewc:g}. "
        "kd and fd are better when lower, the others when higher; nearest far below 1 means copies." + critic
    )


def section(count: int, start: Row, rows: Sequence[Row]) -> list[str]:
    """The table for one count, and what the default came to."""
    names = list(dict.fromkeys(row["arm"] for row in rows))
    lines = ["", f"## {count} pictures", "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", line("start", [start])]
    lines += [line(name, [row for row in rows if row["arm"] == name]) for name in names]
    return [*lines, "", outcome(rows, names)]


def line(name: str, rows: Sequence[Row]) -> str:
    """Means over seeds."""
    cells = [spread([row["figures"][figure] for row in rows if figure in row["figures"]]) for figure in FIGURES]
    seen, before = rows[0].get("images", 0) + rows[0]["seen"], rows[0]["seen"]
    minutes = mean(row.get("seconds", 0.0) for row in rows) / 60
    return f"| {name} | {' | '.join(cells)} | {seen:,} | {before:,} | {minutes:.1f} |"


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation."""
    if not values:
        return ""
    return f"{mean(values):.3g} ± {stdev(values):.2g}" if len(values) > 1 else f"{values[0]:.3g}"


def outcome(rows: Sequence[Row], names: Sequence[str]) -> str:
    """How often the default was nearer than each of the others, seed by seed."""
    by = {(row["arm"], row["seed"]): row["figures"]["kd"] for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    others = [name for name in names if name != DEFAULT]
    wins = [f"{name} {sum(by[DEFAULT, s] < by[name, s] for s in seeds)} of {len(seeds)}" for name in others]
    return f"{DEFAULT} has the lower kd than: {'; '.join(wins)}."
