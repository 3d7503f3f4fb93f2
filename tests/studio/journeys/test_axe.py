"""axe-core finds nothing against WCAG 2.2 AA on any page, in both languages, in both themes.

axe-core is fetched by whoever runs this (npm install axe-core); AXE names axe.min.js, or a node_modules folder here holds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from browsing import Visitor

ROOT = Path(__file__).resolve().parents[3]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ("style", "morph", "create", "music", "learn", "library", "models")


def axe() -> str:
    places = [Path(os.environ["AXE"])] if "AXE" in os.environ else [ROOT / "node_modules/axe-core/axe.min.js"]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip("axe-core is not here: npm install axe-core, or let AXE name axe.min.js")
    return found.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_violations(visit: Callable[..., Visitor], language: str, theme: str) -> None:
    script = axe()
    page = visit(language=language, theme=theme).open()
    page.evaluate(script)
    found = {}
    for name in PAGES:
        page.goto(page.url.split("#")[0] + f"#{name}", wait_until="commit")
        page.wait_for_selector(f"#page-{name}:not([hidden])")
        page.wait_for_timeout(300)
        told = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
        found[name] = [(each["id"], [node["html"][:160] for node in each["nodes"]]) for each in told["violations"]]
    assert {name: each for name, each in found.items() if each} == {}
