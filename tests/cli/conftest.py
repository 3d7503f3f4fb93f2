"""A small home, and running commands in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from darkroom import Command, Done, photo
from homes import furnish


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MAPSTO_HOME with a style network whose styles differ."""
    home = tmp_path_factory.mktemp("home")
    furnish(home)
    return home


@pytest.fixture
def place(small_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a photo; learning and forgetting change this test's home only."""
    for variable in [name for name in os.environ if name.startswith("MAPSTO_")]:
        monkeypatch.delenv(variable)
    home = tmp_path / "home"
    (home / "data" / "weights").mkdir(parents=True)
    for file in (small_home / "data/weights").iterdir():
        os.link(file, home / "data/weights" / file.name)
    monkeypatch.setenv("MAPSTO_HOME", str(home))
    monkeypatch.setenv("MAPSTO_WEIGHTS", "tiny")
    monkeypatch.setenv("MAPSTO_PRECISION", "fp32")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    photo("photo.jpg")
    return work


@pytest.fixture
def mapsto(place: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process."""
    from mapsto.cli.app import run

    def command(*arguments: object) -> Done:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return command
