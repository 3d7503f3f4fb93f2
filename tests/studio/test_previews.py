"""Previews: the newest request of a view is answered, those before a person first, and pictures are those of the library."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from atelier import Studio
from mapsto.image.stylizer import Stylizer
from mapsto.media.picture import Picture
from mapsto.studio.child import Died
from mapsto.studio.previews import Previews
from mapsto.studio.refusals import Refusal


def picture(answer: httpx.Response) -> np.ndarray:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def coarse(pixels: np.ndarray) -> np.ndarray:
    """Means of 8 × 8 pixels: what a lossy format keeps even of noise."""
    height, width = (8 * (side // 8) for side in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))


def test_a_preview_is_the_painting_small(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path, size=(320, 240))
    wish = {"view": "a", "sequence": 1, "image": image, "styles": {"ink": 3, "mosaic": 1}, "side": 160}
    answer = studio.post("/preview", wish)
    assert answer.headers["x-sequence"] == "1"
    small = Picture.of(tmp_path / "photo.jpg").resized((160, 160))
    painted = Stylizer.from_pretrained("tiny", precision="fp32")(small, "ink:0.75,mosaic:0.25")
    assert picture(answer).shape == (120, 160, 3)
    assert np.abs(coarse(picture(answer)) - coarse(painted.pixels)).mean() < 3
    still = picture(studio.post("/preview", {**wish, "sequence": 2, "strength": 0}))
    assert np.abs(still - small.pixels).mean() < 8


def test_strength_and_mask_are_seen(studio: Studio, tmp_path: Path) -> None:
    from mapsto.image.masking import spelled

    image = studio.photo(tmp_path, size=(320, 240))
    mask = np.zeros((240, 320), np.uint8)
    mask[:, 160:] = 255
    wish = {"view": "b", "image": image, "styles": {"ink": 1}, "side": 160}
    full, half, part, none = (
        picture(studio.post("/preview", {**wish, **more, "sequence": number}))
        for number, more in enumerate(({}, {"strength": 0.5}, {"mask": spelled(mask)}, {"strength": 0}))
    )
    assert 0 < np.abs(half - none).mean() < np.abs(full - none).mean()
    assert np.abs(part[:, :70] - none[:, :70]).mean() < 3
    assert np.abs(part[:, 90:] - full[:, 90:]).mean() < 3


def test_a_morph_begins_and_ends_where_it_should(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path, size=(160, 120))
    wish = {"view": "m", "image": image, "side": 160, "keys": [{"styles": {}, "at": 0}, {"styles": {"ink": 1}, "at": 2}]}
    first, last = (studio.post("/preview/morph", {**wish, "sequence": n, "at": at}) for n, at in enumerate((0, 2)))
    assert float(last.headers["x-seconds"]) == 2
    still = {"view": "m2", "image": image, "side": 160, "styles": {"ink": 1}}
    photo, ink = (picture(studio.post("/preview", {**still, "sequence": n, "strength": n})) for n in (0, 1))
    assert np.array_equal(picture(first), photo)
    assert np.array_equal(picture(last), ink)


def test_a_clip_is_seen_at_its_own_time(studio: Studio, tmp_path: Path) -> None:
    from filming import film

    grey = [np.full((48, 64, 3), value, np.uint8) for value in (20, 20, 20, 20, 20, 200, 200, 200, 200, 200)]
    clip = studio.upload(film(tmp_path / "c.mp4", grey), "video/mp4").json()["id"]
    wish = {"view": "c", "image": clip, "styles": {"ink": 1}, "strength": 0, "side": 64}
    dark, light = (picture(studio.post("/preview", {**wish, "sequence": n, "at": at})) for n, at in enumerate((0, 0.3)))
    assert (round(dark.mean(), -1), round(light.mean(), -1)) == (20, 200)
    keys = [{"styles": {}, "at": 0}, {"styles": {"ink": 1}, "at": 0.4}]
    way = {"view": "c2", "image": clip, "keys": keys, "side": 64}
    start = picture(studio.post("/preview/morph", {**way, "sequence": 1, "at": 0}))
    ink = picture(studio.post("/preview", {**wish, "sequence": 9, "strength": 1, "at": 0.4}))
    end = picture(studio.post("/preview/morph", {**way, "sequence": 2, "at": 0.4}))
    assert np.array_equal(start, dark)
    assert np.array_equal(end, ink)


def test_only_what_is_new_of_a_way_is_measured(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from darkroom import photo
    from mapsto.image.track import Leg, _Layer
    from mapsto.studio.previewer import Previewer

    path, measured = str(photo(tmp_path / "p.png", (64, 48))), list[int]()
    measure = _Layer._measured

    def counted(self: _Layer, *asked: Any) -> tuple[Leg, float]:
        measured.append(1)
        return measure(self, *asked)

    monkeypatch.setattr(_Layer, "_measured", counted)

    def shown(previewer: Previewer, *times: float, side: int = 64) -> bytes:
        names = ("ink", "mosaic", "great-wave")
        keys = [([[name, 1.0]], time, None) for name, time in zip(names, times, strict=False)]
        how = {"seconds": None, "easing": "linear", "loop": False, "keep": False, "seed": 0}
        return previewer.do_morph(path=path, side=side, keys=keys, at=0.7, **how)[1]

    one = Previewer("tiny", "cpu", "fp32")
    shown(one, 0, 1)
    assert len(measured) == 1
    moved = shown(one, 0, 2)
    assert len(measured) == 1
    assert moved == shown(Previewer("tiny", "cpu", "fp32"), 0, 2)
    measured.clear()
    shown(one, 0, 1, 2)
    assert len(measured) == 1
    shown(one, 0, 1, 2, side=48)  # nor is it measured again for another size
    assert len(measured) == 1


def test_a_way_that_is_not_measured_yet_is_shown_at_once(studio: Studio, tmp_path: Path) -> None:
    """Its keys faded into each other; at a key, and once it is measured, the sketch is the picture itself."""
    image = studio.photo(tmp_path, size=(160, 120))
    keys = [{"styles": {"ink": 1}, "at": 0}, {"styles": {"mosaic": 1}, "at": 2}, {"styles": {}, "at": 4}]
    wish = {"view": "q", "image": image, "side": 160, "keys": keys, "loop": True, "seconds": 6, "seed": 5}
    still = {"view": "q2", "image": image, "side": 160, "seed": 5}
    numbers = iter(range(99))

    def shown(at: float, sketch: bool) -> tuple[np.ndarray, bool]:
        answer = studio.post("/preview/morph", {**wish, "sequence": next(numbers), "at": at, "sketch": sketch})
        assert float(answer.headers["x-seconds"]) == 6
        return picture(answer), "x-sketch" in answer.headers

    ink, mosaic = (
        picture(studio.post("/preview", {**still, "sequence": n, "styles": {name: 1}}))
        for n, name in enumerate(("ink", "mosaic"))
    )
    middle, is_sketch = shown(0.5, True)
    assert is_sketch
    assert np.abs(coarse(middle) - coarse(0.75 * ink + 0.25 * mosaic)).mean() < 3
    assert np.array_equal(shown(2, True)[0], mosaic)
    back, is_sketch = shown(5.9, True)
    assert is_sketch
    assert np.abs(coarse(back) - coarse(ink)).mean() < np.abs(coarse(back) - coarse(mosaic)).mean()
    exact, is_sketch = shown(0.5, False)
    assert not is_sketch
    again, is_sketch = shown(0.5, True)
    assert not is_sketch
    assert np.array_equal(exact, again)


def test_an_own_painting_has_a_place_on_the_map(studio: Studio, tmp_path: Path) -> None:
    spot = studio.post("/styles/place", {"image": studio.photo(tmp_path, 6)}).json()
    assert all(0 <= spot[axis] <= 1 for axis in "xy")
    assert spot == studio.post("/styles/place", {"image": studio.photo(tmp_path, 6)}).json()


def test_drawn_pictures_and_sounds(studio: Studio) -> None:
    one, same, other = (
        studio.post("/preview/latent", {"view": "l", "sequence": n, "model": "hills", "seed": seed})
        for n, seed in enumerate((1, 1, 2))
    )
    assert one.content == same.content != other.content
    turned = studio.post("/preview/latent", {"view": "l", "sequence": 3, "model": "hills", "seed": 1, "sliders": {"1": 2}})
    assert turned.content != one.content
    score = studio.post("/preview/score", {"view": "s", "sequence": 1, "styles": {"ragtime": 1}, "bars": 1}).json()
    assert (score["bars"], len(score["tracks"])) == (1, 4)
    sound = studio.post("/preview/sound", {"view": "w", "sequence": 1, "timbre": {"flute": 1}, "seconds": 0.2})
    assert sound.content[:4] == b"RIFF"
    wrong = studio.post("/preview/latent", {"view": "l", "sequence": 9, "model": "nobody"})
    assert wrong.json()["error"]["code"] == "weights"


class Slow:
    """A process that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Semaphore(0)
        self.pid, self.dies = 1, 0

    async def ask(self, said: dict[str, Any], **_: Any) -> tuple[dict[str, Any], bytes]:
        if said["do"] == "warm":
            return {"device": "cpu"}, b""
        self.asked.append(said["do"])
        await self.go.acquire()
        if self.dies:
            self.dies -= 1
            raise Died
        return {}, said["do"].encode()


