"""How fast, how large and how cold: `mapsto style` in figures.

    python benchmarks/style.py                  # everything but the 100-megapixel run, about 15 minutes on one core
    python benchmarks/style.py --huge           # with it
    python benchmarks/style.py --only network   # one part: commands, memory, network, tiles

Times are CPU-seconds of one thread (median), but for commands, whose time is what the clock on the wall says. The machine's own
peak is the best of square matrix products and of the network's own convolution shapes, per number type, in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import report
from PIL import Image
from report import SIZES, Aim, section, table

if TYPE_CHECKING:
    from torch import Tensor


HUGE = (8400, 12000)
STYLE = "starry-night"
PARTS = ("commands", "memory", "network", "tiles")


# ---- what commands cost; measured before torch is imported, since a child inherits its parent's peak ------------------------


class Cost(NamedTuple):
    """Of one command: seconds on the wall, CPU-seconds, and peak memory in GB."""

    wall: float
    cpu: float
    gigabytes: float


def run(*arguments: str) -> Cost:
    """Run a Python command to its end.

    Raises:
        RuntimeError: it failed.
    """
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {child.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e9)


def mapsto(*arguments: str) -> Cost:
    """`mapsto ARGUMENTS`, as a process of its own."""
    return run("-m", "mapsto", *arguments)


def pretend_photo(folder: Path, height: int, width: int) -> Path:
    """A JPEG of that size, made in a process of its own: it takes more memory than painting it."""
    path = folder / f"photo-{width}x{height}.jpg"
    run(str(Path(__file__).resolve()), "--photo", str(path), str(height), str(width))
    return path


def draw_photo(path: Path, height: int, width: int) -> None:
    """A JPEG with the frequencies of a photo: noise of many scales, the coarse ones strongest."""
    rng, page = np.random.default_rng(0), np.full((height, width, 3), 127.0, np.float32)
    for cells, strength in ((4, 50), (16, 30), (64, 20), (256, 12)):
        values = rng.standard_normal((cells, cells, 3)).astype(np.float32)
        planes = [Image.fromarray(values[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        for c, plane in enumerate(planes):
            page[..., c] += strength * np.asarray(plane)
    Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def commands(options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """Cold starts: what a person waits for."""
    photo = pretend_photo(folder, *SIZES["12 Mpx"])
    out = ["-o", str(folder / "out.png"), "--overwrite", "-q"]
    first = mapsto("style", str(photo), STYLE, "--size", "1024", *out)  # may measure bf16 and fill caches
    warm = [mapsto("style", str(photo), STYLE, "--size", "1024", *out) for _ in range(options.repeats)]
    helps = [mapsto("--help") for _ in range(3 * options.repeats)]
    cold, help_wall = statistics.median(c.wall for c in warm), statistics.median(c.wall for c in helps)
    rows = [
        ("`mapsto style photo.jpg starry-night --size 1024`, the very first", *_cells(first)),
        (f"the same again, median of {options.repeats}", *_cells(_median(warm))),
        (f"`mapsto --help`, median of {len(helps)}", *_cells(_median(helps))),
    ]
    text = table(("command", "seconds", "CPU-seconds", "peak GB"), rows)
    return section("Cold start", "From a 12-megapixel JPEG, files in the page cache.\n", text), [
        Aim("1024-px picture from a cold process", "≤ 10 s", f"{cold:.1f} s", cold <= 10),
        Aim("`mapsto --help`", "≤ 0.3 s", f"{help_wall:.2f} s", help_wall <= 0.3),
    ]


def memory(options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """Peak memory of whole commands, reading and writing included; in JPEG, as cameras do."""
    sizes = {**SIZES, **({"100 Mpx": HUGE} if options.huge else {})}
    rows, found = [], {}
    for label, (height, width) in sizes.items():
        photo = pretend_photo(folder, height, width)
        for precision in ("fp32", "bf16") if label != "100 Mpx" else ("auto",):
            more = ["--precision", precision, "--max-pixels", "120M", "--overwrite", "-q"]
            cost = found[label, precision] = mapsto("style", str(photo), STYLE, "-o", str(folder / "out.jpg"), *more)
            rows.append((label, precision, *_cells(cost)))
    worst = max(cost.gigabytes for (label, _), cost in found.items() if label == "12 Mpx")
    aims = [Aim("12 Mpx, peak memory", "≤ 2 GB", f"{worst:.2f} GB", worst <= 2)]
    if options.huge:
        cost = found["100 Mpx", "auto"]
        aims.append(Aim("100 Mpx", "runs", f"{cost.wall:.0f} s, {cost.gigabytes:.2f} GB", True))
    return section("Memory", table(("picture", "precision", "seconds", "CPU-seconds", "peak GB"), rows)), aims


def _cells(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.gigabytes:.2f}"


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


# ---- the network ------------------------------------------------------------------------------------------------------------


def network(options: argparse.Namespace, _folder: Path) -> tuple[str, list[Aim]]:
    """The style network alone, by size and engine."""
    import engines

    return engines.measured(compiled=options.compile)


# ---- tiles ------------------------------------------------------------------------------------------------------------------


def tiles(options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """Tiled against one piece: decibels and CPU-seconds, on a pretended photo and on a flat sky."""
    import torch

    from mapsto import Stylizer
    from mapsto.learning.measure import psnr

    torch.set_num_threads(1)
    rows, worst = [], float("inf")
    for precision in ("fp32", "bf16"):
        stylize = Stylizer.from_pretrained("style-s", device="cpu", precision=precision)
        for label, pixels in _scenes(folder).items():
            whole, whole_time = _timed(stylize, pixels, "off")
            for side in (1024, 512, 256):
                tiled, tiled_time = _timed(stylize, pixels, side)
                decibels = psnr(_unit(tiled), _unit(whole))
                worst = min(worst, decibels)
                rows.append((f"{label}, {precision}", side, f"{decibels:.1f}", f"{tiled_time:.2f}", f"{whole_time:.2f}"))
    columns = ("picture of 2048×1536", "tile", "dB against one piece", "CPU-s tiled", "CPU-s in one piece")
    return section("Tiles", table(columns, rows)), [Aim("tiled against one piece", "≥ 40 dB", f"{worst:.1f} dB", worst >= 40)]


def _scenes(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    sky = np.linspace(140, 205, 1536)[:, None, None] * np.array([0.8, 0.9, 1.0])
    with Image.open(pretend_photo(folder, 1536, 2048)) as photo:
        return {
            "noise of many scales": np.array(photo),
            "flat sky": np.broadcast_to(sky, (1536, 2048, 3)).round().astype(np.uint8),
        }


def _timed(stylize: Any, pixels: np.ndarray[Any, Any], tile: int | str) -> tuple[np.ndarray[Any, Any], float]:
    start = time.process_time()
    painted = stylize(pixels, STYLE, tile=tile)
    return painted, time.process_time() - start


def _unit(pixels: np.ndarray[Any, Any]) -> Tensor:
    import torch

    return torch.from_numpy(pixels).float() / 255


# ---- all of it --------------------------------------------------------------------------------------------------------------


def child(part: str, arguments: Sequence[str], folder: Path) -> tuple[str, list[Aim]]:
    """One part in a process of its own: nothing it loads weighs on the next."""
    answer = folder / f"{part}.json"
    run(str(Path(__file__).resolve()), *arguments, "--child", part, "--answer", str(answer))
    told = json.loads(answer.read_text())
    return told["text"], [Aim(*aim) for aim in told["aims"]]


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--huge", action="store_true", help="with a picture of 100 megapixels")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts")
    parser.add_argument("--repeats", type=int, default=3, help="of commands")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    parser.add_argument("--out", type=Path, default=report.dated("style.md"))
    parser.add_argument("--photo", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, and write the result; as a child, one part only."""
    options = parse()
    if options.photo:
        path, height, width = options.photo
        return draw_photo(Path(path), int(height), int(width))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.child:
            text, aims = globals()[options.child](options, folder)
            options.answer.write_text(json.dumps({"text": text, "aims": aims}))
            return
        parts = [child(part, sys.argv[1:], folder) for part in PARTS if part in (options.only or PARTS)]
    heading = report.heading("Style: speed, memory, cold start", ["style-s"])
    summary = section("Aims", report.aims([aim for _, aims in parts for aim in aims]))
    report.write(options.out, [heading, summary, *(text for text, _ in parts)])


if __name__ == "__main__":
    main()
