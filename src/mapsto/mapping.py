"""The one idea: a mapping is a function with weights from one space to another.

    paint = encode >> decode                     # Image → Latent → Image
    starry = stylize.given(style=z)              # Image × Style → Image becomes Image → Image

One positional input, everything else a side input by name. `>>` is associative down to the names of the weights, and checks
that the spaces fit; a side input that several steps know by the same name goes to all of them. A mapping is a boundary between
spaces, never a layer: what is inside it is ordinary `torch.nn`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping as Table
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch import Tensor, nn

from mapsto.spaces import Space, SpaceError

A = TypeVar("A", bound=Space)
B = TypeVar("B", bound=Space)
C = TypeVar("C", bound=Space)


class Mapping(nn.Module, Generic[A, B]):
    """A function from `source` to `target`.

    A subclass says in its constructor what it maps, and how in `forward(self, x, /, *, style)`. The arguments of its
    constructor are its configuration: plain values, so that a file of weights can hold them.

    Args:
        source: What goes in.
        target: What comes out.
        sides: Side inputs by name: their space, or None for what is no point of any space (statistics, say).
    """

    source: A
    target: B
    sides: dict[str, Space | None]
    _config: dict[str, Any]

    if TYPE_CHECKING:

        def __call__(self, x: Tensor, /, **sides: Any) -> Tensor: ...  # noqa: D102

    def __new__(cls, *args: Any, **kwargs: Any) -> Mapping[A, B]:  # noqa: D102
        mapping = super().__new__(cls)
        object.__setattr__(mapping, "_config", _arguments(cls, args, kwargs))
        return mapping

    def __init__(self, source: A, target: B, sides: Table[str, Space | None] | None = None) -> None:
        super().__init__()
        self.source, self.target, self.sides = source, target, dict(sides or {})

    @property
    def config(self) -> dict[str, Any]:
        """The arguments this mapping was constructed with, by name, defaults included."""
        return dict(self._config)

    def __rshift__(self, then: Mapping[B, C]) -> Mapping[A, C]:
        """First this, then that. Weights are shared with the parts, not copied.

        Raises:
            SpaceError: the target of this does not fit the source of that, or a side input of both means two things.
        """
        if not isinstance(then, Mapping):
            return NotImplemented
        if self.target.meet(then.source) is None:
            raise SpaceError(
                f"{type(self).__name__} gives {self.target}, and {type(then).__name__} takes {then.source}.",
                "Put a mapping between them, or choose sizes that agree.",
            )
        return Composed(self.source, then.target, [*_steps(self), *_steps(then)])

    def given(self, **sides: Any) -> Mapping[A, B]:
        """This mapping with some side inputs fixed; they move with it from device to device, and are not among its weights.

        Raises:
            TypeError: an unknown side input, or one that is fixed already.
            SpaceError: a value of the wrong shape.
        """
        _refuse_unknown(sides, self.sides)
        for name, value in sides.items():
            space = self.sides[name]
            if space is not None:
                space.check(value, name)
        return Given(self, sides) if sides else self

    def extra_repr(self) -> str:
        """The spaces, as in Image(channels=3) × style=Style(size=64) → Image(channels=3)."""
        return _signature(self)


class Composed(Mapping[A, B]):
    """Several mappings, one after the other; made by `>>`.

    Args:
        source: What the first step takes.
        target: What the last step gives.
        steps: The mappings, in order.
    """

    def __init__(self, source: A, target: B, steps: list[Mapping[Any, Any]]) -> None:
        super().__init__(source, target, _sides(steps))
        self.steps = nn.ModuleList(steps)
        self._names = [tuple(step.sides) for step in steps]

    def forward(self, x: Tensor, /, **sides: Any) -> Tensor:
        """Through all the steps; each gets the side inputs that it knows."""
        _refuse_unknown(sides, self.sides)
        for step, names in zip(self.steps, self._names, strict=True):
            x = step(x, **{name: sides[name] for name in names if name in sides})
        return x


class Given(Mapping[A, B]):
    """A mapping with side inputs fixed; made by `given`.

    Args:
        mapping: The mapping that takes them.
        fixed: Their values by name.
    """

    def __init__(self, mapping: Mapping[A, B], fixed: Table[str, Any]) -> None:
        free = {name: space for name, space in mapping.sides.items() if name not in fixed}
        super().__init__(mapping.source, mapping.target, free)
        self.mapping = mapping
        self._fixed = tuple(fixed)
        for name, value in fixed.items():
            if isinstance(value, Tensor):
                self.register_buffer(f"given_{name}", value, persistent=False)
            else:
                setattr(self, f"given_{name}", value)

    def forward(self, x: Tensor, /, **sides: Any) -> Tensor:
        """The mapping, with what was fixed and what was not."""
        _refuse_unknown(sides, self.sides)
        return self.mapping(x, **sides, **{name: getattr(self, f"given_{name}") for name in self._fixed})


def _steps(mapping: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    return list(mapping.steps) if isinstance(mapping, Composed) else [mapping]  # type: ignore[arg-type]


def _sides(steps: list[Mapping[Any, Any]]) -> dict[str, Space | None]:
    """Side inputs of all the steps together, in order of first appearance."""
    joint: dict[str, Space | None] = {}
    for step in steps:
        for name, space in step.sides.items():
            joint[name] = _meet(name, joint.get(name), space)
    return joint


def _meet(name: str, one: Space | None, other: Space | None) -> Space | None:
    if one is None or other is None:
        return one or other
    both = one.meet(other)
    if both is None:
        raise SpaceError(f"The side input {name} would have to be {one} and {other} at once.", "Fix one of them with given.")
    return both


def _refuse_unknown(sides: Table[str, Any], known: Table[str, Any]) -> None:
    for name in sides:
        if name not in known:
            raise TypeError(f"Unknown side input {name!r}; this mapping takes {', '.join(known) or 'none'}.")


def _signature(mapping: Mapping[Any, Any]) -> str:
    sides = "".join(f" × {name}={'any' if space is None else space}" for name, space in mapping.sides.items())
    return f"{mapping.source}{sides} → {mapping.target}"


def _arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor by name; {} if they do not fit, which the constructor itself will say better."""
    try:
        bound = inspect.signature(cls.__init__).bind_partial(None, *args, **kwargs)  # type: ignore[misc]
    except TypeError:
        return {}
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])
