"""Bending the way from one style to another, where the straight one leaves what lies between them.

What lies between two textures is taken to be the geodesic between their feature statistics. Second moments A and B have one in
the metric of Bures and Wasserstein (Bhatia, Jain, Lim, "On the Bures–Wasserstein distance between positive definite matrices",
arXiv 1712.01504):

    Gₜ = ((1−t) I + t T) A ((1−t) I + t T),    T = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}.

The straight line of style vectors follows it only as far as the network is linear. So the picture is painted small at a few
places of the line, and where its statistics are far from Gₜ, z is moved at all of them together until they are nearer, and the
way not longer than that is worth: with features fₖ at the places, ‖f₀ − fₙ‖² ≤ n Σ ‖fₖ₊₁ − fₖ‖², and only a straight way at
one pace is as short as that. A and B are the statistics of the two painted ends: no style's own picture is needed.

L-BFGS goes where the loss asks for and leaves all other directions of z alone. Adam comes as near, but moves z two to four
times as far, and the way gets longer for nothing.

    C channels   S size of a style vector
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from mapsto.image.points import Style, between
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.image.stylizer import SEEN, Stylizer, thumbnail
from mapsto.learning import losses
from mapsto.media.picture import Picture

AREA = 96 * 96
"""Pixels of the small picture; at 128² every step takes 1.6 times as long, and on the whole comes no nearer."""

PLACES = 3
"""Inner places of a way, evenly spread."""

STEPS = 16
"""Looks at all places, about. Forty bring the small picture nearer still, and a large one no more."""

SHORT = 0.02
"""Style loss that a way may have more at its places where its energy, n Σ ‖fₖ₊₁ − fₖ‖² / ‖f₀ − fₙ‖², is less by one."""

ENOUGH = 0.03
"""A straight way stays as it is where its style loss at the places is nowhere more than this."""

Geodesic = Callable[[float], dict[str, Tensor]]
"""Gram matrices by tap, [1, C, C] each, for every t in [0, 1]."""


def geodesic(a: losses.Taps, b: losses.Taps) -> Geodesic:
    """From the Gram matrices a to b, [1, C, C] each, in the Bures–Wasserstein metric.

    With A = L Lᵀ and B = M Mᵀ it is Gₜ = N Nᵀ, N = (1−t) L + t M Q, where Q is the rotation that brings M Q nearest to L: the
    formula above without an inverse, so that matrices may be singular (Thanwerdas & Pennec, arXiv 2204.09928).
    """
    roots = {tap: _nearest_roots(a[tap][0], b[tap][0]) for tap in a}

    def at(t: float) -> dict[str, Tensor]:
        between = {tap: torch.lerp(first, second, t) for tap, (first, second) in roots.items()}
        return {tap: (root @ root.mT).to(a[tap])[None] for tap, root in between.items()}

    return at


def bends(stylizer: Stylizer, picture: Picture, a: Style, b: Style) -> tuple[Tensor, ...]:
    """Where a way from a to b should go through: z of `PLACES` places evenly between, [1, S] each; none if straight is best.

    A way from or to the photo itself stays straight: that is how strength goes.

    Args:
        stylizer: Paints.
        picture: Looked at as a thumbnail.
        a: Where the way starts.
        b: Where it ends.
    """
    if a.is_photo or b.is_photo or (a.z.equal(b.z) and a.hands == b.hands):
        return ()
    with torch.inference_mode(False), torch.enable_grad():
        way = _Way(stylizer, picture, a, b)
        start = torch.cat([torch.lerp(a.z, b.z, t) for t in way.places])
        with torch.no_grad():
            worst = max(way.far(way.seen(start)))
        if worst <= ENOUGH:
            return ()
        size = float((b.z - a.z).norm()) / a.z.shape[1] ** 0.5 or 1.0
        return tuple(z[None] for z in lowest(way, start, size=size, steps=STEPS).unbind())


def lowest(loss: Callable[[Tensor], Tensor], start: Tensor, *, size: float = 1.0, steps: int = STEPS) -> Tensor:
    """Where L-BFGS finds a loss lowest, near a start; never a place that is worse than the start.

    Args:
        loss: Of a point, a scalar.
        start: A point.
        size: What counts as 1 in every coordinate.
        steps: How often the loss is looked at, about.
    """
    moved = torch.zeros_like(start).requires_grad_()
    found, least = start, float("inf")
    search = torch.optim.LBFGS([moved], max_iter=steps, max_eval=steps, line_search_fn="strong_wolfe")

    def look() -> Tensor:
        nonlocal found, least
        point = start + size * moved
        value = loss(point)
        if float(value.detach()) < least:
            found, least = point.detach().clone(), float(value.detach())
        (moved.grad,) = torch.autograd.grad(value, moved)
        return value.detach()

    search.step(look)  # type: ignore[no-untyped-call]
    return found


class _Way:
    """A small picture on its way from a to b, and how that changes with the style vectors it goes through; in fp32.

    Args:
        stylizer: Paints.
        picture: What is painted.
        a: Where the way starts.
        b: Where it ends.
    """

    def __init__(self, stylizer: Stylizer, picture: Picture, a: Style, b: Style) -> None:
        self.stylizer, self.device = stylizer, stylizer.device
        self.photo = thumbnail(picture, AREA).to(self.device)
        self.noise = noise_like(self.photo.shape[2], self.photo.shape[3]).to(self.device)
        self.features = copy.deepcopy(stylizer.features)  # a copy can be differentiated wherever the original was made
        self._painter = cache(self._copied)
        self.places = [(place + 1) / (PLACES + 1) for place in range(PLACES)]
        self.hands = [between(a, b, t).hands for t in self.places]
        with torch.no_grad():
            self.first, self.last = self._taps(a.z, a.hands), self._taps(b.z, b.hands)
        self.scale = {tap: float(self.first[tap].norm() + self.last[tap].norm()) / 2 or 1.0 for tap in SEEN}
        self.whole = float(self.change(self.first, self.last)) or 1.0
        target = geodesic(losses.grams(self.first), losses.grams(self.last))
        self.targets = [target(t) for t in self.places]

    def __call__(self, z: Tensor) -> Tensor:
        """How good a way is that goes through z, [`PLACES`, S]: the less, the better."""
        seen = self.seen(z)
        return torch.stack(self.far(seen)).mean() + SHORT * self.energy(seen)

    def seen(self, z: Tensor) -> list[dict[str, Tensor]]:
        """Features of what is painted at the places."""
        return [self._taps(point[None], hands) for point, hands in zip(z.unbind(), self.hands, strict=True)]

    def far(self, seen: Sequence[losses.Taps]) -> list[Tensor]:
        """How far the places are from the geodesic."""
        return [losses.style_loss(losses.grams(taps), goal) for taps, goal in zip(seen, self.targets, strict=True)]

    def energy(self, seen: Sequence[losses.Taps]) -> Tensor:
        """Of a way through what is seen: 1 at least."""
        steps = [self.change(x, y) for x, y in pairwise([self.first, *seen, self.last])]
        return len(steps) * torch.stack(steps).square().sum() / self.whole**2

    def change(self, x: losses.Taps, y: losses.Taps) -> Tensor:
        """How different two places look, on the scale of `Stylizer.pace`."""
        return torch.stack([(x[tap] - y[tap]).norm() / self.scale[tap] for tap in SEEN]).sum()

    def _copied(self, hands: tuple[tuple[str, float], ...]) -> StyleNetwork:
        """The network for hands."""
        style = Style(torch.zeros(1, self.stylizer.base.style_size), hands)
        return copy.deepcopy(self.stylizer.network_for(style)).float()

    def _taps(self, z: Tensor, hands: tuple[tuple[str, float], ...]) -> dict[str, Tensor]:
        """Of what is painted at z, [1, S]."""
        painted = self._painter(hands)(self.photo, style=z.to(self.device), noise=self.noise).clamp(0, 1)
        found: dict[str, Tensor] = self.features(painted.contiguous(memory_format=torch.channels_last))
        return found


def _nearest_roots(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Roots L, M with L Lᵀ = a and M Mᵀ = b, as near to each other as there are: [C, C] each, fp64 on the CPU."""
    first, second = _root(a), _root(b)
    left, _, right = torch.linalg.svd(second.mT @ first)
    return first, second @ (left @ right)


def _root(gram: Tensor) -> Tensor:
    """Some L with L Lᵀ = gram, [C, C]."""
    values, vectors = torch.linalg.eigh(gram.double().cpu())
    root: Tensor = vectors * values.clamp_min(0).sqrt()
    return root
