import errno
import io
import itertools
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corpus import BAD
from mapsto.errors import NoSpace, UnreadableInput
from mapsto.files import cache_dir
from mapsto.learning import shelf
from mapsto.learning.shelf import Form, Shelf, fitted, kept, rank
from mapsto.media import albums, picture
from mapsto.media.picture import Picture

FORM = Form(8, 8, 3)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is decoded, as it happens."""
    told: list[str] = []
    read = picture.read
    monkeypatch.setattr(picture, "read", lambda file, **rest: told.append(file.name) or read(file, **rest))  # type: ignore[func-returns-value]
    return told


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is read, as it happens."""
    told: list[str] = []
    read = albums._file_bytes
    monkeypatch.setattr(albums, "_file_bytes", lambda entry: told.append(entry.name) or read(entry))  # type: ignore[func-returns-value]
    return told


def paint(path: Path, value: int, size: tuple[int, int] = (10, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 255 - value)).save(path)
    return path


def folder_of(path: Path, count: int = 6) -> Path:
    for i in range(count):
        paint(path / f"{i}.png", 40 * i)
    return path


def take(*sources: Path, form: Form = FORM) -> Shelf:
    return kept(albums.find(list(sources) if len(sources) > 1 else sources[0]), form, lambda done, total: None)


def colours(found: Shelf) -> dict[str, int]:
    return {name: int(pixels[0, 0, 0]) for name, pixels in zip(found.names, found.pixels, strict=True)}


def files() -> list[str]:
    return sorted(path.suffix for path in (cache_dir() / "pictures").iterdir())


def test_what_lies_there_is_what_was_in_the_files_in_the_order_of_ranks(tmp_path: Path) -> None:
    found = take(folder_of(tmp_path))
    assert found.pixels.shape == (6, 8, 8, 3)
    assert colours(found) == {f"{i}.png": 40 * i for i in range(6)}
    assert list(found.names) == sorted(found.names, key=rank) != sorted(found.names)
    assert isinstance(found.pixels, np.memmap)
    assert not found.pixels.flags.writeable


def test_the_second_time_nothing_is_read(tmp_path: Path, opened: list[str]) -> None:
    first = take(folder_of(tmp_path))
    assert len(opened) == 12
    second = take(tmp_path)
    assert len(opened) == 12
    assert (first.names, first.digest) == (second.names, second.digest)


def test_what_was_moved_or_packed_is_read_but_not_decoded(tmp_path: Path, decoded: list[str]) -> None:
    first = take(folder_of(tmp_path / "a"))
    assert len(decoded) == 6
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in (tmp_path / "a").iterdir():
            archive.write(path, f"a/{path.name}")
    (tmp_path / "a").rename(tmp_path / "b")
    assert {take(tmp_path / "b").digest, take(tmp_path / "a.zip").digest} == {first.digest}
    assert len(decoded) == 6


def test_what_changed_is_seen_by_its_time_alone(tmp_path: Path) -> None:
    first = take(folder_of(tmp_path))
    size = (tmp_path / "3.png").stat().st_size
    paint(tmp_path / "3.png", 121)
    assert (tmp_path / "3.png").stat().st_size == size
    os.utime(tmp_path / "3.png", ns=(0, 10**18))
    second = take(tmp_path)
    assert second.digest != first.digest
    assert colours(second)["3.png"] == 121


@pytest.mark.parametrize("form", [Form(8, 9, 3), Form(9, 8, 3), Form(8, 8, 4), Form(8, 8, 4, 0.5)])
def test_every_form_is_a_set_of_its_own(tmp_path: Path, form: Form) -> None:
    one, other = take(folder_of(tmp_path)), take(tmp_path, form=form)
    assert one.digest != other.digest
    assert other.pixels.shape[1:] == (form.height, form.width, form.channels)


