"""Who paints the chunks of a film: this process, several of this machine, the ranks of torchrun, or tasks of a Ray cluster.

Only the folder with the plan and numbers of chunks go from one to the other, never frames.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from mapsto import device
from mapsto.errors import MapstoError, UsageError
from mapsto.video.chunks import Folder

OnFrames = Callable[[int], object]
"""Told how many frames are painted that were missing when work began, frames of warm-up not counted."""

LOOK = 0.25
"""Seconds between looks at what the others have done."""


class Stopped(Exception):
    """Work was given up."""


def rank() -> tuple[int, int]:
    """Which of how many processes of torchrun this is."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def paint(folder: Folder, workers: int, on_frames: OnFrames) -> None:
    """Paint all chunks that are missing, on this machine.

    Args:
        folder: With a plan.
        workers: Processes; 1 paints in this one.
        on_frames: See `OnFrames`.

    Raises:
        MapstoError: a chunk could not be painted.
        KeyboardInterrupt: somebody stopped; chunks that are done stay.
    """
    commission = folder.commission()
    missing = folder.missing(commission)
    if min(workers, len(missing)) <= 1:
        _alone(folder, missing, on_frames)
    else:
        _together(folder, missing, min(workers, len(missing)), on_frames)


def paint_share(folder: Folder, on_frames: OnFrames) -> None:
    """As one of the ranks of torchrun: every rank paints the chunks that are its own; the first waits for all.

    Raises:
        MapstoError: as `paint`.
    """
    number, world = rank()
    device.take_own_card()
    commission = folder.commission()
    _alone(folder, [chunk for chunk in folder.missing(commission) if chunk % world == number], on_frames)
    while number == 0 and folder.missing(commission):
        time.sleep(LOOK)  # should another rank fail, torchrun ends this one too


def _alone(folder: Folder, numbers: Sequence[int], on_frames: OnFrames) -> None:
    commission = folder.commission()
    done = 0
    for number in numbers:
        counted = _Counted(commission.chunks[number], commission.way.stability > 0)

        def told(counted: _Counted = counted, before: int = done) -> None:
            on_frames(before + counted())

        commission.paint(number, folder.chunk(number), told)
        done += commission.chunks[number][1] - commission.chunks[number][0]


class _Counted:
    """Counts frames, those of the warm-up not."""

    def __init__(self, chunk: tuple[int, int], warms_up: bool) -> None:
        from mapsto.video.frames import WARM_UP

        self.done = -min(WARM_UP, chunk[0]) if warms_up else 0

    def __call__(self) -> int:
        self.done += 1
        return max(0, self.done)


# ---- several processes ----

_queue: Any = None
_halt: Any = None


def _enter(queue: Any, halt: Any) -> None:
    """In a worker that begins: Ctrl-C is for the first process, which tells the others."""
    global _queue, _halt
    _queue, _halt = queue, halt
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent_process(),), name="mapsto-parent", daemon=True).start()


def _end_with(parent: Any) -> None:
    """End this process when its parent has ended, even if it was killed: who waits for work would never learn of it."""
    parent.join()
    os._exit(1)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started meanwhile take no notice of Ctrl-C, not even while they import; for this one it waits."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _chunk(path: Path, number: int) -> None:
    """In a worker: paint a chunk."""
    folder = Folder(path)
    commission = folder.commission()
    counted = _Counted(commission.chunks[number], commission.way.stability > 0)

    def told() -> None:
        if _halt.is_set():
            raise Stopped
        _queue.put((number, counted()))

    commission.paint(number, folder.chunk(number), told)


def _together(folder: Folder, numbers: Sequence[int], workers: int, on_frames: OnFrames) -> None:
    context = get_context("spawn")  # a fork of a process with threads may hang
    queue, halt = context.Queue(), context.Event()
    done = dict.fromkeys(numbers, 0)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_enter, initargs=(queue, halt))
    try:
        with _without_interrupts():
            futures = [pool.submit(_chunk, folder.path, number) for number in numbers]
        for _ in _until_done(futures):
            while not queue.empty():
                number, count = queue.get()
                done[number] = count
                on_frames(sum(done.values()))
    except BrokenProcessPool as error:
        raise MapstoError(
            "A worker was killed, perhaps because memory ran out.", "Go on with --resume, and fewer --workers."
        ) from error
    finally:
        halt.set()
        pool.shutdown(cancel_futures=True)


def _until_done(futures: Sequence[Future[None]]) -> Iterator[None]:
    """Comes back again and again until all are done; raises what one of them raised."""
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, LOOK, FIRST_COMPLETED)
        for future in finished:
            future.result()
        yield


# ---- a cluster ----


def paint_on_cluster(folder: Folder, address: str, on_frames: OnFrames) -> None:
    """Paint all missing chunks as tasks of a Ray cluster, whose machines see the same folders.

    Args:
        folder: With a plan.
        address: Of the cluster; "auto" is the one that runs here, or a new one of this machine.
        on_frames: See `OnFrames`; told after every chunk.

    Raises:
        UsageError: Ray is not installed, or there is no cluster.
        MapstoError: as `paint`.
    """
    ray = _joined(address)
    commission = folder.commission()
    task = ray.remote(num_cpus=commission.threads, num_gpus=int(commission.device != "cpu"), max_retries=2)(_task)
    waiting = {task.remote(str(folder.path.resolve()), number): number for number in folder.missing(commission)}
    done = 0
    try:
        while waiting:
            finished, _ = ray.wait(list(waiting), num_returns=1)
            for reference in finished:
                start, stop = commission.chunks[waiting.pop(reference)]
                try:
                    ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    raise error.as_instanceof_cause() from None
                done += stop - start
                on_frames(done)
    finally:
        for reference in waiting:
            ray.cancel(reference)


def _joined(address: str) -> Any:
    """Ray, as part of a cluster."""
    try:
        import ray
    except ImportError as error:
        raise UsageError("A cluster needs Ray, which is not installed.", "pip install 'mapsto[cluster]'") from error
    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address=address, **quiet)
    except ConnectionError as error:
        if address != "auto":
            raise UsageError(f"There is no Ray cluster at {address}.", "Start one with `ray start --head`.") from error
        ray.init(address="local", **quiet)
    return ray


def _task(path: str, number: int) -> None:
    """On any machine of the cluster: paint a chunk, unless somebody has."""
    folder = Folder(Path(path))
    if not folder.chunk(number).is_file():
        folder.commission().paint(number, folder.chunk(number))
