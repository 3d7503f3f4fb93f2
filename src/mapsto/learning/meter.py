"""Means of what a training minimises, where it stopped being numbers, and how fast it goes."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor


class Meter:
    """Collects scalars where they are, and looks at them when asked: looking makes the processor wait for the device."""

    def __init__(self) -> None:
        self._unseen: list[tuple[int, tuple[str, ...], Tensor]] = []
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take the terms of a step."""
        if terms:
            self._unseen.append((step, tuple(terms), torch.stack(list(terms.values()))))

    def look(self) -> dict[int, list[str]]:
        """What was no finite number since the last look: names by step."""
        wrong: dict[int, list[str]] = {}
        for step, names, values in self._unseen:
            for name, value in zip(names, values.tolist(), strict=True):
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = total + value, count + 1
                if not math.isfinite(value):
                    wrong.setdefault(step, []).append(name)
        self._unseen.clear()
        return wrong

    def means(self) -> dict[str, float]:
        """Of every name, since the last `clear`."""
        self.look()
        return {name: total / count for name, (total, count) in self._sums.items()}

    def clear(self) -> None:
        """Begin again."""
        self._unseen.clear()
        self._sums.clear()

    def state(self) -> dict[str, tuple[float, int]]:
        """Sums and counts by name, for a checkpoint."""
        self.look()
        return dict(self._sums)

    def load(self, state: Mapping[str, tuple[float, int]]) -> None:
        """Take back what `state` gave."""
        self.clear()
        self._sums = {name: (total, count) for name, (total, count) in state.items()}


class Watch:
    """Seconds a training has taken, and steps a second of late.

    Args:
        seconds: Taken before, by processes that have ended.
        step: Where this one starts.
    """

    def __init__(self, seconds: float, step: int) -> None:
        self._start = time.monotonic() - seconds
        self._saved = self._reported = time.monotonic()
        self._shown = -math.inf
        self._recent = deque([(time.monotonic(), step)], maxlen=20)

    def seconds(self) -> float:
        """Taken in all."""
        return time.monotonic() - self._start

    def pace(self, step: int) -> float:
        """Steps a second over the last reports; 0 before there were any."""
        then, before = self._recent[0]
        return (step - before) / max(time.monotonic() - then, 1e-9)

    def reported(self, step: int) -> float:
        """Note a report; the pace."""
        pace = self.pace(step)
        self._reported = time.monotonic()
        self._recent.append((self._reported, step))
        return pace

    def saved(self) -> None:
        """Note a checkpoint."""
        self._saved = time.monotonic()

    def shown(self) -> None:
        """Note that the page was written."""
        self._shown = time.monotonic()

    def since_shown(self) -> float:
        """Seconds; infinitely many before the first time."""
        return time.monotonic() - self._shown

    def since_report(self) -> float:
        """Seconds."""
        return time.monotonic() - self._reported

    def since_save(self) -> float:
        """Seconds."""
        return time.monotonic() - self._saved
