"""Depth, alpha, orientation, arrays, tensors and sizes."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import profiles
from mapsto.errors import UnreadableInput, UsageError
from mapsto.media.picture import Picture, read, target_size
from samples import KINDS, chunk, png, png16, quadrants, sample, tiff16

Array = np.ndarray[Any, np.dtype[Any]]
CASES = [(extension, kind) for extension, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize("space", profiles.SPACES)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("extension", "kind"), CASES)
def test_every_kind_is_read_upright_in_srgb_with_alpha_and_profile(
    extension: str, kind: str, orientation: int, space: str
) -> None:
    icc = profiles.rgb(profiles.SPACES[space])
    given = sample(extension, kind, orientation, icc)
    picture = read(given.content)
    managed = None if kind == "CMYK" else profiles.SPACES[space]
    wanted = quadrants(profiles.converted(given.colours, managed, None)) * 255
    loss = 3 if extension == "jpg" else 2
    assert picture.size == (24, 16)
    assert np.abs(picture.pixels - wanted).max() <= loss
    if given.alphas is None or (extension, kind) == ("tif", "P"):
        assert picture.alpha is None
    else:
        assert np.array_equal(picture.alpha, quadrants(given.alphas))
    assert picture.icc == (None if kind == "CMYK" else icc)

    again = read(picture.encode("png"))
    assert again.icc == picture.icc
    assert np.abs(again.pixels.astype(int) - picture.pixels).max() <= 2
    stored = np.asarray(Image.open(io.BytesIO(picture.encode("png"))).convert("RGB"))
    back = profiles.converted(profiles.converted(given.colours, managed, None), None, managed)  # through sRGB, which may clip
    assert np.abs(stored - quadrants(back) * 255).max() <= loss + 2


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], np.uint16)
    wanted = [0, 0, 1, 1, 128, 254, 255, 255]
    for content in (png16(values[..., None]), tiff16(values[..., None])):
        assert read(content).pixels[0, :, 0].tolist() == wanted
    assert Picture.of(values).pixels[0, :, 2].tolist() == wanted


def test_sixteen_bit_colour_is_at_most_one_level_off() -> None:
    values = np.arange(0, 65536, 257 // 3, dtype=np.uint16)[: 3 * 250].reshape(10, 25, 3)
    for content in (png16(values), tiff16(values)):
        assert np.abs(read(content).pixels - values / 257).max() <= 1


def test_sixteen_bit_colour_keys_become_alpha() -> None:
    grey = np.array([[[7], [7000]]], np.uint16)
    assert read(png16(grey, 1, None, chunk(b"tRNS", b"\0\7"))).alpha.tolist() == [[0, 255]]
    rgb = np.array([[[0x1111, 0x2222, 0x3333], [0xFFFF, 0, 0]]], np.uint16)
    assert read(png16(rgb, 1, None, chunk(b"tRNS", rgb[0, 0].astype(">u2").tobytes()))).alpha.tolist() == [[0, 255]]


@pytest.mark.parametrize(
    ("depth", "colour", "row", "key"), [(8, 0, b"\0\7\x70", b"\0\7"), (4, 0, b"\0\x3a", b"\0\3"), (1, 0, b"\0\x40", b"\0\0")]
)
def test_grey_colour_keys_become_alpha_at_every_depth(depth: int, colour: int, row: bytes, key: bytes) -> None:
    picture = read(png((2, 1), row, chunk(b"tRNS", key), depth=depth, colour=colour))
    assert picture.alpha.tolist() == [[0, 255]]


def test_float_and_integer_files_are_read_only_where_their_range_is_known() -> None:
    def tiff(array: Array) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "TIFF")
        return buffer.getvalue()

    assert read(tiff(np.array([[0, 0.5, 1]], np.float32))).pixels[0, :, 0].tolist() == [0, 128, 255]
    for unknown in (np.array([[0, 7.5]], np.float32), np.array([[0, np.nan]], np.float32), np.array([[0, 1 << 20]], np.int32)):
        with pytest.raises(UnreadableInput, match="holds"):
            read(tiff(unknown))


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 4)])
def test_arrays_of_every_kind_are_pictures(shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    top = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    array = np.ones(shape, dtype) * dtype(top)
    array[0] = 0
    picture = Picture.of(array)
    assert picture.pixels.shape == (4, 5, 3)
    assert (picture.pixels[0].max(), picture.pixels[1:].min()) == (0, 255)
    assert (picture.alpha is None) == (len(shape) < 3 or shape[2] in (1, 3))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 5)),
        np.zeros((0, 2, 3)),
        np.zeros((2,)),
        np.zeros((2, 2), np.int64),
        np.full((2, 2), 255.0),
        np.full((2, 2), np.nan),
    ],
)
def test_other_arrays_are_refused(array: Array) -> None:
    with pytest.raises(UsageError):
        Picture.of(array)


def test_arrays_are_copied() -> None:
    array = np.zeros((2, 2, 3), np.uint8)
    picture = Picture.of(array)
    array[:] = 9
    assert picture.pixels.max() == 0


def test_tensor_there_and_back_is_exact() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 7, 3), np.uint8)
    picture = Picture.of(pixels)
    tensor = picture.tensor()
    assert tensor.shape == (1, 3, 300, 7)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor, torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    for way in (tensor, tensor[0], tensor.double()):
        assert np.array_equal(picture.with_tensor(way).pixels, pixels)
        assert np.array_equal(Picture.of(way).pixels, pixels)


def test_tensors_beyond_the_range_are_clipped_and_nan_is_refused() -> None:
    assert Picture.of(torch.tensor([-3.0, 2.0, 0.5]).reshape(3, 1, 1)).pixels.tolist() == [[[0, 255, 128]]]
    for wrong in (torch.full((3, 2, 2), torch.nan), torch.zeros(2, 3, 4, 4), torch.zeros(5, 4, 4), torch.zeros(3, 4, 4).int()):
        with pytest.raises(UsageError):
            Picture.of(wrong)


def test_alpha_follows_the_size_of_new_colours() -> None:
    array = np.zeros((8, 8, 4), np.uint8)
    array[:, 4:, 3] = 255
    picture = Picture.of(array).with_tensor(torch.rand(1, 3, 32, 16))
    assert picture.size == (16, 32)
    assert (picture.alpha[:, :3] == 0).all()
    assert (picture.alpha[:, 13:] == 255).all()
    assert np.array_equal(Picture.of(array).with_tensor(torch.rand(3, 8, 8)).alpha, array[..., 3])


def test_resizing_does_not_bleed_hidden_colours() -> None:
    array = np.zeros((16, 16, 4), np.uint8)
    array[:, :8] = (200, 0, 0, 255)
    array[:, 8:] = (0, 255, 0, 0)
    picture = Picture.of(array).resized(5)
    assert picture.pixels[picture.alpha > 8][:, 1].max() <= 3


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (None, (640, 480)),
        (240, (320, 240)),
        ("240", (320, 240)),
        ("960", (1280, 960)),
        ("320x320", (320, 240)),
        ((1000, 480), (640, 480)),
        (1, (1, 1)),
    ],
)
def test_sizes_keep_the_shape(wanted: Any, size: tuple[int, int]) -> None:
    assert target_size((640, 480), wanted) == size


@pytest.mark.parametrize("wanted", ["", "big", "0", "-3", "3x", "3x4x5", 0, (0, 5), "1.5"])
def test_nonsense_sizes_are_refused(wanted: Any) -> None:
    with pytest.raises(UsageError, match="not a size"):
        target_size((640, 480), wanted)
