"""Latents of pictures to learn a prior on: every picture is encoded once, not at every step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack
from torch import Tensor

from mapsto.errors import NoSpace
from mapsto.files import atomic, sha256
from mapsto.image.image_model import ImageModel
from mapsto.image.vae import premultiplied
from mapsto.learning.data import PictureData
from mapsto.learning.games import Batch
from mapsto.learning.restraint import fingerprint

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


MEASURED = ("shift", "scale", "centre", "axes", "spread", "rest")
"""Of an `ImageModel`: what `measure` sets."""


def encoded_once(path: Path, model: ImageModel, data: PictureData, *, measure: bool = True) -> LatentData:
    """As `encoded`, but kept in a file: a resumed run has the very same latents, also where arithmetic differs in the last bit.

    Args:
        path: The file; made if it is not there, or is of other pictures or another VAE.
        model: With a VAE.
        data: Pictures of the model's size.
        measure: See `encoded`.
    """
    assert model.vae is not None
    key = sha256(f"{data.digest} {fingerprint(model.vae.state_dict())} {measure}".encode())
    if (tensors := _read(path, key)) is None:
        found = encoded(model, data, measure=measure)
        tensors = {"means": found.means.contiguous(), "deviations": found.deviations.contiguous()}
        tensors |= {name: getattr(model, name).detach().cpu().contiguous() for name in MEASURED}
        with suppress(NoSpace), atomic(path) as file:  # a full disk only means encoding again
            file.write_bytes(pack(tensors, {"key": key}))
        return found
    for name in MEASURED:
        getattr(model, name).copy_(tensors[name])
    labels = None if data.labels is None else np.tile(data.labels, 1 + data.flip)
    digest = sha256(data.digest.encode() + tensors["means"].numpy().tobytes())
    return LatentData(tensors["means"], tensors["deviations"], labels, digest)


def _read(path: Path, key: str) -> dict[str, Tensor] | None:
    """The tensors of a file of that key; None where there is none."""
    with suppress(OSError, SafetensorError), safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get("key") == key:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return None
