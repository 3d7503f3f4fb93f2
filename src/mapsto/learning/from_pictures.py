"""From a folder of pictures to a model that makes new ones: a VAE, then a prior over its latents; or a GAN that paints pixels.

run/vae, run/flow, run/gan     the run folder of each stage
run/latents.safetensors        what the VAE makes of the pictures
run/critic.safetensors         whom a GAN's generator has learned from, for adapting

Stopped at any moment, `stages(resume=True)` goes on in whichever stage it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from mapsto import device as devices
from mapsto.errors import UsageError
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.flow import FlowNetwork
from mapsto.image.gan import Critic
from mapsto.image.image_model import ImageModel
from mapsto.image.own_models import CRITIC, LICENCE
from mapsto.image.vae import VAE, premultiplied
from mapsto.learning.choices import PRESETS, Preset, augment_of, check_count, check_order, check_size, factor_of
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Estimate, Plan, Report, estimate, finished, fit
from mapsto.learning.flow import FlowGame
from mapsto.learning.games import Batch, Game
from mapsto.learning.gan import GanGame
from mapsto.learning.latents import encoded, encoded_once
from mapsto.learning.subject import SHARED
from mapsto.learning.vae import VaeGame
from mapsto.learning.watch import keep

NATS = 1.1
"""Of rate for every number of the latent: about where new pictures stop falling apart and rebuilt ones are still themselves."""

VAE_PART = 0.4
"""Of the time, where a VAE has to be learned before its prior."""


@dataclass(frozen=True)
class Stage:
    """One training on the way to a model; `reports` trains when it is iterated over."""

    name: str
    reports: Iterator[Report]


@dataclass(frozen=True, eq=False)
class Premultiplied:
    """Pictures as a network paints them: colours fade to black with alpha."""

    data: PictureData

    @property
    def digest(self) -> str:
        """Of the pictures."""
        return self.data.digest

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: np.ndarray[Any, np.dtype[np.int64]], generator: torch.Generator) -> Batch:
        """As `PictureData.batch`."""
        found = self.data.batch(indices, generator)
        return found._replace(x=premultiplied(found.x))


class Workshop:
    """What is made from a folder of pictures.

    Args:
        kind: "vae", "flow" or "gan": how far to go.
        data: To learn from.
        run: A folder for all stages.
        preset: One of `PRESETS`, or another of one's own.
        plan: Of each stage; `hours` are shared out between them.
        plans: Of single stages by name, instead.
        start: A model whose VAE is used as it is, instead of learning one.
        held_out: Pictures never learned from.
        nats: The VAE's rate; `NATS` a number by default.
        features: The perceptual network of the VAE; the embedded one by default.
        space: Where a GAN paints: "latents", or "pixels" without any VAE.
        loss: Of a GAN, one of `adversarial.OBJECTIVES`.
        augment: What a GAN's critic sees: "auto" changes pictures as often as it needs, "always", "off".
        options: Of the stages: more arguments of their games by stage.

    Raises:
        UsageError: an unknown name, a size that cannot be, too few pictures, or a start that does not fit.
    """

    def __init__(
        self,
        kind: str,
        data: PictureData,
        run: Path,
        *,
        preset: str | Preset = "small",
        plan: Plan,
        plans: Mapping[str, Plan] | None = None,
        start: ImageModel | None = None,
        held_out: PictureData | None = None,
        nats: float | None = None,
        features: PerceptualNetwork | None = None,
        space: str = "latents",
        loss: str = "relativistic",
        augment: str = "auto",
        options: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        check_order(kind, preset, space=space, loss=loss, augment=augment, has_start=start is not None)
        self.kind, self.data, self.run, self.held_out = kind, data, run, held_out
        self.preset = PRESETS[preset] if isinstance(preset, str) else preset
        self.plan, self.plans, self.start = plan, plans or {}, start
        self.nats, self.features, self.options = nats, features, options or {}
        self.pixels, self.loss, self.augment = space == "pixels", loss, augment
        self.height, self.width, self.channels = (int(side) for side in data.pixels.shape[1:])
        check_size(self.height, self.width, pixels=self.pixels)
        check_count(len(data))
        if start is not None:
            _check_fits(start, data)
        self.done: dict[str, Report] = {}
        self.model = self._model()

    # ---- the model ----

    def _model(self) -> ImageModel:
        """The whole model with fresh weights, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.seed)
            model = ImageModel(**self._arguments())
        if self.start is not None:
            kept = {k: v for k, v in self.start.state_dict().items() if not k.startswith(("flow.", "gan."))}
            model.load_state_dict({**model.state_dict(), **kept})
        return model

    def _arguments(self) -> dict[str, Any]:
        """Of the `ImageModel`."""
        shape = {"height": self.height, "width": self.width, "channels": self.channels}
        prior: dict[str, Any] = {} if self.kind == "vae" else {"classes": self.data.classes}
        if self.pixels:
            return {**shape, **prior, "vae": None, "axes": 1, "gan": self._prior_arguments(shape) | {"pixels": True}}
        vae = self.start.config["vae"] if self.start is not None else self._vae_arguments()
        if prior:
            latent = VAE(**vae).latent_size(self.height, self.width)
            prior[self.kind] = self._prior_arguments(dict(zip(("channels", "height", "width"), latent, strict=True)))
        return {**shape, **prior, "vae": vae}

    def _vae_arguments(self) -> dict[str, Any]:
        return {"channels": self.channels, "factor": factor_of(self.height, self.width), **self.preset.vae}

    def _prior_arguments(self, sizes: dict[str, int]) -> dict[str, Any]:
        return {**sizes, "classes": len(self.data.classes), **getattr(self.preset, self.kind)}

    # ---- the stages ----

    @property
    def names(self) -> tuple[str, ...]:
        """Of the stages, in order."""
        learns_vae = self.start is None and not self.pixels
        return (*(("vae",) if learns_vae else ()), *((self.kind,) if self.kind != "vae" else ()))

    def stages(self, *, resume: bool = False) -> Iterator[Stage]:
        """The trainings in order; each must be run to its end before the next is asked for. Then `model` is done.

        Args:
            resume: Go on where `run` stopped.
        """
        for name in self.names:
            yield Stage(name, self._learn_vae(resume) if name == "vae" else self._learn_prior(resume))
        self.model.cpu().eval()

    def plan_of(self, stage: str) -> Plan:
        """How a stage is trained; the hours of all stages are shared out."""
        plan = self.plans.get(stage, self.plan)
        if plan.hours is None or stage in self.plans or len(self.names) == 1:
            return plan
        return replace(plan, hours=plan.hours * (VAE_PART if stage == "vae" else 1 - VAE_PART))

    def game_of(self, stage: str, noise: Tensor | float = 0.0) -> Game:
        """What is played in a stage, with the weights of `model`.

        Args:
            stage: One of `names`.
            noise: For a GAN over latents, see `GanGame`.
        """
        options = self.options.get(stage, {})
        if stage == "vae":
            return self._vae_game(options)
        decode = None if self.pixels else decoder_of(self.model)
        if stage == "flow":
            assert isinstance(self.model.flow, FlowNetwork)
            return FlowGame(self.model.flow, decode, **options)
        assert self.model.gan is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.seed + 1)
            critic = Critic(**critic_arguments(self.model.config["gan"]))
        options = {"loss": self.loss, "augment": augment_of(self.augment, latents=not self.pixels), **options}
        return GanGame(self.model.gan, critic, decode, noise=noise, **options)

    def _vae_game(self, options: dict[str, Any]) -> VaeGame:
        assert self.model.vae is not None
        shown = self.held_out or self.data
        return VaeGame(
            self.model.vae,
            self.features or embedded_features(),
            nats=nats_of(self.model) if self.nats is None else self.nats,
            shown=shown.batch(np.arange(min(32, len(shown))), torch.Generator()).x,
            **options,
        )

    def _learn_vae(self, resume: bool) -> Iterator[Report]:
        assert self.model.vae is not None
        game = self.game_of("vae")
        yield from self._fitted("vae", game, self.data, resume, self.held_out)
        self.model.vae.load_state_dict(finished(game, self.run / "vae")["vae"].state_dict())
        self.model.to(devices.pick(self.plan.device)).eval()
        encoded_once(self.run / "latents.safetensors", self.model, self.data)

    def _learn_prior(self, resume: bool) -> Iterator[Report]:
        self.model.to(devices.pick(self.plan.device)).eval()
        source, held, noise = self._material()
        game = self.game_of(self.kind, noise)
        yield from self._fitted(self.kind, game, source, resume, held)
        part = getattr(self.model, self.kind)
        part.load_state_dict(finished(game, self.run / self.kind)[game.averaged[0]].state_dict())
        if isinstance(game, GanGame):
            keep(self.run / CRITIC, {"critic": game.critic})

    def _material(self) -> tuple[Any, Any, Tensor | float]:
        """What a prior learns from, what it is watched by, and how large the noise of the former is in every channel."""
        if self.pixels:
            return Premultiplied(self.data), Premultiplied(self.held_out) if self.held_out is not None else None, 0.0
        path = self.run / "latents.safetensors"
        latents = encoded_once(path, self.model, self.data, measure=self.start is None)
        held = encoded(self.model, self.held_out, measure=False) if self.held_out is not None else None
        return latents, held, latents.deviations.float().mean((0, 2, 3))[:, None, None]

    def _fitted(self, stage: str, game: Game, source: Any, resume: bool, held: Any = None) -> Iterator[Report]:
        folder = self.run / stage
        resume = resume and (folder / "config.json").exists()
        for report in fit(game, source, self.plan_of(stage), folder, resume=resume, held_out=held):
            self.done[stage] = report
            yield report
        if dist.is_available() and dist.is_initialized():
            dist.barrier()  # what the first process wrote last is read by all

    # ---- what is told of it ----

    def rehearse(self, stage: str) -> tuple[str, Estimate]:
        """The kind of game of a stage, and what playing it will take; nothing is learned, and nothing written.

        A prior rehearses on latents of a VAE that has not learned anything: they cost the same.
        """
        source: Any = Premultiplied(self.data) if self.pixels else self.data
        if stage != "vae" and not self.pixels:
            few = self.data.subset(np.arange(min(len(self.data), self.plan_of(stage).batch)))
            source = encoded(copy.deepcopy(self.model).eval(), few)
        game = self.game_of(stage)
        return type(game).__name__, estimate(game, source, self.plan_of(stage))

    def card(self, name: str, licence: str = LICENCE) -> dict[str, Any]:
        """The story that goes with the weights; scores are still missing.

        Args:
            name: Of the pictures' folder.
            licence: Of the pictures.
        """
        stages = [f"{stage} {r.steps:,} steps, {r.images:,} pictures, {r.seconds:,.0f} s" for stage, r in self.done.items()]
        return {
            "recipe": f"mapsto train {self.kind}: {'; '.join(stages)}; seed {self.plan.seed}",
            "data": f"{name}: {len(self.data)} pictures, sha256 {self.data.digest[:16]}; licence {licence}",
            "licence": licence,
            "scores": {},
            "images_seen": {stage: report.images for stage, report in self.done.items()},
        }


