"""Training a GAN: two players. The critic tells real from painted, the generator paints what the critic takes for real.

    1  critic      its loss on B real and B painted; every few steps γ/2 · (R1 + R2), so many times as heavy
    2  generator   its loss on B newly painted (and, where the losses pair them, on the real ones)

The relativistic pair with both penalties is the default (arXiv 2501.05441); γ falls over the run and Adam's β₂ rises as there.
Over latents the real are draws from q(z | x), and painted ones get noise of the same size before the critic sees them: else it
would tell them apart by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mapsto.image.gan import Critic, GanGenerator
from mapsto.learning.adversarial import between, objective, unit_slope, zero_centred
from mapsto.learning.augment import Augment, overfitting
from mapsto.learning.flow import forgotten
from mapsto.learning.games import Batch, Game, Moment

MEAN_W_KEEPS = 0.995
"""Of the running mean of w, at every turn of the generator."""


class GanGame(Game):
    """Two players: the critic, then the generator.

    Args:
        generator: Who paints.
        critic: Who judges; of the same sizes and classes.
        decode: Latents → pictures for the sample grid, on whatever device they come; None where pixels are painted.
        loss: One of `adversarial.OBJECTIVES`.
        gamma: Weight of the penalties at the start and at the end; what suits the loss by default.
        every: Steps between penalties. They cost about as much as all the rest (lazy regularisation: arXiv 1912.04958, §3.1).
        augment: Changes what the critic sees, real and painted alike.
        noise: Deviations added to what is painted, as the real ones have them: a number, or a tensor like [C, 1, 1].
        rate: Learning rate of both.
        forget: How often a label is replaced by "any".

    Raises:
        UsageError: an unknown loss.
    """

    players = ("critic", "generator")
    averaged = ("generator",)
    betas = (0.0, 0.9)
    noise: Tensor

    def __init__(
        self,
        generator: GanGenerator,
        critic: Critic,
        decode: Callable[[Tensor], Tensor] | None = None,
        *,
        loss: str = "relativistic",
        gamma: tuple[float, float] | None = None,
        every: int = 4,
        augment: Augment | None = None,
        noise: Tensor | float = 0.0,
        rate: float = 1e-3,
        forget: float = 0.1,
    ) -> None:
        super().__init__()
        self.objective, self.loss = objective(loss), loss
        self.generator, self.critic = generator, critic
        self.rates = {"critic": rate, "generator": rate}
        self.gamma, self.every, self.forget = gamma or self.objective.gamma, every, forget
        self.augment = augment
        self.register_buffer("noise", torch.as_tensor(noise).detach().clone(), persistent=False)
        self._noisy = bool(self.noise.any())
        self._decode = [decode]  # in a list, so that a module is not taken for a part of the game
        self._noted: dict[str, Tensor | float] = {}

    def terms(self, player: str, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        """What a player minimises: its side of the loss, and for the critic the penalties whenever they are due."""
        x = batch.x.detach()
        labels = forgotten(batch.labels, self.generator.classes, self.forget, moment.generator)
        return self._criticise(x, labels, moment) if player == "critic" else self._paint(x, labels, moment)

    def _criticise(self, x: Tensor, labels: Tensor | None, moment: Moment) -> dict[str, Tensor]:
        due = bool(self.objective.penalties) and moment.step % self.every == 0
        with torch.no_grad():
            fake = self._painted(len(x), labels, moment.generator)[0]
        real, fake = x.clone().requires_grad_(due), fake.requires_grad_(due)
        # Slopes of slopes lose too much in bf16.
        with torch.autocast(x.device.type, enabled=torch.is_autocast_enabled(x.device.type) and not due):
            logits = self._judge(real, labels, moment.generator), self._judge(fake, labels, moment.generator)
            penalties = self._penalties(logits, (real, fake), labels, moment) if due else {}
        self._observe(*logits)
        return {"critic": self.objective.critic(*logits), **penalties}

    def _penalties(
        self, logits: tuple[Tensor, Tensor], x: tuple[Tensor, Tensor], labels: Tensor | None, moment: Moment
    ) -> dict[str, Tensor]:
        """By the names "r1", "r2" and "between", weighted."""
        found = {}
        for name, kind, one, other in zip(("r1", "r2"), ("real", "fake"), logits, x, strict=True):
            if kind in self.objective.penalties:
                found[name] = zero_centred(one, other)
        if "between" in self.objective.penalties:
            found["between"] = unit_slope(lambda y: self._judge(y, labels, moment.generator), *x, moment.generator)
        gamma = between(self.gamma, moment.part)
        self._noted |= {f"{name}_unweighted": value.detach() for name, value in found.items()} | {"gamma": gamma}
        return {name: gamma / 2 * self.every * value for name, value in found.items()}

    def _paint(self, x: Tensor, labels: Tensor | None, moment: Moment) -> dict[str, Tensor]:
        fake, w = self._painted(len(x), labels, moment.generator)
        with torch.no_grad():
            self.generator.mean_w.lerp_(w.detach().float().mean(0), 1 - MEAN_W_KEEPS)
            real = self._judge(x, labels, moment.generator) if self.objective.pairs else fake.new_zeros(0)
        self._noted["diversity"] = fake.detach().float().std(0, correction=0).mean()
        return {"generator": self.objective.generator(real, self._judge(fake, labels, moment.generator))}

    def _painted(self, count: int, labels: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the generator paints, with noise where the real ones have it, and its w: [B, C, h, w], [B, W]."""
        place = self.generator.mean_w.device
        w = self.generator.mapping(torch.randn(count, self.generator.z_size, generator=generator).to(place), labels)
        fake = self.generator.synthesize(w)
        if self._noisy:
            fake = torch.addcmul(fake, self.noise, torch.randn(fake.shape, generator=generator).to(place))
        return fake, w

    def _judge(self, x: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        seen = self.augment(x, generator) if self.augment is not None else x
        logits: Tensor = self.critic(seen, labels)
        return logits

    def _observe(self, real: Tensor, fake: Tensor) -> None:
        """Note the logits, and let the augmentation adapt to them."""
        real, fake = real.detach(), fake.detach()
        relative = fake if self.objective.pairs else None
        self._noted |= {"logit_real": real.mean(), "logit_fake": fake.mean(), "overfitting": overfitting(real, relative)}
        if self.augment is not None:
            self.augment.observe(real, relative)
            self._noted["augment_p"] = self.augment.p

    @torch.no_grad()
    def probe(self, batch: Batch) -> dict[str, float]:
        """The mean logit of pictures as they are: of pictures seen and held out, it parts where the critic learns by heart."""
        labels = batch.labels if self.critic.classes else None
        return {"logit_real": float(self.critic(batch.x, labels).mean())}

    def betas_at(self, part: float) -> tuple[float, float]:
        """(0, β₂), β₂ from 0.9 to 0.99 with 1 − β₂ falling at a constant rate (arXiv 2501.05441 does so by a cosine)."""
        return 0.0, 1 - between((0.1, 0.01), part)

    def noted(self) -> dict[str, float]:
        """Mean logits, overfitting in [-1, 1], mean deviation of what is painted, the penalties before weighting, and γ."""
        return {name: float(value) for name, value in self._noted.items()}

    def settings(self) -> dict[str, Any]:
        """What changes what is learned."""
        found: dict[str, Any] = {name: getattr(self, name) for name in ("loss", "every", "forget")}
        found |= {"gamma": list(self.gamma), "rate": self.rates["critic"], "noise": float(self.noise.float().mean())}
        if self.augment is not None:
            names = ("policy", "target", "images", "latents")
            found["augment"] = {name: getattr(self.augment, name) for name in names} | {"policy": list(self.augment.policy)}
        return found | {"generator": self.generator.config, "critic": self.critic.config}

    @torch.no_grad()
    def samples(self, average: dict[str, nn.Module], count: int) -> Tensor:
        """New pictures [count, C, H, W] in [0, 1], of all classes in turn."""
        generator, (decode,) = average["generator"], self._decode
        assert isinstance(generator, GanGenerator)
        place = generator.mean_w.device
        z = torch.randn(count, generator.z_size, generator=torch.Generator().manual_seed(0)).to(place)
        labels = torch.arange(count, device=place) % generator.classes if generator.classes else None
        x = generator(z, labels=labels)
        return (decode(x) if decode is not None else x).clamp(0, 1)

    def extra_state(self) -> dict[str, Tensor | float | int]:
        """Of the augmentation."""
        return dict(self.augment.state()) if self.augment is not None else {}

    def load_extra_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        """Take back what `extra_state` gave."""
        if self.augment is not None:
            self.augment.load_state(state)
