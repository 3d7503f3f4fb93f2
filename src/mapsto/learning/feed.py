"""The batches of a training: a function of seed, step and process; made one step ahead where another device computes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mapsto.learning.games import Batch
from mapsto.learning.plans import Indices, Plan, Source, order, randomness

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Key = tuple[int, int]
"""Step and number of pieces."""


class Feed:
    """This process's share of every batch, on the device.

    Args:
        source: Of all processes.
        plan: For batch and seed.
        fabric: For rank and device.
    """

    def __init__(self, source: Source, plan: Plan, fabric: Fabric) -> None:
        self.source, self.plan, self.fabric = source, plan, fabric
        self._worker = ThreadPoolExecutor(1) if fabric.device.type != "cpu" else None
        self._ahead: tuple[Key, Future[list[Batch]]] | None = None

    def pieces(self, step: int, accumulate: int) -> list[Batch]:
        """The share of a step, in pieces of about one size."""
        key = step, accumulate
        made = self._ahead[1].result() if self._ahead and self._ahead[0] == key else self._made(*key)
        if self._worker:
            self._ahead = (step + 1, accumulate), self._worker.submit(self._made, step + 1, accumulate)
        return [batch.to(self.fabric.device) for batch in made]

    def _made(self, step: int, accumulate: int) -> list[Batch]:
        plan, rank, world = self.plan, self.fabric.global_rank, self.fabric.world_size
        mine = order(len(self.source), step * plan.batch, plan.batch, plan.seed)[rank::world]
        return [self._piece(step, number, chosen) for number, chosen in enumerate(_split(mine, accumulate))]

    def _piece(self, step: int, number: int, chosen: Indices) -> Batch:
        batch = self.source.batch(chosen, randomness(self.plan.seed, "data", step, self.fabric.global_rank, number))
        return batch.pinned() if self.fabric.device.type == "cuda" else batch


def _split(indices: Indices, pieces: int) -> list[Indices]:
    """In so many pieces, none of them empty."""
    return [piece for piece in np.array_split(indices, pieces) if len(piece)]