def nats_of(model: ImageModel) -> float:
    """The rate that a VAE should have: `NATS` for every number of a latent."""
    return NATS * model.centre.numel()


def decoder_of(model: ImageModel) -> Callable[[Tensor], Tensor]:
    """Latents → pictures, where the latents are; a function, so that a copy of a game has no copy of the model."""
    return lambda z: model.to(z.device)(z.float())


def critic_arguments(gan: Mapping[str, Any]) -> dict[str, Any]:
    """Of the critic that goes with a generator of these."""
    return {name: gan[name] for name in SHARED if name in gan}


def embedded_features() -> PerceptualNetwork:
    """The perceptual network that comes with the package."""
    found = perceptual("small")
    assert isinstance(found, PerceptualNetwork)
    return found


def _check_fits(start: ImageModel, data: PictureData) -> None:
    wanted = (start.height, start.width, start.channels)
    if start.vae is None:
        raise UsageError("The model to start from has no VAE.", "Choose another, or leave it out to learn a VAE as well.")
    if tuple(data.pixels.shape[1:]) != wanted:
        given = "×".join(map(str, data.pixels.shape[1:]))
        raise UsageError(
            f"The model to start from takes pictures of {'×'.join(map(str, wanted))}, and these are {given}.",
            "Prepare them at its size.",
        )
