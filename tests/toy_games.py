"""Small games whose optimum is known: a dot that goes to the mean of its data, and a pair that pulls at one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mapsto.learning.games import Batch, Game, Moment


class Dot(nn.Module):
    """A point in the plane, as two tensors of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.randn(1))
        self.y = nn.Parameter(torch.randn(1))

    def at(self) -> Tensor:
        return torch.cat([self.x, self.y])


class DotGame(Game):
    """One player: minimises the mean square distance to the data, so that it ends at their mean."""

    players = averaged = ("dot",)

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.dot = Dot()
        self.rates = {"dot": rate}
        self.turns = 0

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        self.turns += 1
        return {"square": (batch.x.flatten(1) - self.dot.at()).square().sum(1).mean()}

    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        return average["dot"].at().clamp(0, 1).view(1, 2, 1, 1).expand(count, -1, 8, 8)[:, :1]  # type: ignore[operator]

    def noted(self) -> dict[str, float]:
        return {"turns": float(self.turns)}

    def extra_state(self) -> dict[str, Tensor | float | int]:
        return {"turns": self.turns}

    def load_extra_state(self, state: dict[str, Tensor | float | int]) -> None:  # type: ignore[override]
        self.turns = int(state["turns"])


class PairGame(Game):
    """Two players of several layers, as a GAN has them."""

    players = ("critic", "generator")
    averaged = ("generator",)

    def __init__(self) -> None:
        super().__init__()
        layers = [
            nn.Linear(2, 4),
            nn.Tanh(),
            nn.Linear(4, 4),
            nn.Tanh(),
            nn.Linear(4, 4),
            nn.Tanh(),
            nn.Linear(4, 1, bias=False),
        ]
        self.critic = nn.Sequential(*layers)  # a last bias would cancel out
        self.generator = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.rates = {"critic": 1e-2, "generator": 1e-2}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        z = torch.randn(len(batch.x), 3, generator=moment.generator)
        apart = self.critic(batch.x.flatten(1)) - self.critic(self.generator(z))
        return {"adversary": nn.functional.softplus(-apart if player == "critic" else apart).mean()}


class Points:
    """Points of the plane [N, 2] as a source of pictures [B, 2, 1, 1]."""

    def __init__(self, points: Tensor) -> None:
        self.points, self.digest = points, str(points.tolist())

    def __len__(self) -> int:
        return len(self.points)

    def batch(self, indices: np.ndarray, generator: torch.Generator) -> Batch:
        return Batch(self.points[torch.from_numpy(indices)][:, :, None, None])
