"""One file of weights for one kind of picture: a VAE, priors over its latents, and the directions in which they vary.

    L, h, w channels, rows and columns of the latents   K principal directions   N pictures

The latents that come and go here are normalised: (z − shift) / scale, about N(0, 1) over the training pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image.flow import FlowNetwork, integrate
from mapsto.image.gan import GanGenerator
from mapsto.image.latent_tools import signed
from mapsto.image.vae import VAE, premultiplied, straight
from mapsto.mapping import Mapping
from mapsto.spaces import Image, Latent

PRIORS = ("flow", "gan", "gaussian")
"""By preference: what `ImageModel.prior` takes where nothing else is said."""


class ImageModel(Mapping[Latent, Image]):
    """Latent → Image, and what draws latents.

    Args:
        height: Rows of the pictures it was trained on.
        width: Their columns.
        channels: 3, or 4 with (straight) alpha.
        vae: Arguments of the `VAE`; None for a GAN that paints pixels.
        flow: Arguments of the `FlowNetwork` over its latents, if there is one.
        gan: Arguments of the `GanGenerator` over its latents (over pixels without a VAE), if there is one.
        classes: Names of the kinds of picture it can be asked for.
        axes: K.
        pag: How its flow is guided by its attention where nothing else is asked for, see `integrate`.

    Raises:
        UsageError: nothing to paint with.
    """

    shift: Tensor
    scale: Tensor
    centre: Tensor
    axes: Tensor
    spread: Tensor
    rest: Tensor

    def __init__(
        self,
        height: int,
        width: int,
        channels: int = 3,
        vae: dict[str, Any] | None = None,
        flow: dict[str, Any] | None = None,
        gan: dict[str, Any] | None = None,
        classes: Sequence[str] = (),
        axes: int = 32,
        pag: float = 0.0,
    ) -> None:
        decoder = VAE(**vae) if vae is not None else None
        size = (channels, height, width) if decoder is None else decoder.latent_size(height, width)
        super().__init__(Latent(*size), Image(channels, height, width))
        self.vae = decoder
        if vae is None and gan is None:
            raise UsageError("A model of pictures needs a VAE or a GAN, and has neither.", "Give at least one.")
        self.height, self.width, self.channels, self.classes, self.pag = height, width, channels, tuple(classes), pag
        self.flow = FlowNetwork(**flow) if flow is not None else None
        self.gan = GanGenerator(**gan) if gan is not None else None
        axes = min(axes, size[0] * size[1] * size[2])
        self.register_buffer("shift", torch.zeros(size[0], 1, 1))
        self.register_buffer("scale", torch.ones(1, 1, 1))
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("axes", torch.zeros(axes, *size))
        self.register_buffer("spread", torch.zeros(axes))
        self.register_buffer("rest", torch.zeros(size))

    @property
    def priors(self) -> tuple[str, ...]:
        """The priors there are, the best first."""
        has = {"flow": self.flow is not None, "gan": self.gan is not None, "gaussian": self.vae is not None}
        return tuple(name for name in PRIORS if has[name])

    def forward(self, z: Tensor, /) -> Tensor:
        """Normalised latents [B, L, h, w] → pictures [B, C, H, W], about in [0, 1]; without a VAE they are pictures already."""
        return straight(self.vae.decode(z * self.scale + self.shift) if self.vae is not None else z)

    def encode(self, x: Tensor) -> Tensor:
        """Pictures [B, C, H, W] in [0, 1] → normalised latents, the means of q(z | x)."""
        if self.vae is None:
            raise UsageError(
                "This model paints pixels and has no encoder.", "Choose one with a VAE; `mapsto models` says which."
            )
        return (self.vae.encode(premultiplied(x))[0] - self.shift) / self.scale

    def gaussian(self, noise: Tensor) -> Tensor:
        """[B, L, h, w] of N(0, 1) → latents of the Gaussian with the principal directions of the training latents.

        Along the K axes the noise is given its spread; what is left over keeps the variance of the remainder.
        """
        along = torch.einsum("bchw,kchw->bk", noise, self.axes)
        across = noise - torch.einsum("bk,kchw->bchw", along, self.axes)
        return self.centre + torch.einsum("bk,kchw->bchw", along * self.spread, self.axes) + across * self.rest

    def sample(
        self,
        noise: Tensor,
        *,
        prior: str,
        steps: int = 20,
        labels: Tensor | None = None,
        guidance: float = 1.0,
        pag: float | None = None,
    ) -> Tensor:
        """Latents from noise: [B, L, h, w] → the same (for the GAN, noise is [B, Z]).

        Args:
            noise: N(0, 1), shortened for calmer pictures.
            prior: One of `priors`.
            steps: Of the integration, for the flow.
            labels: [B] int64, classes.
            guidance: How much the flow leans towards the class.
            pag: How much it is guided by its attention; as the model says by default.
        """
        if prior == "flow" and self.flow is not None:
            pag = self.pag if pag is None else pag
            return integrate(self.flow, noise, steps=steps, labels=labels, guidance=guidance, pag=pag)
        if prior == "gan" and self.gan is not None:
            return self.gan.synthesize(self.gan.mapping(noise, labels))
        if prior == "gaussian" and self.vae is not None:
            return self.gaussian(noise)
        raise UsageError(f"This model has no prior called {prior}.", f"It has {' and '.join(self.priors)}.")

    @torch.no_grad()
    def measure(self, means: Tensor, log_variances: Tensor | None = None, *, normalise: bool = True) -> None:
        """Set the normalisation, the Gaussian and its axes from the latents of the training pictures.

        Args:
            means: [N, L, h, w], raw means of q(z | x).
            log_variances: Likewise; what the encoder is unsure of counts towards the scale, since priors learn draws.
            normalise: Else the normalisation stays as it is, for a prior that has learned with it.
        """
        if normalise:
            noise = log_variances.exp().mean() if log_variances is not None else torch.zeros(())
            self.shift.copy_(means.mean((0, 2, 3))[:, None, None])
            self.scale.fill_(float((means - self.shift).square().mean().add(noise).sqrt()))
        flat = ((means - self.shift) / self.scale).flatten(1)
        centred = flat - flat.mean(0)
        _, values, axes = torch.linalg.svd(centred, full_matrices=False)
        count = min(len(self.spread), len(values))
        self.centre.copy_(flat.mean(0).view(self.centre.shape))
        self.axes.zero_()[:count].copy_(signed(axes[:count]).view(count, *self.centre.shape))
        self.spread.zero_()[:count].copy_(values[:count] / max(1, len(flat) - 1) ** 0.5)
        kept = centred @ axes[:count].mT @ axes[:count]
        self.rest.copy_((centred - kept).square().mean(0).sqrt().view(self.rest.shape))
