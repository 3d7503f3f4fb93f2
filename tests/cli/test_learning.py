from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from darkroom import Command, photo, pixels
from mapsto.media import picture


def test_a_hand_is_learned_kept_used_and_forgotten(mapsto: Command) -> None:
    photo("My Painting.png", (64, 64), seed=4)
    assert mapsto("style", "photo.jpg", "My Painting.png", "-o", "before.png").code == 0
    done = mapsto("style", "photo.jpg", "My Painting.png", "--learn", "0.5")
    assert done.code == 0, done.err
    assert "Learned my-painting: it is a style of that name now." in done.err
    assert not np.array_equal(pixels("before.png"), pixels("photo.My-Painting.png"))

    done = mapsto("style", "photo.jpg", "My Painting.png", "--learn", "0.5", "-o", "again.png")
    assert "my-painting is known already" in done.err
    assert mapsto("style", "photo.jpg", "my-painting", "-o", "named.png").code == 0
    for same in ("again.png", "named.png"):
        assert np.array_equal(pixels(same), pixels("photo.My-Painting.png"))
    assert "my-painting\tlearned" in mapsto("styles").out

    assert "identical" in mapsto("redo", "photo.My-Painting.png", "photo.jpg").err
    assert "identical" in mapsto("redo", "before.png", "photo.jpg").err  # painted before the hand was learned
    assert mapsto("styles", "--forget", "my-painting").code == 0
    done = mapsto("redo", "photo.My-Painting.png", "photo.jpg")
    assert done.code == 2
    assert "--learn" in done.err


def test_a_hand_can_be_named_but_not_like_another(mapsto: Command) -> None:
    photo("painting.png", (64, 64), seed=4)
    done = mapsto("style", "photo.jpg", "painting.png", "--learn", "0.2", "--name", "mine", "--json")
    assert json.loads(done.out)["data"]["learned"] == ["mine"]
    photo("other.png", (64, 64), seed=5)
    for name in ("ink", "mine", "two words"):
        assert mapsto("style", "photo.jpg", "other.png", "--learn", "0.2", "--name", name).code == 2


def test_learning_is_refused_where_it_would_be_wasted(mapsto: Command) -> None:
    photo("painting.png", (64, 64), seed=4)
    done = mapsto("style", "photo.jpg", "painting.png", "--learn", "60", "--method", "optimize")
    assert (done.code, "Leave --learn out" in done.err) == (2, True)
    done = mapsto("style", "photo.jpg", "painting.png", "--learn", "nan")
    assert (done.code, "Give --learn 60 or so" in done.err) == (2, True)


def test_a_damaged_hand_stops_nothing(mapsto: Command, place: Path) -> None:
    torn = place.parent / "home/data/weights/hand.torn.safetensors"
    torn.write_bytes(b"xx")
    assert "torn\tlearned" in mapsto("styles").out
    assert mapsto("style", "photo.jpg", "ink").code == 0
    assert mapsto("styles", "--forget", "torn").code == 0
    assert not torn.exists()


def test_optimising_shows_previews_and_clears_them(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("painting.png", (64, 64), seed=4)
    seen = []
    save = picture.Picture.save

    def watched(self: picture.Picture, path: Path, **options: object) -> object:
        seen.append(str(path))
        return save(self, path, **options)

    monkeypatch.setattr(picture.Picture, "save", watched)
    done = mapsto("style", "photo.jpg", "painting.png", "--method", "optimize", "--steps", "4", "--preview-every", "2")
    assert done.code == 0, done.err
    assert seen == ["photo.painting.preview.png"] * 2 + ["photo.painting.png"]
    assert not Path("photo.painting.preview.png").exists()


def test_interrupting_an_optimisation_writes_what_is_there(place: Path) -> None:
    photo("painting.png", (64, 64), seed=4)
    command = [sys.executable, "-m", "mapsto", "style", "photo.jpg", "painting.png", "--method", "optimize"]
    options = ["--steps", "100000", "--preview-every", "1"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not Path("photo.painting.preview.png").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("photo.painting.png  48×32")
    assert err.splitlines()[-1] == "mapsto: Stopped: 1 of 1 pictures are done and kept."
    settings = picture.settings("photo.painting.png") or {}
    assert settings["steps"] == 100000
    assert 1 <= settings["stop_after"] < 100000
    assert sorted(path.name for path in place.iterdir()) == ["painting.png", "photo.jpg", "photo.painting.png"]
