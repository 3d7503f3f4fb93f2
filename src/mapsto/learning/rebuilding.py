"""How far rebuilt pictures are from the pictures themselves: what VAEs learn from, and a judge of them."""

from __future__ import annotations

import torch
from torch import Tensor

from mapsto.image.features import PerceptualNetwork
from mapsto.image.vae import VAE, premultiplied
from mapsto.learning import losses
from mapsto.learning.games import Game
from mapsto.learning.watch import Average, Score


class RebuildError:
    """Judges VAEs by what they make of pictures they do not learn from: absolute error / 0.1 + distance of features.

    Args:
        pictures: [N, C, H, W] in [0, 1].
        features: The perceptual network.
        batch: Pictures at a time.
    """

    def __init__(self, pictures: Tensor, features: PerceptualNetwork, *, batch: int = 32) -> None:
        self.pictures, self.features, self.batch = premultiplied(pictures), features, batch

    @torch.no_grad()
    def __call__(self, game: Game, average: Average) -> Score:
        """The mean over pictures, with its error; the parts are the pictures."""
        vae = average["vae"]
        assert isinstance(vae, VAE)
        place = next(vae.parameters()).device
        found = torch.cat([self._errors(vae, x.to(place)).double().cpu() for x in torch.split(self.pictures, self.batch)])
        error = float(found.std()) / len(found) ** 0.5 if len(found) > 1 else 0.0
        return Score(float(found.mean()), error, tuple(found.tolist()))

    def _errors(self, vae: VAE, x: Tensor) -> Tensor:
        """[B]."""
        rebuilt = vae.decode(vae.encode(x)[0])
        return (rebuilt - x).abs().mean((1, 2, 3)) / 0.1 + feature_distance(self.features.to(x.device), rebuilt, x)


def feature_distance(features: PerceptualNetwork, rebuilt: Tensor, x: Tensor) -> Tensor:
    """Relative squared distance of features, the mean over taps: [B, C, H, W] twice → [B], fp32.

    Transparent pictures are seen as they lie on black.
    """
    with torch.no_grad():
        wanted = features(x[:, :3])
    seen = features(rebuilt[:, :3])
    with torch.autocast(x.device.type, enabled=False):
        apart = [losses.relative_square(seen[tap].float(), wanted[tap].float()) for tap in wanted]
    return torch.stack(apart).mean(0)
