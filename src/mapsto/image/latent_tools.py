"""What one does with points of a latent space: walk, mix, edit, find, compare, blend.

    B batch   Z size of noise   W size of a style w   L layers of a generator   K directions   … the shape of one point

Truncation is `GanGenerator.truncate`. Most of what is here is arithmetic on points, so it serves z, w and VAE latents alike.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mapsto import paths
from mapsto.errors import UsageError, nearest
from mapsto.image.features import PerceptualNetwork
from mapsto.image.gan import GanGenerator
from mapsto.learning.losses import relative_square

PARTS = ("coarse", "middle", "fine")
"""Thirds of a generator's layers: pose and shape; features; colour and texture (arXiv 1812.04948, §3.1)."""


# ---- walking ----


def on_shell(points: Sequence[Tensor], *, loop: bool) -> paths.Path:
    """A spline through points of N(0, 1)ⁿ that stays as far from 0 as they are.

    A plain spline cuts the corner through the middle of the space, where no picture was trained to be.
    """
    through = paths.loop if loop else paths.spline
    lengths = through([torch.linalg.vector_norm(point).reshape(1) for point in points])
    way = through([point / torch.linalg.vector_norm(point) for point in points])

    def at(t: float) -> Tensor:
        direction = way(t)
        length: Tensor = torch.linalg.vector_norm(direction)
        return direction / length * lengths(t)

    return at


# ---- mixing ----


def part_of(layers: int, name: str) -> range:
    """Which of a generator's layers are "coarse", "middle" or "fine"; each part has one at least where there are three.

    Raises:
        UsageError: another name.
    """
    if name not in PARTS:
        near = nearest(name, list(PARTS)) or PARTS
        raise UsageError(f"There are no {name!r} layers.", f"Perhaps {' or '.join(near)}?")
    index = PARTS.index(name)
    return range(round(index * layers / 3), round((index + 1) * layers / 3))


def mix(w: Tensor, other: Tensor, *, layers: int, take: str | Sequence[int]) -> Tensor:
    """The style of one, with some layers of another (style mixing, arXiv 1812.04948, §3.1).

    Args:
        w: [B, W] or [B, L, W].
        other: Likewise.
        layers: L.
        take: Which layers come from `other`: one of `PARTS`, or their numbers, 0 the coarsest.

    Returns:
        [B, L, W], for `GanGenerator.synthesize`.

    Raises:
        UsageError: layers that are not there.
    """
    chosen = part_of(layers, take) if isinstance(take, str) else take
    if any(not 0 <= layer < layers for layer in chosen):
        raise UsageError(f"There are layers 0 to {layers - 1}, and not {', '.join(map(str, chosen))}.")
    mixed = by_layer(w, layers).clone()
    mixed[:, list(chosen)] = by_layer(other, layers)[:, list(chosen)]
    return mixed


def by_layer(w: Tensor, layers: int) -> Tensor:
    """[B, W] → [B, L, W], the same style everywhere; [B, L, W] as it is."""
    return w[:, None].expand(-1, layers, -1) if w.ndim == 2 else w


# ---- directions ----