async def never() -> bool:
    return False


def scene(play: Any) -> Any:
    """Play a scene with previews over a slow process."""

    async def whole() -> Any:
        child = Slow()
        previews = Previews(child, lambda told: None)  # type: ignore[arg-type]
        task = asyncio.create_task(previews.run())
        try:
            return await play(previews, child)
        finally:
            task.cancel()

    return asyncio.run(whole())


def test_the_newest_of_a_view_wins_and_people_go_first() -> None:
    async def play(previews: Previews, child: Slow) -> None:
        def ask(view: str, sequence: int, background: bool = False) -> asyncio.Task[Any]:
            return asyncio.create_task(previews.ask(view, sequence, {"do": f"{view}{sequence}"}, background, never))

        first = ask("a", 1)
        await asyncio.sleep(0.01)
        thumb, old, new = ask("gallery", 1, background=True), ask("a", 2), ask("a", 3)
        await asyncio.sleep(0.01)
        with pytest.raises(Refusal, match="newer") as refused:
            await old
        assert (refused.value.status, refused.value.code) == (409, "superseded")
        with pytest.raises(Refusal, match="newer"):
            await ask("a", 1)
        for _ in range(3):
            child.go.release()
        assert [(await each)[1] for each in (first, new, thumb)] == [b"a1", b"a3", b"gallery1"]
        assert child.asked == ["a1", "a3", "gallery1"]

    scene(play)


