"""What docs/studio.md tells to type runs, and all that it names is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from atelier import Studio
from darkroom import photo
from mapsto.media.picture import settings
from mapsto.studio.server import bare
from test_docs import fenced, text

PAGE = "docs/studio.md"
USUAL = "http://127.0.0.1:8123"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_curl_examples_run(studio: Studio, tmp_path: Path) -> None:
    photo(tmp_path / "photo.jpg")
    script = "\n".join(fenced(PAGE, "sh")).replace(USUAL, studio.address)
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = settings(tmp_path / "painted.png")
    assert said is not None
    assert [(part["name"], part["weight"]) for part in said["style"]] == [("ink", 0.6), ("mosaic", 0.4)]
    with Image.open(tmp_path / "preview.webp") as preview:
        assert preview.size == (48, 32)


def test_the_python_example_runs(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    (block,) = fenced(PAGE, "python")
    exec(compile(block.replace(USUAL, studio.address), PAGE, "exec"), {})
    with Image.open(tmp_path / "morph.webp") as film:
        assert film.n_frames == 9


def test_the_sketch_asks_for_what_there_is() -> None:
    (sketch,) = fenced(PAGE, "js")
    told = bare(None).openapi()
    paths = {f"/api{path}" for path in re.findall(r"\$\{studio\}(/\w+)", sketch)}
    assert paths <= set(told["paths"])
    fields = set(told["components"]["schemas"]["StylePreview"]["properties"])
    wish = re.search(r"const wish = \{([^{]*)\{", sketch)
    assert wish is not None
    assert {"view", "image"} <= set(re.findall(r"(?:^|,)\s*(\w+)", wish[1])) <= fields
    if node := shutil.which("node"):
        program = f"new Function({json.dumps(sketch)})"
        assert subprocess.run([node, "-e", program], capture_output=True).returncode == 0


def test_every_route_stands_on_the_page() -> None:
    page = text(PAGE)
    for path in bare(None).openapi()["paths"]:
        words = [word for word in path.removeprefix("/api/").split("/") if "{" not in word]
        assert all(word in page for word in words), path


def test_the_limits_are_true() -> None:
    from mapsto.studio import guard, hub, previews, queue, reader, shop

    row = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text(PAGE).partition("## Limits")[2], re.MULTILINE))
    assert row["a picture"].startswith(
        f"{shop.MOST_PIXELS // 10**6} megapixels (`--max-pixels`), {guard.MOST_PICTURE >> 20} MB"
    )
    assert f"{reader.MOST_FRAMES_PIXELS // 10**6:,} megapixels" in row["a picture"]
    assert row["a film, or a zip to learn from"] == f"{guard.MOST_FILE >> 30} GB, {reader.LONGEST_FILM / 3600:g} hours"
    assert row["a sound"] == f"{reader.LONGEST_SOUND / 3600:g} hour"
    assert row["JSON"] == f"{guard.MOST_JSON >> 20} MB; {guard.MOST_MASK >> 20} MB where there may be a mask"
    assert row["jobs that wait, previews that wait, streams of news"] == f"{queue.WAITING}, {previews.WAITING}, {hub.STREAMS}"
    assert row["looking at an upload"].startswith(f"{shop.READING:g} s and {reader.MEMORY >> 30} GB")
