"""`mapsto adapt`: what a model knows, turned towards a folder of pictures, or a style network towards one painting."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mapsto.cli import lessons, music, options
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UnreadableInput, UsageError, WeightsError, nearest

if TYPE_CHECKING:
    from mapsto.image.image_model import ImageModel
    from mapsto.image.stylizer import Stylizer
    from mapsto.learning.adaptation import AdaptedModel
    from mapsto.learning.data import PictureData
    from mapsto.learning.plans import Plan
    from mapsto.learning.training import Report

LENGTHS = {"tiny": (40, 8), "small": (400, 16), "base": (2000, 32)}
"""Steps of each training, and pictures of a step, by preset."""

MINUTES = 5.0

TRIALS = 6
"""Of a search for λ, each a quarter as long as a training; see `learning.adapt`."""

AGAIN = "The same command goes on from there."


def adapt(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="What to begin with: a model that draws, a style network, a composer, or music for the one that comes along.",
            autocompletion=options.model_names,
        ),
    ],
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="PICTURES", show_default=False, help="A folder or zip; for a style network, the picture of a painting."
        ),
    ],
    name: lessons.Name = None,
    strength: Annotated[
        str,
        option(
            "--strength",
            help="Of the leash: 0 is none, 3 mild, 300 tight; auto searches from 50 pictures on.",
            metavar="auto|N",
        ),
    ] = "auto",
    preset: Annotated[str, option("--preset", help="How long.", metavar="tiny|small|base")] = "small",
    steps: Annotated[
        int | None, option("--steps", help="Of each training; by default 40, 400 or 2000, as the preset says.", metavar="N")
    ] = None,
    batch: Annotated[int | None, option("--batch", help="Pictures of one step; by default the preset's.", metavar="N")] = None,
    freeze: Annotated[
        list[str] | None,
        option("--freeze", help="Layers that stay, as vae.decoder:0.5 or critic:0.5; may be said again.", metavar="LAYERS"),
    ] = None,
    augment: Annotated[bool, option("--augment", help="Change what a GAN's critic sees (DiffAugment).")] = False,
    styles: Annotated[
        str | None,
        option("--styles", help="For music: learn every folder as a style of its own name.", metavar="folders"),
    ] = None,
    flip: lessons.Flip = False,
    scratch: Annotated[
        bool, option("--scratch/--no-scratch", help="Learn from nothing too, to compare; it takes as long again.")
    ] = True,
    minutes: Annotated[
        float | None, option("--minutes", help="For a style network: how long to learn the hand; by default 5.", metavar="M")
    ] = None,
    photos: Annotated[
        Path | None, option("--photos", help="For a style network: photos like those to be painted.", metavar="FOLDER")
    ] = None,
    run: lessons.Run = None,
    licence: lessons.Licence = None,
    overwrite: lessons.Replace = False,
    seed: lessons.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Make a model your own, and say whether that is better than before, and than learning from nothing.

    mapsto adapt portrait my_paintings/ --name mine

    mapsto adapt style-s my_painting.jpg --name my-hand --minutes 5

    mapsto adapt music my_10_midis/ --name mine
    """
    with speaking("adapt", json=json, quiet=quiet, verbose=verbose) as voice:
        model = music.EMBEDDED if model == "music" else model
        if _architecture(model) == music.KIND:
            music.refuse({"augment": augment, "flip": flip, "minutes": minutes, "photos": photos})
            more = {"model": model, "strength": _strength(strength), "freeze": tuple(freeze or ()), "scratch": scratch}
            wanted = music.order_of(pictures, name, run, styles, licence, overwrite=overwrite, **more)
            music.adapt(
                wanted, _plan(preset, steps, batch, music.LENGTHS, seed=seed, device=device, precision=precision), voice
            )
            return
        _refuse({"styles": styles}, f"{model} is no composer.")
        if _architecture(model) == "StyleNetwork":
            given: dict[str, object] = {"strength": strength != "auto", "steps": steps, "batch": batch}
            given |= {"augment": augment, "flip": flip, "run": run, "licence": licence, "overwrite": overwrite}
            given |= {"no-scratch": not scratch}
            _refuse(given, f"{model} is a style network, which learns one hand in a given time.")
            learn_hand(Hand(model, pictures, name, MINUTES if minutes is None else minutes, photos, device, precision), voice)
            return
        _refuse({"minutes": minutes, "photos": photos}, f"{model} draws pictures, and learns a number of steps.")
        from mapsto.image import own_models

        named = name if name is not None else own_models.name_for(pictures)
        order = Order(
            model=model,
            pictures=pictures,
            name=named,
            run=run.expanduser() if run is not None else own_models.run_of(named),
            strength=_strength(strength),
            freeze=tuple(freeze or ()),
            augment=augment,
            flip=flip,
            scratch=scratch,
            licence=licence or own_models.LICENCE,
            overwrite=overwrite,
        )
        own_models.check_free(named, overwrite=overwrite)
        _adapt(order, _plan(preset, steps, batch, seed=seed, device=device, precision=precision), voice)


