"""From a folder of pictures to a model that makes new ones: a VAE, then a prior over its latents.

run/vae, run/flow, run/gan     the run folder of each stage
run/…/checkpoint-*             from which `play(resume=True)` goes on, in whichever stage it stopped
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mapsto.errors import UsageError, nearest
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.flow import FlowNetwork
from mapsto.image.image_model import ImageModel
from mapsto.image.vae import VAE
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan, Report, finished, fit
from mapsto.learning.flow import FlowGame
from mapsto.learning.latents import encoded
from mapsto.learning.vae import VaeGame

KINDS = ("vae", "flow", "gan")

NATS = 1.1
"""Of rate for every number of the latent: about where new pictures stop falling apart and rebuilt ones are still themselves."""

CRISP = 48
"""Pixels of the shorter side up to which pictures are shrunk by 4 only: there every pixel counts."""

VAE_PART = 0.4
"""Of the time, where a VAE has to be learned before its prior."""


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
        options: Of the stages: arguments of their games by stage.

    Raises:
        UsageError: an unknown kind or preset, or a start that does not fit.
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
        options: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        _known("kind of model", kind, KINDS)
        _known("preset", preset, tuple(PRESETS))
        self.kind, self.data, self.run, self.held_out = kind, data, run, held_out
        self.preset, self.plan, self.plans, self.start = PRESETS[preset], plan, plans or {}, start
        self.nats, self.features, self.options = nats, features, options or {}
        self.height, self.width, self.channels = (int(side) for side in data.pixels.shape[1:])
        self.model = self._model()

    def _model(self) -> ImageModel:
        """The whole model with fresh weights, the same for the same seed."""
        shape = {"height": self.height, "width": self.width, "channels": self.channels}
        torch.manual_seed(self.plan.seed)
        if self.start is not None:
            _check_fits(self.start, self.data)
            vae = self.start.config["vae"]
        else:
            factor = 4 if min(self.height, self.width) <= CRISP else 8
            vae = {"channels": self.channels, "factor": factor, **self.preset.vae}
        latent = VAE(**vae).latent_size(self.height, self.width)
        sizes = dict(zip(("channels", "height", "width"), latent, strict=True))
        prior = {self.kind: {**sizes, "classes": len(self.data.classes), **getattr(self.preset, self.kind)}}
        priors = {} if self.kind == "vae" else prior
        torch.manual_seed(self.plan.seed)
        model = ImageModel(**shape, vae=vae, classes=self.data.classes if priors else (), **priors)  # type: ignore[arg-type]
        if self.start is not None:
            kept = {k: v for k, v in self.start.state_dict().items() if not k.startswith(("flow.", "gan."))}
            model.load_state_dict({**model.state_dict(), **kept})
        return model

    def stages(self, *, resume: bool = False) -> Iterator[Stage]:
        """The trainings in order; each must be run to its end before the next is asked for.

        Args:
            resume: Go on where `run` stopped.
        """
        if self.start is None:
            yield Stage("vae", self._learn_vae(resume))
        if self.kind != "vae":
            yield Stage(self.kind, self._learn_prior(resume))

    def _learn_vae(self, resume: bool) -> Iterator[Report]:
        assert self.model.vae is not None
        entries = torch.Size(self.model.source.shape[1:]).numel()  # type: ignore[arg-type]
        shown = self.held_out or self.data
        game = VaeGame(
            self.model.vae,
            self.features or _embedded(),
            nats=NATS * entries if self.nats is None else self.nats,
            shown=shown.batch(_first(shown, 32), torch.Generator()).x,
            **self.options.get("vae", {}),
        )
        yield from self._fitted("vae", game, self.data, resume)
        self.model.vae.load_state_dict(finished(game, self.run / "vae")["vae"].state_dict())
        encoded(self.model.eval(), self.data)

    def _learn_prior(self, resume: bool) -> Iterator[Report]:
        latents = encoded(self.model.eval(), self.data, measure=self.start is None)
        held = encoded(self.model, self.held_out, measure=False) if self.held_out is not None else None
        game = self._prior_game()
        yield from self._fitted(self.kind, game, latents, resume, held)
        part = getattr(self.model, self.kind)
        part.load_state_dict(finished(game, self.run / self.kind)[game.averaged[0]].state_dict())

    def _prior_game(self) -> Any:
        options = self.options.get(self.kind, {})
        if self.kind == "flow":
            assert isinstance(self.model.flow, FlowNetwork)
            return FlowGame(self.model.flow, self._decoder(), **options)
        from mapsto.image.gan import Critic
        from mapsto.learning.gan import GanGame

        assert self.model.gan is not None
        arguments = self.model.config["gan"]
        return GanGame(self.model.gan, Critic(**arguments), self._decoder(), **options)

    def _decoder(self) -> Callable[[Tensor], Tensor]:
        model = self.model
        return lambda z: model(z.float().cpu())

    def _fitted(self, stage: str, game: Any, source: Any, resume: bool, held: Any = None) -> Iterator[Report]:
        folder = self.run / stage
        plan = self.plans.get(stage, self.plan)
        if plan.hours is not None:
            plan = replace(plan, hours=plan.hours * self._part(stage))
        yield from fit(game, source, plan, folder, resume=resume and (folder / "config.json").exists(), held_out=held)

    def _part(self, stage: str) -> float:
        alone = self.kind == "vae" or self.start is not None
        return 1.0 if alone else VAE_PART if stage == "vae" else 1 - VAE_PART


def _embedded() -> PerceptualNetwork:
    found = perceptual("small")
    assert isinstance(found, PerceptualNetwork)
    return found


def _first(data: PictureData, count: int) -> Any:
    import numpy as np

    return np.arange(min(count, len(data)))


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
