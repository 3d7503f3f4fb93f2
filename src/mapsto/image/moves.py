"""What a `Generator` does with points: the pace of a walk, sliders, and the point of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto import paths
from mapsto.image import latent_tools
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.image_model import ImageModel
from mapsto.image.latent_tools import Directions
from mapsto.image.vae import premultiplied

PROBES = 33
"""Places at which a walk is measured, so that equal time is equal change."""

LEAST = 64
"""Pixels of the shorter side at which pictures are compared: the perceptual network sees little in smaller ones."""

SLIDERS = 16
"""Of a GAN; what comes after these changes little."""


@dataclass(frozen=True)
class Point:
    """Where a picture is: latents [B, L, h, w], or where `is_style` says so, styles w [B, W] of the GAN."""

    at: Tensor
    is_style: bool


def pace_of(way: paths.Path, drawn: Callable[[Tensor], Tensor]) -> Callable[[float], float]:
    """Time → time, so that equal time is equal change of what is drawn.

    Args:
        way: Time → noise [1, …].
        drawn: Noise [B, …] → latents, all probes at once.
    """
    seen = drawn(torch.cat([way(probe / (PROBES - 1)) for probe in range(PROBES)]))

    def apart(a: Tensor, b: Tensor) -> float:
        here, there = (seen[round(float(time) * (PROBES - 1))] for time in (a, b))
        return paths.euclidean(here, there)

    even = paths.even(lambda time: torch.tensor([time]), apart, probes=PROBES)
    return lambda time: float(even(time))


def sliders_of(model: ImageModel, card: Mapping[str, Any], *, is_style: bool) -> Directions:
    """The principal axes of a model's latents; or of its styles, what changes the layers of its GAN most.

    They are numbered from 1, the widest first; the card may name some, under "sliders", and for styles under "gan_sliders".
    """
    if is_style:
        assert model.gan is not None
        found = latent_tools.sefa_directions(model.gan, min(SLIDERS, model.gan.w_size))
    else:
        count = int((model.spread > 0).sum())
        found = Directions(model.axes[:count], model.spread[:count], latent_tools.numbered(count))
    named = card.get("gan_sliders" if is_style else "sliders")
    return found.renamed({str(key): str(name) for key, name in named.items()} if isinstance(named, dict) else {})


def found_in(model: ImageModel, x: Tensor, steps: int) -> Point:
    """The point of a picture, by gradient on pixels and features, in fp32: from the encoder's guess, or the GAN's mean style.

    Pictures are compared with premultiplied alpha: what is invisible does not count.

    Args:
        model: Whose point.
        x: [1, C, H, W] in [0, 1].
        steps: Of refinement.
    """
    features = perceptual("small", device=x.device)
    assert isinstance(features, PerceptualNetwork)
    paint, start = _painting(model, x)
    found = latent_tools.project(
        large(premultiplied(x)), lambda point: large(paint(point)), start, features=features, steps=steps
    )
    return Point(found.point, is_style=model.vae is None)


def large(x: Tensor) -> Tensor:
    """Pictures that the perceptual network can see something in: [B, C, H, W], the shorter side at `LEAST` or more."""
    scale = LEAST / min(x.shape[2:])
    return x if scale <= 1 else F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def _painting(model: ImageModel, x: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Points → pictures with premultiplied alpha, and the guess to start from."""
    vae, gan = model.vae, model.gan
    if vae is not None:
        with torch.no_grad():
            return lambda z: vae.decode(z * model.scale + model.shift), model.encode(x)
    assert gan is not None  # a model has one of them
    return gan.synthesize, gan.mean_w[None].clone()
