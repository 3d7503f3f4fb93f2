"""No file, however bad, does anything but come back as a picture or as one clear sentence."""

import io
import os
import resource
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import corpus
import mapsto.media.picture as media
from mapsto.errors import MapstoError, UnreadableInput
from mapsto.media import animation, opening
from mapsto.media.picture import Picture, read
from samples import chunk, png

FORMATS = ("jpg", "png", "webp", "tif", "gif", "bmp", "ppm")


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Any allocation that takes the process more than 400 MB above what it has now fails."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (400 << 20), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("name", corpus.BAD)
def test_every_bad_file_is_refused_quickly_in_one_sentence(name: str, tmp_path: Path) -> None:
    make, word = corpus.BAD[name]
    path = make(tmp_path)
    start = time.process_time()
    with pytest.raises(UnreadableInput, match=word) as caught:
        read(path)
    assert time.process_time() - start < 2
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    assert caught.value.hint
    assert caught.value.exit_code == 4
    with pytest.raises(UnreadableInput):
        list(animation.frames(path))


@pytest.mark.parametrize(
    "name", [name for name, (_, word) in corpus.BAD.items() if "exist" not in word and name not in ("folder", "pipe", "device")]
)
def test_bad_bytes_and_streams_are_refused_like_files(name: str, tmp_path: Path) -> None:
    make, word = corpus.BAD[name]
    content = make(tmp_path).read_bytes()
    for source in (content, bytearray(content), memoryview(content), io.BytesIO(content)):
        with pytest.raises(UnreadableInput, match=word):
            read(source)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_files_without_permission_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(corpus.good("png"))
    path.chmod(0)
    with pytest.raises(UnreadableInput, match="may not be read"):
        read(path)


def test_a_refused_open_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(corpus.good("png"))
    for error, word in (
        (PermissionError(13, "Permission denied"), "may not be read"),
        (OSError(5, "Input/output error"), "Input/output"),
    ):

        def refuse(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(UnreadableInput, match=word):
            read(path)


def test_a_null_byte_in_a_path_is_a_sentence() -> None:
    with pytest.raises(UnreadableInput, match="cannot be opened"):
        read("a\0b.png")


def test_streams_that_cannot_seek_are_read() -> None:
    reading, writing = os.pipe()
    content = corpus.good("jpg")
    with os.fdopen(writing, "wb") as out:
        out.write(content)
    with os.fdopen(reading, "rb") as pipe:
        assert read(pipe).size == (24, 16)


def test_an_endless_stream_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_BYTES", 1 << 16)
    with Path("/dev/zero").open("rb") as endless, pytest.raises(UnreadableInput, match="larger"):
        read(endless)


def test_the_limit_can_be_lowered_and_raised() -> None:
    content = png((200, 100), b"\0" * (26 * 100), depth=1, colour=0)
    assert read(content, max_pixels=20_000).size == (200, 100)
    with pytest.raises(UnreadableInput, match=r"200 × 100 = 0\.0 Mpx"):
        read(content, max_pixels=19_999)


def test_pictures_above_the_decoders_own_limit_are_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    content = png((200, 100), b"\0" * (26 * 100), depth=1, colour=0)
    assert read(content, max_pixels=20_000).size == (200, 100)
    assert Image.MAX_IMAGE_PIXELS == 5_000


def test_warnings_of_the_decoder_stay_inside_and_filters_outside_stay() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        with pytest.raises(UnreadableInput):
            read(corpus.bomb_png())
        assert list(warnings.filters) == filters
    assert not heard


def test_a_lying_header_in_the_middle_ground_never_costs_more_than_its_pixels() -> None:
    content = bytearray(corpus.good("jpg"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = (200).to_bytes(2, "big") + (300).to_bytes(2, "big")
    with suppress(UnreadableInput):
        assert read(bytes(content)).size == (300, 200)  # decoders fill what is missing with grey


def test_many_threads_read_at_once() -> None:
    content, found = corpus.good("png"), []
    threads = [threading.Thread(target=lambda: found.append(read(content).size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(24, 16)] * 8


@pytest.mark.parametrize("source", [3, None, [], object()])
def test_what_is_no_picture_is_refused(source: object) -> None:
    with pytest.raises(MapstoError, match="not a picture"):
        Picture.of(source)


def test_settings_of_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    for name in ("empty", "text", "pdf", "missing", "folder"):
        with pytest.raises(UnreadableInput):
            media.settings(corpus.BAD[name][0](tmp_path))


def _survives(content: bytes) -> None:
    """Reading gives a picture within its limit, or the one error; within 2 seconds."""
    start = time.process_time()
    with suppress(UnreadableInput):
        picture = read(content, max_pixels=1_000_000)
        assert picture.width * picture.height <= 1_000_000
        picture.encode("png")
    with suppress(UnreadableInput):
        for _ in animation.frames(content, max_pixels=100_000, max_total=1_000_000):
            pass
    with suppress(UnreadableInput):
        media.settings(content)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("format", [*FORMATS, "animated gif", "animated webp", "animated png"])
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_files_are_pictures_or_refused(format: str, data: st.DataObject) -> None:
    content = bytearray(corpus.animated(format.split()[1]) if " " in format else corpus.good(format))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, min(len(content) - 1, 200)) | st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    _survives(bytes(content[:cut]))


SIGNATURES = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"P6 ", b"RIFF\0\0\0\0WEBP"]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_a_signature_are_harmless(signature: bytes, rest: bytes) -> None:
    _survives(signature + rest)


SIDES = st.integers(0, 40) | st.integers(0, 2**32 - 1)
CHUNKS = st.sampled_from(
    [b"tRNS", b"PLTE", b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"pHYs", b"gAMA", b"cHRM"]
)


@given(SIDES, SIDES, st.integers(0, 16), st.integers(0, 7), st.lists(st.tuples(CHUNKS, st.binary(max_size=40)), max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_png_with_true_checksums_is_harmless(
    width: int, height: int, depth: int, colour: int, chunks: list[tuple[bytes, bytes]]
) -> None:
    _survives(
        png((width, height), bytes(range(250)) * 9, *(chunk(kind, data) for kind, data in chunks), depth=depth, colour=colour)
    )
