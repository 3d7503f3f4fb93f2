"""Files and the library: what goes in comes out, and says what it is."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atelier import Studio
from darkroom import animation, photo
from mapsto.media.picture import Picture


def test_an_upload_comes_back_byte_by_byte(studio: Studio, tmp_path: Path) -> None:
    content = photo(tmp_path / "holiday.jpg").read_bytes()
    told = studio.upload(tmp_path / "holiday.jpg").json()
    assert (told["kind"], told["name"], told["width"], told["height"], told["bytes"]) == (
        "image", "holiday.jpg", 48, 32, len(content),
    )  # fmt: skip
    answer = studio.get(f"/files/{told['id']}")
    assert answer.content == content
    assert answer.headers["content-type"] == "image/jpeg"
    saved = studio.get(f"/files/{told['id']}", params={"download": True})
    assert saved.headers["content-disposition"] == 'attachment; filename="holiday.jpg"'
    assert studio.get(f"/files/{told['id']}/about").json() == told


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\me\\face.JPG", "face.jpg"),
        (".hidden", "hidden.jpg"),
        ("a\0b\nc.jpg", "abc.jpg"),
        ("photo.png", "photo.jpg"),
        ("CON.jpg", "_CON.jpg"),
        ("-rf.jpg", "_-rf.jpg"),
        ("天空.jpeg", "天空.jpeg"),
        ("x" * 300 + ".jpg", "x" * 97 + ".jpg"),
        ("", None),
    ],
)
def test_names_are_harmless(studio: Studio, tmp_path: Path, given: str, kept: str | None) -> None:
    told = studio.upload(photo(tmp_path / "p.jpg"), name=given or " ").json()
    assert told["name"] == kept or (kept is None and told["name"].startswith("file"))
    assert (studio.shop.store.root / "files" / told["id"] / told["name"]).is_file()


def test_the_same_upload_is_kept_once(studio: Studio, tmp_path: Path) -> None:
    first, again, other = (studio.photo(tmp_path, 40, name=name) for name in ("once.jpg", "once.jpg", "twice.jpg"))
    assert first == again != other
    studio.web.request("DELETE", f"/api/files/{first}", headers={"Content-Type": "application/json"})
    assert studio.photo(tmp_path, 40, name="once.jpg") != first


def test_a_thumbnail_is_the_picture_small(studio: Studio, tmp_path: Path) -> None:
    file_id = studio.photo(tmp_path, size=(600, 300))
    answer = studio.get(f"/files/{file_id}/thumbnail", params={"side": 100})
    with Image.open(io.BytesIO(answer.content)) as thumb:
        assert (answer.headers["content-type"], thumb.format, thumb.size) == ("image/webp", "WEBP", (128, 64))
        small = np.asarray(thumb.convert("RGB")).astype(float)
    whole = Picture.of(tmp_path / "photo.jpg").resized((128, 64)).pixels
    assert np.abs(small - whole).mean() < 6


def test_an_animation_and_a_score_are_known(studio: Studio, tmp_path: Path) -> None:
    from mapsto.sound.score import Note, Score, Track

    moving = studio.upload(animation(tmp_path / "a.webp"), "image/webp").json()
    assert (moving["kind"], moving["width"]) == ("image", 32)
    Score((Track("melody", (Note(0, 12, 60), Note(12, 6, 64))),)).save(tmp_path / "tune.mid")
    tune = studio.upload(tmp_path / "tune.mid", "audio/midi").json()
    assert (tune["kind"], tune["name"]) == ("midi", "tune.mid")
    (track,) = studio.get(f"/files/{tune['id']}/notes").json()["tracks"]
    assert [(note["start"], note["length"], note["pitch"]) for note in track["notes"]] == [(0.0, 1.0, 60), (1.0, 0.5, 64)]
    assert studio.get(f"/files/{tune['id']}/thumbnail").status_code == 404


def test_the_trash_gives_back(studio: Studio, tmp_path: Path) -> None:
    file_id = studio.photo(tmp_path, name="bin.jpg")
    gone = studio.web.request("DELETE", f"/api/files/{file_id}", headers={"Content-Type": "application/json"}).json()
    assert gone["trashed"]

    def listed(**query: object) -> list[str]:
        return [item["id"] for item in studio.get("/library", params=query).json()["items"]]

    assert file_id not in listed()
    assert file_id in listed(trash=True)
    assert not studio.post(f"/files/{file_id}/restore").json()["trashed"]
    assert file_id in listed()


def test_the_library_finds_by_words_stars_and_pages(own_store: object) -> None:
    store, add = own_store  # type: ignore[misc]
    ids = [add(f"p{number}.png", {"style": [{"name": "ink"}], "seed": number}) for number in range(130)]
    store.change_file(ids[3], favourite=1)
    first, before = store.library()
    second, more = store.library(before=before)
    third, end = store.library(before=more)
    assert [item["id"] for item in (*first, *second, *third)] == ids[::-1]
    assert end is None
    assert [item["id"] for item in store.library(favourite=True)[0]] == [ids[3]]
    assert [item["id"] for item in store.library("INK p77")[0]] == [ids[77]]
    assert store.library("p77 mosaic")[0] == []
    assert store.library("100% _' OR 1=1")[0] == []


@pytest.fixture
def own_store(tmp_path: Path) -> object:
    from mapsto.studio.store import Store

    store = Store(tmp_path / "kept")

    def add(name: str, settings: dict[str, object]) -> str:
        at = store.incoming()
        at.write_bytes(b"x")
        about = {"kind": "image", "name": name, "bytes": 1, "sha256": "", "settings": settings}
        return str(store.add_file(at, about)["id"])

    yield store, add
    store.close()


def test_old_trash_is_deleted_at_the_start(own_store: object) -> None:
    store, add = own_store  # type: ignore[misc]
    old, young = add("old.png", {}), add("young.png", {})
    store.change_file(old, trashed=time.time() - 31 * 86400)
    store.change_file(young, trashed=time.time())
    store.clear()
    assert [item["id"] for item in store.library(trash=True)[0]] == [young]
    assert not (store.root / "files" / old).exists()


def test_an_export_holds_the_files_under_names_that_differ(studio: Studio, tmp_path: Path) -> None:
    ids = [studio.photo(tmp_path, seed, name="same.jpg") for seed in range(3)]
    answer = studio.post("/export", {"ids": [*ids, ids[0]]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["same.jpg", "same-2.jpg", "same-3.jpg"]
        for name, file_id in zip(packed.namelist(), ids, strict=True):
            assert packed.read(name) == studio.get(f"/files/{file_id}").content
    assert studio.post("/export", {"ids": ["0" * 32]}).json()["error"]["code"] == "no-file"


def test_a_range_of_a_file_can_be_had(studio: Studio, tmp_path: Path) -> None:
    file_id = studio.photo(tmp_path)
    answer = studio.get(f"/files/{file_id}", headers={"Range": "bytes=2-5"})
    assert (answer.status_code, answer.content) == (206, (tmp_path / "photo.jpg").read_bytes()[2:6])
