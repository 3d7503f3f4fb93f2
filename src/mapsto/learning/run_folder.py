"""The folder of a training: its configuration, its log, sample grids, and a page that shows them while it runs.

config.json           what was asked for, and with what
log.jsonl             a row for every interval
samples-00001000.png  from fixed seeds, so that they can be compared
index.html            plots of the log; opens without a server and without a network
checkpoint-*          see `checkpoint`
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from mapsto.errors import NoSpace, UsageError
from mapsto.files import atomic

Row = dict[str, Any]
PAGE = Path(__file__).with_name("page.html")

GAP = 2
"""Pixels between the pictures of a grid."""

PAPER = 0.97
"""Their grey; what lies between pictures with alpha is transparent."""


class RunFolder:
    """What is written of a training, besides checkpoints. A full disk stops none of it: what failed is written with the next.

    Args:
        path: The folder; made if it is not there.
        writes: False in all processes but the first.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self.writes = path, writes
        self.rows: list[Row] = rows(path)
        self._unwritten = False

    def configure(self, config: dict[str, Any]) -> None:
        """Write config.json, in one step.

        Raises:
            NoSpace: it cannot be written.
        """
        if not self.writes:
            return
        with atomic(self.path / "config.json") as file:
            file.write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")

    def go_back(self, step: int) -> None:
        """Forget the rows after a step."""
        self.rows = [row for row in self.rows if row["step"] <= step]
        if self.writes:
            self._rewrite()

    def append(self, row: Row) -> None:
        """Add a row to the log."""
        self.rows.append(row)
        if self.writes:
            self._rewrite() if self._unwritten else self._add(row)

    def grid(self, step: int, pictures: Tensor) -> str | None:
        """Write pictures [N, C, H, W] in [0, 1] as one PNG, about as wide as high: its name, or None if the disk is full."""
        from PIL import Image

        name = f"samples-{step:08d}.png"
        try:
            with atomic(self.path / name) as file:
                Image.fromarray(_tiled(pictures).numpy()).save(file)
        except NoSpace:
            return None
        return name

    def show(self, config: Mapping[str, Any], *, running: bool) -> None:
        """Write index.html: plots of the log, the grids, and what there is to say. It loads itself again while `running`."""
        if not self.writes:
            return
        told = {"name": self.path.resolve().name, "running": running, "config": config, "rows": self.rows}
        data = json.dumps(_finite(told), ensure_ascii=False).replace("<", "\\u003c")  # no end of script inside a script
        with suppress(NoSpace, OSError), atomic(self.path / "index.html") as file:
            file.write_text(PAGE.read_text(encoding="utf-8").replace("{{told}}", data), encoding="utf-8")

    def _add(self, row: Row) -> None:
        try:
            with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(_line(row))
        except OSError:
            self._unwritten = True  # perhaps half a line stands there now

    def _rewrite(self) -> None:
        try:
            with atomic(self.path / "log.jsonl") as file:
                file.write_text("".join(map(_line, self.rows)), encoding="utf-8")
            self._unwritten = False
        except (NoSpace, OSError):
            self._unwritten = True


def rows(path: Path) -> list[Row]:
    """The log of a run, oldest first; a last line that a crash cut short is left out."""
    log = path / "log.jsonl"
    found: list[Row] = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def config(path: Path) -> dict[str, Any] | None:
    """The configuration of a run; None where there is none.

    Raises:
        UsageError: it cannot be read.
    """
    file = path / "config.json"
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", "Start the training again in another folder.") from error
    return found


def _tiled(pictures: Tensor) -> Tensor:
    """[N, C, H, W] in [0, 1] → [H', W', C] or, of one channel, [H', W'] in uint8; of latents, what three channels show."""
    pictures = pictures[:, : {2: 1}.get(pictures.shape[1], 3)] if pictures.shape[1] not in (1, 3, 4) else pictures
    count, channels, height, width = pictures.shape
    columns = max(1, round((count * height / width) ** 0.5))
    lines = -(-count // columns)
    page = pictures.new_full(
        (channels, lines * (height + GAP) - GAP, columns * (width + GAP) - GAP), PAPER if channels < 4 else 0.0
    )
    for index, picture in enumerate(pictures):
        y, x = index // columns * (height + GAP), index % columns * (width + GAP)
        page[:, y : y + height, x : x + width] = picture
    return (page.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).squeeze(-1)


def _line(row: Row) -> str:
    return json.dumps(_finite(row), ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON knows no inf and no nan."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
