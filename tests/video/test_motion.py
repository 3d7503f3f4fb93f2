from __future__ import annotations

import sys

import numpy as np
import pytest

from mapsto.errors import UsageError

pytest.importorskip("cv2")

from mapsto.video import motion
from mapsto.video.motion import LOOK, Motion, grey, warped
from moving import grainy, texture


def seen(height: int, width: int, shift: tuple[int, int], blur: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """A grey frame and the one before: what is at p was at p + shift there."""
    x, y = shift
    scene = grey(texture(height + 40, width + 40, blur=blur))
    return scene[20 + y : 20 + y + height, 20 + x : 20 + x + width].copy(), scene[20:-20, 20:-20].copy()


def inner(values: np.ndarray, margin: int = 16) -> np.ndarray:
    return values[margin:-margin, margin:-margin]


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (-4, 2), (6, -5)])
def test_the_flow_of_what_is_shifted_is_the_shift(shift: tuple[int, int]) -> None:
    flow, _, kept = Motion().compared(*seen(96, 128, shift))
    assert np.abs(inner(flow) - shift).mean() < 0.2
    assert inner(kept).mean() > 0.98


def test_frames_above_the_limit_are_looked_at_smaller_and_flow_in_their_own_pixels() -> None:
    height, width = 600, 900
    assert height * width > LOOK
    flow, _, kept = Motion().compared(*seen(height, width, (9, -6), blur=4))
    assert flow.shape == (height, width, 2)
    assert np.abs(inner(flow, 40) - (9, -6)).mean() < 0.3
    assert inner(kept, 40).mean() > 0.98


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 33), (20, 300), (300, 20)])
def test_small_and_narrow_frames_can_be_compared(height: int, width: int) -> None:
    later, earlier = seen(height, width, (0, 0))
    flow, _, kept = Motion().compared(later, earlier)
    assert (flow.shape, kept.shape) == ((height, width, 2), (height, width))
    assert not flow.any()
    assert (kept == 1).all()


def wall(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Two grey frames of a plain wall, each with its own noise."""
    plain = np.full((96, 128, 3), 120, np.uint8)
    later, earlier = (grey(grainy(plain, strength, seed)) for seed in (0, 1))
    return later, earlier


def test_a_little_noise_on_a_wall_is_no_motion() -> None:
    flow, _, kept = Motion().compared(*wall(1))
    assert not flow.any()
    assert (kept == 1).all()


def test_much_noise_moves_nothing_for_good() -> None:
    change = Motion().compared(*wall(4))
    assert np.abs(change.sure).mean() < 0.1 < np.abs(change.flow).mean()
    assert change.kept.mean() > 0.98


def test_what_comes_in_from_outside_was_not_there_even_if_it_looks_like_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    later, earlier = seen(96, 128, (6, 0))
    later[:, -6:] = earlier[:, -1:]  # just as the repeated edge has it
    flow = np.full((96, 128, 2), (6, 0), np.float32)
    monkeypatch.setattr(Motion, "_search_for", lambda *_: flow)
    change = Motion().compared(later, earlier)
    moved = change.flow[..., 0] > 5.9
    assert moved[:, -5:].mean() > 0.5
    assert change.kept[:, -5:][moved[:, -5:]].max() < 0.01
    assert change.kept[:, :-16].mean() > 0.98


def test_a_flow_comes_from_inside_or_by_less_than_a_pixel_from_outside() -> None:
    flow = np.zeros((32, 48, 2), np.float32)
    flow[..., 0], flow[:, :24, 1] = 6, -0.5
    found = motion.inside(flow)
    assert (found[1:, :42] == 1).all()
    assert (found[0, :24] == 0.5).all()
    assert (found[:, 42:] == 0).all()


def test_what_appears_was_not_there_and_the_rest_was() -> None:
    later, earlier = seen(96, 128, (2, 0))
    later[30:62, 50:82] = 255 - later[30:62, 50:82] // 4
    _, _, kept = Motion().compared(later, earlier)
    assert kept[36:56, 56:76].mean() < 0.05
    far = np.ones_like(kept, bool)
    far[20:72, 40:92] = far[:, -8:] = False
    assert kept[far].mean() > 0.95


def test_another_scene_shares_little() -> None:
    a, b = (grey(texture(96, 128, seed)) for seed in (1, 2))
    _, _, kept = Motion().compared(a, b)
    assert kept.mean() < 0.35


@pytest.mark.parametrize("sharp", [False, True])
def test_warping_by_whole_pixels_moves_them_and_repeats_the_edge(sharp: bool) -> None:
    frame = texture(24, 32)
    flow = np.zeros((24, 32, 2), np.float32)
    assert np.array_equal(warped(frame, flow, sharp=sharp), frame)
    flow[...] = (3, -2)
    there = warped(frame, flow, sharp=sharp)
    assert np.array_equal(there[2:, :-3], frame[:-2, 3:])
    assert np.array_equal(there[2:, -3:], frame[:-2, -1:].repeat(3, 1))


def test_what_was_seen_moved_along_its_flow_is_what_is_seen() -> None:
    later, earlier = seen(96, 128, (5, 3))
    flow = Motion().compared(later, earlier).flow
    off = np.abs(warped(earlier, flow).astype(int) - later)
    assert 10 * inner(off).mean() < np.abs(inner(earlier).astype(int) - inner(later)).mean()


def test_without_opencv_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match="mapsto\\[video\\]"):
        motion.cv()
