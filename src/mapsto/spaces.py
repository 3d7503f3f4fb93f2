"""Kinds of point: what a picture, a style or a piece of music is, as a tensor.

    B batch   C channels   H, W height and width   S size of a style vector   N samples   V voices   T steps of time

The class is the kind, which a type checker sees; the instance is the size, which is checked when mappings are joined.
A size of None fits every size.

    Image    [B, C, H, W]   sRGB as displayed, [0, 1]
    Style    [B, S]         entries of about unit variance; 0 changes nothing. [B, S, H, W]: another one at every place
    Latent   [B, C, H, W]   about N(0, 1)
    Score    [B, V, T]      int64, MIDI pitch (60 is middle C) where a note begins, −1 silence, −2 the note goes on; a step
                            is a sixteenth
    Audio    [B, C, N]      [-1, 1], `rate_hz` samples a second
    Text     [B, T]         int64, numbers of tokens
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from mapsto.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

SpaceT = TypeVar("SpaceT", bound="Space")


class SpaceError(UsageError):
    """Two spaces that do not fit, or a tensor that is no point of a space."""


@dataclass(frozen=True)
class Space:
    """A kind of point. Use one of the kinds below."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes of a batch of points, None where any size will do. The batch comes first."""
        raise NotImplementedError

    def meet(self: SpaceT, other: Space) -> SpaceT | None:
        """What belongs to both spaces, or None if nothing does."""
        if type(self) is not type(other):
            return None
        ours, theirs = asdict(self), asdict(other)
        if any(None not in (ours[name], theirs[name]) and ours[name] != theirs[name] for name in ours):
            return None
        return type(self)(**{name: theirs[name] if size is None else size for name, size in ours.items()})

    def check(self, x: Tensor, name: str = "input") -> None:
        """Refuse a tensor whose shape no batch of points has; values are not looked at.

        Raises:
            SpaceError: wrong number of dimensions, or a wrong size.
        """
        if not _fits(tuple(x.shape), self.shape):
            raise SpaceError(f"The {name} should be {self}, of shape {_spell(self.shape)}, and is {_spell(tuple(x.shape))}.")

    def card(self) -> dict[str, Any]:
        """The space in plain values, for the header of a file: {"kind": "Style", "size": 64}."""
        return {"kind": type(self).__name__, **asdict(self)}

    def __str__(self) -> str:
        sizes = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"{type(self).__name__}({', '.join(f'{name}={size}' for name, size in sizes if size is not None)})"


@dataclass(frozen=True)
class Image(Space):
    """A picture: [B, C, H, W], sRGB values as displayed, in [0, 1]."""

    channels: int | None = 3
    height: int | None = None
    width: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, C, H, W]."""
        return (None, self.channels, self.height, self.width)


@dataclass(frozen=True)
class Style(Space):
    """A hand: [B, S], entries of about unit variance; or [B, S, H, W], another hand at every place. 0 changes nothing."""

    size: int | None = 64

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, S]."""
        return (None, self.size)

    def check(self, x: Tensor, name: str = "style") -> None:
        """As for every space; [B, S, H, W] is a style too."""
        super().check(x[:, :, 0, 0] if x.ndim == 4 else x, name)


@dataclass(frozen=True)
class Latent(Space):
    """A point that a picture can be decoded from: [B, C, H, W], about N(0, 1) over the pictures of its training."""

    channels: int | None = 4
    height: int | None = None
    width: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, C, H, W]."""
        return (None, self.channels, self.height, self.width)


@dataclass(frozen=True)
class Score(Space):
    """Written music: int64 [B, V, T], a step lasts a sixteenth.

    MIDI pitch (60 is middle C) where a note begins, −1 silence, −2 the note goes on.
    """

    voices: int | None = 4
    steps: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, V, T]."""
        return (None, self.voices, self.steps)


@dataclass(frozen=True)
class Audio(Space):
    """Sound: [B, C, N] in [-1, 1], at `rate_hz` samples a second."""

    channels: int | None = 1
    rate_hz: int | None = 44_100
    samples: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, C, N]."""
        return (None, self.channels, self.samples)


@dataclass(frozen=True)
class Text(Space):
    """Words: int64 [B, T], numbers of tokens, ≥ 0."""

    length: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """[B, T]."""
        return (None, self.length)


def _fits(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(found) == len(wanted) and all(w is None or f == w for f, w in zip(found, wanted, strict=True))


def _spell(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
