from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from darkroom import Command, photo
from mapsto import weights
from mapsto.cli import adapt, lessons
from mapsto.cli.bar import Bar
from mapsto.cli.voice import Voice
from mapsto.image import hands, own_models
from mapsto.image.image_model import ImageModel
from mapsto.learning import adaptation
from mapsto.learning.training import Report

SHORT = ("--steps", "2", "--batch", "8", "--no-scratch")


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "SAMPLES", 8)


@pytest.fixture
def pictures(place: Path) -> Path:
    for number in range(24):
        photo(f"paintings/{number:02}.png", (24, 16), seed=number)
    return Path("paintings")


def model(name: str) -> ImageModel:
    found = weights.load(name, expect="ImageModel")
    assert isinstance(found, ImageModel)
    return found


def test_a_model_is_adapted_and_a_table_tells_whether_it_helped(mapsto: Command, pictures: Path) -> None:
    done = mapsto("adapt", "hills", pictures, "--name", "mine", "--steps", "2", "--batch", "8", "--licence", "CC0")
    assert done.code == 0, done.err
    *table, told, file = done.out.splitlines()
    for row in ("start", "new decoder alone", "scratch", "adapted"):
        assert any(re.match(rf"{row}  +\S+ ± \S+", line) for line in table), row
    assert done.out.count("Adapted is ") == 2
    assert told == "Judged by 5 pictures that nothing was learned from."
    assert file.startswith(f"{own_models.path_of('mine')}  24×16  ")
    assert "Next: mapsto generate mine -n 16" in done.err
    card = weights.card("mine")
    assert card["recipe"] == "mapsto adapt hills: vae λ = 3, flow λ = 3; at most 2 steps of 8 each; seed 0"
    assert card["licence"] == "CC0; and that of hills"
    assert card["data"].startswith("paintings: 24 pictures, sha256 ")
    assert set(card["scores"]["prior"]["rows"]) == {"start", "new decoder alone", "scratch", "adapted"}
    assert model("mine").priors == ("flow", "gaussian")


def test_programs_get_the_rows(mapsto: Command, pictures: Path) -> None:
    done = mapsto("adapt", "sprites", pictures, *SHORT, "--strength", "10", "--freeze", "vae.decoder:0.5", "--flip", "--json")
    said = json.loads(done.out)
    assert (said["ok"], said["outputs"][0]["path"]) == (True, str(own_models.path_of("paintings")))
    decoder = said["data"]["scores"]["decoder"]
    assert (decoder["strength"], list(decoder["rows"])) == (10, ["start", "adapted"])
    assert said["data"]["better"] == decoder["better"]
    assert said["data"]["pictures"] == {"learned": 19, "judged_by": 5}


def test_a_gan_of_pixels_is_adapted_without_its_critic(mapsto: Command, pictures: Path) -> None:
    done = mapsto("adapt", "dots", pictures, "--name", "mine", *SHORT, "--augment", "--freeze", "critic:0.5")
    assert done.code == 0, done.err
    assert "a new one had to begin from nothing" in done.err
    assert "Rebuilt pictures" not in done.out


def test_fifty_pictures_are_enough_to_search_for_a_strength(mapsto: Command, place: Path) -> None:
    for number in range(50):
        photo(f"many/{number:02}.png", (16, 16), seed=number)
    done = mapsto("adapt", "sprites", "many", "--name", "mine", "--steps", "4", "--batch", "8", "--no-scratch")
    assert done.code == 0, done.err
    trials = weights.card("mine")["scores"]["decoder"]["trials"]
    assert {"0", "1", "10", "100"} <= set(trials)
    assert weights.card("mine")["scores"]["decoder"]["strength"] == float(min(trials, key=trials.__getitem__))


def test_what_ctrl_c_stopped_goes_on_by_the_same_command(mapsto: Command, pictures: Path) -> None:
    order = ["adapt", "sprites", str(pictures), "--name", "mine", "--batch", "4", "--steps", "300", "--no-scratch"]
    process = subprocess.Popen([sys.executable, "-m", "mapsto", *order], stderr=subprocess.PIPE, text=True)
    log = own_models.run_of("mine") / "decoder/adapted/log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") > 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"Stopped. Saved step \d+ of 300 in .* — The same command goes on from there.", err.splitlines()[-1]), err
    done = mapsto(*order)
    assert done.code == 0, done.err
    assert re.search(r"decoder, adapted: goes on after step \d+ of 300", done.err)


