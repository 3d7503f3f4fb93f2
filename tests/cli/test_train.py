from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from darkroom import Command, photo
from mapsto import weights
from mapsto.cli import lessons, train
from mapsto.image import own_models
from mapsto.image.image_model import ImageModel

SHORT = ("--size", "16", "--preset", "tiny", "--steps", "2", "--batch", "8")


@pytest.fixture
def pictures(place: Path) -> Path:
    """A folder of 24 pictures in two folders, and a file that is none."""
    for number in range(24):
        photo(f"my pictures/{'odd' if number % 2 else 'even'}/{number:02}.png", (20, 16), seed=number)
    Path("my pictures/even/broken.jpg").write_bytes(b"not a picture")
    return Path("my pictures")


def model(name: str) -> ImageModel:
    found = weights.load(name, expect="ImageModel")
    assert isinstance(found, ImageModel)
    return found


def same(name: str, state: dict[str, Any]) -> bool:
    own = model(name).state_dict()
    return all(bool((own[key] == tensor).all()) for key, tensor in state.items())


@pytest.mark.parametrize(("kind", "stages"), [("vae", ["vae"]), ("flow", ["vae", "flow"]), ("gan", ["vae", "gan"])])
def test_a_folder_becomes_a_model_of_ones_own(mapsto: Command, pictures: Path, kind: str, stages: list[str]) -> None:
    done = mapsto("train", kind, pictures, "--name", "mine", *SHORT, "--licence", "CC BY 4.0")
    assert done.code == 0, done.err
    assert re.fullmatch(rf"{re.escape(str(own_models.path_of('mine')))}  16×16  \d.*  seed 0\n", done.out)
    assert "Skipped as unreadable: 1. even/broken.jpg" in done.err
    assert "24 pictures are few to learn from nothing" in done.err
    run = own_models.run_of("mine")
    for stage in stages:
        assert f"{stage}: {run / stage / 'index.html'} shows how it goes" in done.err
        assert (run / stage / "index.html").is_file()
    assert model("mine").priors[0] == {"vae": "gaussian"}.get(kind, kind)
    card = weights.card("mine")
    assert card["licence"] == "CC BY 4.0"
    assert re.fullmatch(r"my pictures: 24 pictures, sha256 [0-9a-f]{16}; licence CC BY 4.0", card["data"])
    assert card["recipe"].startswith(f"mapsto train {kind}: vae 2 steps, 16 pictures, ")
    assert card["images_seen"] == dict.fromkeys(stages, 16)


def test_programs_get_the_model_its_scores_and_what_was_skipped(mapsto: Command, pictures: Path) -> None:
    done = mapsto("train", "flow", pictures, *SHORT, "--held-out", "0.34", "--labels", "folders", "--seed", "3", "--json")
    said = json.loads(done.out)
    assert (said["ok"], said["command"], said["error"]) == (True, "train", None)
    (made,) = said["outputs"]
    assert (made["path"], made["width"], made["seed"]) == (str(own_models.path_of("my-pictures")), 16, 3)
    assert made["sha256"] == weights.digest("my-pictures")
    assert said["data"]["skipped"][0]["path"] == "even/broken.jpg"
    assert said["data"]["evaluation"]["count"] == 8
    card = weights.card("my-pictures")
    assert card["licence"] == own_models.LICENCE
    assert card["scores"]["held_out_pictures"] == 8
    assert set(card["scores"]["samples"]) == {"fd", "kd", "kd_error", "precision", "recall"}
    assert model("my-pictures").classes == ("even", "odd")


def test_a_gan_paints_transparent_pixels_by_any_loss(mapsto: Command, pictures: Path) -> None:
    options = ("--space", "pixels", "--transparent", "--loss", "hinge", "--augment", "always", "--flip")
    done = mapsto("train", "gan", pictures, "--name", "icons", *SHORT, *options)
    assert done.code == 0, done.err
    made = model("icons")
    assert (made.vae, made.channels, made.priors) == (None, 4, ("gan",))
    assert (own_models.run_of("icons") / own_models.CRITIC).is_file()


