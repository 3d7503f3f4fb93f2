"""Where options come from when the command does not say: MAPSTO_* > ./mapsto.toml > the user's config.toml > the default.

A file holds options by their long names:

    device = "cpu"
    strength = 0.8
    keep-colors = true

Python reads TOML since 3.11; on 3.10 the small package tomli does, so that everybody has the same files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mapsto.errors import UnreadableInput, UsageError, nearest

OPTIONS: dict[str, tuple[type, ...]] = {
    "device": (str,),
    "format": (str,),
    "keep_colors": (bool,),
    "max_pixels": (int, str),
    "method": (str,),
    "precision": (str,),
    "quality": (int,),
    "seed": (int,),
    "size": (int, str),
    "steps": (int,),
    "strength": (float, int),
    "strip": (bool,),
    "tile": (int, str),
    "weights": (str,),
}
"""What can be set, and the types it may have."""


def variable(option: str) -> str:
    """The environment variable of an option."""
    return f"MAPSTO_{option.upper()}"


def user_file() -> Path:
    """The user's own configuration; `MAPSTO_HOME` moves it."""
    if home := os.environ.get("MAPSTO_HOME"):
        return Path(home).expanduser() / "config.toml"
    import platformdirs

    return Path(platformdirs.user_config_dir("mapsto")) / "config.toml"


def defaults() -> dict[str, Any]:
    """What the files say; ./mapsto.toml outranks the user's.

    Raises:
        UnreadableInput: a file that is not TOML.
        UsageError: an option that is not there, or a value of the wrong kind.
    """
    return {**_options(user_file()), **_options(Path("mapsto.toml"))}


def _options(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    return dict(_checked(file, key, value) for key, value in _table(file).items())


def _table(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableInput(f"{file} cannot be read: {error}.", "Correct or remove it.") from error


def _checked(file: Path, key: str, value: object) -> tuple[str, object]:
    name = key.replace("-", "_")
    if name not in OPTIONS:
        near = nearest(name, list(OPTIONS)) or list(OPTIONS)
        raise UsageError(f"{file} sets {key!r}, which is no option.", f"Perhaps {' or '.join(near)}?")
    kinds = OPTIONS[name]
    if type(value) not in kinds:
        wanted = " or ".join(
            {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[kind] for kind in kinds
        )
        raise UsageError(f"{file} sets {key} to {value!r}; expected {wanted}.", "Correct or remove the line.")
    return name, str(value) if str in kinds else value
