"""Building blocks that more than one part shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor, eps: float = 1e-3) -> Tensor:
    """(x − mean) / √(variance + eps) · scale + shift over the positions of every channel, for training.

    Args:
        x: [B, C, H, W].
        scale: [B, C, 1, 1], or anything that broadcasts to it and needs no gradient.
        shift: Likewise.
        eps: Added to the variance; below 1e-3 flat crops give gradients without bound.
    """
    return _InstanceNorm.apply(x, scale, shift, eps)  # type: ignore[no-any-return,no-untyped-call]


class _InstanceNorm(torch.autograd.Function):
    """Normalise, scale and shift in one: the backward of `group_norm` takes half a training step on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        """x [B, C, H, W]; scale and shift [B, C, 1, 1]."""
        mean = x.mean((2, 3), keepdim=True, dtype=torch.float32)
        centred = x - mean.to(x.dtype)
        inverse = (centred.square().mean((2, 3), keepdim=True, dtype=torch.float32) + eps).rsqrt()
        factor = scale.float() * inverse
        ctx.save_for_backward(centred, factor, inverse)
        return torch.addcmul(shift.to(x.dtype), centred, factor.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of x, scale and shift."""
        (gradient,) = gradients
        centred, factor, inverse = ctx.saved_tensors
        count = centred.shape[2] * centred.shape[3]
        of_shift = gradient.sum((2, 3), keepdim=True, dtype=torch.float32)
        of_scale = (gradient * centred).sum((2, 3), keepdim=True, dtype=torch.float32) * inverse
        along = (-factor * of_scale * inverse / count).to(centred.dtype)
        constant = (-factor * of_shift / count).to(centred.dtype)
        of_x = torch.addcmul(torch.addcmul(constant, gradient, factor.to(centred.dtype)), centred, along)
        return of_x, of_scale, of_shift, None
