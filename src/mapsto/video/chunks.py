"""How a film is cut into chunks, and the folder in which they are kept until they are joined.

A film is painted in chunks of consecutive frames. Chunks begin at key frames of the source where those are near, since there
shots often begin and decoding can; which they are depends on the clip alone, and every chunk is painted from a few frames
before its first. So the film is the same whoever paints it, in whatever order, and wherever somebody stopped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from mapsto.errors import UnreadableInput
from mapsto.files import atomic
from mapsto.media.clip import Clip
from mapsto.video.commission import Commission

CHUNK = 240
"""Frames of a chunk of a long clip."""

FEW, SOME = 64, 160
"""Clips below are painted in one chunk, and in two; all others in four or more, so that several cores have work."""


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
        return self._chunk(self.key() or "", number)

    def _chunk(self, key: str, number: int) -> Path:
        return self.path / f"{key[:12]}-{number:05d}.mp4"

    def missing(self, commission: Commission) -> list[int]:
        """Numbers of the chunks that are still to be painted."""
        key = self.key() or ""
        return [number for number in range(len(commission.chunks)) if not self._chunk(key, number).is_file()]

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
