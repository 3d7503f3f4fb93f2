"""The log of a training for TensorBoard, for those who have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mapsto.errors import UsageError


def board(folder: Path) -> Callable[[dict[str, Any]], None]:
    """What writes a row of the log as scalars into a folder.

    Raises:
        UsageError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("TensorBoard is not installed.", "Run `pip install tensorboard`, or train without it.") from error
    writer = SummaryWriter(folder)

    def write(row: dict[str, Any]) -> None:
        for group in ("terms", "noted", "train", "held_out"):
            for name, value in row.get(group, {}).items():
                writer.add_scalar(f"{group}/{name}", value, row["step"])
        writer.flush()

    return write
