"""From an order and a file to a painted file: stills and animations, by the network or by optimising."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mapsto.cli.order import File, Ingredient, Order, settings_of
from mapsto.files import sha256
from mapsto.media import animation
from mapsto.media.opening import MAX_BYTES
from mapsto.media.picture import Picture

if TYPE_CHECKING:
    from mapsto.image.generator import Generator
    from mapsto.image.optimize import Report
    from mapsto.image.points import Style
    from mapsto.image.stylizer import Progress, Stylizer

OnPart = Callable[[float, str], object]
"""Told how much of one picture is done, in [0, 1], and what is being done."""


class Photo:
    """A file to paint: a path, or standard input, which can be read once only.

    Args:
        path: The file; None for standard input.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.name = "standard input" if path is None else path.name

    @cached_property
    def content(self) -> Path | bytes:
        """The path, or the bytes that came."""
        return self.path if self.path is not None else sys.stdin.buffer.read(MAX_BYTES + 1)

    @cached_property
    def sha256(self) -> str:
        """Digest of the file."""
        return sha256(self.content)

    def picture(self, max_pixels: int) -> Picture:
        """The picture; of an animation, the first."""
        return Picture.of(self.content, max_pixels)

    @property
    def said(self) -> dict[str, str]:
        """What settings tell of it."""
        return {"name": self.name, "sha256": self.sha256}


@dataclass(frozen=True)
class Painted:
    """A painting before it is written.

    Args:
        frames: Pictures, with the milliseconds each stands.
        loop: How often an animation is played; 0 is forever. None for a still.
        order: What was really done: device, precision, tile.
    """

    frames: list[tuple[Picture, float]]
    loop: int | None
    order: Order

    @property
    def first(self) -> Picture:
        """The picture, or the first frame."""
        return self.frames[0][0]


