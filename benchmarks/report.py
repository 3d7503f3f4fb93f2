"""What every benchmark says about itself, and how its figures are written down. Imports nothing heavy."""

from __future__ import annotations

import datetime
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from mapsto import device

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

SIZES = {"256²": (256, 256), "512²": (512, 512), "1024²": (1024, 1024), "12 Mpx": (3000, 4000)}
"""Height and width in pixels."""


class Aim(NamedTuple):
    """Something to reach: what, the bar, what was measured, and whether that is enough."""

    what: str
    bar: str
    measured: str
    reached: bool


def dated(name: str) -> Path:
    """The file in benchmarks/results for today."""
    return RESULTS / f"{datetime.date.today():%Y-%m-%d}-{name}"


def heading(title: str, weights: Iterable[str]) -> str:
    """Title, command, machine, versions, commit and weights."""
    lines = {
        "command": f"`python {_shown(sys.argv)}`",
        "machine": f"{_processor()}, {device.cores()} core(s) allowed, {platform.system()}",
        "versions": f"Python {platform.python_version()}, " + ", ".join(_versions("torch", "numpy", "pillow", "openvino")),
        "commit": _commit(),
        "weights": "; ".join(_digest(name) for name in weights),
        "date": f"{datetime.date.today():%Y-%m-%d}",
    }
    return f"# {title}\n\n" + "".join(f"- {key}: {value}\n" for key, value in lines.items())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    rules = ["---", *["---:"] * (len(columns) - 1)]
    lines = [columns, rules, *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section(title: str, *parts: str) -> str:
    """A heading of the second level and what belongs to it, paragraphs apart."""
    return f"\n## {title}\n\n" + "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def aims(found: Sequence[Aim]) -> str:
    """What was to be reached, and whether it was."""
    return table(
        ("aim", "bar", "measured", "reached"), [(a.what, a.bar, a.measured, "yes" if a.reached else "**no**") for a in found]
    )


def write(path: Path, parts: Iterable[str]) -> None:
    """Write the result and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(parts), encoding="utf-8")
    print(path)


def _shown(arguments: Sequence[str]) -> str:
    """The command with the folders that lie outside the project cut to their last part."""
    words = []
    for word in arguments[1:]:
        name, equals, place = word.rpartition("=")
        words.append(f"{name}{equals}…/{Path(place).name}" if Path(place).is_absolute() else word)
    return " ".join([f"benchmarks/{Path(arguments[0]).name}", *words])


def _processor() -> str:
    import torch

    return device.name(torch.device("cpu"))


def _versions(*packages: str) -> list[str]:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return found


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "../src")
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{', src changed since' if changed else ''}"


def _digest(name: str) -> str:
    from mapsto import weights

    return f"{name} {weights.digest(name)[:12]}"
