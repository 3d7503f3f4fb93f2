from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from PIL import Image

import mapsto as package
from darkroom import Command
from mapsto.cli import config
from mapsto.cli import style as verb
from mapsto.errors import UnreadableInput, UsageError


def test_defaults_are_those_of_the_function() -> None:
    function, command = (inspect.signature(f).parameters for f in (package.style, verb.style))
    shared = set(function) & set(command) - {"style"}
    assert {"strength", "keep_colors", "size", "seed", "method", "steps", "learn", "tile", "device", "precision"} == shared
    assert {name: function[name].default for name in shared} == {name: command[name].default for name in shared}


def test_flag_outranks_variable_outranks_folder_outranks_user(
    place: Path, mapsto: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def side(*arguments: str) -> int:
        assert mapsto("style", "photo.jpg", "ink", "-o", "out.png", *arguments).code == 0
        with Image.open("out.png") as image:
            return min(image.size)

    assert side() == 32
    config.user_file().write_text("size = 40")
    assert side() == 40
    Path("mapsto.toml").write_text('size = "48"')
    assert side() == 48
    monkeypatch.setenv("MAPSTO_SIZE", "56")
    assert side() == 56
    assert side("--size", "64") == 64


def test_a_file_says_what_it_sets_by_long_names(place: Path) -> None:
    Path("mapsto.toml").write_text('keep-colors = true\nstrength = 1\ntile = 256\nmax-pixels = "120M"\n')
    assert config.defaults() == {"keep_colors": True, "strength": 1, "tile": "256", "max_pixels": "120M"}


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("stength = 1", UsageError, "strength"),
        ("seed = 1.5", UsageError, "whole number"),
        ("keep-colors = 1", UsageError, "true or false"),
        ("strength = 'much'", UsageError, "number"),
        ("strength 1", UnreadableInput, "mapsto.toml"),
    ],
)
def test_a_mistake_in_a_file_is_told(place: Path, mapsto: Command, text: str, error: type[Exception], says: str) -> None:
    Path("mapsto.toml").write_text(text)
    with pytest.raises(error, match=says):
        config.defaults()
    done = mapsto("style", "photo.jpg", "ink")
    assert done.code == error.exit_code
    assert "Traceback" not in done.err
    assert says in done.err


def test_every_option_that_can_be_set_is_one(place: Path) -> None:
    parameters = inspect.signature(verb.style).parameters
    assert set(config.OPTIONS) <= set(parameters)
