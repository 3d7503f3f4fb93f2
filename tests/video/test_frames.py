from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("cv2")

from mapsto.errors import UsageError
from mapsto.image.points import Style
from mapsto.image.stylize import noise_like
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Leg, Track
from mapsto.media.picture import Picture
from mapsto.video.detail import with_detail
from mapsto.video.frames import CELL, WORK, FramePainter, Steady, Way, blended, energy, met, relaxed, resized, softened
from moving import grainy, pan, texture

PHOTO = Style(torch.zeros(1, 64))


def painted(stylizer: Stylizer, frames: list[np.ndarray], **way: Any) -> list[np.ndarray]:
    painter = FramePainter(stylizer, Track.still(stylizer.style_of("ink")), Way(**way))
    return [painter(frame, number / 25) for number, frame in enumerate(frames)]


def change(frames: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in pairwise(frames)]))


@pytest.mark.parametrize(
    ("how", "way"),
    [
        ({}, {}),
        ({"seed": 5}, {"seed": 5}),
        ({"keep_colors": True}, {"keep_colors": True}),
        ({"size": 32}, {"size": (43, 32)}),
        ({"size": 80}, {"size": (107, 80)}),
        ({"tile": 64, "size": 96}, {"tile": 64, "size": (128, 96)}),
    ],
)
def test_without_stability_every_frame_is_the_still(stylizer: Stylizer, how: dict[str, Any], way: dict[str, Any]) -> None:
    frames = pan(3, step=(5, 2))
    stills = stylizer([Picture.of(frame) for frame in frames], "ink", **how)
    for frame, still in zip(painted(stylizer, frames, stability=0, **way), stills, strict=True):
        assert np.array_equal(frame, still.pixels)


@pytest.mark.parametrize("stability", [0, 0.8])
def test_the_photo_as_a_style_is_the_frame_itself(stylizer: Stylizer, stability: float) -> None:
    painter = FramePainter(stylizer, Track.still(PHOTO), Way(stability=stability))
    for frame in pan(3):
        assert np.array_equal(painter(frame, 0), frame)


def test_the_first_frame_is_the_still(stylizer: Stylizer) -> None:
    (first,) = painted(stylizer, pan(1))
    assert np.array_equal(first, stylizer(Picture.of(pan(1)[0]), "ink").pixels)


def test_after_a_cut_everything_begins_anew(stylizer: Stylizer) -> None:
    before, after = pan(4), pan(3, step=(2, 1), seed=9)
    frames = painted(stylizer, [*before, *after])[4:]
    for frame, fresh in zip(frames, painted(stylizer, after), strict=True):
        assert np.array_equal(frame, fresh)


def test_after_the_photo_everything_begins_anew(stylizer: Stylizer) -> None:
    ink = stylizer.style_of("ink")
    painter = FramePainter(stylizer, Track((Leg(0, 1, ink, ink), Leg(1, 2, PHOTO, PHOTO), Leg(2, 3, ink, ink))))
    frames = pan(6)
    shown = [painter(frame, time) for frame, time in zip(frames, (0, 0.5, 1, 1.5, 2, 2.5), strict=True)]
    assert np.array_equal(shown[3], frames[3])
    for frame, fresh in zip(shown[4:], painted(stylizer, frames[4:]), strict=True):
        assert np.array_equal(frame, fresh)


def test_more_stability_is_less_change_where_nothing_moves(stylizer: Stylizer) -> None:
    frames = [grainy(texture(48, 64), 3, number) for number in range(8)]
    changes = [change(painted(stylizer, frames, stability=stability)[2:]) for stability in (0, 0.2, 0.8)]
    assert changes[0] > 1.5 * changes[1] > 1.5 * changes[2]


def test_a_painting_moves_along_with_what_is_painted(stylizer: Stylizer) -> None:
    frames = pan(6, (128, 96), step=(3, 0))

    def left(stability: float) -> float:
        shown = [frame.astype(float) for frame in painted(stylizer, frames, stability=stability)]
        return float(np.mean([np.abs(a[:, 3:] - b[:, :-3])[16:-16, 16:-16].mean() for a, b in pairwise(shown)]))

    assert left(0.8) < left(0) / 2


def noises(frames: list[np.ndarray]) -> list[torch.Tensor]:
    """The noise that each frame is painted from."""
    found: list[torch.Tensor] = []

    def paint(noise: torch.Tensor) -> np.ndarray:
        found.append(noise)
        return np.zeros_like(frames[0])

    steady = Steady(0.8, seed=3)
    for frame in frames:
        steady(frame, paint)
    return found


def test_noise_begins_as_that_of_stills_and_moves_by_whole_cells_with_a_pan() -> None:
    first, *rest = noises(pan(4, (128, 96), step=(2 * CELL, CELL), seed=2))
    assert torch.equal(first, noise_like(96, 128, seed=3))
    for number, noise in enumerate(rest, 1):
        x, y = 2 * number, number
        off = (noise[:, :, 3 : -3 - y, 3 : -3 - x] - first[:, :, 3 + y : -3, 3 + x : -3]).abs().mean()
        unmoved = (noise - first)[:, :, 3:-3, 3:-3].abs().mean()
        assert off < unmoved / 4


@pytest.mark.parametrize("size", [(60, 44), (67, 45)])
def test_the_noise_of_sizes_that_need_padding_moves_as_far(size: tuple[int, int]) -> None:
    frames = pan(2, (size[0] + 60, size[1] + 60), step=(2 * CELL, 0))
    first, second = noises(frames)
    off = (second[:, :, 3:-3, 3:-5] - first[:, :, 3:-3, 5:-3]).abs().mean()
    assert off < (second - first)[:, :, 3:-3, 3:-3].abs().mean() / 4


