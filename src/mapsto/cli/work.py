"""What can be ordered of a model of pictures, and the settings in a file that say so: enough to make it again.

    Generate      one new picture, or the sheet of many
    Reconstruct   a picture there and back
    Walk          a film from seed to seed, or one frame of it
    Mix           two pictures in one, or the sheet of several
    Edit          a picture with sliders turned, or the sheet of all sliders

A work holds plain values only, and every picture of it depends on them alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.image.generator import Generator
    from mapsto.media.picture import Picture

LARGEST_SCALE = 64
BATCH = 16
"""Pictures drawn together."""

LAYERS = ("coarse", "middle", "fine")

AMOUNTS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Of every slider on a sheet."""


@dataclass(frozen=True)
class Sampling:
    """How a picture is drawn; as for `mapsto.Generator`."""

    truncation: float = 1.0
    prior: str | None = None
    label: str | None = None
    steps: int = 20
    guidance: float = 1.0
    pag: float | None = None

    def __post_init__(self) -> None:
        """Refuse early what would be refused after loading everything, or make no sense."""
        if not 0 <= self.truncation <= 2:
            raise UsageError(
                f"The truncation {self.truncation:g} is out of range.",
                "It goes from 0, the mean picture, to 1, as varied as what was learned; up to 2 exaggerates.",
            )
        if self.steps < 1:
            raise UsageError(f"A flow cannot be followed in {self.steps} steps.", "Give --steps 1 or more; 20 are plenty.")
        if not (math.isfinite(self.guidance) and self.guidance >= 0):
            raise UsageError(f"The guidance {self.guidance:g} is out of range.", "It is 0 or more; 1 is plain.")
        if self.pag is not None and not (math.isfinite(self.pag) and self.pag >= 0):
            raise UsageError(f"The guidance by attention {self.pag:g} is out of range.", "It is 0 or more; 0 is plain.")
        if self.guidance != 1 and self.label is None:
            raise UsageError("Guidance leans towards a class, and none was given.", "--guidance goes with --label.")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every work has.

    Args:
        model: Name or file.
        scale: Every pixel becomes a square of so many.
        transparent: Keep transparency; else pictures are laid on white.
        device: Where to compute.
        precision: auto, fp32 or bf16.
        threads: How many to compute with on a CPU; None decides by the machine.
    """

    command: ClassVar[str]
    from_picture: ClassVar[bool] = False

    model: str = "portrait"
    scale: int = 1
    transparent: bool = False
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1 <= self.scale <= LARGEST_SCALE:
            raise UsageError(f"The scale {self.scale} is out of range.", f"It goes from 1 to {LARGEST_SCALE}.")

    @property
    def needs_picture(self) -> bool:
        """Whether it is made from a picture of somebody's own."""
        return self.from_picture

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """The picture, or all of a film."""
        raise NotImplementedError

    def shown(self, picture: Picture) -> Picture:
        """A picture of the model as it is written."""
        from mapsto.image.enlarge import crisp

        picture = picture if self.transparent else picture.on_white()
        return crisp(picture, self.scale) if self.scale > 1 else picture