@pytest.mark.parametrize("damage", ["shorter", "gone", "no list", "half a list", "another list"])
def test_a_cache_that_was_damaged_is_made_again(tmp_path: Path, damage: str) -> None:
    first = take(folder_of(tmp_path))
    pixels, about = (cache_dir() / "pictures" / f"{first.digest}{suffix}" for suffix in (".bin", ".json"))
    expected = np.array(first.pixels)
    del first
    if damage == "shorter":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "gone":
        pixels.unlink()
    else:
        about.write_text({"no list": "", "half a list": about.read_text()[:20], "another list": "[]"}[damage])
    assert np.array_equal(take(tmp_path).pixels, expected)


def test_what_cannot_be_read_is_skipped_with_its_reason(tmp_path: Path) -> None:
    folder_of(tmp_path)
    made = {kind: make for kind, (make, _) in BAD.items() if kind not in ("folder", "device", "missing", "inside a file")}
    words = {}
    for kind, make in made.items():
        (tmp_path / kind).mkdir()
        path = make(tmp_path / kind)
        words[f"{kind}/{path.name}"] = BAD[kind][1]
    found = take(tmp_path)
    assert len(found.names) == 6
    skipped = dict(found.skipped)
    assert set(skipped) == {name for name in words if name.endswith(albums.PICTURES)}
    for name, reason in skipped.items():
        assert words[name] in reason, (name, reason)


def test_the_same_picture_twice_is_taken_once(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "again").mkdir()
    (tmp_path / "again/copy.png").write_bytes((tmp_path / "2.png").read_bytes())
    found = take(tmp_path)
    first, second = sorted(("2.png", "again/copy.png"), key=rank)
    assert first in found.names
    assert found.skipped == ((second, f"the same as {first}."),)


def test_a_set_of_which_nothing_can_be_used_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"words")
    with pytest.raises(UnreadableInput, match=r"Not one of 1 .* a\.png is not a picture"):
        take(tmp_path)
    assert files() == []


