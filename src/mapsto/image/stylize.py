"""The style network: Image × Style → Image, for every style at once.

    B batch   H, W pixels of the picture   S size of the style vector   C channels

A dense-convolution generator whose instance normalisations take their scale and shift from a style vector z
(Dumoulin et al., "A learned representation for artistic style", arXiv 1610.07629). Three things are ours:

* **z = 0 is the photo, exactly.** The picture passes the network through a gate 1 − w·z, and the last normalisation has
  no constant part, so everything painted is proportional to z where it leaves the network. Strength is the length of z.
* **Noise enters at the door.** A flat sky carries no signal; without noise a convolution can only paint its own lattice.
  The noise is anchored to the pixels of the picture, so tiles and frames of a video see the same noise.
* **Statistics can be given.** Instance normalisation measures the picture it sees; for tiles and video, measure once
  (`measure`) and pass the result on (`stats=`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.layers import instance_norm
from mapsto.mapping import Mapping
from mapsto.spaces import Image, Style

Stats = list[tuple[Tensor, Tensor]]
"""Mean and variance of every normalisation in order, each [B, C] (or [1, C] for all)."""

FACTOR = 8
"""Sides must be multiples of this: the deepest part works at 1/8."""

NOISE_OCTAVES = 3
"""Noise of 4, 8 and 16 pixels; a fourth octave showed as blotches of colour in skies."""

EPS = 1e-3

LIMIT = 6.0
"""Standard deviations a normalised value may be from its mean.

Free, networks with instance normalisation grow a spike in some flat spot to steer their own statistics (the droplets of Karras
et al., arXiv 1912.04958, §2), which shows as a blotch of colour."""


class Conv(nn.Conv2d):
    """3×3 convolution with reflected borders, no bias (a normalisation follows)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] → [B, outputs, H, W]."""
        return super().forward(F.pad(x, (1, 1, 1, 1), mode="reflect"))


class ConditionalNorm(nn.Module):
    """Instance normalisation with scale and shift linear in the style: CIN of arXiv 1610.07629, eq. 5.

    Args:
        channels: C.
        style_size: S.
        constant: Whether scale and shift keep a part that does not depend on z; without it the output vanishes at z = 0.
    """

    def __init__(self, channels: int, style_size: int, *, constant: bool = True) -> None:
        super().__init__()
        self.channels = channels
        self.affine = nn.Linear(style_size, 2 * channels, bias=constant)
        nn.init.normal_(self.affine.weight, std=0.3)
        if constant:
            nn.init.ones_(self.affine.bias[:channels])
            nn.init.zeros_(self.affine.bias[channels:])

    def forward(self, x: Tensor, style: Tensor, stats: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """x [B, C, H, W], style [B, S] → [B, C, H, W]; `stats` replaces what would be measured on x."""
        # Dividing z keeps one optimiser step from moving every scale at once (z has entries of about 1).
        scale, shift = self.affine(style / 8)[:, :, None, None].chunk(2, dim=1)
        if stats is None and torch.is_grad_enabled():
            return instance_norm(x, scale, shift, EPS, LIMIT)
        if stats is None:
            normal = F.group_norm(x, self.channels, eps=EPS)
        else:
            mean, variance = (value[:, :, None, None] for value in stats)
            inverse = (variance + EPS).rsqrt()
            normal = torch.addcmul((-mean * inverse).to(x.dtype), x, inverse.to(x.dtype))
        return torch.addcmul(shift, normal.clamp(-LIMIT, LIMIT), scale)


class Residual(nn.Module):
    """Two normalised convolutions beside an identity."""

    def __init__(self, channels: int, style_size: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = Conv(channels, channels), ConditionalNorm(channels, style_size)
        self.conv2, self.norm2 = Conv(channels, channels), ConditionalNorm(channels, style_size)


def upsample(x: Tensor) -> Tensor:
    """Nearest-neighbour ×2: with a convolution behind it, free of the checkerboard of transposed convolutions."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class StyleNetwork(Mapping[Image, Image]):
    """Image × Style → Image.

    The named styles it was trained with lie in the buffer `presets`, [N, S], in the order of `names`.

    Args:
        names: Names of the presets.
        width: Channels at 1/4 of the resolution.
        deep: Channels at 1/8.
        deep_blocks: Residual blocks at 1/8: large strokes.
        fine_blocks: Residual blocks at 1/4: small strokes.
        style_size: S.
    """

    presets: Tensor

    def __init__(
        self,
        names: Sequence[str] = (),
        width: int = 64,
        deep: int = 128,
        deep_blocks: int = 6,
        fine_blocks: int = 3,
        style_size: int = 64,
    ) -> None:
        super().__init__(Image(), Image(), {"style": Style(style_size), "noise": None, "stats": None})
        self.names, self.style_size = tuple(names), style_size
        self.register_buffer("presets", torch.zeros(len(self.names), style_size))
        half = width // 2
        self.stem, self.stem_norm = Conv(3 * 16 + NOISE_OCTAVES, width), ConditionalNorm(width, style_size)
        self.down, self.down_norm = Conv(width, deep), ConditionalNorm(deep, style_size)
        self.deep = nn.ModuleList(Residual(deep, style_size) for _ in range(deep_blocks))
        self.up1, self.up1_norm = Conv(deep, width), ConditionalNorm(width, style_size)
        self.fine = nn.ModuleList(Residual(width, style_size) for _ in range(fine_blocks))
        self.up2, self.up2_norm = Conv(width, half), ConditionalNorm(half, style_size, constant=False)
        self.paint = Conv(half, 3 * 4)
        self.gate = nn.Linear(style_size, 1, bias=False)
        self._close_gate()

    def _close_gate(self) -> None:
        """Start with the first entry of z as the amount of paint: 1 shuts the gate. Left open, training stays at the photo."""
        with torch.no_grad():
            self.gate.weight.zero_()[0, 0] = 1.0
            self.up2_norm.affine.weight[: self.up2_norm.channels, 0] = 8.0  # z is divided by 8 there

    def forward(self, x: Tensor, /, *, style: Tensor, noise: Tensor, stats: Stats | None = None) -> Tensor:
        """Paint pictures.

        Args:
            x: [B, 3, H, W] in [0, 1], H and W multiples of 8.
            style: [B, S]; 0 is the photo itself.
            noise: [B or 1, 3, H/4, W/4] from `noise_like`.
            stats: Statistics to normalise with, instead of those of x.

        Returns:
            [B, 3, H, W], nominally in [0, 1], not clamped.
        """
        given = iter(stats) if stats is not None else None
        return self._paint(x, style, noise, lambda norm, h: norm(h, style, next(given) if given is not None else None))

    def measure(self, x: Tensor, /, *, style: Tensor, noise: Tensor) -> Stats:
        """Statistics of one picture, from any number of its pieces at their own resolution.

        Args:
            x: [B, 3, H, W] in [0, 1], pieces of one picture.
            style: [1, S].
            noise: [B, 3, H/4, W/4], the noise at those places.

        Returns:
            What to pass on as `stats`; each tensor is [1, C].
        """
        stats: Stats = []

        def pooled(norm: ConditionalNorm, h: Tensor) -> Tensor:
            stats.append(_pooled_moments(h))
            out: Tensor = norm(h, style, stats[-1])
            return out

        self._paint(x, style, noise, pooled)
        return stats

    def _paint(self, x: Tensor, style: Tensor, noise: Tensor, norm: Callable[[ConditionalNorm, Tensor], Tensor]) -> Tensor:
        h = torch.cat([F.pixel_unshuffle(x - 0.5, 4), noise.expand(x.shape[0], -1, -1, -1)], 1)
        h = h.to(self.stem.weight.dtype, memory_format=torch.channels_last)
        quarter = F.relu(norm(self.stem_norm, self.stem(h)))  # [B, width, H/4, W/4]
        h = F.relu(norm(self.down_norm, self.down(F.avg_pool2d(quarter, 2))))  # [B, deep, H/8, W/8]
        for block in self.deep:
            h = _residual(block, h, norm)  # type: ignore[arg-type]
        h = F.relu(norm(self.up1_norm, self.up1(upsample(h))) + quarter)  # [B, width, H/4, W/4]
        for block in self.fine:
            h = _residual(block, h, norm)  # type: ignore[arg-type]
        h = F.relu(norm(self.up2_norm, self.up2(upsample(h))))  # [B, width/2, H/2, W/2]
        painted = F.pixel_shuffle(self.paint(h), 2).float()
        return torch.addcmul(painted, x, 1 - self.gate(style)[:, :, None, None].float())


