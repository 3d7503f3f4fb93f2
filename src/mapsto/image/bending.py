"""Bending the way from one style to another, where the straight one leaves what lies between them.

What lies between two textures is taken to be the geodesic between their feature statistics. Second moments A and B have one in
the metric of Bures and Wasserstein (Bhatia, Jain, Lim, "On the Bures–Wasserstein distance between positive definite matrices",
arXiv 1712.01504):

    Gₜ = ((1−t) I + t T) A ((1−t) I + t T),    T = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}.

The straight line of style vectors follows it only as far as the network is linear. So the picture is painted small at a few
places of the line, and where its statistics are far from Gₜ, z is moved until they are nearer. A and B are the statistics of
the two painted ends: no style's own picture is needed.

L-BFGS goes where the loss asks for and leaves all other directions of z alone. Adam comes as near, but moves z two to four
times as far, and the way gets longer for nothing.

    C channels   S size of a style vector
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from mapsto.image.points import Style, between
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.image.stylizer import Stylizer, thumbnail
from mapsto.learning import losses
from mapsto.media.picture import Picture

AREA = 96 * 96
"""Pixels of the small picture; at 128² every step takes 1.6 times as long, and on the whole comes no nearer."""

PLACES = 3
"""Inner places of a way, evenly spread."""

STEPS = 12
"""Looks at each place, about: after eight, a way from pen to baroque was 1.48 times as far off as its ends, after 12 1.22."""

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
        eye = _Eye(stylizer, picture)
        target = geodesic(eye.ends(a), eye.ends(b))
        places = [(place + 1) / (PLACES + 1) for place in range(PLACES)]
        goals = [eye.distance(between(a, b, t), target(t)) for t in places]
        starts = [torch.lerp(a.z, b.z, t) for t in places]
        with torch.no_grad():
            worst = max(float(goal(z)) for goal, z in zip(goals, starts, strict=True))
        if worst <= ENOUGH:
            return ()
        size = float((b.z - a.z).norm()) / a.z.shape[1] ** 0.5 or 1.0
        return tuple(lowest(goal, z, size=size, steps=STEPS) for goal, z in zip(goals, starts, strict=True))


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


class _Eye:
    """Sees the statistics of a small picture painted in a style, and how they change with it; in fp32.

    Args:
        stylizer: Paints.
        picture: What is painted.
    """

    def __init__(self, stylizer: Stylizer, picture: Picture) -> None:
        self.stylizer, self.device = stylizer, stylizer.device
        self.photo = thumbnail(picture, AREA).to(self.device)
        self.noise = noise_like(self.photo.shape[2], self.photo.shape[3]).to(self.device)
        self.features = copy.deepcopy(stylizer.features)  # a copy can be differentiated wherever the original was made
        self._painter = cache(self._copied)

    def _copied(self, hands: tuple[tuple[str, float], ...]) -> StyleNetwork:
        """The network for hands."""
        style = Style(torch.zeros(1, self.stylizer.base.style_size), hands)
        return copy.deepcopy(self.stylizer.network_for(style)).float()

    def grams(self, z: Tensor, hands: tuple[tuple[str, float], ...]) -> dict[str, Tensor]:
        """Of what is painted at z, [1, S]."""
        painted = self._painter(hands)(self.photo, style=z.to(self.device), noise=self.noise).clamp(0, 1)
        return losses.grams(self.features(painted.contiguous(memory_format=torch.channels_last)))

    def ends(self, style: Style) -> dict[str, Tensor]:
        """Of what is painted in a style."""
        with torch.no_grad():
            return self.grams(style.z, style.hands)

    def distance(self, style: Style, target: losses.Taps) -> Callable[[Tensor], Tensor]:
        """How far z with the hands of a style is from statistics."""
        return lambda z: losses.style_loss(self.grams(z, style.hands), target)


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
