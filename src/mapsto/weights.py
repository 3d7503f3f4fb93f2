"""Weights that describe themselves: safetensors with a card in the header, and the catalogue of their names.

The card is JSON under one key of the header:

    architecture   name in `ARCHITECTURES`, never an import path
    arguments      of its constructor: the configuration
    spaces         from where to where, and the side inputs
    recipe         what trained them, with its settings
    data           what they were trained on, and its licence
    licence        of the weights themselves
    scores         what was measured, with units in the names

Numbers are stored as fp16 and loaded as fp32. A file is never trusted: names, shapes and number types are compared with the
architecture before a tensor is read, and nothing in it can run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.errors import WeightsError, nearest
from mapsto.files import atomic, data_dir, sha256

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

ARCHITECTURES = {
    "DrumKit": "mapsto.sound.drums:DrumKit",
    "DrumNetwork": "mapsto.sound.drummer:DrumNetwork",
    "ImageModel": "mapsto.image.image_model:ImageModel",
    "ScoreNetwork": "mapsto.sound.melody:ScoreNetwork",
    "PerceptualNetwork": "mapsto.image.features:PerceptualNetwork",
    "StyleEncoder": "mapsto.image.encoder:StyleEncoder",
    "StyleNetwork": "mapsto.image.stylize:StyleNetwork",
    "TimbreVAE": "mapsto.sound.timbre:TimbreVAE",
    "VGG19": "mapsto.image.vgg:VGG19",
}
"""Every class a file may ask for."""

SUFFIX = ".safetensors"
KEY = "mapsto"
WRITTEN_BY_HAND = ("recipe", "data", "licence")
LARGEST_ARGUMENT = 65_536
"""A file must not be able to ask for a network that takes minutes to lay out."""

MOST_ENTRIES = 1024
"""Of a list among the arguments, such as names of classes."""


def save(module: nn.Module, path: Path, card: Mapping[str, Any]) -> None:
    """Write the weights of a module with their card, in one step.

    Args:
        module: An instance of one of the `ARCHITECTURES`, with its constructor's arguments as `config`.
        path: Where to; parent folders are made.
        card: At least recipe, data and licence. The architecture, its arguments and spaces are filled in.

    Raises:
        WeightsError: an unknown architecture, an incomplete card, or a number that fp16 cannot hold.
        NoSpace: the disk is full or the folder cannot be written; what was there before stays.
    """
    from safetensors.torch import save as pack

    complete = _described(module, card)
    tensors = {name: _packed(name, tensor) for name, tensor in module.state_dict().items()}
    content = pack(tensors, {KEY: json.dumps(complete, ensure_ascii=False)})
    with atomic(path) as temporary:
        temporary.write_bytes(content)
        with _opened(temporary, "pt") as file:  # what could not be loaded again is not kept
            _verified(path, file)


def load(source: str | Path, device: torch.device | str = "cpu", *, expect: str | None = None) -> nn.Module:
    """The module that a file describes, with its weights, in fp32 and evaluation mode.

    Args:
        source: A name of the catalogue, or a path.
        device: Where the weights go.
        expect: The architecture it has to be, if not any.

    Raises:
        WeightsError: unknown, missing, damaged, or not what the card says.
    """
    path = resolve(source)
    with _opened(path, "pt") as file:
        found = _verified(path, file)
        architecture, arguments = found["architecture"], found["arguments"]
        if expect not in (None, architecture):
            raise WeightsError(f"{path.name} holds a {architecture}, and a {expect} is wanted.")
        module = _build(path, architecture, arguments)
        module.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
    return module.to(device).eval()


def card(source: str | Path) -> dict[str, Any]:
    """The card of a file, by name or path; reads the header only.

    Raises:
        WeightsError: unknown, missing, damaged, or without a card.
    """
    path = resolve(source)
    with _opened(path, "np") as file:
        return _card(path, file)


def digest(source: str | Path) -> str:
    """SHA-256 of a file, by name or path, in hexadecimal.

    Raises:
        WeightsError: unknown or missing.
    """
    return sha256(resolve(source))


def resolve(source: str | Path) -> Path:
    """The file behind a name of the catalogue or a path.

    Raises:
        WeightsError: there is none.
    """
    if isinstance(source, Path) or source.endswith(SUFFIX) or "/" in source or "\\" in source:
        path = Path(source).expanduser()
        if not path.is_file():
            raise WeightsError(f"There are no weights at {path}.", "Check the path, or give a name.")
        return path
    known = catalogue()
    if source not in known:
        near = nearest(source, list(known)) or list(known)
        raise WeightsError(f"There are no weights called {source!r}.", f"Perhaps {' or '.join(near)}?" if near else "")
    return known[source]


def catalogue() -> dict[str, Path]:
    """All names with their files, sorted: the embedded weights, and what the user learned. An embedded name cannot be taken."""
    folders = (data_dir() / "weights", Path(__file__).parent / "embedded")
    found = {path.stem: path for folder in folders for path in folder.glob(f"*{SUFFIX}")}
    return dict(sorted(found.items()))


def _described(module: nn.Module, card: Mapping[str, Any]) -> dict[str, Any]:
    architecture = type(module).__name__
    if _home(architecture) != f"{type(module).__module__}:{type(module).__qualname__}":
        raise WeightsError(f"{architecture} is not one of the architectures: {', '.join(ARCHITECTURES)}.")
    wanted = WRITTEN_BY_HAND if hasattr(module, "config") else ("arguments", *WRITTEN_BY_HAND)
    missing = [key for key in wanted if key not in card]
    if missing:
        raise WeightsError(f"The card does not tell {' and '.join(missing)}.", "Weights without their story are not kept.")
    arguments = module.config if hasattr(module, "config") else card["arguments"]
    return {**card, "architecture": architecture, "arguments": arguments, "spaces": _spaces(module)}


def _spaces(module: nn.Module) -> dict[str, Any]:
    """Source, target and sides of a mapping; {} for a module that is none."""
    from mapsto.mapping import Mapping

    if not isinstance(module, Mapping):
        return {}
    sides = {name: space.card() for name, space in module.sides.items() if space is not None}
    return {"source": module.source.card(), "target": module.target.card(), "sides": sides}


def _packed(name: str, tensor: Tensor) -> Tensor:
    import torch

    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    half = tensor.detach().to("cpu", torch.float16).contiguous()
    if not bool(torch.isfinite(half).all()):
        raise WeightsError(f"{name} holds numbers that are not finite, or too large for fp16.")
    return half


@contextmanager
def _opened(path: Path, framework: str) -> Iterator[Any]:
    """A safetensors file, with every failure of reading it told as a WeightsError."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != SUFFIX:
        raise WeightsError(
            f"{path.name} is not a {SUFFIX} file.", "Other formats can run code when they are opened, so they are not."
        )
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or cannot be read: {error}.", "Fetch or train it again.") from error


