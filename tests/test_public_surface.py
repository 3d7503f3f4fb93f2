import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import mapsto

SURFACE = [
    "Composer",
    "Generator",
    "Instruments",
    "Mapping",
    "MapstoError",
    "Picture",
    "Score",
    "Sound",
    "Stylizer",
    "__version__",
    "device",
    "errors",
    "morph",
    "paths",
    "spaces",
    "style",
    "styles",
    "weights",
]


def test_the_surface_is_this_and_nothing_else() -> None:
    assert mapsto.__all__ == SURFACE == sorted(SURFACE)
    assert dir(mapsto) == SURFACE


@pytest.mark.parametrize("name", SURFACE)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(mapsto, name)
    if name != "__version__":
        assert inspect.getdoc(value), f"mapsto.{name} has no docstring"


def test_no_module_hides_a_public_function() -> None:
    for name in SURFACE:
        is_file = importlib.util.find_spec(f"mapsto.{name}") is not None
        assert is_file == inspect.ismodule(getattr(mapsto, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="brush"):
        mapsto.brush  # noqa: B018


def test_import_brings_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "PIL", "rich", "typer", "safetensors"}
    program = f"import sys, mapsto; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_stands_in_one_place() -> None:
    root = Path(__file__).parents[1]
    assert mapsto.__version__ not in (root / "pyproject.toml").read_text()
