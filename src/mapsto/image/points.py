"""Points a picture can be painted at: style vectors with learned hands, and what lies between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Style:
    """A style ready to paint with.

    Args:
        z: [1, S], fp32; 0 is the photo itself.
        hands: Learned hands and their shares; the network's weights are moved that far towards each.
    """

    z: Tensor
    hands: tuple[tuple[str, float], ...] = ()

    @property
    def is_photo(self) -> bool:
        """Whether nothing is painted at all."""
        return not self.hands and not bool(self.z.any())


def between(a: Style, b: Style, part: float) -> Style:
    """On the straight way from a (part = 0) to b (part = 1): z and the shares of hands; a and b themselves at the ends."""
    if part <= 0 or part >= 1:
        return b if part >= 1 else a
    z = torch.lerp(a.z, b.z, part)
    if a.hands == b.hands:  # rounding would make another network of them at every step
        return Style(z, a.hands)
    shares = {name: share * (1 - part) for name, share in a.hands}
    for name, share in b.hands:
        shares[name] = shares.get(name, 0.0) + share * part
    return Style(z, tuple(shares.items()))
