"""The proof on toys: two steps for each way instead of thousands."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from mapsto.errors import UsageError

RECIPES = Path(__file__).parents[2] / "recipes"
WAYS = ["scratch", "scratch + DiffAugment", "scratch, charged", "scratch + DiffAugment, charged"]
WAYS += ["fine-tune", "+ L2-SP", "+ FreezeD", "+ EWC", "+ DiffAugment", "+ all"]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RECIPES))
    return importlib.import_module("adapt_proof")


def rows(run: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in (run / "rows").glob("*.json")}


def test_every_way_has_its_row_and_none_is_made_twice(
    recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.main([str(tmp_path), "--quick", "--kind", "gan", "--threads", "1"])
    found = rows(tmp_path)
    assert [row["arm"] for row in sorted(found.values(), key=lambda row: (*WAYS, "start").index(row["arm"]))] == [
        *WAYS,
        "start",
    ]
    # equal pictures in all, and the charged ones have been given what the start has seen
    assert {row["arm"]: row["images"] for row in found.values() if "images" in row} == {
        way: 12 if "charged" in way else 8 for way in WAYS
    }
    assert {row["arm"] for row in found.values() if row["seen"]} == {"start", *WAYS[4:]}
    kds = {row["arm"]: row["figures"]["kd"] for row in found.values()}
    assert len(set(kds.values())) > 6  # they are not one training under many names
    text = (tmp_path / "proof.md").read_text()
    assert all(text.count(f"\n| {way} |") == 1 for way in ["start", *WAYS])
    assert not list(tmp_path.rglob("arms/*/*.safetensors"))

    (tmp_path / "rows" / "5-0-fine-tune.json").unlink()
    made: list[str] = []
    row = recipe.Proof.row
    monkeypatch.setattr(recipe.Proof, "row", lambda self, *args: made.append(args[2].arm.name) or row(self, *args))
    for path in (tmp_path / "arms" / "5-0-fine-tune").iterdir():
        path.unlink()
    recipe.main([str(tmp_path), "--quick", "--kind", "gan", "--threads", "1"])
    assert made == ["fine-tune"]
    again = rows(tmp_path)["5-0-fine-tune"]
    assert again["figures"] == found["5-0-fine-tune"]["figures"]

    with pytest.raises(UsageError, match="kind was gan, is flow"):
        recipe.main([str(tmp_path), "--quick", "--kind", "flow"])


def test_a_flow_is_mirrored_and_freezes_its_own_layers(recipe: ModuleType, tmp_path: Path) -> None:
    options = recipe.parse([str(tmp_path), "--quick", "--kind", "flow", "--threads", "1"])
    proof = recipe.Proof(options)
    ways = {way.arm.name: way for way in recipe.ways(options)}
    assert [name for name, way in ways.items() if way.mirrored] == [
        name for name in WAYS if "DiffAugment" in name or "all" in name
    ]
    row = proof.row(5, 0, ways["+ all"], tmp_path / "all")
    assert row["images"] == 8
    assert row["figures"].keys() == {"kd", "fd", "precision", "recall", "nearest"}
    assert "tensors" in json.loads((tmp_path / "all" / "config.json").read_text())["game"]["frozen"]


def test_more_pictures_contain_the_fewer(recipe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    def learn(arm: object, make: object, data: object, *rest: object, **options: object) -> None:
        seen.append(set(data))  # type: ignore[call-overload]
        raise InterruptedError

    proof = recipe.Proof(recipe.parse([str(tmp_path), "--quick", "--threads", "1"]))
    monkeypatch.setattr(recipe, "learn", learn)
    monkeypatch.setattr(proof.subject, "source", lambda data: data.names)
    way = recipe.ways(proof.options)[0]
    for count, seed in ((3, 0), (6, 0), (6, 1)):
        with pytest.raises(InterruptedError):
            proof.row(count, seed, way, tmp_path / "x")
    assert seen[0] < seen[1]
    assert seen[1] != seen[2]
    assert not seen[1] & set(proof.held_out.names)


def test_too_few_pictures_prove_nothing(recipe: ModuleType, tmp_path: Path) -> None:
    options = recipe.parse([str(tmp_path), "--quick", "--threads", "1"])
    options.counts = [100]
    with pytest.raises(UsageError, match="24 pictures are too few"):
        recipe.Proof(options)


def test_the_table_tells_where_the_default_lost(recipe: ModuleType) -> None:
    table = importlib.import_module("proof_table")
    figures = {"fine-tune": (1.0, 5.0), "+ L2-SP": (2.0, 4.0)}
    found = [
        {"arm": arm, "seed": seed, "count": 9, "images": 8, "seen": 100, "seconds": 60.0, "figures": {"kd": kd}}
        for arm, kds in figures.items()
        for seed, kd in enumerate(kds)
    ]
    lines = table.section(9, {"figures": {"kd": 7.0}, "seen": 100}, found)
    assert lines[-1] == "+ L2-SP has the lower kd than: fine-tune 1 of 2."
    assert lines[6] == "| fine-tune | 3 ± 2.8 |  |  |  |  | 108 | 100 | 1.0 |"
