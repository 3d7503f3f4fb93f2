"""Colours apart from light."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue add to luma by ITU-R BT.601, of sRGB values as displayed."""


def luma(x: Tensor) -> Tensor:
    """The light of a picture: [B, 3, H, W] → [B, 1, H, W], in the same range."""
    return (x * x.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def keep_chroma(painted: Tensor, photo: Tensor) -> Tensor:
    """The light of one picture with the colours of another: both [B, 3, H, W] in [0, 1] → the same.

    Where such a colour does not exist, it pales as far as it must: light and hue stay.
    """
    light = luma(painted).clamp(0, 1)
    chroma = photo - luma(photo)
    room = torch.where(chroma > 0, 1 - light, light) / chroma.abs().clamp_min(1e-6)
    return (light + chroma * room.amin(1, keepdim=True).clamp_max(1)).clamp(0, 1)
