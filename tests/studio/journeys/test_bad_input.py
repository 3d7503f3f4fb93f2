"""Bad files dropped on every page, in a real browser: one message about each, in the page's language, and all goes on.

Each page gets its share of the corpus, another in each language; with BAD=every in the environment every page gets all of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atelier import Studio
from browsing import Visitor, drop, painted, wait
from darkroom import photo
from spoiled import DROPS, type_of

PAGES = ("style", "morph", "create", "music", "learn", "library", "models")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[a-z]{2,}){2,}")
"""Three words in a row."""


def share(page: str, language: str) -> list[str]:
    """Which bad files a page gets."""
    if os.environ.get("BAD") == "every":
        return list(DROPS)
    return list(DROPS)[(PAGES.index(page) + (3 if language.startswith("zh") else 0)) % len(PAGES) :: len(PAGES)]


def go(page: Any, name: str) -> None:
    page.goto(page.url.split("#")[0] + f"#{name}", wait_until="commit")
    page.wait_for_selector(f"#page-{name}:not([hidden])")


def told(page: Any, file: Path, target: str) -> str:
    """What is said of a file that is dropped, without its name."""
    page.evaluate("document.querySelectorAll('.notice').forEach(each => each.remove())")
    drop(page, target, file, kind=type_of(file))
    wait(page, "() => document.querySelector('.notice.bad')")
    (text,) = page.locator(".notice.bad p").all_inner_texts()
    name, _, why = text.partition("：" if "：" in text else ": ")
    assert name == file.name or (len(file.name) > 48 and len(name) < 48 and name.startswith(file.name[:20])), text
    return str(why)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_every_page_tells_what_it_cannot_take(
    visit: Callable[..., Visitor], studio: Studio, tmp_path: Path, language: str
) -> None:
    """After all of it a photo is painted and a job is done."""
    page, said = visit(language=language).open(), dict[tuple[str, str], str]()
    for place in PAGES:
        go(page, place)
        for name in share(place, language):
            (folder := tmp_path / place / name).mkdir(parents=True)
            said[place, name] = told(page, DROPS[name](folder), f"#page-{place}")
    is_clear = (lambda text: not CHINESE.search(text) and ENGLISH.search(text)) if language == "en-GB" else is_chinese
    assert {where: text for where, text in said.items() if not is_clear(text)} == {}
    assert not page.locator("#notices img").count()  # a name is text, whatever it holds
    go(page, "style")
    drop(page, "#page-style", photo(tmp_path / "good.jpg", (48, 32)))
    wait(page, "() => document.querySelector('#page-style .caption').textContent === 'good.jpg'")
    painted(page)
    with page.expect_download():
        page.locator("#page-style .primary").click()
    assert studio.done("generate", model="hills")["state"] == "done"


def is_chinese(text: str) -> bool:
    """Whether all that is told is told in Chinese."""
    return bool(CHINESE.search(text)) and not ENGLISH.search(text)


def test_a_folder_with_bad_files_says_which_and_why(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit(language="zh-CN").open("learn")
    page.get_by_label("从零学你的图").check()
    files = [photo(tmp_path / "good.jpg", (48, 32))]
    for name in ("text", "truncated png", "bomb png", "pickle", "a name in Chinese", "svg"):
        (tmp_path / name).mkdir()
        files.append(DROPS[name](tmp_path / name))
    drop(page, "#page-learn", *files, kind="application/octet-stream")
    wait(page, "() => document.querySelectorAll('#page-learn .checked li').length === 6")
    page.locator("#page-learn .checked summary").click()
    for row in page.locator("#page-learn .checked li").all_inner_texts():
        assert is_chinese(row.partition("：")[2]), row
    assert "1" in page.locator("#page-learn .checked p").first.inner_text()


def test_files_that_are_good_but_elsewhere_are_told_apart(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    from mapsto.sound.score import Note, Score, Track

    Score((Track("melody", (Note(0, 12, 60),)),)).save(tmp_path / "tune.mid")
    page = visit(language="zh-CN").open()
    for place, file in {
        "style": tmp_path / "tune.mid",
        "morph": tmp_path / "tune.mid",
        "create": tmp_path / "tune.mid",
        "learn": tmp_path / "tune.mid",
        "music": photo(tmp_path / "cat.jpg", (48, 32)),
    }.items():
        go(page, place)
        page.evaluate("document.querySelectorAll('.notice').forEach(each => each.remove())")
        drop(page, f"#page-{place}", file, kind=type_of(file))
        wait(page, "() => document.querySelector('.notice.bad')")
        (text,) = page.locator(".notice.bad p").all_inner_texts()
        assert file.name in text
        assert is_chinese(text.replace(file.name, "")), text


def test_a_job_that_fails_says_why_in_the_language_of_the_page(
    visit: Callable[..., Visitor], studio: Studio, tmp_path: Path
) -> None:
    page = visit(language="zh-CN").open()
    drop(page, "#page-style", photo(tmp_path / "gone.jpg", (48, 32), 91))
    wait(page, "() => document.querySelector('#page-style .caption').textContent === 'gone.jpg'")
    painted(page)
    image = studio.get("/library", params={"query": "gone.jpg"}).json()["items"][0]["id"]
    studio.shop.store.path(image).write_bytes(b"just some words")
    page.get_by_role("button", name="下载").click()
    wait(page, "() => document.querySelector('.notice.bad')")
    (text,) = page.locator(".notice.bad p").all_inner_texts()
    line = page.locator("#page-style .following .line").inner_text()
    for said in (text, line):
        assert "gone.jpg" in said
        assert is_chinese(said.replace("gone.jpg", "")), said
    page.get_by_role("button", name="English").click()
    wait(page, "() => /gone.jpg is not a picture/.test(document.querySelector('#page-style .following .line').textContent)")
