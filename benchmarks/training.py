"""How fast the one loop trains: against a loop written by hand, with exact resume, and in two processes.

    python benchmarks/training.py                    # about 12 minutes on two cores
    python benchmarks/training.py --seconds 5        # quicker and rougher
    python benchmarks/training.py --only processes   # one part: loop, compiled, resume, processes

Images per CPU-second of one thread; ours and the plain loop take turns, so that both meet the same load, and the median of the
rounds counts. Random weights and random latents or pictures: neither changes what a step costs.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import report
import torch
from report import Aim, section, table
from torch import Tensor, nn

from mapsto import device
from mapsto.image.flow import FlowNetwork
from mapsto.image.gan import Critic, GanGenerator
from mapsto.image.vae import VAE
from mapsto.learning.fit import Plan, Report, fit
from mapsto.learning.flow import FlowGame
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.gan import GanGame
from mapsto.learning.plans import Indices
from mapsto.learning.vae import VaeGame

PARTS = ("loop", "compiled", "resume", "processes")
ROUNDS = 3
WARM = 4
"""Steps before the clock runs; the first pay for memory, and penalties come every fourth."""

MINUTES = Plan(1).checkpoint_minutes


class Noise:
    """A thousand random pictures or latents in memory."""

    digest = "noise"

    def __init__(self, *shape: int) -> None:
        self.x = torch.rand(1000, *shape, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Indices, generator: torch.Generator) -> Batch:
        """As they are."""
        return Batch(self.x[torch.from_numpy(indices)])


def flow() -> tuple[Game, Noise, int]:
    """The flow, on latents of 64 px pictures."""
    return FlowGame(FlowNetwork(8, 8, 8)), Noise(8, 8, 8), 64


def gan() -> tuple[Game, Noise, int]:
    """The latent GAN, penalties every fourth step."""
    return GanGame(GanGenerator(8, 8, 8), Critic(8, 8, 8)), Noise(8, 8, 8), 64


def vae() -> tuple[Game, Noise, int]:
    """The VAE at 64 px, by pixels alone."""
    return VaeGame(VAE()), Noise(3, 64, 64), 16


GAMES: dict[str, Callable[[], tuple[Game, Noise, int]]] = {"vae": vae, "flow": flow, "gan": gan}
LABELS = {
    "vae": "VAE, 64 px, batch 16",
    "flow": "flow, 8 × 8 × 8 latents, batch 64",
    "gan": "GAN, 8 × 8 × 8 latents, batch 64",
}


# ---- the loop ---------------------------------------------------------------------------------------------------------------


def ours(name: str, precision: str, steps: int, folder: Path) -> float:
    """Images per CPU-second of `fit`, without checkpoints and grids, which are told apart."""
    game, source, batch = GAMES[name]()
    reports = fit(game, source, _plan(steps, batch, precision), folder / f"{name}-{time.monotonic_ns()}")
    return batch * _pace(reports, steps, time.process_time)


def _plan(steps: int, batch: int, precision: str) -> Plan:
    """So many steps, a multiple of four, between some to warm up and some with which a run ends; a row for every fourth."""
    total = steps + 2 * WARM
    return Plan(
        total, batch, precision=precision, device="cpu", threads=1, rows=total // WARM, samples_every=10 * total, samples=1
    )


def _pace(reports: Iterable[Report], steps: int, clock: Callable[[], float]) -> float:
    """Steps a second between the warm-up and the end, at which a grid and a checkpoint are written."""
    times = {each.step: clock() for each in reports}
    return steps / (times[WARM + steps] - times[WARM])


def plain(name: str, precision: str, steps: int, *, compiled: bool = False) -> float:
    """Images per CPU-second of the same step as one would write it for one experiment: no rows, no checks, no resume."""
    game, source, batch = GAMES[name]()
    if compiled:
        for child in compilable(game):
            child.compile()
    game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts = {player: list(game.part(player).parameters()) for player in game.players}
    optimisers = {
        player: torch.optim.AdamW(parts[player], game.rates[player], game.betas, weight_decay=game.decay, fused=True)
        for player in game.players
    }
    averages = {key: copy.deepcopy(game.part(key)).requires_grad_(False) for key in game.averaged}
    generator = torch.Generator().manual_seed(0)
    for step in range(steps + WARM):
        if step == WARM:
            start = time.process_time()
        x = source.x[torch.randint(len(source), (batch,), generator=generator)].to(memory_format=torch.channels_last)
        moment = Moment(step, step / (steps + WARM), step * batch, generator)
        for player in game.players:
            for other, parameters in parts.items():
                for parameter in parameters:
                    parameter.requires_grad_(other == player)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                terms = game.terms(player, Batch(x), moment)
            optimisers[player].zero_grad()
            total: Tensor = torch.stack([term.float() for term in terms.values()]).sum()
            total.backward()  # type: ignore[no-untyped-call]
            optimisers[player].step()
        with torch.no_grad():
            for key, average in averages.items():
                for old, new in zip(average.parameters(), game.part(key).parameters(), strict=True):
                    old.lerp_(new, 0.01)
    return steps * batch / (time.process_time() - start)


def loop(options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """Every game in both precisions, ours and plain in turns."""
    device.set_threads(1)
    rows, found = [], []
    for name, label in LABELS.items():
        for precision in ("fp32", "bf16"):
            batch = GAMES[name]()[2]
            steps = max(8, round(options.seconds * plain(name, precision, 4) / batch / 4) * 4)
            pairs = [(ours(name, precision, steps, folder), plain(name, precision, steps)) for _ in range(ROUNDS)]
            mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
            share = statistics.median(a / b for a, b in pairs)
            rows.append((label, precision, f"{mine:.1f}", f"{theirs:.1f}", f"{share:.3f}"))
            found.append(Aim(f"{label}, {precision}: of the plain loop", "≥ 0.97", f"{share:.3f}", share >= 0.97))
    text = section(
        "Training images per second",
        "Per CPU-second of one thread, channels_last; bf16 is autocast. The share is the median of the rounds' own.\n",
        table(("game", "precision", "ours", "plain loop", "share"), rows),
    )
    return text, found


def compilable(game: Game) -> list[nn.Module]:
    """What `torch.compile` can take: a critic is asked for the gradient of its gradient, which it cannot."""
    parts = [game.part(name) for name in game.players if name != "critic"]
    return [child for part in parts for child in (part, *part.children())]


def compiled(options: argparse.Namespace, _folder: Path) -> tuple[str, list[Aim]]:
    """Whether `torch.compile` would make the plain loop faster: bf16, both in turns, compiling not counted."""
    device.set_threads(1)
    rows = []
    for name, label in LABELS.items():
        batch = GAMES[name]()[2]
        steps = max(8, round(options.seconds * plain(name, "bf16", 4) / batch / 4) * 4)
        pairs = [(plain(name, "bf16", steps, compiled=True), plain(name, "bf16", steps)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
        rows.append((label, f"{mine:.1f}", f"{theirs:.1f}", f"{statistics.median(a / b for a, b in pairs):.2f}"))
    text = section(
        "Would compiling help?",
        "The plain loop in bf16 with `torch.compile`, but for critics, whose penalties need second derivatives.\n",
        table(("game", "compiled", "as it is", "ratio"), rows),
    )
    return text, []


# ---- resuming ---------------------------------------------------------------------------------------------------------------


def resume(_options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """What it costs to be able to resume, and to do so: seconds on the wall."""
    device.set_threads(1)
    rows, worst = [], 0.0
    for name, label in LABELS.items():
        run = folder / name
        saved, size = _saving(name, run)
        start = time.perf_counter()
        game, source, batch = GAMES[name]()
        built = time.perf_counter()
        next(iter(fit(game, source, _short(batch), run, resume=True)))
        ready = time.perf_counter()
        rows.append((label, f"{size / 1e6:.1f} MB", f"{saved:.3f} s", f"{ready - built:.3f} s", f"{built - start:.3f} s"))
        worst = max(worst, saved / (60 * MINUTES))
    text = section(
        "Exact resume",
        f"A checkpoint is written every {MINUTES:g} minutes, with fsync. Resuming is reading it and standing where it stood.\n",
        table(("game", "checkpoint", "writing it", "resuming", "(building the game)"), rows),
    )
    return text, [Aim("time spent on checkpoints, the most", "≤ 1 %", f"{worst:.2%}", worst <= 0.01)]


def _short(batch: int) -> Plan:
    return Plan(8, batch, precision="fp32", device="cpu", threads=1, checkpoint_every=1, samples_every=100, samples=1)


def _saving(name: str, run: Path) -> tuple[float, int]:
    """Median seconds of writing a checkpoint, and its bytes."""
    from mapsto.learning import checkpoint

    game, source, batch = GAMES[name]()
    for _ in fit(game, source, _short(batch), run):
        pass
    kept = checkpoint.newest(run)
    assert kept is not None
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        path = checkpoint.save(run, kept)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent), path.stat().st_size


# ---- processes --------------------------------------------------------------------------------------------------------------


def processes(options: argparse.Namespace, folder: Path) -> tuple[str, list[Aim]]:
    """One process with a batch, two that share twice that batch, and two that are strangers: what the machine gives.

    Images per second on the wall.
    """
    rows, found = [], []
    for name, label in LABELS.items():
        one, two = (_launched(name, count, options.seconds, folder)[0] for count in (1, 2))
        apart = sum(_launched(name, 1, options.seconds, folder, runs=2))
        share = two / one / 2
        rows.append((label, f"{one:.1f}", f"{two:.1f}", f"{share:.2f}", f"{apart / one / 2:.2f}"))
        found.append(Aim(f"{label}: two processes, of twice one", "≥ 0.85", f"{share:.2f}", share >= 0.85))
    text = section(
        "Two processes",
        f"Started by torchrun on one machine with {device.cores()} core(s), one thread each, gloo, fp32; "
        "the batch is 64 or 16 for each process. Images per second on the wall.\n",
        table(("game", "one process", "two", "two / (2 × one)", "the same of two strangers"), rows),
    )
    return text, found


def _launched(name: str, count: int, seconds: float, folder: Path, runs: int = 1) -> list[float]:
    """Images per second of so many runs at once, of so many processes each."""
    answers = [folder / f"{name}-{count}-{runs}-{run}.json" for run in range(runs)]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", __file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = []
    for answer in answers:
        inner = ["--worker", name, str(answer), "--seconds", str(seconds)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([*command, *inner], env=environment, **quiet))  # type: ignore[call-overload]
    if any(process.wait() for process in started):
        raise RuntimeError(f"A worker of {name} failed.")
    return [json.loads(answer.read_text()) for answer in answers]


def worker(name: str, answer: Path, seconds: float) -> None:
    """One of the processes: train for some time; the first writes images per second, of all of them."""
    game, source, batch = GAMES[name]()
    count = int(os.environ["WORLD_SIZE"])
    steps = _agreed(max(8, round(3 * seconds * plain(name, "fp32", 8) / batch / WARM) * WARM), answer.with_suffix(".steps"))
    reports = fit(game, source, _plan(steps, batch * count, "fp32"), answer.with_suffix(""))
    pace = batch * count * _pace(reports, steps, time.perf_counter)
    if os.environ["RANK"] == "0":
        answer.write_text(json.dumps(pace))


def _agreed(steps: int, shared: Path) -> int:
    """What the first process says: the others may have guessed another number."""
    if os.environ["RANK"] == "0":
        shared.with_suffix(".new").write_text(str(steps))
        shared.with_suffix(".new").rename(shared)
    while not shared.exists():
        time.sleep(0.05)
    return int(shared.read_text())


# ---- all of it --------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts")
    parser.add_argument("--out", type=Path, default=report.dated("training.md"))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options.worker[0], Path(options.worker[1]), options.seconds)
    with tempfile.TemporaryDirectory() as name:
        parts = [globals()[part](options, Path(name)) for part in PARTS if part in (options.only or PARTS)]
    aims = report.aims([aim for _, found in parts for aim in found])
    texts = [text for text, _ in parts]
    report.write(options.out, [report.heading("Training, measured", []), section("Aims", aims), *texts])


if __name__ == "__main__":
    main()