def _architecture(model: str) -> str:
    """What the weights are of.

    Raises:
        WeightsError: unknown, or of something that cannot be adapted.
    """
    from mapsto import weights
    from mapsto.image import models

    try:
        kind = str(weights.card(model)["architecture"])
    except WeightsError:
        models.check_known(model)
        raise
    if kind not in (models.KIND, "StyleNetwork", music.KIND):
        known = ", ".join([*models.names(), "style-s"])
        raise WeightsError(f"{model} is a {kind}, which cannot be adapted.", f"These can: {known}.")
    return kind


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Options that would be ignored."""
    useless = [f"--{name}" for name, value in given.items() if value]
    if useless:
        raise UsageError(why, f"Leave {' and '.join(useless)} out.")


# ---- a model that draws ----


@dataclass(frozen=True)
class Order:
    """What is to be adapted, to what, and where it goes.

    Args:
        model: To begin with.
        pictures: The folder or zip.
        name: Of the result.
        run: The folder of all trainings.
        strength: λ, or "auto".
        freeze: Layers that stay.
        augment: For a GAN.
        flip: Mirror half of what is shown.
        scratch: Learn from nothing too.
        licence: Of the pictures.
        overwrite: Replace what is there.
    """

    model: str
    pictures: Path
    name: str
    run: Path
    strength: float | Literal["auto"]
    freeze: tuple[str, ...]
    augment: bool
    flip: bool
    scratch: bool
    licence: str
    overwrite: bool


def _strength(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise UsageError(f"{text!r} is no strength of a leash.", "Give auto, or a number: 0 is none, 3 mild, 300 tight.")
    return found


def _plan(
    preset: str,
    steps: int | None,
    batch: int | None,
    lengths: Mapping[str, tuple[int, int]] = LENGTHS,
    *,
    device: str,
    **more: Any,
) -> Plan:
    from mapsto import device as devices
    from mapsto.learning.plans import Plan

    if preset not in lengths:
        near = nearest(preset, list(lengths)) or list(lengths)
        raise UsageError(f"There is no preset called {preset!r}.", f"Perhaps {' or '.join(near)}?")
    devices.pick(device)
    usual, pictures = lengths[preset]
    steps, batch = usual if steps is None else steps, pictures if batch is None else batch
    return Plan(steps=steps, batch=batch, device=device, threads=lessons.threads(), **more)


def _adapt(order: Order, plan: Plan, voice: Voice) -> None:
    from mapsto import weights
    from mapsto.image import own_models
    from mapsto.image.image_model import ImageModel
    from mapsto.learning.adapted_generator import card_of

    start = weights.load(order.model, expect="ImageModel").requires_grad_(True)
    assert isinstance(start, ImageModel)
    size = (start.height, start.width)
    data = lessons.prepared(order.pictures, size, voice, channels=start.channels, flip=order.flip)
    if order.overwrite and order.run == own_models.run_of(order.name):
        shutil.rmtree(order.run, ignore_errors=True)  # only there it is sure to be ours
    lessons.check_room(order.run, 6 * 16 * sum(weight.numel() for weight in start.parameters()))
    voice.data |= {"name": order.name, "run": str(order.run)}
    since = time.monotonic()
    with lessons.stoppable(voice, AGAIN):
        found = _learn(order, start, data, plan, voice)
    if voice.fault is not None:
        return
    card = card_of(found, order.model, plan, order.pictures.resolve().name, data, order.licence)
    path = own_models.keep(order.name, found.model, card)
    _tell(found, voice)
    lessons.kept(path, (start.width, start.height), plan.seed, time.monotonic() - since, voice)
    voice.note(f"Next: mapsto generate {order.name} -n 16")


def _learn(order: Order, start: ImageModel, data: PictureData, plan: Plan, voice: Voice) -> AdaptedModel:
    from mapsto import weights
    from mapsto.learning.adapt import MANY
    from mapsto.learning.adaptation import adapt_model
    from mapsto.learning.adapted_generator import critic_of

    searches = order.strength == "auto" and len(data) >= MANY
    stages = (start.vae is not None) + any(prior in ("flow", "gan") for prior in start.priors)
    with Bar(hidden=lessons.is_hidden(voice)) as bar:
        return adapt_model(
            start,
            data,
            order.run,
            plan=plan,
            strength=order.strength,
            frozen=order.freeze,
            augment=order.augment,
            scratch=order.scratch,
            critic=critic_of(Path(order.model).stem),
            seen=weights.card(order.model).get("images_seen"),
            on_report=Share(lessons.Told(bar, voice), stages * (1 + order.scratch + searches * TRIALS / 4)),
        )


class Share:
    """Tells of several trainings one after another as of one job; those of a search are a quarter as long.

    What is said of a training as it begins is left out: here none is meant to be long.

    Args:
        told: Tells of a report.
        total: Trainings in all, in whole ones.
    """

    def __init__(self, told: lessons.Told, total: float) -> None:
        self.told, self.total = told, total
        self.begun, self.name, self.length = 0.0, "", 0.0

    def __call__(self, stage: str, name: str, report: Report) -> None:
        """Show a report of a training in a stage."""
        named = f"{stage}, {name}"
        if named != self.name:
            self.begun += self.length
            self.name, self.length = named, (0.25 if "trial" in name else 1.0) / self.total
        self.told(named, report if report.step else replace(report, notes=[]), self.begun, self.length)


def _tell(found: AdaptedModel, voice: Voice) -> None:
    voice.result(found.table())
    voice.data["scores"] = found.scores()
    voice.data["pictures"] = {"learned": len(found.parts.learn), "judged_by": len(found.parts.proof)}
    for note in found.notes:
        voice.warn(note)
    judged = [part for part in (found.decoder, found.prior) if part is not None]
    voice.data["better"] = all(part.better for part in judged)
    if not voice.data["better"]:
        voice.note("It is kept all the same. More pictures help most; then another --strength, or more --steps.")


# ---- a style network ----


@dataclass(frozen=True)
class Hand:
    """A hand to be learned: on what network, from which painting, under what name, how long, for which photos, and where."""

    network: str
    painting: Path
    name: str | None
    minutes: float
    photos: Path | None
    device: str
    precision: str


def learn_hand(hand: Hand, voice: Voice) -> None:
    """Learn the hand of a painting, and tell how much nearer that comes to it.

    Args:
        hand: Which.
        voice: Where to tell.
    """
    if not 0 < hand.minutes < math.inf:
        raise UsageError(f"Nothing can be learned in {hand.minutes:g} minutes.", "Give --minutes 5 or so.")
    if hand.painting.is_dir():
        raise UnreadableInput(f"{hand.painting} is a folder.", "A hand is learned from one painting: name its file.")
    from mapsto.cli.learning import PHOTOS, readable, watched
    from mapsto.cli.order import MEGA
    from mapsto.image.slow import SCENES, distance_to, learn_painting
    from mapsto.image.stylizer import Stylizer
    from mapsto.media.picture import Picture

    painting, paths = Picture.of(hand.painting), _photos(hand.photos)
    shown, unseen = (paths[:-SCENES], paths[-SCENES:]) if len(paths) >= 2 * SCENES else (paths, [])
    stylizer = _stylizer(hand)
    judged = readable(unseen, SCENES, 64 * MEGA)
    learned_on = readable(shown, PHOTOS, 64 * MEGA)
    assert isinstance(stylizer, Stylizer)
    before, seconds = distance_to(stylizer, painting, painting, judged), 60 * hand.minutes
    with watched(voice, seconds) as told:
        name = learn_painting(stylizer, hand.painting, seconds, learned_on, hand.name, told)
    after = distance_to(stylizer, painting, name, judged)
    voice.data |= {"learned": [name], "style_loss": {"before": before, "after": after, "pictures": len(judged) or SCENES}}
    voice.result(f"{name}  style loss {before:.3f} → {after:.3f}  {spoken(seconds)}")
    if after >= before:
        voice.warn("That is no nearer than what the encoder knew: give it more --minutes, or a painting with a visible stroke.")
    judge = "photos it did not learn on" if judged else "built-in scenes it did not learn on"
    voice.note(f"Measured on {len(judged) or SCENES} {judge}: 0 is the painting itself, 1 as far as black.")
    voice.note(f"Next: mapsto style photo.jpg {name}    `mapsto styles --forget {name}` forgets it.")


def _stylizer(hand: Hand) -> Stylizer:
    """The network, after all that can be refused without it."""
    from mapsto.cli.order import Order as Painting
    from mapsto.cli.painting import load
    from mapsto.image import hands
    from mapsto.image.styles import names

    if hand.name is not None:
        hands.check_name(hand.name)
        if hand.name in names(hand.network):
            raise UsageError(f"There is a style called {hand.name!r} already.", "Choose another with --name.")
    hands.check_place()
    return load(replace(Painting(), weights=hand.network, device=hand.device, precision=hand.precision))


def _photos(folder: Path | None) -> list[Path]:
    """Files to learn on; a zip would have to be unpacked."""
    from mapsto.media import albums

    return [] if folder is None else [entry.path for entry in albums.find(folder) if entry.inside is None]
