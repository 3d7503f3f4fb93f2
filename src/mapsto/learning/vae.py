"""Training a VAE: one player, who rebuilds pictures through a latent of bounded information.

The bound of arXiv 1312.6114, eq. 10, with the reconstruction summed over pixels as the KL is over the latent, then divided by
the number of pixel values D so that losses do not grow with the picture:

    |x − x̂| / s + log s      Laplace likelihood with a learned scale s (σ-VAE, arXiv 2006.13202, with the absolute error)
    + w · features           distance in the project's own perceptual network
    + β · KL / D             with free bits a channel (arXiv 1606.04934, appendix C.8) and warm-up

Where a rate in nats is asked for, β is not given but found: it follows the measured rate (arXiv 1810.00597 does so for the
distortion). The rate decides whether a prior can learn the space; β alone would mean another rate for every data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.image.features import PerceptualNetwork
from mapsto.image.vae import VAE, divergence, premultiplied, sampled, straight
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.measure import psnr
from mapsto.learning.rebuilding import feature_distance

CONTROL = 0.02
"""How far log β moves in one step when the rate is off by a factor e."""


class VaeGame(Game):
    """One player: the VAE.

    Args:
        vae: What learns.
        features: The perceptual network, frozen; None for pixels alone.
        nats: The rate to aim at, in nats a picture; None keeps β as it is.
        beta: β, or where it begins.
        feature_weight: w.
        free_nats: Nats a latent channel may carry without being charged.
        warmup: Part of the run in which β grows from a hundredth.
        rate: Learning rate.
        shown: Pictures [N, C, H, W] whose reconstructions are the samples.
    """

    players = ("vae",)
    averaged = ("vae",)
    betas = (0.9, 0.99)

    def __init__(
        self,
        vae: VAE,
        features: PerceptualNetwork | None = None,
        *,
        nats: float | None = None,
        beta: float = 1.0,
        feature_weight: float = 1.0,
        free_nats: float = 0.0,
        warmup: float = 0.1,
        rate: float = 1e-3,
        shown: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.vae = vae
        self.rates = {"vae": rate}
        self.features = features.requires_grad_(False) if features is not None else None
        self.nats, self.beta, self.feature_weight = nats, beta, feature_weight
        self.free_nats, self.warmup = free_nats, warmup
        self.log_scale = math.log(0.1)
        self.shown = shown
        self._noted: dict[str, float] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """The three terms above, each a scalar."""
        x = premultiplied(batch.x)
        mean, log_variance = self.vae.encode(x)
        rebuilt = self.vae.decode(sampled(mean, log_variance, moment.generator))
        apart = (rebuilt - x).abs().mean()
        kl = divergence(mean, log_variance).sum((2, 3))  # [B, L], nats
        charged = kl.mean(0).clamp_min(self.free_nats).sum()
        beta = self.beta * min(1.0, 0.01 + moment.part / max(self.warmup, 1e-9))
        terms = {"pixels": apart * math.exp(-self.log_scale), "rate": beta * charged / x[0].numel()}
        if self.features is not None:
            terms["features"] = self.feature_weight * feature_distance(self.features, rebuilt, x).mean()
        self._follow(float(apart.detach()), float(kl.detach().sum(1).mean()), moment)
        self._noted |= {"psnr": psnr(rebuilt.detach().clamp(0, 1), x)}
        return terms

    def _follow(self, apart: float, nats: float, moment: Moment) -> None:
        """Move the scale to its optimum, s = E|x − x̂|, and β towards the wanted rate."""
        self.log_scale += 0.05 * (math.log(max(apart, 1e-4)) - self.log_scale)
        if self.nats is not None and moment.part > self.warmup:
            self.beta *= math.exp(CONTROL * max(-1.0, min(1.0, math.log(max(nats, 1e-3) / self.nats))))
        self._noted = {"nats": nats, "beta": self.beta, "scale": math.exp(self.log_scale)}

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """PSNR in dB of pictures rebuilt from the means of q(z | x): seen and held out, it parts where it learns by heart."""
        x = premultiplied(batch.x)
        return {"psnr_db": psnr(self.vae.decode(self.vae.encode(x)[0]).clamp(0, 1), x)}

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        names = ("nats", "feature_weight", "free_nats", "warmup")
        return {name: getattr(self, name) for name in names} | {"vae": self.vae.config}

    def noted(self) -> dict[str, float]:
        """PSNR in dB, rate in nats, β, and the scale of the likelihood."""
        return self._noted

    @torch.no_grad()
    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """Pictures and their reconstructions, one above the other where the grid is even: [count, C, H, W] in [0, 1]."""
        vae = average["vae"]
        assert isinstance(vae, VAE)
        if self.shown is None:
            return super().samples(average, count)
        x = self.shown[: max(1, count // 2)].to(next(vae.parameters()).device)
        rebuilt = straight(vae.decode(vae.encode(premultiplied(x))[0])).clamp(0, 1)
        return torch.stack([x, rebuilt], 1).flatten(0, 1)[:count]

    def extra_state(self) -> dict[str, Tensor | float | int]:
        """β and the scale follow what was measured, so they are part of where training is."""
        return {"beta": self.beta, "log_scale": self.log_scale}

    def load_extra_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        """Go on from `extra_state`."""
        self.beta, self.log_scale = float(state["beta"]), float(state["log_scale"])
