"""What is to be painted of a clip, written down so that any process can paint any part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from mapsto import device, weights
from mapsto.errors import UsageError
from mapsto.files import sha256
from mapsto.image import hands
from mapsto.image.stylizer import Stylizer
from mapsto.image.track import Track
from mapsto.media.clip import Clip, frames, probe
from mapsto.media.coding import Coding
from mapsto.media.video import FilmWriter
from mapsto.video.frames import WARM_UP, FramePainter, Way


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
        device.return_memory()  # an hour has hundreds of chunks

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
