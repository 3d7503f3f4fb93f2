"""What is to be painted of a clip, written down so that any process can paint any part of it.

A film is painted in chunks of consecutive frames. Chunks begin at key frames of the source where those are near, since there
shots often begin and decoding can; which they are depends on the clip alone, and every chunk is painted from a few frames
before its first. So the film is the same whoever paints it, in whatever order, and wherever somebody stopped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from mapsto import device, weights
from mapsto.errors import UnreadableInput, UsageError
from mapsto.files import sha256
from mapsto.image import hands
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Track
from mapsto.media.clip import Clip, frames, probe
from mapsto.media.coding import Coding
from mapsto.media.video import FilmWriter
from mapsto.video.frames import WARM_UP, FramePainter, Way

CHUNK = 240
"""Frames of a chunk of a long clip."""

FEW, SOME = 64, 160
"""Clips below are painted in one chunk, and in two; all others in four or more, so that several cores have work."""


@dataclass(frozen=True)
class Commission:
    """A clip, the way through styles, and everything else that decides what comes out.

    Args:
        source: The clip's file.
        digest: Of the clip.
        track: The style at every time.
        way: How frames are painted.
        coding: How the film is encoded.
        network: The style network, by name or path.
        device: Where to compute.
        precision: fp32 or bf16.
        threads: On a CPU, of each worker; another number rounds otherwise.
        chunks: First frame and the one after the last of each.
        container: FFmpeg's name of what the chunks are kept in.
    """

    source: Path
    digest: str
    track: Track
    way: Way
    coding: Coding
    network: str
    device: str
    precision: str
    threads: int
    chunks: tuple[tuple[int, int], ...]
    container: str = "mp4"

    @property
    def frames(self) -> int:
        """Of the whole film."""
        return self.chunks[-1][1]

    def said(self) -> dict[str, Any]:
        """In JSON; `read` understands it."""
        plain = {name: getattr(self, name) for name in ("digest", "network", "device", "precision", "threads", "container")}
        return {
            **plain,
            "source": str(self.source.resolve()),
            "track": self.track.said(),
            "way": asdict(self.way),
            "coding": asdict(self.coding),
            "chunks": [list(chunk) for chunk in self.chunks],
            "weights": self.weights,
        }

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of every file of weights that paints, by name."""
        learned = sorted({name for leg in self.track.legs for style in (leg.a, leg.b) for name, _ in style.hands})
        return {self.network: weights.digest(self.network)} | {name: sha256(hands.path_of(name)) for name in learned}

    @property
    def key(self) -> str:
        """Another one for another film: hex. Where the clip lies does not matter."""
        return sha256(json.dumps({**self.said(), "source": ""}, sort_keys=True).encode())

    @classmethod
    def read(cls, said: dict[str, Any]) -> Commission:
        """What `said` told."""
        plain = {name: said[name] for name in ("digest", "network", "device", "precision", "threads", "container")}
        size = said["way"]["size"]
        return cls(
            source=Path(said["source"]),
            track=Track.read(said["track"]),
            way=Way(**{**said["way"], "size": tuple(size) if size else None}),
            coding=Coding(**said["coding"]),
            chunks=tuple((start, stop) for start, stop in said["chunks"]),
            **plain,
        )

    def size(self, clip: Clip) -> tuple[int, int]:
        """Width and height of the film."""
        return self.way.size or clip.size

    def paint(self, number: int, target: Path, on_frame: Any = None) -> None:
        """Paint a chunk.

        Args:
            number: Of the chunk.
            target: The file it is written to; it is there when it is whole.
            on_frame: Called after every frame; what it raises stops the work.

        Raises:
            UnreadableInput: the clip is not there any more, or damaged.
            UsageError: it is another clip than was planned.
        """
        clip, (start, stop) = self._clip(), self.chunks[number]
        first = max(0, start - WARM_UP) if self.way.stability else start
        painter = FramePainter(_loaded(self.network, self.device, self.precision), self.track, self.way)
        writer = FilmWriter(
            target,
            self.size(clip),
            time_base=clip.time_base,
            fps=clip.fps,
            coding=self.coding,
            aspect=clip.aspect,
            container=self.container,
        )
        with computing_with(self.threads if self.device == "cpu" else None), writer:
            for index, frame in enumerate(frames(clip, first, stop), first):
                painted = painter(frame, clip.seconds(index))
                if index >= start:
                    writer.add(painted, clip.pts[index])
                if on_frame is not None:
                    on_frame()

    def _clip(self) -> Clip:
        there = self.source.stat() if self.source.is_file() else None
        clip = _probed(self.source, (there.st_mtime_ns, there.st_size) if there else None)
        if clip.digest != self.digest:
            raise UsageError(f"{self.source} is another clip than when this film was begun.", "Begin anew, with --overwrite.")
        return clip


