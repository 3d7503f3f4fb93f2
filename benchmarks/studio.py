"""How quickly `mapsto studio` answers, and what it does under load.

    python benchmarks/studio.py                     # all, about three minutes on two cores
    python benchmarks/studio.py --only previews     # one part: start, previews, load

The studio is a process of its own in a fresh home, asked over loopback, as its page does. Times are what a client sees: the
request is sent, a WebP has arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import report
from report import Aim, section, table
from style import draw_photo

PARTS = ("start", "previews", "load")
PHOTO = (1500, 2000)
"""Height and width of the photo, in pixels."""

STYLES = ("starry-night", "great-wave", "ink", "mosaic", "water-lilies", "tahiti")
SIDE = 256
CLIENTS, SECONDS = 50, 60.0
THINKING = (0.5, 2.5)
"""Seconds between what a client asks, from … to."""


class Studio(NamedTuple):
    """A running studio."""

    address: str
    process: subprocess.Popen[str]
    page: float
    ready: float


@contextmanager
def running(home: Path) -> Iterator[Studio]:
    """A studio in a home; with the seconds until its page was there, and until previews were warm."""
    environment = {**os.environ, "MAPSTO_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    start = time.perf_counter()
    command = [sys.executable, "-m", "mapsto", "studio", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    address = found[0].rstrip("/")
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as web:
            page = _until(lambda: web.get("/").status_code == 200, start)
            ready = _until(lambda: web.get("/api/health").json()["ready"], start)
        yield Studio(address, process, page, ready)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _until(there: Any, start: float) -> float:
    while True:
        try:
            if there():
                return time.perf_counter() - start
        except httpx.TransportError:
            pass
        time.sleep(0.01)


# ---- the start ----


def starts(options: argparse.Namespace) -> tuple[str, list[Aim]]:
    """From the command to the page, and to the first preview."""
    rows = []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as studio:
            rows.append((studio.page, studio.ready))
    page, ready = (statistics.median(column) for column in zip(*rows, strict=True))
    text = table(("from the command", "seconds"), [("page is there", f"{page:.2f}"), ("previews are warm", f"{ready:.2f}")])
    note = f"Median of {options.repeats}, files in the page cache.\n"
    return section("Start", note, text), [Aim("page is there", "< 1 s", f"{page:.2f} s", page < 1)]


# ---- one person ----


def previews(options: argparse.Namespace, studio: Studio, photo: Path) -> tuple[str, list[Aim]]:
    """Moving a point on the style map, a slider, and the cursor of a timeline."""
    rng = random.Random(0)
    with httpx.Client(base_url=studio.address, trust_env=False, timeout=60) as web:
        image = upload(web, photo)
        count = options.count
        kinds: dict[str, list[float]] = {
            "style map: another mixture of three": [],
            "strength: the same style at another strength": [],
            "style map at strength 0.7": [],
            "morph: another moment": [],
        }
        number = 0

        def timed(path: str, **wish: Any) -> float:
            nonlocal number
            number += 1
            body = {"view": "benchmark", "sequence": number, "image": image, "side": SIDE, **wish}
            start = time.perf_counter()
            answer = web.post(path, json=body)
            seconds = time.perf_counter() - start
            assert answer.status_code == 200, answer.text
            return seconds

        def mixture() -> dict[str, float]:
            return {name: round(rng.random(), 3) + 0.01 for name in rng.sample(STYLES, 3)}

        first = timed("/api/preview", styles=mixture())
        still = mixture()
        timed("/api/preview", styles=still, strength=0.5)
        keys = [{"styles": {name: 1}, "at": 2 * at} for at, name in enumerate(STYLES[:3])]
        way = timed("/api/preview/morph", keys=keys, at=0)
        for _ in range(count):
            kinds["style map: another mixture of three"].append(timed("/api/preview", styles=mixture()))
            strength = round(rng.uniform(0.05, 0.95), 3)
            kinds["strength: the same style at another strength"].append(timed("/api/preview", styles=still, strength=strength))
            kinds["style map at strength 0.7"].append(timed("/api/preview", styles=mixture(), strength=0.7))
            kinds["morph: another moment"].append(timed("/api/preview/morph", keys=keys, at=round(rng.uniform(0, 4), 3)))
    rows = [(name, *milliseconds(found)) for name, found in kinds.items()]
    rows += [
        ("the first of a photo", f"{1000 * first:.0f}", "–"),
        ("the first of a way through three styles", f"{1000 * way:.0f}", "–"),
    ]
    note = f"Longer side {SIDE} px, of a photo of {PHOTO[1]}×{PHOTO[0]}; {count} of each, in turn, one after the other.\n"
    text = table(("preview", "median ms", "p95 ms"), rows)
    style = 1000 * statistics.median(kinds["style map: another mixture of three"])
    scrub = 1 / statistics.median(kinds["morph: another moment"])
    return section("One person", note, text), [
        Aim(f"{SIDE}-px style change, median", "≤ 150 ms", f"{style:.0f} ms", style <= 150),
        Aim("morph, scrubbing", "≥ 6 pictures/s", f"{scrub:.1f} pictures/s", scrub >= 6),
    ]


def upload(web: httpx.Client, photo: Path) -> str:
    """The id of a photo in the studio."""
    answer = web.post(
        "/api/files", params={"name": photo.name}, content=photo.read_bytes(), headers={"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def milliseconds(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and 95th percentile."""
    return f"{1000 * statistics.median(seconds):.0f}", f"{1000 * percentile(seconds, 0.95):.0f}"