@dataclass(frozen=True, kw_only=True)
class Generate(Work):
    """A new picture, drawn together with others; or all of these on a sheet.

    Args:
        seed: Of the picture; None is the sheet.
        first: The seed of the first that was drawn together with it.
        n: How many there were.
        batch: Drawn at a time; the last bits of a picture depend on it.
        how: How they are drawn.
    """

    command: ClassVar[str] = "generate"

    seed: int | None
    first: int
    n: int
    batch: int = BATCH
    how: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n < 1 or self.batch < 1:
            raise UsageError(f"{min(self.n, self.batch)} pictures cannot be drawn.", "Ask for at least one, as -n 1.")
        _check_seeds([self.first, self.first + self.n - 1])
        if self.seed is not None and not self.first <= self.seed < self.first + self.n:
            raise UsageError(f"The seed {self.seed} is not one of {self.n} from {self.first}.")

    def batches(self, generator: Generator) -> Iterator[tuple[range, list[Picture]]]:
        """Seeds and pictures, as they are drawn together."""
        for start in range(self.first, self.first + self.n, self.batch):
            yield self._batch(generator, start)

    def _batch(self, generator: Generator, start: int) -> tuple[range, list[Picture]]:
        count = min(self.batch, self.first + self.n - start)
        drawn = generator(count, seed=start, batch_size=count, **asdict(self.how))
        return range(start, start + count), [self.shown(picture) for picture in drawn]

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """One."""
        if self.seed is None:
            pictures = [pair for seeds, drawn in self.batches(generator) for pair in zip(seeds, drawn, strict=True)]
            yield sheet_of_seeds(pictures)
        else:
            seeds, drawn = self._batch(generator, self.seed - (self.seed - self.first) % self.batch)
            yield drawn[self.seed - seeds[0]]


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Work):
    """A picture there and back.

    Args:
        side_by_side: Beside what the model was given.
        refine: Steps of refinement; 0 takes the encoder's word.
    """

    command: ClassVar[str] = "reconstruct"
    from_picture: ClassVar[bool] = True

    side_by_side: bool = False
    refine: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_refine(self.refine)

    def pair(self, generator: Generator, source: Picture) -> tuple[Picture, Picture]:
        """What the model was given, and what it made of it; in the model's own size."""
        from mapsto.image.generator import pictures_of

        return pictures_of(generator.fitted(source))[0], generator.reconstruct(source, refine=self.refine)

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """One."""
        assert source is not None
        yield self.laid_out(*self.pair(generator, source))

    def laid_out(self, given: Picture, made: Picture) -> Picture:
        """The reconstruction, or both."""
        from mapsto.cli.sheet import beside

        return beside(self.shown(given), self.shown(made)) if self.side_by_side else self.shown(made)


@dataclass(frozen=True, kw_only=True)
class Walk(Work):
    """A way through the pictures of several seeds.

    Args:
        seeds: Two or more.
        count: Frames in all.
        fps: Frames a second.
        loop: Back to the first.
        frame: Only this one, from 0.
        how: How pictures are drawn.
    """

    command: ClassVar[str] = "walk"

    seeds: tuple[int, ...]
    count: int
    fps: float = 25.0
    loop: bool = False
    frame: int | None = None
    how: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_seeds(self.seeds, 2)
        if not 0 < self.fps <= 240:
            raise UsageError(f"{self.fps:g} frames a second cannot be shown.", "Give --fps above 0, up to 240.")
        if self.count < 2:
            raise UsageError("So short a walk has less than two frames.", "Give more --seconds, or a higher --fps.")
        if self.frame is not None and not 0 <= self.frame < self.count:
            raise UsageError(f"A walk of {self.count} frames has no frame {self.frame}.")

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """All of them, or the one."""
        every = generator.walk(self.seeds, self.count, loop=self.loop, **asdict(self.how))
        wanted = every if self.frame is None else islice(every, self.frame, self.frame + 1)
        return (self.shown(picture) for picture in wanted)


@dataclass(frozen=True, kw_only=True)
class Mix(Work):
    """The picture of one seed with some layers of another; of more seeds, a sheet of each with each.

    Args:
        seeds: Two or more; of two, the second gives the layers.
        layers: coarse, middle or fine.
        how: How pictures are drawn.
    """

    command: ClassVar[str] = "mix"

    seeds: tuple[int, ...]
    layers: str = "coarse"
    how: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_seeds(self.seeds, 2)
        if self.layers not in LAYERS:
            raise UsageError(f"There are no {self.layers!r} layers.", f"There are {', '.join(LAYERS)}.")

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """One."""
        from mapsto.cli.sheet import on_sheet, sheet_of

        if len(self.seeds) == 2:
            yield self._mixed(generator, *self.seeds)
        else:
            pairs = [(one, other) for one in self.seeds for other in self.seeds]
            named = [(f"{a}" if a == b else f"{a} + {b}", on_sheet(self._mixed(generator, a, b))) for a, b in pairs]
            yield sheet_of(named, len(self.seeds))

    def _mixed(self, generator: Generator, seed: int, other: int) -> Picture:
        return self.shown(generator.mix(seed, other, self.layers, **asdict(self.how)))


