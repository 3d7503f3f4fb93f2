"""Watching a training with pictures it does not learn from: which of its averages was best, and when to stop.

A judge looks at a game's averages and gives a figure, lower for better, with its standard error. At every sample grid a watched
game is judged, and the best averages so far are kept beside the checkpoints.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as pack
from torch import Tensor, nn

from mapsto.errors import UsageError, WeightsError
from mapsto.files import atomic
from mapsto.image.features import PerceptualNetwork
from mapsto.learning.distances import embed, kd
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.plans import Source, randomness
from mapsto.learning.restraint import Around

Average = dict[str, nn.Module]
"""Averaged modules by the names in `Game.averaged`."""


class Score(NamedTuple):
    """What a judge says; lower is better.

    Args:
        value: The figure.
        error: Its standard error; 0 where it is not known.
        parts: Figures of single batches, if these are the same for whatever is judged: then differences are known far better.
    """

    value: float
    error: float = 0.0
    parts: tuple[float, ...] = ()


Judge = Callable[[Game, Average], Score]
"""How far a game's averages are from what is wanted."""

LATE = 1 - 1e-6
"""The part of a run at which a loss is measured: after all warm-ups."""


class HeldOutLoss:
    """Judges games of one player by what they minimise, on pictures that they do not learn from and always with the same draws.

    Args:
        source: Of the pictures.
        rounds: How often each picture is looked at, with other draws.
        batch: Pictures at a time.
        seed: Of the draws.

    Raises:
        UsageError: when judging a game of several players, whose losses tell how well they fight, not how well they paint.
    """

    def __init__(self, source: Source, *, rounds: int = 4, batch: int = 32, seed: int = 0) -> None:
        self.source, self.rounds, self.batch, self.seed = source, rounds, batch, seed

    def __call__(self, game: Game, average: Average) -> Score:
        """The mean of the summed terms over all pictures, with its error over batches and rounds."""
        if len(game.players) != 1:
            raise UsageError(f"{' and '.join(game.players)} cannot be judged by a loss.", "Judge their samples.")
        copy = deepcopy(game).eval()
        for name, module in average.items():
            copy.part(name).load_state_dict(module.state_dict())
        with torch.no_grad():
            rows = [row for number in range(self.rounds) for row in self._round(copy, number)]
        losses, counts = torch.tensor(rows, dtype=torch.float64).unbind(1)
        error = float(losses.std()) / len(rows) ** 0.5 if len(rows) > 1 else 0.0
        return Score(float((losses * counts).sum() / counts.sum()), error, tuple(losses.tolist()))

    def _round(self, game: Game, number: int) -> list[tuple[float, int]]:
        """Loss and number of pictures of every batch."""
        device = next(game.part(game.players[0]).parameters()).device
        found = []
        for start in range(0, len(self.source), self.batch):
            indices = np.arange(start, min(start + self.batch, len(self.source)))
            draws = randomness(self.seed, "turn", number, start)
            batch = self.source.batch(indices, draws).to(device)
            terms = game.terms(game.players[0], batch, Moment(1, LATE, 0, draws))
            found.append((sum(float(term) for term in terms.values()), len(indices)))
        return found


class SampleDistance:
    """Judges any game that gives samples, by the kernel distance of these to pictures that it does not learn from.

    Args:
        pictures: [N, C, H, W] in [0, 1], N ≥ 4.
        network: The perceptual network.
        count: Samples to look at, ≥ 4.

    Raises:
        UsageError: fewer than four pictures.
    """

    def __init__(self, pictures: Tensor, network: PerceptualNetwork, *, count: int = 256) -> None:
        if len(pictures) < 4:
            raise UsageError(f"{len(pictures)} pictures are too few to compare samples with.", "Hold out four or more.")
        self.real, self.network, self.count = embed(pictures, network), network, count

    def __call__(self, game: Game, average: Average) -> Score:
        """`kd` of the pictures and the samples."""
        return Score(*kd(self.real, embed(game.samples(average, self.count), self.network)))


class Watched(Around):
    """A game that is judged whenever samples of it are drawn.

    Args:
        game: What is played.
        judge: Of its averages; it is given the innermost game, without restraints.
        folder: Where scores and the best averages are kept, so that a resumed run knows them.
        patience: Scores in a row that are no better than the best before `over`; None waits for ever.
    """

    def __init__(self, game: Game, judge: Judge, folder: Path, patience: int | None = None) -> None:
        super().__init__(game)
        self.judge, self.folder, self.patience = judge, folder, patience
        self.step = 0
        self.scores: dict[int, float] = _scores(folder)

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """Those of the game; the step is remembered."""
        self.step = moment.step + 1
        return super().terms(player, batch, moment)

    def samples(self, average: Average, count: int) -> Tensor:
        """Those of the game, after judging."""
        self.look(average)
        return super().samples(average, count)

    def look(self, average: Average) -> None:
        """Judge the averages of this step, and keep them if they are the best so far."""
        earlier = {step: score for step, score in self.scores.items() if step < self.step}
        with torch.no_grad(), torch.autocast(_device_of(average).type, enabled=False):  # the same figure wherever it is asked
            value = self.judge(innermost(self), average).value
        value = value if math.isfinite(value) else math.inf
        if value < min(earlier.values(), default=math.inf) or not earlier:
            keep(self.folder / "best.safetensors", average)
        self.scores = {**earlier, self.step: value}
        with atomic(self.folder / "scores.json") as file:
            file.write_text(json.dumps(told(self.scores), indent=1))

    @property
    def best(self) -> int:
        """The step with the lowest score; the earliest of equals."""
        return min(self.scores, key=lambda step: (self.scores[step], step))

    @property
    def over(self) -> bool:
        """Whether patience has come to its end."""
        return self.patience is not None and sum(step > self.best for step in self.scores) >= self.patience > 0


def _device_of(average: Average) -> torch.device:
    place: torch.device = next(tensor.device for module in average.values() for tensor in module.state_dict().values())
    return place


def innermost(game: Game) -> Game:
    """The game itself, without what is around it."""
    while isinstance(game, Around):
        game = game.game
    return game


def keep(path: Path, average: Average) -> None:
    """Write averages to a safetensors file, in fp32 and in one step."""
    tensors = {f"{name}/{key}": t.detach().cpu() for name, module in average.items() for key, t in module.state_dict().items()}
    content = pack({name: tensor.contiguous() for name, tensor in tensors.items()})
    with atomic(path) as file:
        file.write_bytes(content)


def kept(path: Path, game: Game) -> Average:
    """Averages as `keep` wrote them, on the CPU and in evaluation mode.

    Raises:
        WeightsError: the file is missing, damaged or of another game.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.", "Train again in another folder.") from error
    found = {name: deepcopy(game.part(name)).cpu().eval().requires_grad_(False) for name in game.averaged}
    for name, module in found.items():
        state = {key.partition("/")[2]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(f"{path} is not of this game: {error}") from error
    return found


def told(scores: Mapping[int, float]) -> dict[str, float | None]:
    """Scores by step as JSON has them, which knows no inf."""
    return {str(step): score if math.isfinite(score) else None for step, score in scores.items()}


def heard(scores: Mapping[str, float | None]) -> dict[int, float]:
    """What `told` told."""
    return {int(step): math.inf if score is None else float(score) for step, score in scores.items()}


def _scores(folder: Path) -> dict[int, float]:
    with suppress(OSError, ValueError, AttributeError):
        return heard(json.loads((folder / "scores.json").read_text()))
    return {}
