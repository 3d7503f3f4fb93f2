"""Colours apart from light."""

from __future__ import annotations

import torch
from torch import Tensor

# Luma and colour differences of BT.601, on sRGB values as displayed: rows give Y, Cb, Cr.
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def keep_chroma(painted: Tensor, photo: Tensor) -> Tensor:
    """The light of one picture with the colours of another: both [B, 3, H, W] in [0, 1] → the same, clipped to [0, 1]."""
    matrix = torch.tensor(_TO_YCC, device=painted.device, dtype=painted.dtype)
    light = torch.einsum("c,bchw->bhw", matrix[0], painted - photo)  # equal steps of R, G and B move the luma alone
    return (photo + light[:, None]).clamp(0, 1)
