from __future__ import annotations

import json
from pathlib import Path

import pytest

from darkroom import Command
from mapsto.cli import options
from mapsto.image import models, own_models


def test_models_are_listed_with_what_they_draw(mapsto: Command) -> None:
    rows = {row.partition("\t")[0]: row.split("\t") for row in mapsto("models").out.splitlines()}
    assert rows["hills"] == ["hills", "own", "24×16", "flow, gan, gaussian", "toy hills", "", "none"]
    assert rows["sprites"][2] == "16×16, transparent"
    assert "tiny" not in rows
    said = {model["name"]: model for model in json.loads(mapsto("models", "--json").out)["data"]["models"]}
    hills = said["hills"]
    assert (hills["kind"], hills["classes"], hills["sliders"]) == ("own", ["hill", "sea"], {"1": "light"})
    assert hills["bytes"] == Path(hills["path"]).stat().st_size
    assert said["dots"]["priors"] == ["gan"]


def test_a_damaged_file_is_no_model(mapsto: Command) -> None:
    own_models.path_of("broken").write_bytes(b"not weights at all")
    done = mapsto("models")
    assert done.code == 0
    assert "broken" not in done.out


def test_forgetting_leaves_the_training(mapsto: Command) -> None:
    own_models.run_of("hills").mkdir(parents=True)
    done = mapsto("models", "--forget", "hills")
    assert done.code == 0
    assert "Forgot hills. Its training is still in " in done.err
    assert "hills" not in models.names()
    assert mapsto("models", "--forget", "sprites").err == "Forgot sprites.\n"
    assert mapsto("generate", "hills").code == 5


def test_what_came_with_mapsto_stays(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    place = own_models.path_of("hills")
    monkeypatch.setattr(own_models, "path_of", lambda name: Path("elsewhere") / f"{name}.safetensors")
    done = mapsto("models", "--forget", "hills")
    assert (done.code, "came with Mapsto" in done.err) == (2, True)
    assert place.is_file()


def test_completion_offers_names(place: Path) -> None:
    assert list(options.model_names("hi")) == ["hills"]
