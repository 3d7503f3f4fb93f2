"""How steady painted clips are, how fast they are painted from file to file, and what memory that takes.

    python benchmarks/video.py --clips CLIPS... --photo PHOTO [--styles starry-night ink great-wave mosaic]
    python benchmarks/video.py --clips CLIPS... --photo PHOTO --only speed --only memory

Steadiness is measured at 640 × 360 on some frames of every clip, and on a drive over a photo whose motion is known. Beside what
`mapsto style` does stand the same network frame by frame, and the network for stills frame by frame. Speed is that of whole
commands, decoding and encoding included, on clips made of the first one in three sizes; how many seconds of processor time go
where is measured in one process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import report
import torch
from report import Aim, section, table
from steadiness import Motion, Steady, measured, motions
from torch import nn

from mapsto import Picture, Stylizer, device
from mapsto.image import engines, tiles
from mapsto.image.points import Style
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.image.track import Track
from mapsto.media.clip import frames, probe
from mapsto.media.video import FilmWriter
from mapsto.video.frames import FramePainter, Way, resized
from mapsto.video.motion import Pixels

SIZE = (640, 360)
SPEEDS = {"360p": ((640, 360), (320, 800)), "720p": ((1280, 720), (320, 480)), "4K": ((3840, 2160), (160, 256))}
"""Widths and heights, and the frames of two films each: what both take beside painting is not counted. Both are painted in as
many parts, at half the length too; else frames that only warm a part up would seem to take time from those that are kept."""

ENGINES = [name for name in engines.ENGINES if find_spec(name.partition("-")[0])]
PARTS_OF_A_FRAME = ("decode", "network", "steadiness", "enlarging", "encode")
DRIVE = (1.3, 0.7)
"""Pixels a frame that the drive over a photo goes to the right and down."""


class Row(NamedTuple):
    """One clip in one style: as it is done, the same network frame by frame, and that for stills frame by frame."""

    clip: str
    style: str
    done: Steady
    plain: Steady
    stills: Steady


def clips(options: argparse.Namespace) -> Iterator[tuple[str, list[Pixels], list[Motion]]]:
    """Names, frames, and how things move."""
    for path in options.clips:
        clip = probe(path)
        shown = [resized(frame, SIZE) for frame in islice(frames(clip), options.skip, options.skip + options.frames)]
        yield path.name, shown, motions(shown)
    photo = Picture.of(options.photo).resized(720).pixels
    shown = list(drive(photo, options.frames))
    flow = np.broadcast_to(np.float32(DRIVE), (*SIZE[::-1], 2))
    inside = np.zeros(SIZE[::-1], bool)
    inside[4:-4, 4:-4] = True
    yield "drive over a photo", shown, [Motion(flow, inside)] * (len(shown) - 1)


def drive(photo: Pixels, count: int) -> Iterator[Pixels]:
    """A window that glides over a photo: what is at p was at p + `DRIVE` before."""
    for number in range(count):
        x, y = (40 + step * number for step in DRIVE)
        shift = np.float32([[1, 0, -x], [0, 1, -y]])
        yield cv2.warpAffine(photo, shift, SIZE, flags=cv2.INTER_CUBIC)


def steady(options: argparse.Namespace) -> list[Row]:
    """All clips in all styles."""
    networks = {name: Stylizer.from_pretrained(name, device="cpu") for name in ("style-video-s", "style-s")}
    rows = []
    for name, shown, motion in clips(options):
        for style in options.styles:

            def painted(network: str, stability: float, shown: list[Pixels] = shown, style: str = style) -> list[Pixels]:
                stylizer = networks[network]
                painter = FramePainter(stylizer, Track.still(stylizer.style_of(style)), Way(stability=stability))
                return [painter(frame, 0.0) for frame in shown]

            plain, stills = painted("style-video-s", 0), painted("style-s", 0)
            done = painted("style-video-s", options.stability)
            rows.append(Row(name, style, *(measured(shown, each, plain, motion) for each in (done, plain, stills))))
            print(rows[-1], flush=True)
    return rows


def steadiness(rows: Sequence[Row]) -> tuple[list[Aim], str]:
    """What was reached, and a table."""

    def middle(values: Sequence[float]) -> float:
        return statistics.median(values)

    names = list(dict.fromkeys(row.clip for row in rows))
    by_clip = {name: [row for row in rows if row.clip == name] for name in names}
    twe = middle([middle([row.done.twe for row in by_clip[name]]) for name in names])
    share = middle([middle([row.done.twe / row.plain.twe for row in by_clip[name]]) for name in names])
    jump = max(row.done.jump for row in rows)
    sharp = middle([row.done.sharpness for row in rows])
    flicker = max(row.done.flicker for row in rows)
    found = [
        Aim("TWE, median of clips", "≤ 1.5", f"{twe:.2f}", twe <= 1.5),
        Aim("TWE over that of the same network frame by frame", "≤ 0.5", f"{share:.2f}", share <= 0.5),
        Aim("largest over median E within a shot, the worst", "≤ 3", f"{jump:.2f}", jump <= 3),
        Aim("sharpness over that frame by frame, median", "≥ 0.9", f"{sharp:.2f}", sharp >= 0.9),
        Aim("light, more change than the clip's, the worst", "≤ 0.5 grey levels", f"{flicker:.2f}", flicker <= 0.5),
    ]
    columns = ("clip, style", "TWE", "frame by frame", "stills' network", "jump", "sharpness", "stills' network", "flicker")
    lines = []
    for row in rows:
        figures = [each.twe for each in (row.done, row.plain, row.stills)]
        figures += [row.done.jump, row.done.sharpness, row.stills.sharpness, row.done.flicker]
        lines.append((f"{row.clip}, {row.style}", *(f"{figure:.2f}" for figure in figures)))
    return found, table(columns, lines)


# ---- speed and memory ----


class Run(NamedTuple):
    """A command: frames, seconds, processor seconds, largest memory of a process in GB."""

    frames: int
    seconds: float
    cpu: float
    memory: float


def film(path: Path, source: Path, size: tuple[int, int], count: int) -> Path:
    """A clip of a size, the frames of another over and over."""
    clip = probe(source)
    tick = Fraction(1, 25)
    with FilmWriter(path, size, time_base=tick, fps=1 / tick) as writer:
        number = 0
        while number < count:
            for frame in frames(clip):
                if number < count:
                    writer.add(resized(frame, size), number)
                number += 1
    return path


def command(clip: Path, *options: str) -> Run:
    """`mapsto style` of a clip."""
    out, count = clip.with_name(f"{clip.stem}.out.mp4"), len(probe(clip))
    since = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "mapsto", "style", str(clip), "ink", "-o", str(out), "-q", *options])
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.2)
    seconds = time.monotonic() - since
    if process.returncode:
        raise SystemExit(f"{clip} could not be painted.")
    spent = os.times()
    out.unlink()
    return Run(count, seconds, spent.children_user + spent.children_system, peak)


def memory_of(pid: int) -> float:
    """GB that a process and its children hold together."""
    total = 0
    for process in [pid, *children_of(pid)]:
        try:
            fields = Path(f"/proc/{process}/statm").read_text().split()
        except OSError:
            continue
        total += (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")  # what is shared counts once, with the code
    return total / 1e9


def children_of(pid: int) -> list[int]:
    """Processes that a process started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found + [grandchild for child in found for grandchild in children_of(child)]