@dataclass(frozen=True, kw_only=True)
class Edit(Work):
    """A picture with sliders turned; or a sheet of every slider from −2 to +2.

    Args:
        seed: Of the picture; None is a picture of somebody's own.
        sliders: How far each is turned, by name.
        sheet: Show every slider, beside those that are turned already.
        refine: Steps of refinement of an own picture.
        how: How the picture of a seed is drawn.
    """

    command: ClassVar[str] = "edit"

    seed: int | None
    sliders: dict[str, float] = field(default_factory=dict)
    sheet: bool = False
    refine: int = 0
    how: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_refine(self.refine)
        if self.seed is not None:
            _check_seeds([self.seed])
        for name, amount in self.sliders.items():
            if not math.isfinite(amount):
                raise UsageError(f"The slider {name} cannot be turned by {amount:g}.", "Give a number, as 2=+1.5.")

    @property
    def needs_picture(self) -> bool:
        """Where there is no seed."""
        return self.seed is None

    def frames(self, generator: Generator, source: Picture | None) -> Iterator[Picture]:
        """One."""
        start: object = self.seed if self.seed is not None else source
        how = asdict(self.how) | {"refine": self.refine}
        if not self.sheet:
            yield self.shown(generator.edit(start, self.sliders, **how))
            return
        names = generator.sliders(self.how.prior, own=self.seed is None).names
        yield self._sheet(names, [self.shown(each) for each in generator.edits(start, self._turned(names), **how)])

    def _turned(self, names: Sequence[str]) -> list[dict[str, float]]:
        return [{**self.sliders, name: self.sliders.get(name, 0.0) + amount} for name in names for amount in AMOUNTS]

    def _sheet(self, names: Sequence[str], pictures: Sequence[Picture]) -> Picture:
        """Sliders one below the other, in as many blocks side by side as make the sheet about square."""
        from mapsto.cli.sheet import on_sheet, sheet_of

        labels = [f"{name} = {amount:+g}" if amount else name for name in names for amount in AMOUNTS]
        shown: list[tuple[str, Picture] | None] = list(zip(labels, map(on_sheet, pictures), strict=True))
        blocks = max(1, round((len(names) / len(AMOUNTS)) ** 0.5))
        down, across = -(-len(names) // blocks), len(AMOUNTS)
        rows = [block * down + row for row in range(down) for block in range(blocks)]
        cells = [shown[across * row :][:across] or [None] * across for row in rows]
        return sheet_of([cell for row in cells for cell in row], blocks * across)


KINDS: dict[str, type[Work]] = {kind.command: kind for kind in (Generate, Reconstruct, Walk, Mix, Edit)}
"""By the command in the settings."""


def sheet_of_seeds(pictures: Sequence[tuple[int, Picture]]) -> Picture:
    """Pictures over their seeds."""
    from mapsto.cli.sheet import on_sheet, sheet_of

    return sheet_of([(str(seed), on_sheet(picture)) for seed, picture in pictures])


def seeds_of(text: str) -> tuple[int, ...]:
    """What --seeds means: 1,5,9.

    Raises:
        UsageError: not whole numbers.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"{text!r} are no seeds.", "Give whole numbers with commas between, as --seeds 1,5,9.")
    return tuple(int(part) for part in parts)


def sliders_of(texts: Sequence[str]) -> dict[str, float]:
    """What --slider means: 2=+1.5; one that is given twice is turned twice.

    Raises:
        UsageError: not a name and a number.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, amount = text.rpartition("=")
        try:
            found[name.strip()] = found.get(name.strip(), 0.0) + float(amount)
        except ValueError:
            name = ""
        if not name.strip():
            raise UsageError(f"{text!r} turns no slider.", "Write its number or name and how far, as --slider 2=+1.5.")
    return found


def _check_seeds(seeds: Sequence[int], least: int = 1) -> None:
    if len(seeds) < least:
        raise UsageError(f"{len(seeds)} seed is not enough.", "Give two or more, as --seeds 1,5,9.")
    for seed in seeds:
        if not 0 <= seed < 2**63:
            raise UsageError(f"The seed {seed} is out of range.", "Seeds are whole numbers from 0 to 2^63 - 1.")


def _check_refine(steps: int) -> None:
    if not 0 <= steps <= 100_000:
        raise UsageError(f"{steps} steps of refinement make no sense.", "Give --refine 0 or more; 100 are plenty.")
