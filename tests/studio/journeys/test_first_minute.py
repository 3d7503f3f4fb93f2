"""The first minute of a person with a photo: drop it, choose a style, drag on the map, compare, download, restore."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from atelier import Studio
from browsing import Visitor, drag, drop, painted, wait
from darkroom import photo
from filming import film
from mapsto.image.masking import plane_of
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


def test_own_styles_and_the_mask_come_back_from_a_file(visit: Callable[..., Visitor], studio: Studio, tmp_path: Path) -> None:
    from mapsto.image.masking import spelled

    half = np.zeros((64, 96), np.uint8)
    half[:, 48:] = 255
    image, own = studio.photo(tmp_path, 61, (96, 64), "mine.jpg"), studio.photo(tmp_path, 62, (64, 64), "own.jpg")
    job = studio.done("style", image=image, styles={own: 0.75, "ink": 0.25}, mask=spelled(half), strength=0.8)
    made = tmp_path / "made.png"
    made.write_bytes(studio.get(f"/files/{job['results'][0]}").content)
    page = visit().open()
    wishes: list[dict[str, Any]] = []
    page.on("request", lambda asked: wishes.append(json.loads(asked.post_data)) if asked.url.endswith("/api/preview") else None)

    def restored() -> dict[str, Any]:
        wishes.clear()
        drop(page, "#page-style", made, kind="image/png")
        page.get_by_role("button", name="Use its settings").last.click()
        page.get_by_text("Restored:").last.wait_for()
        painted(page)
        page.evaluate("document.querySelectorAll('.notice').forEach(each => each.remove())")
        return [wish for wish in wishes if not wish.get("background")][-1]

    wish = restored()
    assert (wish["image"], wish["styles"], wish["strength"]) == (image, {own: 0.75, "ink": 0.25}, 0.8)
    mask = plane_of(io.BytesIO(base64.b64decode(wish["mask"])))
    assert mask[:, : mask.shape[1] // 2 - 4].max() < 10
    assert mask[:, mask.shape[1] // 2 + 4 :].min() > 245
    page.get_by_role("radio", name="own.jpg").wait_for(state="attached")

    for gone in (image, own):
        studio.web.request("DELETE", f"/api/files/{gone}", headers={"Content-Type": "application/json"})
    page.reload(wait_until="commit")
    wait(page, "() => document.querySelectorAll('#page-style .thumb').length === 4")
    drop(page, "#page-style", made, kind="image/png")
    page.get_by_role("button", name="Use its settings").click()
    page.get_by_text(re.compile(r"Not here any more: own\.jpg")).wait_for()
    page.get_by_text(re.compile(r"mine\.jpg, the photo it was made from, is not in the library")).wait_for()


def test_a_clip_is_compared_with_its_own_frame(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), 20 if number < 5 else 220, np.uint8) for number in range(10)]
    page = visit().open()
    drop(page, "#page-style", film(tmp_path / "clip.mp4", frames), kind="video/mp4")
    page.get_by_label("Moment of the clip").fill("0.32")
    page.get_by_label("Moment of the clip").press("ArrowRight")
    wait(page, "() => document.querySelector('#page-style .before').src.startsWith('blob:')")
    painted(page)
    light = page.locator("#page-style .before").evaluate(
        """async image => {
        await image.decode();
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.drawImage(image, 0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data[0];
    }"""
    )
    assert light > 180


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
    assert re.match(r"notes\.jpg：这个文件.*。$", said.inner_text())
    page.get_by_role("button", name="English").click()
    drop(page, "#page-style", bad)
    wait(page, "() => /JPEG|picture|read/.test(document.querySelector('.notice.bad:last-child p').textContent)")
