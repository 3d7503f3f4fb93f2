"""The first minute of a person with a photo: drop it, choose a style, drag on the map, compare, download, restore."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browsing import Visitor, drag, drop, painted, wait
from darkroom import photo
from mapsto.media.picture import settings


def test_from_a_photo_to_a_painting_and_back_from_its_file(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().open()
    assert (
        page.locator("#page-style .before").get_attribute("src") == "sample.webp"
    )  # something is there before anything is done
    drop(page, "#page-style", photo(tmp_path / "mine.jpg", (96, 64)))
    wait(page, "() => document.querySelector('#page-style .caption').textContent === 'mine.jpg'")
    first = painted(page)
    wait(page, "() => document.querySelectorAll('#page-style .gallery canvas.drawn').length === 4")  # in all styles there are

    page.locator("#page-style .gallery input[value=ink]").check()
    assert (ink := painted(page)) != first

    wishes: list[dict[str, Any]] = []

    def note(asked: Any) -> None:
        if asked.url.endswith("/api/preview") and not (wish := json.loads(asked.post_data)).get("background"):
            wishes.append(wish)

    page.on("request", note)
    drag(page, "#page-style .plane", (0.2, 0.2), (0.52, 0.47))
    assert painted(page) != ink
    assert wishes[0]["side"] == 256
    assert wishes[-1]["side"] == 768
    assert [wish["sequence"] for wish in wishes] == sorted(wish["sequence"] for wish in wishes)
    blend = wishes[-1]["styles"]
    assert len(blend) > 1
    assert abs(sum(blend.values()) - 1) < 0.01

    page.locator("#page-style .panel .slider input").first.fill("0.6")
    painted(page)
    compare = page.locator("#page-style .cut")
    compare.focus()
    before = float(compare.input_value())
    page.keyboard.press("ArrowRight")
    assert float(compare.input_value()) > before
    page.keyboard.down("Space")
    assert page.locator("#page-style .frame.original").count() == 1
    page.keyboard.up("Space")
    assert page.locator("#page-style .frame.original").count() == 0

    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    made = tmp_path / coming.value.suggested_filename
    coming.value.save_as(made)
    told = settings(made)
    assert told is not None
    assert told["strength"] == 0.6
    assert {part["name"]: part["weight"] for part in told["style"]} == blend

    page.locator("#page-style .gallery input[value=mosaic]").check()
    painted(page)
    wishes.clear()
    drop(page, "#page-style", made, kind="image/png")
    page.get_by_role("button", name="Use its settings").click()
    wait(page, "() => document.querySelector('#page-style .caption').textContent === 'mine.jpg'")  # the photo it was made from
    painted(page)
    assert wishes[-1]["styles"] == blend
    assert wishes[-1]["strength"] == 0.6


def test_a_photo_can_be_painted_only_in_part_by_keys(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().open()
    drop(page, "#page-style", photo(tmp_path / "mine.jpg", (96, 64)))
    wait(page, "() => document.querySelector('#page-style .caption').textContent === 'mine.jpg'")
    whole = painted(page)
    page.get_by_role("button", name="Paint only a part").press("Enter")
    canvas = page.locator("#page-style .mask")
    size = page.locator("#page-style .tools .slider input")
    before = float(size.input_value())
    canvas.focus()
    page.keyboard.press("]")
    assert float(size.input_value()) > before
    page.keyboard.press("[")
    assert float(size.input_value()) == before
    with page.expect_request("**/api/preview") as asked:
        page.keyboard.press("Enter")
    assert json.loads(asked.value.post_data)["mask"].startswith("iVBOR")
    assert painted(page) != whole


def test_several_photos_come_back_in_a_zip(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().open()
    drop(page, "#page-style", *(photo(tmp_path / f"{name}.jpg", (48, 32), seed) for seed, name in enumerate("abc")))
    with page.expect_download() as coming:
        page.get_by_role("button", name="Paint all 3").click()
    assert coming.value.suggested_filename.endswith(".zip")


def test_what_cannot_be_read_is_told_in_the_language_of_the_page(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit(language="zh-CN").open()
    bad = tmp_path / "notes.jpg"
    bad.write_bytes(b"no picture at all")
    drop(page, "#page-style", bad)
    said = page.locator(".notice.bad p")
    said.wait_for()
    assert "无法读取" in said.inner_text()
    page.get_by_role("button", name="English").click()
    drop(page, "#page-style", bad)
    wait(page, "() => /JPEG|picture|read/.test(document.querySelector('.notice.bad:last-child p').textContent)")
