"""New pictures: draw them, rebuild a picture, walk between them, and turn what they vary in.

    from mapsto import Generator

    portrait = Generator.from_pretrained("portrait")
    portrait(n=4, seed=7)[0].save("face.png")

Picture number i of seed s is the picture of seed s + i: every picture has a seed of its own, by which it can be had again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mapsto import device as devices
from mapsto import paths, weights
from mapsto.errors import UsageError, WeightsError, nearest
from mapsto.image.image_model import ImageModel
from mapsto.media.picture import Picture
from mapsto.media.pixels import tensor_of_array

STEPS = 20
"""Of the flow's integration: more than that is hard to tell apart."""

PROBES = 33
"""Places at which a walk is measured, so that equal time is equal change."""


@dataclass(frozen=True)
class Drawn:
    """Told after every picture: how many are done, and how many there will be."""

    done: int
    total: int


class Generator:
    """Latent → Image and back, for people.

    Args:
        model: What draws and paints.
        name: Under which it was found.
        device: Where it computes.
        dtype: In what precision.
    """

    def __init__(self, model: ImageModel, name: str, device: torch.device, dtype: torch.dtype) -> None:
        self.model = model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.name, self.device, self.dtype = name, device, dtype

    @classmethod
    def from_pretrained(cls, name: str | Path = "portrait", *, device: str = "auto", precision: str = "auto") -> Generator:
        """A generator by the name of its weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
            UsageError: a device that is not there.
        """
        place = devices.pick(device)
        try:
            model = weights.load(name, expect="ImageModel")
        except WeightsError as error:
            near = nearest(str(name), names())
            raise WeightsError(error.what, f"Perhaps {' or '.join(near)}?" if near else error.hint) from error
        assert isinstance(model, ImageModel)
        return cls(model, Path(name).stem, place, devices.precision(place, precision))

    def save_pretrained(self, path: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Write the weights with their card; → where they are.

        Args:
            path: A file ending in .safetensors.
            card: What trained them, on what, and their licence; that of the weights this came from by default.
        """
        said = dict(card) if card is not None else weights.card(self.name)
        weights.save(self.model.cpu(), Path(path), said)
        self.model.to(self.device)
        return Path(path)

    # ---- drawing ----

    def __call__(
        self,
        n: int = 1,
        *,
        seed: int = 0,
        truncation: float = 1.0,
        prior: str | None = None,
        label: str | None = None,
        steps: int = STEPS,
        guidance: float = 1.0,
        batch_size: int = 16,
        on_progress: Callable[[Drawn], object] | None = None,
    ) -> list[Picture]:
        """New pictures.

        Args:
            n: How many.
            seed: Of the first; the next has the next.
            truncation: 1 is as varied as the training pictures; less is calmer and more alike, 0 the mean picture.
            prior: flow, gan or gaussian; the best that the model has by default.
            label: One of the model's classes.
            steps: Of the flow.
            guidance: How much the flow leans towards the class: 1 is plain.
            batch_size: Painted at a time.
            on_progress: Told after every batch.

        Raises:
            UsageError: an unknown prior or class, or a count below 1.
        """
        if n < 1:
            raise UsageError(f"{n} pictures cannot be drawn.", "Ask for at least one.")
        found: list[Picture] = []
        for start in range(0, n, batch_size):
            seeds = range(seed + start, seed + min(n, start + batch_size))
            z = self.latents(seeds, truncation=truncation, prior=prior, label=label, steps=steps, guidance=guidance)
            found += self.decode(z)
            if on_progress is not None:
                on_progress(Drawn(len(found), n))
        return found

    def latents(self, seeds: Sequence[int], **how: Any) -> Tensor:
        """The latents of the pictures of these seeds, [B, L, h, w]; keywords as for drawing."""
        return self._drawn(self.noise(seeds, how.get("prior")), **how)

    def noise(self, seeds: Sequence[int], prior: str | None = None) -> Tensor:
        """What pictures are drawn from: N(0, 1), [B, L, h, w], or [B, Z] for the GAN; on the CPU."""
        shape: tuple[int, ...] = (self.model.gan.z_size,) if self._prior(prior) == "gan" and self.model.gan else ()
        shape = shape or tuple(size or 1 for size in self.model.source.shape[1:])
        return torch.stack([torch.randn(shape, generator=devices.generator(seed)) for seed in seeds])

    @torch.inference_mode()
    def _drawn(
        self,
        noise: Tensor,
        *,
        truncation: float = 1.0,
        prior: str | None = None,
        label: str | None = None,
        steps: int = STEPS,
        guidance: float = 1.0,
    ) -> Tensor:
        found = self._prior(prior)
        labels = self._labels(label, len(noise))
        noise = noise.to(self.device)
        with self._autocast():
            if found == "gan" and self.model.gan is not None:
                w = self.model.gan.mapping(noise, labels)
                z = self.model.gan.synthesize(torch.lerp(self.model.gan.mean_w, w, truncation))
            else:
                z = self.model.sample(noise * truncation, prior=found, steps=steps, labels=labels, guidance=guidance)
        drawn: Tensor = z.float()
        return drawn

    def _prior(self, wanted: str | None) -> str:
        there = self.model.priors
        if wanted is not None and wanted not in there:
            raise UsageError(f"{self.name} has no prior called {wanted!r}.", f"It has {' and '.join(there)}.")
        return wanted or there[0]

    def _labels(self, label: str | None, count: int) -> Tensor | None:
        if label is None:
            return None
        if label not in self.model.classes:
            known = list(self.model.classes)
            raise UsageError(
                f"{self.name} knows no class called {label!r}.",
                f"It knows {', '.join(known)}." if known else "It was trained without classes.",
            )
        return torch.full((count,), self.model.classes.index(label), device=self.device)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is torch.bfloat16)

    # ---- there and back ----

    @torch.inference_mode()
    def decode(self, z: Tensor) -> list[Picture]:
        """Normalised latents [B, L, h, w] → pictures."""
        with self._autocast():
            x = self.model(z.to(self.device))
        return pictures_of(x.float().cpu())

    @torch.inference_mode()
    def encode(self, picture: object) -> Tensor:
        """Where a picture lies: [1, L, h, w], normalised. It is cut and shrunk to the size the model was trained on.

        Raises:
            UsageError: a model without an encoder.
        """
        with self._autocast():
            z: Tensor = self.model.encode(self.fitted(picture).to(self.device))
        return z.float().cpu()

    def fitted(self, picture: object) -> Tensor:
        """A picture as the model wants it: [1, C, H, W] in [0, 1], the middle of it."""
        from mapsto.learning.shelf import fitted

        return tensor_of_array(fitted(Picture.of(picture), self.model.height, self.model.width, self.model.channels))

    def reconstruct(self, picture: object) -> Picture:
        """Image → Latent → Image."""
        return self.decode(self.encode(picture))[0]

    # ---- moving ----

    def walk(self, seeds: Sequence[int], frames: int, *, loop: bool = True, **how: Any) -> Iterator[Picture]:
        """A way through the pictures of several seeds, in steps of equal change.

        Args:
            seeds: Two or more.
            frames: How many pictures.
            loop: Back to the first; the last frame is then one step before it.
            how: As for drawing.
        """
        if len(seeds) < 2:
            raise UsageError("A walk goes from somewhere to somewhere.", "Give two seeds or more, as --seeds 1,5,9.")
        points = [point[None] for point in self.noise(seeds, how.get("prior"))]
        way = on_shell(points, loop=loop)
        even = paths.even(lambda t: self._drawn(way(t), **how).cpu(), probes=PROBES)
        for number in range(frames):
            yield self.decode(even(number / (frames if loop else max(1, frames - 1))))[0]


def on_shell(points: Sequence[Tensor], *, loop: bool) -> paths.Path:
    """A spline through points of N(0, 1)ⁿ that stays as far from 0 as they are.

    A plain spline cuts the corner through the middle of the space, where no picture was trained to be.
    """
    through = paths.loop if loop else paths.spline
    lengths = through([torch.linalg.vector_norm(point).reshape(1) for point in points])
    way = through([point / torch.linalg.vector_norm(point) for point in points])

    def at(t: float) -> Tensor:
        direction = way(t)
        length: Tensor = torch.linalg.vector_norm(direction)
        return direction / length * lengths(t)

    return at


def pictures_of(x: Tensor) -> list[Picture]:
    """[B, C, H, W] about in [0, 1] → pictures; a fourth channel is alpha."""
    return [Picture.of(one) for one in x.clamp(0, 1)]


def enlarged(picture: Picture, scale: int) -> Picture:
    """Every pixel as a square of `scale` pixels, crisp."""
    pixels = picture.numpy().repeat(scale, 0).repeat(scale, 1)
    return Picture.of(pixels)


def names() -> list[str]:
    """Models that draw pictures: those that ship, and the user's own."""
    return [name for name, path in weights.catalogue().items() if _is_model(path)]


def _is_model(path: Path) -> bool:
    try:
        return bool(weights.card(path)["architecture"] == "ImageModel")
    except WeightsError:
        return False
