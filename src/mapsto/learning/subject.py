"""What of a model is adapted: its prior over latents (or over pixels), beside a VAE that stays as it is.

    subject = Subject(model, "flow")
    judge = subject.judge(parts.proof, network)
    result = adapt(subject.make, subject.start(), subject.source(parts.learn), plan, run, judge=judge)
    mine = subject.with_prior(result.average)     # a model like the first, with the adapted prior

Shapes: N pictures C × H × W, whose latents are L × h × w.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from numpy.typing import NDArray
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.files import sha256
from mapsto.image.features import PerceptualNetwork
from mapsto.image.flow import FlowNetwork
from mapsto.image.gan import Critic, GanGenerator
from mapsto.image.image_model import ImageModel
from mapsto.learning.adapt import pictures_of
from mapsto.learning.augment import Augment
from mapsto.learning.data import PictureData
from mapsto.learning.distances import embed, kd
from mapsto.learning.flow import FlowGame
from mapsto.learning.games import Batch, Game
from mapsto.learning.gan import GanGame
from mapsto.learning.latents import encoded
from mapsto.learning.plans import Source
from mapsto.learning.watch import Average, Judge, Score

TRAINED = {"flow": "flow", "gan": "generator"}
"""The prior's name in its game."""

SHARED = ("channels", "height", "width", "base", "blocks", "classes", "pixels")
"""Arguments that a critic has in common with its generator."""

BATCH = 64
"""Pictures drawn at a time."""


@dataclass(frozen=True, eq=False)
class Fixed:
    """Points as a source, the same each time: x [N, L, h, w]."""

    x: Tensor
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(self.x.float().cpu().contiguous().numpy().tobytes()))

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: NDArray, generator: torch.Generator) -> Batch:  # type: ignore[type-arg]
        """Those of the indices."""
        return Batch(self.x[torch.from_numpy(indices)])


class Subject:
    """A model's prior, as `adapt` wants it.

    Args:
        model: On the device where pictures are to be decoded.
        kind: "flow" or "gan"; the better one that the model has by default.
        critic: Weights of the GAN's critic by their names in `Critic`; without them it begins at random and knows nothing.
        noise: Of painted latents, see `GanGame`.

    Raises:
        UsageError: the model has no such prior.
    """

    def __init__(
        self,
        model: ImageModel,
        kind: str | None = None,
        *,
        critic: Mapping[str, Tensor] | None = None,
        noise: Tensor | float = 0.0,
    ) -> None:
        has = [prior for prior in model.priors if prior in TRAINED]
        if kind not in has and (kind or not has):
            raise UsageError(f"This model has no {kind or 'prior'} to adapt.", f"It has {' and '.join(model.priors)}.")
        self.model, self.kind = model, kind or has[0]
        self.critic, self.noise = dict(critic or {}), noise

    def make(self, *, augment: bool = False) -> Game:
        """A game with a new prior of the model's kind and size.

        Args:
            augment: DiffAugment before the critic.

        Raises:
            UsageError: there is no critic to augment for.
        """
        if self.kind == "flow":
            if augment:
                raise UsageError("A flow has no critic to augment for.", "Mirror the pictures instead.")
            return FlowGame(FlowNetwork(**self.model.config["flow"]), self.decode)
        arguments = self.model.config["gan"]
        critic = Critic(**{name: arguments[name] for name in SHARED if name in arguments})
        latents = self.model.vae is not None
        changes = Augment(("translation", "cutout") if latents else Augment().policy, latents=latents) if augment else None
        decode = self.decode if latents else None
        return GanGame(GanGenerator(**arguments), critic, decode, augment=changes, noise=self.noise)

    def start(self) -> dict[str, Tensor]:
        """The prior's weights, by the names of the game's."""
        own = {f"{TRAINED[self.kind]}.{name}": t.detach().clone() for name, t in self._prior(self.model).state_dict().items()}
        return {**own, **{f"critic.{name}": tensor for name, tensor in self.critic.items()}}

    def source(self, data: PictureData) -> Source:
        """Pictures as the prior learns them: their latents by the model's own VAE and scale."""
        return encoded(self.model, data, measure=False) if self.model.vae is not None else data

    def memories(self, count: int, seed: int = 0) -> Source:
        """Points that the prior draws itself, to find out which weights matter, see `importance`."""
        return Fixed(torch.cat(list(self._points(self.model, count, seed))))

    def draw(self, average: Average, count: int, seed: int = 0) -> Tensor:
        """New pictures [count, C, H, W] in [0, 1] by an adapted prior, of no class, on the CPU."""
        model = self.with_prior(average)
        with torch.no_grad():
            return torch.cat([model(z).clamp(0, 1).cpu() for z in self._points(model, count, seed)])

    def with_prior(self, average: Average) -> ImageModel:
        """A copy of the model with an adapted prior."""
        model = deepcopy(self.model)
        self._prior(model).load_state_dict(average[TRAINED[self.kind]].state_dict())
        return model.eval()

    def judge(self, pictures: PictureData, network: PerceptualNetwork, *, count: int = 256) -> Judge:
        """Judges by the kernel distance of drawn pictures to these.

        Args:
            pictures: Four or more that nothing is learned from.
            network: The perceptual network.
            count: To draw.
        """
        real = embed(pictures_of(pictures), network)
        return lambda game, average: Score(*kd(real, embed(self.draw(average, count), network)))

    def decode(self, z: Tensor) -> Tensor:
        """Latents on any device → pictures, where the model is."""
        pictures: Tensor = self.model(z.float().to(next(self.model.parameters()).device))
        return pictures

    def _points(self, model: ImageModel, count: int, seed: int) -> list[Tensor]:
        """What the prior draws, in batches."""
        place, generator = next(model.parameters()).device, torch.Generator().manual_seed(seed)
        size = (model.gan.z_size,) if self.kind == "gan" and model.gan else tuple(side or 1 for side in model.source.shape[1:])
        noise = torch.randn(count, *size, generator=generator).to(place)
        with torch.no_grad():
            return [model.sample(part, prior=self.kind) for part in torch.split(noise, BATCH)]

    def _prior(self, model: ImageModel) -> torch.nn.Module:
        prior: torch.nn.Module = getattr(model, self.kind)
        return prior
