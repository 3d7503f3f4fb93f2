from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import Command, photo, pixels
from mapsto import weights
from mapsto.cli.info import told
from mapsto.cli.work import KINDS
from mapsto.cli.work_settings import settings_of, work_of
from mapsto.errors import MapstoError, UnreadableInput
from mapsto.media import picture


@pytest.mark.parametrize(
    "command",
    [
        "generate hills -n 3 --seed 7 --truncation 0.7 --label sea --guidance 1.5 --steps 3",
        "generate sprites -n 2 --transparent --scale 4 --format webp",
        "reconstruct photo.jpg --model hills --side-by-side --scale 2 --refine 2",
        "walk hills --seconds 1 --fps 6 --steps 2 --loop -o walk.gif",
        "walk hills --seconds 1 --fps 6 --prior gan -o walk.mp4",
        "walk hills --seconds 1 --fps 2 --prior gaussian -o frames/",
        "mix hills --seeds 3,8 --layers middle --steps 4",
        "mix hills --seeds 3,8,9 --prior gan",
        "edit hills --seed 3 --slider light=+1.5 --slider 2=-1 -o edit.jpg --quality 80",
        "edit dots --sheet",
        "edit hills --picture photo.jpg --slider 2=1",
        "paint --scene hills --style ink:1,painting.png:1 -n 2 --size 48 --prior gan",
    ],
)
def test_the_same_comes_out_with_the_same_pixels(mapsto: Command, command: str) -> None:
    if command.endswith("mp4"):
        pytest.importorskip("av")
    photo("painting.png", seed=4)
    done = mapsto(*command.split(), "--json")
    assert done.code == 0, done.err
    for made in json.loads(done.out)["outputs"]:
        again = json.loads(mapsto("redo", made["path"], "--json").out)
        assert (again["ok"], again["data"]) == (True, {"identical": True}), made
        assert made["path"] in mapsto("info", made["path"]).out
        before, after = (
            picture.settings(path) if Path(path).suffix != ".mp4" else {}
            for path in (made["path"], again["outputs"][0]["path"])
        )
        assert before == after


def test_a_picture_is_looked_for_and_another_gets_the_same_settings(mapsto: Command) -> None:
    mapsto("reconstruct", "photo.jpg", "--model", "hills")
    other = photo("other.jpg", seed=8)
    done = mapsto("redo", "photo.hills.png", other, "-o", "other.png")
    assert (done.code, "another picture" in done.err) == (0, True)
    mapsto("reconstruct", other, "--model", "hills")
    assert np.array_equal(pixels("other.png"), pixels("other.hills.png"))
    Path("photo.jpg").unlink()
    done = mapsto("redo", "photo.hills.png")
    assert (done.code, "photo.jpg" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["hills.0.png", "photo.jpg"], 2, "not made from a picture"),
        (["hills.0.png", "-o", "hills.0.png"], 2, "compared with"),
        (["hills.0.png", "-o", "photo.jpg"], 2, "--overwrite"),
        (["walk.webp", "-o", "-"], 2, "standard output"),
        (["photo.jpg"], 4, "does not say"),
    ],
)
def test_what_cannot_be_made_again(mapsto: Command, arguments: list[str], code: int, says: str) -> None:
    mapsto("generate", "hills")
    mapsto("walk", "hills", "--seconds", 1, "--fps", 2, "--steps", 1, "-o", "walk.webp")
    done = mapsto("redo", *arguments)
    assert (done.code, says in done.err) == (code, True), done.err


def test_what_differs_from_then_is_told(mapsto: Command) -> None:
    mapsto("generate", "hills")
    found = picture.settings("hills.0.png") or {}
    found |= {"mapsto": "0.0.1", "torch": "1.0", "device": "cuda:7", "weights": {"hills": "0" * 64}}
    picture.read("hills.0.png").save("old.png", settings=found)
    warnings = "\n".join(json.loads(mapsto("redo", "old.png", "--json").out)["warnings"])
    for word in ("Mapsto 0.0.1", "PyTorch 1.0", "cuda:7", "weights hills"):
        assert word in warnings
    shutil.copy("hills.0.png", "moved.png")
    assert mapsto("redo", "moved.png", "-o", "again.webp").code == 0


def test_files_of_before_there_was_guidance_by_attention_are_drawn_without(mapsto: Command) -> None:
    mapsto("generate", "hills", "--pag", 0)
    found = picture.settings("hills.0.png") or {}
    assert found.pop("pag") == 0
    picture.read("hills.0.png").save("old.png", settings=found)
    model = weights.load("hills")
    weights.save(type(model)(**{**model.config, "pag": 3.0}), Path("guided.safetensors"), weights.card("hills"))
    replaced = found | {"model": "guided.safetensors"}
    picture.read("hills.0.png").save("other.png", settings=replaced)
    assert json.loads(mapsto("redo", "old.png", "--json").out)["data"] == {"identical": True}
    assert mapsto("redo", "other.png", "-o", "again.png").code == 0
    assert (picture.settings("again.png") or {})["pag"] == 0


def test_damaged_settings_are_unreadable_input(mapsto: Command) -> None:
    mapsto("generate", "hills")
    found = picture.settings("hills.0.png") or {}
    for change in ({"first": "0"}, {"seed": 1.5}, {"n": True}, {"label": 3}, {"steps": None}):
        picture.read("hills.0.png").save("bad.png", settings=found | change)
        assert mapsto("redo", "bad.png").code == UnreadableInput.exit_code
    picture.read("hills.0.png").save("bad.png", settings={**found, "command": "paint", "scene": 7})
    assert mapsto("redo", "bad.png").code == UnreadableInput.exit_code


COMPLETE: dict[str, dict[str, Any]] = {
    "generate": {"seed": 3, "first": 3, "n": 1},
    "reconstruct": {"side_by_side": True},
    "walk": {"seeds": [1, 5], "count": 8, "fps": 12, "loop": True},
    "mix": {"seeds": [1, 5], "layers": "fine"},
    "edit": {"seed": None, "sliders": {"light": 1}},
}


@pytest.mark.parametrize("command", COMPLETE)
def test_settings_and_works_are_each_others_inverse(command: str) -> None:
    work = work_of({"command": command, "model": "hills", "scale": 2, **COMPLETE[command]})
    said = settings_of(work, weights={"hills": ""}, quality=95)
    assert work_of(json.loads(json.dumps(said))) == work
    assert type(work) is KINDS[command]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "seed",
    "seeds",
    "n",
    "first",
    "batch",
    "count",
    "fps",
    "sliders",
    "how",
    "scale",
    "model",
    "prior",
    "weights",
    "scene",
    "style",
]


@given(st.sampled_from(sorted(COMPLETE)), st.dictionaries(st.sampled_from(KEYS), json_values))
def test_settings_of_strangers_are_never_trusted(command: str, settings: dict[str, Any]) -> None:
    complete = {"mapsto": "0.1.0", "command": command, **COMPLETE[command], **settings}
    assert all(isinstance(text, str) for text in told(complete).values())
    with suppress(MapstoError):
        work_of(complete)
