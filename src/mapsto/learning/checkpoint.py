"""Checkpoints: everything that changes in a training, in one file that is either whole or not there.

Safetensors for all tensors as they are, bit for bit, and JSON in the header for the rest. The newest two are kept: if one turns
out damaged, the other takes its place.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack
from torch import Tensor

from mapsto.errors import UnreadableInput
from mapsto.files import atomic

KEY = "mapsto.checkpoint"
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, on the CPU, and facts that JSON can hold: step, images, seconds."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, in one step, and remove those that are no longer needed.

    Raises:
        NoSpace: it cannot be written; what was there stays.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    facts = json.dumps({**checkpoint.facts, "crc": _crc(tensors)})
    path = folder / f"checkpoint-{checkpoint.facts['step']:08d}.safetensors"
    with atomic(path) as temporary:
        temporary.write_bytes(pack(tensors, {KEY: facts}))
    for old in checkpoints(folder)[KEPT:]:
        with suppress(OSError):
            old.unlink()
    return path


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None where there is none at all.

    Raises:
        UnreadableInput: there are checkpoints, and all are damaged.
    """
    return _first_whole(folder, checkpoints(folder))


def oldest(folder: Path) -> Checkpoint | None:
    """The oldest checkpoint that is whole, as `newest`."""
    return _first_whole(folder, checkpoints(folder)[::-1])


def _first_whole(folder: Path, paths: Sequence[Path]) -> Checkpoint | None:
    for path in paths:
        checkpoint = _read(path)
        if checkpoint is not None:
            return checkpoint
    if paths:
        raise UnreadableInput(f"All checkpoints in {folder} are damaged.", "Start the training again in another folder.")
    return None


def checkpoints(folder: Path) -> list[Path]:
    """The files, newest first."""
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)


def forget_after(folder: Path, step: int) -> None:
    """Remove the checkpoints of later steps: the run went back before them."""
    for path in checkpoints(folder):
        if path.stem > f"checkpoint-{step:08d}":
            path.unlink()


def _read(path: Path) -> Checkpoint | None:
    """None for a damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError):
        return None
    if facts.pop("crc", None) != _crc(tensors):
        return None
    return Checkpoint(tensors, facts)


def _crc(tensors: Mapping[str, Tensor]) -> int:
    """Of all bytes, names in order: a file that the power cut has half written does not pass."""
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), crc)  # type: ignore[arg-type]
    return crc
