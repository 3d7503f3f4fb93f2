"""What the log of a training says, in words. Pure functions of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def findings(rows: Sequence[Row]) -> list[str]:
    """Everything that can be said, the most urgent first."""
    return []
