"""How a score is drawn from the composing network: one step after the other, several styles at once.

    S styles   E experts: one a style that is asked for, and one for none   V voices, 4   K tokens   T steps

Every style is an expert with an opinion of the next note. They are joined as a product, Σ w log p (Hinton, "Training products
of experts", 2002): only what all allow; or as a mixture, log Σ w p: now the one, now the other. A product alone falls silent,
as rests are what all agree on; so the number of notes is kept near what the styles are used to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.sound.melody import (
    DENSITIES,
    HOLD_TOKEN,
    LOOKBACK,
    MEMORY,
    MODES,
    ORDER,
    PHRASE,
    REST_TOKEN,
    STEPS_OF_BAR,
    TOKENS,
    UNKNOWN,
    Memory,
    Places,
    ScoreNetwork,
    Wish,
)
from mapsto.sound.score import VOICES

BLENDS = ("product", "mixture")

PULL = 2.5
"""How strongly too few or too many notes change the odds of a note, in nats at half or twice as many."""

WATCHED = 2
"""Bars over which notes are counted for that."""

STRANGENESS = 4
"""Power of the style that two bars share, by which one comes back as the other: along 12 bars from one style to another, what
comes back after four of them would else hold on to the first."""

CERTAIN = 1e4
"""Nats that nothing outweighs; where more is asked for, infinity too, it is so much, for ∞ − ∞ is no number."""


@dataclass(frozen=True, eq=False)
class Recall:
    """What a piece should come back to.

    Args:
        tokens: [4, T], what was there; `UNKNOWN` where nothing is asked for, as after its end.
        strength: [T], nats by which its notes are likelier; infinity where nothing else may be.
    """

    tokens: Tensor
    strength: Tensor


@dataclass(frozen=True, eq=False)
class Plan:
    """What is composed.

    Args:
        weights: [bars, V, S], how much of every style every voice has in every bar; sums to 1, or to 0 for no style at all.
        meter: Place in `melody.METERS`.
        mode: Place in `melody.MODES`, or 2 for any.
        notes: In a bar, in all voices; None as the styles are used to, times `busy`.
        busy: Notes as part of what the styles are used to.
        voices: Of every bar, the sum of 2^v over those that play, 0 for all that the styles want; empty for that everywhere.
        blend: One of `BLENDS`.
        guidance: 1 follows the styles, more exaggerates what tells them from the others (arXiv 2207.12598).
        temperature: 1 is as varied as what was learned.
        top: Only the likeliest tokens, which together have this probability, are drawn (nucleus sampling, arXiv 1904.09751).
        z: [phrases, Z], latents of phrases of two bars; NaN where there is none.
        recall: What the piece is to be like, besides its own phrases.
        form: For every bar how many bars before stands what it repeats, 0 for none.
        returning: Nats by which what is repeated is likelier.
        left: Bars that follow after the last one.
        seed: Of all that is drawn.
    """

    weights: Tensor
    meter: int = 0
    mode: int = 2
    notes: float | None = None
    busy: float = 1.0
    voices: Sequence[int] = ()
    blend: str = "product"
    guidance: float = 2.0
    temperature: float = 1.0
    top: float = 0.98
    z: Tensor | None = None
    recall: tuple[Recall, ...] = ()
    form: Sequence[int] = ()
    returning: float = 1.5
    left: int = 0
    seed: int = 0

    @property
    def bars(self) -> int:
        """How many."""
        return len(self.weights)

    @property
    def bar_steps(self) -> int:
        """Steps of a bar."""
        return STEPS_OF_BAR[self.meter]


@dataclass
class _Written:
    """What stands so far: a list of steps [4] each, and how many notes began in them."""

    steps: list[Tensor] = field(default_factory=list)

    def before(self, lag: int) -> Tensor:
        """The step that many steps back, seen from the one to come."""
        return self.steps[-lag] if 0 < lag <= len(self.steps) else torch.full((len(VOICES),), UNKNOWN)

    def notes(self, steps: int) -> float:
        """That began in the last steps, a step."""
        last = self.steps[-steps:]
        return float(torch.stack(last).gt(HOLD_TOKEN).sum()) / len(last) if last else 0.0


class Composing:
    """Draws a score bar by bar.

    Args:
        network: Composes.
        plan: What.
        usual: [S], notes in a bar of 4/4 that the styles are used to.
        given: [4, T] tokens that stand before the first bar; whole bars.
    """

    def __init__(self, network: ScoreNetwork, plan: Plan, usual: Tensor, given: Tensor | None = None) -> None:
        self.network, self.plan, self.usual = network, plan, usual
        self.experts = [s for s in range(len(network.styles)) if float(plan.weights[..., s].sum()) > 0]
        self._memory, self._written = Memory(), _Written()
        self._generator = torch.Generator().manual_seed(plan.seed)
        self._wish = self._wished(0)
        self._before = 0 if given is None else given.shape[1] // plan.bar_steps
        for number, tokens in enumerate(() if given is None else given.mT):
            if number >= self._before * plan.bar_steps - MEMORY:  # what is further back would be forgotten anyway
                self._state(number, None)
            self._written.steps.append(tokens)

    def bars(self) -> Iterator[Tensor]:
        """Tokens of every bar, [4, steps]."""
        plan = self.plan
        for bar in range(plan.bars):
            self._wish = self._wished(bar)
            for step in range(plan.bar_steps):
                self._written.steps.append(self._step(bar, step))
            yield torch.stack(self._written.steps[-plan.bar_steps :], 1)
            del self._written.steps[: -(max(LOOKBACK) + max([*plan.form, 1]) + WATCHED) * plan.bar_steps]

    def _wished(self, bar: int) -> Wish:
        """In a bar: one expert a style, and one for none."""
        plan, count = self.plan, len(self.experts) + 1
        styles = torch.tensor([*self.experts, len(self.network.styles)])
        notes = torch.cat([self.usual[self.experts] * plan.busy, torch.zeros(1)])
        if plan.notes is not None:
            notes = torch.full_like(notes, plan.notes * STEPS_OF_BAR[0] / plan.bar_steps)
        density = torch.bucketize(notes, torch.tensor(DENSITIES)).masked_fill(notes == 0, len(DENSITIES) + 1)
        return Wish(
            F.one_hot(styles, len(self.network.styles) + 1).float(),
            torch.full((count,), plan.mode),
            density,
            torch.full((count,), self._playing(bar)),
        )

    def _state(self, number: int, z: Tensor | None) -> Tensor:
        """What the network thinks of the next step, by every expert: [E, D]."""
        plan, count = self.plan, len(self.experts) + 1
        bar, phase = divmod(number, plan.bar_steps)
        left = self._before + plan.bars + plan.left - bar
        places = Places(*(torch.full((count, 1), value) for value in (phase, bar, left, plan.meter)))
        lags = (1, *(bars * plan.bar_steps for bars in LOOKBACK))
        seen = [self._written.before(lag)[None, :, None].expand(count, -1, -1) for lag in lags]
        latent = None if z is None else z.expand(count, 1, -1)
        return self.network.states(seen, places, self._wish, latent, self._memory)[:, 0]

    def _step(self, bar: int, step: int) -> Tensor:
        """Tokens [4] of the next step."""
        plan, number = self.plan, (self._before + bar) * self.plan.bar_steps + step
        h = self._state(number, None if plan.z is None else plan.z[min(bar // PHRASE, len(plan.z) - 1)])
        pull = self._pull(bar)
        chosen: list[Tensor] = []
        found = torch.full((len(VOICES),), REST_TOKEN)
        for place, voice in enumerate(ORDER):
            logits = self.network.head(h, place, [token.expand(len(h)) for token in chosen]).float()
            odds = self._joined(logits, plan.weights[bar, voice][self.experts])
            odds[HOLD_TOKEN + 1 :] += pull
            odds = self._bent(odds, bar, step, voice)
            found[voice] = self._drawn(odds)
            chosen.append(found[voice])
        return found

    def _joined(self, logits: Tensor, weights: Tensor) -> Tensor:
        """Opinions of all experts [E, K] → log probabilities [K]; the last expert knows no style."""
        plan, opinions = self.plan, F.log_softmax(logits, 1)
        if not float(weights.sum()):
            return opinions[-1].clone()
        if plan.blend == "mixture":
            joined = torch.logsumexp(opinions[:-1] + weights.log()[:, None], 0)
        else:
            joined = F.log_softmax((weights[:, None] * opinions[:-1]).sum(0), 0)
        return F.log_softmax(torch.lerp(opinions[-1], joined, plan.guidance), 0)

    def _bent(self, odds: Tensor, bar: int, step: int, voice: int) -> Tensor:
        """With what is to return, and what must not be."""
        plan = self.plan
        back = plan.form[bar] if bar < len(plan.form) else 0
        if back:
            token = self._written.before(back * plan.bar_steps)[voice]
            self._favour(odds, token, plan.returning * self._kinship(bar, back, voice))
        place = bar * plan.bar_steps + step
        for recall in plan.recall:
            if place < len(recall.strength):
                self._favour(odds, recall.tokens[voice, place], min(float(recall.strength[place]), CERTAIN))
        if int(self._written.before(1)[voice]) in (REST_TOKEN, UNKNOWN):
            odds[HOLD_TOKEN] = -torch.inf
        if (playing := self._playing(bar)) and not playing >> voice & 1:
            odds[REST_TOKEN + 1 :] = -torch.inf
        return odds

    def _playing(self, bar: int) -> int:
        return self.plan.voices[bar] if bar < len(self.plan.voices) else 0

    def _kinship(self, bar: int, back: int, voice: int) -> float:
        """How much a bar is of the style of one before: what returns must not bring back a style that has been left."""
        rows = self.plan.weights[:, voice]
        if back > bar or not float(rows[bar].sum()):
            return 1.0
        return float(torch.minimum(rows[bar], rows[bar - back]).sum()) ** STRANGENESS

    @staticmethod
    def _favour(odds: Tensor, token: Tensor, strength: float) -> None:
        if int(token) < TOKENS:
            odds[int(token)] += strength

    def _pull(self, bar: int) -> float:
        """Nats for every note, by how many there were lately against how many there should be."""
        plan = self.plan
        steps = plan.bar_steps
        if plan.notes is not None:
            wanted = plan.notes / steps
        else:
            wanted = plan.busy * float((plan.weights[bar].mean(0) * self.usual).sum()) / STEPS_OF_BAR[0]
        watched = min(len(self._written.steps), WATCHED * steps)
        if watched < steps // 2 or not wanted:
            return 0.0
        ratio = (self._written.notes(watched) + 0.02) / (wanted + 0.02)
        return float(-PULL * torch.tensor(ratio).log2().clamp(-1.5, 1.5))

    def _drawn(self, odds: Tensor) -> Tensor:
        """One token, of the likeliest."""
        chances = F.softmax(odds / max(self.plan.temperature, 1e-4), 0)
        ordered, which = chances.sort(descending=True, stable=True)
        ordered = torch.where(ordered.cumsum(0) - ordered < self.plan.top, ordered, 0.0)
        return which[torch.multinomial(ordered, 1, generator=self._generator)][0]


@torch.inference_mode()
def composed(network: ScoreNetwork, plan: Plan, usual: Tensor, given: Tensor | None = None) -> Iterator[Tensor]:
    """Bars of tokens [4, steps], one after the other; see `Composing`."""
    yield from Composing(network, plan, usual, given).bars()


@torch.inference_mode()
def latents_of(network: ScoreNetwork, tokens: Tensor, meter: int) -> Tensor:
    """Means of q(z | phrase): tokens [4, T] of whole bars → [phrases, Z]."""
    mean: Tensor = network.reader(tokens[None], torch.tensor([STEPS_OF_BAR[meter]]))[0][0]
    return mean


__all__ = ["BLENDS", "MODES", "Composing", "Plan", "Recall", "composed", "latents_of"]