def test_nothing_moves_in_a_still() -> None:
    first, *rest = noises([texture(48, 64)] * 4)
    assert all(torch.allclose(noise, first, atol=1e-5) for noise in rest)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.93])
def test_a_blend_of_equal_pictures_is_the_picture(weight: float) -> None:
    x = texture(48, 64).astype(np.float32)
    assert np.abs(blended(x, x.copy(), np.full((48, 64), weight, np.float32)) - x).max() < 0.01


def test_a_blend_of_textures_keeps_their_energy_and_a_mean_does_not() -> None:
    a, b = (texture(96, 96, seed, blur=0.7).astype(np.float32) for seed in (1, 2))
    half = np.full((96, 96), 0.5, np.float32)
    wanted, plain, made = (float(energy(x - softened(x)).mean()) for x in (a, (a + b) / 2, blended(a, b, half)))
    assert plain < 0.6 * wanted
    assert made == pytest.approx(wanted, rel=0.15)


def test_where_nothing_is_kept_the_new_painting_stands() -> None:
    a, b = (texture(48, 64, seed).astype(np.float32) for seed in (1, 2))
    assert np.abs(blended(a, b, np.zeros((48, 64), np.float32)) - a).max() < 1e-3


def test_what_goes_one_way_stays_together_and_what_is_torn_slides_back() -> None:
    even = np.full((24, 32, 2), (3.5, -1.25), np.float32)
    assert np.array_equal(relaxed(even), even)
    torn = even.copy()
    torn[:, 20:, 1] += np.linspace(0, 6, 12, dtype=np.float32)
    eased = relaxed(torn)
    assert np.array_equal(eased[:, :16], torn[:, :16])
    before, after = (np.abs(shift - even)[:, 24:].mean() for shift in (torn, eased))
    assert after < 0.95 * before
    for _ in range(60):
        eased = relaxed(eased)
    assert np.abs(np.gradient(eased[..., 1], axis=1)).max() < 0.3


@pytest.mark.parametrize(
    ("size", "work", "wanted"),
    [
        ((1280, 720), WORK, (1280, 720)),
        ((1920, 1080), WORK, (1280, 720)),
        ((3840, 2160), WORK, (1280, 720)),
        ((3840, 2160), None, (3840, 2160)),
        ((64, 48), 10**9, (64, 48)),
        ((6400, 200), 640 * 20, (640, 20)),
        ((10000, 20), 100, (224, 16)),
    ],
)
def test_no_more_is_painted_than_the_work(size: tuple[int, int], work: int | None, wanted: tuple[int, int]) -> None:
    assert Way(work=work).work_size(size) == wanted


@pytest.mark.parametrize("stability", [0, 0.8])
def test_large_frames_are_painted_small_with_their_own_detail(stylizer: Stylizer, stability: float) -> None:
    frames = pan(3, (128, 96), step=(2, 0))
    small = [resized(frame, (64, 48)) for frame in frames]
    shown = painted(stylizer, frames, work=64 * 48, stability=stability)
    for frame, little, made, done in zip(frames, small, painted(stylizer, small, stability=stability), shown, strict=True):
        assert np.array_equal(done, with_detail(made, little, frame))


@pytest.mark.parametrize("size", [(67, 45), (16, 16), (17, 90), (9, 33)])
@pytest.mark.parametrize("work", [None, 400])
def test_odd_sizes_stay(stylizer: Stylizer, size: tuple[int, int], work: int | None) -> None:
    for frame in painted(stylizer, pan(3, size), work=work):
        assert (frame.shape, frame.dtype) == ((size[1], size[0], 3), np.uint8)


def test_the_style_follows_the_time(stylizer: Stylizer) -> None:
    ink, mosaic = (stylizer.style_of(name) for name in ("ink", "mosaic"))
    painter = FramePainter(stylizer, Track((Leg(0, 1, ink, mosaic),)), Way(stability=0))
    (frame,) = pan(1)
    assert np.array_equal(painter(frame, 0), stylizer(Picture.of(frame), "ink").pixels)
    assert np.array_equal(painter(frame, 9), stylizer(Picture.of(frame), "mosaic").pixels)


def test_the_styles_of_a_way_are_those_at_its_ends_and_halfway() -> None:
    a, b = Style(torch.zeros(1, 2)), Style(torch.tensor([[1.0, 2.0]]))
    track = Track((Leg(0, 1, a, a), Leg(1, 3, a, b), Leg(3, 3, b, b)))
    assert met(track) == ((0.0, 0.0), (0.5, 1.0), (1.0, 2.0))
    assert met(Track.still(b)) == ((1.0, 2.0),)


@pytest.mark.parametrize("engine", ["openvino", "openvino-int8"])
def test_engines_paint_alike(stylizer: Stylizer, engine: str) -> None:
    pytest.importorskip("openvino")
    frames = pan(3)
    for plain, other in zip(painted(stylizer, frames), painted(stylizer, frames, engine=engine), strict=True):
        assert np.abs(plain.astype(float) - other).mean() < 2


def test_resizing_to_its_own_size_is_the_frame_itself() -> None:
    frame = texture(48, 64)
    assert resized(frame, (64, 48)) is frame
    assert resized(frame, (32, 24)).shape == (24, 32, 3)


@pytest.mark.parametrize("stability", [-0.1, 1.1, float("nan")])
def test_no_stability_at_all_is_refused(stability: float) -> None:
    with pytest.raises(UsageError, match="makes no sense"):
        Way(stability=stability)
