"""Where and how to compute: device, number type, threads, memory, seeds. The only file that names cuda."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.errors import MapstoError, UsageError, nearest
from mapsto.files import atomic, cache_dir

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
SEEDS = 2**63
WORTH_IT = 1.15
"""bf16 loses digits, so it has to be this much faster than fp32 to be chosen."""

KEPT = 256 << 20
"""Bytes of freed memory that stay with the process at the end of its heap."""

LARGE, OLD_LARGE = 64 << 20, 32 << 20
"""Arrays of so many bytes are given back all the same, so that memory has no holes: of 12 megapixels, painting takes 19 % less
time and as much memory as before; with 128 MB it takes 30 % less time and .4 GB more. Older glibc takes the smaller number."""

PAD = 16 << 20
"""Bytes by which the heap grows at least."""

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""As malloc.h numbers them."""


def pick(wanted: str = "auto") -> torch.device:
    """The device to compute on. Where it is the CPU, `keep_memory` from now on.

    Args:
        wanted: "cpu", "cuda", "mps", one of several as "cuda:1", or "auto": the first that is there of cuda, mps and cpu.

    Raises:
        UsageError: an unknown device, or one that is not there.
    """
    import torch

    kind, _, index = wanted.lower().partition(":")
    _known("device", kind, DEVICES)
    if kind == "auto":
        kind = wanted = next(name for name in ("cuda", "mps", "cpu") if _count(name))
    if kind == "cpu":
        keep_memory()
    if (index and not index.isdecimal()) or int(index or 0) >= _count(kind):
        there = ", ".join(name for name in DEVICES[1:] if _count(name))
        raise UsageError(f"There is no device {wanted} that this installation of PyTorch can use.", f"There is: {there}.")
    return torch.device(wanted.lower())


def take_own_card() -> None:
    """As one of several processes that torchrun started on this machine: let "cuda" be a card of its own, where it can."""
    import torch

    if (cards := _count("cuda")) > 1:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % cards)


