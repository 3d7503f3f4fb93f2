"""What the tests of the command line share: small photos, animations, and running a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Done:
    """What a command said."""

    code: int
    out: str
    err: str


Command: TypeAlias = Callable[..., Done]


def photo(path: Path | str, size: tuple[int, int] = (48, 32), seed: int = 0) -> Path:
    """A small picture of smooth colours."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def animation(path: Path | str, durations: tuple[int, ...] = (40, 120, 80)) -> Path:
    """Frames that differ."""
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)) for _ in durations]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(durations), loop=0)
    return Path(path)


def pixels(path: Path | str) -> np.ndarray:
    """What a file shows."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
