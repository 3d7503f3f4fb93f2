"""Gradients of several processes, joined while the rest of them is still being computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

PART_BYTES = 25 << 20
"""Of one message, as in DDP. Smaller ones leave earlier, but on a CPU every one of them waits for threads that have no core."""


@dataclass(eq=False)
class _Part:
    """Parameters whose gradients travel together.

    Args:
        places: Where in `buffer` the gradient of each is.
        buffer: Of all of them.
        missing: Those whose gradients have not come yet.
        work: What is on its way.
    """

    places: dict[nn.Parameter, Tensor]
    buffer: Tensor
    missing: set[nn.Parameter] = field(default_factory=set)
    work: Any = None


class SharedGradients:
    """Sums gradients over all processes.

    Backward reaches the last parameters first; they travel in parts, each as soon as its last gradient has
    come and those before it have left, so that all processes send the same in the same order (Li et al., "PyTorch
    Distributed", arXiv 2006.15704, section 3.2). Afterwards gradients are views of what was sent: nothing is copied back.

    Args:
        parameters: Of one player, the same in every process.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parts = [_laid_out(group) for group in _grouped(list(parameters)[::-1])]
        self._of = {parameter: part for part in self._parts for parameter in part.places}
        hooked = [p.register_post_accumulate_grad_hook(self._came) for p in self._of]  # type: ignore[no-untyped-call]
        self._hooks = hooked
        self._expected, self._sent = False, 0

    def expect(self) -> None:
        """The backward that comes now is the last one before `gather`."""
        self._expected, self._sent = True, 0
        for part in self._parts:
            part.missing = set(part.places)

    def gather(self) -> None:
        """Wait until every gradient is the sum over all processes; one that none of them has stays away."""
        for part in self._parts:
            for parameter in part.missing:
                part.places[parameter].zero_()
            part.missing.clear()
        self._send()
        for part in self._parts:
            part.work.wait()
        self._expected = False

    def close(self) -> None:
        """Leave the parameters alone."""
        for hook in self._hooks:
            hook.remove()

    def _came(self, parameter: Tensor) -> None:
        if self._expected and isinstance(parameter, nn.Parameter) and parameter.grad is not None:
            part = self._of[parameter]
            parameter.grad = part.places[parameter].copy_(parameter.grad)
            part.missing.discard(parameter)
            self._send()

    def _send(self) -> None:
        """All parts that are whole, in their order."""
        while self._sent < len(self._parts) and not self._parts[self._sent].missing:
            part = self._parts[self._sent]
            part.work = dist.all_reduce(part.buffer, async_op=True)
            self._sent += 1


def _grouped(parameters: list[nn.Parameter]) -> list[list[nn.Parameter]]:
    """In order, no group of several larger than a part, and of one number type each."""
    groups: list[list[nn.Parameter]] = []
    size = 0
    for parameter in parameters:
        own = parameter.numel() * parameter.element_size()
        if not groups or size + own > PART_BYTES or groups[-1][0].dtype != parameter.dtype:
            groups.append([])
            size = 0
        groups[-1].append(parameter)
        size += own
    return groups


def _laid_out(parameters: list[nn.Parameter]) -> _Part:
    """One buffer for all of them; places lie in memory as their parameters do, which fused optimisers want."""
    buffer = torch.zeros(sum(p.numel() for p in parameters), dtype=parameters[0].dtype, device=parameters[0].device)
    places, offset = {}, 0
    for parameter in parameters:
        strides = torch.empty_like(parameter, device="meta").stride()
        places[parameter] = buffer.as_strided(parameter.shape, strides, offset)
        offset += parameter.numel()
    return _Part(places, buffer)
