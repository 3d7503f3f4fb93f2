"""The players of a game on their device: optimisers, moving averages, and one turn of each a step."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from mapsto import device
from mapsto.errors import WeightsError
from mapsto.learning.feed import Feed
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.gradients import SharedGradients
from mapsto.learning.launch import same_everywhere
from mapsto.learning.plans import Plan, average_weight, randomness, rate_at

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""What Adam remembers of a parameter."""

TIMED = 4
"""Steps that tell how long the others will take: lazy penalties usually come every fourth."""


class Players:
    """All that changes in a training, and how it changes in a step.

    Args:
        game: Moved to the device of `fabric`, channels last, with all its modules; the players are put in training mode.
        plan: How to train; its precision is settled.
        fabric: Where.
    """

    def __init__(self, game: Game, plan: Plan, fabric: Fabric) -> None:
        self.game, self.plan, self.fabric = game, plan, fabric
        game.to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.parts = {name: game.part(name).train() for name in game.players}
        self.trained = {name: _trained(part) for name, part in self.parts.items()}
        same_everywhere((t for part in self.parts.values() for t in part.state_dict().values()), fabric)
        several = fabric.world_size > 1
        self.shared = {name: SharedGradients(self.trained[name].values()) for name in game.players if several}
        self.optimisers = {name: self._optimiser(name) for name in game.players}
        self.averages = {name: copy.deepcopy(game.part(name)).eval().requires_grad_(False) for name in game.averaged}

    def _optimiser(self, player: str) -> torch.optim.Optimizer:
        parameters, game = list(self.trained[player].values()), self.game
        fused = self.fabric.device.type in ("cpu", "cuda")  # one pass over memory instead of ten
        return torch.optim.AdamW(
            parameters, lr=game.rates[player], betas=game.betas, weight_decay=game.decay, eps=1e-8, fused=fused
        )

    def step(self, step: int, steps: int, pieces: Sequence[Batch], slower: float = 1.0) -> Iterator[dict[str, Tensor]]:
        """One turn of every player, then the averages; yields what each turn minimised, by name, as scalars on the device.

        Args:
            step: Taken before this one.
            steps: Of the whole run.
            pieces: Of this process's share of the batch, on the device.
            slower: Factor of all rates.
        """
        part, rank = step / steps, self.fabric.global_rank
        pace = slower * rate_at((step + 0.5) / steps, self.plan.warmup, self.plan.final_rate)
        for number, player in enumerate(self.game.players):
            moments = [
                Moment(step, part, step * self.plan.batch, randomness(self.plan.seed, "turn", step, rank, number, piece))
                for piece in range(len(pieces))
            ]
            yield self._turn(player, pieces, moments, pace)
        self._agree()
        self._settle(average_weight((step + 1) * self.plan.batch, self.plan.batch, self.plan.ema))

    def _turn(self, player: str, pieces: Sequence[Batch], moments: Sequence[Moment], pace: float) -> dict[str, Tensor]:
        optimiser = self.optimisers[player]
        self._only(player)
        optimiser.zero_grad()
        found: dict[str, Tensor] = {}
        for number, (batch, moment) in enumerate(zip(pieces, moments, strict=True), 1):
            device.reseed(self.fabric.device, moment.generator.initial_seed())  # dropout asks nobody for a generator
            with self.precision():
                terms = self.game.terms(player, batch, moment)
            share = len(batch.x) / self.plan.batch
            if player in self.shared and number == len(pieces):
                self.shared[player].expect()
            if terms:
                (share * torch.stack([term.float() for term in terms.values()]).sum()).backward()  # type: ignore[no-untyped-call]
            for name, term in terms.items():
                found[name] = found.get(name, 0) + share * self.fabric.world_size * term.detach().float()
        if found:
            found["gradient"] = self._descend(player, pace, self.game.betas_at(moments[0].part))
        return found

    def precision(self) -> torch.autocast:
        """Autocast to bf16 where the plan says so."""
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.plan.precision == "bf16")

    def _only(self, player: str) -> None:
        """Let the parameters of one player alone require gradients."""
        for name, parameters in self.trained.items():
            for parameter in parameters.values():
                parameter.requires_grad_(name == player)

    def leave(self) -> None:
        """Give the game back as it came: everything that was trained requires gradients, and holds none."""
        for shared in self.shared.values():
            shared.close()
        for name, parameters in self.trained.items():
            self.optimisers[name].zero_grad()
            for parameter in parameters.values():
                parameter.requires_grad_(True)

    def _descend(self, player: str, pace: float, betas: tuple[float, float]) -> Tensor:
        """One step of the optimiser; the length of the gradient."""
        moved = [p for p in self.trained[player].values() if p.grad is not None]
        if player in self.shared:
            self.shared[player].gather()
        gradients = [p.grad for p in moved if p.grad is not None]
        length = get_total_norm(gradients)
        if self.plan.clip is not None:
            clip_grads_with_norm_(moved, self.plan.clip, length)
        for group in self.optimisers[player].param_groups:
            group["lr"], group["betas"] = self.game.rates[player] * pace, betas
        self.optimisers[player].step()
        return length

    def _agree(self) -> None:
        """What no gradient carries, running statistics and the game's own state, is everywhere as the first process has it."""
        if self.fabric.world_size > 1:
            same_everywhere((buffer for part in self.parts.values() for buffer in part.buffers()), self.fabric)
            if own := self.game.extra_state():
                self.game.load_extra_state(self.fabric.broadcast(own))

    def _settle(self, weight: float) -> None:
        """Move the averages; buffers, as running statistics, are taken over."""
        with torch.no_grad():
            for name, average in self.averages.items():
                current = self.game.part(name)
                old, new = (list[Tensor](module.parameters()) for module in (average, current))
                if old:
                    torch._foreach_lerp_(old, new, 1 - weight)
                for kept, buffer in zip(average.buffers(), current.buffers(), strict=True):
                    kept.copy_(buffer)

    def state(self) -> dict[str, Tensor]:
        """Every tensor that changes, by name."""
        found = {
            f"player/{name}/{key}": tensor for name, part in self.parts.items() for key, tensor in part.state_dict().items()
        }
        for name, average in self.averages.items():
            found |= {f"average/{name}/{key}": tensor for key, tensor in average.state_dict().items()}
        for name, parameters in self.trained.items():
            known = self.optimisers[name].state
            for key, parameter in parameters.items():
                found |= {f"optimiser/{name}/{key}/{kind}": known[parameter][kind] for kind in MOMENTS if parameter in known}
        return found

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave.

        Raises:
            WeightsError: names or shapes that are not those of this game.
        """
        wanted = {name: tensor for name, tensor in self.state().items() if not name.startswith("optimiser/")}
        given = {name for name in tensors if not name.startswith(("optimiser/", "extra/"))}
        for name in sorted(wanted.keys() ^ given):
            raise WeightsError(f"The checkpoint {'lacks' if name in wanted else 'has an unknown'} {name}.")
        for name, tensor in wanted.items():
            _fill(name, tensor, tensors[name])
        for name, parameters in self.trained.items():
            self._load_optimiser(name, parameters, tensors)

    def _load_optimiser(self, name: str, parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor]) -> None:
        optimiser = self.optimisers[name]
        optimiser.state.clear()
        for key, parameter in parameters.items():
            stored = {kind: tensors.get(f"optimiser/{name}/{key}/{kind}") for kind in MOMENTS}
            if all(tensor is not None for tensor in stored.values()):  # none before the first step, nor of what is never used
                optimiser.state[parameter] = {
                    kind: _like(parameter, name, kind, t) for kind, t in stored.items() if t is not None
                }


def seconds_a_step(players: Players, feed: Feed) -> float:
    """Mean of some steps after one to warm up; the players move, so they have to be put back."""
    for step in range(TIMED + 1):
        if step == 1:
            device.synchronize(players.fabric.device)
            start = time.perf_counter()
        for _ in players.step(step, 1000, feed.pieces(step, players.plan.accumulate)):
            pass
    device.synchronize(players.fabric.device)
    return (time.perf_counter() - start) / TIMED


def _trained(part: nn.Module) -> dict[str, nn.Parameter]:
    """What is not frozen."""
    return {name: parameter for name, parameter in part.named_parameters() if parameter.requires_grad}


def _like(parameter: Tensor, name: str, kind: str, stored: Tensor) -> Tensor:
    """A stored moment as the optimiser keeps it: laid out like its parameter; its count of steps is a scalar."""
    count = torch.zeros((), device=parameter.device)
    return _fill(f"{name}/{kind}", count if kind == "step" else torch.empty_like(parameter, requires_grad=False), stored)


def _fill(name: str, tensor: Tensor, stored: Tensor) -> Tensor:
    if tensor.shape != stored.shape:
        raise WeightsError(f"The checkpoint has {name} of shape {tuple(stored.shape)}, and {tuple(tensor.shape)} is wanted.")
    with torch.no_grad():
        return tensor.copy_(stored)
