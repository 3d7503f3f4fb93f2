"""One rule: RGB profiles are kept and used both ways, grey and CMYK profiles become sRGB, untagged stays untagged."""

import io

import numpy as np
import pytest
from PIL import Image

import profiles
from mapsto.media import colour
from mapsto.media.picture import Picture, read
from profiles import ADOBE, P3, SRGB

PAIRS = [
    (P3, (234, 51, 35), (255, 0, 0)),
    (P3, (128, 128, 128), (128, 128, 128)),
    (ADOBE, (219, 0, 0), (255, 0, 0)),
    (SRGB, (12, 200, 99), (12, 200, 99)),
]
WHITE, CYAN, YELLOW, BLACK = (100.0, 0.0, 0.0), (62.0, -31.0, -48.0), (89.0, -5.0, 60.0), (0.0, 0.0, 0.0)
INKS = {(0, 0, 0, 0): WHITE, (1, 0, 0, 0): CYAN, (0, 0, 1, 0): YELLOW, (0, 0, 0, 1): BLACK}
UNUSABLE = [
    ("RGB", profiles.grey(2.2)),
    ("RGB", profiles.cmyk({})),
    ("CMYK", profiles.rgb(P3)),
    ("RGB", b"garbage" * 40),
    ("RGB", b"\0" * 128),
    ("RGB", (profiles.rgb(P3) or b"")[:300]),
]


def _patch(values: tuple[int, ...], mode: str, icc: bytes | None, format: str = "TIFF") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (4, 4), values if len(values) > 1 else values[0]).save(buffer, format, icc_profile=icc)
    return buffer.getvalue()


@pytest.mark.parametrize(("space", "inside", "srgb"), PAIRS)
def test_published_pairs_of_colours(space: profiles.Primaries, inside: tuple[int, ...], srgb: tuple[int, ...]) -> None:
    picture = read(_patch(inside, "RGB", profiles.rgb(space)))
    assert np.abs(picture.pixels[0, 0].astype(int) - srgb).max() <= 1
    written = np.asarray(Image.open(io.BytesIO(picture.encode("png"))))
    assert np.abs(written[0, 0].astype(int) - inside).max() <= 2


@pytest.mark.parametrize("space", [P3, ADOBE])
def test_all_colours_inside_srgb_survive_the_way_there_and_back(space: profiles.Primaries) -> None:
    levels = np.linspace(0, 1, 12)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(48, 36, 3)
    inside = np.rint(profiles.converted(grid, None, space) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(inside).save(buffer, "PNG", icc_profile=profiles.rgb(space))
    picture = read(buffer.getvalue())
    reference = profiles.converted(inside / 255, space, None) * 255
    assert np.abs(picture.pixels - reference).max() <= 2
    for format in ("png", "tif", "webp"):
        assert np.abs(read(picture.encode(format, quality=100)).pixels.astype(int) - picture.pixels).max() <= 4


def test_an_srgb_profile_changes_nothing_and_is_kept() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    buffer = io.BytesIO()
    icc = profiles.rgb(SRGB)
    Image.fromarray(pixels).save(buffer, "PNG", icc_profile=icc)
    picture = read(buffer.getvalue())
    assert np.array_equal(picture.pixels, pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.encode("png")))), pixels)
    assert picture.icc == icc


def test_a_grey_profile_becomes_srgb() -> None:
    picture = read(_patch((128,), "L", profiles.grey(1.0)))
    wanted = profiles.to_encoded(np.array(128 / 255)) * 255
    assert np.abs(picture.pixels - wanted).max() <= 1
    assert picture.icc is None
    assert not Image.open(io.BytesIO(picture.encode("jpg"))).info.get("icc_profile")


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
@pytest.mark.parametrize(("inks", "lab"), INKS.items())
def test_a_cmyk_profile_becomes_srgb(inks: tuple[int, int, int, int], lab: tuple[float, float, float], format: str) -> None:
    picture = read(_patch(tuple(255 * ink for ink in inks), "CMYK", profiles.cmyk(INKS), format))
    assert np.abs(picture.pixels - profiles.srgb_of_lab(lab) * 255).max() <= 3
    assert picture.icc is None
    assert picture.notes == ()


def test_a_one_way_profile_becomes_srgb_and_says_so() -> None:
    picture = read(_patch((255, 255, 0), "RGB", profiles.scanner({(1, 1, 1): WHITE, (1, 1, 0): YELLOW})))
    assert np.abs(picture.pixels - profiles.srgb_of_lab(YELLOW) * 255).max() <= 3
    assert picture.icc is None
    assert "sRGB" in picture.notes[0]


def test_a_profile_is_known_whatever_the_day_it_was_written_on() -> None:
    icc = profiles.rgb(P3)
    assert icc is not None
    other = icc[:24] + bytes(range(12)) + icc[36:84] + bytes(range(16)) + icc[100:]
    here, there = (read(_patch((234, 51, 35), "RGB", profile)) for profile in (icc, other))
    assert np.array_equal(here.pixels, there.pixels)
    assert there.icc == other


def test_cmyk_without_a_profile_says_it_is_approximate() -> None:
    assert "approximate" in read(_patch((0, 255, 255, 0), "CMYK", None)).notes[0]


@pytest.mark.parametrize(("mode", "icc"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_a_profile_that_cannot_be_used_is_dropped_and_said(mode: str, icc: bytes) -> None:
    image = Image.new(mode, (2, 2))
    painted, kept, notes = colour.to_srgb(image, icc)
    assert painted.tobytes() == image.convert("RGB").tobytes()
    assert kept is None
    assert "profile" in notes[0]


def test_a_grey_picture_keeps_an_rgb_profile() -> None:
    icc = profiles.rgb(ADOBE)
    picture = read(_patch((100,), "L", icc, "JPEG"))
    assert picture.icc == icc
    assert np.abs(picture.pixels - profiles.converted(np.full(3, 100 / 255), ADOBE, None) * 255).max() <= 1


def test_formats_without_profiles_get_srgb_and_say_so() -> None:
    picture = read(_patch((234, 51, 35), "RGB", profiles.rgb(P3)))
    assert np.array_equal(read(picture.encode("bmp")).pixels, picture.pixels)
    assert "profile" in picture.losses("bmp")[0]


def test_pil_images_are_managed_like_files() -> None:
    image = Image.new("RGB", (2, 2), (234, 51, 35))
    image.info["icc_profile"] = profiles.rgb(P3)
    assert np.abs(Picture.of(image).pixels[0, 0].astype(int) - (255, 0, 0)).max() <= 1
