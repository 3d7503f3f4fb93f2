"""Trainings that are killed, and trainings by two processes: see tests/killing.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import playing

PROGRAM = Path(playing.__file__).with_name("killing.py")


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("survival")
    done = subprocess.run([sys.executable, PROGRAM, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_a_training_killed_at_twenty_random_moments_ends_with_the_same_bits(survived: tuple[Path, dict[str, Any]]) -> None:
    found = survived[1]
    assert len(found["steps"]) >= 20
    assert len(set(found["steps"])) > 5  # at different moments
    assert found["different"] == []


def test_two_processes_learn_what_one_learns(survived: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    playing.played(playing.Plain(), playing.plan(12), tmp_path / "one", source=playing.Points(flip=False))
    one, two = playing.kept(tmp_path / "one"), playing.kept(survived[0] / "together" / "plain")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


def test_two_processes_stay_of_one_mind(survived: tuple[Path, dict[str, Any]]) -> None:
    first, second = ((survived[0] / "together" / f"mind-{rank}").read_text() for rank in (0, 1))
    assert "running_mean" in first  # statistics of their own batches, and an adaptive probability
    assert first == second
