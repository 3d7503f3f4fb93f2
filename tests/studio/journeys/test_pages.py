"""One journey for every other page."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from atelier import Studio
from browsing import Visitor, drag, drop, painted, wait
from darkroom import photo


def test_morph_from_keys_to_a_film(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().open("morph")
    drop(page, "#page-morph", photo(tmp_path / "mine.jpg", (64, 48)))
    first = painted(page, "#page-morph .after")
    page.get_by_label("Seconds", exact=True).fill("1")
    page.get_by_label("Seconds", exact=True).press("Tab")
    scrub = page.get_by_label("Moment of the morph")
    scrub.fill("0.25")
    wait(page, "s => document.querySelector('#page-morph .after').src !== s", first)
    page.get_by_role("button", name="Add a key here").click()
    assert page.locator("#page-morph .key").count() == 4
    page.locator("#page-morph .key").nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("Time of key 2 in seconds").input_value() == "0.35"
    page.keyboard.press("Delete")
    assert page.locator("#page-morph .key").count() == 3
    page.get_by_label("Format").select_option("webp")
    page.get_by_label("Frames a second").select_option("12")
    page.get_by_label("Loop").check()
    page.get_by_role("button", name="Make the film").click()
    film = page.locator("#page-morph .result img")
    film.wait_for()
    assert film.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64


def test_create_from_a_grid_to_a_picture(visit: Callable[..., Visitor]) -> None:
    page = visit().open("create")
    page.get_by_label("Model", exact=True).select_option("hills")
    wait(page, "() => document.querySelectorAll('#page-create canvas.drawn').length === 16")
    first = painted(page, "#page-create .after")
    page.locator("#page-create .thumb input").nth(3).check()
    wait(page, "s => document.querySelector('#page-create .after').src !== s", first)
    assert page.get_by_label("Seed", exact=True).input_value() == "3"
    pad = page.get_by_role("slider", name="Latent pad")
    pad.focus()
    pad.press("ArrowRight")
    pad.press("ArrowUp")
    assert page.get_by_role("button", name="As drawn").is_enabled()
    page.get_by_role("button", name="More like this").click()
    wait(
        page,
        "() => document.querySelectorAll('#page-create canvas.drawn').length === 16"
        " && document.querySelector('#page-create .thumb .words').textContent === 'Variation 1'",
    )
    with page.expect_download() as coming:
        page.locator("#page-create").get_by_role("button", name="Download").first.click()
    assert coming.value.suggested_filename.startswith("hills.3")


def test_create_rebuilds_a_photo_and_paints_what_was_turned(
    visit: Callable[..., Visitor], studio: Studio, tmp_path: Path
) -> None:
    page = visit().open("create")
    page.get_by_label("Model", exact=True).select_option("hills")
    painted(page, "#page-create .after")
    drop(page, "#page-create", photo(tmp_path / "mine.jpg", (64, 48)))
    made = page.locator("#page-create .result img")
    made.wait_for()
    job = studio.get("/jobs").json()[0]
    assert (job["kind"], job["settings"]["model"], job["settings"]["side_by_side"]) == ("reconstruct", "hills", True)
    width, height = made.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")
    assert width > 2 * height  # what it was given, and what it drew, beside each other
    page.get_by_role("slider", name="light", exact=True).fill("2")
    page.get_by_role("button", name="Paint at 1024").click()
    wait(page, "() => document.querySelector('#page-create .result img').alt === 'Painting'")
    painting, drawing = studio.get("/jobs").json()[:2]
    assert (painting["kind"], drawing["kind"], drawing["settings"]["sliders"]) == ("style", "generate", {"light": 2.0})
    assert painting["settings"]["image"] == drawing["results"][0]


def test_models_of_ones_own_are_forgotten_and_come_back(visit: Callable[..., Visitor], studio: Studio) -> None:
    page = visit().open("models")
    card = page.locator(".cards .card").filter(has=page.get_by_role("heading", name="dots"))
    for answer, left in (("Keep", 1), ("Forget it", 0)):
        card.get_by_role("button", name="Forget it").click()
        page.locator("dialog.sure").get_by_role("button", name=answer).click()
        wait(page, "n => [...document.querySelectorAll('.cards h2')].filter(h => h.textContent === 'dots').length === n", left)
    assert studio.get("/trash").json() == [{"kind": "model", "name": "dots"}]
    page.get_by_text("Forgotten, for 30 days").click()
    page.locator(".kept").get_by_role("button", name="Put back").click()
    card.wait_for()
    assert studio.get("/trash").json() == []


def test_folders_that_were_sent_are_used_again_or_deleted(
    visit: Callable[..., Visitor], studio: Studio, tmp_path: Path
) -> None:
    page = visit().open("learn")
    page.get_by_label("Your pictures, from a model").check()
    drop(page, "#page-learn", photo(tmp_path / "kept.jpg", (48, 32)))
    wait(page, "() => /: 1$/m.test(document.querySelector('#page-learn .checked').innerText)")
    page.get_by_role("button", name="Begin anew").click()
    page.get_by_text("Nothing to learn from yet.").wait_for()
    there = len(studio.get("/datasets").json())
    page.get_by_text("Folders that were sent before").click()
    page.locator("#page-learn .kept li").first.get_by_role("button", name="pictures").click()
    wait(page, "() => /: 1$/m.test(document.querySelector('#page-learn .checked').innerText)")
    page.locator("#page-learn .kept li").first.get_by_role("button", name="Delete this folder").click()
    page.locator("dialog.sure").get_by_role("button", name="Delete").click()
    page.get_by_text("Nothing to learn from yet.").wait_for()
    assert len(studio.get("/datasets").json()) == there - 1


def test_music_from_a_triangle_to_sound(visit: Callable[..., Visitor]) -> None:
    page = visit().open("music")
    bars = page.get_by_label("Bars", exact=True)
    bars.fill("4")
    wait(page, "() => /^4 bars/.test(document.querySelector('#page-music .under p').textContent)")
    before = page.locator("#page-music .under p").inner_text()
    drag(page, "#page-music .triangle", (0.5, 0.5), (0.2, 0.8))
    wait(page, "t => document.querySelector('#page-music .under p').textContent !== t", before)
    page.get_by_text("The notes as a table").click()
    assert page.locator("#page-music tbody tr").count() > 4
    with page.expect_response("**/api/preview/sound") as heard:
        page.get_by_role("button", name="Hear it").click()
    assert heard.value.headers["content-type"] == "audio/wav"
    with page.expect_download() as coming:
        page.get_by_role("button", name="MIDI", exact=True).click()
    assert coming.value.suggested_filename.endswith(".mid")
    assert page.locator("#page-music audio").first.get_attribute("src")


def test_learn_from_pictures_to_curves(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().open("learn")
    page.get_by_label("Your pictures, from nothing").check()
    drop(page, "#page-learn", *(photo(tmp_path / f"{seed}.jpg", (40, 40), seed) for seed in range(12)))
    wait(page, "() => /12/.test(document.querySelector('#page-learn .checked').textContent)")
    assert "Few: 12" in page.locator("#page-learn .checked").inner_text()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    drop(page, "#page-learn", broken)
    wait(page, "() => /cannot be read: 1/.test(document.querySelector('#page-learn .checked').textContent)")
    page.get_by_label("Name").fill("browsed")
    page.get_by_label("Size of the network").select_option("tiny")
    page.get_by_label("Steps").fill("6")
    page.get_by_role("button", name="Start learning").click()
    page.get_by_role("link", name="Use it in Create").wait_for()
    assert page.locator("#page-learn .charts figure").count() > 0
    page.get_by_role("link", name="Use it in Create").click()
    page.get_by_label("Model", exact=True).locator("option[value=browsed]").wait_for(state="attached")


def test_library_finds_stars_packs_and_restores(visit: Callable[..., Visitor], studio: Studio, tmp_path: Path) -> None:
    source = studio.photo(tmp_path, name="pearl.jpg")
    made = studio.done("style", image=source, styles={"mosaic": 1.0}, strength=0.4)["results"][0]
    page = visit().open("library")
    page.get_by_label("Search").fill("pearl")
    wait(page, "() => document.querySelectorAll('.shelf li').length === 2")
    card = page.locator(f".shelf li[data-id='{made}']")
    card.get_by_role("button", name="Add to favourites").click()
    card.get_by_role("button", name="Remove from favourites").wait_for()
    page.get_by_label("Show").select_option("favourite")
    wait(page, "() => document.querySelectorAll('.shelf li').length === 1")
    card.get_by_role("checkbox").check()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export as zip").click()
    with zipfile.ZipFile(coming.value.path()) as packed:
        assert len(packed.namelist()) == 1
    page.get_by_role("button", name="To the trash").click()
    wait(page, "() => document.querySelectorAll('.shelf li').length === 0")
    page.get_by_role("button", name="Undo").click()
    card.wait_for()
    card.locator(".open").click()
    page.get_by_role("button", name="Restore its settings").click()
    wait(page, "() => location.hash === '#style' && document.querySelector('#page-style .caption').textContent === 'pearl.jpg'")
    painted(page)
    assert page.locator("#page-style .gallery input[value=mosaic]").is_checked()
    assert page.locator("#page-style .panel .slider .value").first.inner_text() == "40%"


def test_models_tell_where_they_come_from(visit: Callable[..., Visitor]) -> None:
    page = visit().open("models")
    page.locator(".cards .card").first.wait_for()
    words = page.locator(".cards").inner_text()
    assert "CC BY-SA 4.0" in words
    assert "KaoKore" in words
    assert page.locator(".cards code").first.inner_text().strip().isalnum()
