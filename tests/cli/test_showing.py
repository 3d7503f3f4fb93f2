from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from darkroom import Command, photo, pixels
from mapsto import weights
from mapsto.cli import demo as demos
from mapsto.cli import doctor
from mapsto.files import sha256
from mapsto.media import picture


def test_styles_are_listed_with_their_sources(mapsto: Command) -> None:
    rows = [line.split("\t") for line in mapsto("styles").out.splitlines()]
    assert [row[0] for row in rows] == ["starry-night", "great-wave", "ink", "mosaic"]
    assert rows[2] == ["ink", "preset", "hand of ink", "Nobody", "Ink", "2026"]
    said = json.loads(mapsto("styles", "--json").out)
    assert said["data"]["styles"][0]["kind"] == "preset"


def test_a_sheet_shows_the_photo_in_every_style(mapsto: Command) -> None:
    done = mapsto("styles", "--sheet", "photo.jpg")
    assert done.code == 0
    assert "4 styles" in done.out
    width, height = pixels("photo.styles.png").shape[1::-1]
    assert width == 2 * (384 + 12) + 12
    assert height == 3 * (256 + 26 + 12) + 12
    assert mapsto("styles", "--sheet", "photo.jpg", "-o", "photo.jpg").code == 2


def test_the_demo_is_six_files_and_one_page_that_needs_nothing_else(mapsto: Command) -> None:
    done = mapsto("demo", "photo.jpg", "-o", "out")
    assert done.code == 0
    page = Path(done.out.splitlines()[-1])
    assert page == Path("out/index.html").resolve()
    text = page.read_text()
    assert not re.search(r"""(src|href) *= *(?!["']?data:|style.picture)\S|https?://|@import|url\(""", text)
    shown = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert [style["name"] for style in shown] == ["starry-night", "great-wave", "ink", "mosaic"]
    assert shown[0]["command"] == "mapsto style photo.jpg starry-night"
    assert all(style["picture"].startswith("data:image/jpeg;base64,") for style in shown)
    assert len(list(Path("out").glob("photo.*.png"))) == 4


def test_the_demo_knows_a_home_the_shell_left_alone(mapsto: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    done = mapsto("demo", "~/photo.jpg", "-o", "out")
    assert done.code == 0, done.err
    assert Path("out/photo.ink.png").is_file()


def test_the_demo_brings_its_own_photo(mapsto: Command) -> None:
    pytest.importorskip("skimage")
    done = mapsto("demo", "--json")
    assert json.loads(done.out)["data"]["page"] == "demo/index.html"
    assert "scikit-image" in Path("demo/index.html").read_text()
    assert mapsto("demo").code == 0  # once more over its own files


def test_the_demo_without_scikit_image_says_what_to_install(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = mapsto("demo")
    assert done.code == 4
    assert "pip install 'mapsto[demo]'" in done.err


def test_a_page_cannot_be_broken_out_of(mapsto: Command) -> None:
    name = "<script>alert(1)<!--.jpg"
    photo(name)
    assert mapsto("demo", name, "-o", "out").code == 0
    text = Path("out/index.html").read_text()
    assert "<script>alert" not in text
    assert text.count("<script") == 2
    assert demos.json_in_html("</script>") == '"\\u003c/script>"'


def test_six_styles_are_found_where_some_are_missing() -> None:
    assert demos.six_of(["a", "ink", "b"]) == ["ink", "a", "b"]
    assert demos.six_of([*"abc", *demos.SIX]) == list(demos.SIX)


def test_doctor_looks_at_everything(mapsto: Command) -> None:
    said = json.loads(mapsto("doctor", "--json").out)
    checks = {check["name"]: check for check in said["data"]["checks"]}
    for name in ("mapsto", "python", "torch", "device", "precision", "threads", "memory", "cache", "data", "painting"):
        assert checks[name]["ok"] is not False, checks[name]
    for extra in doctor.EXTRAS:
        assert "installed" in checks[extra]["value"]
    assert said["ok"] == all(check["ok"] is not False for check in said["data"]["checks"])


def test_doctor_finds_what_is_wrong(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("blocked").write_text("no folder")
    monkeypatch.setenv("MAPSTO_HOME", "blocked")
    done = mapsto("doctor")
    assert done.code == 1
    assert "BAD cache" in done.out
    assert "Set MAPSTO_HOME" in done.out


def test_doctor_knows_weights_that_are_not_the_shipped_ones(small_home: Path) -> None:
    file = small_home / "data/weights/tiny.safetensors"
    assert doctor._one_weight(file, sha256(file)).ok
    wrong = doctor._one_weight(file, "0" * 64)
    assert (wrong.ok, wrong.hint) == (False, "Install Mapsto again.")


def test_the_sums_are_those_of_the_shipped_weights() -> None:
    embedded = Path(weights.__file__).parent / "embedded"
    found = {file.stem: sha256(file) for file in embedded.glob("*.safetensors")}
    if not set(doctor.NEEDED) <= set(found):
        pytest.skip("not all weights are there yet")
    assert doctor.expected(embedded / doctor.SUMS) == found, f"(cd {embedded} && sha256sum *.safetensors > {doctor.SUMS})"


def test_sums_are_read(tmp_path: Path) -> None:
    file = tmp_path / doctor.SUMS
    file.write_text("aa  style-s.safetensors\nbb *features-s.safetensors\n")
    assert doctor.expected(file) == {"style-s": "aa", "features-s": "bb"}
    assert doctor.expected(tmp_path / "missing") == {}


def test_the_sheet_says_who_made_it(mapsto: Command) -> None:
    mapsto("styles", "--sheet", "photo.jpg")
    assert (picture.settings("photo.styles.png") or {})["command"] == "styles"
