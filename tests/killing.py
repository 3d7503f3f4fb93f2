"""Run by test_survival: trainings in forked processes that are killed at random moments, or that work together; tells in JSON.

Forked, because importing PyTorch takes longer than all these trainings.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import playing
from mapsto.learning.checkpoint import newest
from mapsto.learning.run_folder import rows

ORDER = playing.plan(60, checkpoint_every=4, accumulate=2, samples_every=20)


def train(run: Path) -> None:
    playing.played(playing.Duel(), ORDER, run, resume=(run / "config.json").exists())


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own; its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def killed(child: int, seconds: float) -> bool:
    """Kill a process after some time, unless it ends well before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def kills(folder: Path, wanted: int) -> dict[str, object]:
    """Train without and with kills, as many trainings as it takes."""
    train(folder / "warm")  # here, so that the forked ones find everything imported
    start = time.monotonic()
    train(folder / "calm")
    lasts = time.monotonic() - start
    draw, found, different = random.Random(0), [], []
    while len(found) < wanted:
        run = folder / f"killed-{len(found)}"
        while killed(forked(lambda run=run: train(run)), draw.uniform(0, lasts / 4)):
            found.append(_step(run))
        if not playing.same(playing.kept(run), playing.kept(folder / "calm")) or told(run) != told(folder / "calm"):
            different.append(run.name)
    return {"steps": found, "different": different}


def _step(run: Path) -> int | None:
    """Of the newest checkpoint; None where there is none yet."""
    found = newest(run) if run.exists() else None
    return found.facts["step"] if found else None


def told(run: Path) -> list[object]:
    """The log without its times."""
    return [{key: row[key] for key in ("step", "terms", "noted", "diversity") if key in row} for row in rows(run)]


def together(folder: Path, count: int) -> None:
    """One training by several processes, joined as torchrun would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    children = []
    for rank in range(count):
        own = {**shared, "RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "TORCHELASTIC_RUN_ID": "test"}

        def work(own: dict[str, object] = own) -> None:
            os.environ.update({key: str(value) for key, value in own.items()})
            game = playing.Plain(seed=int(os.environ["RANK"]))  # only the first one's start counts
            playing.played(game, playing.plan(12), folder / "plain", source=playing.Points(flip=False))
            duel = playing.Duel()
            playing.played(duel, playing.plan(12, checkpoint_every=5), folder / "duel")
            (folder / f"mind-{os.environ['RANK']}").write_text(repr((duel.state_dict(), duel.extra_state())))

        children.append(forked(work))
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    place = Path(sys.argv[1])
    told_of_kills = kills(place, 20)
    together(place / "together", 2)
    json.dump(told_of_kills, sys.stdout)
