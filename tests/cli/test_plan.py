from __future__ import annotations

from pathlib import Path

import pytest

from darkroom import animation, photo
from mapsto.cli.plan import Place, plan, slug, sources
from mapsto.errors import UnreadableInput, UsageError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def targets(*given: str, output: str | None = None, format: str | None = None) -> list[str]:
    return [str(job.target) for job in plan(sources(given, recursive=True), Place(output, format, "ink"))]


def test_a_file_is_painted_beside_itself_as_png() -> None:
    assert targets("a.jpg", "b/c.JPEG", "/d/e") == ["a.ink.png", "b/c.ink.png", "/d/e.ink.png"]
    assert targets("a.jpg", format="webp") == ["a.ink.webp"]


def test_an_animation_stays_what_it_is_and_a_still_does_not() -> None:
    for extension in ("gif", "webp", "png"):
        animation(f"film.{extension}")
        assert targets(f"film.{extension}") == [f"film.ink.{extension}"]
    photo("still.webp")
    assert targets("still.webp") == ["still.ink.png"]
    assert targets("film.gif", format="webp") == ["film.ink.webp"]


def test_an_output_is_a_file_a_folder_or_a_template() -> None:
    photo("x/a.jpg")
    Path("there").mkdir()
    assert targets("x/a.jpg", output="out.webp") == ["out.webp"]
    assert targets("x/a.jpg", output="new/") == ["new/a.ink.png"]
    assert targets("x/a.jpg", output="there") == ["there/a.ink.png"]
    assert targets("x/a.jpg", output="{dir}/{stem}-{style}.{ext}") == ["x/a-ink.jpg"]
    assert targets("x/a.jpg", output="{{{name}}}.png") == ["{a.jpg}.png"]


def test_a_tree_is_mirrored() -> None:
    for name in ("a.jpg", "one/a.jpg", "one/two/b.png", ".hidden/c.jpg", "notes.txt"):
        photo(f"shots/{name}") if name != "notes.txt" else Path("shots/notes.txt").write_text("no")
    assert targets("shots", output="styled") == ["styled/a.ink.png", "styled/one/a.ink.png", "styled/one/two/b.ink.png"]
    assert targets("shots/") == ["shots.ink/a.ink.png", "shots.ink/one/a.ink.png", "shots.ink/one/two/b.ink.png"]
    assert targets("shots", output="o/{dir}/{name}.png") == ["o/a.jpg.png", "o/one/a.jpg.png", "o/one/two/b.png.png"]


def test_the_folder_we_are_in_is_mirrored_beside_itself(tmp_path: Path) -> None:
    photo("a.jpg")
    assert targets(".") == [f"{tmp_path}.ink/a.ink.png"]


def test_names_that_would_meet_are_told_apart() -> None:
    for name in ("a.jpg", "a.png", "b.jpg"):
        photo(f"shots/{name}")
    assert targets("shots", output="o") == ["o/a.jpg.ink.png", "o/a.png.ink.png", "o/b.ink.png"]
    assert targets("shots/a.jpg", "shots/a.png") == ["shots/a.jpg.ink.png", "shots/a.png.ink.png"]
    with pytest.raises(UsageError, match="2 pictures would be written to"):
        targets("shots/a.jpg", "shots/a.png", output="{stem}.webp")
    photo("more/b.jpg")
    with pytest.raises(UsageError, match="2 pictures would be written to"):
        targets("shots/b.jpg", "more/b.jpg", output="o/")


def test_results_of_a_former_run_are_not_painted_again() -> None:
    photo("shots/a.jpg")
    photo("shots/a.ink.png")
    photo("shots/styled/a.ink.png")
    assert targets("shots", output="shots/styled") == ["shots/styled/a.ink.ink.png", "shots/styled/a.ink.png"]
    assert targets("shots/a.jpg", "shots/a.ink.png") == ["shots/a.ink.png"]


def test_a_picture_is_never_replaced_by_its_own_painting() -> None:
    photo("a.png")
    Path("link.png").symlink_to("a.png")
    for output in ("a.png", "./a.png", "link.png", "{name}"):
        with pytest.raises(UsageError, match="replaced by its own painting"):
            targets("a.png", output=output)


@pytest.mark.parametrize(
    ("given", "output", "says"),
    [
        (["a.jpg", "b.jpg"], "out.png", "one file"),
        (["a.jpg", "b.jpg"], "-", "standard output"),
        (["-", "b.jpg"], None, "alone"),
        (["a.jpg"], "{steam}.png", "stem"),
        (["a.jpg"], "{stem.png", "template"),
        (["a.jpg"], "{stem.__class__}.png", "stem"),
        (["a.jpg"], "{}.png", "field"),
    ],
)
def test_what_cannot_be_meant_is_told(given: list[str], output: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        targets(*given, output=output)
    assert error.value.hint


def test_folders_need_the_flag_and_pictures() -> None:
    Path("empty").mkdir()
    with pytest.raises(UnreadableInput, match="no picture"):
        targets("empty")
    with pytest.raises(UnreadableInput, match="folder"):
        sources(["empty"], recursive=False)


def test_streams() -> None:
    assert targets("-") == targets("-", output="-") == targets("a.jpg", output="-") == ["None"]
    assert targets("-", output="out.png") == ["out.png"]


@pytest.mark.parametrize(
    ("style", "name"),
    [
        ("starry-night", "starry-night"),
        ("starry-night:0.6,great-wave:0.4", "starry-night-0.6+great-wave-0.4"),
        ("ink , mosaic", "ink+mosaic"),
        ("pics/My Painting (2).jpg:2,ink:.5", "My-Painting-2-2+ink-0.5"),
        ("../..", "style"),
        ("梵高.png", "梵高"),
    ],
)
def test_a_style_in_a_file_name(style: str, name: str) -> None:
    assert slug(style) == name


def test_a_picture_of_a_style_is_called_by_its_stem() -> None:
    assert slug(str(photo("dir/my painting: one,two.jpg"))) == "my-painting-one-two"
