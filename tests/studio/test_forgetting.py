"""What a user taught is forgotten and comes back; folders to learn from are deleted; nothing that a job needs goes away."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from atelier import Studio, opened
from mapsto.studio import forgetting
from mapsto.studio.store import Store

JSON = {"Content-Type": "application/json"}


def delete(studio: Studio, path: str) -> Any:
    return studio.web.request("DELETE", f"/api{path}", headers=JSON)


def taught(home: Path) -> None:
    """A style of one's own, and a model with its training."""
    import torch

    from mapsto.image import hands
    from mapsto.image.stylize import StyleNetwork

    hands.keep("mine", StyleNetwork(names=("mine",), width=8, deep=8, deep_blocks=1, fine_blocks=1), {"title": "Mine"})
    weights = home / "data/weights"
    os.link(weights / "dots.safetensors", weights / "spots.safetensors")
    (home / "data/runs/spots").mkdir(parents=True)
    (home / "data/runs/spots/log.jsonl").write_text("{}")
    assert torch.get_num_threads()


def test_a_style_and_a_model_are_forgotten_and_come_back(own_home: Path, tmp_path: Path) -> None:
    taught(own_home)
    with opened(own_home) as studio:

        def there() -> set[str]:
            return {each["name"] for each in studio.get("/models").json()} | {
                each["name"] for each in studio.get("/styles").json()["styles"]
            }

        assert {"mine", "spots"} <= there()
        digest = {each["name"]: each["sha256"] for each in studio.get("/models").json()}["spots"]
        assert delete(studio, "/styles/mine").json() == {"kind": "style", "name": "mine"}
        assert delete(studio, "/models/spots").json() == {"kind": "model", "name": "spots"}
        assert not {"mine", "spots"} & there()
        assert not (own_home / "data/runs/spots").exists()
        image = studio.photo(tmp_path)
        refused = studio.post("/jobs", {"kind": "style", "settings": {"image": image, "styles": {"mine": 1}}})
        assert refused.json()["error"]["code"] == "unknown-style"
        assert studio.get("/trash").json() == [{"kind": "style", "name": "mine"}, {"kind": "model", "name": "spots"}]
        assert studio.post("/styles/mine/restore").status_code == 200
        assert studio.post("/models/spots/restore").status_code == 200
        assert {"mine", "spots"} <= there()
        assert {each["name"]: each["sha256"] for each in studio.get("/models").json()}["spots"] == digest
        assert (own_home / "data/runs/spots/log.jsonl").is_file()
        assert studio.get("/trash").json() == []
        delete(studio, "/models/spots")
        studio.post("/trash/empty")
        assert studio.post("/models/spots/restore").json()["error"]["code"] == "gone"
        assert list((studio.shop.store.root / "forgotten/runs").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["/models/portrait", "/models/style-s", "/styles/ink", "/models/nobody", "/models/style-encoder-s"]
)
def test_what_is_not_own_or_painted_with_stays(studio: Studio, path: str) -> None:
    assert delete(studio, path).json()["error"]["code"] == "not-own"
    assert delete(studio, "/models/tiny").json()["error"]["code"] == "in-use"


@pytest.mark.parametrize("name", ["..", "a%2Fb", "..%2F..%2Fstudio.sqlite", "hand.mine", "-rf", "a.safetensors"])
def test_no_name_leads_elsewhere(studio: Studio, name: str) -> None:
    for path in (f"/models/{name}", f"/styles/{name}", f"/models/{name}/restore"):
        answer = studio.web.request("POST" if path.endswith("restore") else "DELETE", f"/api{path}", headers=JSON)
        assert answer.status_code in (404, 405, 422)
        assert answer.json()["error"]["code"] in ("bad-request", "not-found", "method-not-allowed")


def test_what_a_job_needs_cannot_be_taken_from_it(own_store: Store) -> None:
    own_store.add_job("walk", {"model": "hills", "seeds": [1, 2]})
    own_store.add_job("morph", {"image": "0" * 32, "keys": [{"styles": {"mine": 1}}, {"styles": {}}]})
    done = own_store.add_job("train", {"dataset": "d" * 32, "name": "new"})
    for name in ("hills", "mine", "d" * 32, "new"):
        with pytest.raises(forgetting.Refusal, match="needs"):
            forgetting.check_unused(own_store, name)
    own_store.change_job(done["id"], state="done")
    forgetting.check_unused(own_store, "d" * 32)
    forgetting.check_unused(own_store, "ink")


def test_a_name_that_is_taken_again_is_not_overwritten(own_home: Path) -> None:
    taught(own_home)
    store = Store()
    forgetting.forget(store, "model", "spots")
    weights = own_home / "data/weights"
    os.link(weights / "hills.safetensors", weights / "spots.safetensors")
    with pytest.raises(forgetting.Refusal, match="already"):
        forgetting.recall(store, "model", "spots")
    assert (weights / "spots.safetensors").samefile(weights / "hills.safetensors")
    assert forgetting.forgotten(store) == [{"kind": "model", "name": "spots"}]
    store.close()


def test_the_trash_is_emptied_of_what_is_old(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught(own_home)
    store = Store()
    forgetting.forget(store, "model", "spots")
    forgetting.clear(store)
    assert forgetting.forgotten(store)
    later = time.time() + 31 * 86400
    monkeypatch.setattr(forgetting.time, "time", lambda: later)
    forgetting.clear(store)
    assert forgetting.forgotten(store) == []
    store.close()


def test_a_folder_to_learn_from_can_be_deleted(studio: Studio, tmp_path: Path) -> None:
    from darkroom import photo

    folder = studio.post("/datasets", {"name": "holiday"}).json()["id"]
    content = photo(tmp_path / "a.jpg").read_bytes()
    studio.web.post(
        f"/api/datasets/{folder}/files", params={"name": "a.jpg"}, content=content, headers={"Content-Type": "image/jpeg"}
    )
    listed = {each["id"]: each for each in studio.get("/datasets").json()}
    assert (listed[folder]["name"], listed[folder]["count"]) == ("holiday", 1)
    place = studio.shop.store.root / "datasets" / folder
    assert place.is_dir()
    assert delete(studio, f"/datasets/{folder}").json()["count"] == 1
    assert not place.exists()
    assert folder not in {each["id"] for each in studio.get("/datasets").json()}
    assert studio.get(f"/datasets/{folder}").json()["error"]["code"] == "no-dataset"
    assert delete(studio, f"/datasets/{folder}").json()["error"]["code"] == "no-dataset"


@pytest.fixture
def own_store(tmp_path: Path) -> Any:
    store = Store(tmp_path / "kept")
    yield store
    store.close()


def test_a_file_is_found_by_its_content(studio: Studio, tmp_path: Path) -> None:
    told = studio.get(f"/files/{studio.photo(tmp_path, 77, name='by content.jpg')}/about").json()
    found = studio.get("/library", params={"query": told["sha256"]}).json()["items"]
    assert [each["id"] for each in found] == [told["id"]]
