"""How far rebuilt pictures are from the pictures themselves: a judge of VAEs."""

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
        features = self.features.to(x.device)
        seen, wanted = features(rebuilt[:, :3]), features(x[:, :3])
        apart = torch.stack([losses.relative_square(seen[tap], wanted[tap]) for tap in wanted]).mean(0)
        return (rebuilt - x).abs().mean((1, 2, 3)) / 0.1 + apart
