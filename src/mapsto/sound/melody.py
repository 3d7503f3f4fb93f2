"""The network that composes: Style × Latent → Score, one sixteenth after the other, four voices at each.

    B batch   V voices, 4   T steps   D channels   S styles   K tokens   P phrases   Z size of a phrase's latent

A causal transformer over steps. What it sees at a step is the step before, what stood one, two, four and eight bars earlier
(the lookback that lets short memories return to a phrase: Waite, "Generating long-term structure in songs and stories",
2016), where in the bar and the piece it is, and the latent of the phrase, where there is one. The style and what else is
asked for scale and shift every layer (Perez et al., arXiv 1709.07871). Within a step the voices are chosen one by one:
melody, bass, tenor, alto, each knowing those before.

Latents are those of a variational autoencoder over phrases of two bars (Roberts et al., "A hierarchical latent vector model",
arXiv 1803.05428): `PhraseEncoder` reads a phrase, and the transformer writes one that is like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.layers import attend
from mapsto.mapping import Mapping
from mapsto.sound.score import HOLD, REST, VOICES
from mapsto.spaces import Latent, Score

LOWEST, HIGHEST = 24, 108
"""MIDI pitches that can be written."""

REST_TOKEN, HOLD_TOKEN = 0, 1
TOKENS = HIGHEST - LOWEST + 3
UNKNOWN = TOKENS
"""What lies before the first step that is known."""

ORDER = (3, 0, 1, 2)
"""In which voices are chosen."""

LOOKBACK = (1, 2, 4, 8)
"""Bars."""

METERS = ((4, 4), (3, 4), (6, 8))
STEPS_OF_BAR = (16, 12, 12)
LONGEST_BAR = 16

PHRASE = 2
"""Bars of a phrase."""

LONGEST_PHRASE = PHRASE * LONGEST_BAR

BARS_COUNTED = 8
"""How many bars are told apart from the end, and in the period of the phrase rhythm."""

MODES = ("minor", "major")
DENSITIES = (2.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0)
"""Notes in a bar of 4/4, all voices: the borders of eight classes."""

MEMORY = 192
"""Steps that are kept in mind while composing: fewer than a window of the training has, since beyond these positions were never
learned, and what is further back disturbs. Cross entropy of held-out steps from 640 on: 0.96 nats with it, 1.09 with 768."""


def tokens_of(grid: Tensor) -> Tensor:
    """[…] MIDI pitches, `REST` and `HOLD` → tokens; pitches out of reach are brought within by octaves."""
    low = grid + 12 * ((LOWEST - grid).clamp_min(0) + 11).div(12, rounding_mode="floor")
    near = low - 12 * ((low - HIGHEST).clamp_min(0) + 11).div(12, rounding_mode="floor")
    found = near - LOWEST + 2
    return torch.where(grid == REST, REST_TOKEN, torch.where(grid == HOLD, HOLD_TOKEN, found))


def grid_of(tokens: Tensor) -> Tensor:
    """Tokens → MIDI pitches, `REST` and `HOLD`."""
    return torch.where(tokens == REST_TOKEN, REST, torch.where(tokens == HOLD_TOKEN, HOLD, tokens - 2 + LOWEST))


class Places(NamedTuple):
    """Where steps are: each int64 [B, T].

    Args:
        phase: Step in the bar.
        bar: Bars since the beginning of the piece.
        left: Bars to its end, this one counted.
        meter: Place in `METERS`.
    """

    phase: Tensor
    bar: Tensor
    left: Tensor
    meter: Tensor

    @property
    def bar_steps(self) -> Tensor:
        """Steps of a bar, [B]."""
        return torch.tensor(STEPS_OF_BAR, device=self.meter.device)[self.meter[:, 0]]


class Wish(NamedTuple):
    """What is asked for.

    Args:
        style: [B, S + 1] weights that sum to 1; the last stands for any style.
        mode: [B] int64, place in `MODES`, or 2 for any.
        density: [B] int64, class between the borders of `DENSITIES`, or 8 for any.
        voices: [B] int64, sum of 2^v over voices that are used, or 0 for any.
        key: [B] int64, semitones above C major or A minor, 0 … 11; None for those.
    """

    style: Tensor
    mode: Tensor
    density: Tensor
    voices: Tensor
    key: Tensor | None = None


class Memory:
    """Keys and values of the steps so far, of every layer; the oldest are forgotten."""

    def __init__(self) -> None:
        self.steps = 0
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def extended(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """With those of a new step [B, heads, 1, d]."""
        if layer in self._kept:
            old = self._kept[layer]
            key, value = torch.cat([old[0], key], 2), torch.cat([old[1], value], 2)
        self._kept[layer] = key[:, :, -MEMORY:], value[:, :, -MEMORY:]
        return self._kept[layer]


def turned(x: Tensor, start: int) -> Tensor:
    """Rotary positions (Su et al., arXiv 2104.09864, eq. 34): [B, heads, T, d] whose first step has the number `start`."""
    half = x.shape[3] // 2
    rates = torch.exp(-torch.arange(half, device=x.device) * (torch.log(torch.tensor(2000.0)) / half))
    angles = torch.arange(start, start + x.shape[2], device=x.device)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], 3)


class Layer(nn.Module):
    """Attention to what was before, then two dense layers, beside an identity; the wish scales and shifts what goes in.

    Args:
        width: D.
        heads: Of attention.
        condition: Size of the wish.
    """

    def __init__(self, width: int, heads: int, condition: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.affine = nn.Linear(condition, 4 * width)
        self.ask, self.answer = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for last in (self.affine, self.answer, self.shrink):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, condition: Tensor, memory: Memory | None = None, number: int = 0) -> Tensor:
        """x [B, T, D], condition [B, C] → [B, T, D]; with a memory, T is 1."""
        scale, shift, scale2, shift2 = self.affine(condition)[:, None].chunk(4, 2)
        h = torch.addcmul(shift, F.layer_norm(x, (self.width,)), 1 + scale)
        query, key, value = self.ask(h).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        start = memory.steps if memory else 0
        query, key = turned(query, start), turned(key, start)
        if memory:
            key, value = memory.extended(number, key, value)
        seen = attend(query, key, value, causal=memory is None)
        x = x + self.answer(seen.transpose(1, 2).flatten(2))
        h = torch.addcmul(shift2, F.layer_norm(x, (self.width,)), 1 + scale2)
        out: Tensor = x + self.shrink(F.gelu(self.grow(h)))
        return out


class PhraseEncoder(nn.Module):
    """Phrase → mean and log variance of its latent, by convolutions over its steps.

    Args:
        width: Channels inside.
        size: Z.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.width = width
        self.events = nn.Embedding(len(VOICES) * (TOKENS + 1), width)
        self.phase = nn.Embedding(LONGEST_PHRASE, width)
        self.halve = nn.ModuleList(nn.Conv1d(width * grown, 2 * width, 4, 2, 1) for grown in (1, 2, 2))
        self.leave = nn.Linear(2 * width * (LONGEST_PHRASE // 8), 2 * size)

    def forward(self, tokens: Tensor, bar_steps: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of all phrases, the last of which may be cut off.

        Args:
            tokens: [B, 4, T].
            bar_steps: Steps of a bar, [B].

        Returns:
            Mean and log variance, [B, P, Z] each.
        """
        offsets = torch.arange(len(VOICES), device=tokens.device)[:, None] * (TOKENS + 1)
        steps, there = phrase_steps(tokens.shape[2], bar_steps)
        parts = tokens.gather(2, steps.flatten(1)[:, None].expand(-1, len(VOICES), -1))  # [B, 4, P · 32]
        h = self.events(torch.where(there.flatten(1)[:, None], parts, UNKNOWN) + offsets).sum(1).unflatten(1, steps.shape[1:])
        h = (h + self.phase.weight).flatten(0, 1).mT  # [B · P, W, 32]
        for conv in self.halve:
            h = F.gelu(conv(h))
        found = self.leave(h.flatten(1)).float().unflatten(0, steps.shape[:2])
        mean, log_variance = found.chunk(2, 2)
        return mean, log_variance.clamp(-8, 4)


def phrase_steps(steps: int, bar_steps: Tensor) -> tuple[Tensor, Tensor]:
    """Which steps belong to which phrase.

    Returns:
        Their numbers, [B, P, 32] in [0, steps), and which of them are there, since short bars leave room.
    """
    length = (PHRASE * bar_steps)[:, None, None]
    count = -(-steps // int(length.min()))
    within = torch.arange(LONGEST_PHRASE, device=bar_steps.device)[None, None]
    found = torch.arange(count, device=bar_steps.device)[None, :, None] * length + within
    return found.clamp_max(steps - 1), (within < length) & (found < steps)


class VoiceHead(nn.Module):
    """State of a step → logits of its voices, each knowing those that were chosen before.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.turn = nn.ModuleList(nn.Linear(width, width) for _ in ORDER)
        self.known = nn.ModuleList(nn.Embedding(max(1, place) * TOKENS, width) for place in range(len(ORDER)))
        self.leave = nn.ModuleList(nn.Linear(width, TOKENS) for _ in ORDER)

    def forward(self, h: Tensor, place: int, chosen: Sequence[Tensor]) -> Tensor:
        """Logits of the voice whose turn it is.

        Args:
            h: [..., D].
            place: In `ORDER`.
            chosen: Tokens [...] of the voices before it.

        Returns:
            [..., K].
        """
        g = self.turn[place](h)
        for number, token in enumerate(chosen):
            g = g + self.known[place](token + number * TOKENS)
        out: Tensor = self.leave[place](F.gelu(F.layer_norm(g, (self.width,))))
        return out


class ScoreNetwork(Mapping[Latent, Score]):
    """Style × Latent → Score.

    How many notes the styles are used to, in a bar of 4/4, stands in the buffer `usual`, [S].

    Args:
        styles: Their names.
        width: D.
        layers: Of the transformer.
        heads: Of attention.
        condition: Size of what scales and shifts.
        latent: Z.
        reader: Channels of the encoder of phrases.

    Raises:
        ValueError: a width that heads of an even size cannot share.
    """

    usual: Tensor

    def __init__(
        self,
        styles: Sequence[str],
        width: int = 192,
        layers: int = 4,
        heads: int = 6,
        condition: int = 96,
        latent: int = 32,
        reader: int = 96,
    ) -> None:
        super().__init__(Latent(latent, None, 1), Score(len(VOICES)), {"wish": None, "places": None})
        if width % (2 * heads):
            raise ValueError(f"{width} channels cannot be shared by {heads} heads of an even size")
        self.register_buffer("usual", torch.zeros(len(styles)))
        self.styles, self.latent, self.width = tuple(styles), latent, width
        count = len(VOICES) * (TOKENS + 1)
        self.events = nn.ModuleList(nn.Embedding(count, width) for _ in range(1 + len(LOOKBACK)))
        self.phase = nn.Embedding(len(METERS) * LONGEST_BAR, width)
        self.bar, self.left = nn.Embedding(BARS_COUNTED + 1, width), nn.Embedding(BARS_COUNTED + 1, width)
        self.phrase = nn.Linear(latent + 1, width, bias=False)
        self.style = nn.Linear(len(self.styles) + 1, condition, bias=False)
        self.mode, self.density = nn.Embedding(3, condition), nn.Embedding(len(DENSITIES) + 2, condition)
        self.voices, self.key = nn.Embedding(2 ** len(VOICES), condition), nn.Embedding(12, condition)
        self.layers = nn.ModuleList(Layer(width, heads, condition) for _ in range(layers))
        self.head, self.reader = VoiceHead(width), PhraseEncoder(reader, latent)
        for table in (*self.events, self.phase, self.bar, self.left):
            nn.init.normal_(table.weight, std=0.3)
        nn.init.normal_(self.style.weight, std=1.0)

    def forward(self, z: Tensor, /, *, wish: Wish, places: Places) -> Tensor:
        """A score by the likeliest notes: [B, Z, P, 1] → [B, 4, T] with `REST` and `HOLD`. `sound.composing` draws instead."""
        latents = z[..., 0].mT.gather(1, phrases_of(places)[:, :, None].expand(-1, -1, self.latent))
        tokens = torch.full((len(z), len(VOICES), places.phase.shape[1]), UNKNOWN, device=z.device)
        for step in range(tokens.shape[2]):
            h = self.states(looked_back(tokens, places), places, wish, latents)[:, step]
            for place, voice in enumerate(ORDER):
                logits = self.head(h, place, [tokens[:, other, step] for other in ORDER[:place]])
                tokens[:, voice, step] = logits.argmax(1)
        return grid_of(tokens)

    def condition(self, wish: Wish) -> Tensor:
        """[B, C]."""
        key = torch.zeros_like(wish.mode) if wish.key is None else wish.key
        told = self.mode(wish.mode) + self.density(wish.density) + self.voices(wish.voices) + self.key(key)
        found: Tensor = F.silu(self.style(wish.style.to(told.dtype)) + told)
        return found

    def enter(self, seen: Sequence[Tensor], places: Places, z: Tensor | None) -> Tensor:
        """What the first layer gets.

        Args:
            seen: The step before, and those of the lookback: 1 + len(LOOKBACK) of [B, 4, T] tokens.
            places: Of the steps.
            z: [B, T, Z], the latent of each step's phrase; NaN where there is none; None for nowhere.
        """
        offsets = torch.arange(len(VOICES), device=seen[0].device)[:, None] * (TOKENS + 1)
        h: Tensor = self.phase(places.meter * LONGEST_BAR + places.phase)
        for table, tokens in zip(self.events, seen, strict=True):
            h = h + table(tokens + offsets).sum(1)
        h = h + self.bar(torch.where(places.bar == 0, BARS_COUNTED, places.bar % BARS_COUNTED))
        h = h + self.left(places.left.clamp(0, BARS_COUNTED))
        if z is not None:
            there = ~z[..., :1].isnan()
            h = h + self.phrase(torch.cat([z.nan_to_num(0.0), there.to(z.dtype)], 2).to(h.dtype))
        return h

    def states(
        self, seen: Sequence[Tensor], places: Places, wish: Wish, z: Tensor | None, memory: Memory | None = None
    ) -> Tensor:
        """States of all steps [B, T, D], or of the next one, where there is a memory."""
        condition, h = self.condition(wish), self.enter(seen, places, z)
        for number, layer in enumerate(self.layers):
            h = layer(h, condition, memory, number)
        if memory:
            memory.steps += 1
        return F.layer_norm(h, (self.width,))

    def logits(self, tokens: Tensor, places: Places, wish: Wish, z: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """Of all steps at once, each given what was before.

        Args:
            tokens: [B, 4, T], `UNKNOWN` where nothing is known.
            places: Of the steps.
            wish: What is asked for.
            z: As for `enter`.
            seen: What is seen of the tokens at later steps, if not all: [B, 4, T].

        Returns:
            [B, 4, T, K], in the order of `VOICES`.
        """
        h = self.states(looked_back(tokens if seen is None else seen, places), places, wish, z)
        known = tokens.clamp_max(TOKENS - 1)
        found: list[Tensor | None] = [None] * len(ORDER)
        for place, voice in enumerate(ORDER):
            found[voice] = self.head(h, place, [known[:, other] for other in ORDER[:place]])
        return torch.stack([each for each in found if each is not None], 1)


def looked_back(tokens: Tensor, places: Places) -> list[Tensor]:
    """What every step sees: the step before, and those of `LOOKBACK`, each [B, 4, T]."""
    steps = torch.arange(tokens.shape[2], device=tokens.device)
    lags = [torch.ones_like(places.bar_steps), *(bars * places.bar_steps for bars in LOOKBACK)]
    return [_shifted(tokens, steps - lag[:, None]) for lag in lags]


def _shifted(tokens: Tensor, source: Tensor) -> Tensor:
    """tokens [B, 4, T] at the steps `source` [B, T]; `UNKNOWN` before the first."""
    there = tokens.gather(2, source.clamp_min(0)[:, None].expand_as(tokens))
    return torch.where((source >= 0)[:, None], there, UNKNOWN)


def phrases_of(places: Places) -> Tensor:
    """Number of the phrase of every step, [B, T], counted from the first bar."""
    return (places.bar - places.bar[:, :1]) // PHRASE
