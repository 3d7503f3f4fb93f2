"""One process or several that `torchrun` started, on any device: what a training needs to know of them."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor

from mapsto import device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def launch(place: torch.device) -> Fabric:
    """Fabric on a device, joined with the other processes that `torchrun` started."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if TorchElasticEnvironment.detect() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // here
        environment = TorchElasticEnvironment()
        fabric = Fabric(accelerator=place.type, strategy="ddp", devices=here, num_nodes=nodes, plugins=environment)
    else:
        devices = [place.index or 0] if place.type == "cuda" else 1
        fabric = Fabric(accelerator=place.type, devices=devices, plugins=LightningEnvironment())
    with _quiet():
        fabric.launch()
    if fabric.world_size > 1:
        atexit.unregister(_part)
        atexit.register(_part)
    return fabric


def _part() -> None:
    """Leave the others in good order: else Gloo's threads are now and then cut off, and a training that is done fails."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def _quiet() -> Iterator[None]:
    """Fabric tells the terminal which processes have joined."""
    logger = logging.getLogger("lightning_fabric")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def own_cores() -> int:
    """This process's part of the cores, which it shares with the others on this machine."""
    return max(1, device.cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def same_everywhere(tensors: Iterable[Tensor], fabric: Fabric) -> None:
    """Give every process the tensors of the first, in place."""
    if fabric.world_size > 1:
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def any_of(flags: Sequence[bool], fabric: Fabric) -> list[bool]:
    """What at least one of the processes says yes to: one answer for all of them."""
    if fabric.world_size == 1:
        return list(flags)
    told = torch.tensor(flags, dtype=torch.int32, device=fabric.device)
    dist.all_reduce(told, dist.ReduceOp.MAX)
    return [bool(flag) for flag in told.tolist()]
