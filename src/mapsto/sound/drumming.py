"""Style × Score → drums beside it: a drummer who knows how long the piece is, how fast, and where its phrases end.

    song = Drummer.from_pretrained().accompany(song, "rock", seed=1)

Every eighth bar is a fill, and some of the fourth ones, by the seed. Only 4/4 was learned from: in 3/4 the drummer plays
bars of 4/4 without their third beat, in 2/4 without the two in the middle; for meters of eighths there is nothing to take.

    D drums, 9   L levels, 5   S styles   T steps
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto import device, weights
from mapsto.errors import UsageError
from mapsto.sound.blends import row_of
from mapsto.sound.drummer import BAR, LOUD, PHRASE, D, DrumNetwork, L, Levels, Told, density_of, seen_at
from mapsto.sound.reduction import voices_of
from mapsto.sound.score import DRUMS, HOLD, VOICES, Drums, Meter, Note, Score, Track

PLACES = {"4/4": tuple(range(16)), "3/4": (*range(8), *range(12, 16)), "2/4": (*range(4), *range(12, 16))}
"""Which sixteenths of a bar of 4/4 those of another meter are."""

FILLS = 0.35
"""Of fourth bars that are not eighth ones, how many are fills."""

COMMON = Meter(4, 4)

TEMPERATURE = 1.0
MEDIAN_STROKES = 15.0
RETURNING, SILENT, RETURNING_LEVEL = 1.5, 0.75, 0.5
"""Nats by which strokes, silence and how hard a stroke is are likelier where the last bar had them. What is drawn by
chance wanders off, where a person comes back."""

GUIDANCE = 1.5
"""How much to lean towards the style; 1 is plain (arXiv 2207.12598)."""

SPREAD = 6
"""Velocities about the middle of a level, at most."""

SEED = 0x5EED
"""Added to the seed of a piece, so that drums do not follow what is drawn for its notes."""


class Drummer:
    """Plays drums beside a score.

    Args:
        network: Knows what is struck when.
        card: What is told of its weights.
    """

    def __init__(self, network: DrumNetwork, card: Mapping[str, Any] | None = None) -> None:
        self.network, self.card = network.eval().requires_grad_(False), dict(card or {})

    @classmethod
    def from_pretrained(cls, name: str | Path = "drummer") -> Drummer:
        """By the name of the weights, or their file.

        Raises:
            WeightsError: unknown, damaged, or weights of something else.
        """
        network = weights.load(name, expect="DrumNetwork")
        assert isinstance(network, DrumNetwork)
        return cls(network, weights.card(name))

    @property
    def styles(self) -> tuple[str, ...]:
        """Their names."""
        return self.network.styles

    def accompany(
        self, score: Score, style: str | Mapping[str, float], *, seed: int = 0, first: int = 0, strokes: float | None = None
    ) -> Score:
        """The piece with drums.

        Args:
            score: Any piece in a meter of `PLACES`.
            style: A name, "rock:0.6,funk:0.4", or weights by name.
            seed: Of all that is drawn.
            first: The bar from which on they play; what drums play before it stays.
            strokes: In a bar, about; by default as the style is used to.

        Raises:
            UsageError: an unknown style, a meter without drums, or drums that play there already.
        """
        check_meter(score.meter)
        begin = first * score.meter.ticks
        beaten = [track for track in score.tracks if track.drums]
        if any(note.end > begin for track in beaten for note in track.notes):
            raise UsageError("There are drums in this piece already.", "Leave --drums out, or take its drum track away.")
        drums = self.play(style, score.bars - first, score.meter, tempo_bpm=score.tempo_bpm, seed=seed, strokes=strokes)
        silence = np.full((len(VOICES), drums.shape[1]), HOLD)
        new = [note for track in voices_of(silence, score.meter, drums=drums) for note in track.notes]
        notes = tuple(Note(note.start + begin, note.length, note.pitch, note.velocity) for note in new)
        if not beaten:
            return replace(score, tracks=(*score.tracks, Track("drums", notes, "drums", drums=True)))
        joined = replace(beaten[0], notes=beaten[0].notes + notes)
        return replace(score, tracks=tuple(joined if track is beaten[0] else track for track in score.tracks))

    @torch.inference_mode()
    def play(
        self,
        style: str | Mapping[str, float],
        bars: int,
        meter: Meter = COMMON,
        *,
        tempo_bpm: float = 110.0,
        seed: int = 0,
        strokes: float | None = None,
        temperature: float = TEMPERATURE,
    ) -> Drums:
        """What is struck, float32 [D, T] in [0, 1].

        Args:
            style: A name, "rock:0.6,funk:0.4", or weights by name.
            bars: How many.
            meter: One of `PLACES`.
            tempo_bpm: Quarter notes a minute.
            seed: Of all that is drawn.
            strokes: In a bar of 4/4, about; by default as the style is used to.
            temperature: 1 is as varied as what was learned.

        Raises:
            UsageError: an unknown style, or a meter without drums.
        """
        check_meter(meter)
        generator = torch.Generator().manual_seed(device.generator(seed).initial_seed() ^ SEED)
        row = F.pad(row_of(style, self.styles), (0, 1))
        density = density_of(self._strokes(row) if strokes is None else strokes)
        fills = fills_of(bars, generator)
        levels = torch.zeros(bars * BAR, D, dtype=torch.int64)
        both = torch.stack([row, F.one_hot(torch.tensor(len(self.styles)), len(self.styles) + 1).float()])
        for step in range(bars * BAR):
            bar, now = step // BAR, torch.tensor([step, step])
            filled = bar > 0 and fills[bar - 1]
            told = Told(now, now, both, *(torch.tensor([x, x]) for x in (tempo_bpm, density, fills[bar], filled)))
            h = self.network.hidden(seen_at(levels, now, now), told.features())
            back = _returns_to(bar, fills)
            pull = torch.zeros(D, L) if back is None else _pull(levels[step - (bar - back) * BAR])
            levels[step] = self._drawn(h, pull, generator, temperature)
        jitter = torch.randint(-SPREAD, SPREAD + 1, (bars * BAR, D), generator=generator).numpy()
        return _loud(levels.numpy(), jitter, PLACES[str(meter)])

    def _strokes(self, row: Tensor) -> float:
        """In a bar, as styles [S + 1] are used to."""
        told = self.card.get("strokes", {})
        usual = [float(told.get(style, MEDIAN_STROKES)) for style in self.styles]
        return float(row[: len(usual)] @ torch.tensor(usual))

    def _drawn(self, h: Tensor, pull: Tensor, generator: torch.Generator, temperature: float) -> Tensor:
        """Levels [D] of a step, one drum after the other, from what the style says [0] and what no style says [1]."""
        struck = torch.zeros(2, D, L)
        for drum in range(D):
            styled, plain = self.network.logits(h, struck)[:, drum]
            odds = (torch.lerp(plain, styled, GUIDANCE) + pull[drum]) / max(temperature, 1e-4)
            struck[:, drum, int(torch.multinomial(F.softmax(odds, 0), 1, generator=generator))] = 1
        return struck[0].argmax(1)


def _returns_to(bar: int, fills: list[bool]) -> int | None:
    """The last bar before that is no fill; none for a fill, and for the first."""
    before = [other for other in range(bar) if not fills[other]]
    return None if fills[bar] or not before else before[-1]


def _pull(levels: Tensor) -> Tensor:
    """Nats [D, L] by which what a bar before had is likelier: that a drum is struck at all, or is not, and how hard."""
    struck, kinds = (levels > 0)[:, None], torch.arange(L) > 0
    return RETURNING * (struck & kinds) + SILENT * (~struck & ~kinds) + RETURNING_LEVEL * (struck * F.one_hot(levels, L))


def fills_of(bars: int, generator: torch.Generator) -> list[bool]:
    """Of every bar, whether it is a fill."""
    chances = torch.rand(bars, generator=generator).tolist()
    last = [(bar + 1) % PHRASE == 0 for bar in range(bars)]
    return [ends and ((bar + 1) % (2 * PHRASE) == 0 or chances[bar] < FILLS) for bar, ends in enumerate(last)]


def check_meter(meter: Meter) -> None:
    """Refuse meters that no drums were learned for.

    Raises:
        UsageError: another than those of `PLACES`.
    """
    if str(meter) not in PLACES:
        raise UsageError(
            f"There are no drums in {meter}: none were learned.", f"There are in {', '.join(PLACES)}; see --meter."
        )


def _loud(levels: Levels, jitter: Levels, places: tuple[int, ...]) -> Drums:
    """Levels [T, D] of 4/4 → [D, T′] in [0, 1], of the places that a meter has."""
    velocities = np.where(levels > 0, np.clip(np.array(LOUD)[levels] + jitter, 1, 127), 0)
    kept = velocities.reshape(-1, BAR, D)[:, list(places)].reshape(-1, D)
    drums: Drums = (kept.T / 127).astype(np.float32)
    return drums


__all__ = ["DRUMS", "PLACES", "Drummer", "check_meter", "fills_of"]
