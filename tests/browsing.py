"""A real browser before the studio: where it is found, and hands that drop files and drag points.

The browser is the system's Chromium, driven by Playwright; where either is missing, what needs them is skipped and says so.
"""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = int(os.environ.get("PATIENCE_MS", "120000"))
"""A busy machine is still right."""

DROP = """([target, files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, text] of files) {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type}));
  }
  const node = document.querySelector(target);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    node.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: transfer}));
  }
}"""


def chromium() -> str:
    """Where Chromium is; skips where it is not, or where Playwright is missing."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    found = (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if found is None:
        pytest.skip("Chromium is not installed; CHROMIUM may name it")
    return found


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A person with a window of a browser; what went wrong in it is remembered.

    Args:
        browser: Of Playwright.
        address: Of the studio.
        width: Of the window, in pixels.
        language: As the browser tells it.
        theme: light or dark.
    """

    def __init__(self, browser: Any, address: str, width: int = 1280, language: str = "en-GB", theme: str = "light") -> None:
        self.address = address
        self.context = browser.new_context(
            viewport={"width": width, "height": 860}, locale=language, color_scheme=theme, reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.wrong: list[str] = []
        self.asked: list[str] = []

    def open(self, place: str = "style") -> Any:
        """A new window at a page of the studio."""
        page = self.context.new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._hear)
        page.goto(f"{self.address}/#{place}", wait_until="commit", timeout=PATIENCE_MS)
        page.wait_for_selector(f"#page-{place}")
        wait(page, "document.querySelectorAll('#page-style .thumb').length > 0 || !document.querySelector('#page-style')")
        return page

    def _hear(self, message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # what the server refuses is shown to the person
            self.wrong.append(message.text)

    def leave(self) -> None:
        """Close all windows; nothing may have gone wrong, and nothing may have been asked of any other machine."""
        self.context.close()
        assert self.wrong == []
        elsewhere = [url for url in self.asked if not url.startswith((f"{self.address}/", "blob:", "data:"))]
        assert elsewhere == []


def drop(page: Any, target: str, *paths: Path, kind: str = "image/jpeg") -> None:
    """Drop files on a part of a page."""
    files = [[path.name, kind, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    page.evaluate(DROP, [target, files])


def drag(page: Any, target: str, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
    """Drag from one part of an element to another, both in [0, 1]²."""
    page.locator(target).scroll_into_view_if_needed()
    box = page.locator(target).bounding_box()
    (x0, y0), (x1, y1) = ((box["x"] + part[0] * box["width"], box["y"] + part[1] * box["height"]) for part in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=steps)
    page.mouse.up()


def wait(page: Any, condition: str, argument: Any = None) -> None:
    """Wait until JavaScript says that something is so. Asked from here: in the page it would be eval, which the CSP forbids."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(condition, argument):
        assert time.monotonic() < deadline, f"In {PATIENCE_MS / 1000:.0f} s it was never so: {condition}"
        page.wait_for_timeout(50)


def painted(page: Any, selector: str = "#page-style .after") -> str:
    """Wait until the picture shown came from the server and nothing more is on its way; → its address."""
    wait(
        page,
        "s => { const n = document.querySelector(s); return n.src.startsWith('blob:') && n.complete && n.naturalWidth"
        " && !n.parentElement.classList.contains('working'); }",
        selector,
    )
    return str(page.get_attribute(selector, "src"))
