"""What the studio keeps: files with what is known of them, jobs, and folders to learn from; all below one folder.

studio.sqlite            what is known
files/ID/NAME            a file, and its thumbnail in .thumb.webp
jobs/ID/                 what a job works with, until it is done
datasets/ID/             pictures or scores to learn from
forgotten/               models and styles of one's own that are in the trash
incoming/                uploads before they are looked at

Whatever is named by an id is looked up here: no path ever comes from outside.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from mapsto.files import data_dir
from mapsto.studio.refusals import Refusal

LONGEST_NAME = 100
PAGE = 60
"""Files in one answer of the library."""

TRASH_DAYS = 30
"""After which what is in the trash is deleted, when the studio starts."""

ROOM = 300 << 20
"""Bytes that stay free on the disk."""

_ID = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, kind TEXT, verb TEXT, name TEXT, created REAL, width INTEGER, height INTEGER, seconds REAL,
    bytes INTEGER, sha256 TEXT, favourite INTEGER DEFAULT 0, trashed REAL, settings TEXT, source_id TEXT, words TEXT);
CREATE INDEX IF NOT EXISTS files_by_time ON files (created DESC, id);
CREATE INDEX IF NOT EXISTS files_by_content ON files (sha256);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT, settings TEXT, state TEXT, part REAL DEFAULT 0, note TEXT DEFAULT '',
    notes TEXT DEFAULT '[]', results TEXT DEFAULT '[]', data TEXT DEFAULT '{}', error TEXT,
    created REAL, begun REAL, ended REAL, tries INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (created, id);
CREATE TABLE IF NOT EXISTS datasets (id TEXT PRIMARY KEY, name TEXT, created REAL);
CREATE TABLE IF NOT EXISTS entries (
    dataset TEXT, name TEXT, kind TEXT, width INTEGER, height INTEGER, bytes INTEGER, error TEXT, PRIMARY KEY (dataset, name));
"""

FILE_COLUMNS = ("kind", "verb", "name", "width", "height", "seconds", "bytes", "sha256", "settings", "source_id")
JSON_COLUMNS = ("settings", "notes", "results", "data", "error")
JOB_COLUMNS = ("state", "part", "note", "notes", "results", "data", "error", "begun", "ended", "tries")


