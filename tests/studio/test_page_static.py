"""The page as files: two languages that say the same, a size that stays small, and nothing from elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mapsto.studio.server import PAGE

LARGEST = 300_000
"""Bytes of all files together."""

FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
BUILT = {"error": "what the server refuses", "name": "names of the trade", "finding": "what a training shows"}
"""Families of keys whose last part is a value: error.no-space, name.style.ink."""


def words(language: str) -> dict[str, str]:
    return dict(json.loads((PAGE / f"i18n/{language}.json").read_text(encoding="utf-8")))


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(words("en")) == list(words("zh"))


def test_both_languages_fill_the_same_places() -> None:
    english, chinese = words("en"), words("zh")
    places = re.compile(r"\{(\w+)\}")
    assert [key for key in english if set(places.findall(english[key])) != set(places.findall(chinese[key]))] == []


def test_no_text_is_empty_or_left_in_the_other_language() -> None:
    same_in_both = re.compile(r"^[\W\d]*$|^\{\w+\}(%| kB| MB| GB|：\{\w+\})?$|^(MIDI|WAV|SHA-256|A A B A|A B A B)$")
    for key, text in words("zh").items():
        assert text.strip() or key == "list.sentence", key
        assert re.search(r"[\u4e00-\u9fff]", text) or same_in_both.match(text), key
    assert [key for key, text in words("en").items() if re.search(r"[\u4e00-\u9fff]", text)] == []


def _used() -> set[str]:
    source = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    return set(re.findall(r"""["`]([a-z]+(?:\.[a-z0-9-]+)+)["`]""", source))


def test_every_text_that_the_page_asks_for_is_there() -> None:
    known = words("en")
    families = {key.split(".")[0] for key in known}
    asked = {key for key in _used() if key.split(".")[0] in families}
    assert len(asked) > 200
    assert sorted(asked - set(known)) == []


def test_no_text_lies_about_unused() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    starts = list(re.findall(r"`([a-z]+(?:\.[a-z-]+)*[.-])\$\{", source))
    unused = [
        key
        for key in words("en")
        if key not in _used() and key.split(".")[0] not in BUILT and not any(key.startswith(start) for start in starts)
    ]
    assert [
        key for key in unused if f"{key.removesuffix('.about')}.about" not in key or key.removesuffix(".about") not in _used()
    ] == []


def test_every_code_of_the_server_has_words() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PAGE.parent.glob("*.py"))
    codes = set(re.findall(r"""Refusal\(\s*\d+,\s*"([a-z-]+)\"""", source))
    assert codes
    silent = {"superseded", "method-not-allowed", "no-thumbnail", "no-samples"}  # nobody sees these
    assert sorted(codes - silent - {key.removeprefix("error.") for key in words("en")}) == []


def test_the_whole_page_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= LARGEST


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix in (".js", ".css", ".html", ".svg")], ids=lambda path: path.name
)
def test_nothing_comes_from_elsewhere_or_stands_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]{2,}", text) == []
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=|javascript:", text)
    if path.suffix == ".js":
        assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