def test_progress_goes_through_all_files_twice(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    kept(albums.find(folder_of(tmp_path)), FORM, lambda done, total: told.append((done, total)))
    assert told == [(i, 12) for i in range(1, 13)]


def test_stopping_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(albums.find(folder_of(tmp_path)), FORM, stop)
    assert files() == []
    assert len(take(tmp_path).names) == 6


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    def change(done: int, total: int) -> None:
        if done == 6:
            paint(tmp_path / "4.png", 7)

    with pytest.raises(UnreadableInput, match=r"4\.png changed"):
        kept(albums.find(folder_of(tmp_path)), FORM, change)
    assert files() == []


def test_a_full_disk_says_that_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder_of(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoSpace, match="MAPSTO_HOME"):
            take(tmp_path)
    assert files() == []


def test_where_only_the_pointer_finds_no_place_the_pictures_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = shelf._write

    def unlucky(path: Path, value: dict[str, object]) -> None:
        if path.name.endswith(".seen.json"):
            raise NoSpace("full")
        write(path, value)

    monkeypatch.setattr(shelf, "_write", unlucky)
    assert len(take(folder_of(tmp_path)).names) == 6


def test_names_of_any_letters_are_kept(tmp_path: Path) -> None:
    paint(tmp_path / "猫/é 1.png", 9)
    raw = os.fsencode(tmp_path) + b"/\xff.png"
    with open(raw, "wb") as file:  # noqa: PTH123  (a name that is no text)
        file.write(paint(tmp_path / "x.png", 50).read_bytes() + b" ")
    for _ in range(2):
        assert set(take(tmp_path).names) == {"猫/é 1.png", "\udcff.png", "x.png"}


def test_transparency_is_white_or_kept_and_what_is_hidden_is_black() -> None:
    array = np.zeros((8, 8, 4), np.uint8)
    array[:4] = (200, 100, 50, 255)
    array[4:] = (90, 90, 90, 0)
    picture = Picture.of(array)
    assert fitted(picture, 8, 8, 3)[[0, 7], 0].tolist() == [[200, 100, 50], [255, 255, 255]]
    assert fitted(picture, 8, 8, 4)[[0, 7], 0].tolist() == [[200, 100, 50, 255], [0, 0, 0, 0]]
    assert fitted(picture.on_white(), 8, 8, 4)[7, 0].tolist() == [255, 255, 255, 255]


def test_hidden_colours_do_not_bleed_into_what_is_seen() -> None:
    array = np.zeros((32, 32, 4), np.uint8)
    array[:, ::2] = (200, 100, 50, 255)
    array[:, 1::2] = (0, 255, 0, 0)
    small = fitted(Picture.of(array), 8, 8, 4).astype(int)
    assert np.abs(small[..., :3] - (200, 100, 50)).max() <= 2
    assert np.abs(small[..., 3] - 127).max() <= 30


@pytest.mark.parametrize("size", [(32, 32), (33, 32), (32, 37), (64, 32)])
def test_what_only_needs_cropping_keeps_every_pixel(size: tuple[int, int]) -> None:
    array = np.random.default_rng(0).integers(0, 256, (*size, 4), np.uint8)
    array[..., 3] |= 1
    top, left = (size[0] - 32) // 2, (size[1] - 32) // 2
    assert np.array_equal(fitted(Picture.of(array), 32, 32, 4), array[top : top + 32, left : left + 32])


def test_every_shape_fits_into_every_other() -> None:
    assert 7 * (29 / 7) > 29  # the kind of rounding that must not lead out of a picture
    for height, width, down, across in itertools.product((1, 3, 29, 40), (1, 25, 61), (1, 7, 13), (1, 3, 11)):
        picture = Picture.of(np.full((height, width, 3), 77, np.uint8))
        pixels = fitted(picture, down, across, 3)
        assert pixels.shape == (down, across, 3)
        assert (pixels == 77).all()


def test_the_middle_is_kept_and_its_mean_too() -> None:
    ramp = np.tile(np.arange(240, dtype=np.uint8)[None, :, None], (60, 1, 3))  # the middle third is 90 … 149
    small = fitted(Picture.of(ramp), 6, 6, 3).astype(float)
    assert float(small.mean()) == pytest.approx(119.5, abs=0.7)
    assert 90 <= small.min() < 97
    assert 142 < small.max() <= 149


def test_pictures_lie_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 8), "red")
    image.paste("blue", (8, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right: red comes on top
    image.save(tmp_path / "a.png", exif=exif)
    pixels = take(tmp_path, form=Form(16, 8, 3)).pixels[0]
    assert pixels[[0, 15], 0].tolist() == [[255, 0, 0], [0, 0, 255]]


def test_a_large_jpeg_is_the_same_picture_though_it_is_not_decoded_in_full(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (45, 60, 3), np.uint8))
    noise.resize((1200, 900), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    ours = take(tmp_path, form=Form(96, 128, 3)).pixels[0].astype(int)
    difference = np.abs(ours - fitted(picture.read(tmp_path / "a.jpg"), 96, 128, 3)).mean()
    assert 0 < difference < 1


def test_nearly_empty_pictures_are_skipped_with_their_share(tmp_path: Path) -> None:
    for i, rows in enumerate((0, 1, 2, 8)):
        array = np.zeros((8, 8, 4), np.uint8)
        array[:rows] = (10 * i, 5, 5, 128)
        array[rows:] = (10 * i, 9, 9, 127)
        content = io.BytesIO()
        Image.fromarray(array).save(content, "png")
        (tmp_path / f"{rows}.png").write_bytes(content.getvalue())
    found = take(tmp_path, form=Form(8, 8, 4, 0.25))
    assert set(found.names) == {"2.png", "8.png"}
    assert dict(found.skipped)["1.png"] == "nearly empty: 12.5% of it can be seen."
