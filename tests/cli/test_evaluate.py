from __future__ import annotations

import json
from pathlib import Path

import pytest

from darkroom import Command, photo
from mapsto.learning.evaluation import Evaluation


@pytest.fixture
def held_out(place: Path) -> Path:
    for number in range(12):
        photo(f"held out/{number}.png", (24, 16), seed=number)
        photo(f"seen/{number}.png", (24, 16), seed=100 + number)
    return Path("held out")


def test_a_table_stands_beside_its_ladder(mapsto: Command, held_out: Path) -> None:
    done = mapsto("evaluate", "hills", held_out)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    for name in ("samples", "Gaussian", "reconstructions", "the ladder", "real", "blurred ½", "noise"):
        assert any(line.startswith(name) for line in lines), name
    assert "6 pictures in each set, 24 × 16 px" in done.out
    assert "12 pictures at 24×16" in done.err


def test_programs_get_all_figures_and_those_of_copies(mapsto: Command, held_out: Path) -> None:
    options = ("--train", "seen", "--count", "9", "--prior", "gan", "--seed", "4", "--truncation", "0.7", "--path-length")
    said = json.loads(mapsto("evaluate", "hills", held_out, *options, "--json").out)
    assert said["ok"], said["error"]
    data = said["data"]
    assert (data["model"], data["prior"], data["truncation"], data["seed"]) == ("hills", "gan", 0.7, 4)
    found = Evaluation.from_json({key: data[key] for key in data if key not in ("model", "prior", "truncation", "notes")})
    assert (found.count, found.size, list(found.notes())) == (9, (16, 24), data["notes"])
    assert found.nearest is not None
    assert found.path_length is not None
    assert "--truncation 0.7" in said["warnings"][0]


@pytest.mark.parametrize(("name", "rows"), [("sprites", ["samples", "reconstructions"]), ("dots", ["samples"])])
def test_what_a_model_does_not_have_is_not_measured(mapsto: Command, held_out: Path, name: str, rows: list[str]) -> None:
    said = json.loads(mapsto("evaluate", name, held_out, "--json").out)
    assert [row["name"] for row in said["data"]["rows"] if not row["rung"]] == rows


def test_the_same_seed_gives_the_same_figures(mapsto: Command, held_out: Path) -> None:
    first, again = (mapsto("evaluate", "hills", held_out, "--count", "6").out for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["hils", "held out"], 5, "There are: dots, hills, pixel-art"),
        (["tiny", "held out"], 5, "ImageModel"),
        (["hills", "nowhere"], 4, "nowhere"),
        (["hills", "few"], 2, "too few to measure by"),
        (["hills", "held out", "--count", "0"], 2, "--count"),
        (["hills", "held out", "--prior", "vae"], 2, "flow and gan and gaussian"),
        (["hills", "held out", "--train", "missing"], 4, "missing"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_line(
    mapsto: Command, held_out: Path, options: list[str], code: int, says: str
) -> None:
    photo("few/a.png")
    done = mapsto("evaluate", *options)
    assert (done.code, done.out) == (code, ""), done.err
    assert says in done.err.splitlines()[-1], done.err
