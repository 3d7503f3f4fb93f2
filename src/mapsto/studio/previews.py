"""Previews: of every view only the newest request is answered; those before a person go before those in the background."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mapsto.studio.child import Child, Died
from mapsto.studio.pipe import Frame, Said
from mapsto.studio.refusals import Refusal

WAITING = 128
"""Previews that may wait."""

VIEWS = 2048
"""Views whose last number is remembered."""

PATIENCE = 60.0


@dataclass(eq=False)
class Wish:
    """A preview that waits.

    Args:
        question: For the process.
        background: Whether it may wait for others.
        answer: Where it goes.
    """

    question: Said
    background: bool
    answer: asyncio.Future[Frame] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Previews:
    """Asks one process, one wish after the other.

    Args:
        child: The process.
        on_ready: Told when it is warm.
    """

    def __init__(self, child: Child, on_ready: Callable[[Said], object]) -> None:
        self.child, self.on_ready = child, on_ready
        self.waiting: OrderedDict[str, Wish] = OrderedDict()
        self.last: OrderedDict[str, int] = OrderedDict()
        self.wake = asyncio.Event()
        self.ready = False
        self.device = ""

    async def ask(
        self, view: str, sequence: int, question: Said, background: bool, gone: Callable[[], Awaitable[bool]]
    ) -> Frame:
        """The answer to a question.

        Args:
            view: Whose it is.
            sequence: Rises from one to the next of that view.
            question: For the process.
            background: Whether it may wait for others.
            gone: Whether nobody waits any more.

        Raises:
            Refusal: a newer one has come, too many wait, or as the process answers.
        """
        if sequence < self.last.get(view, -1):
            raise superseded(sequence)
        if view not in self.waiting and len(self.waiting) >= WAITING:
            raise Refusal(503, "too-busy", "Too many previews wait already.", "Try again in a moment.", retry_after=1)
        self.last[view] = sequence
        self.last.move_to_end(view)
        while len(self.last) > VIEWS:
            self.last.popitem(last=False)
        if (older := self.waiting.pop(view, None)) is not None and not older.answer.done():
            older.answer.set_exception(superseded(sequence))
        wish = self.waiting[view] = Wish(question, background)
        self.wake.set()
        try:
            while not (await asyncio.wait({wish.answer}, timeout=0.5))[0]:
                if await gone():
                    raise Refusal(499, "gone", "Nobody waits any more.")
            return wish.answer.result()
        finally:
            if self.waiting.get(view) is wish:
                del self.waiting[view]

    async def run(self) -> None:
        """Answer wishes until this is cancelled."""
        while True:
            if not self.ready or self.child.pid is None:
                await self._warm()
            if not self.waiting:
                self.wake.clear()
                await self.wake.wait()
            view = next((view for view, wish in self.waiting.items() if not wish.background), None)
            wish = self.waiting.pop(view if view is not None else next(iter(self.waiting)))
            try:
                found = await self.child.ask(wish.question, patience=PATIENCE)
            except Died:
                error = Refusal(503, "worker-died", "The process that paints previews ended.", "Try again.", retry_after=2)
                self._settle(wish, error)
            except Refusal as refusal:
                self._settle(wish, refusal)
            else:
                if not wish.answer.done():
                    wish.answer.set_result(found)

    def _settle(self, wish: Wish, error: Exception) -> None:
        if not wish.answer.done():
            wish.answer.set_exception(error)

    async def _warm(self) -> None:
        """Start the process and have it load; where that fails, previews tell why."""
        try:
            told, _ = await self.child.ask({"do": "warm"}, patience=300)
            self.ready, self.device = True, told["device"]
            self.on_ready(told)
        except (Died, Refusal) as error:
            self.ready = False
            refusal = (
                error
                if isinstance(error, Refusal)
                else Refusal(503, "worker-died", "Previews cannot be painted now.", retry_after=5)
            )
            for wish in self.waiting.values():
                self._settle(wish, refusal)
            self.waiting.clear()
            await asyncio.sleep(2)


def superseded(sequence: int) -> Refusal:
    """A newer one has come."""
    return Refusal(409, "superseded", "A newer request of this view has come.", sequence=sequence)
