"""The server's side of a process that works for it: started when it is needed, asked one thing at a time, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mapsto.studio.pipe import HEAD, LONGEST, Frame, Said, packed
from mapsto.studio.refusals import Refusal

MOST_LOG = 1 << 20
"""Bytes of a log after which it begins anew."""


class Died(Exception):
    """The process ended in the middle of its work."""


class Child:
    """A process.

    Args:
        module: What it runs.
        arguments: After its name.
        log: Where its complaints go.
        environment: What it finds there beside what is there.
    """

    def __init__(self, module: str, *arguments: str, log: Path, **environment: str) -> None:
        self.module, self.arguments, self.log, self.environment = module, arguments, log, environment
        self.process: Process | None = None
        self.turn = asyncio.Lock()
        self.started = 0

    async def ask(
        self,
        said: Said,
        payload: bytes = b"",
        *,
        patience: float | None = 30.0,
        on_word: Callable[[Said], object] | None = None,
    ) -> Frame:
        """Ask, and wait for the answer.

        Args:
            said: The question.
            payload: Bytes that belong to it.
            patience: Seconds after which the process is ended; None waits for ever.
            on_word: Told what it says before its answer.

        Raises:
            Refusal: as it answers, or it took too long.
            Died: it ended.
        """
        async with self.turn:
            try:
                return await asyncio.wait_for(self._asked(said, payload, on_word), patience)
            except (asyncio.TimeoutError, TimeoutError):
                await self.kill()
                raise Refusal(422, "took-too-long", "That took too long, and was ended.", "Take a smaller file.") from None
            except asyncio.CancelledError:  # an answer would come that nobody waits for
                await self.kill()
                raise
            except (Died, ConnectionError):
                await self.kill()
                raise Died(self.module) from None

    async def _asked(self, said: Said, payload: bytes, on_word: Callable[[Said], object] | None) -> Frame:
        process = await self._ready()
        assert process.stdin is not None
        process.stdin.write(packed(said, payload))
        await process.stdin.drain()
        while True:
            told, more = await self._heard(process)
            if "ok" not in told:
                if on_word is not None:
                    on_word(told)
            elif told.pop("ok"):
                return told, more
            else:
                raise Refusal.read(told["error"])

    async def _heard(self, process: Process) -> Frame:
        assert process.stdout is not None
        try:
            lengths = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
            if sum(lengths) > LONGEST:
                raise Died
            text, payload = [await process.stdout.readexactly(length) for length in lengths]
        except asyncio.IncompleteReadError as error:
            raise Died from error
        told: dict[str, Any] = json.loads(text)
        return told, payload

    async def _ready(self) -> Process:
        if self.process is None or self.process.returncode is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            is_long = self.log.is_file() and self.log.stat().st_size > MOST_LOG
            with self.log.open("wb" if is_long else "ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", self.module, *self.arguments),
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C on the terminal is the server's
                    cwd=self.log.parent,
                    # Modules that happen to lie where the studio was started are none of its business.
                    env={**os.environ, "PYTHONSAFEPATH": "1", **self.environment},
                )
            self.started += 1
        return self.process

    async def say(self, said: Said) -> None:
        """Say something in between, that has no answer."""
        if self.process is not None and self.process.returncode is None and self.process.stdin is not None:
            with suppress(ConnectionError):
                self.process.stdin.write(packed(said))
                await self.process.stdin.drain()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self.process is None or self.process.returncode is not None else self.process.pid

    async def kill(self) -> None:
        """End it, and all that it started."""
        process, self.process = self.process, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        with suppress(asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(process.wait(), 5)
