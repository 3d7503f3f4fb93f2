"""Bad files from every side: a clear answer in the reader's language, and the studio works on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from atelier import Studio
from mapsto.studio.server import PAGE
from spoiled import DROPS, ZIPS, type_of

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CLEAR = {"unreadable-input", "wrong-type", "has-files"}
"""What may be said of a file that cannot be used."""


def sent(studio: Studio, path: str, file: Path, language: str = "en") -> httpx.Response:
    """Sent as the page does: what no picture, film or sound is, as bytes of no kind."""
    kind = type_of(file)
    kind = kind if re.match("image/(?!svg)|video/|audio/|application/zip", kind) else "application/octet-stream"
    headers = {"Content-Type": kind, "Accept-Language": language}
    return studio.web.post(f"/api{path}", params={"name": file.name}, content=file.read_bytes(), headers=headers)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """An error that says what and why, and tells nothing of this machine."""
    error = dict(answer.json()["error"])
    assert answer.status_code in (413, 415, 422), answer.text
    assert set(error) == {"code", "message", "hint", "values", "language"}
    assert error["message"].strip(), error
    assert not re.search(r"--\w|Traceback|Error\b|/home|/tmp|/root|incoming", error["message"] + error["hint"]), error
    assert len(error["message"]) < 400
    return error


ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[a-z]{2,}){2,}")
"""Three words in a row."""


@pytest.mark.parametrize("name", DROPS)
def test_an_upload_is_refused_in_both_languages(studio: Studio, tmp_path: Path, name: str) -> None:
    file = DROPS[name](tmp_path)
    english, chinese = (error_of(sent(studio, "/files", file, language)) for language in ("en-GB,en;q=0.9", "zh-CN,zh;q=0.9"))
    assert english["code"] == chinese["code"] == "unreadable-input"
    assert english["hint"]
    assert english["language"] == "en"
    assert chinese["language"] == "zh", english
    for text in (chinese["message"], chinese["hint"]):
        assert CHINESE.search(text)
        assert not ENGLISH.search(text)


@pytest.mark.parametrize("name", DROPS)
def test_a_folder_to_learn_from_lists_it_and_stays_empty(studio: Studio, tmp_path: Path, name: str) -> None:
    file, folder = DROPS[name](tmp_path), studio.post("/datasets", {"name": "bad"}).json()["id"]
    answer = sent(studio, f"/datasets/{folder}/files", file)
    told = studio.get(f"/datasets/{folder}", headers={"Accept-Language": "zh"}).json()
    if answer.status_code == 201:  # a zip may hold nothing that can be used: its list says so
        assert name in ZIPS
    else:
        assert error_of(answer)["code"] in CLEAR
    assert told["count"] == 0
    for broken in told["broken"]:
        assert broken["error"]["language"] == "zh", broken
        assert CHINESE.search(broken["error"]["message"])
    started = studio.post("/jobs", {"kind": "train", "settings": {"dataset": folder, "name": "bad"}})
    assert started.json()["error"]["code"] == "empty-dataset"
    studio.web.request("DELETE", f"/api/datasets/{folder}", headers={"Content-Type": "application/json"})


def test_files_of_another_kind_are_no_work_for_a_route(studio: Studio, tmp_path: Path) -> None:
    """A score is no photo, a photo no score, and neither is a style or a place on the map."""
    from mapsto.sound.score import Note, Score, Track

    Score((Track("melody", (Note(0, 12, 60),)),)).save(tmp_path / "tune.mid")
    tune, photo = studio.upload(tmp_path / "tune.mid", "audio/midi").json()["id"], studio.photo(tmp_path)
    keys = [{"styles": {}, "at": 0}, {"styles": {tune: 1}, "at": 1}]
    wrong = [
        studio.post("/preview", {"view": "w", "sequence": 1, "image": tune, "styles": {"ink": 1}}),
        studio.post("/preview", {"view": "w", "sequence": 2, "image": photo, "styles": {tune: 1}}),
        studio.post("/preview/morph", {"view": "w", "sequence": 3, "image": photo, "keys": keys}),
        studio.post("/styles/place", {"image": tune}),
        studio.get(f"/files/{photo}/notes"),
        *(
            studio.post("/jobs", {"kind": kind, "settings": settings})
            for kind, settings in (
                ("style", {"image": tune, "styles": {"ink": 1}}),
                ("clip", {"video": photo, "styles": {"ink": 1}}),
                ("morph", {"image": tune, "keys": keys}),
                ("reconstruct", {"image": tune, "model": "hills"}),
                ("play", {"score": photo}),
                ("compose", {"variation": photo}),
                ("adapt", {"image": tune, "model": "tiny", "name": "mine"}),
            )
        ),
    ]
    assert [answer.json()["error"]["code"] for answer in wrong] == ["wrong-kind"] * len(wrong)


def test_after_all_of_it_the_studio_works_on(studio: Studio, tmp_path: Path) -> None:
    for name in ("bomb png", "zip bomb", "pickle", "film of nothing", "truncated score"):
        error_of(sent(studio, "/files", DROPS[name](tmp_path)))
    assert studio.get("/health").json()["ready"] in (True, False)
    done = studio.done("style", image=studio.photo(tmp_path, name="good.jpg"), styles={"ink": 1})
    assert (done["state"], len(done["results"])) == ("done", 1)
    assert list((studio.shop.store.root / "incoming").iterdir()) == []
    assert not Path("/tmp/climbed.png").exists()


def test_a_job_that_failed_is_told_to_everyone_in_their_language(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path, name="gone bad.jpg")
    studio.shop.store.path(image).write_bytes(b"just some words")
    job = studio.done("style", image=image, styles={"ink": 1})
    assert (job["state"], job["error"]["code"], job["error"]["language"]) == ("failed", "unreadable-input", "en")
    chinese = studio.get(f"/jobs/{job['id']}", headers={"Accept-Language": "zh-CN"}).json()["error"]
    assert chinese["language"] == "zh"
    assert "gone bad.jpg" in chinese["message"]
    assert CHINESE.search(chinese["message"])
    (listed,) = [each for each in studio.get("/jobs", headers={"Accept-Language": "zh"}).json() if each["id"] == job["id"]]
    assert listed["error"] == chinese


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr,zh;q=0.5", "zh"),
        ("en;q=0.1,zh;q=0.2", "zh"),
        ("de", "en"),
        ("*;q=x,zh", "zh"),
        ("zh" * 5000, "en"),
    ],
)
def test_the_language_that_is_asked_for(accepted: str, language: str) -> None:
    from mapsto.studio.tongues import language_of

    assert language_of(accepted) == language


def test_the_page_has_words_in_chinese_for_every_code_of_this_test() -> None:
    texts = json.loads((PAGE / "i18n/zh.json").read_text(encoding="utf-8"))
    for code in CLEAR | {"wrong-kind", "empty-dataset", "too-large"}:
        assert CHINESE.search(texts[f"error.{code}"])
