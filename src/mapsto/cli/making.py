"""From a work to files: the model is loaded once, pictures are written as they come, and every file says how it was made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mapsto.cli.bar import Bar
from mapsto.cli.order import File
from mapsto.cli.voice import Voice, check_stdout
from mapsto.cli.work import Work
from mapsto.cli.work_settings import settings_of
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.cli.writing import Frame
    from mapsto.image.generator import Generator
    from mapsto.media.picture import Picture

AnyWork = TypeVar("AnyWork", bound=Work)


def check_model(work: Work) -> None:
    """Find out by its card alone whether a model can do this.

    Raises:
        WeightsError: unknown or damaged.
        UsageError: transparency of a model that has none.
    """
    from mapsto import weights
    from mapsto.image import models

    models.check_known(work.model)
    if work.transparent and weights.card(work.model)["arguments"].get("channels", 3) != 4:
        raise UsageError(f"{work.model} paints no transparency.", "Leave --transparent out.")


class Maker:
    """A loaded model, how files are written, and where it is told.

    Args:
        work: Which model, and where it computes.
        file: How to write.
        voice: Where to tell.
    """

    def __init__(self, work: Work, file: File, voice: Voice) -> None:
        from mapsto import weights
        from mapsto.cli.painting import where

        self.file, self.voice = file, voice
        with Bar(hidden=voice.quiet or voice.json) as bar:
            bar.show(0, "loading the model")
            self.generator = load(work)
        self.where = where(self.generator)
        self.weights = {work.model: weights.digest(work.model)}
        voice.detail(f"{work.model} on {self.where['device']}, {self.where['precision']}, {self.where['threads']} threads")

    def used(self, work: AnyWork) -> AnyWork:
        """A work with the device, precision, threads, prior and guidance that are really used."""
        how, drawn = getattr(work, "how", None), {}
        if how is not None:
            pag = self.generator.model.pag if how.pag is None else how.pag
            drawn = {"how": replace(how, prior=self.generator.prior(how.prior), pag=pag)}
        return replace(work, **self.where, **drawn)

    def settings(self, work: Work, **more: Any) -> dict[str, Any]:
        """What the file of a work says."""
        import torch

        return settings_of(work, weights=self.weights, quality=self.file.quality, torch=torch.__version__, **more)

    def write(
        self,
        work: Work,
        picture: Picture,
        target: Path | None,
        since: float,
        source: dict[str, str] | None = None,
        **told: Any,
    ) -> None:
        """Write a picture, and tell.

        Args:
            work: As `used` returns it.
            picture: What it made.
            target: None is standard output.
            since: When it was begun, by the monotonic clock.
            source: Name and SHA-256 of the picture it was made from.
            told: As for `tell`.
        """
        settings = self.settings(work, **({"source": source} if source else {}))
        self.put(settings, [(picture, 0.0)], target, since, size=picture.size, **told)

    def put(
        self,
        settings: Mapping[str, Any],
        frames: Iterable[Frame],
        target: Path | None,
        since: float,
        *,
        size: tuple[int, int],
        loop: int | None = None,
        **told: Any,
    ) -> None:
        """Write anything, and tell.

        Args:
            settings: What the file says.
            frames: What is in it.
            target: None is standard output.
            since: When it was begun, by the monotonic clock.
            size: Of a frame.
            loop: How often an animation is played; None for a still.
            told: As for `tell`.
        """
        from mapsto.cli.batch import tell
        from mapsto.cli.writing import write

        for line in write(frames, target, self.file, settings, loop=loop):
            self.voice.warn(line)
        tell(self.voice, target, size, time.monotonic() - since, **told)


def make_one(
    work: Work,
    target: Path | None,
    file: File,
    voice: Voice,
    picture: Path | None = None,
    *,
    overwrite: bool,
    dry_run: bool,
    note: str,
) -> None:
    """Make a work of one picture, with all that is checked before and told after.

    Args:
        work: What to make.
        target: None is standard output.
        file: How to write.
        voice: Where to tell.
        picture: Of somebody's own, where the work needs one.
        overwrite: Replace files of others.
        dry_run: Only say where it would go.
        note: What is told of it.
    """
    from mapsto.cli.batch import check_source, check_target

    check_model(work)
    check_source(picture, (), file.max_pixels)
    check_target(target, overwrite)
    if target is None:
        check_stdout(voice)
    if dry_run:
        voice.result(str(target or "standard output"))
        voice.data["planned"] = [{"path": str(target or "-")}]
        return
    from mapsto.cli.painting import Photo

    photo = Photo(picture) if picture is not None else None
    maker = Maker(work, file, voice)
    used, since = maker.used(work), time.monotonic()
    with Bar(hidden=voice.quiet or voice.json) as bar:
        bar.show(0, "drawing")
        (made,) = used.frames(maker.generator, photo.picture(file.max_pixels) if photo else None)
    seed = getattr(work, "seed", None)
    maker.write(used, made, target, since, source=photo.said if photo else None, seed=seed, note=note)


def load(work: Work) -> Generator:
    """The generator of a work, with the threads it asks for.

    Raises:
        WeightsError: missing or damaged weights.
    """
    from mapsto.cli.painting import use_threads
    from mapsto.image.generator import Generator

    use_threads(work.threads)
    return Generator.from_pretrained(work.model, device=work.device, precision=work.precision)
