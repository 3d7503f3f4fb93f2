from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mapsto.errors import UsageError
from mapsto.learning import run_folder
from mapsto.learning.run_folder import GAP, RunFolder, config, rows


def row(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "terms": {"square": 1 / step}, **more}


def test_rows_are_kept_and_read_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append(row(step))
    assert rows(tmp_path) == [row(1), row(2), row(3)] == RunFolder(tmp_path).rows


def test_numbers_that_json_does_not_know_become_null(tmp_path: Path) -> None:
    RunFolder(tmp_path).append(row(1, noted={"psnr_db": float("inf"), "list": [float("nan"), 1.5]}))
    assert json.loads((tmp_path / "log.jsonl").read_text())["noted"] == {"psnr_db": None, "list": [None, 1.5]}


def test_a_line_cut_by_a_crash_is_left_out_and_replaced(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (1, 2, 3):
        folder.append(row(step))
    log = tmp_path / "log.jsonl"
    log.write_text(log.read_text()[:-9])
    again = RunFolder(tmp_path)
    again.go_back(2)
    again.append(row(3))
    assert rows(tmp_path) == [row(1), row(2), row(3)]


def test_a_full_disk_loses_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.append(row(1))
    with monkeypatch.context() as patch:
        original = Path.open

        def full(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path.suffix == ".jsonl":
                with original(path, "ab") as file:
                    file.write(b'{"step": 2, "te')
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(path, *args, **kwargs)

        patch.setattr(Path, "open", full)
        folder.append(row(2))
    folder.append(row(3))
    assert rows(tmp_path) == [row(1), row(2), row(3)]


def test_processes_other_than_the_first_write_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, writes=False)
    folder.configure({})
    folder.append(row(1))
    folder.go_back(0)
    folder.show({}, running=True)
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_is_read_as_written_or_refused(tmp_path: Path) -> None:
    assert config(tmp_path) is None
    RunFolder(tmp_path).configure({"name": "面"})
    assert config(tmp_path) == {"name": "面"}
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        config(tmp_path)


@pytest.mark.parametrize(("channels", "paper"), [(1, 247), (3, [247] * 3), (4, [0] * 4)])
def test_a_grid_holds_its_pictures_in_rows(tmp_path: Path, channels: int, paper: Any) -> None:
    pictures = torch.rand(6, channels, 4, 3, generator=torch.Generator().manual_seed(0))
    name = RunFolder(tmp_path).grid(7, pictures)
    assert name == "samples-00000007.png"
    with Image.open(tmp_path / name) as image:
        pixels = np.asarray(image)
    assert pixels.shape[:2] == (2 * (4 + GAP) - GAP, 3 * (3 + GAP) - GAP)
    fifth = pixels[4 + GAP :, 3 + GAP : 6 + GAP].reshape(4, 3, channels)
    assert np.array_equal(fifth, (pictures[4] * 255).round().byte().permute(1, 2, 0).numpy())
    assert pixels[4, 3].tolist() == paper


@pytest.mark.parametrize(("channels", "mode"), [(2, "L"), (8, "RGB")])
def test_latents_without_a_decoder_are_shown_somehow(tmp_path: Path, channels: int, mode: str) -> None:
    name = RunFolder(tmp_path).grid(1, torch.rand(4, channels, 4, 4))
    assert name is not None
    with Image.open(tmp_path / name) as image:
        assert image.mode == mode


def test_the_page_holds_everything_and_asks_the_network_for_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append(row(1, notes=["</script><script>alert(1)</script>"], samples="samples-00000001.png"))
    folder.show({"plan": {"steps": 9}}, running=True)
    page = (tmp_path / "index.html").read_text()
    (told,) = re.findall(r'<script type="application/json" id="told">(.*?)</script>', page, re.DOTALL)
    assert json.loads(told)["rows"] == folder.rows
    assert page.count("<script") == 2
    assert "{{" not in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|fetch\(|XMLHttpRequest""", page)


def test_the_template_is_part_of_the_package() -> None:
    assert run_folder.PAGE.is_file()
