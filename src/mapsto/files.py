"""Where things are kept, and how a file is written so that nothing is ever half there."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
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

    The parent folder is created. Any failure leaves what was there before, and no temporary file.

    Raises:
        NoSpace: the disk is full, or the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _settle(temporary)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(f"No space left to write {path}.", "Free some space or choose another folder with -o.") from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
            raise NoSpace(f"Cannot write {path}: {error.strerror}.", "Choose another place with -o.") from error
        raise
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _settle(temporary: Path) -> None:
    """Push the bytes to the disk, and give the file the permissions a plain `open` would have."""
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o666 & ~mask)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())


def sha256(source: Path | bytes) -> str:
    """Hex digest of a file's content, or of the bytes themselves."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file.read())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