class Store:
    """The folder, and the tables in it. Used by one thread.

    Args:
        root: The folder; made where it is missing.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or data_dir() / "studio").absolute()
        self._lock: IO[str] | None = None
        for name in ("files", "jobs", "datasets", "incoming"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.tables = sqlite3.connect(self.root / "studio.sqlite", isolation_level=None, timeout=2.0, check_same_thread=False)
        self.tables.row_factory = sqlite3.Row
        self.tables.execute("PRAGMA journal_mode=WAL")
        self.tables.execute("PRAGMA synchronous=FULL")
        self.tables.executescript(_TABLES)

    def alone(self) -> None:
        """Make sure that no other studio works in this folder.

        Raises:
            OSError: one does.
        """
        self._lock = (self.root / "lock").open("w")
        try:
            import fcntl
        except ImportError:  # where there are no such locks
            return
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Put everything down."""
        self.tables.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def clear(self) -> None:
        """Remove what nobody needs any more: uploads that broke off, and old trash."""
        shutil.rmtree(self.root / "incoming", ignore_errors=True)
        (self.root / "incoming").mkdir(exist_ok=True)
        old = self._all("SELECT id FROM files WHERE trashed IS NOT NULL AND trashed < ?", time.time() - TRASH_DAYS * 86400)
        for row in old:
            self.delete_file(row["id"])
        known = {
            row["id"] for row in self._all("SELECT id FROM jobs WHERE state IN ('waiting','running','paused','interrupted')")
        }
        for folder in (self.root / "jobs").iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def check_room(self, more: int = 0) -> None:
        """Refuse what would fill the disk.

        Raises:
            Refusal: it would.
        """
        if shutil.disk_usage(self.root).free < ROOM + more:
            raise Refusal(507, "no-space", "The disk is nearly full.", "Free some space, or empty the trash.")

    def incoming(self) -> Path:
        """A place for something that arrives."""
        return self.root / "incoming" / new_id()

    # ---- files ----

    def add_file(self, at: Path, about: dict[str, Any], file_id: str | None = None) -> dict[str, Any]:
        """Keep a file that lies somewhere on the same disk, with what is known of it.

        Args:
            at: Where it is now; it is moved.
            about: Values of `FILE_COLUMNS`.
            file_id: Of the file; a new one by default.

        Returns:
            The file as the library tells it.
        """
        file_id = file_id or new_id()
        folder = self.root / "files" / file_id
        folder.mkdir(exist_ok=True)
        with at.open("rb") as content:
            os.fsync(content.fileno())
        os.replace(at, folder / about["name"])
        values = [_stored(column, about.get(column)) for column in FILE_COLUMNS]
        columns = ", ".join(("id", "created", "words", *FILE_COLUMNS))
        marks = ", ".join("?" * (len(FILE_COLUMNS) + 3))
        row = (file_id, self._now("files"), _words(about), *values)
        self.tables.execute(f"INSERT OR REPLACE INTO files ({columns}) VALUES ({marks})", row)
        return self.file(file_id)

    def file(self, file_id: str) -> dict[str, Any]:
        """What is known of a file.

        Raises:
            Refusal: there is none of that id.
        """
        row = self._one("SELECT * FROM files WHERE id = ?", file_id)
        if row is None:
            raise Refusal(
                404, "no-file", "There is no such file.", "It may have been deleted; look into the library.", id=file_id
            )
        return _file_told(row)

    def same_file(self, sha: str, name: str) -> dict[str, Any] | None:
        """An upload of that content and name that is there already."""
        query = "SELECT * FROM files WHERE sha256 = ? AND name = ? AND verb IS NULL AND trashed IS NULL ORDER BY created DESC"
        row = self._one(query, sha, name)
        there = row is not None and (self.root / "files" / row["id"] / name).is_file()
        return _file_told(row) if row is not None and there else None

    def path(self, file_id: str) -> Path:
        """Where a file lies.

        Raises:
            Refusal: there is none of that id, or it is gone from the disk.
        """
        found = self.root / "files" / file_id / str(self.file(file_id)["name"])
        if not found.is_file():
            raise Refusal(410, "gone", "The file is not there any more.", "Something else has deleted it.", id=file_id)
        return found

    def thumb(self, file_id: str) -> Path:
        """Where its thumbnail lies, if it has one."""
        return self.root / "files" / file_id / ".thumb.webp"

    def change_file(self, file_id: str, **values: Any) -> dict[str, Any]:
        """Star a file, or put it into the trash and back."""
        self.file(file_id)
        for column, value in values.items():
            assert column in ("favourite", "trashed")
            self.tables.execute(f"UPDATE files SET {column} = ? WHERE id = ?", (value, file_id))
        return self.file(file_id)

    def delete_file(self, file_id: str) -> None:
        """For good."""
        self.tables.execute("DELETE FROM files WHERE id = ?", (file_id,))
        shutil.rmtree(self.root / "files" / file_id, ignore_errors=True)

    def empty_trash(self) -> list[str]:
        """Delete what is in the trash; → which."""
        gone = [row["id"] for row in self._all("SELECT id FROM files WHERE trashed IS NOT NULL")]
        for file_id in gone:
            self.delete_file(file_id)
        return gone

    def library(
        self, query: str = "", kind: str = "", favourite: bool = False, trash: bool = False, before: float | None = None
    ) -> tuple[list[dict[str, Any]], float | None]:
        """Files, the newest first, a page of them; and from when on the next page is, None where there is none.

        Args:
            query: Words that all have to be in its name or settings; or the digest of its content.
            kind: Only of this kind.
            favourite: Only with a star.
            trash: Those in the trash, else those that are not.
            before: Older than this.
        """
        where, values = [f"trashed IS {'NOT ' if trash else ''}NULL"], list[Any]()
        for word in query.lower().split()[:16]:
            where.append("sha256 = ?" if _DIGEST.fullmatch(word) else "instr(words, ?) > 0")
            values.append(word)
        if kind:
            where.append("kind = ?")
            values.append(kind)
        if favourite:
            where.append("favourite = 1")
        if before is not None:
            where.append("created < ?")
            values.append(before)
        rows = self._all(f"SELECT * FROM files WHERE {' AND '.join(where)} ORDER BY created DESC LIMIT {PAGE + 1}", *values)
        found = [_file_told(row) for row in rows[:PAGE]]
        return found, found[-1]["created"] if len(rows) > PAGE else None

    # ---- jobs ----

    def add_job(self, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
        """A job that waits."""
        job_id = new_id()
        values = (job_id, kind, json.dumps(settings), "waiting", self._now("jobs"))
        self.tables.execute("INSERT INTO jobs (id, kind, settings, state, created) VALUES (?, ?, ?, ?, ?)", values)
        return self.job(job_id)

    def job(self, job_id: str) -> dict[str, Any]:
        """A job.

        Raises:
            Refusal: there is none of that id.
        """
        row = self._one("SELECT * FROM jobs WHERE id = ?", job_id)
        if row is None:
            raise Refusal(404, "no-job", "There is no such job.", "Its id may be mistyped.", id=job_id)
        return _told(row)

    def change_job(self, job_id: str, **values: Any) -> dict[str, Any]:
        """Write down how a job goes."""
        assert set(values) <= set(JOB_COLUMNS)
        sets = ", ".join(f"{column} = ?" for column in values)
        stored = [_stored(column, value) for column, value in values.items()]
        self.tables.execute(f"UPDATE jobs SET {sets} WHERE id = ?", (*stored, job_id))
        return self.job(job_id)

    def jobs(self, states: Sequence[str] = (), limit: int = 200) -> list[dict[str, Any]]:
        """Jobs in some states, or in any: the newest first."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        return [_told(row) for row in self._all(f"SELECT * FROM jobs {where} ORDER BY created DESC LIMIT {limit}", *states)]

    def waiting(self) -> list[str]:
        """Ids of the jobs that wait, in their turn."""
        return [row["id"] for row in self._all("SELECT id FROM jobs WHERE state = 'waiting' ORDER BY created, id")]

    def job_folder(self, job_id: str) -> Path:
        """Where a job works."""
        return self.root / "jobs" / job_id

    # ---- folders to learn from ----

    def add_dataset(self, name: str) -> str:
        """A new one; → its id."""
        dataset_id = new_id()
        (self.root / "datasets" / dataset_id).mkdir()
        self.tables.execute("INSERT INTO datasets VALUES (?, ?, ?)", (dataset_id, name, self._now("datasets")))
        return dataset_id

    def dataset(self, dataset_id: str) -> tuple[Path, str, list[dict[str, Any]]]:
        """Its folder, its name, and its entries.

        Raises:
            Refusal: there is none of that id.
        """
        row = self._one("SELECT * FROM datasets WHERE id = ?", dataset_id)
        if row is None:
            raise Refusal(404, "no-dataset", "There is no such folder to learn from.", "Begin one.", id=dataset_id)
        entries = [dict(entry) for entry in self._all("SELECT * FROM entries WHERE dataset = ? ORDER BY name", dataset_id)]
        return self.root / "datasets" / dataset_id, row["name"], entries

    def datasets(self) -> list[str]:
        """Ids of all of them, the newest first."""
        return [row["id"] for row in self._all("SELECT id FROM datasets ORDER BY created DESC")]

    def delete_dataset(self, dataset_id: str) -> None:
        """For good."""
        self.tables.execute("DELETE FROM entries WHERE dataset = ?", (dataset_id,))
        self.tables.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))
        shutil.rmtree(self.root / "datasets" / dataset_id, ignore_errors=True)

    def add_entry(self, dataset_id: str, name: str, about: dict[str, Any], error: dict[str, Any] | None = None) -> None:
        """A file of a folder to learn from, or why it cannot be used."""
        values = (dataset_id, name, about.get("kind"), about.get("width"), about.get("height"), about.get("bytes"))
        told = None if error is None else json.dumps(error)
        self.tables.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, told))

    # ---- within ----

    def _all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self.tables.execute(query, values).fetchall()

    def _one(self, query: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.tables.execute(query, values).fetchone()
        return found

    def _now(self, table: str) -> float:
        """The time; later than that of all before, so that it puts them in order."""
        last = self._one(f"SELECT MAX(created) AS last FROM {table}")
        return max(time.time(), (last["last"] if last and last["last"] else 0.0) + 1e-5)


def new_id() -> str:
    """32 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether this can be an id."""
    return _ID.fullmatch(text) is not None


def clean_name(text: str, usual: str = "file") -> str:
    """What somebody calls a file, as a name that is harmless on every disk: no folders, no control characters, not hidden."""
    plain = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in plain if unicodedata.category(letter)[0] not in "CZ" or letter == " ")
    plain = re.sub(r'[<>:"|?*%]', "_", plain).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, suffix = plain, ""
    stem = stem.strip(" .")
    while len((stem + suffix).encode()) > LONGEST_NAME:
        stem = stem[:-1]
    stem = stem or usual
    if stem.split(".")[0].upper() in _RESERVED or stem.startswith("-"):
        stem = f"_{stem}"
    return f"{stem}.{suffix.lower()}" if suffix else stem


_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(1, 10)), *(f"LPT{n}" for n in range(1, 10))}


def _stored(column: str, value: Any) -> Any:
    return json.dumps(value) if column in JSON_COLUMNS and value is not None else value


def _told(row: sqlite3.Row) -> dict[str, Any]:
    found = dict(row)
    for column in JSON_COLUMNS:
        if isinstance(found.get(column), str):
            found[column] = json.loads(found[column])
    return found


def _file_told(row: sqlite3.Row) -> dict[str, Any]:
    found = _told(row)
    found.pop("words")
    return found | {"favourite": bool(found["favourite"]), "trashed": found["trashed"] is not None}


def _words(about: dict[str, Any]) -> str:
    """What a search looks at."""
    return " ".join([about["name"], about.get("verb") or "", *_texts(about.get("settings"))]).lower()[:4000]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("weights", "sha256", "torch", "mapsto"):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, (str, int, float)):
        yield str(value)
