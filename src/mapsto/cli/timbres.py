"""`mapsto train sound`: from a folder of recorded notes to an instrument of one's own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.cli import lessons
from mapsto.cli.bar import Bar, spoken
from mapsto.cli.music import show
from mapsto.cli.voice import Voice
from mapsto.errors import UsageError

if TYPE_CHECKING:
    from mapsto.learning.plans import Plan
    from mapsto.learning.timbres import TimbreGame
    from mapsto.learning.training import Report
    from mapsto.sound.samples import Recordings
    from mapsto.sound.timbre import TimbreVAE

KIND = "TimbreVAE"
LICENCE = "unknown: the user's own recordings"

EMBEDDED = "instruments"
"""What a new instrument is learned beside."""


@dataclass(frozen=True)
class Order:
    """What is to be learned, from what, and where it goes.

    Args:
        folder: Of sound files.
        name: Of the instrument.
        run: The folder of the training.
        licence: Of the recordings.
        held_out: Part to hold out; None decides by how many there are.
        resume: Go on with what is there.
        overwrite: Replace what is there.
        start: The instruments to begin with.
        adversarial: Learn against a critic.
    """

    folder: Path
    name: str
    run: Path
    licence: str = LICENCE
    held_out: float | None = None
    resume: bool = False
    overwrite: bool = False
    start: str = EMBEDDED
    adversarial: bool = False


def order_of(folder: Path, name: str | None, run: Path | None, licence: str | None, **more: Any) -> Order:
    """An order from what was said."""
    from mapsto.image import own_models

    named = name if name is not None else own_models.name_for(folder)
    place = run.expanduser() if run is not None else own_models.run_of(named)
    return Order(folder, named, place, licence or LICENCE, **more)


def train(order: Order, plan: Plan, voice: Voice, *, dry_run: bool = False) -> None:
    """Learn an instrument beside those there are, and keep it."""
    from mapsto import weights
    from mapsto.image import own_models
    from mapsto.learning.from_sounds import FEW, check_name, game_of, notes_of, split

    own_models.check_free(order.name, overwrite=order.overwrite or order.resume, kind=KIND)
    start: Any = weights.load(order.start, expect=KIND)
    check_name(start, order.name)
    if order.held_out is not None and not 0 <= order.held_out < 1:
        raise UsageError(f"A part of {order.held_out:g} cannot be held out.", "Give --held-out 0 to 0.9.")
    recordings = _recordings(order, voice)
    learned, held_out = split(recordings, order.held_out)
    if len(learned) < FEW:
        few = "One note is" if len(learned) == 1 else f"{len(learned)} notes are"
        voice.warn(f"{few} few: how other pitches sound is guessed from {'it' if len(learned) == 1 else 'them'}.")
    with Bar(hidden=lessons.is_hidden(voice)) as bar:
        bar.show(0, "taking notes apart")
        shown = notes_of(recordings, len(start.names), [*learned, *held_out])
    count = len(shown) - sum(1 if recordings.notes[i].velocity is not None else 3 for i in held_out)
    game = game_of(start, order.name, shown, adversarial=order.adversarial, seed=plan.seed)
    if dry_run:
        _tell_costs(game, count, plan, voice)
    else:
        _learn(order, start, game, count, recordings, held_out, plan, voice)


def _recordings(order: Order, voice: Voice) -> Recordings:
    """The notes; what was skipped is told."""
    from mapsto.sound.samples import read_samples

    with Bar(hidden=lessons.is_hidden(voice)) as bar:

        def told(done: int, total: int) -> None:
            bar.show(done / total, f"reading {order.folder.name}")

        found = read_samples(order.folder, on_progress=told)
    if found.skipped:
        voice.data["skipped"] = [{"path": name, "reason": reason} for name, reason in found.skipped]
        few = "; ".join(f"{name}: {reason}" for name, reason in found.skipped[:3])
        voice.warn(f"Skipped {len(found.skipped)} files. {few}{' …' if len(found.skipped) > 3 else ''}")
        voice.detail("\n".join(f"skipped {name}: {reason}" for name, reason in found.skipped))
    for remark in found.remarks:
        voice.warn(remark)
    voice.data["notes"] = [{"path": note.name, "pitch": round(note.pitch, 2)} for note in found.notes]
    low, high = (_spelled(found.notes[i].pitch) for i in (0, -1))
    voice.note(f"{len(found)} notes, {low if low == high else f'{low} to {high}'}")
    return found


def _spelled(pitch: float) -> str:
    """69 → A4."""
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    return f"{names[round(pitch) % 12]}{round(pitch) // 12 - 1}"


def _learn(
    order: Order,
    start: TimbreVAE,
    game: TimbreGame,
    count: int,
    recordings: Recordings,
    held_out: list[int],
    plan: Plan,
    voice: Voice,
) -> None:
    """Train, judge and keep; the first `count` notes of the game are learned from."""
    from mapsto.image import own_models
    from mapsto.learning.fit import finished, fit
    from mapsto.learning.from_sounds import data_of, judged, moved
    from mapsto.learning.timbres import NoteData

    voice.data |= {"name": order.name, "run": str(order.run)}
    if order.overwrite and not order.resume and order.run == own_models.run_of(order.name):
        shutil.rmtree(order.run, ignore_errors=True)  # only there it is sure to be ours
    lessons.check_room(order.run, 3 * 16 * sum(weight.numel() for weight in game.parameters()))
    held = NoteData(game.notes, range(count, len(game.notes))) if held_out else None
    last: Report | None = None
    with lessons.stoppable(voice):
        voice.note(f"{order.run / 'index.html'} shows how it goes")
        with Bar(hidden=lessons.is_hidden(voice)) as bar:
            for last in fit(game, data_of(game, count), plan, order.run, resume=order.resume, held_out=held):
                show(bar, voice, last)
    if voice.fault is not None:
        return
    assert last is not None
    network: Any = finished(game, order.run)["network"]
    scores: dict[str, Any] = {"others_moved_db": moved(network, start)}
    if held_out:
        scores = {"held_out_notes": len(held_out), **judged(network, recordings, held_out), **scores}
        voice.result(
            f"{scores['log_spectral_distance_db']:.1f} dB from {len(held_out)} notes it did not learn from "
            f"({scores['heard_only_db']:.1f} dB where one of both is heard)"
        )
    _keep(order, network, recordings, scores, last, plan, voice)


def _keep(
    order: Order,
    network: TimbreVAE,
    recordings: Recordings,
    scores: dict[str, Any],
    last: Report,
    plan: Plan,
    voice: Voice,
) -> None:
    from mapsto import weights
    from mapsto.files import sha256
    from mapsto.image import own_models
    from mapsto.learning.from_sounds import card_of

    against = ", against a critic" if order.adversarial else ""
    recipe = f"mapsto train sound: {last.steps:,} steps of {plan.batch}{against}, {last.seconds:,.0f} s; seed {plan.seed}"
    card = card_of(recordings, order.folder.resolve().name, order.licence, recipe, weights.card(order.start))
    card |= {"start": Path(order.start).stem, "instrument": order.name, "scores": scores}
    path = own_models.keep(order.name, network.cpu(), card)
    told = {"path": str(path), "instrument": order.name, "seed": plan.seed, "seconds": round(last.seconds, 3)}
    voice.outputs.append({**told, "scores": scores, "sha256": sha256(path)})
    voice.result(f"{path}  {order.name}  {spoken(last.seconds)}  seed {plan.seed}")
    middle = _spelled(recordings.notes[len(recordings) // 2].pitch)
    voice.note(f"Next: mapsto sound {order.name} --pitch {middle}")


def _tell_costs(game: TimbreGame, count: int, plan: Plan, voice: Voice) -> None:
    from mapsto.learning.fit import estimate
    from mapsto.learning.from_sounds import data_of

    found = estimate(game, data_of(game, count), plan)
    voice.data |= {key: getattr(found, key) for key in ("steps", "seconds", "memory", "checkpoint")}
    voice.result(
        f"{found.steps:,} steps of {plan.batch}, {spoken(found.seconds)}, {lessons.in_bytes(found.memory or 0)} of memory, "
        f"checkpoints of 2 × {lessons.in_bytes(found.checkpoint)}"
    )
    voice.note("Nothing was kept.")
