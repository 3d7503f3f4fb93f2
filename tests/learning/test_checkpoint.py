from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mapsto.errors import UnreadableInput
from mapsto.learning.checkpoint import Checkpoint, checkpoints, forget_after, newest, oldest, save


def at(step: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    tensors = {
        "a": torch.rand(2, 3, 4, 4, generator=generator).to(memory_format=torch.channels_last),
        "b": torch.rand(5, generator=generator).bfloat16(),
        "count": torch.tensor(step),
        "nothing": torch.empty(0),
    }
    return Checkpoint(tensors, {"step": step, "rate": 0.1 + step, "list": [1, 2]})


def test_what_is_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    save(tmp_path, at(3))
    found = newest(tmp_path)
    assert found is not None
    assert found.facts == at(3).facts
    for name, tensor in at(3).tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 9, 10, 200):
        save(tmp_path, at(step))
    assert [path.name for path in checkpoints(tmp_path)] == [
        "checkpoint-00000200.safetensors",
        "checkpoint-00000010.safetensors",
    ]
    first, last = oldest(tmp_path), newest(tmp_path)
    assert first is not None
    assert last is not None
    assert (first.facts["step"], last.facts["step"]) == (10, 200)


def test_none_is_none(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert newest(tmp_path / "nowhere") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "another"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    save(tmp_path, at(1))
    path = save(tmp_path, at(2))
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-50] ^= 1
    path.write_bytes({"cut": content[:-1], "flipped": content, "emptied": b"", "another": b"\x80\x04pickle"}[damage])
    found = newest(tmp_path)
    assert found is not None
    assert found.facts["step"] == 1
    checkpoints(tmp_path)[1].write_bytes(b"")
    with pytest.raises(UnreadableInput, match="All checkpoints in"):
        newest(tmp_path)


def test_going_back_forgets_what_came_after(tmp_path: Path) -> None:
    for step in (5, 10):
        save(tmp_path, at(step))
    forget_after(tmp_path, 5)
    assert [path.stem for path in checkpoints(tmp_path)] == ["checkpoint-00000005"]
