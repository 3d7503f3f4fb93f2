"""A small home, and a studio over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from atelier import Studio, opened
from homes import furnish


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MAPSTO_HOME with small random weights."""
    home = tmp_path_factory.mktemp("small")
    furnish(home)
    return home


def settled(small: Path, home: Path, patch: pytest.MonkeyPatch) -> Path:
    """A home of its own with the small weights, which this process takes for the user's."""
    (home / "data/weights").mkdir(parents=True, exist_ok=True)
    for file in (small / "data/weights").iterdir():
        if not (home / "data/weights" / file.name).exists():
            os.link(file, home / "data/weights" / file.name)
    for variable in [name for name in os.environ if name.startswith("MAPSTO_")]:
        patch.delenv(variable)
    patch.setenv("MAPSTO_HOME", str(home))
    patch.setenv("OMP_NUM_THREADS", "1")
    return home


@pytest.fixture(scope="session")
def shared(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Starting one takes seconds, so most tests share it."""
    with pytest.MonkeyPatch.context() as patch:
        home = settled(small, tmp_path_factory.mktemp("shared"), patch)
        running = opened(home)
        studio = running.__enter__()
    yield studio
    running.__exit__(None, None, None)


@pytest.fixture
def studio(shared: Studio, small: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A studio, for tests that do no harm to it."""
    settled(small, shared.home, monkeypatch)
    return shared


@pytest.fixture
def own_home(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for a studio of a test's own."""
    return settled(small, tmp_path / "home", monkeypatch)