def test_who_goes_away_leaves_no_work_behind() -> None:
    async def play(previews: Previews, child: Slow) -> None:
        async def gone() -> bool:
            return True

        first = asyncio.create_task(previews.ask("a", 1, {"do": "a1"}, False, never))
        await asyncio.sleep(0.01)
        with pytest.raises(Refusal, match="Nobody waits"):
            await previews.ask("b", 1, {"do": "b1"}, False, gone)
        child.go.release()
        await first
        assert child.asked == ["a1"]
        assert not previews.waiting

    scene(play)


def test_too_many_are_told_to_come_again() -> None:
    async def play(previews: Previews, child: Slow) -> None:
        from mapsto.studio.previews import WAITING

        tasks = [asyncio.create_task(previews.ask("first", 1, {"do": "x"}, False, never))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(previews.ask(f"v{n}", 1, {"do": "x"}, False, never)) for n in range(WAITING)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refusal) as refused:
            await previews.ask("one more", 1, {"do": "x"}, False, never)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        for _ in tasks:
            child.go.release()
        await asyncio.gather(*tasks)

    scene(play)


def test_a_process_that_dies_is_told_and_the_next_is_answered() -> None:
    async def play(previews: Previews, child: Slow) -> None:
        child.dies = 1
        child.go.release()
        with pytest.raises(Refusal) as refused:
            await previews.ask("a", 1, {"do": "x"}, False, never)
        assert refused.value.code == "worker-died"
        child.go.release()
        assert await previews.ask("a", 2, {"do": "y"}, False, never) == ({}, b"y")

    scene(play)


def test_a_real_process_that_is_killed_is_started_again(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path)
    wish = {"view": "k", "image": image, "styles": {"ink": 1}}
    assert studio.post("/preview", {**wish, "sequence": 1}).status_code == 200
    pid = studio.shop.previewer.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    answers = [studio.post("/preview", {**wish, "sequence": number}).status_code for number in (2, 3)]
    assert answers[-1] == 200
    assert set(answers) <= {200, 503}


def test_many_at_once_are_all_answered(studio: Studio, tmp_path: Path) -> None:
    """Nothing is lost and nothing is answered to somebody else."""
    image = studio.photo(tmp_path, size=(64, 48))
    seen: dict[int, bytes] = {}
    lock = threading.Lock()

    def ask(number: int) -> int:
        wish = {"view": f"page{number}", "sequence": 1, "image": image, "styles": {"ink": 1}, "seed": number % 4, "side": 64}
        answer = studio.post("/preview", wish)
        with lock:
            assert seen.setdefault(number % 4, answer.content) == answer.content
        return answer.status_code

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(48))) == {200}
    assert len(set(seen.values())) == 4


def test_a_preview_is_answered_while_a_job_runs(studio: Studio, tmp_path: Path) -> None:
    image = studio.photo(tmp_path)
    job = studio.job("generate", model="hills", n=256, steps=200)
    studio.wait(job["id"], ("running",))
    assert studio.post("/preview", {"view": "j", "sequence": 1, "image": image, "styles": {"ink": 1}}).status_code == 200
    assert studio.get(f"/jobs/{job['id']}").json()["state"] == "running"
    studio.post(f"/jobs/{job['id']}/cancel")
    end = time.monotonic() + 60
    while studio.get(f"/jobs/{job['id']}").json()["state"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
