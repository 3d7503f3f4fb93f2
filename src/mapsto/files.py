"""Where things are kept, and how a file is written so that nothing is ever half there."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mapsto.errors import NoSpace


def cache_dir() -> Path:
    """Folder for what can be made again; `MAPSTO_HOME` moves it. Not created here."""
    return _home("cache")


def data_dir() -> Path:
    """Folder for what the user learned and named; `MAPSTO_HOME` moves it. Not created here."""
    return _home("data")


def _home(kind: str) -> Path:
    if home := os.environ.get("MAPSTO_HOME"):
        return Path(home).expanduser() / kind
    import platformdirs

    found = platformdirs.user_cache_dir if kind == "cache" else platformdirs.user_data_dir
    return Path(found("mapsto"))


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it replaces `path` in one step.

    The parent folder is created, a link is followed, and what is replaced keeps its permissions. Any failure leaves what was
    there before, and no temporary file.

    Raises:
        NoSpace: the disk is full, the folder cannot be written, or `path` is there and is no file.
    """
    with _told(path, _NOT_WRITABLE):
        path = path.resolve() if path.is_symlink() else path
        _refuse_other_than_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        with _told(path, _NOT_WRITABLE):
            _create(temporary)  # inside, so that even Ctrl-C at this very moment leaves no file
        with _told(path, {}):  # what goes wrong while somebody else writes is theirs to tell, but for a full disk
            yield temporary
        with _told(path, _NOT_WRITABLE):
            _settle(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def below(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files in a folder and below it, hidden ones left out and links to folders not followed, in the order of their paths.

    Args:
        folder: Where to look.
        suffixes: Of the files, in small letters.
    """
    walked = ((Path(place), names) for place, _, names in os.walk(folder))
    paths = (place / name for place, names in walked for name in names if not name.startswith("."))
    return sorted(path for path in paths if path.suffix.lower() in suffixes)


def check_writable(folder: Path) -> None:
    """Write a file in a folder, which is created, and remove it again.

    Raises:
        NoSpace: that cannot be done.
    """
    probe = folder / f".probe-{secrets.token_hex(4)}"
    with atomic(probe):
        pass
    probe.unlink()


_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = dict.fromkeys(
    (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
    "Choose another place with -o.",
)


@contextmanager
def _told(path: Path, hints: dict[int, str]) -> Iterator[None]:
    """Turn a full disk, and the errors for which there is a hint, into NoSpace."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpace(f"No space left to write {path}.", "Free some space or choose another folder with -o.") from error
        if error.errno in hints:
            raise NoSpace(f"Cannot write {path}: {error.strerror}.", hints[error.errno]) from error
        raise


def _refuse_other_than_file(path: Path) -> None:
    # Replacing /dev/null would succeed, and that would be the end of /dev/null.
    if path.exists() and not path.is_file():
        raise NoSpace(f"Cannot write {path}: it is not a file.", "Choose a file name with -o; - means standard output.")


def _create(temporary: Path) -> None:
    """An empty file with the permissions of any new file there."""
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _settle(temporary: Path, path: Path) -> None:
    """Push the bytes to the disk, then put the file in its place."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if path.exists():
        shutil.copymode(path, temporary)
    os.replace(temporary, path)


def sha256(source: Path | bytes) -> str:
    """Hex digest of a file's content, or of the bytes themselves."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
