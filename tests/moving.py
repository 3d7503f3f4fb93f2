"""Things that move in clips, for tests: a texture that a camera passes, with whatever noise it has."""

from __future__ import annotations

import cv2
import numpy as np


def texture(height: int, width: int, seed: int = 0, blur: float = 1.5) -> np.ndarray:
    """Blots of all colours that can be told apart: [H, W, 3] uint8."""
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.uniform(0, 255, (height, width, 3)).astype(np.float32), (0, 0), blur)
    return (127 + (fine - fine.mean()) * 45 / fine.std()).clip(0, 255).astype(np.uint8)


def pan(count: int, size: tuple[int, int] = (64, 48), step: tuple[int, int] = (1, 0), seed: int = 0) -> list[np.ndarray]:
    """Frames of width × height that a camera sees as it goes `step` pixels (x, y ≥ 0) with every frame."""
    width, height = size
    scene = texture(height + count * step[1], width + count * step[0], seed)
    return [scene[n * step[1] : n * step[1] + height, n * step[0] : n * step[0] + width].copy() for n in range(count)]


def grainy(frame: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """A frame as a camera sees it in little light: with noise of so many levels."""
    noise = np.random.default_rng(seed).normal(0, strength, frame.shape)
    return np.rint(frame + noise).clip(0, 255).astype(np.uint8)
