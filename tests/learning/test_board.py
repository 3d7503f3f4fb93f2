from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from mapsto.errors import UsageError
from mapsto.learning.board import board


def test_rows_become_scalars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    class Writer:
        def __init__(self, folder: Path) -> None:
            written.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def flush(self) -> None:
            pass

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    board(tmp_path)({"step": 3, "terms": {"square": 0.5}, "noted": {"p": 0.1}, "seconds": 9})
    assert written == [tmp_path, ("terms/square", 0.5, 3), ("noted/p", 0.1, 3)]


def test_its_absence_is_an_error_only_for_those_who_want_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="not installed"):
        board(tmp_path)
