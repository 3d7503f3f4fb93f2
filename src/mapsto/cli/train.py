"""`mapsto train`: from a folder of pictures, music or sounds to a model that makes new ones."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto.cli import lessons, music, options, timbres
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.options import option
from mapsto.cli.voice import Voice, speaking
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.learning.data import PictureData
    from mapsto.learning.from_pictures import Workshop
    from mapsto.learning.plans import Plan

HOURS = 1.0
"""Of training where nothing is said."""

SIDE = 64

MANY, HELD_OUT = 50, 0.1
"""From so many pictures on this part is held out where nothing is said, to watch and to score by."""

MOST_HELD_OUT = 1000

COMPARED = 2000
"""Pictures of the training that samples are compared with at its end; `mapsto evaluate --train` takes all."""

FEW = 200
"""Pictures below which learning from nothing comes with a warning."""


def train(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="vae|flow|gan|music|sound",
            show_default=False,
            help="What to learn: a VAE, a VAE and then a flow or a GAN over it, a composer, or an instrument.",
        ),
    ],
    pictures: lessons.Pictures,
    name: lessons.Name = None,
    size: Annotated[
        str | None, option("--size", help="Of the pictures, as 128 or 96x160; by default 64.", metavar="N|WxH")
    ] = None,
    preset: Annotated[str, option("--preset", help="Size of the networks.", metavar="tiny|small|base")] = "small",
    steps: Annotated[int | None, option("--steps", help="Of each stage.", metavar="N")] = None,
    hours: Annotated[
        float | None, option("--hours", help="For all stages together, instead; by default 1.", metavar="H")
    ] = None,
    batch: Annotated[int | None, option("--batch", help="Pictures of one step; by default the preset's.", metavar="N")] = None,
    accumulate: Annotated[int, option("--accumulate", help="Take a batch in N pieces, which saves memory.", metavar="N")] = 1,
    vae: Annotated[
        str | None,
        option(
            "--vae",
            help="Take the VAE of a model as it is, and learn the flow or GAN alone; for sound, the instruments to begin with.",
            metavar="MODEL",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        option(
            "--labels", help="Learn classes, told by folders, names like oak_01.jpg, or a table.", metavar="folders|names|CSV"
        ),
    ] = None,
    styles: Annotated[
        str | None,
        option("--styles", help="For music: learn every folder as a style of its own name.", metavar="folders"),
    ] = None,
    adversarial: Annotated[bool, option("--adversarial", help="For sound: learn against a critic as well.")] = False,
    flip: lessons.Flip = False,
    transparent: Annotated[bool, option("--transparent", help="Learn transparency too; else it becomes white.")] = False,
    held_out: Annotated[
        float | None,
        option("--held-out", help="Part of the pictures to watch and score by; by default 0.1 from 50 on.", metavar="PART"),
    ] = None,
    loss: Annotated[
        str,
        option("--loss", help="Of a GAN.", metavar="relativistic|non-saturating|hinge|wgan-gp|classic"),
    ] = "relativistic",
    space: Annotated[
        str, option("--space", help="Where a GAN paints; pixels is for 32 to 64 of them.", metavar="latents|pixels")
    ] = "latents",
    augment: Annotated[
        str, option("--augment", help="Change what a GAN's critic sees, as often as it needs.", metavar="auto|always|off")
    ] = "auto",
    checkpoint_every: Annotated[
        int | None, option("--checkpoint-every", help="Steps between checkpoints; by default 3 minutes.", metavar="N")
    ] = None,
    resume: Annotated[bool, option("--resume", help="Go on where the run of that name stopped.")] = False,
    run: lessons.Run = None,
    licence: lessons.Licence = None,
    overwrite: lessons.Replace = False,
    seed: lessons.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    dry_run: Annotated[bool, option("--dry-run", help="Take a few steps, and say what all would take.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Learn to make pictures like those in a folder.

    mapsto train flow my_pictures/ --name mine --hours 3

    mapsto train gan sprites/ --size 32 --space pixels --transparent --labels folders

    mapsto generate mine -n 16

    mapsto train music my_midis/ --name mine --styles folders

    mapsto train sound my_wavs/ --name bells
    """
    first = lessons.is_first()
    with speaking("train", json=json and first, quiet=quiet or not first, verbose=verbose) as voice:
        foreign = {
            "size": size,
            "labels": labels,
            "flip": flip,
            "transparent": transparent,
            "loss": loss != "relativistic",
            "space": space != "latents",
            "augment": augment != "auto",
        }
        if kind == "sound":
            music.refuse({**foreign, "styles": styles, "preset": preset != "small"}, "A sound")
            kept: dict[str, Any] = {"held_out": held_out, "resume": resume, "overwrite": overwrite}
            schedule = {"accumulate": accumulate, "checkpoint_every": checkpoint_every, "seed": seed}
            plan = _sound_plan(steps, hours, batch, precision, device=device, **schedule)
            sounds = timbres.order_of(
                pictures, name, run, licence, start=vae or timbres.EMBEDDED, adversarial=adversarial, **kept
            )
            timbres.train(sounds, plan, voice, dry_run=dry_run)
            return
        if adversarial:
            raise UsageError("--adversarial is for sound.", "`mapsto train gan` learns pictures against a critic.")
        if kind == "music":
            music.refuse({**foreign, "vae": vae})
            more = {"preset": preset, "held_out": held_out, "resume": resume, "overwrite": overwrite}
            plan = _plan(
                steps,
                hours,
                preset,
                batch=_music_batch(preset) if batch is None else batch,
                accumulate=accumulate,
                checkpoint_every=checkpoint_every,
                seed=seed,
                device=device,
                precision=precision,
                clip=1.0,
            )
            music.train(music.order_of(pictures, name, run, styles, licence, **more), plan, voice, dry_run=dry_run)
            return
        if styles is not None:
            raise UsageError("--styles is for music.", "Classes of pictures are told by --labels.")
        from mapsto.image import own_models

        model = name if name is not None else own_models.name_for(pictures)
        order = Order(
            kind=kind,
            pictures=pictures,
            name=model,
            run=run.expanduser() if run is not None else own_models.run_of(model),
            resume=resume,
            overwrite=overwrite,
            licence=licence or own_models.LICENCE,
            size=size,
            vae=vae,
            labels=labels,
            flip=flip,
            transparent=transparent,
            held_out=held_out,
            choices={"preset": preset, "space": space, "loss": loss, "augment": augment},
        )
        _check(order)
        plan = _plan(
            steps,
            hours,
            preset,
            batch=batch,
            accumulate=accumulate,
            checkpoint_every=checkpoint_every,
            seed=seed,
            device=device,
            precision=precision,
        )
        shop = _workshop(order, plan, voice)
        if dry_run:
            _tell_costs(shop, voice)
        else:
            _learn(shop, order, voice)


