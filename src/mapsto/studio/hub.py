"""News for pages: numbered events, kept for a while, so that a page that was away can catch up."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from mapsto.studio.refusals import Refusal

STREAMS = 32
KEPT = 1000
"""Events that a page may have missed."""

BEHIND = 256
"""Events that may wait for one page: a page that reads no more is let go."""

HEARTBEAT = 15.0


class Hub:
    """Events on their way to all pages that listen. Their numbers rise, over restarts too."""

    def __init__(self) -> None:
        self.number = int(time.time() * 1000)
        self.first = self.number
        self.past: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.streams: set[asyncio.Queue[bytes | None]] = set()
        self.closed = False

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Tell all pages."""
        self.number += 1
        block = _block(self.number, event, data)
        self.past.append((self.number, block))
        for stream in list(self.streams):
            try:
                stream.put_nowait(block)
            except asyncio.QueueFull:
                self._end(stream)

    def _end(self, stream: asyncio.Queue[bytes | None]) -> None:
        self.streams.discard(stream)
        while not stream.empty():
            stream.get_nowait()
        stream.put_nowait(None)

    def close(self) -> None:
        """No more news."""
        self.closed = True
        for stream in list(self.streams):
            self._end(stream)

    def check(self) -> None:
        """Refuse one stream too many.

        Raises:
            Refusal: so many listen already.
        """
        if len(self.streams) >= STREAMS:
            raise Refusal(429, "too-many-streams", f"{STREAMS} pages listen already.", "Close some.", retry_after=10)

    async def listen(self, last: int | None) -> AsyncIterator[bytes]:
        """All events from now on, after those that were missed since the event numbered `last`.

        A page that was away for too long is told `reset`: it should ask for everything anew.
        """
        if len(self.streams) >= STREAMS:  # many came at the same moment
            return
        stream: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND + 1)
        self.streams.add(stream)
        try:
            yield b"retry: 2000\n\n"
            oldest = self.past[0][0] if self.past else self.number + 1
            if last is not None and last < self.number and last < oldest - 1:
                yield _block(self.number, "reset", {})
            elif last is not None:
                for number, block in list(self.past):
                    if number > last:
                        yield block
            while not self.closed:
                try:
                    block_or_end = await asyncio.wait_for(stream.get(), HEARTBEAT)
                except (asyncio.TimeoutError, TimeoutError):
                    yield b": here\n\n"
                    continue
                if block_or_end is None:
                    return
                yield block_or_end
        finally:
            self.streams.discard(stream)


def _block(number: int, event: str, data: dict[str, Any]) -> bytes:
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
