"""How long, how fast and in what order a training goes: pure functions of a plan and a counter, so that resuming is exact."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from mapsto import device
from mapsto.errors import UsageError
from mapsto.learning.games import Batch

Indices = NDArray[np.int64]


class Source(Protocol):
    """Where batches come from: a folder of pictures, latents in memory."""

    @property
    def digest(self) -> str:
        """What tells these data from others; a run resumes only with the same."""

    def __len__(self) -> int: ...

    def batch(self, indices: Indices, generator: torch.Generator) -> Batch:
        """The items of these indices; whatever is random about them is drawn from the generator."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Args:
        steps: Of the optimisers, each one turn of every player; 0 where `hours` says how long.
        batch: Pictures of one step, all processes and pieces together.
        accumulate: In how many pieces each process takes its share, one after another, to save memory.
        seed: Of the order of the data and of everything that is drawn.
        precision: "fp32", "bf16" (autocast) or "auto": what is faster here.
        device: As for `device.pick`.
        threads: Of the processor; by default all that are allowed, shared by the processes on one machine.
        warmup: Part of the run in which the rates rise from 0 to their peaks.
        final_rate: Where the cosine ends that the rates fall by, as part of their peaks.
        clip: Longest gradient of a player, longer ones are shortened to it; None for no limit.
        ema: Half-life of the moving average, as part of the images seen so far.
        hours: Train so long instead of a number of steps: the first steps are timed, and the number is kept in the run.
        checkpoint_minutes: Between checkpoints.
        checkpoint_every: Steps between checkpoints, instead.
        samples_every: Steps between sample grids; by default about thirty in a run, and a hundred steps apart.
        samples: Pictures in a grid.
        rows: Of the log, in all.
        tensorboard: Write the log for TensorBoard too, where it is installed.

    Raises:
        UsageError: numbers that make no sense.
    """

    steps: int
    batch: int = 32
    accumulate: int = 1
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    warmup: float = 0.02
    final_rate: float = 0.02
    clip: float | None = None
    ema: float = 0.03
    hours: float | None = None
    checkpoint_minutes: float = 3.0
    checkpoint_every: int | None = None
    samples_every: int | None = None
    samples: int = 64
    rows: int = 600
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 and self.hours is None:
            raise UsageError(f"A training of {self.steps} steps learns nothing.", "Give 1 or more, or hours.")
        for name in ("batch", "accumulate", "samples", "rows"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}.", "Give 1 or more.")
        for name in ("hours", "clip", "ema", "checkpoint_minutes", "checkpoint_every", "samples_every"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} is {value}.", "Give a number above 0.")
        for name in ("warmup", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}.", "It is a part, from 0 to 1.")
        device.generator(self.seed)


def steps_in(hours: float, seconds: float) -> int:
    """How many steps of so many seconds fit, at least one."""
    return max(1, round(3600 * hours / seconds))


def rate_at(part: float, warmup: float, final: float) -> float:
    """Learning rate as part of its peak: a straight rise, then half a cosine from 1 down to `final` at part 1."""
    if part < warmup:
        return part / warmup
    fallen = (part - warmup) / (1 - warmup) if warmup < 1 else 0.0
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * fallen))


def average_weight(images: int, batch: int, half_life: float) -> float:
    """The part of the old average that stays in the new one: 0.5^(batch / (half-life · images seen)).

    A half-life that grows with the images seen gives the power-function average of Karras et al., "Analyzing and Improving the
    Training Dynamics of Diffusion Models", arXiv 2312.02696, §3.1: it forgets the start at the same pace in short runs as in
    long ones. Their exponent γ is ln 2 / half-life − 1.
    """
    return float(0.5 ** (batch / (half_life * images)))


def order(count: int, start: int, length: int, seed: int) -> Indices:
    """The indices at positions start … start + length of an endless row of shuffles of `count` items."""
    positions = np.arange(start, start + length)
    epochs = positions // count
    chosen = [_shuffle(count, seed, int(epoch))[positions[epochs == epoch] % count] for epoch in np.unique(epochs)]
    return np.concatenate(chosen)


@lru_cache(maxsize=2)
def _shuffle(count: int, seed: int, epoch: int) -> Indices:
    shuffled: Indices = torch.randperm(count, generator=randomness(seed, "order", epoch)).numpy()
    return shuffled


def randomness(seed: int, stream: str, *key: int) -> torch.Generator:
    """A generator on the CPU that depends on nothing but what is given: no state to save, none to lose."""
    digest = hashlib.blake2b(repr((seed, stream, *key)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