def speed(options: argparse.Namespace) -> tuple[list[Aim], str]:
    """Frames a second from file to file, less the start of the processes, and where the time goes."""
    lines, aims = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sizes:
            size, counts = SPEEDS[name]
            lengths = [max(2, round(count * options.length)) for count in counts]
            short, long = (film(Path(folder, f"{name}-{n}.mp4"), options.clips[0], size, n) for n in lengths)
            rates, reached = {}, {}
            for engine in ENGINES if name == "360p" else ENGINES[:1]:
                runs = [command(clip, "--engine", engine) for clip in (short, long)]
                rates[engine] = (lengths[1] - lengths[0]) / (runs[1].seconds - runs[0].seconds)
                whole = f"{lengths[1] / runs[1].seconds:.1f}"
                spent = shares(long, engine)
                reached[engine] = of_peak(spent[PARTS_OF_A_FRAME.index("network")], Way().work_size(size))
                figures = (*(f"{ms:.0f}" for ms in spent), f"{reached[engine]:.0%}")
                lines.append((f"{name}, {engine}", f"{rates[engine]:.1f}", whole, f"{runs[1].memory:.2f}", *figures))
                print(lines[-1], flush=True)
            if name == "360p":
                best, usual = max(rates.values()), rates["torch"]
                told = f"{best:.1f}, by default {usual:.1f}"
                aims.append(Aim("frames a second at 640×360, file to file", "≥ 25", told, best >= 25))
                told = ", ".join(f"{engine} {share:.0%}" for engine, share in reached.items())
                aims.append(Aim("network's share of GEMM peak, by default", "≥ 50 %", told, reached["torch"] >= 0.5))
            if name == "4K":
                aims.append(Aim("memory at 4K, all processes", "≤ 2 GB", f"{runs[1].memory:.2f} GB", runs[1].memory <= 2))
    columns = (
        "size, engine",
        "frames/s",
        "with the start of all processes",
        "GB, all processes",
        *PARTS_OF_A_FRAME,
        "of GEMM peak",
    )
    told = (
        "Of a frame in one process of one thread: milliseconds of processor time. GEMM peak: the multiplications of the "
        "network as it is written, against those of square matrices of the number type that is the default here. So 8-bit "
        "numbers may go beyond.\n"
    )
    return aims, f"{table(columns, lines)}\n{told}"


