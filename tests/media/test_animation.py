"""Animations: whole frames, their times and loops, out and in again."""

import io
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mapsto.media.picture as media
from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.animation import about, centiseconds, frames, write_animation
from mapsto.media.picture import Picture

DURATIONS = [70.0, 125.0, 33.0, 200.0]


def _film(alpha: bool = True) -> list[Picture]:
    """Four frames: a red square that stays, a green dot that moves, and, with alpha, nothing elsewhere."""
    shown = []
    for i in range(4):
        array = np.zeros((12, 16, 4), np.uint8)
        array[:4, :4] = (255, 0, 0, 255)
        array[2 * i, 2 * i + 5] = (0, 255, 0, 255)
        shown.append(Picture.of(array if alpha else array[..., :3]))
    return shown


def _same(a: Picture, b: Picture) -> bool:
    """Equal alpha, and equal colour where anything shows."""
    there = np.ones((12, 16), bool) if b.alpha is None else b.alpha > 0
    opaque = np.full((12, 16), 255)
    return bool(
        np.array_equal(a.pixels[there], b.pixels[there])
        and np.array_equal(opaque if a.alpha is None else a.alpha, opaque if b.alpha is None else b.alpha)
    )


@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("loop", [0, 1, 2, 7])
@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_frames_times_and_loops_survive(extension: str, loop: int, alpha: bool, tmp_path: Path) -> None:
    path, film = tmp_path / f"film.{extension}", _film(alpha)
    write_animation(path, zip(film, DURATIONS, strict=True), loop=loop, quality=100, settings={"seed": 1})
    found = list(frames(path))
    assert about(path) == about(path.read_bytes())
    assert (about(path).frames, about(path).loop, about(path).size) == (4, loop, (16, 12))
    assert [ms for _, ms in found] == (DURATIONS if extension != "gif" else [70, 130, 30, 200])
    assert all(_same(a, b) for (a, _), b in zip(found, film, strict=True))
    assert media.settings(path) == {"seed": 1}


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_disposal_gives_whole_frames(format: str, disposal: int) -> None:
    """Each frame adds a dot; what a viewer shows depends on what happens to the frame before."""
    dots = []
    for i in range(3):
        array = np.zeros((12, 16, 4), np.uint8)
        array[i, i] = (255, 255, 0, 255)
        dots.append(Image.fromarray(array))
    buffer = io.BytesIO()
    clear = {0: 0, 1: 0, 2: 2}[disposal] if format == "GIF" else {0: 0, 1: 0, 2: 1}[disposal]
    dots[0].save(
        buffer,
        format,
        save_all=True,
        append_images=dots[1:],
        duration=50,
        disposal=clear,
        **({"blend": 1} if format == "PNG" else {}),
    )
    for index, (picture, _) in enumerate(frames(buffer.getvalue())):
        shown = range(index, index + 1) if disposal == 2 else range(index + 1)
        assert picture.alpha is not None
        assert {tuple(at) for at in np.argwhere(picture.alpha)} == {(i, i) for i in shown}


def test_the_hidden_picture_of_an_apng_is_no_frame() -> None:
    hidden, *film = (picture.to_pil() for picture in _film())
    buffer = io.BytesIO()
    hidden.save(buffer, "PNG", save_all=True, append_images=film, duration=40, default_image=True)
    found = list(frames(buffer.getvalue()))
    assert about(buffer.getvalue()).frames == len(found) == 3
    assert all(_same(a, b) for (a, _), b in zip(found, _film()[1:], strict=True))


def test_a_still_is_one_frame() -> None:
    content = _film()[0].encode("png")
    assert [(picture.size, ms) for picture, ms in frames(content)] == [((16, 12), 0.0)]
    assert (about(content).frames, about(content).loop) == (1, 1)


def test_reading_an_animation_as_a_still_says_so(tmp_path: Path) -> None:
    write_animation(tmp_path / "film.gif", zip(_film(), DURATIONS, strict=True))
    assert "first is used" in media.read(tmp_path / "film.gif").notes[0]
    assert all(not picture.notes for picture, _ in frames(tmp_path / "film.gif"))


def test_too_many_pixels_over_time_are_refused_before_the_first_frame(tmp_path: Path) -> None:
    write_animation(tmp_path / "film.webp", zip(_film(), DURATIONS, strict=True))
    with pytest.raises(UnreadableInput, match="4 frames of 16 × 12"):
        next(frames(tmp_path / "film.webp", max_total=4 * 16 * 12 - 1))


@given(st.lists(st.floats(0, 600_000), min_size=1, max_size=50))
@settings(max_examples=200, deadline=None)
def test_rounded_times_never_drift(durations: list[float]) -> None:
    rounded = centiseconds(durations)
    assert all(abs(a - b) <= 5.001 for a, b in zip(accumulate(rounded), accumulate(durations), strict=True))
    assert all(each >= 0 and each % 10 == 0 for each in rounded)


def test_bad_animations_are_refused_and_leave_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    path.write_bytes(b"before")
    film = _film()
    cases = [[], [(film[0], -1.0)], [(film[0], float("nan"))], [(film[0], 9e9)], [(film[0], 1.0), (film[1].resized(24), 1.0)]]
    for case in cases:
        with pytest.raises(UsageError):
            write_animation(path, case)
    with pytest.raises(UsageError, match="played"):
        write_animation(path, [(film[0], 1.0)], loop=-1)
    with pytest.raises(UsageError, match="no animation"):
        write_animation(tmp_path / "film.jpg", [(film[0], 1.0)])
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