@dataclass(frozen=True)
class Order:
    """What is to be learned, from what, and where it goes.

    Args:
        kind: vae, flow or gan.
        pictures: The folder or zip.
        name: Of the model.
        run: The folder of the training.
        resume: Go on with what is there.
        overwrite: Replace what is there.
        licence: Of the pictures.
        size: As it was written.
        vae: A model whose VAE is taken.
        labels: How to tell classes.
        flip: Mirror half of what is shown.
        transparent: Keep alpha.
        held_out: Part to hold out; None decides by how many there are.
        choices: Of the `Workshop`, by their names.
    """

    kind: str
    pictures: Path
    name: str
    run: Path
    resume: bool
    overwrite: bool
    licence: str
    size: str | None
    vae: str | None
    labels: str | None
    flip: bool
    transparent: bool
    held_out: float | None
    choices: dict[str, Any]


# ---- before anything is learned ----


def _check(order: Order) -> None:
    """All that can be found out without reading a picture."""
    from mapsto.image import own_models
    from mapsto.learning.choices import check_order, check_size

    own_models.check_free(order.name, overwrite=order.overwrite or order.resume)
    check_order(order.kind, has_start=order.vae is not None, **order.choices)
    check_size(*lessons.size_of(order.size, (SIDE, SIDE)), pixels=order.choices["space"] == "pixels")
    if order.held_out is not None and not 0 <= order.held_out < 1:
        raise UsageError(f"A part of {order.held_out:g} cannot be held out.", "Give --held-out 0 to 0.9.")


