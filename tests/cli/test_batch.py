from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from darkroom import Command, photo
from mapsto.media import picture


def shots() -> list[str]:
    """A tree with five pictures, two of them in one folder with one stem, and the names of their paintings."""
    for name in ("a.jpg", "a.png", "one/b.jpg", "one/two/c.webp", "one/two/d.png"):
        photo(f"shots/{name}")
    return ["a.jpg.ink.png", "a.png.ink.png", "one/b.ink.png", "one/two/c.ink.png", "one/two/d.ink.png"]


def found(folder: str = "styled") -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_a_tree_is_mirrored(mapsto: Command) -> None:
    names = shots()
    done = mapsto("style", "shots/", "ink", "-r", "-o", "styled/")
    assert done.code == 0
    assert found() == names
    assert len(done.out.splitlines()) == 5


def test_the_rest_goes_on_and_failures_are_listed(mapsto: Command) -> None:
    shots()
    Path("shots/one/b.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    Path("shots/empty.png").touch()
    done = mapsto("style", "shots/", "ink", "-r", "-o", "styled/")
    assert done.code == 3
    assert len(found()) == 4
    told = done.err.splitlines()
    assert told[0].startswith("mapsto: shots/empty.png: shots/empty.png is empty")
    assert told[1].startswith("mapsto: shots/one/b.jpg: ")
    assert told[2] == "mapsto: 2 of 6 pictures failed — The others are done."
    said = json.loads(mapsto("style", "shots/", "ink", "-r", "-o", "styled/", "--json").out)
    assert (said["ok"], said["error"]["code"], len(said["outputs"])) == (False, 3, 4)
    assert [failure["code"] for failure in said["data"]["failures"]] == [4, 4]


def test_skipping_what_is_finished_repairs_what_is_not(mapsto: Command) -> None:
    names = shots()
    assert mapsto("style", "shots/", "ink", "-r", "-o", "styled/", "-q").code == 0
    whole = Path("styled/one/b.ink.png").stat().st_mtime_ns
    torn = Path("styled/one/two/c.ink.png")
    torn.write_bytes(torn.read_bytes()[:-200])
    Path("styled/a.jpg.ink.png").write_bytes(b"")
    Path("styled/one/two/d.ink.png").unlink()
    done = mapsto("style", "shots/", "ink", "-r", "-o", "styled/", "--skip-existing")
    assert done.code == 0
    assert len(done.out.splitlines()) == 3
    assert "2 of 5 are there already" in done.err
    assert found() == names
    assert Path("styled/one/b.ink.png").stat().st_mtime_ns == whole
    picture.read(torn)
    done = mapsto("style", "shots/", "ink", "-r", "-o", "styled/", "--skip-existing")
    assert (done.code, done.out) == (0, "")


def test_no_space_leaves_nothing_half_written(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shots()
    assert mapsto("style", "shots/a.png", "ink", "-o", "styled/", "-q").code == 0
    kept = Path("styled/a.ink.png").read_bytes()
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        done = mapsto("style", "shots/a.png", "ink", "-o", "styled/")
        assert done.code == 7
        assert done.err.startswith("mapsto: No space left to write styled/a.ink.png")
        assert mapsto("style", "shots/", "ink", "-r", "-o", "styled/").code == 3
    assert Path("styled/a.ink.png").read_bytes() == kept
    assert found() == ["a.ink.png"]


def test_interrupting_keeps_what_is_done_and_says_so(place: Path) -> None:
    for index in range(30):
        photo(f"shots/{index:02}.jpg", (640, 480), seed=index)
    command = [sys.executable, "-m", "mapsto", "style", "shots/", "ink", "-r", "-o", "styled/"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(Path("styled").glob("[0-9]*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    done = len(out.splitlines())
    assert 2 <= done < 30
    assert err == f"mapsto: Stopped: {done} of 30 pictures are done and kept.\n"
    assert len(found()) == done
    for path in Path("styled").iterdir():
        picture.read(path)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_being_terminated_clears_up(place: Path) -> None:
    photo("large.jpg", (1200, 900))
    command = [sys.executable, "-m", "mapsto", "style", "large.jpg", "ink", "-o", "out/"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not Path("out").exists() and process.poll() is None:  # the folder is made when writing begins
        time.sleep(0.001)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert all(path.name == "large.ink.png" for path in Path("out").iterdir())
