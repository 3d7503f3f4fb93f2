"""What computes the style network on a CPU: PyTorch, or OpenVINO, which is faster and comes with the extra `fast`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mapsto.errors import UsageError, nearest
from mapsto.image.stylize import Stats, StyleNetwork

ENGINES = ("torch", "openvino")


def check_engine(name: str) -> None:
    """Refuse what cannot compute here.

    Raises:
        UsageError: an unknown engine, or OpenVINO is not installed.
    """
    if name not in ENGINES:
        near = nearest(name, list(ENGINES)) or list(ENGINES)
        raise UsageError(f"There is no engine called {name!r}.", f"Perhaps {' or '.join(near)}?")
    if name == "openvino":
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


class OpenVino:
    """A style network computed by OpenVINO, one picture at a time; called like the network itself.

    Every size of picture is compiled once, which takes a second or two. With statistics given, PyTorch computes.

    Args:
        network: In fp32 or bf16, on the CPU.
        threads: To compute with.
    """

    def __init__(self, network: StyleNetwork, threads: int) -> None:
        self.network, self.threads = network, threads
        self.precision = "bf16" if next(network.parameters()).dtype is torch.bfloat16 else "f32"
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
        plain = _Plain(copy.deepcopy(self.network).float().to(memory_format=torch.contiguous_format)).eval()  # type: ignore[call-overload]
        example = (
            torch.zeros(1, 3, height, width),
            torch.zeros(1, self.network.style_size),
            torch.zeros(1, 3, height // 4, width // 4),
        )
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(plain, example, check_trace=False)  # type: ignore[no-untyped-call]
            model = library.convert_model(traced, example_input=example)
        model.reshape({port: list(value.shape) for port, value in zip(model.inputs, example, strict=True)})
        how = {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": self.precision, "NUM_STREAMS": 1}
        how["ENABLE_CPU_PINNING"] = False  # else all workers sit on the first core
        compiled: Callable[..., Any] = library.Core().compile_model(model, "CPU", how)
        return compiled


@lru_cache(maxsize=1)
def compiled(network: StyleNetwork, threads: int) -> OpenVino:
    """A network ready to be compiled; the last one is kept with its sizes, so that the next part of a film begins at once."""
    return OpenVino(network, threads)


class _Plain(nn.Module):
    """The network without keywords, as tracing wants it."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """[1, 3, H, W], [1, S], [1, 3, H/4, W/4] → [1, 3, H, W]."""
        out: Tensor = self.network(x, style=style, noise=noise)
        return out
