"""A generator that paints in one step, and the critic it learns from.

    B batch   C, h, w channels, rows and columns of what is painted   D channels inside
    Z size of the noise z   W size of the style w   L layers that take a style

z is mapped to w (Karras et al., "A Style-Based Generator", arXiv 1812.04948), and w scales the channels of every layer, so
there is something to truncate, mix and edit between noise and picture. The grid it starts from is h₀ × w₀, of any proportions.
Both sides are residual and without normalisation (Huang et al., "The GAN is dead; long live the GAN!", arXiv 2501.05441). The
same classes serve latents and pixels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.errors import UsageError
from mapsto.layers import in_fp32
from mapsto.mapping import Mapping
from mapsto.spaces import Image, Latent

SLOPE = 0.2
"""Of the leaky ReLU below 0."""

SMALLEST_GRID = 4
LARGEST_FACTOR = 4
"""Coarse levels have up to this many times the channels of the finest."""


def bend(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance of N(0, 1)."""
    bent: Tensor = F.leaky_relu(x, SLOPE) * (2 / (1 + SLOPE**2)) ** 0.5
    return bent


def grids(height: int, width: int) -> list[tuple[int, int]]:
    """Rows and columns of every level, coarse to fine: halved while that leaves no remainder and 4 or more of each."""
    found = [(height, width)]
    while all(side % 2 == 0 and side // 2 >= SMALLEST_GRID for side in found[0]):
        found.insert(0, (found[0][0] // 2, found[0][1] // 2))
    return found


def widths(base: int, levels: int) -> list[int]:
    """Channels of every level, coarse to fine."""
    return [base * min(2**level, LARGEST_FACTOR) for level in reversed(range(levels))]


class ModulatedConv(nn.Module):
    """A 3×3 convolution whose input channels are scaled by w and whose outputs keep unit variance.

    Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", arXiv 1912.04958, eq. 1 and 3: there the weights are
    scaled, picture by picture; scaling what goes in and comes out is the same and needs no grouped convolution.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        style: W.
    """

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) * (9 * inputs) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = _linear(style, inputs)
        nn.init.ones_(self.affine.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [B, inputs, h, w], w [B, W] → [B, outputs, h, w]."""
        scale = self.affine(w)
        with torch.autocast(x.device.type, enabled=False):
            energy = scale.float().square() @ self.weight.float().square().sum((2, 3)).mT  # [B, outputs]
            inverse = (energy + 1e-8).rsqrt()
        h = F.conv2d(x * scale[:, :, None, None].to(x.dtype), self.weight, padding=1)
        return torch.addcmul(self.bias[:, None, None].to(h.dtype), h, inverse[:, :, None, None].to(h.dtype))


class Layer(nn.Module):
    """One layer of the generator: a modulated convolution and a plain one beside an identity, the branch small at first."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = ModulatedConv(channels, channels, style), conv(channels, channels, gain=0.5)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [B, D, h, w], w [B, W] → [B, D, h, w]."""
        out: Tensor = x + self.conv2(bend(self.conv1(x, w)))
        return out


class GanGenerator(Mapping[Latent, Latent]):
    """z → w → what is painted.

    As a mapping it takes z [B, Z] as a latent of one place, [B, Z, 1, 1].

    Args:
        channels: C.
        height: Rows.
        width: Columns.
        z_size: Z.
        w_size: W.
        base: Channels D at full resolution; twice as many a level below, four times below that.
        blocks: Layers a level.
        depth: Linear layers from z to w.
        classes: Of labels; 0 for none.
        pixels: Paint pictures, in [0, 1], not latents around 0.

    Raises:
        UsageError: sizes below 1.
    """

    mean_w: Tensor

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        z_size: int = 128,
        w_size: int = 128,
        base: int = 64,
        blocks: int = 3,
        depth: int = 3,
        classes: int = 0,
        pixels: bool = False,
    ) -> None:
        _refuse_empty(channels, height, width, z_size, w_size, base, blocks, depth)
        target = Image(channels, height, width) if pixels else Latent(channels, height, width)
        super().__init__(Latent(z_size, 1, 1), target, {"labels": None})  # type: ignore[arg-type]
        self.z_size, self.w_size, self.classes, self.pixels, self.blocks = z_size, w_size, classes, pixels, blocks
        levels = grids(height, width)
        sizes = widths(base, len(levels))
        self.kind = nn.Embedding(classes + 1, z_size) if classes else None  # the last stands for "any"
        sizes_of_map = [z_size * (2 if classes else 1)] + [w_size] * (depth - 1)
        self.steps = nn.ModuleList(_linear(size, w_size) for size in sizes_of_map)
        self.ground = nn.Parameter(torch.randn(1, sizes[0], *levels[0]))
        self.layer = nn.ModuleList(Layer(size, w_size) for size in sizes for _ in range(blocks))
        self.widen = nn.ModuleList(conv(a, b, 1) for a, b in pairwise(sizes))
        self.leave = conv(sizes[-1], channels)
        self.register_buffer("mean_w", torch.zeros(w_size))

    @property
    def layers(self) -> int:
        """L."""
        return len(self.layer)

    @property
    def affines(self) -> list[Tensor]:
        """How every layer turns w into scales, coarse to fine: L of [D, W]."""
        return [layer.conv1.affine.weight for layer in self.layer]  # type: ignore[union-attr,misc]

    def mapping(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise to styles.

        Args:
            z: [B, Z] of N(0, 1); only its direction counts.
            labels: [B] int64 below `classes`; `classes` itself or None means any.

        Returns:
            w [B, W].
        """
        h = unit(z)
        if self.kind is not None:
            any_kind = torch.full(z.shape[:1], self.classes, device=z.device)
            h = torch.cat([h, unit(self.kind(any_kind if labels is None else labels))], 1)
        for number, step in enumerate(self.steps):
            h = step(bend(h) if number else h)
        return h

    def truncate(self, w: Tensor, amount: float) -> Tensor:
        """Nearer to the mean style: w̄ + ψ (w − w̄) (arXiv 1812.04948, §B); 1 leaves w alone, 0 is the mean picture."""
        return torch.lerp(self.mean_w.to(w.dtype), w, amount)

    def synthesize(self, w: Tensor) -> Tensor:
        """Styles to pictures.

        Args:
            w: [B, W], or [B, L, W] with a style for every layer.

        Returns:
            [B, C, h, w], fp32, not clamped.
        """
        styles = w[:, None].expand(-1, self.layers, -1) if w.ndim == 2 else w
        h = self.ground.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        for number, layer in enumerate(self.layer):
            if number and number % self.blocks == 0:
                h = self.widen[number // self.blocks - 1](h)
                h = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)
            h = layer(h, styles[:, number])
        out = in_fp32(self.leave, bend(h))
        return 0.5 + 0.5 * out if self.pixels else out

    def forward(self, z: Tensor, /, *, labels: Tensor | None = None) -> Tensor:
        """z [B, Z] (or [B, Z, 1, 1]) → [B, C, h, w]."""
        return self.synthesize(self.mapping(z.flatten(1), labels))


class Critic(nn.Module):
    """How real something looks: the generator's mirror, without styles.

    Args:
        channels: C.
        height: Rows.
        width: Columns.
        base: Channels at full resolution.
        blocks: Residual blocks a level.
        classes: Of labels; 0 for none.
        pixels: It is shown pictures in [0, 1].

    Raises:
        UsageError: sizes below 1.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        base: int = 64,
        blocks: int = 2,
        classes: int = 0,
        pixels: bool = False,
    ) -> None:
        super().__init__()
        _refuse_empty(channels, height, width, base, blocks)
        self.config = {"channels": channels, "height": height, "width": width, "base": base}
        self.config |= {"blocks": blocks, "classes": classes, "pixels": pixels}
        self.classes, self.pixels = classes, pixels
        sizes = widths(base, len(grids(height, width)))[::-1]  # fine to coarse
        self.enter = conv(channels, sizes[0])
        self.levels = nn.ModuleList(nn.ModuleList(Residual(size) for _ in range(blocks)) for size in sizes)
        self.widen = nn.ModuleList(conv(a, b, 1) for a, b in pairwise(sizes))
        rows, columns = grids(height, width)[0]
        self.gather = conv(sizes[-1], sizes[-1], (rows, columns), groups=sizes[-1])
        self.judge = nn.Linear(sizes[-1], 1)
        self.kind = nn.Embedding(classes + 1, sizes[-1]) if classes else None
        if self.kind is not None:
            nn.init.zeros_(self.kind.weight)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits, larger for what looks real.

        Args:
            x: [B, C, h, w].
            labels: [B] int64 as for the generator; how well x fits its class is added to the logit by projection (Miyato &
                Koyama, arXiv 1802.05637).

        Returns:
            [B], fp32.
        """
        h = self.enter(2 * x - 1 if self.pixels else x)
        for number, level in enumerate(self.levels):
            if number:
                h = F.avg_pool2d(self.widen[number - 1](h), 2)
            for block in level:  # type: ignore[attr-defined]
                h = block(h)
        features = in_fp32(self.gather, bend(h)).flatten(1)
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = self.judge(features)[:, 0]
            if self.kind is None:
                return logits
            any_kind = torch.full(logits.shape, self.classes, device=x.device, dtype=torch.int64)
            fits = self.kind(any_kind if labels is None else labels) * features
            out: Tensor = logits + fits.sum(1)
        return out


class Residual(nn.Module):
    """Two convolutions beside an identity; starts as the identity (fix-up, as in arXiv 2501.05441)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels, gain=0.0)

    def forward(self, x: Tensor, /) -> Tensor:
        """[B, D, h, w] to the same shape."""
        out: Tensor = x + self.conv2(bend(self.conv1(bend(x))))
        return out


def unit(z: Tensor) -> Tensor:
    """Entries of mean square 1: [B, Z] to the same shape."""
    scaled: Tensor = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    return scaled


@torch.no_grad()
def conv(inputs: int, outputs: int, size: int | tuple[int, int] = 3, *, gain: float = 1.0, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps size and variance (times gain²) at the start; a window given as a pair is not padded."""
    padding = size // 2 if isinstance(size, int) else 0
    layer = nn.Conv2d(inputs, outputs, size, padding=padding, groups=groups)
    nn.init.normal_(layer.weight, std=gain * layer.weight[0].numel() ** -0.5)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that keeps the variance at the start."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    nn.init.zeros_(layer.bias)
    return layer


def _refuse_empty(*sizes: int) -> None:
    if min(sizes) < 1:
        raise UsageError(f"A network with a size of {min(sizes)} cannot be.", "All sizes are 1 or more.")