@cache
def keep_memory() -> bool:
    """Let this process keep the memory that it frees, up to `KEPT`, for what it needs next; whether it does (glibc only).

    As it comes, glibc gives arrays of 32 MB and more back to the system at once, and smaller ones where they lie at the end of
    its heap. The next layer asks for as much again, and gets pages that have to be emptied first, one fault each. Who sets
    glibc's own variables is left alone.
    """
    if any(name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")):
        return False
    libc = _glibc()
    if libc is None or not (libc.mallopt(M_MMAP_THRESHOLD, LARGE) or libc.mallopt(M_MMAP_THRESHOLD, OLD_LARGE)):
        return False
    return bool(libc.mallopt(M_TRIM_THRESHOLD, KEPT) and libc.mallopt(M_TOP_PAD, PAD))


def return_memory() -> None:
    """Give back to the system what is free now (glibc only): threads that come and go, as encoders have them, leave holes."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> Any:
    """The C library of this process, or None where it is another one."""
    import ctypes

    with suppress(OSError, AttributeError, ValueError):
        if (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return ctypes.CDLL(None)
    return None


def precision(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """The number type for networks.

    Args:
        device: Where they will run.
        wanted: "fp32", "bf16", or "auto": bf16 where it is measured to be clearly faster. Measured once per machine and
            remembered in the cache folder.

    Raises:
        UsageError: an unknown precision.
    """
    import torch

    _known("precision", wanted, PRECISIONS)
    if wanted == "auto":
        wanted = _faster(device)
    return torch.bfloat16 if wanted == "bf16" else torch.float32


def set_threads(count: int | None = None) -> int:
    """Compute with so many threads, by default with as many as this process may use cores; returns the number.

    Raises:
        UsageError: fewer than one.
    """
    import torch

    if count is not None and count < 1:
        raise UsageError(f"{count} threads cannot compute anything.", "Give 1 or more.")
    threads = count or cores()
    torch.set_num_threads(threads)
    return threads


def cores() -> int:
    """Cores this process may use: what the scheduler and, in a container, its quota allow."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        allowed = min(allowed, max(1, round(int(quota) / int(period))))
    return allowed


def generator(seed: int) -> torch.Generator:
    """Random numbers that depend on the seed alone: drawn on the CPU and moved afterwards, so every device sees the same.

    Raises:
        UsageError: a seed outside [0, 2⁶³).
    """
    import torch

    if not 0 <= seed < SEEDS:
        raise UsageError(f"The seed {seed} is out of range.", "Seeds are whole numbers from 0 to 2^63 - 1.")
    return torch.Generator("cpu").manual_seed(seed)


def reseed(device: torch.device, seed: int) -> None:
    """Set the global random numbers of the CPU and of one device, which layers such as dropout draw from."""
    import torch

    torch.default_generator.manual_seed(seed)  # torch.manual_seed costs milliseconds where CUDA is not in use
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Within it the same steps give the same bits: of algorithms on a GPU, those that do are chosen."""
    import torch

    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrices are multiplied
    cudnn, before = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    kept = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # for debugging, and it takes time
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = kept
        torch.use_deterministic_algorithms(before)


def peak_memory(device: torch.device) -> int | None:
    """The most bytes this process has held at once on the device, since it started; None where nobody knows."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was told; without this a clock measures the telling."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be asked for without swapping, None where nobody knows."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    known = [size for size in (_free_here(), _free_in_container()) if size is not None]
    return min(known) if known else None


def name(device: torch.device) -> str:
    """What the device calls itself, as "NVIDIA H100" or the model of the CPU."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _known(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        near = nearest(given, list(known)) or known
        raise UsageError(f"There is no {what} called {given!r}.", f"Perhaps {' or '.join(near)}?")


def _count(kind: str) -> int:
    """How many devices of a kind there are."""
    import torch

    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return 1 if kind == "cpu" else int(torch.backends.mps.is_available())


@cache
def _faster(device: torch.device) -> str:
    """Either bf16 or fp32, from the cache folder or from a measurement."""
    import torch

    remembered = cache_dir() / "precision.json"
    machine = f"{device.type}, {name(device)}, torch {torch.__version__}"
    answers = _read(remembered)
    if answers.get(machine) not in PRECISIONS[1:]:
        fp32, bf16 = race(device)
        answers[machine] = "bf16" if bf16 * WORTH_IT < fp32 else "fp32"
        with suppress(MapstoError, OSError), atomic(remembered) as file:  # a full disk only means measuring again
            file.write_text(json.dumps(answers, indent=1))
    return answers[machine]


def _read(file: Path) -> dict[str, str]:
    """The remembered answers; a missing or damaged file knows nothing."""
    with suppress(OSError, ValueError):
        answers = json.loads(file.read_text())
        if isinstance(answers, dict):
            return answers
    return {}


def race(device: torch.device) -> tuple[float, float]:
    """Seconds of the usual convolution in fp32 and in bf16: best of several, in turns so that both meet the same load."""
    import torch

    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for _ in range(5):  # the first round pays for warming up
        for dtype in best:
            best[dtype] = min(best[dtype], _seconds(device, dtype))
    return best[torch.float32], best[torch.bfloat16]


def _seconds(device: torch.device, dtype: torch.dtype) -> float:
    import torch
    from torch.nn.functional import conv2d

    x = torch.ones(1, 64, 96, 96, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    kernel = torch.ones(64, 64, 3, 3, device=device, dtype=dtype).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        synchronize(device)
        start = time.perf_counter()
        for _ in range(2):
            conv2d(x, kernel, padding=1)
        synchronize(device)
    return time.perf_counter() - start


def _free_here() -> int | None:
    with suppress(OSError, ValueError, KeyError):
        return 1024 * int(_table(Path("/proc/meminfo"))["MemAvailable:"])
    return None


def _free_in_container() -> int | None:
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError, KeyError):  # "max" is no limit, and no number
        used = int((group / "memory.current").read_text()) - int(_table(group / "memory.stat")["inactive_file"])
        return int((group / "memory.max").read_text()) - used
    return None


def _table(file: Path) -> dict[str, str]:
    """Lines of "name value …"."""
    return {words[0]: words[1] for words in map(str.split, file.read_text().splitlines()) if len(words) > 1}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out: PyTorch says so in several ways."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and ("can't allocate memory" in str(error) or "not enough memory" in str(error))
