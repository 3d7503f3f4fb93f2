from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsto.errors import UsageError
from mapsto.image import hands
from mapsto.image.styles import parts_of, spelled

KNOWN = ["starry-night", "great-wave", "ink"]


def test_a_name_stands_for_itself() -> None:
    assert parts_of("ink", KNOWN) == [("ink", 1.0)]


def test_weights_become_shares() -> None:
    assert parts_of("starry-night:3,great-wave:1", KNOWN) == [("starry-night", 0.75), ("great-wave", 0.25)]
    assert parts_of("ink,great-wave", KNOWN) == [("ink", 0.5), ("great-wave", 0.5)]
    assert parts_of([("ink", 1), ("great-wave", 3)], KNOWN) == [("ink", 0.25), ("great-wave", 0.75)]


def test_a_file_may_have_colons_and_commas_in_its_name(tmp_path: Path) -> None:
    odd = tmp_path / "blue, green: 0.5.png"
    odd.write_bytes(b"")
    assert parts_of(str(odd), KNOWN) == [(odd, 1.0)]
    plain = tmp_path / "my.png"
    plain.write_bytes(b"")
    assert parts_of(f"{plain}:1,ink:1", KNOWN) == [(plain, 0.5), ("ink", 0.5)]


@pytest.mark.parametrize("style", ["ink:0", "ink:0,great-wave:0", [("ink", 0)]])
def test_weights_that_sum_to_nothing_are_refused(style: object) -> None:
    with pytest.raises(UsageError, match="sum to nothing"):
        parts_of(style, KNOWN)


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "much"])
def test_impossible_weights_are_refused(weight: object) -> None:
    with pytest.raises(UsageError):
        parts_of([("ink", weight)], KNOWN)


def test_an_unknown_style_gets_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="starry-night"):
        parts_of("stary-nihgt", KNOWN)
    with pytest.raises(UsageError, match="no file"):
        parts_of("gone/painting.jpg", KNOWN)


@given(st.dictionaries(st.sampled_from(KNOWN), st.floats(0.01, 100), min_size=1))
def test_spelling_and_reading_are_inverse(weights: dict[str, float]) -> None:
    parts = parts_of(list(weights.items()), KNOWN)
    again = parts_of(spelled(parts), KNOWN)
    assert [name for name, _ in parts] == [name for name, _ in again]
    assert [w for _, w in parts] == pytest.approx([w for _, w in again], rel=1e-4)


def test_no_hand_takes_the_name_of_the_picture_itself() -> None:
    assert hands.free_name(Path("photo.jpg"), []) == "photo-2"
    with pytest.raises(UsageError, match="the picture itself"):
        hands.check_name("photo")