def test_a_style_network_learns_one_hand(mapsto: Command, place: Path) -> None:
    photo("My Painting.png", (64, 64), seed=4)
    for number in range(7):
        photo(f"shots/{number}.jpg", (140, 130), seed=number)
    done = mapsto("adapt", "tiny", "My Painting.png", "--name", "my-hand", "--minutes", "0.01", "--photos", "shots", "--json")
    said = json.loads(done.out)
    assert said["ok"], said["error"]
    loss = said["data"]["style_loss"]
    assert (said["data"]["learned"], loss["pictures"]) == (["my-hand"], 3)
    assert 0 < loss["after"] != loss["before"] > 0
    assert hands.story("my-hand")["seconds"] == pytest.approx(0.6)
    assert mapsto("style", "photo.jpg", "my-hand").code == 0
    done = mapsto("adapt", "tiny", "My Painting.png", "--minutes", "0.004")
    assert re.fullmatch(r"my-painting  style loss \d+\.\d{3} → \d+\.\d{3}  0\.2 s\n", done.out)
    assert "built-in scenes it did not learn on" in done.err


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["hils", "paintings"], 5, "There are: dots, hills, pixel-art"),
        (["features-s", "paintings"], 5, "cannot be adapted"),
        (["hills", "nowhere"], 4, "nowhere"),
        (["hills", "paintings", "--strength", "strong"], 2, "0 is none, 3 mild, 300 tight"),
        (["hills", "paintings", "--strength", "-1"], 2, "'-1'"),
        (["hills", "paintings", "--preset", "smal"], 2, "Perhaps small"),
        (["hills", "paintings", "--steps", "0"], 2, "learns nothing"),
        (["hills", "paintings", "--batch", "0"], 2, "batch"),
        (["hills", "paintings", "--freeze", "flow.dwn"], 2, "flow.down"),
        (["hills", "paintings", "--augment"], 2, "no critic"),
        (["sprites", "paintings", "--augment"], 2, "this model has none"),
        (["hills", "paintings", "--minutes", "3"], 2, "Leave --minutes out"),
        (["hills", "paintings", "--name", "sprites"], 2, "already"),
        (["hills", "one"], 2, "One picture is too few"),
        (["tiny", "paintings"], 4, "is a folder"),
        (["tiny", "photo.jpg", "--strength", "3", "--flip"], 2, "Leave --strength and --flip out"),
        (["tiny", "photo.jpg", "--minutes", "0"], 2, "--minutes 5"),
        (["tiny", "photo.jpg", "--name", "ink"], 2, "already"),
        (["tiny", "missing.jpg"], 4, "missing.jpg"),
    ],
)
def test_what_cannot_be_adapted_is_told_before_anything_is(
    mapsto: Command, pictures: Path, options: list[str], code: int, says: str
) -> None:
    photo("one/a.png")
    done = mapsto("adapt", *options)
    assert (done.code, done.out) == (code, ""), done.err
    assert says in done.err.splitlines()[-1], done.err
    assert "Traceback" not in done.err
    assert not [path for path in own_models.run_of("x").parent.rglob("*") if path.is_file()]


def test_trainings_of_a_search_count_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    bar = Bar(hidden=True)
    monkeypatch.setattr(bar, "show", lambda done, text: seen.append(done))
    share = adapt.Share(lessons.Told(bar, Voice("adapt", quiet=True)), total=2.5)
    report: Any = Report(5, 10, 0, 0.0, 1.0, 0.0, {}, [])
    for name in ("trial with λ = 0", "trial with λ = 1", "scratch", "adapted"):
        share("prior", name, report)
    assert seen == pytest.approx([0.05, 0.15, 0.4, 0.8])


def test_a_model_that_was_adapted_from_is_as_it_was(mapsto: Command, pictures: Path) -> None:
    before = {name: tensor.clone() for name, tensor in model("hills").state_dict().items()}
    assert mapsto("adapt", "hills", pictures, "--name", "mine", *SHORT).code == 0
    after, ours = model("hills").state_dict(), model("mine").state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not torch.equal(ours["vae.decoder.parts.0.weight"], after["vae.decoder.parts.0.weight"])
