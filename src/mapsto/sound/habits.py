"""What pieces of a style are like beside their notes: how busy they are, and which voices play. Drawn by the seed.

The card of a composer tells both by style: `spread`, the standard deviation of the logarithm of the notes in a bar, and
`textures`, the share of pieces with the voices in "bass+melody".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

import numpy as np

from mapsto.sound.score import VOICES

FARTHEST = 1.5
"""Standard deviations."""


def busyness(spread: Mapping[str, Any], shares: Mapping[str, float], generator: np.random.Generator) -> float:
    """Notes of a piece as part of what its styles are used to: log-normal, of mean 1 but for its cut-off ends.

    Args:
        spread: By style; 0 where nothing is told.
        shares: Of the styles, that sum to 1.
        generator: Moved by one number, whatever is told.
    """
    drawn = float(np.clip(generator.normal(), -FARTHEST, FARTHEST))
    deviation = sum(share * float(spread.get(style, 0.0)) for style, share in shares.items())
    return exp(deviation * drawn - deviation**2 / 2)


def playing(
    textures: Mapping[str, Any], bars: Sequence[Mapping[str, float]], generator: np.random.Generator
) -> tuple[int, ...]:
    """Sum of 2^v over the voices that play in every bar, 0 for all that the styles want.

    One style is drawn by its share, and voices as its pieces have them. Where shares change along the bars, the style drawn
    changes at one of them, and the voices with it.

    Args:
        textures: By style, shares by voices; styles of which nothing is told want any.
        bars: Of every bar the shares of the styles, that sum to 1.
        generator: Moved by two numbers, whatever is told.
    """
    texture, chooser = generator.random(2).tolist()
    return tuple(_voices(textures.get(_at(shares, chooser), {}), texture) for shares in bars)


def _voices(told: object, at: float) -> int:
    """Of the texture that stands at a place in [0, 1)."""
    named = _at(told, at) if isinstance(told, Mapping) else ""
    return sum(1 << VOICES.index(voice) for voice in named.split("+") if voice in VOICES)


def _at(shares: Mapping[str, Any], place: float) -> str:
    """What stands at a place in [0, 1) where shares lie side by side; nothing behind the last."""
    for name, share in shares.items():
        place -= float(share)
        if place < 0:
            return name
    return ""
