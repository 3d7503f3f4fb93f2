"""A whole model of pictures adapted to a folder: how it paints, its VAE's decoder, then what it paints, its prior.

    mine = adapt_model(start, prepare("my_paintings", (64, 64)), Path("runs/mine"), plan=Plan(steps=400, batch=16))
    mine.model           # with the decoder and the prior that were best by pictures held out for that
    mine.table()         # start, scratch and adapted, for both

The encoder and the scale of the latents stay as they are, so the prior goes on speaking of the same latents. A GAN that paints
pixels has no decoder; a model without flow or GAN has only that.

Shapes: N pictures C × H × W.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from mapsto import device as devices
from mapsto.errors import UsageError
from mapsto.image.features import PerceptualNetwork
from mapsto.image.image_model import ImageModel
from mapsto.image.vae import VAE, premultiplied
from mapsto.learning.adapt import Adapted, Parts, adapt, parts_of, pictures_of
from mapsto.learning.arms import Arm
from mapsto.learning.comparison import Row, verdict
from mapsto.learning.data import PictureData
from mapsto.learning.fit import Plan, Report
from mapsto.learning.from_pictures import Premultiplied, embedded_features, nats_of
from mapsto.learning.latents import encoded
from mapsto.learning.rebuilding import RebuildError
from mapsto.learning.restraint import names_of
from mapsto.learning.subject import TRAINED, Subject
from mapsto.learning.vae import VaeGame

if TYPE_CHECKING:
    pass

FEWEST = 4
"""Pictures below which adapting is refused: distances need as many to be measured at all."""

SAMPLES = 128
"""Drawn whenever a prior is judged."""

PACE = 0.3
"""Of the decoder's learning rate: it has little to learn, and soon knows few pictures by heart."""

OnReport = Callable[[str, str, Report], object]
"""Told the stage, "decoder" or "prior", the name of a training in it, and how that goes."""


@dataclass(frozen=True)
class AdaptedModel:
    """What adapting a model came to.

    Args:
        model: Adapted, on the CPU.
        parts: How the pictures were split.
        decoder: How rebuilt pictures are judged; None where there is no VAE.
        prior: How drawn pictures are judged; None where nothing but the VAE draws.
        notes: What a person should know.
    """

    model: ImageModel
    parts: Parts
    decoder: Adapted | None
    prior: Adapted | None
    notes: tuple[str, ...] = ()

    def table(self) -> str:
        """Both tables with what they say, as text."""
        named = (("Rebuilt pictures: error", self.decoder), ("New pictures: kernel distance", self.prior))
        found = [f"{name}\n{part.table()}" for name, part in named if part is not None]
        return "\n\n".join([*found, self.parts.note])

    def scores(self) -> dict[str, Any]:
        """For a card and for programs: rows by stage."""
        stages = (("decoder", self.decoder), ("prior", self.prior))
        return {name: _told(part) for name, part in stages if part is not None}