def test_a_prior_can_be_learned_over_the_vae_of_another(mapsto: Command, pictures: Path) -> None:
    assert mapsto("train", "vae", pictures, "--name", "base", *SHORT).code == 0
    done = mapsto("train", "gan", pictures, "--name", "mine", "--vae", "base", "--preset", "tiny", "--steps", "2")
    assert done.code == 0, done.err
    card = weights.card("mine")
    assert list(card["images_seen"]) == ["gan"]
    assert card["recipe"].endswith("over the VAE of base")
    assert card["licence"] == f"{own_models.LICENCE}; and that of base"
    assert same("mine", {name: tensor for name, tensor in model("base").state_dict().items() if name.startswith("vae.")})


def test_a_dry_run_says_what_it_would_take_and_keeps_nothing(mapsto: Command, pictures: Path) -> None:
    done = mapsto("train", "flow", pictures, *SHORT, "--dry-run", "--name", "mine")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    for line, stage in zip(lines, ("vae", "flow"), strict=True):
        assert re.match(rf"{stage}: 2 steps of 8, 16 pictures seen \(1 times each\), .* s, \d+ MB of memory, checkpoints", line)
    assert "less than 0.1% of what the paper used" in done.err
    assert "Nothing was kept." in done.err
    assert not own_models.path_of("mine").exists()
    assert not [path for path in own_models.run_of("mine").rglob("*") if path.is_file()]


def test_a_run_is_gone_on_with_or_replaced_only_when_told(mapsto: Command, pictures: Path) -> None:
    order = ("train", "vae", pictures, "--name", "mine", *SHORT)
    assert mapsto(*order).code == 0
    first = model("mine").state_dict()
    done = mapsto(*order)
    assert (done.code, "There are weights called mine already" in done.err) == (2, True)
    own_models.path_of("mine").unlink()
    done = mapsto(*order)
    assert (done.code, "--resume" in done.err) == (2, True)
    done = mapsto(*order, "--resume")
    assert (done.code, "vae: goes on after step 2 of 2" in done.err) == (0, True)
    assert same("mine", first)
    done = mapsto(*order, "--resume", "--seed", "9")
    assert (done.code, "other settings" in done.err) == (2, True)
    assert mapsto(*order, "--overwrite", "--seed", "9").code == 0
    assert not same("mine", first)