class Painter:
    """An order and a style, ready for any number of pictures.

    Args:
        order: How to paint.
        style: What in.
        stylizer: One that is loaded already, else it is loaded here.
        preview_every: Show a preview every so many steps of optimising; 0 for never.
    """

    def __init__(
        self, order: Order, style: Sequence[Ingredient], stylizer: Stylizer | None = None, *, preview_every: int = 0
    ) -> None:
        self.preview_every = preview_every
        self.on_preview: Callable[[Picture], object] | None = None
        self.stylizer = stylizer or load(order)
        self.style = list(style)
        self.order = replace(order, **where(self.stylizer))

    @cached_property
    def vector(self) -> Style:
        """The style as the network takes it."""
        return self.stylizer.style_of([(part.thing, part.weight) for part in self.style])

    @cached_property
    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights that take part, by name; the style network comes first."""
        from mapsto import weights

        pictures = any(isinstance(part.thing, Picture) for part in self.style)
        if self.order.method == "optimize":
            return {name: weights.digest(name) for name in (self.order.weights, "features-s")}
        names = [self.order.weights, *(("style-encoder-s", "features-s") if pictures else ())]
        return {name: weights.digest(name) for name in names}

    def paint(self, photo: Photo, file: File, moving: bool, on_part: OnPart) -> Painted:
        """Paint a picture, or all frames of an animation.

        Args:
            photo: What to paint.
            file: How large it may be.
            moving: Whether the result can hold an animation; else the first frame is painted.
            on_part: Told how far it is.
        """
        if self.order.method == "optimize":
            return self._optimize(photo, file, on_part)
        about = animation.about(photo.content, file.max_pixels)
        if about.frames > 1 and moving:
            return self._paint_frames(photo, about, file, on_part)
        picture = photo.picture(file.max_pixels)
        painted, order = self._paint_one(picture, self.vector, self.order, on_part)
        return Painted([(painted, 0.0)], None, order)

    def _paint_frames(self, photo: Photo, about: animation.Animation, file: File, on_part: OnPart) -> Painted:
        done: list[tuple[Picture, float]] = []
        style, order = self.vector, self.order
        for index, (frame, duration) in enumerate(animation.frames(photo.content, max_pixels=file.max_pixels)):
            if index == 0:  # strength is paced by what is seen; once for all frames, or they would flicker
                pace = self.stylizer.paced(frame.resized(order.size), style, order.strength)
                style, order = replace(style, z=style.z * pace), replace(order, strength=float(pace > 0))
            painted, order = self._paint_one(frame, style, order, _share(on_part, index, about.frames))
            done.append((painted, duration))
        return Painted(done, about.loop, replace(order, strength=self.order.strength))

    def _paint_one(self, picture: Picture, style: Style, order: Order, on_part: OnPart) -> tuple[Picture, Order]:
        tiles: list[int | None] = []

        def told(progress: Progress) -> None:
            tiles.append(progress.tile)
            on_part(progress.part, "painting")

        painted = self.stylizer(
            picture,
            style,
            strength=order.strength,
            keep_colors=order.keep_colors,
            size=order.size,
            seed=order.seed,
            tile=cast(Any, order.tile),
            on_progress=told,
        )
        return self._masked(picture, painted), replace(order, tile=tiles[-1] or "off")

    def _masked(self, photo: Picture, painted: Picture) -> Picture:
        """The painting where the mask wants it, the photo elsewhere."""
        if self.order.mask is None:
            return painted
        from mapsto.image.masking import masked

        return masked(photo.resized(self.order.size), painted, self.order.mask)

    def _optimize(self, photo: Photo, file: File, on_part: OnPart) -> Painted:
        """Optimise; where somebody stops it, what there is so far, and the order says after how many steps."""
        from mapsto.image.slow import optimized

        order, done = self.order, 0

        def told(report: Report) -> bool:
            nonlocal done
            done = report.step
            on_part(done / report.steps, f"step {done} of {report.steps}, style {report.losses['style']:.3f}")
            if report.picture is not None and self.on_preview is not None:
                self.on_preview(Picture.of(report.picture))
            return done != order.stop_after

        picture = Picture.of(photo.content, file.max_pixels)
        painted = optimized(
            self.stylizer,
            picture,
            [(part.thing, part.weight) for part in self.style],
            steps=order.steps,
            size=order.size,
            keep_colors=order.keep_colors,
            seed=order.seed,
            strength=order.strength,
            on_step=told,
            preview_every=self.preview_every,
        )
        if done == 0:  # stopped before the first step: there is nothing to keep
            raise KeyboardInterrupt
        painted = self._masked(picture, painted)
        return Painted([(painted, 0.0)], None, replace(order, stop_after=None if done == order.steps else done))

    def settings(self, painted: Painted, photo: Photo, file: File) -> dict[str, Any]:
        """What the file should say about how it was made."""
        import torch

        more = {"torch": torch.__version__, "source": photo.said}
        return settings_of(painted.order, style=self.style, weights=self.weights, quality=file.quality, **more)


def load(order: Order) -> Stylizer:
    """The stylizer of an order, with the threads it asks for.

    Raises:
        WeightsError: missing or damaged weights.
    """
    from mapsto.image.stylizer import Stylizer

    use_threads(order.threads)
    return Stylizer.from_pretrained(order.weights, device=order.device, precision=order.precision)


def use_threads(count: int | None) -> None:
    """Compute with so many threads on a CPU; None leaves it to OMP_NUM_THREADS, or to the machine."""
    from mapsto import device

    if count is not None or "OMP_NUM_THREADS" not in os.environ:
        device.set_threads(count)


def where(tool: Stylizer | Generator) -> dict[str, Any]:
    """Device, precision and threads that a stylizer or a generator uses, as an order names them."""
    import torch

    precision = {torch.float32: "fp32", torch.bfloat16: "bf16"}[tool.dtype]
    return {"device": str(tool.device), "precision": precision, "threads": torch.get_num_threads()}


def _share(on_part: OnPart, index: int, count: int) -> OnPart:
    """Progress of one frame as progress of all."""
    return lambda part, text: on_part((index + part) / count, f"{text}, frame {index + 1} of {count}")
