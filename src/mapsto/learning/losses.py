"""Losses between pictures and between their features. Siblings share one form: (x, target) → scalar.

Shapes: B pictures, C channels, H × W pixels, N = H·W positions, K projections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.layers import instance_norm

Taps = Mapping[str, Tensor]
"""Features of one network by the name of the layer they were taken from, each [B, C, H, W]."""


def gram(features: Tensor) -> Tensor:
    """Second moments of features over positions: [B, C, H, W] → [B, C, C], divided by H·W.

    Source: Gatys, Ecker, Bethge, "A neural algorithm of artistic style", arXiv 1508.06576, eq. 3, per position
    instead of per layer, so that pictures of different sizes can be compared.
    """
    if features.is_contiguous(memory_format=torch.channels_last):  # positions first is how they lie in memory: no copy
        flat = features.permute(0, 2, 3, 1).flatten(1, 2)
        return flat.mT @ flat / flat.shape[1]
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


def grams(taps: Taps) -> dict[str, Tensor]:
    """Gram matrices of every tap: name → [B, C, C]."""
    return {name: gram(features) for name, features in taps.items()}


def relative_square(x: Tensor, target: Tensor) -> Tensor:
    """‖x − t‖² / ‖t‖² for every item of the batch: [B, …] → [B]."""
    energy: Tensor = torch.linalg.vector_norm(target.flatten(1), dim=1).square().clamp_min(1e-12)
    distance: Tensor = _SquaredDistance.apply(x, target)  # type: ignore[no-untyped-call]
    return distance / energy


class _SquaredDistance(torch.autograd.Function):
    """‖x − t‖² per item, in two passes over memory instead of ten: Gram matrices are most of what a style loss touches."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Tensor) -> Tensor:
        """[B, …], [B, …] → [B]."""
        difference = torch.sub(x, target).flatten(1)
        ctx.save_for_backward(difference)
        ctx.shape, ctx.dtype = x.shape, x.dtype
        length: Tensor = torch.linalg.vector_norm(difference, dim=1)
        return length.square()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The target is a constant."""
        (difference,) = ctx.saved_tensors
        return (difference * (2 * gradients[0][:, None])).view(ctx.shape).to(ctx.dtype), None


def balanced_style(x: Taps, target: Taps) -> Tensor:
    """Style distance of every picture, each tap weighed by its own target's energy; the Gram matrices come in: → [B].

    Source: Cheng et al., "Style-Aware Normalized Loss", arXiv 2104.10064, eq. 6, with the target's energy alone as
    the denominator, so that a value of 1 is "as far as a black picture".
    """
    return torch.stack([relative_square(x[name], target[name]) for name in target]).mean(0)


def style_loss(x: Taps, target: Taps) -> Tensor:
    """Mean of `balanced_style` over the batch."""
    return balanced_style(x, target).mean()


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over positions: [B, C, H, W] → two of [B, C]."""
    mean = features.mean((2, 3), dtype=torch.float32)
    square = features.float().square().mean((2, 3))
    return mean, (square - mean.square()).clamp_min(1e-8).sqrt()


def moment_loss(x: Tensor, target: Tensor) -> Tensor:
    """Relative distance of means and standard deviations of one tap (the statistics AdaIN carries, arXiv 1703.06868)."""
    pairs = zip(moments(x), moments(target), strict=True)
    return torch.stack([relative_square(a, b.expand_as(a)) for a, b in pairs]).mean()


def whiten(features: Tensor, eps: float = 1e-3) -> Tensor:
    """Instance-normalised features: zero mean, unit variance over positions in every channel."""
    one = features.new_ones(1, dtype=torch.float32)
    return instance_norm(features.float(), one, 0 * one, eps)


def content_distance(x: Taps, target: Taps) -> Tensor:
    """Distance of what is depicted: mean square of instance-normalised features, mean over taps: → [B].

    2 means unrelated pictures, since the difference of two independent unit variables has variance 2.
    """
    squares = [(whiten(x[name]) - whiten(target[name])).square().flatten(1).mean(1) for name in target]
    return torch.stack(squares).mean(0)


def content_loss(x: Taps, target: Taps) -> Tensor:
    """Mean of `content_distance` over the batch."""
    return content_distance(x, target).mean()


def sliced_colour(x: Tensor, target: Tensor, directions: Tensor) -> Tensor:
    """Sliced Wasserstein distance of colour distributions along K directions: [B, 3, N], [B, 3, M], [K, 3] → scalar.

    In one dimension optimal transport pairs sorted values (Rabin et al. 2011); M values are read at N quantiles.
    """
    return sorted_distance(directions @ x, directions @ target)


def sorted_distance(x: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of sorted values, optimal transport in one dimension: [B, K, N], [B, K, M] → scalar."""
    ours, theirs = x.sort(-1).values, target.sort(-1).values
    if ours.shape[-1] != theirs.shape[-1]:
        theirs = F.interpolate(theirs, ours.shape[-1], mode="linear", align_corners=True)
    return (ours - theirs).square().mean()


def patch_projections(x: Tensor, kernels: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """What about `count` windows of a picture are along K directions: [B, C, H, W], [K, C, k, k] → [B, K, N].

    The windows lie on a square lattice whose origin is drawn, so that in time every pixel has its turn. That such distributions
    are a texture: Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis", arXiv 2006.07229 (there of features).
    """
    stride = max(1, int((x.shape[-2] * x.shape[-1] / count) ** 0.5))
    down, across = torch.randint(stride, (2,), generator=generator).tolist()
    return F.conv2d(x[..., down:, across:], kernels, stride=stride).flatten(2)


def unit_directions(count: int, size: int, generator: torch.Generator | None = None) -> Tensor:
    """Directions drawn evenly from the sphere: [count, size], drawn on the CPU."""
    return F.normalize(torch.randn(count, size, generator=generator), dim=1)


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, across and down."""
    across = (x[..., 1:] - x[..., :-1]).square().mean()
    down = (x[..., 1:, :] - x[..., :-1, :]).square().mean()
    return across + down


def blotches(x: Tensor, photo: Tensor, cell: int = 16, flat: float = 0.03) -> Tensor:
    """How much the mean colour of cells changes from one to the next where the photo's does not: a scalar.

    Args:
        x: Painted, [B, 3, H, W] in [0, 1].
        photo: What was painted.
        cell: Side of the cells in pixels: larger than a stroke.
        flat: Colour difference between cells of the photo at which a change stops counting.
    """
    painted, plain = F.avg_pool2d(x, cell), F.avg_pool2d(photo, cell)
    terms = []
    for axis in (2, 3):
        still = torch.exp(-plain.diff(dim=axis).square().sum(1) / flat**2)
        terms.append((still * painted.diff(dim=axis).square().sum(1)).mean())
    return torch.stack(terms).sum()


def out_of_range(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Mean squared excess beyond [low, high]; a clamp would give no gradient there."""
    return (F.relu(low - x).square() + F.relu(x - high).square()).mean()