def _plan(steps: int | None, hours: float | None, preset: str, *, batch: int | None, device: str, **more: Any) -> Plan:
    from mapsto import device as devices
    from mapsto.learning.choices import PRESETS
    from mapsto.learning.plans import Plan

    if steps is not None and hours is not None:
        raise UsageError("Both --steps and --hours say how long.", "Give one of them.")
    if steps is None and hours is None:
        hours = HOURS
    devices.pick(device)
    batch = PRESETS[preset].batch if batch is None else batch
    return Plan(steps=steps or 0, hours=hours, batch=batch, device=device, threads=lessons.threads(), **more)


def _sound_plan(steps: int | None, hours: float | None, batch: int | None, precision: str, *, device: str, **more: Any) -> Plan:
    """Of an instrument: a few minutes where nothing is said, on the processor, whose notes are too short for a GPU.

    Raises:
        UsageError: another device is asked for.
    """
    from mapsto.learning.from_sounds import BATCH, STEPS

    if device not in ("auto", "cpu"):
        raise UsageError(f"An instrument is not learned on {device}.", "Leave --device out.")
    steps = STEPS if steps is None and hours is None else steps
    batch, precision = BATCH if batch is None else batch, "fp32" if precision == "auto" else precision
    return _plan(steps, hours, "small", batch=batch, device="cpu", precision=precision, clip=1.0, ema=0.1, **more)


def _music_batch(preset: str) -> int:
    from mapsto.learning.from_scores import PRESETS, check_preset

    check_preset(preset)
    return PRESETS[preset][1]


def _workshop(order: Order, plan: Plan, voice: Voice) -> Workshop:
    """The pictures are read, and everything stands ready."""
    from mapsto.learning.choices import check_count
    from mapsto.learning.from_pictures import Workshop

    start = _start(order.vae)
    size = lessons.size_of(order.size, (start.height, start.width) if start else (SIDE, SIDE))
    channels = start.channels if start else 4 if order.transparent else 3
    rule = order.labels if order.labels in (None, "folders", "names") else Path(order.labels)
    data = lessons.prepared(order.pictures, size, voice, channels=channels, labels=rule, flip=order.flip)
    check_count(len(data))
    learned, held_out = _split(data, order.held_out)
    if len(learned) < FEW:
        voice.warn(
            f"{len(learned)} pictures are few to learn from nothing; `mapsto adapt` begins with what another model knows."
        )
    shop = Workshop(order.kind, learned, order.run, plan=plan, start=start, held_out=held_out, **order.choices)
    lessons.check_room(order.run, _room(shop))
    return shop


def _start(name: str | None) -> Any:
    """The model whose VAE is taken."""
    if name is None:
        return None
    from mapsto import weights
    from mapsto.image import models

    models.check_known(name)
    return weights.load(name, expect=models.KIND)


def _split(data: PictureData, part: float | None) -> tuple[PictureData, PictureData | None]:
    if part is None:
        part = min(HELD_OUT, MOST_HELD_OUT / len(data)) if len(data) >= MANY else 0.0
    learned, held_out = data.split(part)
    return learned, held_out if len(held_out) else None


def _room(shop: Workshop) -> int:
    """Bytes that a training will take: weights, their averages and two moments each, in three files while one is replaced."""
    trained = sum(weight.numel() for weight in shop.model.parameters())
    return 3 * 4 * 4 * trained * (2 if shop.kind == "gan" else 1)


