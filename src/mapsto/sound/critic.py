"""Who judges how a note sounds: small networks that look at its spectrogram, each through another window.

B batch   N samples   F frequencies   T frames   P patches
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsto.sound.spectrum import stft

SIZES = (512, 1024, 2048)
"""Windows in samples."""

RANGE = 1e-4
"""What is further below the loudest point is not seen: 80 dB."""


class SpectrogramCritic(nn.Module):
    """Patches of spectrograms → logits, higher for what sounds recorded.

    Args:
        sizes: Of the windows.
        width: Channels of the inner layers.
    """

    def __init__(self, sizes: Sequence[int] = SIZES, width: int = 24) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"sizes": list(sizes), "width": width}
        self.sizes = tuple(sizes)
        self.judges = nn.ModuleList(_layers(width) for _ in sizes)

    def forward(self, x: Tensor, top: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits [B, P] of the patches of all spectrograms, and what the inner layers saw.

        Args:
            x: [B, N] sound.
            top: [B] its loudest sample, or that of the note it is compared with: both have to be seen at one level.
        """
        logits, seen = [], []
        for size, layers in zip(self.sizes, self.judges, strict=True):
            hidden = _light(x, size, top)
            for layer in layers:  # type: ignore[attr-defined]
                hidden = layer(hidden)
                seen.append(hidden)
            logits.append(seen.pop().flatten(1))
        return torch.cat(logits, 1), seen


def _layers(width: int) -> nn.ModuleList:
    """Each halves frequency; the first two halve time as well. An edge of the spectrum is where it is, so frequency is told."""
    sizes = ((2, width // 2, (2, 2)), (width // 2, width, (2, 2)), (width, width, (2, 1)))
    inner = [nn.Sequential(nn.Conv2d(a, b, (5, 5), stride=stride, padding=2), nn.LeakyReLU(0.2)) for a, b, stride in sizes]
    return nn.ModuleList([*inner, nn.Conv2d(width, 1, 3, padding=1)])


def _light(x: Tensor, size: int, top: Tensor) -> Tensor:
    """[B, 2, F, T]: the logarithm of the spectrogram, between about −2 for silence and 0, and how high each place is."""
    level = torch.log(stft(x, size, size // 2) / top[:, None, None].clamp_min(1e-6) + RANGE)
    height = torch.linspace(-1, 1, level.shape[1])[None, :, None].expand_as(level)
    return torch.stack([level / 4.6 + 1, height], 1)


def apart(seen: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """How far what the inner layers saw is from what they saw of the target: mean absolute differences, scalar."""
    return torch.stack([F.l1_loss(a, b.detach()) for a, b in zip(seen, target, strict=True)]).mean()
