"""A game of two players with everything that a checkpoint can forget, small enough to be killed twenty times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.learning.checkpoint import newest
from mapsto.learning.fit import Plan, Report, fit
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.plans import Indices


class Points:
    """Random pictures of 4 × 4 pixels, some of them mirrored."""

    def __init__(self, count: int = 37, seed: int = 1, *, flip: bool = True) -> None:
        self.pixels = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
        self.digest, self.flip = f"{count}-{seed}", flip

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, indices: Indices, generator: torch.Generator) -> Batch:
        x = self.pixels[torch.from_numpy(indices)]
        if self.flip:
            x = torch.where(torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5, x, x.flip(-1))
        return Batch(x)


class Plain(Game):
    """One player that learns to halve its pictures; nothing about it is random."""

    players = averaged = ("net",)
    rates = {"net": 1e-2}  # noqa: RUF012 (a table, as every game has one)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1))

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        return {"square": (self.net(batch.x) - 0.5 * batch.x).square().mean()}

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        x = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        return average["net"](x).clamp(0, 1)


class Duel(Game):
    """Two players with dropout, running statistics, drawn noise, an adaptive probability, and a term of every fourth step."""

    players = ("critic", "maker")
    averaged = ("maker",)
    rates = {"critic": 2e-3, "maker": 1e-3}  # noqa: RUF012

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Flatten(), nn.Linear(16, 1))
            self.maker = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1))
        self.p, self.trace = 0.0, torch.zeros(3)

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        noise = torch.randn(batch.x.shape, generator=moment.generator)
        if player == "maker":
            return {"adversarial": nn.functional.softplus(-self.critic(self.maker(noise))).mean()}
        with torch.no_grad():
            fake = self.maker(noise)
        real = self.critic(batch.x + self.p * torch.randn(batch.x.shape, generator=moment.generator))
        self.p = min(max(self.p + 0.01 * float(real.detach().sign().mean()), 0.0), 1.0)
        self.trace = 0.9 * self.trace + batch.x.mean((0, 2, 3))
        found = {"real": nn.functional.softplus(-real).mean(), "fake": nn.functional.softplus(self.critic(fake)).mean()}
        if moment.step % 4 == 0:
            found["penalty"] = 0.1 * real.square().mean()
        return found

    def noted(self) -> dict[str, float]:
        return {"p": self.p}

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        return average["maker"](torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))).sigmoid()

    def extra_state(self) -> dict[str, Tensor | float | int]:
        return {"p": self.p, "trace": self.trace}

    def load_extra_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        self.p, self.trace = float(state["p"]), torch.as_tensor(state["trace"]).clone()


def plan(steps: int, **settings: Any) -> Plan:
    """For one thread, in fp32."""
    return Plan(
        steps,
        **{"batch": 8, "precision": "fp32", "device": "cpu", "threads": 1, "rows": 10, "samples": 4, "samples_every": 50}
        | settings,
    )


def played(
    game: Game, order: Plan, run: Path, *, source: Points | None = None, resume: bool = False, **more: Any
) -> list[Report]:
    """All reports of a training."""
    return list(fit(game, Points() if source is None else source, order, run, resume=resume, **more))


def kept(run: Path) -> dict[str, Tensor]:
    """Every tensor of the newest checkpoint, free of its file."""
    found = newest(run)
    assert found is not None
    return {name: tensor.clone() for name, tensor in found.tensors.items()}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
