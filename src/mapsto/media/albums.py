"""Every picture file in folders, zips and single files, by name, and its bytes. Nothing is decoded, nothing unpacked to disk.

Links are followed and each folder is read once, so that loops end. Hidden files and folders are passed over. Names are relative
to what was named, with / between folders; a zip whose files all lie in one folder counts as that folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.errors import MapstoError, UnreadableInput

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

PICTURES = (".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as a picture in a folder."""

MAX_RATIO = 200
"""How many times its packed size a large file in a zip may hold: pictures are packed already, so more is a bomb."""

LARGE = 16 << 20
"""Bytes from which `MAX_RATIO` counts; an empty PNG packs well and does no harm."""

MAX_TOTAL = 256 << 30
"""Limit on what a whole zip claims to hold, in bytes."""

_AGAIN = "Copy, download or pack it again."

Refused = Callable[[str, str], object]
"""Told the name of a folder that may not be read, and why."""


@dataclass(frozen=True)
class Entry:
    """A file that should be a picture.

    Args:
        name: Relative to the folder or zip it was found in; begins with that one's own name where there are several.
        path: The file on disk: itself, or the zip that holds it.
        inside: Its place in the zip's list; None for a file on disk.
        stamp: Changes when the content does: size in bytes, and time of change in ns on disk or checksum in a zip.
    """

    name: str
    path: Path
    inside: int | None
    stamp: tuple[int, int]


def find(source: Path | str | Sequence[Path | str], on_refused: Refused = lambda name, reason: None) -> list[Entry]:
    """The pictures in a folder and all its folders, in a zip, or in several of these, in order of names.

    Args:
        source: Folders, zips and files; a file that is named itself is taken whatever its extension.
        on_refused: Told what is passed over because it may not be read.

    Raises:
        UnreadableInput: something is not there, is a bad zip, or there is no picture at all.
    """
    roots = [Path(source)] if isinstance(source, (str, os.PathLike)) else [Path(root) for root in source]
    found = [entry for root in roots for entry in _found(root, len(roots) > 1, on_refused)]
    if not found:
        where = " and ".join(str(root) for root in roots) or "an empty list"
        raise UnreadableInput(f"There is no picture in {where}.", f"Looked for {' '.join(PICTURES)}.")
    return found


def contents(entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | MapstoError]]:
    """Every entry with its bytes, or with why they cannot be had, in the order given.

    Raises:
        UnreadableInput: a zip is not there any more.
    """
    with ExitStack() as stack:
        archives: dict[Path, ZipFile] = {}
        for entry in entries:
            if entry.inside is None:
                yield entry, _file_bytes(entry)
                continue
            if entry.path not in archives:
                archives[entry.path] = stack.enter_context(_opened(entry.path))
            yield entry, _packed_bytes(entry, archives[entry.path], entry.inside)


def _found(root: Path, several: bool, on_refused: Refused) -> list[Entry]:
    if root.is_dir():
        found = sorted(_in_folder(root, on_refused), key=lambda entry: entry.name)
    elif root.suffix.lower() == ".zip" and root.is_file():
        found = sorted(_in_zip(root), key=lambda entry: entry.name)
    elif root.exists():
        return [_on_disk(root, root.name)]
    else:
        raise UnreadableInput(f"{root} does not exist.", "Check the spelling and the folder.")
    own = root.resolve().stem if several else ""
    return [replace(entry, name=f"{own}/{entry.name}") for entry in found] if own else found


def _in_folder(root: Path, on_refused: Refused) -> Iterator[Entry]:
    def refused(error: OSError) -> None:
        on_refused(str(error.filename), f"{error.filename} cannot be searched: {error.strerror}.")

    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(root, onerror=refused, followlinks=True):
        about = os.stat(folder)  # noqa: PTH116  (os.walk speaks in strings)
        identity = (about.st_dev, about.st_ino)
        folders[:] = [] if identity in seen else sorted(name for name in folders if not name.startswith("."))
        for name in files if identity not in seen else ():
            if _counts(name):
                yield _on_disk(Path(folder, name), Path(folder, name).relative_to(root).as_posix())
        seen.add(identity)


def _counts(name: str) -> bool:
    """Whether a file is a picture by its name."""
    return not name.startswith(".") and name.lower().endswith(PICTURES)


def _on_disk(path: Path, name: str) -> Entry:
    try:
        about = path.stat()
        stamp = about.st_size, about.st_mtime_ns
    except OSError:  # a dangling link: reading it will tell
        stamp = 0, 0
    return Entry(name, path, None, stamp)


def _file_bytes(entry: Entry) -> bytes | MapstoError:
    from mapsto.media import opening

    try:
        with opening.stream(entry.path) as file:
            return file.read()
    except MapstoError as error:
        return error
    except OSError as error:
        return UnreadableInput(f"{entry.path} cannot be read: {error.strerror}.", _AGAIN)


@contextmanager
def _opened(path: Path) -> Iterator[ZipFile]:
    from zipfile import ZipFile

    try:
        archive = ZipFile(path)
    except Exception as error:  # a damaged list of contents raises nearly anything
        raise UnreadableInput(f"{path} is no zip, or a damaged one: {_reason(error)}.", _AGAIN) from error
    with archive:
        yield archive


def _in_zip(path: Path) -> Iterator[Entry]:
    with _opened(path) as archive:
        listed = archive.infolist()
    total = sum(info.file_size for info in listed)
    if total > MAX_TOTAL:
        raise UnreadableInput(f"{path} would unpack to {total >> 30} GB; the limit is {MAX_TOTAL >> 30} GB.", _AGAIN)
    named = [(at, _name(info), info) for at, info in enumerate(listed) if not info.is_dir()]
    shown = [(at, name, info) for at, name, info in named if not _hidden(name) and _counts(name.rpartition("/")[2])]
    above = _common([name for _, name, _ in shown])
    for at, name, info in shown:
        yield Entry(name.removeprefix(above), path, at, (info.file_size, info.CRC))


def _name(info: ZipInfo) -> str:
    """The name as it was meant: some systems write UTF-8 without saying so, and zipfile then reads it as DOS letters."""
    if not info.flag_bits & 0x800 and not info.filename.isascii():
        with suppress(UnicodeError):
            return info.filename.encode("cp437").decode()
    return info.filename


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX/")) or "/." in name


def _common(names: Sequence[str]) -> str:
    """The folder that all files lie in, if there is one; only the outermost, since what is inside may be classes."""
    outermost = {name[: name.find("/") + 1] for name in names}
    return outermost.pop() if len(outermost) == 1 else ""


def _packed_bytes(entry: Entry, archive: ZipFile, inside: int) -> bytes | MapstoError:
    """What one entry of a zip unpacks to, unless it is a bomb, damaged or locked."""
    from mapsto.media import opening

    info = archive.filelist[inside]
    if info.file_size > opening.MAX_BYTES or info.file_size > max(LARGE, MAX_RATIO * info.compress_size):
        what = f"{entry.name} would unpack from {info.compress_size >> 10} kB to {info.file_size >> 20} MB"
        return UnreadableInput(f"{what}, which no picture does.", _AGAIN)
    if info.flag_bits & 1:
        return UnreadableInput(f"{entry.name} is locked with a password.", "Pack it again without one.")
    try:
        return archive.read(info)
    except Exception as error:  # every way of packing has errors of its own
        return UnreadableInput(f"{entry.name} is damaged in the zip: {_reason(error)}.", _AGAIN)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
