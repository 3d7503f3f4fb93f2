"""New pictures: draw them, rebuild a picture, walk between them, mix them, and turn what they vary in.

    from mapsto import Generator

    portrait = Generator.from_pretrained("portrait")
    portrait(n=4, seed=7)[0].save("face.png")

Picture number i of seed s is the picture of seed s + i: every picture has a seed of its own, by which it can be had again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from mapsto import device as devices
from mapsto import weights
from mapsto.errors import UsageError
from mapsto.image import latent_tools, models, moves
from mapsto.image.bands import mix_bands
from mapsto.image.gan import GanGenerator
from mapsto.image.image_model import ImageModel
from mapsto.image.latent_tools import Directions
from mapsto.image.moves import Point
from mapsto.media.picture import Picture
from mapsto.media.pixels import tensor_of_array

STEPS = 20
"""Of the flow's integration: more than that is hard to tell apart."""

BATCH = 16
"""Pictures painted at a time: four times as fast as one by one. The last bits of a picture depend on it."""


@dataclass(frozen=True)
class Drawn:
    """Told after every batch: how many pictures are done, and how many there will be."""

    done: int
    total: int


class Generator:
    """Latent → Image and back, for people.

    Args:
        model: What draws and paints.
        name: Under which it was found.
        device: Where it computes.
        dtype: In what precision.
        card: What is told of its weights.
    """

    def __init__(
        self,
        model: ImageModel,
        name: str,
        device: torch.device,
        dtype: torch.dtype,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.name, self.device, self.dtype, self.card = name, device, dtype, dict(card or {})

    @classmethod
    def from_pretrained(cls, name: str | Path = "portrait", *, device: str = "auto", precision: str = "auto") -> Generator:
        """A generator by the name of its weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
            UsageError: a device that is not there.
        """
        place = devices.pick(device)
        models.check_known(name)
        model = weights.load(name, expect="ImageModel")
        assert isinstance(model, ImageModel)
        return cls(model, Path(name).stem, place, devices.precision(place, precision), weights.card(name))

    def save_pretrained(self, path: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Write the weights with their card; → where they are.

        Args:
            path: A file ending in .safetensors.
            card: What trained them, on what, and their licence; that of the weights this came from by default.
        """
        weights.save(self.model, Path(path), self.card if card is None else card)
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
        pag: float | None = None,
        batch_size: int = BATCH,
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
            pag: Perturbed-attention guidance, how much the flow leans on how parts belong together: 0 is plain, more is
                clearer, and by and by exaggerated; by default as the model says.
            batch_size: Painted at a time.
            on_progress: Told after every batch.

        Raises:
            UsageError: an unknown prior or class, or a count below 1.
        """
        if n < 1 or batch_size < 1:
            raise UsageError(f"{min(n, batch_size)} pictures cannot be drawn.", "Ask for at least one.")
        found: list[Picture] = []
        for start in range(0, n, batch_size):
            seeds = range(seed + start, seed + min(n, start + batch_size))
            z = self.latents(seeds, truncation=truncation, prior=prior, label=label, steps=steps, guidance=guidance, pag=pag)
            found += self.decode(z)
            if on_progress is not None:
                on_progress(Drawn(len(found), n))
        return found

    def latents(self, seeds: Sequence[int], **how: Any) -> Tensor:
        """The latents of the pictures of these seeds, [B, L, h, w]; keywords as for drawing."""
        return self._drawn(self.noise(seeds, how.get("prior")), **how)

    def noise(self, seeds: Sequence[int], prior: str | None = None) -> Tensor:
        """What pictures are drawn from: N(0, 1), [B, L, h, w], or [B, Z] for the GAN; on the CPU."""
        by_gan = self.prior(prior) == "gan"
        shape = (self._gan.z_size,) if by_gan else tuple(size or 1 for size in self.model.source.shape[1:])
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
        pag: float | None = None,
    ) -> Tensor:
        if self.prior(prior) == "gan":
            return self._synthesized(self._styles(noise, truncation=truncation, label=label))
        labels, calm = self._labels(label, len(noise)), noise.to(self.device) * truncation
        with self._autocast():
            z = self.model.sample(calm, prior=self.prior(prior), steps=steps, labels=labels, guidance=guidance, pag=pag)
        drawn: Tensor = z.float()
        return drawn

    @torch.inference_mode()
    def _styles(self, noise: Tensor, *, truncation: float = 1.0, label: str | None = None, **_: Any) -> Tensor:
        """The GAN's styles, [B, W]; what concerns the flow alone is passed over."""
        with self._autocast():
            w = self._gan.mapping(noise.to(self.device), self._labels(label, len(noise)))
        return self._gan.truncate(w.float(), truncation)

    @torch.inference_mode()
    def _synthesized(self, w: Tensor) -> Tensor:
        """Styles [B, W] or [B, layers, W] → latents."""
        with self._autocast():
            z: Tensor = self._gan.synthesize(w.to(self.device)).float()
        return z

    @property
    def _gan(self) -> GanGenerator:
        gan = self.model.gan
        assert isinstance(gan, GanGenerator)
        return gan

    def prior(self, wanted: str | None = None) -> str:
        """The prior that is meant: the best there is where none is wanted.

        Raises:
            UsageError: one that the model does not have.
        """
        there = self.model.priors
        if wanted is not None and wanted not in there:
            raise UsageError(f"{self.name} has no prior called {wanted!r}.", f"It has {' and '.join(there)}.")
        return wanted or there[0]

    def _labels(self, label: str | None, count: int) -> Tensor | None:
        if label is None:
            return None
        known = list(self.model.classes)
        if label not in known:
            raise UsageError(
                f"{self.name} knows no class called {label!r}.",
                f"It knows {', '.join(known)}." if known else "It was trained without classes.",
            )
        return torch.full((count,), known.index(label), device=self.device)

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

    def reconstruct(self, picture: object, *, refine: int = 0) -> Picture:
        """Image → Latent → Image.

        Args:
            picture: A path, PIL image, array, tensor or `Picture`.
            refine: Steps of `project`; 0 takes the encoder's word.

        Raises:
            UsageError: a model without an encoder, and no steps.
        """
        return self.decode(self._latents_of(self._placed(picture, refine)))[0]

    def project(self, picture: object, *, steps: int = 100) -> Point:
        """Where a picture lies, more exactly than the encoder knows: refined by gradient on pixels and features.

        Args:
            picture: As for `reconstruct`.
            steps: Of refinement.

        Returns:
            Latents; for a model without an encoder a style of the GAN.
        """
        return moves.found_in(self.model, self.fitted(picture).to(self.device), steps)

    def _placed(self, picture: object, refine: int) -> Point:
        return self.project(picture, steps=refine) if refine else Point(self.encode(picture), is_style=False)

    def _latents_of(self, point: Point) -> Tensor:
        return self._synthesized(point.at) if point.is_style else point.at

    # ---- moving ----

    def walk(self, seeds: Sequence[int], frames: int, *, loop: bool = True, **how: Any) -> Iterator[Picture]:
        """A way through the pictures of several seeds, in steps of equal change.

        Args:
            seeds: Two or more.
            frames: How many pictures.
            loop: Back to the first; the last frame is then one step before it.
            how: As for drawing.

        Raises:
            UsageError: fewer than two seeds, or no frames.
        """
        if len(seeds) < 2:
            raise UsageError("A walk goes from somewhere to somewhere.", "Give two seeds or more, as --seeds 1,5,9.")
        if frames < 1:
            raise UsageError(f"A walk of {frames} pictures shows nothing.", "Give more seconds, or more frames a second.")
        points = [point[None] for point in self.noise(seeds, how.get("prior"))]
        way = latent_tools.on_shell(points, loop=loop)
        pace = moves.pace_of(way, lambda noise: torch.cat([self._drawn(part, **how).cpu() for part in batches(noise)]))
        times = [pace(number / (frames if loop else max(1, frames - 1))) for number in range(frames)]
        for start in range(0, frames, BATCH):
            noise = torch.cat([way(time) for time in times[start : start + BATCH]])
            yield from self.decode(self._drawn(noise, **how))

    def mix(self, seed: int, other: int, layers: str = "coarse", **how: Any) -> Picture:
        """The picture of one seed, with some layers of another.

        The GAN mixes the styles of its layers. A flow has none: there the noise is mixed, by how fine its waves are.

        Args:
            seed: Of the picture.
            other: Where the layers come from.
            layers: coarse, middle or fine.
            how: As for drawing.
        """
        one, two = (self.noise([each], how.get("prior")) for each in (seed, other))
        if self.prior(how.get("prior")) != "gan":
            return self.decode(self._drawn(mix_bands(one, two, layers), **how))[0]
        w, v = (self._styles(noise, **how) for noise in (one, two))
        return self.decode(self._synthesized(latent_tools.mix(w, v, layers=self._gan.layers, take=layers)))[0]

    def sliders(self, prior: str | None = None, *, own: bool = False) -> Directions:
        """What can be turned, see `moves.sliders_of`.

        Args:
            prior: Of the pictures that are drawn.
            own: Of pictures of one's own, which no prior has drawn.
        """
        is_style = self.model.vae is None if own else self.prior(prior) == "gan"
        return moves.sliders_of(self.model, self.card, is_style=is_style)

    def edit(self, start: object, sliders: Mapping[str, float], *, refine: int = 0, **how: Any) -> Picture:
        """A picture with some sliders turned.

        Args:
            start: A seed; or a picture of one's own, which is encoded first.
            sliders: How far each is turned, by name: at 1 as far as pictures usually are from the mean, 2 is far.
            refine: As for `reconstruct`.
            how: As for drawing.

        Raises:
            UsageError: an unknown slider.
        """
        return self.edits(start, [sliders], refine=refine, **how)[0]

    def edits(self, start: object, turned: Sequence[Mapping[str, float]], *, refine: int = 0, **how: Any) -> list[Picture]:
        """Several edits of one picture; as `edit`."""
        point = self._drawn_at(start, **how) if isinstance(start, int) else self._placed(start, refine)
        directions, at = moves.sliders_of(self.model, self.card, is_style=point.is_style), point.at.to(self.device)
        moved = torch.cat([latent_tools.edit(at, directions, amounts) for amounts in turned])
        parts = (self._latents_of(Point(part, point.is_style)) for part in batches(moved))
        return [picture for part in parts for picture in self.decode(part)]

    def _drawn_at(self, seed: int, **how: Any) -> Point:
        if self.prior(how.get("prior")) == "gan":
            return Point(self._styles(self.noise([seed], how.get("prior")), **how), is_style=True)
        return Point(self.latents([seed], **how), is_style=False)

    # ---- learning ----

    def adapt(self, pictures: Path | str, *, strength: float | Literal["auto"] = "auto", **how: Any) -> Generator:
        """A generator of one's own: decoder and prior fine-tuned on a leash; this one stays as it is.

        Args:
            pictures: A folder, or a zip.
            strength: λ of the leash, or "auto".
            how: As for `mapsto.learning.adapted_generator.adapted`: steps, batch, run, frozen …

        Returns:
            A generator whose card tells, under "scores", whether it is better than this one, and than learning from nothing.

        Raises:
            UsageError: too few pictures, or a strength that is none.
        """
        from mapsto.learning.adapted_generator import adapted

        return adapted(self, pictures, strength=strength, **how)


def batches(x: Tensor) -> list[Tensor]:
    """[N, …] in parts of `BATCH`."""
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]


def pictures_of(x: Tensor) -> list[Picture]:
    """[B, C, H, W] about in [0, 1] → pictures; a fourth channel is alpha."""
    return [Picture.of(one) for one in x.clamp(0, 1)]
