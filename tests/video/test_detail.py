from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

import cv2

from mapsto.video.detail import STEEPEST, slopes, with_detail
from mapsto.video.motion import grey
from moving import texture


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


def smaller(frame: np.ndarray, scale: float = 0.5) -> np.ndarray:
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def enlarged(small: np.ndarray, frame: np.ndarray) -> np.ndarray:
    return cv2.resize(small, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def frame() -> np.ndarray:
    """Grey, with coarse and fine things in it: detail is light and has no colours."""
    light = grey(texture(96, 128, blur=0.7)).astype(int) // 2 + grey(texture(96, 128, seed=1, blur=6)) // 2
    return np.dstack([light.astype(np.uint8)] * 3)


def test_of_the_frame_itself_comes_the_frame_itself(frame: np.ndarray) -> None:
    small = smaller(frame)
    assert psnr(with_detail(small, small, frame), frame) > 36 > psnr(enlarged(small, frame), frame) + 5


def test_of_its_negative_comes_the_negative(frame: np.ndarray) -> None:
    small = smaller(frame)
    assert psnr(with_detail(255 - small, small, frame), 255 - frame) > 36


def test_half_the_contrast_gets_half_the_detail(frame: np.ndarray) -> None:
    small = smaller(frame)
    made = with_detail(small // 2 + 64, small, frame)
    assert psnr(made, frame // 2 + 64) > 40


def test_a_painting_of_nothing_is_only_enlarged(frame: np.ndarray) -> None:
    small = smaller(frame)
    plain = np.full_like(small, (30, 90, 200))
    assert np.array_equal(with_detail(plain, small, frame), enlarged(plain, frame))


def test_a_painting_without_relation_to_the_photo_is_hardly_more_than_enlarged(frame: np.ndarray) -> None:
    small, strange = smaller(frame), texture(48, 64, seed=7)
    lost = np.abs(frame.astype(int) - enlarged(small, frame)).mean()
    assert np.abs(with_detail(strange, small, frame).astype(int) - enlarged(strange, frame)).mean() < lost / 3


def test_flat_parts_take_over_no_noise() -> None:
    noise = np.random.default_rng(0).normal(120, 2, (64, 64, 1)).repeat(3, 2).round().astype(np.uint8)
    small = smaller(noise)
    assert np.abs(slopes(grey(small), grey(small))).max() < 0.5


def test_slopes_stay_within_their_limits(frame: np.ndarray) -> None:
    light = grey(frame)
    steep = (light.astype(int) - 127) * 9 + 127
    found = slopes(light // 4, steep.clip(0, 255).astype(np.uint8))
    assert found.max() == pytest.approx(STEEPEST)
    assert slopes(light, 255 - light).min() >= -1


@pytest.mark.parametrize(("height", "width"), [(16, 4000), (4000, 16), (17, 23), (1, 1)])
def test_extreme_frames_keep_their_size(height: int, width: int) -> None:
    frame = texture(height, width) if min(height, width) > 1 else np.full((1, 1, 3), 9, np.uint8)
    small = cv2.resize(frame, (max(1, width // 3), max(1, height // 3)), interpolation=cv2.INTER_AREA)
    made = with_detail(small, small, frame)
    assert (made.shape, made.dtype) == (frame.shape, np.uint8)
