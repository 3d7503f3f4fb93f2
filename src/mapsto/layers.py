"""Building blocks that more than one part shares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor, eps: float = 1e-3, limit: float | None = None) -> Tensor:
    """clamp((x − mean) / √(variance + eps), ±limit) · scale + shift over the positions of every channel, for training.

    The backward of `group_norm` takes half a training step on a CPU; this one a few passes over memory.

    Args:
        x: [B, C, H, W].
        scale: [B, C, 1, 1], or anything that broadcasts to it and needs no gradient.
        shift: Likewise.
        eps: Added to the variance; below 1e-3 flat crops give gradients without bound.
        limit: How many standard deviations a value may be from the mean; any where it is None.
    """
    return _InstanceNorm.apply(x, scale, shift, eps, limit)  # type: ignore[no-any-return,no-untyped-call]


def in_fp32(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution in fp32, whatever autocast and its weights are: for outputs and logits, whose rounding would be seen."""
    bias = None if conv.bias is None else conv.bias.float()
    with torch.autocast(x.device.type, enabled=False):
        return F.conv2d(x.float(), conv.weight.float(), bias, conv.stride, conv.padding, conv.dilation, conv.groups)


class _InstanceNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float, limit: float | None) -> Tensor:
        """x [B, C, H, W]; scale and shift [B, C, 1, 1]."""
        mean = x.mean((2, 3), keepdim=True, dtype=torch.float32)
        centred = x - mean.to(x.dtype)
        inverse = (centred.square().mean((2, 3), keepdim=True, dtype=torch.float32) + eps).rsqrt()
        normal = centred * inverse.to(x.dtype)
        ctx.limit = limit if limit is not None and max(map(abs, map(float, torch.aminmax(normal)))) > limit else None
        ctx.save_for_backward(normal, scale.float(), inverse)
        kept = normal if ctx.limit is None else normal.clamp(-ctx.limit, ctx.limit)
        return torch.addcmul(shift.to(x.dtype), kept, scale.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Gradients of x, scale and shift."""
        (gradient,) = gradients
        normal, scale, inverse = ctx.saved_tensors
        count = normal.shape[2] * normal.shape[3]
        of_shift = gradient.sum((2, 3), keepdim=True, dtype=torch.float32)
        of_scale = (gradient * normal).sum((2, 3), keepdim=True, dtype=torch.float32)
        through, along, across = gradient, of_scale, of_shift
        if ctx.limit is not None:
            through = gradient * (normal.abs() <= ctx.limit)
            along = (through * normal).sum((2, 3), keepdim=True, dtype=torch.float32)
            across = through.sum((2, 3), keepdim=True, dtype=torch.float32)
            of_scale = (gradient * normal.clamp(-ctx.limit, ctx.limit)).sum((2, 3), keepdim=True, dtype=torch.float32)
        factor = scale * inverse
        constant, slope = ((-factor * value / count).to(normal.dtype) for value in (across, along))
        of_x = torch.addcmul(torch.addcmul(constant, through, factor.to(normal.dtype)), normal, slope)
        return of_x, of_scale, of_shift, None, None


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool = False) -> Tensor:
    """softmax(q kᵀ / √head) v over [B, heads, N, head] (Vaswani et al., arXiv 1706.03762, eq. 1).

    Args:
        query: What asks.
        key: What is asked.
        value: What answers.
        causal: Nothing is seen of what comes later; as many ask as are asked.
    """
    if query.device.type == "cpu" and query.shape[2] <= 256:  # the fused one's backward takes five times as long there
        weights = (query * query.shape[3] ** -0.5) @ key.mT
        if causal:
            weights = weights + torch.full(weights.shape[2:], -torch.inf, dtype=weights.dtype).triu(1)
        return torch.softmax(weights, -1) @ value
    return F.scaled_dot_product_attention(query, key, value, is_causal=causal)
