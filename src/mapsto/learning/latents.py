"""Latents of pictures to learn a prior on: every picture is encoded once, not at every step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapsto.files import sha256
from mapsto.image.image_model import ImageModel
from mapsto.image.vae import premultiplied
from mapsto.learning.data import PictureData
from mapsto.learning.games import Batch

BATCH = 64


@dataclass(frozen=True, eq=False)
class LatentData:
    """Normalised latents, as q(z | x) has them.

    Args:
        means: [N, L, h, w] fp16.
        deviations: [N, L, h, w] fp16, σ of q(z | x).
        labels: [N] int64, or None.
        digest: Hex; another one for other pictures, or another encoder.
    """

    means: Tensor
    deviations: Tensor
    labels: NDArray[np.int64] | None = None
    digest: str = ""

    def __len__(self) -> int:
        return len(self.means)

    def batch(self, indices: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """Draws from q(z | x), new ones each time: [B, L, h, w]. They keep a prior from learning single pictures by heart."""
        chosen = torch.from_numpy(indices)
        mean, deviation = self.means[chosen].float(), self.deviations[chosen].float()
        x = torch.addcmul(mean, deviation, torch.randn(mean.shape, generator=generator))
        return Batch(x, None if self.labels is None else torch.from_numpy(self.labels[indices]))


@torch.no_grad()
def encoded(model: ImageModel, data: PictureData, *, measure: bool = True) -> LatentData:
    """All pictures through the encoder of a model; where `data` mirrors, each also mirrored.

    Args:
        model: With a VAE.
        data: Pictures of the model's size.
        measure: Set the model's normalisation and axes from these pictures first; else its own are used.
    """
    assert model.vae is not None
    place = next(model.parameters()).device
    plain, pairs = replace(data, flip=False), []
    for mirrored in (False, True)[: 1 + data.flip]:
        for start in range(0, len(data), BATCH):
            x = plain.batch(np.arange(start, min(len(data), start + BATCH)), torch.Generator()).x
            x = premultiplied(x.flip(3) if mirrored else x)
            pairs.append([value.cpu() for value in model.vae.encode(x.to(place))])
    means, log_variances = (torch.cat(values) for values in zip(*pairs, strict=True))
    if measure:
        model.measure(means, log_variances)
    scale = model.scale.cpu()
    labels = None if data.labels is None else np.tile(data.labels, 1 + data.flip)
    normal = ((means - model.shift.cpu()) / scale).half()
    digest = sha256(data.digest.encode() + normal.numpy().tobytes())
    return LatentData(normal, ((0.5 * log_variances).exp() / scale).half(), labels, digest)