def _tell_costs(shop: Workshop, voice: Voice) -> None:
    """What each stage would take, found by taking a few steps."""
    from mapsto.learning.diagnosis import budget

    seconds, voice.data["stages"] = 0.0, []
    for stage in shop.names:
        with Bar(hidden=lessons.is_hidden(voice)) as bar:
            bar.show(0, f"timing {stage}")
            game, found = shop.rehearse(stage)
        voice.result(
            f"{stage}: {found.steps:,} steps of {shop.plan_of(stage).batch}, {found.images:,} pictures seen "
            f"({found.images / len(shop.data):.0f} times each), {spoken(found.seconds)}, "
            f"{lessons.in_bytes(found.memory or 0)} of memory, checkpoints of 2 × {lessons.in_bytes(found.checkpoint)}"
        )
        about = budget(game, found.images)
        if about:
            voice.note(about)
        seconds += found.seconds
        told = {key: getattr(found, key) for key in ("steps", "images", "seconds", "memory", "checkpoint")}
        voice.data["stages"].append({"name": stage, **told, "budget": about})
    voice.data["seconds"] = seconds
    voice.note(f"In all {spoken(seconds)} on this machine. Nothing was kept.")


# ---- learning ----


def _learn(shop: Workshop, order: Order, voice: Voice) -> None:
    from mapsto.image import own_models

    voice.data |= {"name": order.name, "run": str(order.run)}
    if order.overwrite and not order.resume and order.run == own_models.run_of(order.name):
        shutil.rmtree(order.run, ignore_errors=True)  # only there it is sure to be ours
    with lessons.stoppable(voice):
        for stage in shop.stages(resume=order.resume):
            voice.note(f"{stage.name}: {order.run / stage.name / 'index.html'} shows how it goes")
            with Bar(hidden=lessons.is_hidden(voice)) as bar:
                told = lessons.Told(bar, voice)
                for report in stage.reports:
                    told(stage.name, report)
    if voice.fault is None and lessons.is_first():
        with lessons.stoppable(voice, f"{order.name} is kept, without scores."):
            _keep(shop, order, voice)


def _keep(shop: Workshop, order: Order, voice: Voice) -> None:
    """Write the model, then its scores."""
    from mapsto.image import own_models

    card = shop.card(order.pictures.resolve().name, order.licence)
    if order.vae is not None:
        card |= {"recipe": f"{card['recipe']}; over the VAE of {order.vae}", "start": order.vae}
        card["licence"] = f"{order.licence}; and that of {order.vae}"
    path = own_models.keep(order.name, shop.model, card)
    size, seconds = (shop.width, shop.height), sum(report.seconds for report in shop.done.values())
    if shop.held_out is not None and len(shop.held_out) >= _least():
        card["scores"] = _scores(shop, order.name, voice)
        path = own_models.keep(order.name, shop.model.cpu(), card)
    lessons.kept(path, size, shop.plan.seed, seconds, voice)
    verb = f"mapsto reconstruct photo.jpg --model {order.name}" if shop.kind == "vae" else f"mapsto generate {order.name} -n 16"
    voice.note(f"Next: {verb}")


def _least() -> int:
    from mapsto.learning.evaluate import LEAST

    return LEAST


def _scores(shop: Workshop, name: str, voice: Voice) -> dict[str, Any]:
    """Of the pictures that were held out, as far as they go."""
    from mapsto import device
    from mapsto.image.generator import Generator
    from mapsto.learning.appraisal import appraise, scores_of

    place = device.pick(shop.plan.device)
    generator = Generator(shop.model, name, place, device.precision(place, shop.plan.precision))
    with Bar(hidden=lessons.is_hidden(voice)) as bar:

        def told(done: int, total: int) -> None:
            bar.show(done / total, "measuring")

        assert shop.held_out is not None
        some = shop.data.subset(range(min(COMPARED, len(shop.data))))
        found = appraise(generator, shop.held_out, some, path_length=False, on_progress=told)
    voice.note(found.text())
    voice.data["evaluation"] = found.to_json()
    return scores_of(found)
