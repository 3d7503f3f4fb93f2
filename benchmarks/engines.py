"""The style network on one thread: CPU-seconds by size, number type and engine, against the machine's own peak."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from report import SIZES, Aim, section, table
from torch import Tensor, nn

from mapsto import device, weights
from mapsto.errors import UsageError
from mapsto.image.engines import OpenVino, openvino
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.image.tiles import padded

Call = Callable[[], object]
Times = dict[tuple[str, str], float]
"""CPU-seconds by engine and size."""

Peaks = dict[str, tuple[float, str]]
"""10⁹ multiply-adds a CPU-second by number type, and at what they were reached."""


def seconds(call: Call, budget: float = 3.0, most: int = 15) -> float:
    """Median CPU-seconds of a call, after one to warm up; as often as the budget allows, at least three times."""
    call()
    found: list[float] = []
    while len(found) < 3 or (len(found) < most and sum(found) < budget):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return statistics.median(found)


def best(call: Call, rounds: int = 8) -> float:
    """Least CPU-seconds of a call: what the machine can do."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found[1:])


def macs(network: StyleNetwork, height: int, width: int) -> int:
    """Multiply-adds of one picture: Σ over convolutions of outputs · inputs of each; linear layers likewise."""
    counted = 0

    def count(module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal counted
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        counted += output.numel() * weight[0].numel()

    kinds = (nn.Conv2d, nn.Linear)
    hooks = [part.register_forward_hook(count) for part in network.modules() if isinstance(part, kinds)]
    network_call(network, height, width, torch.float32)()
    for hook in hooks:
        hook.remove()
    return counted


def network_call(network: Any, height: int, width: int, dtype: torch.dtype) -> Call:
    """One picture through the network, sides rounded up to multiples of 8."""
    height, width = padded(height), padded(width)
    x, style = torch.rand(1, 3, height, width), torch.randn(1, 64).to(dtype)
    noise = noise_like(height, width).to(dtype)

    def call() -> Tensor:
        with torch.inference_mode():
            painted: Tensor = network(x, style=style, noise=noise)
            return painted

    return call


def peak(dtype: torch.dtype) -> tuple[float, str]:
    """The most multiply-adds per CPU-second that one thread reached here, in units of 10⁹, and at what."""
    found: dict[str, float] = {}
    with torch.inference_mode():
        for side in (512, 1024, 2048):
            a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
            found[f"{side}² matrices"] = side**3 / best(lambda a=a, b=b: a @ b)  # type: ignore[misc]
        for channels, side in ((64, 128), (128, 64), (128, 128)):
            x = torch.randn(1, channels, side, side).to(dtype, memory_format=torch.channels_last)
            kernel = torch.randn(channels, channels, 3, 3).to(dtype, memory_format=torch.channels_last)
            spent = best(lambda x=x, kernel=kernel: F.conv2d(x, kernel, padding=1))  # type: ignore[misc]
            found[f"3×3 convolution, {channels} channels, {side}²"] = 9 * channels**2 * side**2 / spent
    name = max(found, key=lambda key: found[key])
    return found[name] / 1e9, name


def measured(*, compiled: bool) -> tuple[str, list[Aim]]:
    """Seconds per picture by size and engine, and how much of the machine that uses; compiling takes minutes."""
    torch.set_num_threads(1)
    base = weights.load("style-s", expect="StyleNetwork")
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {name: peak(dtype) for name, dtype in kinds.items()}
    ready = {name: _copy(base, dtype) for name, dtype in kinds.items()}
    work = {label: macs(ready["fp32"], *size) / 1e9 for label, size in SIZES.items()}
    times: Times = {}
    for name, dtype in kinds.items():
        for label, size in SIZES.items():
            times[f"eager {name}", label] = seconds(network_call(ready[name], *size, dtype))
    notes = []
    if compiled:
        notes += [_compiled(ready[name], name, dtype, times) for name, dtype in kinds.items()]
    notes += [_openvino(ready[name], dtype, name, times) for name, dtype in kinds.items()]
    again = {name: max(peaks[name], peak(dtype)) for name, dtype in kinds.items()}
    return _network_section(times, work, again, notes), _network_aims(times, work, again)


def _copy(network: Any, dtype: torch.dtype) -> Any:
    return copy.deepcopy(network).to(dtype).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _compiled(network: Any, name: str, dtype: torch.dtype, times: Times) -> str:
    """`torch.compile` at every size, one graph each; what compiling took, or why it did not work."""
    start = time.monotonic()
    try:
        for label in ("256²", "512²", "1024²"):
            torch.compiler.reset()
            times[f"compiled {name}", label] = seconds(network_call(torch.compile(network), *SIZES[label], dtype))
    except Exception as error:  # an engine that is not there is a dash in the table
        return f"torch.compile in {name} failed here: {type(error).__name__}."
    return f"torch.compile in {name}: {time.monotonic() - start:.0f} s for three graphs and their timing; 12 Mpx left out."


def _openvino(network: Any, dtype: torch.dtype, name: str, times: Times) -> str:
    """OpenVINO as films use it, where it is installed."""
    try:
        version = openvino().__version__.split("-")[0]
    except UsageError:
        return "OpenVINO is not installed here (`pip install 'mapsto[fast]'`)."
    ready = OpenVino(network, threads=1)
    for label in ("256²", "512²", "1024²"):
        times[f"OpenVINO {name}", label] = seconds(network_call(ready, *SIZES[label], dtype))
    return f"OpenVINO {version} in {name}, as films use it."


def _network_section(times: Times, work: dict[str, float], peaks: Peaks, notes: Sequence[str]) -> str:
    engines = list(dict.fromkeys(engine for engine, _ in times))
    rows = [
        (engine, *(f"{times[engine, label]:.3f}" if (engine, label) in times else "–" for label in SIZES)) for engine in engines
    ]
    shares = [(engine, *(_share(times, work, peaks, engine, label) for label in SIZES)) for engine in engines]
    gmac = [("10⁹ multiply-adds", *(f"{work[label]:.2f}" for label in SIZES))]
    told = ", ".join(f"{name}: {value:.1f} GMAC/s = {2 * value:.0f} GFLOP/s ({at})" for name, (value, at) in peaks.items())
    return section(
        "The network on one thread",
        "CPU-seconds a picture; random input, channels_last.\n",
        table(("engine", *SIZES), rows + gmac),
        f"The machine's own peak, one thread, best of several shapes, same process: {told}.\n",
        "Share of that peak:\n",
        table(("engine", *SIZES), shares),
        *(f"{note}\n" for note in notes),
    )


def _share(
    times: Times,
    work: dict[str, float],
    peaks: Peaks,
    engine: str,
    label: str,
) -> str:
    if (engine, label) not in times:
        return "–"
    return f"{100 * work[label] / times[engine, label] / peaks[engine.split()[-1]][0]:.0f} %"


def _network_aims(times: Times, work: dict[str, float], peaks: Peaks) -> list[Aim]:
    default = "bf16" if device.precision(torch.device("cpu")) == torch.bfloat16 else "fp32"
    spent = times[f"eager {default}", "512²"]
    share = work["512²"] / spent / peaks[default][0]
    return [
        Aim(f"512² on one thread, default precision ({default})", "≤ 0.25 CPU-s", f"{spent:.3f} CPU-s", spent <= 0.25),
        Aim(f"share of the machine's peak, 512², {default}", "≥ 50 %", f"{100 * share:.0f} %", share >= 0.5),
    ]