def adapt_model(
    start: ImageModel,
    data: PictureData,
    run: Path,
    *,
    plan: Plan,
    strength: float | Literal["auto"] = "auto",
    frozen: Sequence[str] = (),
    augment: bool = False,
    scratch: bool = True,
    critic: Mapping[str, Tensor] | None = None,
    seen: Mapping[str, int] | None = None,
    features: PerceptualNetwork | None = None,
    on_report: OnReport | None = None,
) -> AdaptedModel:
    """Fine-tune a model on a leash, and compare it with what it was and with learning from nothing.

    Stopped at any moment, the same call goes on.

    Args:
        start: Stays as it is.
        data: Pictures of its size.
        run: A folder of this adapting alone.
        plan: Of each training.
        strength: λ, or "auto": searched for from 50 pictures on, else 3.
        frozen: Layers that do not move: "vae.…" of the decoder, others of the prior; see `restraint.names_of`.
        augment: DiffAugment before a GAN's critic.
        scratch: Train from nothing too, for as many pictures; a prior does so over the adapted VAE, which favours it.
        critic: Weights of the critic that a GAN learned from.
        seen: Pictures the start has learned from, by stage of its training, for the table.
        features: The perceptual network; the embedded one by default.
        on_report: Told how it goes.

    Raises:
        UsageError: too few pictures, another size than the model's, restraints that do not fit, or a folder of another run.
        KeyboardInterrupt: interrupted; the same call goes on.
    """
    _check(start, data)
    job = _Job(
        start.to(devices.pick(plan.device)).eval(),
        parts_of(data, plan.seed),
        run,
        plan,
        features or embedded_features().to(devices.pick(plan.device)),
        {"strength": strength, "scratch": scratch},
        dict(seen or {}),
        on_report or (lambda stage, name, report: None),
    )
    subject = _subject(job, critic)
    of_vae = [layer for layer in frozen if layer.startswith("vae")]
    of_prior = [layer for layer in frozen if layer not in of_vae]
    _check_restraints(job, subject, of_vae, of_prior, augment=augment)
    decoder = job.decoder(of_vae) if start.vae is not None else None
    model = _with_vae(job.start, decoder, subject.kind if subject else None)
    prior = job.prior(replace_model(subject, model), of_prior, augment=augment) if subject else None
    if subject and prior:
        getattr(model, subject.kind).load_state_dict(prior.average[TRAINED[subject.kind]].state_dict())
    if model.vae is not None:
        means, log_variances = _encodings(model, job.parts.learn)
        model.measure(means, log_variances, normalise=False)
    return AdaptedModel(model.cpu().eval(), job.parts, decoder, prior, tuple(_notes(subject, critic)))


# ---- stages ----


@dataclass(frozen=True)
class _Job:
    """The conditions of both stages."""

    start: ImageModel
    parts: Parts
    run: Path
    plan: Plan
    features: PerceptualNetwork
    options: dict[str, Any]
    seen: Mapping[str, int]
    on_report: OnReport

    def decoder(self, frozen: Sequence[str]) -> Adapted:
        """The VAE with its encoder as it is."""
        start = {f"vae.{name}": value.detach().clone() for name, value in _vae(self.start).state_dict().items()}
        judge = partial(RebuildError, features=self.features)
        return adapt(
            self.make_vae,
            start,
            self.parts.learn,
            self.plan,
            self.run / "decoder",
            judge=judge(pictures_of(self.parts.proof)),
            check=judge(pictures_of(self.parts.check)) if self.parts.check is not None else None,
            arm=Arm("adapted", frozen=(*_encoder(self.start), *frozen), pace=PACE),
            seen=self.seen.get("vae", 0),
            on_report=partial(self.on_report, "decoder"),
            **self.options,
        )

    def make_vae(self) -> VaeGame:
        """A game with a new VAE of the model's kind."""
        shown = pictures_of(self.parts.proof)[:32]
        return VaeGame(VAE(**self.start.config["vae"]), self.features, nats=nats_of(self.start), shown=shown)

    def prior(self, subject: Subject, frozen: Sequence[str], *, augment: bool) -> Adapted:
        """The prior over the new decoder; the first row is the start as it was."""
        judged = partial(subject.judge, network=self.features, count=SAMPLES)
        judge = judged(self.parts.proof)
        options = {"augment": True} if augment else {}
        found = adapt(
            subject.make,
            subject.start(),
            self.source(subject),
            self.plan,
            self.run / "prior",
            judge=judge,
            check=judged(self.parts.check) if self.parts.check is not None else None,
            arm=Arm("adapted", frozen=tuple(frozen), options=options),
            seen=self.seen.get(subject.kind, 0),
            on_report=partial(self.on_report, "prior"),
            **self.options,
        )
        if self.start.vae is None:
            return found
        decoder_alone, *others = found.rows
        return replace(found, rows=(self.untouched(subject), replace(decoder_alone, name="new decoder alone"), *others))

    def source(self, subject: Subject) -> Any:
        """What the prior learns from."""
        learn = self.parts.learn
        return subject.source(learn) if subject.model.vae is not None else Premultiplied(learn)

    def untouched(self, subject: Subject) -> Row:
        """What the judge says of the start with its own decoder."""
        before = replace_model(subject, self.start)
        judge = before.judge(self.parts.proof, self.features, count=SAMPLES)
        average = {TRAINED[subject.kind]: getattr(self.start, subject.kind)}
        return Row("start", judge(before.make(), average), self.seen.get(subject.kind, 0))


