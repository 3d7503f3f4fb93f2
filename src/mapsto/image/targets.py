"""What a hand looks like to the losses: Gram matrices and sorted colours, and how far a picture is from them.

    B pictures   C channels   K directions in colour space   Q colours drawn from each picture

Mixtures are arithmetic: Gram matrices add, and sorted colours add along the Wasserstein geodesic of one dimension. So "0.6 of
this, 0.4 of that" and "half the strength" have targets of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mapsto.image.features import PerceptualNetwork
from mapsto.learning import losses

DIRECTIONS = losses.unit_directions(16, 3, torch.Generator().manual_seed(1))
COLOURS = 1024


class Target(NamedTuple):
    """Gram matrices by tap, each [B, C, C], and colours sorted along DIRECTIONS, [B, K, Q]."""

    grams: dict[str, Tensor]
    colours: Tensor

    def __getitem__(self, index: slice | Tensor) -> Target:  # type: ignore[override]
        """Some of the pictures."""
        return Target({name: value[index] for name, value in self.grams.items()}, self.colours[index])


def sorted_colours(x: Tensor, rounds: int = 1, generator: torch.Generator | None = None) -> Tensor:
    """[B, 3, H, W] → [B, K, Q]: Q pixels drawn at random, since sorting all of them costs more than the networks.

    Args:
        x: Pictures in [0, 1].
        rounds: How often to draw; the mean is steadier, for targets that are measured once.
        generator: Of the drawing, on the CPU.
    """
    flat = x.float().flatten(2)
    total = torch.zeros(())
    for _ in range(rounds):
        drawn = torch.randint(flat.shape[2], (COLOURS,), generator=generator)
        total = total + (DIRECTIONS.to(x.device) @ flat[:, :, drawn]).sort(-1).values
    return total / rounds


def target_of(x: Tensor, network: PerceptualNetwork, rounds: int = 1, generator: torch.Generator | None = None) -> Target:
    """The target that pictures set: [B, 3, H, W] in [0, 1]; rounds and generator as for `sorted_colours`."""
    grams = {name: value.float() for name, value in losses.grams(network(x)).items()}
    return Target(grams, sorted_colours(x, rounds, generator))


def join(targets: Sequence[Target]) -> Target:
    """One batch out of several."""
    return Target(
        {n: torch.cat([t.grams[n] for t in targets]) for n in targets[0].grams}, torch.cat([t.colours for t in targets])
    )


def mixed(targets: Sequence[Target], weights: Sequence[float]) -> Target:
    """Σ wᵢ·targetᵢ."""
    pairs = list(zip(targets, weights, strict=True))
    grams = {name: torch.stack([w * t.grams[name] for t, w in pairs]).sum(0) for name in targets[0].grams}
    return Target(grams, torch.stack([w * t.colours for t, w in pairs]).sum(0))


def distances(
    seen: Tensor,
    target: Target,
    content: losses.Taps,
    network: PerceptualNetwork,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """How far pictures are from their targets: `style`, `content` and `colour`, each [B].

    Args:
        seen: Painted pictures, about [0, 1].
        target: What they should look like.
        content: Features of the photos at the network's content taps: what they should depict.
        network: The perceptual network of all of these.
        generator: As for `sorted_colours`.
    """
    taps = network(seen)
    with torch.autocast(seen.device.type, enabled=False):
        return {
            "style": losses.balanced_style(losses.grams(taps), target.grams),
            "content": losses.content_distance({name: taps[name] for name in content}, content),
            "colour": (sorted_colours(seen, generator=generator) - target.colours).square().mean((1, 2)),
        }


def leaky(painted: Tensor) -> Tensor:
    """Into [0, 1], keeping a tenth of the excess: a hard clamp would starve the gradient."""
    inside = painted.clamp(0, 1)
    return inside + 0.1 * (painted - inside)
