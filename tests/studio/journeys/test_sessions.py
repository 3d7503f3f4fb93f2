"""What outlives a reload, a second window and a switch of language; and hands that use no mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from atelier import Studio
from browsing import Visitor, drop, painted, wait
from darkroom import photo


def test_a_reload_in_mid_job_finds_the_job_again(visit: Callable[..., Visitor], studio: Studio, tmp_path: Path) -> None:
    page = visit().open("morph")
    drop(page, "#page-morph", photo(tmp_path / "mine.jpg", (320, 240)))
    wait(page, "() => sessionStorage.getItem('photo')")
    page.get_by_label("Seconds", exact=True).fill("120")
    page.get_by_label("Seconds", exact=True).press("Tab")
    page.get_by_label("Frames a second").select_option("60")
    page.get_by_role("button", name="Make the film").click()
    page.locator("#page-morph .following").get_by_role("button", name="Cancel").wait_for()
    page.reload(wait_until="commit")
    cancel = page.locator("#page-morph .following").get_by_role("button", name="Cancel")
    cancel.wait_for()
    assert page.get_by_label("Seconds", exact=True).input_value() == "120"
    cancel.click()
    wait(page, "() => document.querySelector('#page-morph .following').hidden")
    assert studio.get("/jobs").json()[0]["state"] == "cancelled"


def test_two_windows_know_of_all_jobs_and_keep_their_own(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    visitor = visit()
    one, two = visitor.open(), visitor.open()
    drop(one, "#page-style", photo(tmp_path / "mine.jpg", (48, 32)))
    wait(one, "() => document.querySelector('#page-style .caption').textContent === 'mine.jpg'")
    painted(one)
    with one.expect_download():
        one.get_by_role("button", name="Download").click()
    two.get_by_role("button", name="Jobs").click()
    two.locator("#tray li strong").filter(has_text="Painting").first.wait_for()
    assert two.locator("#page-style .caption").inner_text().startswith("A sample")
    assert two.locator("#page-style .following").is_hidden()


def test_language_and_theme_change_at_once_and_are_kept(visit: Callable[..., Visitor]) -> None:
    page = visit().open()
    page.get_by_role("button", name="中文").click()
    page.get_by_role("button", name="下载").wait_for()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.title().startswith("风格")
    page.get_by_role("button", name="深色主题").click()
    page.reload(wait_until="commit")
    page.get_by_role("button", name="下载").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_point_on_the_map_goes_by_arrow_keys_and_says_where_it_is(visit: Callable[..., Visitor]) -> None:
    page = visit().open()
    point = page.get_by_role("slider", name="Style map")
    point.focus()
    before = point.get_attribute("aria-valuetext")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    after = point.get_attribute("aria-valuetext")
    assert after != before
    assert "%" in (after or "")
    wait(page, "t => document.getElementById('aloud').textContent.includes(t)", after)


def test_every_control_can_be_reached_and_shows_that_it_is(visit: Callable[..., Visitor]) -> None:
    page = visit().open()
    painted(page)
    seen: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
            const node = document.activeElement, parent = node.closest("label, .frame");
            const shown = [node, ...(parent ? [parent, ...parent.querySelectorAll("canvas, img")] : [])];
            const rings = shown.map(each => getComputedStyle(each));
            const lit = rings.some(({outlineWidth, outlineStyle}) => parseFloat(outlineWidth) >= 2 && outlineStyle !== "none");
            return [node === document.body ? "" : node.outerHTML.slice(0, 120), lit];
        }"""
        )
        if not told[0]:
            break
        assert told[1], told[0]
        seen.add(told[0])
    assert len(seen) > 12


def test_nothing_is_wider_than_a_phone(visit: Callable[..., Visitor]) -> None:
    page = visit(width=360).open()
    for name in ("style", "morph", "create", "music", "learn", "library", "models"):
        page.goto(page.url.split("#")[0] + f"#{name}", wait_until="commit")
        page.wait_for_selector(f"#page-{name}:not([hidden])")
        wait(page, "() => document.documentElement.scrollWidth <= 360")
