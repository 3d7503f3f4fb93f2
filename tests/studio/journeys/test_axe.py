"""axe-core finds nothing against WCAG 2.2 AA on any page, in both languages, in both themes; bare, and full of work.

axe-core is fetched by whoever runs this (npm install axe-core); AXE names axe.min.js, or a node_modules folder here holds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atelier import Studio
from browsing import Visitor, drop, painted
from darkroom import photo

ROOT = Path(__file__).resolve().parents[3]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ("style", "morph", "create", "music", "learn", "library", "models")


def axe() -> str:
    places = [Path(os.environ["AXE"])] if "AXE" in os.environ else [ROOT / "node_modules/axe-core/axe.min.js"]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip("axe-core is not here: npm install axe-core, or let AXE name axe.min.js")
    return found.read_text(encoding="utf-8")


def found(page: Any) -> list[tuple[str, list[str]]]:
    """What axe has against what is shown."""
    told = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in told["violations"]]


def go(page: Any, name: str) -> None:
    page.evaluate("document.querySelectorAll('dialog[open]').forEach(each => each.close())")
    page.goto(page.url.split("#")[0] + f"#{name}", wait_until="commit")
    page.wait_for_selector(f"#page-{name}:not([hidden])")
    page.wait_for_timeout(300)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violations(visit: Callable[..., Visitor], studio: Studio, tmp_path: Path, language: str, theme: str) -> None:
    script = axe()
    page = visit(language=language, theme=theme).open()
    page.evaluate(script)
    wrong: dict[str, list[tuple[str, list[str]]]] = {}
    for name in PAGES:
        go(page, name)
        wrong[name] = found(page)
    for name in full(page, studio, tmp_path):
        wrong[f"{name}, full"] = found(page)
    assert {name: each for name, each in wrong.items() if each} == {}


def full(page: Any, studio: Studio, folder: Path) -> Iterator[str]:
    """The pages as people have them, one after the other: photos painted in part, jobs that failed, dialogs open."""
    bad = folder / "bad.jpg"
    bad.write_bytes(b"no picture")
    go(page, "style")
    drop(page, "#page-style", *(photo(folder / f"{name}.jpg", (96, 64), seed) for seed, name in enumerate("abc")))
    page.wait_for_selector("#page-style .strip li:nth-child(3)")
    painted(page)
    drop(page, "#page-style", bad)
    page.wait_for_selector(".notice.bad")
    page.locator("#page-style .masking > button").click()
    page.locator("#page-style details summary").click()
    page.locator("#page-style .mask").press("Enter")
    painted(page)
    yield "style"

    gone = studio.photo(folder, seed=9, name="gone.jpg")
    studio.shop.store.path(gone).write_bytes(b"no picture")
    studio.done("style", image=gone, styles={"ink": 1})
    page.locator(".tray > button").click()
    page.locator("#tray li").first.wait_for()
    yield "jobs"
    page.keyboard.press("Escape")

    go(page, "morph")
    page.locator("#page-morph .key").nth(1).press("Delete")
    page.locator("#page-morph .key").first.focus()
    yield "morph"

    go(page, "create")
    page.locator("#page-create details summary").first.click()
    page.locator("#page-create .panel select").first.select_option("hills")
    page.locator("#page-create .two .card:last-child button").first.click()
    page.locator("#page-create .result img").wait_for()
    yield "create"

    go(page, "music")
    page.locator("#page-music .panel select").first.select_option("along")
    page.locator("#page-music .timbre .row button").nth(1).click()
    page.locator("#page-music .roll summary").click()
    yield "music"

    go(page, "learn")
    page.locator("#page-learn [value=train]").check()
    drop(page, "#page-learn", folder / "a.jpg", bad)
    page.locator("#page-learn .checked summary").click()
    page.locator("#page-learn .card > details:last-child summary").click()
    page.locator("#page-learn .kept li").first.wait_for()
    yield "learn"
    page.locator("#page-learn .kept .sign").first.click()
    page.locator("dialog.sure").wait_for()
    yield "a question"

    go(page, "library")
    page.locator(".shelf [type=checkbox]").first.check()
    yield "library"
    page.locator(".shelf .open").first.click()
    page.locator("dialog.about summary").click()
    yield "a file"

    go(page, "models")
    page.locator(".cards details summary").first.click()
    yield "models"
