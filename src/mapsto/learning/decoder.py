"""Teaching the decoder of a VAE to finish what a prior draws: two players, a critic of patches and the decoder.

    1  critic    real patches against patches of decoded draws; every few steps γ/2 · (R1 + R2), so many times as heavy
    2  decoder   w · its loss on newly decoded draws, and still the distances of `VaeGame` on pictures rebuilt

A VAE learns to decode what its encoder says of pictures. A prior's draws are never quite that: what no picture has, the decoder
smears or weaves. The critic sees decoded draws beside pictures, so that the decoder learns what to make of them, while rebuilt
pictures hold it where it was. The encoder stays as it is, and with it every prior. Adversaries of patches for a decoder: Esser
et al., "Taming transformers", arXiv 2012.09841, §3.1; the losses are those of `learning.gan`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mapsto.image.features import PerceptualNetwork
from mapsto.image.gan import Critic
from mapsto.image.vae import VAE, premultiplied, sampled, straight
from mapsto.learning.adversarial import between, objective, zero_centred
from mapsto.learning.games import Batch, Game, Moment
from mapsto.learning.measure import psnr
from mapsto.learning.rebuilding import feature_distance

DECODER = "vae.decoder"


class DecoderGame(Game):
    """Two players: the critic, then the decoder.

    Args:
        vae: Whose decoder learns; its encoder is only asked.
        critic: Of patches: of pixels, as large as it was made for.
        drawn: [N, L, h, w], draws of a prior as the VAE takes them (not normalised).
        features: The perceptual network, frozen.
        scale: s of the pixels' term |x − x̂| / s.
        weight: w of the critic's word.
        gamma: Of the penalties, at the start and at the end.
        every: Steps between penalties.
        rates: Learning rates of the critic and of the decoder.
    """

    players = ("critic", DECODER)
    averaged = (DECODER,)
    betas = (0.0, 0.99)
    drawn: Tensor

    def __init__(
        self,
        vae: VAE,
        critic: Critic,
        drawn: Tensor,
        features: PerceptualNetwork,
        *,
        scale: float = 0.03,
        weight: float = 0.1,
        gamma: tuple[float, float] = (1.0, 0.3),
        every: int = 4,
        rates: tuple[float, float] = (1e-3, 2e-4),
    ) -> None:
        super().__init__()
        self.vae, self.critic, self.features = vae, critic, features.requires_grad_(False)
        self.rates = dict(zip(self.players, rates, strict=True))
        self.objective = objective("relativistic")
        self.scale, self.weight, self.gamma, self.every = scale, weight, gamma, every
        self.patch = int(critic.config["height"]), int(critic.config["width"])
        self.register_buffer("drawn", drawn, persistent=False)
        self._noted: dict[str, Tensor | float] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """What a player minimises."""
        x = premultiplied(batch.x.detach())
        return self._criticise(x, moment) if player == "critic" else self._finish(x, moment)

    def _criticise(self, x: Tensor, moment: Moment) -> dict[str, Tensor]:
        due = moment.step % self.every == 0
        with torch.no_grad():
            fake = self._drawn(len(x), moment.generator)
        real, fake = (self._patches(y, moment.generator).requires_grad_(due) for y in (x, fake))
        # Slopes of slopes lose too much in bf16.
        with torch.autocast(x.device.type, enabled=torch.is_autocast_enabled(x.device.type) and not due):
            logits = self.critic(real), self.critic(fake)
        terms = {"critic": self.objective.critic(*logits)}
        if due:
            gamma = between(self.gamma, moment.part) / 2 * self.every
            terms |= {"r1": gamma * zero_centred(logits[0], real), "r2": gamma * zero_centred(logits[1], fake)}
        self._noted |= {"logit_real": logits[0].detach().mean(), "logit_fake": logits[1].detach().mean()}
        return terms

    def _finish(self, x: Tensor, moment: Moment) -> dict[str, Tensor]:
        with torch.no_grad():
            z = sampled(*self.vae.encode(x), moment.generator)
        rebuilt, fake = self.vae.decode(z), self._drawn(len(x), moment.generator)
        real, fake = (self._patches(y, moment.generator) for y in (x, fake))
        with torch.no_grad():
            logits = self.critic(real)
        apart = (rebuilt - x).abs().mean()
        self._noted |= {"psnr": psnr(rebuilt.detach().clamp(0, 1), x)}
        return {
            "pixels": apart / self.scale,
            "features": feature_distance(self.features, rebuilt, x).mean(),
            "patches": self.weight * self.objective.generator(logits, self.critic(fake)),
        }

    def _drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Decoded draws of the prior, any of them: [count, C, H, W]."""
        chosen = torch.randint(len(self.drawn), (count,), generator=generator)
        return self.vae.decode(self.drawn[chosen.to(self.drawn.device)])

    def _patches(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One from anywhere in every picture: [B, C, H, W] → [B, C, patch]."""
        rows, columns = self.patch
        ends = x.shape[2] - rows + 1, x.shape[3] - columns + 1
        corners = [torch.randint(end, (len(x),), generator=generator).tolist() for end in ends]
        return torch.stack([y[:, i : i + rows, j : j + columns] for y, i, j in zip(x, *corners, strict=True)])

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """PSNR in dB of pictures rebuilt from the means of q(z | x)."""
        x = premultiplied(batch.x)
        return {"psnr_db": psnr(self.vae.decode(self.vae.encode(x)[0]).clamp(0, 1), x)}

    def noted(self) -> dict[str, float]:
        """Mean logits, and PSNR in dB of pictures rebuilt."""
        return {name: float(value) for name, value in self._noted.items()}

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        names = ("scale", "weight", "gamma", "every")
        return {name: getattr(self, name) for name in names} | {"vae": self.vae.config, "critic": self.critic.config}

    @torch.no_grad()
    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """The first draws, by the averaged decoder: [count, C, H, W] in [0, 1]."""
        kept, self.vae.decoder = self.vae.decoder, average[DECODER]  # type: ignore[assignment]
        try:
            return straight(self.vae.decode(self.drawn[:count])).clamp(0, 1)
        finally:
            self.vae.decoder = kept
