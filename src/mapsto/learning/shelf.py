"""Pictures brought to one size and kept in the cache as bytes: made once, found again at once, by time of change or by content.

In the folder `pictures` of the cache, for every set X:

    X.bin        the pixels, [N, H, W, C] uint8, in the order of `rank`
    X.json       names, what was skipped and why; written last: without it there is no X
    Y.seen.json  from paths, sizes and times of change to X, so that nothing needs to be read to know a set again

X is a digest of all names and contents and of the form; what is there can be deleted at any time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mapsto.errors import MapstoError, NoSpace, UnreadableInput
from mapsto.files import atomic, cache_dir, sha256
from mapsto.media import albums
from mapsto.media import picture as pictures
from mapsto.media.albums import Entry
from mapsto.media.picture import Picture
from mapsto.media.pixels import Pixels

VERSION = 1
"""Of what is kept: with another number everything is made again."""

OPAQUE = 128
"""Alpha from which a pixel counts as seen."""

NEAR_EMPTY = "nearly empty"
TWIN = "the same as"
"""How the reasons begin for which pictures are skipped that can be read."""

Progress = Callable[[int, int], object]
Skipped = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Form:
    """What every picture is brought to.

    Args:
        height: In pixels.
        width: In pixels.
        channels: 3 is colour on white, 4 colour and alpha.
        near_empty: Pictures of which a smaller part than this can be seen are skipped.
    """

    height: int
    width: int
    channels: int
    near_empty: float = 0.0


@dataclass(frozen=True, eq=False)
class Shelf:
    """A set of pictures as it lies in the cache: `pixels` is a file that is read as needed; names, what was skipped, digest."""

    pixels: Pixels
    names: tuple[str, ...]
    skipped: Skipped
    digest: str


def kept(entries: Sequence[Entry], form: Form, on_progress: Progress) -> Shelf:
    """The set of these files in this form, from the cache or made and put there.

    Args:
        entries: At least one.
        form: What to bring them to.
        on_progress: Told how many files were read, of how many; each is read twice, to know it and to decode it.

    Raises:
        UnreadableInput: not one can be read, or a file changed meanwhile.
        NoSpace: the cache cannot be written.
    """
    folder, count = cache_dir() / "pictures", len(entries)
    pointer = folder / f"{digest_of(VERSION, astuple(form), [_seen(entry) for entry in entries])}.seen.json"
    known = _read(pointer).get("digest")
    if isinstance(known, str) and (shelf := _opened(folder / known, form)) is not None:
        return shelf
    prints = dict(_prints(entries, lambda done: on_progress(done, 2 * count)))
    path = folder / digest_of(VERSION, astuple(form), sorted([entry.name, mark] for entry, mark in prints.items()))
    if (shelf := _opened(path, form)) is None:
        shelf = _made(path, prints, form, lambda done: on_progress(count + done, 2 * count))
    with suppress(NoSpace):  # a full disk only means reading everything again
        _write(pointer, {"digest": path.name})
    return shelf


def rank(name: str, seed: int = 0) -> str:
    """Where a picture stands among others: hex digits that depend on its name and the seed alone."""
    return digest_of(seed, name)


def digest_of(*values: Any) -> str:
    """Hex digest of plain values."""
    return sha256(json.dumps(values).encode())


def fitted(picture: Picture, height: int, width: int, channels: int) -> Pixels:
    """The middle of a picture, resized: [H, W, C] uint8, C = 3 on white, C = 4 with black under alpha 0.

    Lanczos with antialiasing, colours weighed by alpha. What only needs cropping keeps every pixel.
    """
    picture = picture.on_white() if channels == 3 else picture
    image = picture.to_pil().convert("RGB" if channels == 3 else "RGBA")
    scale = min(image.width / width, image.height / height)
    across, down = min(width * scale, image.width), min(height * scale, image.height)
    left, top = (image.width - across) // 2, (image.height - down) // 2
    box = (left, top, left + across, top + down)
    if scale == 1:  # weighing by alpha and back would round
        pixels: Pixels = np.array(image.crop(box))
    else:
        pixels = np.array(image.resize((width, height), Image.Resampling.LANCZOS, box=box))
    if channels == 4:
        pixels[pixels[..., 3] == 0] = 0  # colours that nobody sees are nothing to learn
    return pixels


def _seen(entry: Entry) -> list[Any]:
    """What is known of a file without reading it."""
    return [str(entry.path.absolute()), entry.name, entry.inside, *entry.stamp]


def _prints(entries: Sequence[Entry], on_done: Callable[[int], object]) -> Iterator[tuple[Entry, str]]:
    for done, (entry, content) in enumerate(albums.contents(entries), 1):
        yield entry, _print(content)
        on_done(done)


def _print(content: bytes | MapstoError) -> str:
    return sha256(content) if isinstance(content, bytes) else "unreadable"


def _made(path: Path, prints: dict[Entry, str], form: Form, on_done: Callable[[int], object]) -> Shelf:
    """Decode everything in the order of ranks; write the pixels, then what they are."""
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    with _in_cache(), atomic(_pixels_of(path)) as temporary, temporary.open("wb") as file:
        for done, (name, found) in enumerate(_decoded(prints, form), 1):
            if isinstance(found, str):
                skipped.append((name, found))
            else:
                names.append(name)
                file.write(found.tobytes())
            on_done(done)
        if not names:
            raise UnreadableInput(f"Not one of {len(skipped)} pictures can be used.", f"The first: {skipped[0][1]}")
    _write(path.with_suffix(".json"), {"names": names, "skipped": skipped})
    shelf = _opened(path, form)
    assert shelf is not None
    return shelf


def _decoded(prints: dict[Entry, str], form: Form) -> Iterator[tuple[str, Pixels | str]]:
    """Name, and pixels or why there are none, of every file."""
    first: dict[str, str] = {}
    for entry, content in albums.contents(sorted(prints, key=lambda entry: rank(entry.name))):
        if _print(content) != prints[entry]:
            raise UnreadableInput(f"{entry.name} changed while it was read.", "Start again when nothing writes there.")
        twin = first.setdefault(prints[entry], entry.name)
        if isinstance(content, bytes) and twin != entry.name:  # twice in the set, and it could be both learned and held out
            yield entry.name, f"{TWIN} {twin}."
        else:
            yield entry.name, _pixels(entry.name, content, form)


def _pixels(name: str, content: bytes | MapstoError, form: Form) -> Pixels | str:
    if isinstance(content, MapstoError):
        return content.what
    try:
        enough = 2 * max(form.height, form.width)  # of a JPEG's own coarse resizing, before the fine one
        picture = pictures.read(_Named(content, name), enough=enough)
    except UnreadableInput as error:
        return error.what
    pixels = fitted(picture, form.height, form.width, form.channels)
    seen = float((pixels[..., 3] >= OPAQUE).mean()) if form.channels == 4 else 1.0
    return pixels if seen >= form.near_empty else f"{NEAR_EMPTY}: {seen:.1%} of it can be seen."


class _Named(io.BytesIO):
    """Bytes that messages call by the name of their file."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def _pixels_of(path: Path) -> Path:
    return path.with_suffix(".bin")


def _opened(path: Path, form: Form) -> Shelf | None:
    """What is kept under a path; None where it is not there, or not whole."""
    about = _read(path.with_suffix(".json"))
    try:
        names = tuple(about["names"])
        skipped = tuple((name, reason) for name, reason in about["skipped"])
        shape = (len(names), form.height, form.width, form.channels)
        pixels = np.memmap(_pixels_of(path), np.uint8, "r", shape=shape)  # raises where the file is too short
        return Shelf(pixels, names, skipped, path.name)
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        if isinstance(found, dict):
            return found
    return {}


def _write(path: Path, value: dict[str, Any]) -> None:
    with _in_cache(), atomic(path) as temporary:
        temporary.write_text(json.dumps(value))


@contextmanager
def _in_cache() -> Iterator[None]:
    """What is full or read-only is the cache, and that can be moved."""
    try:
        yield
    except NoSpace as error:
        raise NoSpace(error.what, "Free some space, or move the cache with MAPSTO_HOME.") from error