def test_ctrl_c_says_how_to_go_on_and_that_is_exact(mapsto: Command, pictures: Path) -> None:
    order = ["train", "vae", str(pictures), "--size", "16", "--preset", "tiny", "--batch", "8", "--steps", "60"]
    assert mapsto(*order, "--name", "whole").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "mapsto", *order, "--name", "cut"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    log = own_models.run_of("cut") / "vae/log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") > 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert re.search(r"Stopped. Saved step \d+ of 60 in .* — The same command with --resume goes on from there.", last), err
    done = mapsto(*order, "--name", "cut", "--resume")
    assert (done.code, "goes on after step" in done.err) == (0, True)
    assert same("cut", model("whole").state_dict())


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["vea", "my pictures"], 2, "vae"),
        (["vae", "nowhere"], 4, "nowhere"),
        (["vae", "my pictures", "--size", "65"], 2, "The nearest sizes are 64 and 72."),
        (["vae", "my pictures", "--size", "64x100"], 2, "64x96"),
        (["vae", "my pictures", "--size", "big"], 2, "'big' is no size"),
        (["vae", "my pictures", "--size", "8"], 2, "too small"),
        (["vae", "my pictures", "--steps", "2", "--hours", "1"], 2, "Give one of them"),
        (["vae", "my pictures", "--hours", "-1"], 2, "above 0"),
        (["vae", "my pictures", "--steps", "0"], 2, "learns nothing"),
        (["vae", "my pictures", "--preset", "huge"], 2, "tiny or small or base"),
        (["vae", "my pictures", "--batch", "0"], 2, "batch"),
        (["vae", "my pictures", "--held-out", "1.5"], 2, "--held-out"),
        (["gan", "my pictures", "--loss", "hings"], 2, "hinge"),
        (["flow", "my pictures", "--space", "pixels"], 2, "Only a GAN"),
        (["flow", "my pictures", "--vae", "nothing"], 5, "nothing"),
        (["vae", "my pictures", "--name", "two words"], 2, "cannot be a model's name"),
        (["vae", "my pictures", "--name", "style-s"], 2, "come with Mapsto"),
        (["vae", "my pictures", "--name", "tiny"], 2, "already"),
        (["vae", "my pictures", "--name", "tiny", "--overwrite"], 2, "already"),
        (["vae", "my pictures", "--labels", "labels.csv"], 4, "labels.csv"),
        (["vae", "my pictures", "--run", "my pictures/even/00.png/run"], 7, "--run"),
        (["vae", "my pictures", "--device", "gpu"], 2, "cpu"),
    ],
)
def test_what_cannot_be_learned_is_told_before_anything_is(
    mapsto: Command, pictures: Path, options: list[str], code: int, says: str
) -> None:
    done = mapsto("train", *options)
    assert (done.code, done.out) == (code, "")
    assert says in done.err.splitlines()[-1], done.err
    assert "Traceback" not in done.err
    assert not own_models.run_of("my-pictures").exists()


@pytest.mark.parametrize(("count", "says"), [(0, "no picture"), (1, "One picture is too few"), (3, "3 pictures are too few")])
def test_folders_with_next_to_nothing_in_them_are_explained(mapsto: Command, place: Path, count: int, says: str) -> None:
    Path("few").mkdir()
    for number in range(count):
        photo(f"few/{number}.png", (16, 16), seed=number)
    done = mapsto("train", "vae", "few", *SHORT)
    assert done.code == (4 if count == 0 else 2)
    assert says in done.err


def test_a_full_disk_is_told_before_hours_are_spent(mapsto: Command, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(pictures)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    done = mapsto("train", "vae", pictures, *SHORT)
    assert done.code == 7
    assert "The training needs about " in done.err


def test_nothing_said_means_an_hour_and_a_part_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    plan = train._plan(None, None, "tiny", batch=None, device="cpu")
    assert (plan.hours, plan.steps, plan.batch, plan.threads) == (1.0, 0, 16, 3)


def test_only_the_first_of_several_processes_speaks_and_writes(
    mapsto: Command, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    done = mapsto("train", "vae", pictures, "--name", "mine", *SHORT, "--json")
    assert (done.code, done.out) == (0, "")
    assert not own_models.path_of("mine").exists()


def test_what_is_set_for_painting_is_not_meant_for_learning(mapsto: Command, pictures: Path) -> None:
    Path("mapsto.toml").write_text('size = 500\nsteps = 1\ndevice = "cpu"\nseed = 5\nstrength = 0.5\n')
    done = mapsto("train", "vae", pictures, "--preset", "tiny", "--steps", "2", "--batch", "2", "--dry-run")
    assert "24 pictures at 64×64" in done.err
    assert "vae: 2 steps of 2" in done.out


@pytest.mark.parametrize(
    ("text", "size"),
    [(None, (64, 64)), ("128", (128, 128)), ("96x160", (160, 96)), ("96×160", (160, 96)), ("96X160", (160, 96))],
)
def test_sizes_are_width_and_height(text: str | None, size: tuple[int, int]) -> None:
    assert lessons.size_of(text, (64, 64)) == size


def test_the_environment_says_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, threads in (("2", 2), ("", None), ("two", None), ("0", None)):
        monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", said)
        assert lessons.threads() == threads
