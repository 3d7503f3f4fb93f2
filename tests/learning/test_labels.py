import itertools
from pathlib import Path

import pytest

from mapsto.errors import UnreadableInput, UsageError
from mapsto.learning.labels import classes_of

NAMES = ["oak/1.png", "oak/b/2.png", "elm/1.png", "loose.png"]


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_the_first_folder_is_the_class() -> None:
    assert classes_of(NAMES, "folders") == ["oak", "oak", "elm", None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("female-noble_00008071.jpg", "female-noble"),
        ("a/b/oak 12.png", "oak"),
        ("oak(3).png", "oak"),
        ("oak2x.png", "oak2x"),
        ("猫-7.png", "猫"),
    ],
)
def test_the_name_without_its_number_is_the_class(name: str, expected: str) -> None:
    assert classes_of([name], "names") == [expected]


def test_a_name_that_is_a_number_has_no_class() -> None:
    assert classes_of(["0001.png", "a1.png"], "names") == [None, "a"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_names_pictures_by_path_or_by_the_file_name_that_only_one_has(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    rows = ["oak/1.png|橡", "./elm/1.png|榆", "2.png|two", "1.png|nobody", "other.png|x", "", "short"]
    text = "\r\n".join(rows).replace("|", separator)
    assert classes_of(NAMES, table(tmp_path / "t.csv", text, encoding)) == ["橡", "two", "榆", None]


def test_commas_within_quotes_belong_to_the_name(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", 'file,class\n"a, b.png","big, red"\n')
    assert classes_of(["a, b.png"], str(path)) == ["big, red"]


def test_a_function_tells_classes_too() -> None:
    assert classes_of(NAMES, lambda name: name[:1] if "/" in name else None) == ["o", "o", "e", None]


@pytest.mark.parametrize(("rule", "hint"), [("folders", "into a folder of its own"), ("names", "oak_0001.jpg")])
def test_a_rule_that_finds_nothing_says_what_would_help(rule: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        classes_of(["1.png", "2.png"], rule)


def test_a_table_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="cannot be read"):
        classes_of(NAMES, tmp_path / "missing.csv")
    with pytest.raises(UnreadableInput, match="not UTF-8"):
        classes_of(NAMES, table(tmp_path / "t.csv", "橡.png,橡", "gb18030"))
    with pytest.raises(UsageError, match="file name, class"):
        classes_of(NAMES, table(tmp_path / "u.csv", "x.png,橡"))


def test_as_many_classes_as_pictures_are_refused_before_anything_is_learned() -> None:
    names = [f"{name}.png" for name in itertools.islice(map("".join, itertools.product("abcdefghijkl", repeat=3)), 1001)]
    assert len(classes_of(names[:1000], "names")) == 1000
    with pytest.raises(UsageError, match="1001 classes, 'aaa' for one; 1000 are the most") as caught:
        classes_of(names, "names")
    assert "oak_0001.jpg" in caught.value.hint
