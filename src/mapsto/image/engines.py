"""What computes the style network on a CPU: PyTorch, or OpenVINO, which is faster and comes with the extra `fast`.

With 8-bit numbers in its convolutions (`openvino-int8`) it is faster still, and nothing that is seen changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mapsto.errors import UsageError, nearest
from mapsto.image.graphs import graph, ranges
from mapsto.image.stylize import Stats, StyleNetwork

ENGINES = ("torch", "openvino", "openvino-int8")


def check_engine(name: str) -> None:
    """Refuse what cannot compute here.

    Raises:
        UsageError: an unknown engine, or OpenVINO is not installed.
    """
    if name not in ENGINES:
        near = nearest(name, list(ENGINES)) or list(ENGINES)
        raise UsageError(f"There is no engine called {name!r}.", f"Perhaps {' or '.join(near)}?")
    if name != "torch":
        openvino()


def openvino() -> Any:
    """The library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import openvino as library
    except ImportError as error:
        raise UsageError("OpenVINO is not installed.", "pip install 'mapsto[fast]', or leave --engine out.") from error
    return library


Styles = tuple[tuple[float, ...], ...]
"""Style vectors, [N, S]."""


class OpenVino:
    """A style network computed by OpenVINO, one picture at a time; called like the network itself.

    Every size of picture is compiled once, which takes part of a second. With statistics given, PyTorch computes.

    Args:
        network: In fp32 or bf16, on the CPU.
        threads: To compute with.
        styles: Those that are going to be painted; then convolutions are of 8-bit numbers, fit for them. With None they are of
            the network's numbers.
    """

    def __init__(self, network: StyleNetwork, threads: int, styles: Styles | None = None) -> None:
        self.network, self.threads = network, threads
        self.precision = "bf16" if next(network.parameters()).dtype is torch.bfloat16 else "f32"
        self._ranges = ranges(network, torch.tensor(styles)[:, None]) if styles is not None else None
        self._sizes: dict[tuple[int, int], Callable[..., Any]] = {}

    def __call__(self, x: Tensor, /, *, style: Tensor, noise: Tensor, stats: Stats | None = None) -> Tensor:
        """As `StyleNetwork.forward`."""
        if stats is not None or len(x) > 1:
            out: Tensor = self.network(x, style=style, noise=noise, stats=stats)
            return out
        size = (x.shape[2], x.shape[3])
        if size not in self._sizes:
            self._sizes[size] = self._compiled(*size)
        given = [value.float().contiguous().numpy() for value in (x, style, noise)]
        return torch.from_numpy(np.array(self._sizes[size](given)[0]))

    def _compiled(self, height: int, width: int) -> Callable[..., Any]:
        library = openvino()
        how = {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": self.precision, "NUM_STREAMS": 1}
        how["ENABLE_CPU_PINNING"] = False  # else all workers sit on the first core
        drawn = graph(library, self.network, height, width, self._ranges)
        compiled: Callable[..., Any] = library.Core().compile_model(drawn, "CPU", how)
        return compiled


@lru_cache(maxsize=1)
def compiled(network: StyleNetwork, threads: int, styles: Styles | None = None) -> OpenVino:
    """A network ready to be compiled; the last one is kept with its sizes, so that the next part of a film begins at once."""
    return OpenVino(network, threads, styles)
