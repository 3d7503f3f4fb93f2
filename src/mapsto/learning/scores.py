"""Pieces of music to learn from, and the game that is played with them: what comes next, and what a phrase is.

    cross entropy of every voice of every step  +  β · KL(q(z | phrase) ‖ N(0, 1)) above some free nats a phrase

Half of the windows are learned without latents, so that the network composes by itself as well as after a latent (both are one
model: the second half of the ELBO is left out where z is).

    N pieces   B windows of a batch   T steps of a window   R rows, `ROWS`
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mapsto.learning.games import Batch, Game, Moment
from mapsto.sound.melody import (
    DENSITIES,
    HOLD_TOKEN,
    MODES,
    STEPS_OF_BAR,
    UNKNOWN,
    Places,
    ScoreNetwork,
    Wish,
    phrases_of,
    tokens_of,
)
from mapsto.sound.score import VOICES

ROWS = ("bass", "tenor", "alto", "melody", "phase", "bar", "left", "meter", "mode", "density", "voices", "key")
"""Of a window [R, T]: tokens, places and wishes; the last five are the same at every step."""

STEPS = 256
"""Of a window."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece to learn from.

    Args:
        grid: [4, T] MIDI pitches, rests and holds, in C major or A minor; whole bars.
        meter: Place in `melody.METERS`.
        mode: Place in `melody.MODES`, or 2 where it is not known.
        style: Place among the styles.
        name: For messages.
    """

    grid: NDArray[np.int64]
    meter: int
    mode: int
    style: int
    name: str = ""

    @property
    def bars(self) -> int:
        """How many."""
        return int(self.grid.shape[1]) // STEPS_OF_BAR[self.meter]


def density_of(grid: NDArray[np.int64], meter: int) -> int:
    """Class of the notes in a bar of 4/4: what `Wish.density` says."""
    notes = float((grid >= 0).sum()) / grid.shape[1] * STEPS_OF_BAR[0]
    return int(np.searchsorted(DENSITIES, notes))


def voices_of(grid: NDArray[np.int64]) -> int:
    """Which voices are used in more than one step in fifty: what `Wish.voices` says."""
    return int(sum(1 << voice for voice in range(len(VOICES)) if (grid[voice] != -1).mean() > 0.02))


class ScoreData:
    """Windows of pieces; styles with few pieces are shown more often than they are frequent.

    Args:
        pieces: To learn from.
        styles: How many there are.
        balance: 1 shows styles as often as they have bars, 0 all alike.
        stride: Bars between the beginnings of windows.
    """

    def __init__(self, pieces: Sequence[Piece], styles: int, balance: float = 0.5, stride: int = 4) -> None:
        self.pieces = list(pieces)
        starts = [(number, bar) for number, piece in enumerate(pieces) for bar in range(0, max(1, piece.bars - 3), stride)]
        by_style: list[list[tuple[int, int]]] = [[] for _ in range(styles)]
        for number, bar in starts:
            by_style[pieces[number].style].append((number, bar))
        most = max(map(len, by_style))
        self.windows = [
            found[i % len(found)]
            for found in by_style
            if found
            for i in range(round(most ** (1 - balance) * len(found) ** balance))
        ]
        hashed = hashlib.sha256(repr((styles, balance, stride)).encode())
        for piece in pieces:
            hashed.update(piece.grid.tobytes() + bytes((piece.meter, piece.mode, piece.style)))
        self.digest = hashed.hexdigest()

    def __len__(self) -> int:
        return len(self.windows)

    def batch(self, indices: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Windows [B, R, T] int64, and their styles; the first bar is moved by up to three, and half of them to other keys."""
        moved = torch.randint(0, 4, (len(indices),), generator=generator).tolist()
        chosen = [self.windows[index] for index in indices]
        up = torch.randint(-11, 12, (len(indices),), generator=generator).clamp_min(0).tolist()
        rows = [
            transposed(rows_of(self.pieces[number], bar + more), key)
            for (number, bar), more, key in zip(chosen, moved, up, strict=True)
        ]
        labels = torch.tensor([self.pieces[number].style for number, _ in chosen])
        return Batch(torch.from_numpy(np.stack(rows)), labels)


def rows_of(piece: Piece, bar: int, steps: int = STEPS) -> NDArray[np.int64]:
    """A window [R, T] from a bar on; `UNKNOWN` after the end of the piece."""
    length, bar = STEPS_OF_BAR[piece.meter], min(bar, max(0, piece.bars - 1))
    found = np.full((len(ROWS), steps), UNKNOWN, np.int64)
    part = piece.grid[:, bar * length : min(bar * length + steps, piece.bars * length)]
    found[:4, : part.shape[1]] = tokens_of(torch.from_numpy(part)).numpy()
    place = np.arange(steps)
    found[4], found[5] = place % length, bar + place // length
    found[6] = np.maximum(0, piece.bars - found[5])
    found[7:] = np.array([piece.meter, piece.mode, density_of(piece.grid, piece.meter), voices_of(piece.grid), 0])[:, None]
    return found


