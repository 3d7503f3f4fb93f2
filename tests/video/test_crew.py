from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from filming import OPEN, film
from mapsto.errors import MapstoError, UsageError
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Leg, Track
from mapsto.media.clip import probe
from mapsto.media.coding import Coding
from mapsto.video import crew
from mapsto.video.chunks import Folder
from mapsto.video.commission import Commission
from mapsto.video.frames import Way
from moving import pan

CHUNKS = ((0, 10), (10, 22), (22, 30), (30, 40))


@pytest.fixture
def order(home: Path, monkeypatch: pytest.MonkeyPatch) -> Commission:
    """A film in four chunks."""
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    path = film(home / "clip.mp4", pan(40), options=OPEN)
    stylizer = Stylizer.from_pretrained("tiny", device="cpu", precision="fp32")
    ink, mosaic = stylizer.style_of("ink"), stylizer.style_of("mosaic")
    return Commission(
        source=path,
        digest=probe(path).digest,
        track=Track((Leg(0, 1.6, ink, mosaic),)),
        way=Way((64, 48)),
        coding=Coding(),
        network="tiny",
        device="cpu",
        precision="fp32",
        threads=1,
        chunks=CHUNKS,
    )


def begun(order: Commission, name: str) -> Folder:
    folder = Folder(order.source.with_name(name))
    folder.begin(order)
    return folder


def content(folder: Folder) -> list[bytes]:
    return [folder.chunk(number).read_bytes() for number in range(len(CHUNKS))]


def silent(_: int) -> None:
    pass


@pytest.fixture
def alone(order: Commission) -> list[bytes]:
    """The chunks as one process paints them, one after the other."""
    folder, told = begun(order, "alone"), []
    crew.paint(folder, 1, told.append)
    assert told[-1] == 40
    assert sorted(told) == told
    assert set(told) >= set(range(1, 41))
    return content(folder)


def test_in_another_order_and_after_losing_one_the_film_is_the_same(order: Commission, alone: list[bytes]) -> None:
    folder = begun(order, "order")
    for number in (2, 0, 3, 1):
        order.paint(number, folder.chunk(number))
    assert content(folder) == alone
    folder.chunk(2).unlink()
    told: list[int] = []
    crew.paint(folder, 1, told.append)
    assert content(folder) == alone
    assert told[-1] == 8


def test_interrupted_and_gone_on_with_the_film_is_the_same(order: Commission, alone: list[bytes]) -> None:
    folder = begun(order, "stopped")

    def stop(done: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.paint(folder, 1, stop)
    assert sorted(path.name for path in folder.path.iterdir()) == [folder.chunk(0).name, "manifest.json"]
    crew.paint(folder, 1, silent)
    assert content(folder) == alone


def test_two_workers_that_are_stopped_and_gone_on_with_paint_the_same(order: Commission, alone: list[bytes]) -> None:
    folder = begun(order, "two")

    def stop(done: int) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.paint(folder, 2, stop)
    assert not list(folder.path.glob(".*"))
    missing = folder.missing(order)
    wanted = sum(stop - start for start, stop in (CHUNKS[number] for number in missing))
    told: list[int] = []
    crew.paint(folder, 2, told.append)
    assert content(folder) == alone
    assert max(told, default=0) == wanted
    assert not active_children()


def test_a_killed_worker_is_told_and_the_rest_can_be_painted(order: Commission, alone: list[bytes]) -> None:
    folder = begun(order, "killed")

    def kill(_: int) -> None:
        for child in active_children()[:1]:
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(MapstoError, match="A worker was killed"):
        crew.paint(folder, 2, kill)
    assert folder.missing(order)
    crew.paint(folder, 1, silent)
    assert content(folder) == alone
    folder.clear()
    assert not folder.path.exists()


MASTER = """
import os, signal, sys
from multiprocessing import active_children
from pathlib import Path
from mapsto.video import crew
from mapsto.video.chunks import Folder

def told(_):
    print(*(child.pid for child in active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    crew.paint(Folder(Path(sys.argv[1])), 2, told)
"""


def test_workers_end_with_a_first_process_that_was_killed(order: Commission, tmp_path: Path) -> None:
    (tmp_path / "master.py").write_text(MASTER)
    folder = begun(order, "orphans")
    done = subprocess.run([sys.executable, tmp_path / "master.py", folder.path], capture_output=True, text=True, check=False)
    workers = [int(number) for number in done.stdout.split()]
    assert (done.returncode, len(workers)) == (-signal.SIGKILL, 2), done.stderr
    end = time.monotonic() + 30
    while (alive := [number for number in workers if running(number)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert alive == []


def running(number: int) -> bool:
    """Whether there is such a process, and it is no corpse that nobody has collected."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith("Z")


def test_ctrl_c_does_not_reach_workers_that_still_import(order: Commission, tmp_path: Path) -> None:
    blocked = """
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from mapsto.video import crew

def mask():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with crew._without_interrupts():
            there = pool.submit(mask)
        print(there.result(), mask())
"""
    (tmp_path / "blocked.py").write_text(blocked)
    done = subprocess.run([sys.executable, tmp_path / "blocked.py"], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_what_goes_wrong_in_a_worker_is_told_as_if_it_were_here() -> None:
    error = pickle.loads(pickle.dumps(UsageError("It is another clip.", "Begin anew, with --overwrite.")))
    assert (error.what, error.hint) == ("It is another clip.", "Begin anew, with --overwrite.")


def test_ranks_paint_their_shares_whoever_comes_first(
    order: Commission, alone: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(order, "ranks")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert crew.rank() == (1, 2)
    cards: list[int] = []
    monkeypatch.setattr(crew.device, "take_own_card", lambda: cards.append(1))
    crew.paint_share(folder, silent)
    assert cards == [1]
    assert folder.missing(order) == [0, 2]
    monkeypatch.setenv("RANK", "0")
    crew.paint_share(folder, silent)
    assert content(folder) == alone


def test_the_first_rank_waits_for_the_others(order: Commission, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, looks = begun(order, "waiting"), []
    monkeypatch.setenv("WORLD_SIZE", "2")

    def other(_: float) -> None:
        looks.append(folder.missing(order))
        folder.chunk(looks[-1][0]).touch()

    monkeypatch.setattr(crew.time, "sleep", other)
    crew.paint_share(folder, silent)
    assert looks == [[1, 3], [3]]


def test_without_ray_it_is_said_what_to_install(order: Commission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="mapsto\\[cluster\\]"):
        crew.paint_on_cluster(begun(order, "ray"), "auto", silent)


def test_a_cluster_paints_the_same(order: Commission, alone: list[bytes]) -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR")
    try:
        folder, told = begun(order, "cluster"), []
        crew.paint_on_cluster(folder, "auto", told.append)
        assert content(folder) == alone
        assert (told[-1], len(told)) == (40, 4)
    finally:
        ray.shutdown()
