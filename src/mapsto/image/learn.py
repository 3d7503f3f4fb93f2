"""Learning one hand: from the encoder's first guess to a style of its own, in about a minute.

First the style vector and the modulation it drives, then all weights on a leash: the loss gains λ·‖w − w₀‖² to the shipped
weights (L2-SP, Li et al., arXiv 1802.01483), so the hand stays a neighbour that mixes with the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.image.features import PerceptualNetwork
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.image.targets import PATCH_LATTICE, Target, distances, flaws, leaky, target_of
from mapsto.learning.leash import Leash
from mapsto.learning.measure import lattice_share
from mapsto.learning.scenes import scenes

CROP, BATCH = 192, 3
LARGEST = 512
"""Shorter side at which larger photos are learned on."""

RATES = (2e-2, 2e-3, 1e-3)
"""Of z, of the modulation, of all other weights."""

MODULATION_PART = 0.25
"""Part of the time in which only z and the modulation move."""


CONTENT = 1.4
"""Weight of the content term; less, and the first steps tear the photo apart faster than they bring strokes."""


@dataclass(frozen=True)
class LearnReport:
    """One step of learning: step, seconds so far and in all, and the terms of the loss."""

    step: int
    seconds: float
    total_seconds: float
    style: float
    content: float


def learn_hand(
    network: StyleNetwork,
    z: Tensor,
    painting: Tensor,
    features: PerceptualNetwork,
    *,
    name: str,
    seconds: float = 60.0,
    steps: int | None = None,
    photos: Sequence[Tensor] = (),
    leash: float = 1.0,
    bf16: bool = False,
    seed: int = 0,
    on_report: Callable[[LearnReport], object] | None = None,
) -> StyleNetwork:
    """A network that paints in the hand of one painting.

    Args:
        network: The shipped network, which stays as it is.
        z: [1, S], the encoder's guess.
        painting: [1, 3, H, W] in [0, 1], at the size its strokes should be learned.
        features: The perceptual network.
        name: Of the hand: the new network's only preset.
        seconds: Time to spend.
        steps: Steps to take instead, however long they last.
        photos: Pictures [1, 3, H, W] to learn on beside built-in scenes: the user's own.
        leash: λ.
        bf16: Compute in bf16 where that is faster.
        seed: Of crops and noise.
        on_report: Told after every step; returning False ends learning early.
    """
    learner = _Learner(network, z, painting, features, name, photos, leash, bf16, seed)
    start = time.monotonic()
    while (part := learner.steps / steps if steps else (time.monotonic() - start) / seconds) < 1:
        terms = learner.advance(part)
        spent = time.monotonic() - start
        if on_report is not None and on_report(LearnReport(learner.steps, spent, seconds, **terms)) is False:
            break
    return learner.result()


class _Learner:
    """The state of learning one hand."""

    def __init__(
        self,
        network: StyleNetwork,
        z: Tensor,
        painting: Tensor,
        features: PerceptualNetwork,
        name: str,
        photos: Sequence[Tensor],
        leash: float,
        bf16: bool,
        seed: int,
    ) -> None:
        self.device = next(features.parameters()).device
        self.features, self.strength, self.bf16 = features, leash, bf16
        self.net = StyleNetwork(**{**network.config, "names": [name]})
        self.net.load_state_dict({**network.state_dict(), "presets": z.float()})
        self.net = self.net.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.z = nn.Parameter(z.detach().float().to(self.device).clone())
        self.moved = Leash(dict(self.net.named_parameters()))
        self.generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.target = target_of(painting.to(self.device), features, rounds=32, generator=self.generator)
        self.by_patch = float(lattice_share(painting)) < PATCH_LATTICE
        self.photos = [_at_least(photo, CROP) for photo in photos]
        modulation = [p for key, p in self.net.named_parameters() if _is_modulation(key)]
        self.rest = [p for key, p in self.net.named_parameters() if not _is_modulation(key)]
        groups = [{"params": p, "base": rate} for p, rate in zip(([self.z], modulation, self.rest), RATES, strict=True)]
        self.optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
        self.average = {key: value.clone() for key, value in self._state().items()}
        self.steps = 0

    def advance(self, part: float) -> dict[str, float]:
        """One step at that part of the time; the style and content terms."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * min(1.0, (self.steps + 1) / 20) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part)))
        for weight in self.rest:
            weight.requires_grad_(part >= MODULATION_PART)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            total, terms = self._losses()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.steps += 1
        decay = min(0.97, self.steps / (self.steps + 10))
        for key, value in self._state().items():
            self.average[key].lerp_(value, 1 - decay)
        return terms

    def result(self) -> StyleNetwork:
        """The averaged network, on the CPU."""
        state = {key: value.cpu() for key, value in self.average.items() if key != "z"}
        found = StyleNetwork(**self.net.config)
        found.load_state_dict({**state, "presets": self.average["z"].cpu()})
        return found.eval().requires_grad_(False)

    def _losses(self) -> tuple[Tensor, dict[str, float]]:
        x = self._batch()
        seed = int(torch.randint(1 << 30, (1,), generator=self.generator))
        noise = noise_like(CROP, CROP, seed=seed).to(self.device)
        painted = self.net(x, style=self.z.expand(len(x), -1), noise=noise)
        seen = leaky(painted)
        with torch.no_grad():
            content = self.features(x, self.features.content_taps)
        target = Target({k: v.expand(len(x), -1, -1) for k, v in self.target.grams.items()}, self.target.colours)
        apart = distances(seen, target, content, self.features, self.generator)
        terms = {key: value.mean() for key, value in apart.items()}
        total = 5 * terms["style"] + CONTENT * terms["content"] + 6 * terms["colour"]
        total = total + self.strength * self.moved(self.net.named_parameters())
        total = total + torch.stack(list(flaws(painted, x, by_patch=self.by_patch).values())).sum()
        total = total + 0.3 * (1 - self.net.gate(self.z)).abs().mean()
        return total, {key: float(terms[key].detach()) for key in ("style", "content")}

    def _batch(self) -> Tensor:
        """Crops of the photos and built-in scenes, half and half; scenes alone where there are no photos."""
        own = BATCH // 2 if self.photos else 0
        crops = [_crop(self.photos[self._below(len(self.photos))], self.generator) for _ in range(own)]
        return torch.cat([*crops, scenes(BATCH - own, CROP, self.generator)]).to(self.device)

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (1,), generator=self.generator))

    def _state(self) -> dict[str, Tensor]:
        return {**{key: value.detach() for key, value in self.net.named_parameters()}, "z": self.z.detach()}


def _is_modulation(key: str) -> bool:
    return ".affine." in key or key.startswith("gate.")


def _at_least(photo: Tensor, side: int) -> Tensor:
    """The photo with its shorter side at no less than `side` and no more than LARGEST."""
    shorter = min(photo.shape[2:])
    scale = min(max(shorter, side), LARGEST) / shorter
    size = [max(side, round(v * scale)) for v in photo.shape[2:]]
    return F.interpolate(photo, size=size, mode="bilinear", antialias=True)


def _crop(photo: Tensor, generator: torch.Generator) -> Tensor:
    """A square crop of CROP pixels, shrunk from up to twice that."""
    shorter = min(photo.shape[2:])
    window = int(CROP * min(1 + float(torch.rand(1, generator=generator)), shorter / CROP))
    top, left = (int(torch.randint(side - window + 1, (1,), generator=generator)) for side in photo.shape[2:])
    return F.interpolate(
        photo[:, :, top : top + window, left : left + window], size=(CROP, CROP), mode="bilinear", antialias=True
    )
