"""The studio as a whole: what it keeps, the processes that work for it, and what joins them."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

from mapsto.errors import nearest
from mapsto.files import data_dir, sha256
from mapsto.studio import forgetting
from mapsto.studio.child import Child, Died
from mapsto.studio.hub import Hub
from mapsto.studio.pipe import Frame, Said
from mapsto.studio.previews import Previews
from mapsto.studio.queue import Queue
from mapsto.studio.reader import MOST_PIXELS
from mapsto.studio.refusals import Refusal
from mapsto.studio.store import Store, clean_name, is_id, new_id

READING = 60.0
"""Seconds that looking at an upload may take."""

SIDES = (64, 128, 256, 512)
"""Of thumbnails, in pixels."""


@dataclass(frozen=True)
class Choices:
    """What the studio computes with.

    Args:
        weights: The style network, by name or file.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.
        max_pixels: Of an upload.
    """

    weights: str = "style-s"
    device: str = "auto"
    precision: str = "auto"
    max_pixels: int = MOST_PIXELS


class Shop:
    """Everything behind the routes. Made before there is a loop; `begin` starts it.

    Args:
        choices: What it computes with.
        root: Where it keeps things; beside the user's weights by default.
    """

    def __init__(self, choices: Choices | None = None, root: Path | None = None) -> None:
        self.choices = choices or Choices()
        self.store, self.hub = Store(root), Hub()
        log = self.store.root / "log"
        how = (self.choices.weights, self.choices.device, self.choices.precision)
        home = (
            {"MAPSTO_HOME": str(Path(os.environ["MAPSTO_HOME"]).expanduser().absolute())} if "MAPSTO_HOME" in os.environ else {}
        )
        verbs = dict(zip(("MAPSTO_WEIGHTS", "MAPSTO_DEVICE", "MAPSTO_PRECISION"), how, strict=True))
        verbs["MAPSTO_LANG"] = "en"  # what a job says is translated for whoever reads it
        verbs["MAPSTO_MAX_PIXELS"] = str(max(64_000_000, self.choices.max_pixels))
        self.reader = Child("mapsto.studio.reader", log=log / "reader.log", **home)
        self.clerk = Child("mapsto.studio.reader", log=log / "clerk.log", **home)
        self.worker = Child("mapsto.studio.worker", log=log / "worker.log", **home, **verbs)
        self.previewer = Child("mapsto.studio.previewer", *how, log=log / "previewer.log", **home)
        self.previews = Previews(self.previewer, self._warm)
        self.queue = Queue(self.store, self.hub, self.worker, self.adopt)
        self.shown: dict[str, tuple[Any, Any]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def _warm(self, told: Said) -> None:
        self.hub.tell("ready", {"ready": True, "device": told["device"]})
        if not self.worker.started:
            self.tasks.append(asyncio.create_task(self._warm_worker()))

    async def _warm_worker(self) -> None:
        """So that the first job need not wait for what takes seconds to load."""
        with suppress(Died, Refusal):
            await self.worker.ask({"do": "warm"}, patience=300)

    async def begin(self) -> None:
        """Start what works by itself."""
        self.store.clear()
        forgetting.clear(self.store)
        self.queue.recover()
        self.tasks = [asyncio.create_task(self.previews.run()), asyncio.create_task(self.queue.run())]

    async def end(self) -> None:
        """Stop all of it; what was running is found again at the next start."""
        self.hub.close()
        await self.queue.rest()
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task
        for child in (self.reader, self.clerk, self.worker, self.previewer):
            await child.kill()
        self.store.close()

    # ---- files ----

    async def take(self, request: Request, at: Path) -> int:
        """Write the body of a request to a file; → its bytes.

        Raises:
            Refusal: it breaks the limit, nothing came, or the disk is full.
        """
        self.store.check_room(int(request.headers.get("content-length", 0)))
        size, checked = 0, 0
        try:
            with at.open("wb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
                    size += len(chunk)
                    if size - checked > 64 << 20:
                        checked = size
                        self.store.check_room()
        except OSError as error:
            raise Refusal(507, "no-space", "The disk is full.", "Free some space, or empty the trash.") from error
        if not size:
            raise Refusal(422, "unreadable-input", "The file is empty.", "Copy, download or export it again.")
        return size

    async def described(self, at: Path, thumb: Path) -> dict[str, Any]:
        """What an upload is.

        Raises:
            Refusal: nothing that can be used.
        """
        try:
            question = {"do": "describe", "path": str(at), "thumb": str(thumb), "most": self.choices.max_pixels}
            told, _ = await self.reader.ask(question, patience=READING)
        except Died:
            raise Refusal(
                422, "unreadable-input", "The file could not be opened within its limits.", "Export it again, smaller."
            ) from None
        return told

    async def upload(self, request: Request, name: str) -> dict[str, Any]:
        """Keep what a page sends; what it has sent before under the same name is not kept twice.

        Raises:
            Refusal: it is nothing that can be used, or too large.
        """
        at, file_id = self.store.incoming(), new_id()
        thumb = at.with_name(f"{at.name}.webp")
        try:
            await self.take(request, at)
            about = await self.described(at, thumb)
            about["name"] = named(name, about["suffix"])
            if (there := self.store.same_file(sha256(at), about["name"])) is not None:
                return there
            told = self._kept(at, thumb, file_id, about)
        finally:
            for path in (at, thumb):
                path.unlink(missing_ok=True)
        self.hub.tell("file", {"id": told["id"], "change": "added", "file": told})
        return told

    async def adopt(self, path: Path, about: dict[str, Any]) -> dict[str, Any]:
        """Take a file that was made here into the library."""
        thumb = self.store.incoming()
        question = {"do": "describe", "path": str(path), "thumb": str(thumb), "most": None}
        try:
            found, _ = await self.clerk.ask(question, patience=600)
            told = self._kept(path, thumb, new_id(), {**found, **about, "name": clean_name(path.name)})
        except Died:
            raise Refusal(500, "worker-died", "A result could not be looked at.") from None
        finally:
            thumb.unlink(missing_ok=True)
        self.hub.tell("file", {"id": told["id"], "change": "added", "file": told})
        return told

    def _kept(self, at: Path, thumb: Path, file_id: str, about: dict[str, Any]) -> dict[str, Any]:
        told = self.store.add_file(at, {**about, "sha256": sha256(at)}, file_id)
        if thumb.is_file():
            thumb.replace(self.store.thumb(file_id))
        return told

    async def thumbnail(self, file_id: str, side: int) -> Path:
        """A file with its thumbnail, at least as large as wanted where it can be.

        Raises:
            Refusal: there is none.
        """
        self.store.file(file_id)
        whole = self.store.thumb(file_id)
        if not whole.is_file():
            raise Refusal(404, "no-thumbnail", "This file has no picture.", id=file_id)
        side = next((each for each in SIDES if each >= side), SIDES[-1])
        target = whole if side == SIDES[-1] else whole.with_name(f".thumb-{side}.webp")
        if not target.is_file():
            _, content = await self.look({"do": "thumbnail", "path": str(whole), "side": side})
            partly = target.with_name(f"{target.name}.{new_id()[:8]}")
            partly.write_bytes(content)
            partly.replace(target)
        return target

    def changed(self, told: dict[str, Any]) -> dict[str, Any]:
        """Tell pages of a file that has changed."""
        self.hub.tell("file", {"id": told["id"], "change": "changed", "file": told})
        return told

    # ---- what there is ----

    async def look(self, question: Said) -> Frame:
        """Ask the clerk.

        Raises:
            Refusal: as it answers, or it ended.
        """
        try:
            return await self.clerk.ask(question, patience=60)
        except Died:
            raise Refusal(503, "worker-died", "The process that looks things up ended.", "Try again.", retry_after=1) from None

    async def cards(self, of: str, **options: Any) -> list[dict[str, Any]]:
        """Styles, models, composers or instruments: looked up again where the user's weights have changed."""
        folder = data_dir() / "weights"
        stamp = sorted((each.name, each.stat().st_mtime_ns) for each in folder.iterdir()) if folder.is_dir() else []
        if of not in self.shown or self.shown[of][0] != stamp:
            told, _ = await self.look({"do": "cards", "of": of, "with": options})
            self.shown[of] = (stamp, told["cards"])
        found: list[dict[str, Any]] = self.shown[of][1]
        return found

    async def styles(self) -> list[dict[str, Any]]:
        """All styles with a name."""
        return await self.cards("styles", network=self.choices.weights)

    async def check_styles(self, names: Any) -> None:
        """Refuse styles that are not there; nothing else may be read as the name of a file.

        Raises:
            Refusal: it says which.
        """
        wanted = [name for name in names if not is_id(name)]
        known = {style["name"] for style in await self.styles()} if wanted else set()
        for name in wanted:
            if name not in known:
                near = nearest(name, sorted(known))
                hint = f"Perhaps {' or '.join(near)}?" if near else ""
                raise Refusal(422, "unknown-style", f"There is no style called {name!r}.", hint, name=name, near=near)

    async def parts(self, styles: dict[str, float]) -> list[tuple[str, float]]:
        """A mixture of styles for the previewer: names, or places of pictures, and weights."""
        await self.check_styles(styles)
        found = []
        for name, weight in styles.items():
            if weight > 0:
                found.append((str(self.picture(name)) if is_id(name) else name, weight))
        if not found:
            raise Refusal(422, "no-weight", "The weights of the styles sum to nothing.", "Give one a weight above 0.")
        return found

    def picture(self, file_id: str, *kinds: str) -> Path:
        """Where a picture lies.

        Raises:
            Refusal: there is none, or it is of another kind.
        """
        about = self.store.file(file_id)
        if about["kind"] not in (kinds or ("image",)):
            message = f"{about['name']} is of the kind {about['kind']}; {' or '.join(kinds or ('image',))} is wanted."
            raise Refusal(422, "wrong-kind", message, "Choose another file.", id=file_id, kind=about["kind"])
        return self.store.path(file_id)


def named(name: str, suffix: str) -> str:
    """What an upload is called: its own name, with the ending that its content has."""
    clean = clean_name(name or f"file-{time.strftime('%Y%m%d-%H%M%S')}")
    stem, dot, ending = clean.rpartition(".")
    same = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif", "midi": "mid", "m4v": "mp4"}
    if dot and same.get(ending, ending) == suffix:
        return clean
    return clean_name(f"{stem if dot and len(ending) <= 5 else clean}.{suffix}")
