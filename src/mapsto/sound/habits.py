"""What pieces of a style are like beside their notes: how busy they are, and which voices play. Drawn by the seed.

The card of a composer tells both by style: `spread`, the standard deviation of the logarithm of the notes in a bar, and
`textures`, the share of pieces with the voices in "bass+melody".
"""

from __future__ import annotations

from collections.abc import Mapping
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


def playing(textures: Mapping[str, Any], shares: Mapping[str, float], generator: np.random.Generator) -> int:
    """Sum of 2^v over the voices that play, 0 for all that the styles want.

    Args:
        textures: By style, shares by voices; styles of which nothing is told want any.
        shares: Of the styles, that sum to 1.
        generator: Moved by one number, whatever is told.
    """
    at = float(generator.random())
    for style, share in shares.items():
        told = textures.get(style, {})
        for voices, part in told.items() if isinstance(told, Mapping) else ():
            at -= share * float(part)
            if at < 0:
                return sum(1 << VOICES.index(voice) for voice in str(voices).split("+") if voice in VOICES)
    return 0
