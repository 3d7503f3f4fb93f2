"""The settings of a work as they stand in a file, and the work that such settings tell of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args, get_origin, get_type_hints

import mapsto
from mapsto.cli.work import KINDS, Sampling, Work
from mapsto.errors import UnreadableInput


def settings_of(work: Work, *, weights: dict[str, str], quality: int, **more: Any) -> dict[str, Any]:
    """What is embedded in a file.

    Args:
        work: With the device, precision and threads that were really used.
        weights: SHA-256 of every file of weights that was used, by name; that of the model comes first.
        quality: Of the file.
        more: Anything else worth telling, such as the source.
    """
    own = asdict(work)
    return {
        "mapsto": mapsto.__version__,
        "command": work.command,
        **{key: value for key, value in own.items() if key != "how"},
        **({} if work.needs_picture else own.get("how", {})),
        "weights": weights,
        "quality": quality,
        **more,
    }


def work_of(settings: Mapping[str, Any]) -> Work:
    """The work that settings tell of. They come from a file, so nothing is taken for granted.

    Raises:
        UnreadableInput: they are not ours, or damaged.
        UsageError: they are damaged so that they make no sense.
    """
    kind = KINDS.get(str(settings.get("command")))
    if kind is None:
        raise UnreadableInput("The settings in this file are not complete.", "Only files made by Mapsto can be repeated.")
    has_how = "how" in {each.name for each in fields(kind)}
    sampling = {"pag": 0.0, **settings}  # files of before there was such guidance were drawn without
    made: Work = _made(kind, settings, **({"how": _made(Sampling, sampling)} if has_how else {}))
    return made


def _made(kind: type[Any], settings: Mapping[str, Any], **more: Any) -> Any:
    """A dataclass from the settings of its fields' names and types."""
    hints = get_type_hints(kind)
    known = {each.name: settings[each.name] for each in fields(kind) if each.name in settings and each.name != "how"}
    known = {key: tuple(value) if isinstance(value, list) else value for key, value in known.items()}
    try:
        if all(_fits(value, hints[key]) for key, value in known.items()):
            return kind(**known, **more)
    except TypeError:  # something is missing
        pass
    raise UnreadableInput("The settings in this file are not complete.", "Only files made by Mapsto can be repeated.")


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type; int passes for float, as JSON may write 1 for 1.0."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if inner:
        return any(_fits(value, option) for option in inner)
    return type(value) is hint or (hint is float and type(value) is int)
