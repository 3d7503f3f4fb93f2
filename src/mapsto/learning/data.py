"""Pictures to learn from: any folder tree or zip, once brought to one size and kept as bytes in the cache.

    folder or zip → names, contents → known by its digest? → upright sRGB, centre crop, resize → [N, H, W, C] uint8 on disk

The second time is instant: paths, sizes and times of change are looked up before anything is read; a folder that was moved or
packed is known by its contents. Pictures lie in the order of a hash of their names, so the first ones are a random sample, and
a split is two slices of one file, whatever its size.

Shapes: N pictures, B of a batch, H × W pixels, C channels: 3 is sRGB, 4 has straight alpha with black where nothing is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mapsto.errors import UsageError
from mapsto.learning import shelf as shelves
from mapsto.learning.games import Batch
from mapsto.learning.labels import Rule, classes_of
from mapsto.learning.shelf import NEAR_EMPTY, TWIN, Form, Progress, Skipped, digest_of, rank
from mapsto.media import albums
from mapsto.media.pixels import Pixels

LARGEST = 4096
"""Pixels of a side."""

NO_CLASS = "no class"


@dataclass(frozen=True, eq=False)
class PictureData:
    """Pictures of one size.

    Args:
        pixels: [N, H, W, C] uint8, not to be written to; usually a file in the cache that is read as needed.
        names: Of the pictures, relative to where they were found.
        labels: [N] int64, places in `classes`; None where pictures have no classes.
        classes: Names, sorted.
        skipped: What was found and is not here: name and reason.
        digest: Hex; the same for the same pictures, size, classes and mirroring, and only for these.
        flip: Whether a batch mirrors half of its pictures, left to right.
    """

    pixels: Pixels
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    skipped: Skipped = ()
    digest: str = ""
    flip: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Pictures [B, C, H, W] float32 in [0, 1], channels last, and their labels.

        Args:
            indices: [B], each in [0, N).
            generator: On the CPU; decides what is mirrored.
        """
        picked = np.asarray(self.pixels[indices])
        if self.flip:
            turned = (torch.rand(len(indices), generator=generator) < 0.5).numpy()
            picked[turned] = picked[turned, :, ::-1]
        x = torch.from_numpy(picked).permute(0, 3, 1, 2).float().div_(255)
        return Batch(x, None if self.labels is None else torch.from_numpy(self.labels[indices]))

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> PictureData:
        """Some of the pictures, in the order given; neighbours stay a view, others are copied into memory."""
        chosen = np.asarray(indices, np.int64)
        first = int(chosen[0]) if len(chosen) else 0
        neighbours = np.array_equal(chosen, np.arange(first, first + len(chosen)))
        rows = slice(first, first + len(chosen)) if neighbours else chosen
        return replace(
            self,
            pixels=self.pixels[rows],
            names=tuple(self.names[i] for i in chosen),
            labels=None if self.labels is None else self.labels[rows],
            digest=digest_of(self.digest, chosen.tolist()),
        )

    def split(self, part: float, seed: int = 0) -> tuple[PictureData, PictureData]:
        """Pictures to learn from, and pictures held out, which are told apart by a hash of their names alone.

        So it is the same split on every machine and at every size, and nearly the same when pictures are added.

        Args:
            part: Of the pictures to hold out, in [0, 1); rounded, and at least one unless it is 0.
            seed: Another one gives another split; only that of 0 needs no copy of the pixels.

        Raises:
            UsageError: nothing would be left to learn from.
        """
        count = max(1, round(part * len(self))) if part > 0 else 0
        if not 0 <= part < 1 or count >= len(self):
            raise UsageError(f"Of {len(self)} pictures a part of {part:g} cannot be held out.", "Give less, or more pictures.")
        order = sorted(range(len(self)), key=lambda i: rank(self.names[i], seed))
        return self.subset(sorted(order[count:])), self.subset(sorted(order[:count]))

    def notes(self) -> tuple[str, ...]:
        """What was skipped, in sentences for people: one for each kind of reason, with an example."""
        return tuple(_notes(self.skipped))