def _check(start: ImageModel, data: PictureData) -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("Adapting is the work of one process: its trainings are short.", "Start it without torchrun.")
    if len(data) < FEWEST:
        what = "One picture is" if len(data) == 1 else f"{len(data)} pictures are"
        raise UsageError(
            f"{what} too few to adapt a model to.",
            f"Give {FEWEST} or more, better 50. The hand of one painting: `mapsto adapt style-s PAINTING`.",
        )
    wanted, given = (start.height, start.width, start.channels), tuple(map(int, data.pixels.shape[1:]))
    if wanted != given:
        raise UsageError(
            f"The model takes pictures of {'×'.join(map(str, wanted))}, and these are {'×'.join(map(str, given))}.",
            "Prepare them at its size.",
        )


def _check_restraints(
    job: _Job, subject: Subject | None, of_vae: Sequence[str], of_prior: Sequence[str], *, augment: bool
) -> None:
    """Before hours: whether all layers to freeze are there, and there is something to augment for."""
    if job.start.vae is None and of_vae:
        raise UsageError(f"{' '.join(of_vae)} belongs to a VAE, and this model has none.", "Leave it out.")
    if subject is None and (of_prior or augment):
        what = " ".join(of_prior) or "Augmentation"
        raise UsageError(f"{what} belongs to a flow or a GAN, and this model has none.", "Leave it out.")
    if job.start.vae is not None:
        names_of(job.make_vae(), of_vae)
    if subject is not None:
        names_of(subject.make(augment=augment), of_prior)


def _subject(job: _Job, critic: Mapping[str, Tensor] | None) -> Subject | None:
    """The model's best prior as `adapt` wants it; None where there is only the Gaussian."""
    if not any(prior in TRAINED for prior in job.start.priors):
        return None
    subject = Subject(job.start, critic=critic)
    if subject.kind == "gan" and job.start.vae is not None:
        deviations = encoded(job.start, job.parts.learn, measure=False).deviations
        subject.noise = deviations.float().mean((0, 2, 3))[:, None, None]
    return subject


def replace_model(subject: Subject, model: ImageModel) -> Subject:
    """The same prior's subject around another model."""
    return Subject(model, subject.kind, critic=subject.critic, noise=subject.noise)


def _with_vae(start: ImageModel, decoder: Adapted | None, kind: str | None) -> ImageModel:
    """A model with the adapted VAE and one prior; another prior would draw for the old pictures."""
    dropped = [name for name in TRAINED if name != kind]
    with torch.random.fork_rng(devices=[]):
        model = ImageModel(**{**start.config, **dict.fromkeys(dropped)})
    state = {k: v for k, v in start.state_dict().items() if not k.startswith(tuple(f"{name}." for name in dropped))}
    model.load_state_dict(state)
    if decoder is not None:
        _vae(model).load_state_dict(decoder.average["vae"].state_dict())
    return model.to(next(start.parameters()).device).eval()


def _encodings(model: ImageModel, data: PictureData) -> tuple[Tensor, Tensor]:
    """Raw means and log variances of q(z | x), [N, L, h, w] each, where the model is."""
    place = next(model.parameters()).device
    with torch.no_grad():
        pairs = [_vae(model).encode(premultiplied(x.to(place))) for x in torch.split(pictures_of(data), 64)]
    means, log_variances = (torch.cat(values) for values in zip(*pairs, strict=True))
    return means, log_variances


def _vae(model: ImageModel) -> VAE:
    assert model.vae is not None
    return model.vae


def _encoder(model: ImageModel) -> list[str]:
    """What makes latents of pictures."""
    return ["vae.encoder", *(["vae.flatten"] if _vae(model).grid is not None else [])]


def _notes(subject: Subject | None, critic: Mapping[str, Tensor] | None) -> Iterator[str]:
    if subject is not None and subject.kind == "gan" and not critic:
        yield "The critic that this GAN learned from is not on this machine; a new one had to begin from nothing."


def _told(part: Adapted) -> dict[str, Any]:
    rows = {row.name: {"score": row.score.value, "error": row.score.error, "images": row.images} for row in part.rows}
    trials = {f"{trial.strength:g}": trial.score for trial in part.trials}
    return {"strength": part.strength, "rows": rows, "trials": trials, "verdict": verdict(part.rows), "better": part.better}