def shares(clip: Path, engine: str, count: int = 24) -> list[float]:
    """Milliseconds of a frame, by what they are spent on."""
    device.set_threads(1)
    stylizer = Stylizer.from_pretrained("style-video-s", device="cpu")
    track, probed = Track.still(stylizer.style_of("ink")), probe(clip)
    count = min(count, len(probed))

    def spent(work: Iterator[object]) -> float:
        since = time.process_time()
        for _ in work:
            pass
        return 1000 * (time.process_time() - since) / count

    def painting(shown: Sequence[Pixels], stability: float) -> float:
        painter = FramePainter(stylizer, track, Way(stability=stability, engine=engine))
        painter(shown[0], 0.0)
        return spent(painter(frame, 0.0) for frame in shown)

    shown = list(frames(probed, 0, count))
    size = Way().work_size(probed.size)
    small = [resized(frame, size) for frame in shown]
    network, steady = painting(small, 0.0), painting(small, 0.8)
    enlarging = painting(shown, 0.0) - network if size != probed.size else 0.0
    with tempfile.TemporaryDirectory() as folder:
        writer = FilmWriter(Path(folder, "out.mp4"), probed.size, time_base=probed.time_base, fps=probed.fps)
        since = time.process_time()
        with writer:
            for frame, at in zip(shown, probed.pts, strict=False):
                writer.add(frame, at)
        encode = 1000 * (time.process_time() - since) / count
    return [spent(frames(probed, 0, count)), network, steady - network, enlarging, encode]


def of_peak(ms: float, size: tuple[int, int], side: int = 2048) -> float:
    """What a network that takes so long reaches of what one thread reaches where it multiplies matrices."""
    network = Stylizer.from_pretrained("style-video-s", device="cpu").network_for(Style(torch.zeros(1, 64)))
    a, best = torch.ones(side, side, dtype=network.stem.weight.dtype), float("inf")
    for _ in range(8):
        since = time.process_time()
        a @ a
        best = min(best, time.process_time() - since)
    return (multiplications(network, size) / (ms / 1000)) / (side**3 / best)


def multiplications(network: StyleNetwork, size: tuple[int, int]) -> int:
    """Of all convolutions, for one frame."""
    found = 0

    def count(conv: nn.Module, _: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        nonlocal found
        assert isinstance(conv, nn.Conv2d)
        found += out.numel() * conv.weight[0].numel()

    hooks = [part.register_forward_hook(count) for part in network.modules() if isinstance(part, nn.Conv2d)]
    height, width = (tiles.padded(side) for side in size[::-1])
    with torch.inference_mode():
        noise = noise_like(height, width).to(network.stem.weight.dtype)
        network(torch.zeros(1, 3, height, width), style=noise.new_zeros(1, network.style_size), noise=noise)
    for hook in hooks:
        hook.remove()
    return found


def memory(options: argparse.Namespace) -> tuple[list[Aim], str]:
    """Of ten minutes of frames (times `--length`), small ones: what grows with time grows with these too."""
    count = round(15_000 * options.length)
    with tempfile.TemporaryDirectory() as folder:
        clip = film(Path(folder, "long.mp4"), options.clips[0], (160, 96), count)
        process = subprocess.Popen([sys.executable, "-m", "mapsto", "style", str(clip), "ink", "-q", "--workers", "2"])
        held = []
        while process.poll() is None:
            held.append(memory_of(process.pid))
            time.sleep(0.5)
        if process.returncode:
            raise SystemExit("The long clip could not be painted.")
    fifth = len(held) // 5
    early, late = max(held[fifth : 2 * fifth]), max(held[-fifth:])
    grown = late / early - 1
    told = f"{count} frames of 160×96 in {len(held) / 2:.0f} s: {early:.2f} GB in the second fifth, {late:.2f} GB in the last."
    return [Aim(f"memory over {count} frames", "flat", f"{100 * grown:+.0f} %", grown < 0.05)], told


PARTS = ("steadiness", "speed", "memory")


def parse() -> argparse.Namespace:
    """Options of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--styles", nargs="+", default=["starry-night", "ink", "great-wave", "mosaic"])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--skip", type=int, default=10, help="frames at the beginning of each clip")
    parser.add_argument("--stability", type=float, default=0.8)
    parser.add_argument("--length", type=float, default=1.0, help="of the films for speed and memory")
    parser.add_argument("--sizes", nargs="+", choices=tuple(SPEEDS), default=tuple(SPEEDS), help="whose speed is measured")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--out", type=Path, default=report.dated("video.md"))
    return parser.parse_args()


def main() -> None:
    """Measure, and write the result."""
    options = parse()
    wanted = options.only or PARTS
    aims: list[Aim] = []
    parts = []
    for name, do in (("steadiness", lambda o: steadiness(steady(o))), ("speed", speed), ("memory", memory)):
        if name in wanted:
            found, told = do(options)
            aims += found
            parts.append(section(name.capitalize(), told))
    report.write(
        options.out, [report.heading("Clips", ["style-video-s", "style-s"]), section("Aims", report.aims(aims)), *parts]
    )


if __name__ == "__main__":
    main()
