"""Jobs: what they make is what the command line makes, and nothing that happens to a process loses one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from atelier import Studio, opened
from darkroom import photo
from mapsto.cli.app import run
from mapsto.media.picture import Picture, settings
from mapsto.studio.store import Store


def result(studio: Studio, job: dict[str, Any], folder: Path, number: int = 0) -> Path:
    """A result of a job, as a person downloads it."""
    assert job["state"] == "done", job
    about = studio.get(f"/files/{job['results'][number]}/about").json()
    path = folder / about["name"]
    path.write_bytes(studio.get(f"/files/{about['id']}").content)
    return path


def test_a_painting_is_that_of_the_command_line(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = studio.photo(tmp_path)
    job = studio.done("style", image=image, styles={"ink": 0.6, "mosaic": 0.4}, strength=0.7, seed=3)
    painted = result(studio, job, tmp_path)
    monkeypatch.chdir(tmp_path)
    how = ["--strength=0.7", "--seed=3", "--weights=tiny", "--precision=fp32", "-o", "same.png", "-q"]
    assert run(["style", "photo.jpg", "ink:0.6,mosaic:0.4", *how]) == 0
    assert np.array_equal(Picture.of(painted).pixels, Picture.of("same.png").pixels)
    assert settings(painted) == settings("same.png")
    about = studio.get(f"/files/{job['results'][0]}/about").json()
    assert (about["source_id"], about["verb"], about["settings"]) == (image, "style", settings(painted))
    capsys.readouterr()
    assert run(["redo", str(painted), "-o", "again.png"]) == 0
    assert "identical" in capsys.readouterr().err


def test_a_mask_keeps_what_is_black_and_can_be_done_again(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mapsto.image.masking import spelled

    image = studio.photo(tmp_path, name="half.png")
    mask = np.zeros((32, 48), np.uint8)
    mask[:, 24:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    how = {"image": image, "styles": {"ink": 1}, "mask": spelled(tmp_path / "mask.png")}
    painted = result(studio, studio.done("style", **how), tmp_path)
    before, after = (Picture.of(path).pixels for path in (tmp_path / "half.png", painted))
    assert np.array_equal(before[:, :24], after[:, :24])
    assert not np.array_equal(before[:, 24:], after[:, 24:])
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert run(["redo", painted.name, "-o", "again.png"]) == 0
    assert "identical" in capsys.readouterr().err
    bad = studio.post("/jobs", {"kind": "style", "settings": {**how, "mask": "AAAA"}})
    assert bad.json()["error"]["code"] == "bad-mask"


def test_an_own_picture_is_a_style(studio: Studio, tmp_path: Path) -> None:
    image, painting = studio.photo(tmp_path), studio.photo(tmp_path, 5, name="my, own:painting.jpg")
    job = studio.done("style", image=image, styles={painting: 0.5, "ink": 0.5})
    said = settings(result(studio, job, tmp_path))
    assert said is not None
    assert said["style"][0]["path"] == "in/my-own_painting.jpg"
    assert str(studio.home) not in str(said)


@pytest.mark.parametrize(
    ("kind", "how", "names"),
    [
        ("generate", {"model": "hills", "n": 3, "seed": 5}, ["hills.5.png", "hills.6.png", "hills.7.png"]),
        ("generate", {"model": "hills", "seed": 5, "sliders": {"1": 1.5}}, ["hills.5.1+1.5.png"]),
        ("generate", {"model": "hills", "seed": 1, "mix": {"seed": 2, "layers": "fine"}}, ["hills.1+2.fine.png"]),
        ("walk", {"model": "hills", "seeds": [1, 2], "seconds": 0.4, "fps": 10, "format": "webp"}, ["hills.walk.webp"]),
        ("paint", {"model": "hills", "styles": {"ink": 1}, "seed": 2, "size": 64}, ["hills.2.painted.png"]),
    ],
)
def test_what_models_draw(studio: Studio, kind: str, how: dict[str, Any], names: list[str]) -> None:
    job = studio.done(kind, **how)
    assert job["state"] == "done", job
    about = [studio.get(f"/files/{each}/about").json() for each in job["results"]]
    assert [each["name"] for each in about] == names
    assert all(each["settings"]["mapsto"] for each in about)


def test_a_morph_a_clip_and_a_reconstruction(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path)
    keys = [{"styles": {}, "at": 0}, {"styles": {"ink": 0.5, "mosaic": 0.5}, "at": 0.5}]
    morph = studio.done("morph", image=image, keys=keys, fps=8, format="webp")
    with Image.open(result(studio, morph, tmp_path)) as film:
        assert film.n_frames == 5
    rebuilt = studio.done("reconstruct", image=image, model="hills")
    assert Picture.of(result(studio, rebuilt, tmp_path)).size == (24, 16)
    from filming import film as make
    from filming import noise

    make(tmp_path / "clip.mp4", noise(6))
    clip = studio.upload(tmp_path / "clip.mp4", "video/mp4").json()
    assert (clip["kind"], clip["width"]) == ("video", 64)
    painted = studio.done("clip", video=clip["id"], styles={"ink": 1})
    assert painted["state"] == "done", painted
    assert studio.get(f"/files/{painted['results'][0]}/about").json()["kind"] == "video"


def test_a_batch_tells_what_failed_and_keeps_the_rest(studio: Studio, tmp_path: Path) -> None:
    images = [studio.photo(tmp_path, seed, name="same.jpg") for seed in (0, 1)]
    broken = studio.photo(tmp_path, 2, name="broken.jpg")
    kept = studio.shop.store.path(broken)
    kept.write_bytes(kept.read_bytes()[:200])
    job = studio.done("batch", images=[*images, broken], styles={"ink": 1})
    assert (job["state"], job["error"]["code"]) == ("failed", "partly-failed")
    assert len(job["results"]) == 2
    assert [each["path"] for each in job["data"]["failures"]] == ["broken.jpg"]
    assert str(studio.home) not in str(job)


def test_a_job_about_nothing_is_refused_at_once(studio: Studio, tmp_path: Path) -> None:
    score = "0" * 32
    for settings_, code in (
        ({"image": score, "styles": {"ink": 1}}, "no-file"),
        ({"image": studio.photo(tmp_path), "styles": {"inc": 1}}, "unknown-style"),
        ({"image": studio.photo(tmp_path), "styles": {"ink": 0}}, "no-weight"),
        ({"styles": {"ink": 1}}, "bad-request"),
        ({"image": studio.photo(tmp_path), "styles": {"ink": 1}, "strength": 2}, "bad-request"),
        ({"image": studio.photo(tmp_path), "styles": {"ink": 1}, "surprise": 2}, "bad-request"),
    ):
        answer = studio.post("/jobs", {"kind": "style", "settings": settings_})
        assert (answer.status_code // 100, answer.json()["error"]["code"]) == (4, code)
    answer = studio.post("/jobs", {"kind": "play", "settings": {"score": studio.photo(tmp_path)}})
    assert answer.json()["error"]["code"] == "wrong-kind"
    assert studio.post("/jobs", {"kind": "format", "settings": {}}).json()["error"]["code"] == "bad-request"
    assert not [job for job in studio.get("/jobs").json() if job["state"] == "waiting"]


LONG = {"model": "hills", "n": 256, "steps": 200}
"""Takes a while, and can be stopped in the midst of it."""


def test_a_job_that_waits_or_runs_can_be_cancelled(studio: Studio) -> None:
    running, waiting = studio.job("generate", **LONG), studio.job("generate", **LONG)
    studio.wait(running["id"], ("running",))
    assert studio.post(f"/jobs/{waiting['id']}/cancel").json()["state"] == "cancelled"
    studio.post(f"/jobs/{running['id']}/cancel")
    ended = studio.wait(running["id"])
    assert ended["state"] == "cancelled"
    assert len(ended["results"]) < 256
    assert studio.post(f"/jobs/{running['id']}/cancel").json()["error"]["code"] == "wrong-state"
    assert studio.post(f"/jobs/{running['id']}/resume").status_code == 409
    assert studio.done("generate", model="hills")["state"] == "done"


def test_a_full_queue_says_when_to_come_again(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio.shop.queue, "limit", 2)
    jobs = [studio.job("generate", **LONG)]
    studio.wait(jobs[0]["id"], ("running",))
    jobs += [studio.job("generate", model="hills") for _ in range(2)]
    answer = studio.post("/jobs", {"kind": "generate", "settings": {"model": "hills"}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue-full")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert studio.get("/health").json()["queue"] == {"waiting": 2, "running": 1, "limit": 2}
    studio.post(f"/jobs/{jobs[0]['id']}/cancel")
    assert [studio.wait(job["id"])["state"] for job in jobs] == ["cancelled", "done", "done"]


def test_a_worker_that_is_killed_fails_its_job_and_no_other(studio: Studio) -> None:
    first, second = studio.job("generate", **LONG), studio.job("generate", model="hills", seed=9)
    studio.wait(first["id"], ("running",))
    while not (pid := studio.shop.worker.pid):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    ended = studio.wait(first["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "worker-died")
    assert studio.wait(second["id"])["state"] == "done"


def test_news_of_a_job_come_in_order_and_can_be_caught_up_with(studio: Studio) -> None:
    job = studio.job("generate", model="hills", n=2)
    studio.wait(job["id"])
    numbers, states, events = [], [], set()
    with studio.web.stream("GET", "/api/events", headers={"Last-Event-ID": str(studio.shop.hub.first)}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("id: "):
                numbers.append(int(line[4:]))
            elif line.startswith("event: "):
                events.add(line[7:])
            elif line.startswith("data: ") and job["id"] in line and '"state"' in line:
                import json

                states.append(json.loads(line[6:])["state"])
                if states[-1] == "done":
                    break
    assert numbers == sorted(set(numbers))
    assert (states[0], states[1], states[-1]) == ("waiting", "running", "done")
    assert {"job", "file"} <= events


def test_who_was_away_for_too_long_is_told_so() -> None:
    import asyncio

    from mapsto.studio.hub import KEPT, Hub

    async def heard(hub: Hub, last: int | None, count: int) -> list[bytes]:
        stream = hub.listen(last)
        found = [await anext(stream) for _ in range(count)]
        await stream.aclose()  # type: ignore[attr-defined]
        return found[1:]

    hub = Hub()
    for number in range(KEPT + 5):
        hub.tell("job", {"number": number})
    (reset,) = asyncio.run(heard(hub, hub.first + 1, 2))
    assert b"event: reset" in reset
    (caught,) = asyncio.run(heard(hub, hub.number - 1, 2))
    assert caught.endswith(b'data: {"number": 1004}\n\n')


def test_jobs_outlive_the_studio(own_home: Path, tmp_path: Path) -> None:
    """When it ends in good order: what waits is done later, and so is what ran."""
    with opened(own_home) as studio:
        image = studio.photo(tmp_path)
        running = studio.job("generate", model="hills", n=6, steps=200)
        waiting = studio.job("style", image=image, styles={"ink": 1})
        studio.wait(running["id"], ("running",))
    store = Store()
    assert [store.job(job["id"])["state"] for job in (running, waiting)] == ["waiting", "waiting"]
    store.close()
    with opened(own_home) as studio:
        ended = [studio.wait(job["id"]) for job in (running, waiting)]
        assert [(job["state"], len(job["results"])) for job in ended] == [("done", 6), ("done", 1)]
        assert studio.get(f"/files/{image}").content == (tmp_path / "photo.jpg").read_bytes()


def test_what_a_killed_studio_was_doing_begins_again_once(own_home: Path, tmp_path: Path) -> None:
    """And it leaves no process behind."""
    program = "from mapsto.cli.app import run; run(['studio', '--port', '0', '--no-browser', '--weights', 'tiny'])"
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1].rstrip("/")
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as web:
            job = web.post("/api/jobs", json={"kind": "generate", "settings": LONG}).json()["id"]
            while web.get(f"/api/jobs/{job}").json()["state"] != "running":
                time.sleep(0.02)
            other = web.post("/api/jobs", json={"kind": "generate", "settings": {"model": "hills"}}).json()["id"]
        children = children_of(process.pid)
        assert len(children) >= 2
        process.kill()
    end = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_alive, children))
    with opened(own_home) as studio:
        begun = studio.wait(job, ("running",))
        assert begun["note"] == "" or "begins again" in begun["note"]
        studio.shop.store.change_job(job, tries=2)
        studio.server.should_exit = True  # and it ends a second time, as if killed
        studio.shop.queue.rest = never  # type: ignore[method-assign]
    with opened(own_home) as studio:
        assert studio.wait(other)["state"] == "done"
        rested = studio.get(f"/jobs/{job}").json()
        assert (rested["state"], "resumed" in rested["note"]) == ("interrupted", True)
        assert studio.post(f"/jobs/{job}/resume").json()["state"] == "waiting"
        studio.wait(job, ("running",))
        studio.post(f"/jobs/{job}/cancel")
        assert studio.wait(job)["state"] == "cancelled"


async def never() -> None:
    """Nobody says a last word."""


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_training_that_the_end_of_the_studio_stops_is_kept(own_home: Path, tmp_path: Path) -> None:
    with opened(own_home) as studio:
        dataset = studio.post("/datasets", {"name": "few"}).json()["id"]
        for seed in range(8):
            content = photo(tmp_path / f"{seed}.png", (32, 32), seed).read_bytes()
            path = f"/api/datasets/{dataset}/files"
            studio.web.post(path, params={"name": f"{seed}.png"}, content=content, headers={"Content-Type": "image/png"})
        how = {"dataset": dataset, "kind": "vae", "name": "kept", "size": 16, "preset": "tiny", "steps": 100_000, "batch": 2}
        job = studio.job("train", **how)["id"]
        while not studio.get(f"/jobs/{job}").json()["note"].startswith("vae"):
            time.sleep(0.02)
    store = Store()
    rested = store.job(job)
    store.close()
    assert rested["state"] == "interrupted", rested["error"]
    assert "Saved step" in rested["note"]
    assert list((own_home / "data/runs/kept").rglob("checkpoint*"))


def test_two_studios_do_not_work_in_one_folder(own_home: Path) -> None:
    from mapsto.errors import UsageError

    with opened(own_home), pytest.raises(UsageError, match="running already"), opened(own_home):
        pass


def test_pausing_a_training_and_going_on_gives_the_same_model(studio: Studio, tmp_path: Path) -> None:
    dataset = studio.post("/datasets", {"name": "my photos"}).json()["id"]
    for seed in range(8):
        content = photo(tmp_path / f"{seed}.png", (32, 32), seed).read_bytes()
        path = f"/api/datasets/{dataset}/files"
        told = studio.web.post(path, params={"name": f"{seed}.png"}, content=content, headers={"Content-Type": "image/png"})
        assert told.status_code == 201, told.text
    bad = studio.web.post(path, params={"name": "bad.png"}, content=b"no picture", headers={"Content-Type": "image/png"})
    assert bad.status_code == 422
    card = studio.get(f"/datasets/{dataset}").json()
    assert (card["count"], card["kinds"], card["sizes"]["median"]) == (8, {"image": 8}, 32)
    assert [each["name"] for each in card["broken"]] == ["bad.png"]

    how = {"dataset": dataset, "kind": "vae", "size": 16, "preset": "tiny", "steps": 60, "batch": 4}
    whole = studio.done("train", name="whole", **how)
    assert whole["state"] == "done", whole
    job = studio.job("train", name="halves", **how)
    while studio.get(f"/jobs/{job['id']}").json()["part"] < 0.2:
        time.sleep(0.02)
    studio.post(f"/jobs/{job['id']}/pause")
    paused = studio.wait(job["id"])
    assert paused["state"] == "paused", paused
    assert studio.post(f"/jobs/{job['id']}/resume").json()["state"] == "waiting"
    assert studio.wait(job["id"])["state"] == "done"
    rows = studio.get(f"/jobs/{job['id']}/samples").json()
    assert rows[-1]["step"] == 60
    assert rows[-1]["terms"]
    assert set(rows[-1]) == {"stage", "step", "steps", "samples", "terms", "notes", "findings"}
    from safetensors.numpy import load_file

    one, other = (load_file(studio.home / f"data/weights/{name}.safetensors") for name in ("whole", "halves"))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert {"whole", "halves"} <= {model["name"] for model in studio.get("/models").json() if model["own"]}


def test_a_style_cannot_be_paused(studio: Studio) -> None:
    job = studio.job("generate", **LONG)
    assert studio.post(f"/jobs/{job['id']}/pause").json()["error"]["code"] == "wrong-state"
    studio.post(f"/jobs/{job['id']}/cancel")
    studio.wait(job["id"])


def test_music(studio: Studio, tmp_path: Path) -> None:
    from mapsto.sound.score import Score

    job = studio.done("compose", styles={"ragtime": 1, "lied": 0.5}, bars=2, seed=4, wav=False)
    tune = result(studio, job, tmp_path)
    assert Score.read(tune).bars == 2
    more = studio.done("compose", continued=job["results"][0], bars=1, wav=False)
    assert Score.read(result(studio, more, tmp_path)).bars == 3
    note = studio.done("sound", timbre={"flute": 0.5, "violin": 0.5}, seconds=0.3)
    assert studio.get(f"/files/{note['results'][0]}/about").json()["kind"] == "audio"