def _verified(path: Path, file: Any) -> dict[str, Any]:
    """The card of a file whose tensors are those of its architecture, by the header alone."""
    found = _card(path, file)
    blueprint = _blueprint(path, found["architecture"], found["arguments"])
    _compare(path, _entries(file), blueprint.state_dict())
    return found


def _card(path: Path, file: Any) -> dict[str, Any]:
    try:
        found = json.loads((file.metadata() or {})[KEY])
    except (KeyError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path.name} has no card that can be read.", "It was not written by Mapsto.") from error
    if not (
        isinstance(found, dict) and isinstance(found.get("architecture"), str) and isinstance(found.get("arguments"), dict)
    ):
        raise WeightsError(f"The card of {path.name} does not say what its weights are of.")
    return found


def _home(architecture: str) -> str:
    if architecture not in ARCHITECTURES:
        raise WeightsError(f"There is no architecture called {architecture}.", f"There are: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[architecture]


def _entries(file: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and number type of every tensor, from the header."""
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    return {name: (tuple(part.get_shape()), str(part.get_dtype())) for name, part in slices.items()}


def _blueprint(path: Path, architecture: str, arguments: dict[str, Any]) -> nn.Module:
    """The module without memory for its weights."""
    import torch

    if not all(map(_modest, arguments.values())):
        raise WeightsError(f"The card of {path.name} asks for a {architecture} that is too large to be meant.")
    import_module(_home(architecture).partition(":")[0])  # before: a module's own tensors are no blueprint
    with torch.device("meta"):
        return _build(path, architecture, arguments)


def _modest(value: Any) -> bool:
    if isinstance(value, list | dict):
        entries = [*value, *value.values()] if isinstance(value, dict) else value
        return len(entries) <= MOST_ENTRIES and all(map(_modest, entries))
    return isinstance(value, str | bool | None) or (isinstance(value, int | float) and abs(value) <= LARGEST_ARGUMENT)


def _build(path: Path, architecture: str, arguments: dict[str, Any]) -> nn.Module:
    """The module with weights that mean nothing: nobody draws what a file replaces."""
    home, _, name = _home(architecture).partition(":")
    try:
        with _undrawn():
            module: nn.Module = getattr(import_module(home), name)(**arguments)
            return module
    except (TypeError, ValueError, LookupError, RuntimeError, ArithmeticError) as error:
        raise WeightsError(f"{path.name} does not describe a {architecture}: {error}.") from error


def _undrawn() -> AbstractContextManager[Any]:
    """In which `torch.nn.init` does nothing: on the meta device it would import a compiler, for more than a second."""
    from torch.overrides import TorchFunctionMode

    class Undrawn(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(function, "__module__", None) == "torch.nn.init":
                return (kwargs or {}).get("tensor", args[0] if args else None)
            return function(*args, **(kwargs or {}))

    return Undrawn()


def _compare(path: Path, entries: dict[str, tuple[tuple[int, ...], str]], blueprint: Mapping[str, Tensor]) -> None:
    """Refuse a file whose tensors are not exactly those of the architecture."""
    for name in sorted(blueprint.keys() ^ entries.keys()):
        raise WeightsError(f"{path.name}: {name} is {'missing' if name in blueprint else 'not part of the architecture'}.")
    for name, (shape, dtype) in entries.items():
        wanted = blueprint[name]
        if shape != tuple(wanted.shape):
            raise WeightsError(f"{path.name}: {name} should be of shape {tuple(wanted.shape)}, and is {shape}.")
        if dtype not in _stored(wanted):
            raise WeightsError(f"{path.name}: {name} should be stored as {' or '.join(_stored(wanted))}, and is {dtype}.")


def _stored(tensor: Tensor) -> tuple[str, ...]:
    """How safetensors may spell the number type of a tensor."""
    import torch

    if tensor.is_floating_point():
        return ("F16", "F32")
    return {torch.int64: ("I64",), torch.int32: ("I32",), torch.uint8: ("U8",), torch.bool: ("BOOL",)}.get(tensor.dtype, ())
