"""Painting what a model drew: the picture is enlarged, painted, and the file says how both were done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from mapsto.cli.making import Maker
from mapsto.cli.order import settings_of
from mapsto.cli.painting import Painter, Photo
from mapsto.cli.sheet import SIDE, sheet_of
from mapsto.cli.work import Generate
from mapsto.image.enlarge import drawn
from mapsto.media.picture import Picture

OF_PAINTER = ("device", "precision", "threads", "scale", "how")
"""What is not told of the drawing, or otherwise."""


class Scene(Photo):
    """A drawn picture as something to paint.

    Args:
        picture: Large enough already.
        name: What it is called.
    """

    def __init__(self, picture: Picture, name: str) -> None:
        super().__init__(None)
        self.name = name
        self.__dict__["content"] = picture.encode("png")


class Easel:
    """A model that draws, and a painter.

    Args:
        maker: Has the model, and writes.
        painter: Its order has no size of its own.
        size: Shorter side of the paintings, or a box.
    """

    def __init__(self, maker: Maker, painter: Painter, size: str) -> None:
        self.maker, self.painter, self.size = maker, painter, size
        self.order = painter.order

    def paint(self, work: Generate, picture: Picture) -> tuple[Picture, dict[str, Any]]:
        """The painting of a drawn picture, whose seed the strokes take too; and what its file says."""
        self.painter.order = replace(self.painter.order, seed=work.seed or 0)
        scene = Scene(drawn(picture, self.size), f"{work.model}, seed {work.seed}")
        painted = self.painter.paint(scene, self.maker.file, False, lambda part, text: None)
        self.order = painted.order
        return painted.first, self.settings(work)

    def sheet(self, work: Generate, paintings: Sequence[tuple[int, Picture]]) -> tuple[Picture, dict[str, Any]]:
        """Paintings over the seeds of what they show, small; and what the file says."""
        page = sheet_of([(str(seed), painting.resized(SIDE)) for seed, painting in paintings])
        return page, self.settings(replace(work, n=len(paintings)))

    def again(self, work: Generate) -> Picture:
        """What a work tells of: a painting, or the sheet of several."""
        if work.seed is not None:
            (picture,) = work.frames(self.maker.generator, None)
            return self.paint(work, picture)[0]
        drawn_again = (
            (s, p) for seeds, pictures in work.batches(self.maker.generator) for s, p in zip(seeds, pictures, strict=True)
        )
        return self.sheet(work, [(seed, self.paint(replace(work, seed=seed), picture)[0]) for seed, picture in drawn_again])[0]

    def settings(self, work: Generate) -> dict[str, Any]:
        """What the file says: the order of the painter as it was carried out, and under "scene" what is painted."""
        import torch

        own = {key: value for key, value in asdict(work).items() if key not in OF_PAINTER}
        return settings_of(
            self.order,
            style=self.painter.style,
            weights={**self.painter.weights, **self.maker.weights},
            quality=self.maker.file.quality,
            torch=torch.__version__,
            scene={**own, **asdict(work.how), "size": self.size},
        ) | {"command": "paint"}


def scene_of(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of what is painted, as `work_of` takes them; nothing where there are none."""
    scene = settings.get("scene")
    told: dict[str, Any] = {key: settings[key] for key in ("device", "precision", "threads") if key in settings}
    return {**scene, **told, "command": Generate.command} if isinstance(scene, dict) else {}
