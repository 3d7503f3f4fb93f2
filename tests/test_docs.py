"""What the READMEs say is true: their commands run, their snippets run, their links lead somewhere, and both say the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsto import weights
from mapsto.cli.app import app, run
from mapsto.cli.tongue import FLAG
from mapsto.media import video
from mapsto.media.picture import Picture

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh-CN.md")
DOCS = ("studio", "ideas", "tutorials/adapt")
PAGES = (
    *READMES,
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *(f"docs/{page}{tongue}.md" for page in DOCS for tongue in ("", ".zh-CN")),
)
SHORTER = {"--learn": "0.2", "--steps": "2", "--size": "48", "--seconds": "0.2", "-n": "2", "--with-music": "1"}
"""What takes a minute in the README takes a moment here."""


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """Lines for a shell, without their comments."""
    lines = [line.split("  #")[0].rstrip() for block in fenced(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def arguments(line: str) -> list[str]:
    """What follows `mapsto`, without pipes and redirections."""
    return shlex.split(line.partition("mapsto ")[2].partition(" > ")[0].partition(" | ")[0])


MAPSTO = [line for line in commands("README.md") if "mapsto " in line]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README takes for granted, the embedded weights, and a home of its own."""
    monkeypatch.setenv("MAPSTO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MAPSTO_PRECISION", "fp32")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shots").mkdir()
    for number, name in enumerate(("photo.jpg", "other.jpg", "painting.jpg", "shots/a.jpg")):
        values = np.random.default_rng(number).integers(0, 255, (8, 9, 3), dtype=np.uint8)
        Image.fromarray(values).resize((72, 64), Image.Resampling.BICUBIC).save(tmp_path / name)
    with Image.open(tmp_path / "photo.jpg") as photo:
        video.write_video(tmp_path / "clip.mp4", [Picture.of(photo)] * 10, fps=2)
    return tmp_path


def help_of(verb: str, capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert run([verb, "--help"]) == 0
    return capfd.readouterr().out


def test_every_option_in_every_page_exists(capfd: pytest.CaptureFixture[str]) -> None:
    helps = {str(each.name): help_of(str(each.name), capfd) for each in app.registered_commands}
    for page in READMES:
        for words in (arguments(line) for line in commands(page) if "mapsto " in line):
            known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helps[words[0]]))
            assert {word for word in words[1:] if re.match(r"--?[a-z]", word)} <= known | {FLAG}, (page, words)
        mentioned = set(re.findall(r"`(--[a-z-]+)", text(page)))
        assert mentioned <= {FLAG, *re.findall(r"--[a-z-]+", " ".join(helps.values()))}, page


def test_the_table_of_verbs_is_complete(capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    run(["--help"])
    listed = re.findall(r"^  (\w+)  ", capfd.readouterr().out.partition("Commands:")[2], re.MULTILINE)
    for page in READMES:
        assert re.findall(r"^\| `mapsto (\w+)`", text(page), re.MULTILINE) == listed, page


def test_the_tour_runs_as_typed(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for line in MAPSTO:
        words = arguments(line)
        if "-" in words or words[0] in ("stream", "doctor", "studio"):  # pipes, and a slow one: tests/cli has them
            continue
        for option, value in SHORTER.items():
            if option in words:
                words[words.index(option) + 1] = value
        assert run(words) == 0, (line, capfd.readouterr().err)
    made = {path.name for path in place.rglob("*.*")}
    assert {"sheet.png", "photo.starry-night.png", "half.png", "own.jpg", "a.ink.png", "slow.png", "again.png"} <= made


def test_python_snippets_run(place: Path) -> None:
    for block in fenced("README.md", "python"):
        exec(compile(block, "README.md", "exec"), {})
    assert (place / "starry.png").is_file()
    assert len(list(place.glob("frame-*.png"))) == 5


def test_both_languages_give_the_same_commands_and_code() -> None:
    english, chinese = READMES
    assert commands(english) == commands(chinese)

    def code(page: str) -> list[str]:
        return [re.sub(r"\s*#.*", "", block) for block in fenced(page, "python")]

    assert code(english) == code(chinese)


@pytest.mark.parametrize("page", [f"docs/{page}" for page in DOCS])
def test_a_page_has_the_same_parts_code_and_figures_in_both_languages(page: str) -> None:
    def parts(content: str) -> list[str]:
        return re.findall(r"^(#+|[-\d]\.?(?= )|```\w*|\|)", content, re.MULTILINE)

    def told(content: str) -> tuple[list[str], list[str]]:
        prose = re.sub(r"```.*?```", "", content, flags=re.DOTALL)
        return sorted(re.findall(r"(?<![\w.])\d(?:[\d.,]*\d)?", prose)), sorted(re.findall(r"`[^`\n]+`", prose))

    def code(content: str) -> list[str]:
        return [re.sub(r"\s+#.*", "", block) for block in re.findall(r"```.*?```", content, re.DOTALL)]

    english, chinese = text(f"{page}.md"), text(f"{page}.zh-CN.md")
    assert parts(english) == parts(chinese)
    assert told(english) == told(chinese)
    assert code(english) == code(chinese)
    name = Path(page).name
    assert f"[中文]({name}.zh-CN.md)" in english
    assert f"[English]({name}.md)" in chinese


def test_both_languages_give_the_same_figures() -> None:
    def cells(page: str) -> list[str]:
        part = text(page).partition("<!-- figures: speed -->")[2].partition("<!-- figures end -->")[0]
        return re.findall(r"\d+(?:\.\d+)?", part)

    assert cells(READMES[0]) == cells(READMES[1])


def test_the_number_of_styles_is_true() -> None:
    presets = len(weights.card("style-s")["arguments"]["names"])
    for page in (*READMES, "CHANGELOG.md"):
        assert re.search(rf"\b{presets}\b", text(page)), page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", text(page))
    local = [target for target in targets if not target.startswith(("http:", "https:"))]
    assert not [target for target in local if not ((ROOT / page).parent / target).exists()]


def test_every_paper_named_in_the_ideas_is_in_the_bibliography() -> None:
    years = set(re.findall(r"([A-Z][a-z]+)(?: et al\.| & \w+)? \(?((?:19|20)\d\d)", text("docs/ideas.md")))
    keys = set(re.findall(r"^@\w+\{(\w+),", text("docs/references.bib"), re.MULTILINE))
    assert {f"{name.lower()}{year}" for name, year in years} <= keys


def test_pictures_are_small() -> None:
    assert all(path.stat().st_size <= 600_000 for path in (ROOT / "docs/pictures").iterdir())
