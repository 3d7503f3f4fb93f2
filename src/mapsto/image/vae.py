"""The variational autoencoder: Image → Latent and back (Kingma & Welling, arXiv 1312.6114).

    B batch   C channels of the picture   H, W its pixels   f factor   L channels of the latent   V size of a vector latent

Convolutions all the way, so any size divisible by f goes through, square or not. There is no normalisation: residual branches
that start small (arXiv 2003.04887) train as well at this size, and on a CPU normalising costs more than the convolutions do.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.errors import UsageError
from mapsto.mapping import Mapping
from mapsto.spaces import Image, Latent

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of log σ² as the encoder gives it; beyond them exp and KL lose their meaning in bf16."""


class Block(nn.Module):
    """Two convolutions beside an identity, the branch scaled per channel by a weight that starts small."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.full((1, channels, 1, 1), 0.1))

    def forward(self, x: Tensor, /) -> Tensor:
        """[B, channels, H, W] to the same shape."""
        h = self.conv2(F.silu(self.conv1(F.silu(x))))
        return torch.addcmul(x, h, self.gain.to(h.dtype))


def widths(base: int, factor: int) -> list[int]:
    """Channels at 1/2, 1/4 … 1/f of the resolution: twice, then three times the first."""
    levels = factor.bit_length() - 1
    return [base * min(level + 1, 3) for level in range(levels)]


class Encoder(nn.Module):
    """[B, C, H, W] → [B, 2·L, H/f, W/f]."""

    def __init__(self, channels: int, factor: int, latent: int, base: int, blocks: int) -> None:
        super().__init__()
        sizes = widths(base, factor)
        parts: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, sizes[0], 3, padding=1)]
        for before, size in zip([sizes[0], *sizes], sizes, strict=False):
            if len(parts) > 2:
                parts.append(nn.Conv2d(before, size, 3, stride=2, padding=1))
            parts += [Block(size) for _ in range(blocks)]
        self.parts = nn.Sequential(*parts, nn.SiLU(), nn.Conv2d(sizes[-1], 2 * latent, 3, padding=1))

    def forward(self, x: Tensor, /) -> Tensor:
        """Mean and log variance, one after the other along the channels."""
        out: Tensor = self.parts(x)
        return out


class Upsample(nn.Module):
    """×2 bilinearly, then a convolution: transposed convolutions and pixel shuffles leave a grid of dots."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, /) -> Tensor:
        """[B, inputs, H, W] → [B, outputs, 2H, 2W]."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
        return out


class Decoder(nn.Module):
    """[B, L, H/f, W/f] → [B, C, H, W]."""

    def __init__(self, channels: int, factor: int, latent: int, base: int, blocks: int) -> None:
        super().__init__()
        sizes = [*reversed(widths(base, factor)), max(16, base // 2)]
        parts: list[nn.Module] = [nn.Conv2d(latent, sizes[0], 3, padding=1)]
        for size, after in pairwise(sizes):
            parts += [*(Block(size) for _ in range(blocks)), Upsample(size, after)]
        self.parts = nn.Sequential(*parts, Block(sizes[-1]), nn.SiLU(), nn.Conv2d(sizes[-1], channels, 3, padding=1))

    def forward(self, z: Tensor, /) -> Tensor:
        """The picture, about in [0, 1]."""
        out: Tensor = self.parts(z)
        return out


class VAE(Mapping[Latent, Image]):
    """Latent → Image as a mapping, and `encode` for the way back.

    Args:
        channels: C: 3, or 4 with transparency, colours `premultiplied` by it.
        factor: f: 4, 8 or 16.
        latent: L.
        base: Channels at half the resolution.
        blocks: Residual blocks a level in the encoder.
        decoder_blocks: Likewise in the decoder, which has the harder half: it is what is seen.
        vector: V for one latent vector a picture instead of a grid; then the grid's size is fixed.
        height: Rows of the pictures, where `vector` is given.
        width: Columns, likewise.

    Raises:
        UsageError: sizes that do not fit each other.
    """

    def __init__(
        self,
        channels: int = 3,
        factor: int = 8,
        latent: int = 8,
        base: int = 48,
        blocks: int = 1,
        decoder_blocks: int = 3,
        vector: int | None = None,
        height: int | None = None,
        width: int | None = None,
    ) -> None:
        super().__init__(Latent(latent) if vector is None else Latent(vector, 1, 1), Image(channels))
        if factor not in (2, 4, 8, 16):
            raise UsageError(f"A VAE shrinks pictures by 2, 4, 8 or 16, and not by {factor}.", "Choose one of them.")
        self.channels, self.factor, self.latent = channels, factor, latent
        self.encoder = Encoder(channels, factor, latent, base, blocks)
        self.decoder = Decoder(channels, factor, latent, base, decoder_blocks)
        self.grid = _grid(height, width, factor) if vector is not None else None
        if vector is not None and self.grid is not None:
            entries = latent * self.grid[0] * self.grid[1]
            self.flatten, self.unflatten = nn.Linear(2 * entries, 2 * vector), nn.Linear(vector, entries)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where pictures lie in the latent space.

        Args:
            x: [B, C, H, W] in [0, 1], H and W divisible by f.

        Returns:
            Mean and log variance of q(z | x), each [B, L, H/f, W/f], or [B, V, 1, 1].

        Raises:
            UsageError: a size that f does not divide, or that a vector latent was not made for.
        """
        self._check(x.shape[2], x.shape[3])
        h = self.encoder(x - 0.5)
        if self.grid is not None:
            h = self.flatten(h.flatten(1))[:, :, None, None]
        mean, log_variance = h.float().chunk(2, 1)
        return mean, log_variance.clamp(*LOG_VARIANCE)

    def decode(self, z: Tensor) -> Tensor:
        """[B, L, h, w] (or [B, V, 1, 1]) → [B, C, f·h, f·w], about in [0, 1], not clamped."""
        if self.grid is not None:
            z = self.unflatten(z.flatten(1)).unflatten(1, (self.latent, *self.grid))
        out: Tensor = self.decoder(z).float()
        return out + 0.5

    def latent_size(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, rows and columns of the latents of pictures of H × W pixels.

        Raises:
            UsageError: a size that this VAE does not take.
        """
        self._check(height, width)
        return (self.source.channels or 0, 1, 1) if self.grid else (self.latent, height // self.factor, width // self.factor)

    def forward(self, z: Tensor, /) -> Tensor:
        """`decode`."""
        return self.decode(z)

    def _check(self, height: int, width: int) -> None:
        rows, columns = height // self.factor, width // self.factor
        if height % self.factor or width % self.factor or (self.grid is not None and (rows, columns) != self.grid):
            wanted = (
                f"{self.grid[1] * self.factor}×{self.grid[0] * self.factor}" if self.grid else f"multiples of {self.factor}"
            )
            raise UsageError(f"This VAE takes {wanted} pixels, and not {width}×{height}.", "Resize the pictures first.")


def _grid(height: int | None, width: int | None, factor: int) -> tuple[int, int]:
    if not height or not width or height % factor or width % factor:
        raise UsageError(
            f"A vector latent needs a height and a width divisible by {factor}, and not {height} and {width}.", "Give both."
        )
    return height // factor, width // factor


def sampled(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A draw from q(z | x): mean + σ·ε (arXiv 1312.6114, §2.4); ε is drawn on the CPU."""
    noise = torch.randn(mean.shape, generator=generator).to(mean.device)
    return torch.addcmul(mean, torch.exp(0.5 * log_variance), noise)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²) of every entry, in nats (arXiv 1312.6114, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def premultiplied(x: Tensor) -> Tensor:
    """Straight alpha → colours that fade to black with it, so that blurred edges mix right: [B, 4, H, W]; others unchanged."""
    return x if x.shape[1] != 4 else torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], 1)


def straight(x: Tensor) -> Tensor:
    """`premultiplied` undone, clamped to [0, 1]: [B, 4, H, W]; others unchanged."""
    return x if x.shape[1] != 4 else torch.cat([(x[:, :3] / x[:, 3:].clamp_min(1 / 255)).clamp(0, 1), x[:, 3:].clamp(0, 1)], 1)
