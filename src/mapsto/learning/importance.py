"""Which weights matter for what a game has learned: the diagonal of the Fisher information, for elastic weight consolidation.

    F = E (∂L/∂w)²      Kirkpatrick et al., arXiv 1612.00796, after eq. 3: over single pictures, what is minimised being −log p

Where the pictures that the weights learned from are not at hand, the model's own samples stand in for them (Li et al.,
"Few-shot Image Generation with Elastic Weight Consolidation", arXiv 2012.02780).
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from mapsto.learning.games import Game, Moment
from mapsto.learning.plans import Source
from mapsto.learning.restraint import weights_of


def importance(game: Game, source: Source, *, count: int = 200, seed: int = 0) -> dict[str, Tensor]:
    """F of every weight of every player, as a multiple of the player's mean: on the CPU, by the names of `game.state_dict()`.

    The mean of 1 makes one strength mean about the same for EWC and for L2-SP.

    Args:
        game: With its trained weights; played on a copy, as at the end of a run.
        source: Of the pictures that must not be forgotten.
        count: Pictures to look at, one by one: the mean of squares is not the square of a mean.
        seed: Of what the game draws.
    """
    copy = deepcopy(game).eval()
    held = weights_of(copy)
    for weight in held.values():
        weight.requires_grad_(True)
    total = {name: torch.zeros_like(weight, dtype=torch.float32, device="cpu") for name, weight in held.items()}
    generator = torch.Generator().manual_seed(seed)
    for number in range(count):
        for name, gradient in _gradients(copy, source, number, generator).items():
            total[name] += gradient.float().cpu().square()
    return _by_mean(copy, total)


def _gradients(game: Game, source: Source, number: int, generator: torch.Generator) -> dict[str, Tensor]:
    """The gradient of each player's loss at one picture, by name; without those that have none."""
    found: dict[str, Tensor] = {}
    for player in game.players:
        own = weights_of(game, player)
        device = next(iter(own.values())).device
        batch = source.batch(np.array([number % len(source)]), generator).to(device)
        terms = game.terms(player, batch, Moment(number, 1 - 1e-6, number, generator))
        if terms:
            loss = torch.stack([term.float() for term in terms.values()]).sum()
            gradients = torch.autograd.grad(loss, list(own.values()), allow_unused=True)
            found |= {name: slope for name, slope in zip(own, gradients, strict=True) if slope is not None}
    return found


def _by_mean(game: Game, total: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each player's own divided by their mean: losses of two players are not of one size."""
    found: dict[str, Tensor] = {}
    for player in game.players:
        own = {name: total[name] for name in weights_of(game, player)}
        mean = sum(float(value.sum()) for value in own.values()) / sum(value.numel() for value in own.values())
        found |= {name: value / max(mean, 1e-30) for name, value in own.items()}
    return found