@dataclass(frozen=True)
class Directions:
    """Ways in which points vary, each a slider.

    Args:
        vectors: [K, …], of length 1.
        spread: [K], how far points lie along each: a slider at 1 moves by so much.
        names: K of them.
    """

    vectors: Tensor
    spread: Tensor
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.vectors) == len(self.spread) == len(self.names) == len(set(self.names))

    def move(self, amounts: Mapping[str, float]) -> Tensor:
        """Σ amount · spread · vector: […]; a slider goes by its name, and by its number from 1 too.

        Raises:
            UsageError: a name that is not there.
        """
        total = torch.zeros_like(self.vectors[0])
        for name, amount in amounts.items():
            index = self._index(name)
            total = total + amount * self.spread[index] * self.vectors[index]
        return total

    def _index(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        if name.isdecimal() and 1 <= int(name) <= len(self.names):
            return int(name) - 1
        near = nearest(name, list(self.names)) or self.names[:3]
        raise UsageError(f"There is no slider called {name!r}.", f"Perhaps {' or '.join(near)}?")

    def renamed(self, names: Mapping[str, str]) -> Directions:
        """With other names for some of them."""
        return Directions(self.vectors, self.spread, tuple(names.get(name, name) for name in self.names))


def pca_directions(points: Tensor, count: int) -> Directions:
    """Principal directions of points [N, …], the widest first (Härkönen et al., "GANSpace", arXiv 2004.02546, §2.1).

    Raises:
        UsageError: not more points than directions.
    """
    if not 1 <= count < len(points) or count > points[0].numel():
        raise UsageError(f"{len(points)} points do not have {count} directions.", "Give more points, or ask for fewer.")
    flat = points.float().flatten(1)
    _, values, axes = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    spread = values[:count] / (len(flat) - 1) ** 0.5
    return Directions(signed(axes[:count]).reshape(-1, *points.shape[1:]), spread, numbered(count))


def sefa_directions(generator: GanGenerator, count: int, *, layers: Sequence[int] | None = None) -> Directions:
    """The directions of w that change the scales of the layers most, in [K, W].

    Eigenvectors of AᵀA, A all the weights that turn w into scales (Shen & Zhou, "Closed-Form Factorization of Latent Semantics
    in GANs", arXiv 2007.06600). The spread is that of w in the direction, over a thousand points.

    Args:
        generator: Whose layers.
        count: K.
        layers: Numbers of the layers that count; all by default.

    Raises:
        UsageError: more directions than w has entries.
    """
    if not 1 <= count <= generator.w_size:
        raise UsageError(f"w has {generator.w_size} directions, and not {count}.")
    chosen = range(generator.layers) if layers is None else layers
    weights = torch.cat([generator.affines[layer].detach().float() for layer in chosen])
    _, axes = torch.linalg.eigh(weights.mT @ weights)
    vectors = signed(axes.flip(1)[:, :count].mT.contiguous())
    return Directions(vectors, (styles(generator, 1000) @ vectors.mT).std(0), numbered(count))


def contrast(one: Tensor, other: Tensor, name: str = "1") -> Directions:
    """From the mean of the points [M, …] of `other` to that of the points [N, …] of `one`: a slider that is there at 1.

    Arithmetic on latents: "smiling − not smiling" (Radford et al., arXiv 1511.06434, §6.3.2).

    Raises:
        UsageError: both have the same mean.
    """
    difference = one.float().mean(0) - other.float().mean(0)
    length = torch.linalg.vector_norm(difference)
    if not bool(length > 0):
        raise UsageError("The two sets of pictures have the same mean: there is no way from one to the other.")
    return Directions((difference / length)[None], length[None], (name,))


def edit(point: Tensor, directions: Directions, amounts: Mapping[str, float], *, layers: Sequence[int] | None = None) -> Tensor:
    """Move points along directions.

    Args:
        point: [B, …], or [B, L, …] where `layers` is given.
        directions: Where to.
        amounts: How far, in units of their spread, by name.
        layers: Only in these layers of w [B, L, W].

    Raises:
        UsageError: a name that is not there.
    """
    move = directions.move(amounts).to(point)
    if layers is None:
        return point + move
    moved = point.clone()
    moved[:, list(layers)] += move
    return moved


@torch.no_grad()
def styles(generator: GanGenerator, count: int, *, seed: int = 0) -> Tensor:
    """Styles w of random pictures: [count, W]."""
    z = torch.randn(count, generator.z_size, generator=torch.Generator().manual_seed(seed))
    return generator.mapping(z.to(generator.mean_w.device)).float()


def numbered(count: int) -> tuple[str, ...]:
    """Names as people count: 1, 2 …"""
    return tuple(str(number + 1) for number in range(count))


def signed(axes: Tensor) -> Tensor:
    """[K, N] with the largest entry of each positive: a singular vector's sign is arbitrary, and a slider's should not be."""
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    turned: Tensor = axes * largest.sign()
    return turned


# ---- finding ----


@dataclass(frozen=True)
class Projection:
    """A point whose picture is near the one that was asked for.

    Args:
        point: [B, …].
        distance: [B], what is left between the pictures.
        start: [B], what it was at the start.
    """

    point: Tensor
    distance: Tensor
    start: Tensor


def project(
    target: Tensor,
    paint: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    features: PerceptualNetwork | None = None,
    steps: int = 100,
    rate: float = 0.05,
    pull: float = 0.0,
) -> Projection:
    """Find points whose pictures look like given ones: from a guess, downhill on pixels and features (arXiv 1912.04958, §5).

    Args:
        target: [B, C, H, W].
        paint: Points → pictures, with a gradient; its weights are left alone.
        start: [B, …], an encoder's guess, or `GanGenerator.mean_w`. It is never left for anything worse.
        features: Also compare what this network sees in the first three channels.
        steps: Of Adam.
        rate: How far one of them goes, at the start; it falls to 0 by a cosine.
        pull: Weight of the mean square distance from the guess, which keeps points where pictures are good.
    """
    point = start.detach().float().clone().requires_grad_()
    wanted = None if features is None else {tap: value.detach() for tap, value in features(target[:, :3]).items()}

    def distance(at: Tensor) -> Tensor:
        painted = paint(at)
        apart = (painted - target).abs().flatten(1).mean(1)
        if features is not None and wanted is not None:
            seen = features(painted[:, :3])
            apart = apart + torch.stack([relative_square(seen[tap], wanted[tap]) for tap in wanted]).mean(0)
        return apart + pull * (at - start).square().flatten(1).mean(1)

    optimiser = torch.optim.Adam([point], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    kept, best, history = point.detach().clone(), torch.full((len(target),), torch.inf, device=target.device), []
    for step in range(steps + 1):
        apart = distance(point)
        better = apart.detach() < best
        kept = torch.where(better.view(-1, *(1 for _ in start.shape[1:])), point.detach(), kept)
        best = torch.minimum(best, apart.detach())
        history.append(apart.detach())
        if step < steps:
            (point.grad,) = torch.autograd.grad(apart.sum(), point)
            optimiser.step()
            schedule.step()
    return Projection(kept, best, history[0])


# ---- blending models ----


def blend_layers(one: GanGenerator, other: GanGenerator, layer: int) -> GanGenerator:
    """A new generator: the coarse layers of one, from number `layer` on those of the other.

    Both must come from one ancestor, as two that were adapted to different pictures do; then the shapes of one go with the
    textures of the other (Pinkney & Adler, "Resolution Dependent GAN Interpolation", arXiv 2010.05334, §2). z is mapped to w as
    in the first.

    Raises:
        UsageError: generators of different sizes, or a layer that is not there.
    """
    if one.config != other.config:
        raise UsageError("Generators of different sizes cannot be blended.", "Adapt both from the same model.")
    if not 0 <= layer <= one.layers:
        raise UsageError(f"There are {one.layers} layers, and no place {layer} between them.", f"Give 0 to {one.layers}.")
    blended = copy.deepcopy(one)
    fine = {name: tensor for name, tensor in other.state_dict().items() if _place(name, one) >= layer}
    blended.load_state_dict({**one.state_dict(), **fine})
    return blended


def _place(name: str, generator: GanGenerator) -> float:
    """Before which layer a tensor is used; the mapping counts as coarsest."""
    kind, _, rest = name.partition(".")
    if kind == "layer":
        return int(rest.partition(".")[0])
    if kind == "widen":
        return (int(rest.partition(".")[0]) + 1) * generator.blocks
    return generator.layers - 1 if kind == "leave" else -1 if kind in ("steps", "kind", "mean_w") else 0