def percentile(values: Sequence[float], part: float) -> float:
    """The value that a part of all are not above."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


# ---- many ----


class Tally:
    """What clients saw."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = collections.defaultdict(list)
        self.statuses: collections.Counter[tuple[str, int]] = collections.Counter()
        self.wrong: list[str] = []
        self.jobs: list[str] = []
        self.streams = 0


async def client(number: int, address: str, photo: bytes, until: float, tally: Tally) -> None:
    """Somebody who uploads a photo, tries styles, looks around, and has something painted now and then."""
    rng, sequence = random.Random(number), 0
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=120) as web:

        async def ask(what: str, method: str, path: str, allowed: Sequence[int], **more: Any) -> httpx.Response | None:
            start = time.perf_counter()
            try:
                answer = await web.request(method, path, **more)
            except httpx.HTTPError as error:
                tally.wrong.append(f"{what}: {type(error).__name__}")
                return None
            tally.seconds[what].append(time.perf_counter() - start)
            tally.statuses[what, answer.status_code] += 1
            if answer.status_code not in allowed:
                tally.wrong.append(f"{what}: {answer.status_code} {answer.text[:120]}")
            if answer.status_code == 503 and "retry-after" not in answer.headers:
                tally.wrong.append(f"{what}: 503 without Retry-After")
            return answer

        kind = {"Content-Type": "image/jpeg"}
        answer = await ask("upload", "POST", f"/api/files?name=photo-{number}.jpg", [201], content=photo, headers=kind)
        if answer is None or answer.status_code != 201:
            return
        image = answer.json()["id"]
        while time.perf_counter() < until:
            sequence += 1
            styles = {name: round(rng.random(), 3) + 0.01 for name in rng.sample(STYLES, 2)}
            wish = {"view": f"client {number}", "sequence": sequence, "image": image, "styles": styles, "side": SIDE}
            answer = await ask("preview", "POST", "/api/preview", [200, 503], json=wish)
            if answer is not None and answer.status_code == 200 and answer.headers["x-sequence"] != str(sequence):
                tally.wrong.append("preview: the answer to another question")
            if rng.random() < 0.2:
                await ask("library", "GET", "/api/library", [200])
            if rng.random() < 0.3:
                await ask("thumbnail", "GET", f"/api/files/{image}/thumbnail?side=128", [200])
            if rng.random() < 0.1:
                order = {"kind": "generate", "settings": {"model": "pixel-art", "seed": rng.randrange(1000), "steps": 4}}
                answer = await ask("job", "POST", "/api/jobs", [202, 503], json=order)
                if answer is not None and answer.status_code == 202:
                    tally.jobs.append(answer.json()["id"])
            await asyncio.sleep(rng.uniform(*THINKING))


async def watcher(address: str, tally: Tally, states: dict[str, str]) -> None:
    """A page that listens."""
    async with (
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=None) as web,
        web.stream("GET", "/api/events") as news,
    ):
        tally.streams += 1
        async for line in news.aiter_lines():
            if line.startswith("data: ") and '"state"' in line:
                job = json.loads(line[6:])
                states[job["id"]] = job["state"]


