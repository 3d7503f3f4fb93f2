"""The one loop that trains every game, and yields its progress as values.

    for report in fit(game, source, Plan(steps=10_000), Path("runs/mine")):
        ...

Stopped at any moment, by a signal or by the power cut, `fit(…, resume=True)` takes the same steps as if nothing had been: the
order of the data and every random number are functions of the seed and the step, the rest is in the checkpoint.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mapsto import device
from mapsto.errors import OutOfMemory, UsageError, WeightsError
from mapsto.learning import checkpoint
from mapsto.learning.configuration import settled
from mapsto.learning.feed import Feed
from mapsto.learning.games import Game
from mapsto.learning.interruption import Interruption
from mapsto.learning.launch import launch, own_cores
from mapsto.learning.plans import Plan, Source, steps_in
from mapsto.learning.players import Players, seconds_a_step
from mapsto.learning.training import Report, Training

__all__ = ["Estimate", "Plan", "Report", "Source", "estimate", "finished", "fit"]


def fit(
    game: Game,
    source: Source,
    plan: Plan,
    run: Path,
    *,
    resume: bool = False,
    held_out: Source | None = None,
) -> Iterator[Report]:
    """Train a game, or go on training it.

    Args:
        game: What is trained, in place; construct it by a seed, so that the same can be constructed to resume.
        source: Of the batches.
        plan: How.
        run: Folder for configuration, log, samples and checkpoints.
        resume: Go on where the training in that folder stopped, bit for bit on the same machine.
        held_out: Pictures that are never learned from, for `Game.probe`.

    Yields:
        A report about every second, and one for every row of the log.

    Raises:
        UsageError: nothing to resume, other settings than those to resume, or a folder that holds a training already.
        KeyboardInterrupt: Ctrl-C was pressed; the step is finished and everything saved.
        MapstoError: the training diverged a second time, after it went back once.
        OutOfMemory: memory does not suffice for one picture at a time.
    """
    if not len(source):
        raise UsageError("There is nothing to learn from.", "Give a folder with pictures in it.")
    with Interruption() as interruption, device.repeatable(device.pick(plan.device)):
        yield from _undisturbed(
            lambda: Training(game, source, plan, run, interruption, resume=resume, held_out=held_out).play()
        )


def _undisturbed(reports: Callable[[], Iterable[Report]]) -> Iterator[Report]:
    """Let whoever looks at the reports have the global random numbers they would have without us."""
    kept = torch.get_rng_state()
    try:
        for report in reports():
            torch.set_rng_state(kept)
            yield report
            kept = torch.get_rng_state()
    finally:
        torch.set_rng_state(kept)


@dataclass(frozen=True)
class Estimate:
    """What a training will take.

    Args:
        steps: Of the plan, or as many as its hours are enough for.
        images: That will be seen.
        seconds: Of training.
        memory: Bytes that this process held at its peak, with everything in it; on a GPU, bytes there. None where nobody knows.
        checkpoint: Bytes of one; two are kept.
    """

    steps: int
    images: int
    seconds: float
    memory: int | None
    checkpoint: int


def estimate(game: Game, source: Source, plan: Plan) -> Estimate:
    """Take a few steps with a copy of a game, and tell what the whole training will take.

    Raises:
        OutOfMemory: even these are too much.
    """
    device.set_threads(plan.threads or own_cores())
    place = device.pick(plan.device)
    fabric, plan = launch(place), settled(plan, place, None)
    kept = torch.get_rng_state()
    try:
        players = Players(copy.deepcopy(game), plan, fabric)
        seconds = seconds_a_step(players, Feed(source, plan, fabric))
    except (RuntimeError, MemoryError) as error:
        if device.is_out_of_memory(error):
            raise OutOfMemory("There is not enough memory for a step.", "Take a smaller batch, or accumulate.") from error
        raise
    finally:
        torch.set_rng_state(kept)
    steps = plan.steps or steps_in(plan.hours or 0, seconds)
    size = sum(tensor.nbytes for tensor in players.state().values())
    return Estimate(steps, steps * plan.batch, steps * seconds, device.peak_memory(place), size)


def finished(game: Game, run: Path) -> dict[str, nn.Module]:
    """The averaged modules of a training, as the newest checkpoint in a folder has them: copies, in evaluation mode.

    Raises:
        WeightsError: there is no checkpoint, or it is of another game.
    """
    kept = checkpoint.newest(run)
    if kept is None:
        raise WeightsError(f"There is no checkpoint in {run}.", "Train first.")
    found = {name: copy.deepcopy(game.part(name)).eval().requires_grad_(False) for name in game.averaged}
    for name, module in found.items():
        start = f"average/{name}/"
        tensors = {key.removeprefix(start): tensor for key, tensor in kept.tensors.items() if key.startswith(start)}
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            raise WeightsError(f"The checkpoint in {run} is of another {name}: {error}.") from error
    return found
