"""Jobs, one after the other, in the worker: kept on disk, so that they outlive pages, the worker and the studio itself.

waiting → running → done, failed or cancelled
                  → paused (learning alone) → waiting
                  → interrupted, where the studio ended for the second time in the midst of it → waiting
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mapsto.studio import kinds, orders
from mapsto.studio.child import Child, Died
from mapsto.studio.hub import Hub
from mapsto.studio.refusals import BY_EXIT, Refusal, refusal_of, without_paths
from mapsto.studio.store import Store

WAITING = 64
"""Jobs that may wait."""

GRACE = 60.0
"""Seconds that a job has to stop by itself."""

LAST_WORDS = 20.0
"""And when the studio ends."""

TELL_EVERY = 0.25
ENDED = ("done", "failed", "cancelled")
MOST_NOTES = 50

Adopt = Callable[[Path, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes a file that a job made into the library."""


class Queue:
    """The queue and what carries it out.

    Args:
        store: Where jobs are kept.
        hub: Told how they go.
        worker: Carries them out.
        adopt: Takes results into the library.
        limit: How many may wait.
    """

    def __init__(self, store: Store, hub: Hub, worker: Child, adopt: Adopt, limit: int = WAITING) -> None:
        self.store, self.hub, self.worker, self.adopt, self.limit = store, hub, worker, adopt, limit
        self.wake = asyncio.Event()
        self.running: str | None = None
        self.wanted: str | None = None
        """What is to become of the running job: paused, cancelled, or, as the studio ends, interrupted; None to finish it."""
        self.live: dict[str, Any] = {}
        self.told_at = 0.0
        self.patience: asyncio.Task[None] | None = None

    # ---- what pages ask for ----

    def submit(self, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Put a job into the queue.

        Raises:
            Refusal: too many wait, or a file is missing.
        """
        if len(self.store.waiting()) >= self.limit:
            raise Refusal(
                503,
                "queue-full",
                f"{self.limit} jobs wait already.",
                "Try again when some are done.",
                retry_after=self._free_in(),
                limit=self.limit,
            )
        job = self.store.add_job(kind, settings)
        try:
            self._command(job)  # so that what is missing is told at once
        except Exception:
            self.store.change_job(job["id"], state="cancelled")
            self.store.tables.execute("DELETE FROM jobs WHERE id = ?", (job["id"],))
            shutil.rmtree(self.store.job_folder(job["id"]), ignore_errors=True)
            raise
        self.wake.set()
        return self._tell(job["id"])

    async def cancel(self, job_id: str) -> dict[str, Any]:
        """End a job; what is done of it is kept."""
        job = self.store.job(job_id)
        if job["state"] in ENDED:
            raise _wrong_state(job, "cancelled")
        if job_id == self.running:
            self.wanted = "cancelled"
            await self._stop()
            return self.told(job_id)
        self.store.change_job(job_id, state="cancelled", ended=time.time())
        self._clear(job_id)
        return self._tell(job_id)

    async def pause(self, job_id: str) -> dict[str, Any]:
        """Let learning rest; what it has learned is kept."""
        job = self.store.job(job_id)
        if job["kind"] not in orders.LEARNING or job["state"] not in ("waiting", "running"):
            raise _wrong_state(job, "paused")
        if job_id == self.running:
            self.wanted = "paused"
            await self._stop()
            return self.told(job_id)
        self.store.change_job(job_id, state="paused")
        return self._tell(job_id)

    def resume(self, job_id: str) -> dict[str, Any]:
        """Go on with a job that rests."""
        job = self.store.job(job_id)
        if job["state"] not in ("paused", "interrupted"):
            raise _wrong_state(job, "resumed")
        self.store.change_job(job_id, state="waiting", tries=0)
        self.wake.set()
        return self._tell(job_id)

    def told(self, job_id: str) -> dict[str, Any]:
        """A job as pages see it."""
        return self._told(self.store.job(job_id))

    def all(self) -> list[dict[str, Any]]:
        """All jobs, the newest first."""
        return [self._told(job) for job in self.store.jobs()]

    def state(self) -> dict[str, int]:
        """How full the queue is."""
        return {"waiting": len(self.store.waiting()), "running": int(self.running is not None), "limit": self.limit}

    def _told(self, job: dict[str, Any]) -> dict[str, Any]:
        live = self.live if job["id"] == self.running else {}
        job = {**job, **{key: live[key] for key in ("part", "note", "notes") if key in live}}
        eta = live.get("eta")
        keys = (
            "id",
            "kind",
            "settings",
            "state",
            "part",
            "note",
            "notes",
            "results",
            "data",
            "error",
            "created",
            "begun",
            "ended",
        )
        return {key: job[key] for key in keys} | {"eta_seconds": eta}

    def _tell(self, job_id: str) -> dict[str, Any]:
        told = self.told(job_id)
        self.hub.tell("job", told)
        return told

    def _free_in(self) -> int:
        """Seconds after which a place will probably be free."""
        eta = self.live.get("eta")
        return max(1, min(60, round(eta))) if eta is not None else 10

    # ---- carrying out ----

    def recover(self) -> None:
        """After a start: what was running when the studio ended begins again once; the second time it is left to the user."""
        for job in self.store.jobs(("running",)):
            if job["kind"] in orders.LEARNING or job["tries"] > 1:
                note = "The studio ended while this was running. What was learned or done is kept; it can be resumed."
                self.store.change_job(job["id"], state="interrupted", note=note)
            else:
                self.store.change_job(
                    job["id"], state="waiting", note="The studio ended while this was running; it begins again."
                )

    async def rest(self) -> None:
        """The studio ends: have the running job stop in good order, so that nothing it has learned or done is lost."""
        if (job_id := self.running) is None:
            return
        self.wanted = "interrupted"
        await self.worker.say({"do": "stop"})
        end = time.monotonic() + LAST_WORDS
        while self.running == job_id and time.monotonic() < end:
            await asyncio.sleep(0.02)

    async def run(self) -> None:
        """Carry out jobs until this is cancelled."""
        while self.wanted != "interrupted":
            self.wake.clear()
            for job_id in self.store.waiting()[:1]:
                await self._carry_out(self.store.job(job_id))
                self.wake.set()
            await self.wake.wait()

    async def _carry_out(self, job: dict[str, Any]) -> None:
        job_id, again = job["id"], job["begun"] is not None
        self.running, self.wanted = job_id, None
        self.live = {"since": time.monotonic(), "from": None, "part": 0.0, "note": "", "notes": []}
        job = self.store.change_job(job_id, state="running", begun=time.time(), tries=job["tries"] + 1, error=None, note="")
        self._tell(job_id)
        try:
            ended = await self._worked(job, again)
        except Exception as error:
            refusal = refusal_of(error)
            ended = {"state": "failed", "error": refusal.said()}
            if refusal.code == "unexpected":
                import traceback

                traceback.print_exc()
        finally:
            if self.patience is not None:
                self.patience.cancel()
                self.patience = None
        notes = self.live.get("notes", [])
        self.running = None
        if ended["state"] in ENDED:
            ended["ended"] = time.time()
        if ended["state"] == "done":
            ended["part"] = 1.0
        self.store.change_job(job_id, notes=notes, **ended)
        if ended["state"] in ENDED:
            self._clear(job_id)
        self._tell(job_id)

    async def _worked(self, job: dict[str, Any], again: bool) -> dict[str, Any]:
        """Have the worker do it; → what is to be written down."""
        question = {"do": "run", "arguments": self._command(job, again), "folder": str(self.store.job_folder(job["id"]))}
        try:
            answer, _ = await self.worker.ask(question, patience=None, on_word=self._heard)
        except Died:
            if self.wanted == "cancelled":
                return {"state": "cancelled", **await self._results(job, {})}
            if self.wanted == "paused":
                return {"state": "paused"}
            if self.wanted == "interrupted":
                return {"state": "interrupted" if job["kind"] in orders.LEARNING else "waiting"}
            error = Refusal(
                500, "worker-died", "The process that worked on this ended.", "Perhaps memory ran out: take a smaller size."
            )
            return {"state": "failed", "error": error.said(), **await self._results(job, {})}
        told = answer["told"]
        if self.wanted == "interrupted" and answer["code"] == 130 and job["kind"] not in orders.LEARNING:
            return {"state": "waiting", "note": "The studio ended while this was running; it goes on.", "tries": 0}
        found = await self._results(job, told)
        for warning in told.get("warnings", ()):
            self._note(warning)
        if answer["code"] == 0:
            return {"state": "done", "note": "", **found}
        if self.wanted is not None and answer["code"] == 130:
            said = told.get("error") or {}
            return {"state": self.wanted, "note": said.get("message", ""), **found}
        return {"state": "failed", "error": _error_of(answer["code"], told), **found}

    def _command(self, job: dict[str, Any], again: bool = False) -> list[str]:
        settings = kinds.SETTINGS[job["kind"]].model_validate(job["settings"])
        return orders.command_of(job["kind"], settings, orders.Bench(self.store, job["id"]), again)

    def _heard(self, said: dict[str, Any]) -> None:
        """How it goes."""
        if "warning" in said:
            self._note(said["warning"])
        if "part" in said:
            part, now = min(1.0, max(0.0, said["part"])), time.monotonic()
            start = self.live["from"]
            if start is None or part < start[0] or part < self.live["part"] - 0.2:  # another stage has begun
                self.live["from"] = start = (part, now)
            done = part - start[0]
            self.live["eta"] = round((now - start[1]) * (1 - part) / done, 1) if done > 0.01 else None
            self.live |= {"part": part, "note": without_paths(said["note"])}
        if time.monotonic() - self.told_at >= TELL_EVERY and self.running is not None:
            self.told_at = time.monotonic()
            self._tell(self.running)

    def _note(self, text: str) -> None:
        notes, text = self.live["notes"], without_paths(text)
        if text not in notes and len(notes) < MOST_NOTES:
            notes.append(text)

    async def _stop(self) -> None:
        """Ask the worker to stop, and end it where it does not."""
        await self.worker.say({"do": "stop"})
        if self.patience is None and self.running is not None:
            self.patience = asyncio.create_task(self._end_after_all(self.running))

    async def _end_after_all(self, job_id: str) -> None:
        await asyncio.sleep(GRACE)
        if self.running == job_id:
            self.patience = None
            await self.worker.kill()

    async def _results(self, job: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Take what was made into the library. A file in its place is whole: verbs put it there in one step."""
        results, out = list(job["results"]), self.store.job_folder(job["id"]) / orders.OUT
        made = [each for each in out.iterdir() if each.is_file() and each.name[0] != "." and ".preview." not in each.name]
        for path in sorted(made, key=lambda each: (each.stat().st_mtime_ns, each.name)):
            with suppress(Refusal):
                about = {"source_id": orders.source_of(job["settings"]), "verb": job["kind"]}
                results.append((await self.adopt(path, about))["id"])
        data = {key: value for key, value in (told.get("data") or {}).items() if key not in ("run", "planned", "failures")}
        failures = [
            {**each, "path": Path(str(each.get("path"))).name, "message": without_paths(str(each.get("message", "")))}
            for each in (told.get("data") or {}).get("failures", ())
        ]
        return {"results": results, "data": {**data, **({"failures": failures} if failures else {})}}

    def _clear(self, job_id: str) -> None:
        shutil.rmtree(self.store.job_folder(job_id), ignore_errors=True)


def _error_of(code: int, told: dict[str, Any]) -> dict[str, Any]:
    said = told.get("error") or {}
    name, _ = BY_EXIT.get(code, ("failed", 500))
    message, hint = (without_paths(str(said.get(key, ""))).replace("in/", "") for key in ("message", "hint"))
    return {"code": name, "message": message, "hint": hint, "values": {"exit_code": code}}


def _wrong_state(job: dict[str, Any], wish: str) -> Refusal:
    return Refusal(
        409,
        "wrong-state",
        f"A {job['kind']} job that is {job['state']} cannot be {wish}.",
        "Ask for its state anew.",
        state=job["state"],
        kind=job["kind"],
    )