def prepare(
    source: Path | str | Sequence[Path | str],
    size: tuple[int, int],
    *,
    channels: int = 3,
    labels: Rule | None = None,
    flip: bool = False,
    minimum: int = 1,
    near_empty: float = 0.0,
    on_progress: Progress | None = None,
) -> PictureData:
    """All pictures of a folder tree, a zip, or several of these, at one size.

    What cannot be read, or is there twice, is skipped and listed. Pictures are cropped about their middle to the wanted shape
    and resized by Lanczos with antialiasing, colours weighed by alpha; what has the size already keeps every pixel.

    Args:
        source: Where they are.
        size: Height and width in pixels.
        channels: 3 (transparency is laid on white) or 4.
        labels: How to tell classes, see `classes_of`; pictures without one are skipped.
        flip: See `PictureData`. Not for pictures in which left and right differ, such as writing.
        minimum: How many there must be.
        near_empty: With 4 channels: pictures of which a smaller part than this can be seen are skipped; 0.15 keeps the whole
            figures of a set of sprites, and little of what is only laid over them.
        on_progress: Told how many files were read, of how many. Each is read twice: once to know it, once to decode it.

    Raises:
        UnreadableInput: nothing there, nothing found, or nothing that can be read.
        UsageError: a size, number of channels or rule for labels that makes no sense, or too few pictures.
        NoSpace: the cache cannot be written.
    """
    form = _checked(size, channels, near_empty)
    refused: list[tuple[str, str]] = []
    entries = albums.find(source, lambda name, reason: refused.append((name, reason)))
    shelf = shelves.kept(entries, form, on_progress or (lambda done, total: None))
    skipped = (*refused, *shelf.skipped)
    data = PictureData(shelf.pixels, shelf.names, skipped=skipped, digest=digest_of(shelf.digest, flip), flip=flip)
    data = data if labels is None else _labelled(data, labels)
    if len(data) < max(1, minimum):
        what = f"There are {len(data)} pictures to learn from; at least {max(1, minimum)} are needed."
        raise UsageError(what, " ".join(data.notes()) or "Add more pictures.")
    return data


def _checked(size: tuple[int, int], channels: int, near_empty: float) -> Form:
    if len(size) != 2 or not all(1 <= side <= LARGEST for side in size):
        raise UsageError(f"Pictures cannot be {'×'.join(map(str, size))}.", f"Give height and width from 1 to {LARGEST}.")
    if channels not in (3, 4):
        raise UsageError(f"Pictures cannot have {channels} channels.", "Give 3 (colour) or 4 (colour and transparency).")
    if not 0 <= near_empty < 1 or (near_empty and channels == 3):
        raise UsageError(f"near_empty={near_empty:g} with {channels} channels.", "Give a part in [0, 1), with 4 channels.")
    return Form(*size, channels, near_empty)


def _labelled(data: PictureData, rule: Rule) -> PictureData:
    """The pictures that have a class, with it."""
    found = classes_of(data.names, rule)
    classes = tuple(sorted({name for name in found if name}))
    places = {name: place for place, name in enumerate(classes)}
    without = tuple((name, f"{NO_CLASS} is known for it.") for name, label in zip(data.names, found, strict=True) if not label)
    kept = data.subset([i for i, label in enumerate(found) if label]) if without else data
    return replace(
        kept,
        labels=np.array([places[label] for label in found if label], np.int64),
        classes=classes,
        skipped=(*data.skipped, *without),
        digest=digest_of(kept.digest, [label for label in found if label]),
    )


_KINDS = {NEAR_EMPTY: "nearly empty", TWIN: "the same as another", NO_CLASS: "without a class"}


def _notes(skipped: Skipped) -> Iterator[str]:
    kinds = [
        next((words for start, words in _KINDS.items() if reason.startswith(start)), "unreadable") for _, reason in skipped
    ]
    for kind, count in Counter(kinds).most_common():
        name, reason = skipped[kinds.index(kind)]
        example = f"{name}, {reason}" if count == 1 else f"{name}, for example, {reason}"
        yield f"Skipped as {kind}: {count}. {example}"
