"""One training from its start, or from its last checkpoint, to its end: what `fit` iterates over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from mapsto import device
from mapsto.errors import MapstoError, NoSpace, OutOfMemory, UnreadableInput
from mapsto.learning import checkpoint, diagnosis
from mapsto.learning.board import board
from mapsto.learning.checkpoint import Checkpoint
from mapsto.learning.configuration import Config, configuration, refuse_other, settled
from mapsto.learning.feed import Feed
from mapsto.learning.games import Batch, Game
from mapsto.learning.interruption import Interruption
from mapsto.learning.launch import any_of, launch, own_cores
from mapsto.learning.meter import Meter, Watch
from mapsto.learning.plans import Plan, Source, order, randomness, rate_at, steps_in
from mapsto.learning.players import Players, seconds_a_step
from mapsto.learning.run_folder import Row, RunFolder
from mapsto.learning.run_folder import config as stored_config

SECONDS_A_REPORT, SECONDS_A_PAGE = 1.0, 10.0

LOOK = 8
"""Steps between looks at the terms where looking means waiting for the device."""

GRIDS, APART = 30, 100
"""Sample grids in a run, and steps between them at least: drawing one may take as long as ten steps."""

LONGEST_WAIT = 60.0
"""Seconds between attempts to write where the disk is full."""


@dataclass(frozen=True)
class Report:
    """How a training goes.

    Args:
        step: Steps done.
        steps: Of the whole run.
        images: Seen, by all processes.
        seconds: Spent training, interruptions left out.
        images_per_second: Of late.
        eta_seconds: Until the end, at that rate.
        terms: Means since the last row of the log, by name.
        notes: What a person should know: what happened, and what the log says about the training.
        samples: The newest grid, where this report brings one.
    """

    step: int
    steps: int
    images: int
    seconds: float
    images_per_second: float
    eta_seconds: float
    terms: dict[str, float]
    notes: list[str] = field(default_factory=list)
    samples: Path | None = None


@dataclass(frozen=True)
class Counters:
    """Where a training stands, besides its tensors: what a checkpoint tells in JSON.

    Args:
        step: Steps done.
        seconds: Spent.
        accumulate: Pieces, which running out of memory doubles.
        slower: Factor of all rates, which diverging halves.
        skipped: Steps not taken, because their batch made numbers that are none.
        rolled_back: How often that was.
    """

    step: int = 0
    seconds: float = 0.0
    accumulate: int = 1
    slower: float = 1.0
    skipped: tuple[int, ...] = ()
    rolled_back: int = 0


class Training:
    """The state of one training.

    Args:
        game: What is trained; moved to the plan's device.
        source: Of the batches.
        plan: How.
        run: The folder.
        resume: Go on where the folder's training stopped.
        held_out: Pictures that are never learned from, for `Game.probe`.
        interruption: Asked after every step.

    Raises:
        UsageError: nothing to resume, something else to resume, or a folder that is taken.
    """

    def __init__(
        self,
        game: Game,
        source: Source,
        plan: Plan,
        run: Path,
        interruption: Interruption,
        *,
        resume: bool = False,
        held_out: Source | None = None,
    ) -> None:
        self.game, self.source, self.held_out, self.interruption = game, source, held_out, interruption
        device.set_threads(plan.threads or own_cores())
        self.fabric = launch(device.pick(plan.device))
        stored = self.fabric.broadcast(stored_config(run))
        self.plan = self.fabric.broadcast(settled(plan, self.fabric.device, stored))
        config = configuration(game, source, self.plan, self.fabric)
        self.told: list[str] = []
        self.news = refuse_other(run, stored, config, resume=resume)
        self.folder = RunFolder(run, writes=self.fabric.is_global_zero)
        self._board = board(run / "tensorboard") if plan.tensorboard and self.folder.writes else lambda row: None
        self.players, self.feed = Players(game, self.plan, self.fabric), Feed(source, self.plan, self.fabric)
        self.meter, self.at = Meter(), Counters(accumulate=self.plan.accumulate)
        if stored is None:
            self._begin(config)
        else:
            self._restore()
        self.config = {**config, "plan": asdict(self.plan)}

    def _begin(self, config: Config) -> None:
        """Keep the start; the configuration comes last, so that what has one can be resumed."""
        self.folder.go_back(0)
        self._write()
        self.watch = Watch(self.at.seconds, self.at.step)
        if self.plan.steps < 1:
            assert self.plan.hours is not None
            seconds = self.fabric.broadcast(seconds_a_step(self.players, self.feed))
            self.plan = replace(self.plan, steps=steps_in(self.plan.hours, seconds))
            self._restore()
        self.folder.configure({**config, "plan": asdict(self.plan)})
        budget = diagnosis.budget(config["game"]["kind"], self.plan.steps * self.plan.batch)
        self.news += [budget] if budget else []

    def play(self) -> Iterator[Report]:
        """Take all steps that are left.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed; everything is saved.
            MapstoError: it diverged twice.
            OutOfMemory: one picture at a time is too much.
        """
        yield self._report(None)
        try:
            yield from self._steps()
        finally:
            self.players.leave()
            self._show(running=False)

    def _steps(self) -> Iterator[Report]:
        while self.at.step < self.plan.steps:
            self._advance()
            done = self.at.step == self.plan.steps
            log = done or self._is_time("row") or self._is_time("grid")
            looked = log or self._is_time("look")
            wrong = self.meter.look() if looked else {}
            # Processes wait for each other as rarely as can be: mostly one question a step.
            stop, due, diverged = any_of([self.interruption.asked, done or self._save_due(), bool(wrong)], self.fabric)
            if (stop or due) and not looked:
                wrong = self.meter.look()
                (diverged,) = any_of([bool(wrong)], self.fabric)
            if diverged:
                self._go_back(wrong)
                continue
            row = self._row() if log else None
            if stop or due:
                yield from self._save()
            if stop:
                raise KeyboardInterrupt(f"Saved step {self.at.step} of {self.plan.steps} in {self.folder.path}.")
            if row or self.watch.since_report() > SECONDS_A_REPORT:
                yield self._report(row)

    def _save_due(self) -> bool:
        every = self.plan.checkpoint_every
        return self.at.step % every == 0 if every else self.watch.since_save() > 60 * self.plan.checkpoint_minutes

    def _is_time(self, what: str) -> bool:
        plan = self.plan
        every = {
            "look": 1 if self.fabric.device.type == "cpu" else LOOK,
            "row": -(-plan.steps // plan.rows),
            "grid": plan.samples_every or max(APART, -(-plan.steps // GRIDS)),
        }
        return self.at.step % every[what] == 0

    def _advance(self) -> None:
        """One step, unless its batch is known to be bad; with less memory if there was not enough."""
        at = self.at
        if at.step not in at.skipped:
            try:
                pieces = self.feed.pieces(at.step, at.accumulate)
                turns = self.players.step(at.step, self.plan.steps, pieces, at.slower)
                for player, terms in zip(self.game.players, turns, strict=True):
                    self.meter.add(at.step, self._named(player, terms))
            except (RuntimeError, MemoryError) as error:
                if not device.is_out_of_memory(error):
                    raise
                self._refuse_smaller(error)
                exhausted = True
            else:
                exhausted = False
            if exhausted:  # out here nothing holds the memory of the failed step any more
                self._halve()
                return
        self.at = replace(at, step=at.step + 1, seconds=self.watch.seconds())

    def _named(self, player: str, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        return terms if len(self.game.players) == 1 else {f"{player}.{name}": term for name, term in terms.items()}

    def _refuse_smaller(self, error: BaseException) -> None:
        """Stop where halving cannot help: one picture is too much, or other processes wait for this one's gradient."""
        alone = self.fabric.world_size == 1
        if not alone or self.at.accumulate >= self.plan.batch:
            hint = "Choose a smaller size or preset." if alone else f"Train with accumulate={2 * self.at.accumulate}."
            raise OutOfMemory("Memory ran out while training.", hint) from error

    def _halve(self) -> None:
        """Go on from the last checkpoint with pieces of half the size."""
        pieces = 2 * self.at.accumulate
        self._restore()
        self.at = replace(self.at, accumulate=pieces)
        self._write()
        self.news.append(f"Memory ran out: from here on every batch of {self.plan.batch} is taken in {pieces} pieces.")

    def _go_back(self, wrong: dict[int, list[str]]) -> None:
        """To where the training was well, after something was no number; perhaps only in another process.

        Raises:
            MapstoError: it was the second time.
        """
        step, names = next(iter(wrong.items()), (self.at.step - 1, ["a gradient"]))
        what = f"{' and '.join(names)} stopped being a number at step {step + 1}"
        if self.at.rolled_back:
            advice = "Lower the learning rate, or limit the gradient (clip)."
            raise MapstoError(f"The training diverged a second time: {what}.", f"{advice} The last checkpoint is good.")
        self._roll_back(step)
        self.news.append(
            f"{what}: went back to step {self.at.step}, at half the rate, and will leave that batch out.".capitalize()
        )

    def _roll_back(self, step: int) -> None:
        """To the older of the two checkpoints that are kept: the newest may be from the brink."""
        before = self.at
        self._restore(oldest=True)
        self.at = replace(
            self.at,
            skipped=(*before.skipped, *self.fabric.broadcast([step])),
            slower=before.slower / 2,
            rolled_back=before.rolled_back + 1,
            accumulate=before.accumulate,
        )
        self._write()
        if self.fabric.is_global_zero:
            checkpoint.forget_after(self.folder.path, self.at.step)

    def _restore(self, *, oldest: bool = False) -> None:
        """Stand where a checkpoint stood."""
        read = checkpoint.oldest if oldest else checkpoint.newest
        kept = self.fabric.broadcast(read(self.folder.path) if self.fabric.is_global_zero else None)
        if kept is None:
            raise UnreadableInput(
                f"There is no checkpoint in {self.folder.path}.", "Start the training again in another folder."
            )
        self.players.load(kept.tensors)
        tensors = {name.removeprefix("extra/"): t.clone() for name, t in kept.tensors.items() if name.startswith("extra/")}
        self.game.load_extra_state({**tensors, **kept.facts["extra"]})
        self.at = Counters(**{**kept.facts["at"], "skipped": tuple(kept.facts["at"]["skipped"])})
        self.meter.load(kept.facts["meter"])
        self.folder.go_back(self.at.step)
        self.watch = Watch(self.at.seconds, self.at.step)

    def _write(self) -> None:
        """Write a checkpoint.

        Raises:
            NoSpace: it cannot be written.
        """
        if not self.fabric.is_global_zero:
            return
        extra = self.game.extra_state()
        tensors = {f"extra/{name}": value for name, value in extra.items() if isinstance(value, Tensor)}
        plain = {name: value for name, value in extra.items() if not isinstance(value, Tensor)}
        facts = {"step": self.at.step, "at": asdict(self.at), "extra": plain, "meter": self.meter.state()}
        checkpoint.save(self.folder.path, Checkpoint({**self.players.state(), **tensors}, facts))

    def _save(self) -> Iterator[Report]:
        """Write a checkpoint; where the disk is full, wait for room and say so."""
        wait = 1.0
        while True:
            try:
                self._write()
                break
            except NoSpace as error:
                self.news.append(f"{error.what} The training waits for room, and will go on by itself.")
            yield self._report(None)
            self.interruption.pause(wait)
            if self.interruption.asked:
                raise KeyboardInterrupt(
                    f"Could not save step {self.at.step}; the last checkpoint in {self.folder.path} is good."
                )
            wait = min(2 * wait, LONGEST_WAIT)
        self.watch.saved()

    def _row(self) -> Row:
        """The next row of the log, and what it says together with those before."""
        at, plan = self.at, self.plan
        row: Row = {
            "step": at.step,
            "images": at.step * plan.batch,
            "seconds": round(self.watch.seconds(), 3),
            "images_per_second": self.watch.pace(at.step) * plan.batch,
            "rate": at.slower * rate_at(at.step / plan.steps, plan.warmup, plan.final_rate),
            "terms": self.meter.means(),
            "noted": self.game.noted(),
        }
        self.meter.clear()
        if self.fabric.is_global_zero and (self._is_time("grid") or at.step == plan.steps):
            try:
                row |= self._seen()
            except NoSpace as error:  # a game may keep files of its own
                self.news.append(error.what)
        known = self.folder.rows[-1].get("findings", {}) if self.folder.rows else {}
        row["findings"] = diagnosis.findings([*self.folder.rows, row])
        self.news += [words for name, words in row["findings"].items() if name not in known]
        row["notes"], self.told = [*self.told, *self.news], []
        self.folder.append(row)
        self._board(row)
        if self.watch.since_shown() > SECONDS_A_PAGE:
            self._show(running=True)
        return row

    def _show(self, *, running: bool) -> None:
        self.folder.show(self.config, running=running)
        self.watch.shown()

    def _seen(self) -> Row:
        """A sample grid, and what the game measures on pictures it learns from and on others."""
        device.reseed(self.fabric.device, self.plan.seed)
        with torch.no_grad(), self.players.precision():
            pictures = self.game.samples(self.players.averages, self.plan.samples).float().cpu()
            found: Row = {"train": self.game.probe(self._fixed_batch(self.source))}
            if self.held_out is not None:
                found["held_out"] = self.game.probe(self._fixed_batch(self.held_out))
        if len(pictures):
            found["samples"] = self.folder.grid(self.at.step, pictures)
        if len(pictures) > 1:
            found["diversity"] = float(pictures.std(0).mean())
        return found

    def _fixed_batch(self, source: Source) -> Batch:
        """The same pictures every time."""
        chosen = order(len(source), 0, min(self.plan.batch, len(source)), self.plan.seed)
        return source.batch(chosen, randomness(self.plan.seed, "data")).to(self.fabric.device)

    def _report(self, row: Row | None) -> Report:
        at, plan = self.at, self.plan
        pace = self.watch.reported(at.step)
        notes, self.news = self.news, []
        self.told += [] if row else notes  # for the next row
        name = row.get("samples") if row else None
        return Report(
            at.step,
            plan.steps,
            at.step * plan.batch,
            self.watch.seconds(),
            pace * plan.batch,
            (plan.steps - at.step) / pace if pace else float("inf") if at.step < plan.steps else 0.0,
            row["terms"] if row else self.meter.means(),
            notes,
            self.folder.path / name if name else None,
        )