def _pooled_moments(h: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over batch and positions: [B, C, H, W] → two of [1, C], fp32."""
    mean = h.mean((0, 2, 3), dtype=torch.float32)
    centred = h - mean.to(h.dtype)[:, None, None]
    correction = centred.mean((0, 2, 3), dtype=torch.float32)  # what rounding the mean to h's type left over
    variance = centred.square().mean((0, 2, 3), dtype=torch.float32) - correction.square()
    return (mean.to(h.dtype).float() + correction)[None], variance[None]


def _residual(block: Residual, x: Tensor, norm: Callable[[ConditionalNorm, Tensor], Tensor]) -> Tensor:
    h = F.relu(norm(block.norm1, block.conv1(x)))
    return x + norm(block.norm2, block.conv2(h))


def noise_like(height: int, width: int, *, seed: int = 0) -> Tensor:
    """Noise for a picture of H × W pixels: [1, 3, H/4, W/4], unit variance, one channel an octave, drawn on the CPU.

    Each octave is drawn at its own resolution and enlarged smoothly; the coarse ones give strokes their length.
    """
    generator = torch.Generator().manual_seed(seed)
    rows, columns = height // 4, width // 4
    octaves = []
    for octave in range(NOISE_OCTAVES):
        grid = (-(-rows // 2**octave) + 1, -(-columns // 2**octave) + 1)
        values = torch.randn(1, 1, *grid, generator=generator)
        if octave:
            size = ((grid[0] - 1) * 2**octave, (grid[1] - 1) * 2**octave)
            # Bilinear enlargement of independent values averages them: 1.5 brings the variance back to about 1.
            values = 1.5 * F.interpolate(values[:, :, : grid[0], : grid[1]], size=size, mode="bilinear", align_corners=False)
        octaves.append(values[:, :, :rows, :columns])
    return torch.cat(octaves, 1)


def moved(noise: Tensor, places: Tensor) -> Tensor:
    """Noise that goes with what moves: as seen at other places.

    Between its points the finest octave is interpolated and brought back to unit variance, so that no shift is calmer than
    another; the coarser ones are smooth as they are.

    Args:
        noise: [B, 3, h, w] from `noise_like`.
        places: [B, h, w, 2], x and y in cells of the noise, (0, 0) the middle of the first; beyond the edge it is mirrored.

    Returns:
        [B, 3, h, w].
    """
    size = torch.tensor([noise.shape[3], noise.shape[2]], dtype=places.dtype)
    grid = (2 * places + 1) / size - 1
    seen = F.grid_sample(noise, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    part = places - places.floor()
    energy = (part.square() + (1 - part).square()).prod(3)[:, None]  # of the weights of four independent values
    return torch.cat([seen[:, :1] * energy.rsqrt(), seen[:, 1:]], 1)
