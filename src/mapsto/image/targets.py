"""What a hand looks like to the losses: Gram matrices and sorted colours, and how far a picture is from them.

    B pictures   C channels   K directions in colour space   Q colours drawn from each picture

Mixtures are arithmetic: Gram matrices add, and sorted colours add along the Wasserstein geodesic of one dimension. So "0.6 of
this, 0.4 of that" and "half the strength" have targets of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.image.features import PerceptualNetwork
from mapsto.learning import losses
from mapsto.learning.measure import lattice_share, lattice_shares

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


FLAWS = {"lattice": 20.0, "blotches": 10.0, "range": 2.0, "variation": 0.5}
"""Weights of what no hand should leave in a picture."""

LATTICE, PATCH_LATTICE = 0.05, 0.08
"""Share of texture on the network's grid that is no fault, of a picture and of a patch; chance is 0.06, and less in strokes."""


def flaws(painted: Tensor, photo: Tensor, *, by_patch: bool = False) -> dict[str, Tensor]:
    """What no hand should leave in a picture, weighted, to be added to a loss: scalars by the names of `FLAWS`.

    Args:
        painted: [B, 3, H, W] as it leaves the network, sides 32 or more.
        photo: What was painted, [B, 3, H, W] in [0, 1].
        by_patch: Look for the lattice in every patch alone; too strict for hands that repeat by themselves, such as halftone.
    """
    seen = leaky(painted)
    if by_patch:
        excess = lattice_shares(seen.float()) - PATCH_LATTICE
    else:  # a sum over the batch would hide the worst picture
        excess = torch.stack([lattice_share(picture[None]) for picture in seen.float()]) - LATTICE
    found = {
        "lattice": F.relu(excess).mean(),
        "blotches": losses.blotches(seen.float(), photo),
        "range": losses.out_of_range(painted),
        "variation": losses.total_variation(seen),
    }
    return {name: FLAWS[name] * value for name, value in found.items()}


def leaky(painted: Tensor) -> Tensor:
    """Into [0, 1], keeping a tenth of the excess: a hard clamp would starve the gradient."""
    inside = painted.clamp(0, 1)
    return inside + 0.1 * (painted - inside)
