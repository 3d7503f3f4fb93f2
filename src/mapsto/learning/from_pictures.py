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
from mapsto.errors import UsageError, nearest
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.flow import FlowNetwork
from mapsto.image.gan import Critic
from mapsto.image.image_model import ImageModel
from mapsto.image.own_models import CRITIC, LICENCE
from mapsto.image.vae import VAE, premultiplied
from mapsto.learning.adversarial import objective
from mapsto.learning.augment import Augment
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Estimate, Plan, Report, estimate, finished, fit
from mapsto.learning.flow import FlowGame
from mapsto.learning.games import Batch, Game
from mapsto.learning.gan import GanGame
from mapsto.learning.latents import encoded, encoded_once
from mapsto.learning.vae import VaeGame
from mapsto.learning.watch import keep

KINDS = ("vae", "flow", "gan")
SPACES = ("latents", "pixels")
AUGMENTS = ("auto", "always", "off")

NATS = 1.1
"""Of rate for every number of the latent: about where new pictures stop falling apart and rebuilt ones are still themselves."""

CRISP = 48
"""Pixels of the shorter side up to which pictures are shrunk by 4 only: there every pixel counts."""

SMALLEST = 16
"""Pixels of a side: the perceptual network sees nothing in less."""

VAE_PART = 0.4
"""Of the time, where a VAE has to be learned before its prior."""

FEWEST = 8
"""Pictures below which learning from nothing is refused."""

RISE = 50_000
"""Real pictures in which adaptive augmentation could rise from never to always: a tenth of the paper's, as runs here are."""


@dataclass(frozen=True)
class Preset:
    """Sizes of the networks, and of a batch.

    Args:
        vae: Arguments of the `VAE`.
        flow: Of the `FlowNetwork`.
        gan: Of the `GanGenerator` and its critic.
        batch: Pictures of one step.
    """

    vae: dict[str, Any]
    flow: dict[str, Any]
    gan: dict[str, Any]
    batch: int


PRESETS = {
    "tiny": Preset({"base": 8, "latent": 4, "decoder_blocks": 1}, {"base": 32, "blocks": 1, "embedding": 64}, {"base": 16}, 16),
    "small": Preset({"base": 32, "latent": 8, "decoder_blocks": 2}, {"base": 32, "blocks": 2}, {"base": 32}, 32),
    "base": Preset({"base": 48, "latent": 8, "decoder_blocks": 3}, {"base": 64, "blocks": 1}, {"base": 64}, 32),
}


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
        preset: One of `PRESETS`.
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
        preset: str = "small",
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
        self.preset, self.plan, self.plans, self.start = PRESETS[preset], plan, plans or {}, start
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
        yield from self._fitted("vae", game, self.data, resume)
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


# ---- what else is decided by kind and size ----


def check_order(kind: str, preset: str, *, space: str, loss: str, augment: str, has_start: bool) -> None:
    """Refuse what makes no sense, before pictures are read.

    Raises:
        UsageError: an unknown name, or options that do not go together.
    """
    _known("kind of model", kind, KINDS)
    _known("preset", preset, tuple(PRESETS))
    _known("space", space, SPACES)
    _known("augmentation", augment, AUGMENTS)
    objective(loss)
    if space == "pixels" and (kind != "gan" or has_start):
        what = "A GAN that paints pixels needs no VAE." if kind == "gan" else f"A {kind} cannot do without latents."
        raise UsageError(what, "Only a GAN paints pixels, and without a VAE.")
    if kind == "vae" and has_start:
        raise UsageError("The VAE of a model is there already.", "To go on learning it, adapt it; to use it, train a flow.")


def check_size(height: int, width: int, *, pixels: bool = False) -> None:
    """Refuse sizes that cannot be halved as often as the networks do it.

    Raises:
        UsageError: it says the nearest sizes that can.
    """
    step = 8 if pixels else factor_of(height, width)
    if min(height, width) < SMALLEST:
        raise UsageError(f"Pictures of {width}×{height} are too small to learn from.", f"Sides are {SMALLEST} or more.")
    if height % step or width % step:
        nearby = sorted({_written(*(side // step * step + more for side in (width, height))) for more in (0, step)}, key=len)
        raise UsageError(
            f"Pictures of {width}×{height} cannot be halved {step.bit_length() - 1} times: sides are multiples of {step}.",
            f"The nearest sizes are {' and '.join(nearby)}.",
        )


def check_count(count: int) -> None:
    """Refuse to learn from next to nothing.

    Raises:
        UsageError: too few pictures.
    """
    if count < FEWEST:
        what = "One picture is" if count == 1 else f"{count} pictures are"
        raise UsageError(
            f"{what} too few to learn from nothing: they would only be learned by heart.",
            f"Give {FEWEST} or more, better 1,000; or begin with what a model knows: `mapsto adapt`.",
        )


def factor_of(height: int, width: int) -> int:
    """By how much a VAE shrinks pictures of a size."""
    return 4 if min(height, width) <= CRISP else 8


def decoder_of(model: ImageModel) -> Callable[[Tensor], Tensor]:
    """Latents → pictures, where the latents are; a function, so that a copy of a game has no copy of the model."""
    return lambda z: model.to(z.device)(z.float())


def nats_of(model: ImageModel) -> float:
    """The rate that a VAE should have: `NATS` for every number of a latent."""
    return NATS * model.centre.numel()


def critic_arguments(gan: Mapping[str, Any]) -> dict[str, Any]:
    """Of the critic that goes with a generator of these."""
    names = ("channels", "height", "width", "base", "classes", "pixels")
    return {name: gan[name] for name in names if name in gan}


def augment_of(how: str, *, latents: bool) -> Augment | None:
    """What changes pictures before a critic sees them; latents have no colours to change."""
    if how == "off":
        return None
    policy = ("translation", "cutout") if latents else ("colour", "translation", "cutout")
    if how == "always":
        return Augment(policy, latents=latents)
    return Augment(policy, p=0.0, target=0.6, images=RISE, latents=latents)


def embedded_features() -> PerceptualNetwork:
    """The perceptual network that comes with the package."""
    found = perceptual("small")
    assert isinstance(found, PerceptualNetwork)
    return found


def _written(width: int, height: int) -> str:
    return str(width) if width == height else f"{width}x{height}"


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


def _known(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        near = nearest(given, list(known)) or list(known)
        raise UsageError(f"There is no {what} called {given!r}.", f"Perhaps {' or '.join(near)}?")
