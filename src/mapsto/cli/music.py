"""`mapsto train music` and `mapsto adapt music`: from folders of MIDI files to composers of one's own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapsto.cli import lessons
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.voice import Voice
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.learning.from_scores import Songs
    from mapsto.learning.plans import Plan
    from mapsto.learning.training import Report
    from mapsto.sound.melody import ScoreNetwork

KIND = "ScoreNetwork"
LICENCE = "unknown: the user's own music"

EMBEDDED = "scores"
"""The composer that `mapsto adapt music` begins with."""

MANY, HELD_OUT = 20, 0.1
"""From so many pieces on this part is held out where nothing is said."""

FEW = 100
"""Pieces below which learning from nothing comes with a warning."""

LENGTHS = {"tiny": (20, 4), "small": (400, 8), "base": (1500, 16)}
"""Of adapting: steps of each training, and windows of a step, by preset."""


@dataclass(frozen=True)
class Order:
    """What is to be learned, from what, and where it goes.

    Args:
        folder: Of MIDI files.
        name: Of the composer.
        run: The folder of the training.
        by_folder: Every folder is a style.
        licence: Of the pieces.
        preset: tiny, small or base.
        held_out: Part to hold out; None decides by how many there are.
        resume: Go on with what is there.
        overwrite: Replace what is there.
        model: To begin with, for adapting.
        strength: Of the leash, for adapting.
        freeze: Layers that stay, for adapting.
        scratch: Learn from nothing too, for adapting.
    """

    folder: Path
    name: str
    run: Path
    by_folder: bool = False
    licence: str = LICENCE
    preset: str = "small"
    held_out: float | None = None
    resume: bool = False
    overwrite: bool = False
    model: str = EMBEDDED
    strength: float | Literal["auto"] = "auto"
    freeze: tuple[str, ...] = ()
    scratch: bool = True


def order_of(folder: Path, name: str | None, run: Path | None, styles: str | None, licence: str | None, **more: Any) -> Order:
    """An order from what was said.

    Raises:
        UsageError: another rule for styles than folders.
    """
    from mapsto.image import own_models

    if styles not in (None, "folders"):
        raise UsageError(f"Styles cannot be told by {styles!r}.", "Say --styles folders, or leave it out.")
    named = name if name is not None else own_models.name_for(folder)
    place = run.expanduser() if run is not None else own_models.run_of(named)
    return Order(folder, named, place, styles is not None, licence or LICENCE, **more)


def refuse(given: Mapping[str, object], what: str = "Music") -> None:
    """Refuse options that only pictures have.

    Args:
        given: By their names; what is true was given.
        what: Is learned.

    Raises:
        UsageError: one of them was given.
    """
    useless = [f"--{name}" for name, value in given.items() if value]
    if useless:
        raise UsageError(f"{what} is learned, and that is for other things.", f"Leave {' and '.join(useless)} out.")


def train(order: Order, plan: Plan, voice: Voice, *, dry_run: bool = False) -> None:
    """Learn from nothing, and keep the composer."""
    from mapsto.image import own_models
    from mapsto.learning.from_scores import check_count, check_preset

    own_models.check_free(order.name, overwrite=order.overwrite or order.resume, kind=KIND)
    check_preset(order.preset)
    if order.held_out is not None and not 0 <= order.held_out < 1:
        raise UsageError(f"A part of {order.held_out:g} cannot be held out.", "Give --held-out 0 to 0.9.")
    songs = _songs(order, voice)
    check_count(len(songs))
    learned, held_out = _split(songs, order.held_out)
    if len(learned) < FEW:
        voice.warn(
            f"{len(learned)} pieces are few to learn from nothing; `mapsto adapt music` begins with what the composer knows."
        )
    if dry_run:
        _tell_costs(order, learned, plan, voice)
    else:
        _learn(order, songs, learned, held_out, plan, voice)


def _songs(order: Order, voice: Voice) -> Songs:
    """The pieces; what was skipped is told."""
    from mapsto.learning.from_scores import read_songs

    with Bar(hidden=lessons.is_hidden(voice)) as bar:

        def told(done: int, total: int) -> None:
            bar.show(done / total, f"reading {order.folder.name}")

        songs = read_songs(order.folder, order.name, by_folder=order.by_folder, on_progress=told)
    if songs.skipped:
        voice.data["skipped"] = [{"path": name, "reason": reason} for name, reason in songs.skipped]
        few = "; ".join(f"{name}: {reason}" for name, reason in songs.skipped[:3])
        voice.warn(f"Skipped {len(songs.skipped)} files. {few}{' …' if len(songs.skipped) > 3 else ''}")
        voice.detail("\n".join(f"skipped {name}: {reason}" for name, reason in songs.skipped))
    bars = sum(piece.bars for piece in songs.pieces)
    voice.note(f"{len(songs):,} pieces, {bars:,} bars, styles: {', '.join(songs.styles)}")
    return songs


def _split(songs: Songs, part: float | None) -> tuple[Songs, Songs | None]:
    if part is None:
        part = HELD_OUT if len(songs) >= MANY else 0.0
    learned, held_out = songs.split(round(part * len(songs)))
    return learned, held_out if len(held_out) else None


def _learn(order: Order, songs: Songs, learned: Songs, held_out: Songs | None, plan: Plan, voice: Voice) -> None:
    from mapsto.image import own_models
    from mapsto.learning.fit import finished, fit
    from mapsto.learning.from_scores import card_of, game_of, judged

    voice.data |= {"name": order.name, "run": str(order.run), "styles": list(songs.styles)}
    if order.overwrite and not order.resume and order.run == own_models.run_of(order.name):
        shutil.rmtree(order.run, ignore_errors=True)  # only there it is sure to be ours
    game = game_of(learned, order.preset, plan.seed)
    lessons.check_room(order.run, 3 * 16 * sum(weight.numel() for weight in game.parameters()))
    last: Report | None = None
    with lessons.stoppable(voice):
        voice.note(f"{order.run / 'index.html'} shows how it goes")
        with Bar(hidden=lessons.is_hidden(voice)) as bar:
            held = held_out.data(balance=1.0) if held_out is not None else None
            for last in fit(game, learned.data(), plan, order.run, resume=order.resume, held_out=held):
                show(bar, voice, last)
    if voice.fault is not None:
        return
    assert last is not None
    network: Any = finished(game, order.run)["network"]
    recipe = f"mapsto train music: {last.steps:,} steps of {plan.batch}, {last.seconds:,.0f} s; seed {plan.seed}"
    card = card_of(songs, order.folder.resolve().name, order.licence, recipe)
    if held_out is not None:
        card["scores"] = {"held_out_pieces": len(held_out), **judged(network, held_out)}
        voice.result(f"{card['scores']['notes']:.3f} nats a voice and step of {len(held_out)} pieces it did not learn from")
    _keep(order, network, card, plan.seed, last.seconds, voice)


def show(bar: Bar, voice: Voice, report: Report, begun: float = 0.0, share: float = 1.0) -> None:
    """Show how a training goes.

    Args:
        bar: The moving line.
        voice: For what should stay.
        report: How it goes.
        begun: Part of the whole job that was done before this training.
        share: This training's part of the whole job.
    """
    terms = [f"{name} {value:.3g}" for name, value in report.terms.items() if not name.endswith("gradient")]
    bar.show(begun + share * report.step / report.steps, ", ".join([f"{report.step}/{report.steps}", *terms[:2]]))
    for note in report.notes:
        voice.warn(note)


def _keep(order: Order, network: ScoreNetwork, card: dict[str, Any], seed: int, seconds: float, voice: Voice) -> None:
    from mapsto.files import sha256
    from mapsto.image import own_models

    path = own_models.keep(order.name, network.cpu(), card)
    told = {"path": str(path), "styles": list(network.styles), "seed": seed, "seconds": round(seconds, 3)}
    voice.outputs.append({**told, "sha256": sha256(path)})
    voice.result(f"{path}  {', '.join(network.styles)}  {spoken(seconds)}  seed {seed}")
    voice.note(f"Next: mapsto compose {network.styles[-1]} --model {order.name}")


def _tell_costs(order: Order, songs: Songs, plan: Plan, voice: Voice) -> None:
    from mapsto.learning.fit import estimate
    from mapsto.learning.from_scores import game_of

    found = estimate(game_of(songs, order.preset, plan.seed), songs.data(), plan)
    voice.data |= {key: getattr(found, key) for key in ("steps", "seconds", "memory", "checkpoint")}
    voice.result(
        f"{found.steps:,} steps of {plan.batch}, {spoken(found.seconds)}, {lessons.in_bytes(found.memory or 0)} of memory, "
        f"checkpoints of 2 × {lessons.in_bytes(found.checkpoint)}"
    )
    voice.note("Nothing was kept.")


# ---- beginning with what a composer knows ----


def adapt(order: Order, plan: Plan, voice: Voice) -> None:
    """Teach a composer new styles, say whether that is better than before, and keep it."""
    from mapsto import weights
    from mapsto.image import own_models
    from mapsto.learning.from_scores import card_of
    from mapsto.sound.melody import ScoreNetwork

    own_models.check_free(order.name, overwrite=order.overwrite, kind=KIND)
    start = weights.load(order.model, expect=KIND).requires_grad_(True)
    assert isinstance(start, ScoreNetwork)
    songs = _songs(order, voice)
    if order.overwrite and order.run == own_models.run_of(order.name):
        shutil.rmtree(order.run, ignore_errors=True)  # only there it is sure to be ours
    lessons.check_room(order.run, 6 * 16 * sum(weight.numel() for weight in start.parameters()))
    voice.data |= {"name": order.name, "run": str(order.run), "styles": list(songs.styles)}
    since = time.monotonic()
    with lessons.stoppable(voice, "The same command goes on from there."):
        found = _adapted(order, start, songs, plan, voice)
    if voice.fault is not None:
        return
    voice.result(found.found.table())
    voice.result(found.note)
    voice.data |= {"better": found.found.better, "pieces": {"learned": found.learned, "judged_by": found.judged_by}}
    recipe = (
        f"mapsto adapt {Path(order.model).stem}: λ = {found.found.strength:g}; at most {plan.steps:,} steps of {plan.batch}"
    )
    card = card_of(songs, order.folder.resolve().name, order.licence, f"{recipe}; seed {plan.seed}", weights.card(order.model))
    card |= {"start": Path(order.model).stem, "scores": {row.name: round(row.score.value, 4) for row in found.found.rows}}
    _keep(order, found.network, card, plan.seed, time.monotonic() - since, voice)


def _adapted(order: Order, start: ScoreNetwork, songs: Songs, plan: Plan, voice: Voice) -> Any:
    from mapsto.learning.from_scores import adapted

    with Bar(hidden=lessons.is_hidden(voice)) as bar:
        return adapted(
            start,
            songs,
            order.run,
            plan=plan,
            strength=order.strength,
            frozen=order.freeze,
            scratch=order.scratch,
            on_report=lambda name, report: bar.show(report.step / report.steps, f"{name} {report.step}/{report.steps}"),
        )
