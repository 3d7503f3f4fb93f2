from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mapsto.errors import UnreadableInput, UsageError
from mapsto.learning.data import PictureData, prepare


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path_factory.mktemp("home")))


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def folder_of(path: Path, count: int = 20, channels: int = 3) -> Path:
    """Pictures of noise, half of them in the folder oak, half in elm, numbered in their red corner."""
    for i in range(count):
        place = path / ("oak" if i % 2 else "elm")
        place.mkdir(parents=True, exist_ok=True)
        array = np.random.default_rng(i).integers(0, 256, (6, 8, channels), np.uint8)
        array[0, 0] = (i, 0, 0, 255)[:channels]
        Image.fromarray(array).save(place / f"{i}.png")
    return path


def number(name: str) -> int:
    return int(Path(name).stem)


def everything(data: PictureData) -> np.ndarray:
    return np.arange(len(data))


def test_a_batch_is_the_files_in_unit_range_channels_last(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8))
    batch = data.batch(np.array([3, 0, 3]), dice())
    assert batch.labels is None
    assert batch.x.dtype == torch.float32
    assert batch.x.shape == (3, 3, 6, 8)
    assert batch.x.is_contiguous(memory_format=torch.channels_last)
    for x, index in zip(batch.x, (3, 0, 3), strict=True):
        file = np.asarray(Image.open(tmp_path / data.names[index]))
        assert torch.equal(x, torch.from_numpy(file.copy()).permute(2, 0, 1) / 255)


def test_alpha_is_the_fourth_channel_where_it_is_asked_for(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path, channels=4), (6, 8), channels=4)
    assert data.batch(everything(data), dice()).x.shape == (20, 4, 6, 8)


def test_half_of_the_pictures_are_mirrored_if_asked_and_the_generator_says_which(tmp_path: Path) -> None:
    straight, turned = (prepare(folder_of(tmp_path), (6, 8), flip=flip) for flip in (False, True))
    rows = np.tile(everything(straight), 20)
    plain = straight.batch(rows, dice()).x
    x, again = turned.batch(rows, dice(3)).x, turned.batch(rows, dice(3)).x
    mirrored = (x == plain.flip(3)).all((1, 2, 3))
    assert torch.equal(x, again)
    assert torch.equal(mirrored, ~(x == plain).all((1, 2, 3)))
    assert float(mirrored.float().mean()) == pytest.approx(0.5, abs=0.1)
    assert straight.digest != turned.digest


def test_without_mirroring_nothing_is_drawn(tmp_path: Path) -> None:
    generator = dice()
    before = generator.get_state()
    data = prepare(folder_of(tmp_path), (6, 8))
    data.batch(everything(data), generator)
    assert torch.equal(generator.get_state(), before)


def test_the_pixels_of_the_set_are_never_changed(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8), flip=True)
    before = np.array(data.pixels)
    for part in (data, *data.split(0.3), data.subset([5, 1])):
        part.batch(everything(part), dice()).x.zero_()
    assert np.array_equal(data.pixels, before)


def test_labels_are_places_in_the_sorted_classes(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8), labels="folders")
    assert data.classes == ("elm", "oak")
    labels = data.batch(everything(data), dice()).labels
    assert labels is not None
    assert labels.dtype == torch.int64
    assert labels.tolist() == [number(name) % 2 for name in data.names]


def test_pictures_without_a_class_are_skipped_and_the_rest_is_right(tmp_path: Path) -> None:
    folder_of(tmp_path / "set")
    rows = [f"{i}.png,{'big' if i > 9 else 'small'}" for i in range(0, 20, 3)]
    (tmp_path / "classes.csv").write_text("\n".join(rows))
    data = prepare(tmp_path / "set", (6, 8), labels=tmp_path / "classes.csv")
    assert data.labels is not None
    assert sorted(number(name) for name in data.names) == list(range(0, 20, 3))
    for name, pixels, label in zip(data.names, data.pixels, data.labels, strict=True):
        assert pixels[0, 0, 0] == number(name)
        assert data.classes[label] == ("big" if number(name) > 9 else "small")
    assert len(data.skipped) == 13
    assert data.notes()[0].startswith("Skipped as without a class: 13.")