def transposed(rows: NDArray[np.int64], key: int) -> NDArray[np.int64]:
    """A window some semitones above C, 0 … 11; from six on, the notes go down instead of up."""
    moved, tokens = rows.copy(), rows[: len(VOICES)]
    is_note = (tokens > HOLD_TOKEN) & (tokens < UNKNOWN)
    shift = key if key < 6 else key - 12
    heights = tokens[is_note] + shift
    within = np.where(heights >= UNKNOWN, heights - 12, np.where(heights <= HOLD_TOKEN, heights + 12, heights))
    moved[: len(VOICES)][is_note] = within
    moved[ROWS.index("key")] = key
    return moved


class ScoreGame(Game):
    """One player: the composing network and its reader of phrases.

    Args:
        network: What learns.
        rate: Learning rate.
        beta: Of the KL, in units of one note's cross entropy.
        free: Nats a phrase that cost nothing.
        forget: How often a style, a mode, a density and the voices are each replaced by "any".
        alone: Part of the windows that are learned without latents.
        blind: Part of the steps that are hidden from later ones, so that pieces are not learned by heart.
        veiled: The same where there is a latent: what can be read off the steps before is not asked of it.
    """

    players = averaged = ("network",)
    betas = (0.9, 0.98)
    decay = 0.1

    def __init__(
        self,
        network: ScoreNetwork,
        *,
        rate: float = 2e-3,
        beta: float = 0.5,
        free: float = 16.0,
        forget: float = 0.12,
        alone: float = 0.5,
        blind: float = 0.15,
        veiled: float = 0.6,
    ) -> None:
        super().__init__()
        self.network, self.rates = network, {"network": rate}
        self.beta, self.free, self.forget = beta, free, forget
        self.alone, self.blind, self.veiled = alone, blind, veiled
        self._noted: dict[str, Tensor] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """Cross entropy a voice and step, in nats, and the KL beyond what is free, spread over the same."""
        notes, kl = self._losses(batch, moment.generator, self.alone)
        self._noted |= {"notes": notes.detach(), "kl_nats": kl.detach()}
        ramp = min(1.0, moment.part / 0.1)
        per_token = 1 / (len(VOICES) * STEPS_OF_BAR[0] * 2)
        return {"notes": notes, "kl": ramp * self.beta * per_token * (kl - self.free).clamp_min(0)}

    def _losses(self, batch: Batch, generator: torch.Generator, alone: float) -> tuple[Tensor, Tensor]:
        tokens, places, wish = parted(batch, len(self.network.styles), self.forget, generator)
        mean, log_variance = self.network.reader(tokens, places.bar_steps)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        drawn = mean + (0.5 * log_variance).exp() * noise
        without = torch.rand(len(tokens), generator=generator).to(mean.device) < alone
        phrases = phrases_of(places)
        z = drawn.gather(1, phrases[:, :, None].expand(-1, -1, drawn.shape[2]))
        z = torch.where(without[:, None, None], torch.nan, z)
        blind = torch.where(without, self.blind, self.veiled)[:, None, None]
        hidden = torch.rand(len(tokens), 1, tokens.shape[2], generator=generator).to(mean.device) < blind
        logits = self.network.logits(tokens, places, wish, z, torch.where(hidden, UNKNOWN, tokens))
        sounding = (tokens != UNKNOWN).any(1)
        known = (tokens != UNKNOWN).flatten()
        each = F.cross_entropy(logits.flatten(0, 2).float(), tokens.flatten().clamp_max(UNKNOWN - 1), reduction="none")
        notes = (each * known).sum() / known.sum().clamp_min(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(2)
        there = torch.zeros_like(kl).scatter_reduce(1, phrases, sounding.to(kl), "amax")
        return notes, (kl * there).sum() / there.sum().clamp_min(1)

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """Cross entropy without and with latents, nothing forgotten."""
        kept = self.forget, self.blind, self.veiled
        self.forget = self.blind = self.veiled = 0.0
        try:
            found = [self._losses(batch, torch.Generator().manual_seed(0), alone) for alone in (1.0, 0.0)]
        finally:
            self.forget, self.blind, self.veiled = kept
        return {"notes": float(found[0][0]), "notes_after_latents": float(found[1][0]), "kl_nats": float(found[1][1])}

    def noted(self) -> dict[str, float]:
        """Of the last turn."""
        return {name: float(value) for name, value in self._noted.items()}

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        names = ("beta", "free", "forget", "alone", "blind", "veiled")
        return {name: getattr(self, name) for name in names} | {"network": self.network.config, "rate": self.rates["network"]}


def parted(batch: Batch, styles: int, forget: float, generator: torch.Generator) -> tuple[Tensor, Places, Wish]:
    """A batch as the network takes it; parts of the wish are forgotten now and then.

    Returns:
        Tokens [B, 4, T], places, and the wish.
    """
    x, count = batch.x, len(batch.x)
    lost = (torch.rand(4, count, generator=generator) < forget).to(x.device)
    labels = x.new_full((count,), styles) if batch.labels is None else torch.where(lost[0], styles, batch.labels)
    any_mode, any_density = len(MODES), len(DENSITIES) + 1
    wish = Wish(
        F.one_hot(labels, styles + 1).float(),
        torch.where(lost[1], any_mode, x[:, 8, 0]),
        torch.where(lost[2], any_density, x[:, 9, 0]),
        torch.where(lost[3], 0, x[:, 10, 0]),
        x[:, 11, 0],
    )
    return x[:, :4], Places(x[:, 4], x[:, 5], x[:, 6], x[:, 7]), wish
