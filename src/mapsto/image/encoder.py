"""The style encoder: a picture → its style vector, from the statistics of its features.

B batch   D statistics   K principal components   S size of the style vector
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mapsto.image.features import PerceptualNetwork
from mapsto.learning.losses import moments

STATISTICS = 2 * (96 + 128 + 128 + 256 + 256 + 384 + 384 + 512) + 9


def summary(x: Tensor, network: PerceptualNetwork, taps: dict[str, Tensor] | None = None) -> Tensor:
    """What the encoder sees: log means and deviations of all style taps, colour mean and covariance: [B, 3, H, W] → [B, D].

    Args:
        x: Pictures in [0, 1].
        network: The perceptual network.
        taps: Its features of x, where they are known already.
    """
    taps = taps or network(x)
    parts = [torch.cat(moments(features), 1).clamp_min(0).add(0.05).log() for features in taps.values()]
    colour = x.float().flatten(2)
    centred = colour - colour.mean(2, keepdim=True)
    covariance = centred @ centred.mT / colour.shape[2]
    rows, columns = torch.triu_indices(3, 3)
    return torch.cat([*parts, 4 * colour.mean(2), 10 * covariance[:, rows, columns]], 1)


class StyleEncoder(nn.Module):
    """Statistics → Style: principal components, then a small network.

    Its input, `summary` of a picture, is no space of its own, so this is a plain module.

    Args:
        components: K. Raw statistics did not train (they are nearly collinear); whitened components do.
        hidden: Width of the network.
        style_size: S.
    """

    centre: Tensor
    basis: Tensor

    def __init__(self, components: int = 128, hidden: int = 384, style_size: int = 64) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"components": components, "hidden": hidden, "style_size": style_size}
        self.register_buffer("centre", torch.zeros(STATISTICS))
        self.register_buffer("basis", torch.zeros(STATISTICS, components))
        last = nn.Linear(hidden, style_size)
        with torch.no_grad():
            last.bias.zero_()[0] = 1.0  # the amount of paint, see StyleNetwork
            last.weight.mul_(4.0)[0].zero_()
        self.network = nn.Sequential(nn.Linear(components, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), last)

    def fit(self, rows: Tensor) -> None:
        """Set the components from statistics of many pictures: [N, D]; each component comes out with unit variance."""
        centre = rows.mean(0)
        _, values, directions = torch.linalg.svd(rows - centre, full_matrices=False)
        keep = self.basis.shape[1]
        scale = (values[:keep] / len(rows) ** 0.5).clamp_min(1e-3)
        self.centre.copy_(centre)
        self.basis.copy_(directions[:keep].T / scale)

    def forward(self, rows: Tensor, /) -> Tensor:
        """[B, D] from `summary` → [B, S]."""
        whitened = (rows - self.centre) @ self.basis
        return self.network(whitened.clamp(-4, 4))  # type: ignore[no-any-return]