def test_a_split_divides_and_keeps_names_pixels_and_labels_together(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8), labels="folders")
    train, held_out = data.split(0.25)
    assert (len(train), len(held_out)) == (15, 5)
    assert {*train.names, *held_out.names} == set(data.names)
    for part in (train, held_out):
        assert part.labels is not None
        assert [int(pixels[0, 0, 0]) for pixels in part.pixels] == [number(name) for name in part.names]
        assert [int(label) for label in part.labels] == [number(name) % 2 for name in part.names]
    assert len({data.digest, train.digest, held_out.digest}) == 3


def test_a_split_is_the_same_at_every_size_and_another_for_another_seed(tmp_path: Path) -> None:
    small, large = prepare(folder_of(tmp_path), (6, 8)), prepare(tmp_path, (12, 12))
    assert small.split(0.3)[1].names == large.split(0.3)[1].names
    assert set(small.split(0.3)[1].names) != set(small.split(0.3, seed=1)[1].names)


def test_a_split_copies_no_pixels(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8))
    assert all(np.shares_memory(part.pixels, data.pixels) for part in data.split(0.3))


def test_more_pictures_change_little_in_what_is_held_out(tmp_path: Path) -> None:
    before = set(prepare(folder_of(tmp_path, 60), (6, 8)).split(0.5)[1].names)
    after = set(prepare(folder_of(tmp_path, 66), (6, 8)).split(0.5)[1].names)
    assert len(before - after) <= 6


@pytest.mark.parametrize(("part", "held_out"), [(0.0, 0), (0.001, 1), (0.5, 10), (0.9, 18)])
def test_a_part_is_rounded_and_at_least_one(tmp_path: Path, part: float, held_out: int) -> None:
    assert len(prepare(folder_of(tmp_path), (6, 8)).split(part)[1]) == held_out


@pytest.mark.parametrize("part", [-0.1, 0.99, 1.0])
def test_a_split_that_leaves_nothing_is_refused(tmp_path: Path, part: float) -> None:
    with pytest.raises(UsageError, match="held out"):
        prepare(folder_of(tmp_path), (6, 8)).split(part)


def test_a_subset_of_a_subset_is_a_subset(tmp_path: Path) -> None:
    data = prepare(folder_of(tmp_path), (6, 8), labels="folders")
    once = data.subset([7, 2, 9, 4]).subset([3, 1])
    assert once.names == (data.names[4], data.names[2])
    assert np.array_equal(once.pixels, data.pixels[[4, 2]])
    assert once.labels is not None
    assert data.labels is not None
    assert once.labels.tolist() == data.labels[[4, 2]].tolist()
    assert once.digest != data.subset([2, 4]).digest
    assert len(data.subset([])) == 0


def test_what_was_skipped_is_told_by_kind(tmp_path: Path) -> None:
    folder_of(tmp_path, 3)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"words " + name.encode())
    (tmp_path / "c.png").write_bytes((tmp_path / "oak/1.png").read_bytes())
    data = prepare(tmp_path, (6, 8))
    assert len(data) == 3
    assert len(data.skipped) == 3
    notes = data.notes()
    assert len(notes) == 2
    assert "unreadable: 2" in notes[0]
    assert "is not a picture" in notes[0]
    assert "the same as another: 1" in notes[1]


def test_too_few_pictures_are_told_with_what_was_skipped(tmp_path: Path) -> None:
    folder_of(tmp_path, 2)
    (tmp_path / "bad.png").write_bytes(b"words")
    with pytest.raises(UsageError, match=r"There are 2 pictures.* at least 3 .*bad\.png"):
        prepare(tmp_path, (6, 8), minimum=3)


def test_one_picture_is_a_set_where_one_is_enough(tmp_path: Path) -> None:
    folder_of(tmp_path, 1)
    assert len(prepare(tmp_path / "elm/0.png", (6, 8))) == 1


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no picture"):
        prepare(tmp_path, (6, 8))


@pytest.mark.parametrize(
    ("size", "more", "word"),
    [
        ((0, 8), {}, "0×8"),
        ((8, 9999), {}, "9999"),
        ((8,), {}, "cannot be 8"),
        ((8, 8), {"channels": 1}, "1 channels"),
        ((8, 8), {"near_empty": 0.5}, "near_empty"),
        ((8, 8), {"channels": 4, "near_empty": 1.0}, "near_empty"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(size: tuple[int, int], more: dict[str, int], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        prepare("nowhere", size, **more)  # type: ignore[arg-type]