async def crowd(
    studio: Studio, photo: bytes, options: argparse.Namespace
) -> tuple[Tally, dict[str, str], dict[str, str], float]:
    """All clients at once, until the last job is done; → what they saw, what the news said, and what the studio says."""
    tally, told = Tally(), dict[str, str]()
    news = [asyncio.create_task(watcher(studio.address, tally, told)) for _ in range(20)]
    until = time.perf_counter() + options.seconds
    await asyncio.gather(*(client(number, studio.address, photo, until, tally) for number in range(options.clients)))
    async with httpx.AsyncClient(base_url=studio.address, trust_env=False, timeout=60) as web:
        while True:
            queue = (await web.get("/api/health")).json()["queue"]
            if not queue["waiting"] and not queue["running"]:
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.5)
        states = {job: (await web.get(f"/api/jobs/{job}")).json() for job in tally.jobs}
        for job, found in states.items():
            for result in found["results"]:
                if (await web.get(f"/api/files/{result}")).status_code != 200:
                    tally.wrong.append(f"job {job}: its result is not there")
    for task in news:
        task.cancel()
    return tally, told, {job: found["state"] for job, found in states.items()}, time.perf_counter() - until + options.seconds


def load(options: argparse.Namespace, studio: Studio, photo: Path) -> tuple[str, list[Aim]]:
    """Many at once."""
    tally, told, states, lasted = asyncio.run(crowd(studio, photo.read_bytes(), options))
    lost = [job for job, state in states.items() if state != "done"]
    unheard = [job for job, state in states.items() if told.get(job) != state]
    rows = []
    for what, found in sorted(tally.seconds.items()):
        seen = ", ".join(f"{count}× {status}" for (name, status), count in sorted(tally.statuses.items()) if name == what)
        rows.append((what, len(found), *milliseconds(found), seen))
    memory = memory_of(studio.process.pid)
    whole = sum(memory.values())
    calm = f"{options.clients} clients for {options.seconds:g} s, each thinking {THINKING[0]:g} to {THINKING[1]:g} s between; "
    note = f"{calm}20 streams of news; {len(states)} jobs, the last done after {lasted:.0f} s.\n"
    faults = "".join(f"- {line}\n" for line in sorted(set(tally.wrong))[:20]) or "No answer was wrong, none was missing.\n"
    parts = [
        note,
        table(("asked for", "answers", "median ms", "p95 ms", "status"), rows),
        table(
            ("process", "peak memory, MB"), [*((name, f"{size:.0f}") for name, size in memory.items()), ("all", f"{whole:.0f}")]
        ),
        faults,
    ]
    previews_ = tally.seconds["preview"]
    p95 = percentile(previews_, 0.95) if previews_ else float("nan")
    honest = not tally.wrong and not unheard
    return section("Load", *parts), [
        Aim(f"{options.clients} clients for {options.seconds:g} s: jobs lost", "0", f"{len(lost)} of {len(states)}", not lost),
        Aim("wrong or missing answers, jobs of which news told otherwise", "0", f"{len(tally.wrong)}, {len(unheard)}", honest),
        Aim("preview under that load, p95", "told", f"{p95:.2f} s", True),
        Aim("peak memory of all processes", "told", f"{whole:.0f} MB", True),
    ]


def memory_of(pid: int) -> dict[str, float]:
    """Peak resident memory of a process and those it started, in MB."""
    found = {"server": _peak(pid)}
    for task in Path("/proc").glob("[0-9]*/status"):
        try:
            status = task.read_text()
            command = (task.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if re.search(rf"^PPid:\s+{pid}$", status, re.MULTILINE) and b"-m" in command:
            name = command[command.index(b"-m") + 1].decode().rpartition(".")[2]
            found[name if name not in found else f"{name} (2)"] = _peak(int(task.parent.name))
    return found


def _peak(pid: int) -> float:
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be said again")
    parser.add_argument("--photo", type=Path, help="a JPEG; one is drawn by default")
    parser.add_argument("--count", type=int, default=60, help="previews of each kind")
    parser.add_argument("--repeats", type=int, default=3, help="starts")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path, default=report.dated("studio.md"))
    return parser.parse_args()


def main() -> None:
    """Measure and write."""
    options = parse()
    wanted, found, aims = options.only or PARTS, [], []
    if "start" in wanted:
        text, reached = starts(options)
        found.append(text)
        aims += reached
    with tempfile.TemporaryDirectory() as folder:
        photo = options.photo or Path(folder, "photo.jpg")
        if options.photo is None:
            draw_photo(photo, *PHOTO)
        for name, measure in (("previews", previews), ("load", load)):
            if name in wanted:
                with running(Path(folder, name)) as studio:
                    text, reached = measure(options, studio, photo)
                found.append(text)
                aims += reached
    report.write(
        options.out, [report.heading("Studio: previews and load", ["style-s"]), section("Aims", report.aims(aims)), *found]
    )


if __name__ == "__main__":
    main()
