"""EXIF, XMP and settings: kept, corrected, stripped, and read back exactly."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import mapsto.media.picture as media
from mapsto.errors import UsageError
from mapsto.media import encoding, metadata
from mapsto.media.picture import Picture, read
from samples import exif_block

FORMATS = tuple(each for each in ("png", "jpg", "webp", "tif", "avif") if each != "avif" or "AVIF" in encoding.FORMATS)
SETTINGS = {"style": "starry-night", "seed": 2**53 + 1, "blend": [["ink", 0.1], ["小径 <&>", 1e-7]], "tile": None, "ok": True}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
)
GARBLED_EXIF = [
    b"",
    b"II",
    b"garbage!" * 9,
    exif_block()[:60],
    b"II*\0\xff\xff\xff\xff",
    b"MM\0*\0\0\0\x08\xff\xff",
    exif_block(orientation=99),
    exif_block(orientation=0),
]
GARBLED_JSON = ["", "{", "[]", "3", "null", '"{}"', "{'a': 1}", "[" * 100_000, "{" * 5000, "\0", "Steps: 20, Sampler: Euler"]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    b"<dc:rights>somebody</dc:rights><tiff:ImageWidth>999</tiff:ImageWidth><xmp:Thumbnails>abc</xmp:Thumbnails>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _photo(format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)).save(buffer, format, **options)
    return buffer.getvalue()


def _exif(content: bytes) -> Image.Exif:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image.getexif()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format", FORMATS)
def test_exif_is_kept_and_corrected(format: str, order: str) -> None:
    thumbnail = b"\xff\xd8 a small picture \xff\xd9"
    block = exif_block(6, order, thumbnail=thumbnail)
    picture = read(_photo(exif=b"Exif\0\0" + block))
    assert picture.size == (16, 24)
    content = picture.encode(format)
    exif = _exif(content)
    nested = exif.get_ifd(0x8769)
    assert exif.get(0x0112, 1) == 1
    assert (exif[0x010F], exif[0x8298]) == ("Camera works", "a photographer")
    assert (nested[0xA002], nested[0xA003]) == (16, 24)
    assert nested[0x927C].startswith(b"the maker's own note")
    assert thumbnail not in content
    assert read(content).size == (16, 24)


def test_patched_exif_differs_only_where_it_must() -> None:
    block = exif_block(8)
    fitted = metadata.fitted_exif(block, (300, 200), srgb=True)
    changed = {at // 4 * 4 for at, (a, b) in enumerate(zip(block, fitted, strict=True)) if a != b}
    assert len(changed) == 3
    assert metadata.fitted_exif(fitted, (300, 200), srgb=True) == fitted


def test_strip_drops_everything_but_the_profile() -> None:
    picture = read(_photo(exif=b"Exif\0\0" + exif_block(), xmp=XMP))
    for format in FORMATS:
        content = picture.encode(format, settings=SETTINGS, strip=True)
        assert b"Camera" not in content
        assert b"somebody" not in content
        assert b"starry" not in content
        assert media.settings(content) is None


@pytest.mark.parametrize("format", FORMATS)
def test_xmp_is_kept_and_corrected_and_carries_the_settings(format: str) -> None:
    picture = read(_photo(xmp=XMP))
    for _ in range(3):
        picture = read(picture.encode(format, settings=SETTINGS))
    content = picture.encode(format, settings=SETTINGS)
    packet = Image.open(io.BytesIO(content)).info["xmp"]
    assert b"somebody" in packet
    assert b'tiff:Orientation="1"' in packet
    assert b"<tiff:ImageWidth>24<" in packet
    assert b"Thumbnails" not in packet
    assert packet.count(b"<mapsto:settings>") == (format != "png")
    assert media.settings(content) == SETTINGS


@pytest.mark.parametrize("mark", [b"xmpNote:HasExtendedXMP", b"Container:Directory", b"hdrgm:Version"])
def test_xmp_that_points_elsewhere_is_dropped(mark: bytes) -> None:
    assert read(_photo(xmp=XMP.replace(b"dc:rights", mark))).xmp is None


@pytest.mark.parametrize("extension", [*FORMATS, "gif"])
def test_settings_are_read_back_exactly(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{extension}"
    Picture.of(np.zeros((4, 4, 3), np.uint8)).save(path, settings=SETTINGS)
    found = media.settings(path)
    assert found == SETTINGS
    assert list(found) == list(SETTINGS)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
@limits(max_examples=60, deadline=None)
def test_any_json_object_is_read_back_exactly(value: dict[str, Any]) -> None:
    picture = Picture.of(np.zeros((2, 2, 3), np.uint8))
    for format in ("png", "jpg", "webp", "tif", "gif"):
        assert media.settings(picture.encode(format, settings=value)) == value


def test_a_png_says_its_settings_in_a_readable_line() -> None:
    content = Picture.of(np.zeros((2, 2, 3), np.uint8)).encode("png", settings={"style": "ink", "strength": 0.5})
    assert Image.open(io.BytesIO(content)).info["parameters"] == "style: ink, strength: 0.5"


def test_old_settings_are_not_carried_to_new_pixels() -> None:
    first = Picture.of(np.zeros((2, 2, 3), np.uint8))
    for format in ("png", "jpg", "webp", "tif", "gif"):
        assert media.settings(read(first.encode(format, settings=SETTINGS)).encode(format)) is None


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}, {"a": float("inf")}, {"a": "x" * (2 << 20)}])
def test_settings_without_a_json_form_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="settings"):
        Picture.of(np.zeros((2, 2, 3), np.uint8)).encode("png", settings=value)


def test_settings_too_long_for_a_jpeg_say_what_to_do() -> None:
    picture = Picture.of(np.zeros((2, 2, 3), np.uint8))
    long = {"note": "x" * 70_000}
    assert media.settings(picture.encode("png", settings=long)) == long
    with pytest.raises(UsageError, match="PNG"):
        picture.encode("jpg", settings=long)


@pytest.mark.parametrize("text", GARBLED_JSON, ids=range(len(GARBLED_JSON)))
def test_garbled_or_foreign_settings_are_none(text: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("mapsto", text)
    packet = f"<rdf:RDF><rdf:Description><mapsto:settings>{text}</mapsto:settings>".encode()
    assert media.settings(_photo("PNG", pnginfo=info)) is None
    assert media.settings(_photo("JPEG", xmp=packet[:60_000])) is None
    assert media.settings(_photo("GIF", comment=b"mapsto {" + text.encode())) is None


@pytest.mark.parametrize("block", GARBLED_EXIF, ids=range(len(GARBLED_EXIF)))
def test_garbled_exif_is_harmless(block: bytes) -> None:
    picture = read(_photo(exif=b"Exif\0\0" + block))
    assert picture.size == (24, 16)
    for format in FORMATS:
        assert read(picture.encode(format)).size == (24, 16)


@given(st.data())
@limits(max_examples=150, deadline=None)
def test_no_exif_block_breaks_reading_or_writing(data: st.DataObject) -> None:
    block = bytearray(exif_block(6, data.draw(st.sampled_from("<>")), thumbnail=b"abc" * 5))
    for at in data.draw(st.lists(st.integers(0, len(block) - 1), max_size=6)):
        block[at] = data.draw(st.integers(0, 255))
    picture = read(_photo(exif=b"Exif\0\0" + bytes(block)))
    for format in ("png", "tif"):
        assert read(picture.encode(format)).size == picture.size


def test_directories_that_point_at_each_other_end() -> None:
    block = bytearray(exif_block(6))
    at = block.index(struct.pack("<HH", 0x8769, 4)) + 8
    struct.pack_into("<I", block, at, 8)
    assert metadata.orientation(bytes(block)) == 6
    metadata.fitted_exif(bytes(block), (1, 1), srgb=True)


def test_the_resolution_is_kept() -> None:
    picture = read(_photo("JPEG", dpi=(300, 300)))
    for format in ("png", "jpg", "tif"):
        found = Image.open(io.BytesIO(picture.encode(format))).info["dpi"]
        assert tuple(round(float(value)) for value in found) == (300, 300)


def test_a_tiff_does_not_hand_its_layout_to_other_formats() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Scanner"
    picture = read(_photo("TIFF", exif=exif, compression="tiff_lzw"))
    found = dict(_exif(picture.encode("jpg")))
    assert found[0x010F] == "Scanner"
    assert not {256, 257, 258, 259, 273, 277, 279} & set(found)


def test_the_json_is_ascii_and_keeps_its_order() -> None:
    assert metadata.dumped({"b": "é", "a": 1}) == json.dumps({"b": "é", "a": 1})
