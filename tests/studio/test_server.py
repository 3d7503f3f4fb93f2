"""The application: what it loads, what it describes, how it tells errors; and bad input from every side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import corpus
from atelier import Studio
from darkroom import photo
from mapsto.studio.server import bare
from spoiled import NO_CONTENT

GOLDEN = Path(__file__).with_name("openapi.json")
HEAVY = {"torch", "numpy", "PIL", "av", "safetensors", "mido", "soundfile", "cv2"}


def test_the_server_loads_nothing_heavy(tmp_path: Path) -> None:
    """So its page is there before anything is; a page, a picture and a job later, too."""
    program = f"""
import sys, threading, time, json, urllib.request
from mapsto.studio.running import Place, made
from mapsto.studio.shop import Choices
server, ear = made(Place("127.0.0.1", 0, None, (), False), Choices())
threading.Thread(target=server.run, kwargs={{"sockets": [ear]}}, daemon=True).start()
while not server.started:
    time.sleep(0.01)
address = f"http://127.0.0.1:{{ear.getsockname()[1]}}"
def ask(path, content=None, kind="application/json"):
    wish = urllib.request.Request(address + path, content, {{"Content-Type": kind}})
    return json.loads(urllib.request.urlopen(wish).read())
ask("/api/health")
file = ask("/api/files?name=a.jpg", open(sys.argv[1], "rb").read(), "image/jpeg")
ask("/api/styles")
ask("/api/models")
ask("/api/jobs", json.dumps({{"kind": "style", "settings": {{"image": file["id"], "styles": {{"ink": 1}}}}}}).encode())
ask("/api/library")
server.should_exit = True
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    path = photo(tmp_path / "a.jpg")
    home = {**os.environ, "MAPSTO_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=home, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_api_is_what_was_promised() -> None:
    """After a change that is meant: python tests/studio/test_server.py"""
    assert described() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def described() -> dict[str, Any]:
    """The description of the API, as far as it is ours: that of errors in values is the framework's."""
    found = bare(None).openapi()
    found["info"].pop("version")
    found.pop("openapi")
    for methods in found["paths"].values():
        for method in methods.values():
            method.get("responses", {}).pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def test_every_route_says_what_it_is_for() -> None:
    for path, methods in described()["paths"].items():
        for method, told in methods.items():
            assert told["description"].endswith("."), (method, path)


def test_the_page_is_there_and_says_where_it_may_look(studio: Studio) -> None:
    answer = studio.web.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"


def test_what_is_not_there_is_told_in_the_same_way(studio: Studio) -> None:
    for path in ("/api/nothing", "/nothing.js", f"/api/files/{'0' * 32}", f"/api/jobs/{'0' * 32}", f"/api/datasets/{'0' * 32}"):
        answer = studio.web.get(path)
        assert answer.status_code == 404
        assert set(answer.json()["error"]) == {"code", "message", "hint", "values", "language"}
    assert studio.get(f"/jobs/{'0' * 32}").json()["error"]["code"] == "no-job"
    assert studio.web.put("/api/jobs", json={}).status_code == 405


def test_styles_lie_on_a_map(studio: Studio) -> None:
    told = studio.get("/styles").json()
    assert told["weights"] == "tiny"
    places = [(style["x"], style["y"]) for style in told["styles"]]
    assert [style["name"] for style in told["styles"]] == ["starry-night", "great-wave", "ink", "mosaic"]
    assert all(0 <= value <= 1 for place in places for value in place)
    assert len(set(places)) == 4


def test_places_on_a_map_stand_apart_and_stay_when_one_is_added() -> None:
    import numpy as np

    from mapsto.studio.cards import map_of

    vectors = np.random.default_rng(0).normal(size=(30, 64))
    before, after = map_of(vectors, []), map_of(vectors, [vectors[3] + 0.01])
    assert after[:-1] == before
    distances = [np.hypot(a[0] - b[0], a[1] - b[1]) for i, a in enumerate(after) for b in after[:i]]
    assert min(distances) > 0.03
    same = np.zeros((5, 8))
    assert len(set(map_of(same, []))) == 5
    assert map_of(np.zeros((0, 8)), []) == []
    near = np.argmin([np.hypot(x - after[-1][0], y - after[-1][1]) for x, y in before])
    assert near == 3


def test_models_composers_and_instruments_tell_of_themselves(studio: Studio) -> None:
    models = {model["name"]: model for model in studio.get("/models").json()}
    hills = models["hills"]
    assert (hills["kind"], hills["width"], hills["classes"], hills["own"]) == ("image", 24, ["hill", "sea"], True)
    assert hills["sliders"][:2] == ["light", "2"]
    assert len(hills["sha256"]) == 64
    assert models["portrait"]["own"] is False
    assert not any(str(studio.home) in json.dumps(model) for model in models.values())
    assert any(style["name"] == "ragtime" for style in studio.get("/composers").json()[0]["styles"])
    assert {"flute", "violin"} <= {each["name"] for each in studio.get("/instruments").json()}


TYPES = {".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".tif": "image/tiff", ".bmp": "image/bmp"}


@pytest.mark.parametrize("name", [name for name in corpus.BAD if name not in NO_CONTENT])
def test_a_bad_picture_says_what_is_wrong(studio: Studio, tmp_path: Path, name: str) -> None:
    make, says = corpus.BAD[name]
    bad = make(tmp_path)
    error = studio.upload(bad, TYPES.get(bad.suffix, "image/png")).json()["error"]
    # A film is none of the pictures' business here, and the limit on uploads is lower than that on files.
    assert says.lower() in error["message"].lower() or name == "video" or "limit is 24 Mpx" in error["message"], error


@pytest.mark.parametrize("name", ["text", "truncated jpg", "lying png", "bomb png", "bomb webp", "bomb zTXt", "svg"])
def test_a_file_that_goes_bad_behind_our_back_fails_its_job_alone(studio: Studio, tmp_path: Path, name: str) -> None:
    image = studio.photo(tmp_path, name=f"behind {name}.jpg")
    corpus.BAD[name][0](tmp_path).replace(studio.shop.store.path(image))
    job = studio.job("style", image=image, styles={"ink": 1})
    after = studio.job("generate", model="hills")
    preview = studio.post("/preview", {"view": f"bad {name}", "sequence": 1, "image": image, "styles": {"ink": 1}})
    ended = studio.wait(job["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "unreadable-input")
    assert ended["error"]["message"].startswith(f"behind {name}.jpg"), ended["error"]
    assert preview.json()["error"]["code"] == "unreadable-input"
    assert str(studio.home) not in preview.text
    assert studio.wait(after["id"])["state"] == "done"


def test_a_full_disk_is_told_and_keeps_what_was_there(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = studio.photo(tmp_path)
    monkeypatch.setattr("mapsto.studio.store.ROOM", 1 << 62)
    answer = studio.upload(tmp_path / "photo.jpg")
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "no-space")
    monkeypatch.undo()
    assert studio.get(f"/files/{image}").status_code == 200


def test_a_decoder_that_hangs_is_ended_and_the_next_file_is_read(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.photo(tmp_path)
    monkeypatch.setattr("mapsto.studio.shop.READING", 0.0)
    answer = studio.upload(tmp_path / "photo.jpg")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "took-too-long")
    monkeypatch.undo()
    assert studio.upload(tmp_path / "photo.jpg").status_code == 201


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(described(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
