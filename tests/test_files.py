import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from mapsto import files
from mapsto.errors import NoSpace
from mapsto.files import atomic, cache_dir, data_dir, sha256


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text)


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_file_appears_with_its_folder_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "new" / "a.txt", "one")
    assert (tmp_path / "new" / "a.txt").read_text() == "one"
    assert names(tmp_path / "new") == ["a.txt"]


def test_nothing_is_seen_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
        assert temporary.suffix == path.suffix  # writers look at it to choose a format


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(type(error)), atomic(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, full_disk)
        with pytest.raises(NoSpace, match="No space left"):
            write(path, "after")
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_while_writing_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match="No space left"), atomic(tmp_path / "a.txt"):
        full_disk()
    assert names(tmp_path) == []


def test_other_errors_of_the_writer_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), atomic(tmp_path / "a.txt"):
        raise PermissionError(errno.EACCES, "of another file")


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match="not a file"):
        write(tmp_path, "text")


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NoSpace, match="not a file"):
        write(tmp_path / "pipe", "text")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["file/inside.txt", "x" * 300])
def test_a_place_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoSpace, match="Cannot write"):
        write(tmp_path / name, "text")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_permissions_are_those_of_a_plain_open(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write(tmp_path / "new", "text")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new").chmod(0o600)
    write(tmp_path / "new", "again")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_home_can_be_moved_and_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    assert (cache_dir(), data_dir()) == (tmp_path / "home" / "cache", tmp_path / "home" / "data")
    monkeypatch.delenv("MAPSTO_HOME")
    assert cache_dir() != data_dir()
    assert not (tmp_path / "home").exists()


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000  # more than one chunk
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == sha256(content) == hashlib.sha256(content).hexdigest()


def test_files_below_a_folder_come_in_order_without_hidden_ones_and_links_to_folders(tmp_path: Path) -> None:
    for name in ("b.wav", "a.WAV", ".c.wav", "d.txt", "deep/er/a.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "deep/up").symlink_to(tmp_path)
    (tmp_path / "link.wav").symlink_to(tmp_path / "d.txt")
    told = files.below(tmp_path, (".wav", ".flac"))
    assert [path.relative_to(tmp_path).as_posix() for path in told] == ["a.WAV", "b.wav", "deep/er/a.flac", "link.wav"]
    assert files.below(tmp_path / "missing", (".wav",)) == []