@contextmanager
def computing_with(threads: int | None) -> Iterator[None]:
    """Within it, compute with so many threads on a CPU; None leaves it as it is."""
    before = torch.get_num_threads()
    device.set_threads(threads or before)
    try:
        yield
    finally:
        device.set_threads(before)


@lru_cache(maxsize=1)
def _probed(path: Path, _changed: tuple[int, int] | None) -> Clip:
    return probe(path)


@lru_cache(maxsize=1)
def _loaded(network: str, where: str, precision: str) -> Stylizer:
    return Stylizer.from_pretrained(network, device=where, precision=precision)


def chunks_of(clip: Clip) -> tuple[tuple[int, int], ...]:
    """How a clip is cut: about even parts, their borders at key frames where one is within a quarter of a part."""
    total = len(clip)
    count = 1 if total < FEW else 2 if total < SOME else max(4, -(-total // CHUNK))
    borders = [0]
    for number in range(1, count):
        even = round(total * number / count)
        key = min((key for key in clip.keys), key=lambda key: abs(key - even), default=even)
        border = key if abs(key - even) <= total / count / 4 else even
        if border > borders[-1]:
            borders.append(border)
    return tuple(zip(borders, [*borders[1:], total], strict=True))


class Folder:
    """Where the chunks of a film are kept until they are joined.

    Args:
        path: The folder.
    """

    MANIFEST = "manifest.json"

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, target: Path) -> Folder:
        """That of a film."""
        return cls(target.with_name(f".{target.name}.chunks"))

    def is_damaged(self) -> bool:
        """Whether there is a plan that cannot be read."""
        try:
            self.key()
        except UnreadableInput:
            return True
        return False

    def begin(self, commission: Commission) -> None:
        """Write down what is to be painted; chunks of any other plan are removed.

        Raises:
            NoSpace: the place cannot be written.
        """
        from mapsto.files import atomic

        self.clear()
        with atomic(self.path / self.MANIFEST) as file:
            file.write_text(json.dumps({"key": commission.key, **commission.said()}), encoding="utf-8")

    def key(self) -> str | None:
        """Of the film that was begun here; None where none was.

        Raises:
            UnreadableInput: its plan is damaged.
        """
        return str(self._manifest()["key"]) if (self.path / self.MANIFEST).is_file() else None

    def commission(self) -> Commission:
        """What was written down.

        Raises:
            UnreadableInput: nothing, or it is damaged.
        """
        try:
            return Commission.read(self._manifest())
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged() from error

    def chunk(self, number: int) -> Path:
        """The file of a chunk; of another film it has another name."""
        return self.path / f"{(self.key() or '')[:12]}-{number:05d}.mp4"

    def missing(self, commission: Commission) -> list[int]:
        """Numbers of the chunks that are still to be painted."""
        return [number for number in range(len(commission.chunks)) if not self.chunk(number).is_file()]

    def clear(self) -> None:
        """Remove it with all chunks, and what a killed worker left of one."""
        if self.path.exists():
            shutil.rmtree(self.path)

    def _manifest(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / self.MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._damaged() from error
        if not isinstance(found, dict) or "key" not in found:
            raise self._damaged()
        return found

    def _damaged(self) -> UnreadableInput:
        return UnreadableInput(f"The plan of a film in {self.path} is missing or damaged.", "Begin anew, with --overwrite.")


def precision_of(stylizer: Stylizer) -> str:
    """Of a stylizer, by the name in a commission."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[stylizer.dtype]
