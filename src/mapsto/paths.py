"""Time → point: how to go from one style, latent or picture to another, and how to stand between several.

A path is a function of time: t in [0, 1], or beyond, where an open path stays at its ends and a loop goes round again.
Points are float tensors of one shape; where they have more than one dimension, the first is the batch.

    flow = even(spline([monet, hokusai, ink]), distance=perceived)      # equal time is equal change …
    flow = eased(flow, "ease-in-out")                                   # … and easing comes after that
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from mapsto.errors import UsageError, nearest

Path = Callable[[float], Tensor]
"""A point for every time."""

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
    "ease-in-out": lambda t: t * t * (3 - 2 * t),
    "smooth": lambda t: t**3 * (t * (6 * t - 15) + 10),
}
"""Time → time, from 0 to 1, never backwards; smooth is C2 at both ends (Perlin, "Improving Noise", 2002)."""


def line(a: Tensor, b: Tensor) -> Path:
    """Straight from a to b."""
    _alike([a, b])
    return lambda t: torch.lerp(a, b, _clamp(t))


def slerp(a: Tensor, b: Tensor) -> Path:
    """Along the great circle from a to b, the length going straight from |a| to |b| (Shoemake 1985).

    The way for latents: between two points of N(0, 1)ⁿ a straight line passes where there are none. Angles are measured for
    each item of the batch.

    Raises:
        UsageError: a and b point in opposite directions, so that no way is the shortest.
    """
    _alike([a, b])
    length_a, length_b = _length(a), _length(b)
    u, v = _direction(a, length_a, b, length_b), _direction(b, length_b, a, length_a)
    angle = 2 * torch.atan2(_length(u - v), _length(u + v))  # exact for small angles too, unlike arccos
    if bool((angle > math.pi - 1e-3).any()):
        raise UsageError("These points are opposite each other: every way round is as short.", "Put a point between them.")

    def at(t: float) -> Tensor:
        t = _clamp(t)
        if t in (0.0, 1.0):
            return b if t else a
        near = angle < 1e-4
        sine = torch.where(near, 1.0, angle.sin())
        weight_u = torch.where(near, 1 - t, ((1 - t) * angle).sin() / sine)
        weight_v = torch.where(near, t, (t * angle).sin() / sine)
        return torch.lerp(length_a, length_b, t) * (weight_u * u + weight_v * v)

    return at


def spline(points: Sequence[Tensor], times: Sequence[float] | None = None) -> Path:
    """Smoothly (C1) through all the points: cubic Hermite with three-point slopes, Catmull–Rom where the times are even.

    Args:
        points: Two or more; two of them give a straight line.
        times: When each is reached, rising from 0 to 1; evenly by default.
    """
    _alike(points)
    knots = _knots(times, len(points))
    rates = [(q - p) / (t - s) for (p, q), (s, t) in zip(pairwise(points), pairwise(knots), strict=True)]
    inner = [_slope(rates[i - 1], rates[i], *knots[i - 1 : i + 2]) for i in range(1, len(points) - 1)]
    first = 1.5 * rates[0] - 0.5 * inner[0] if inner else rates[0]
    last = 1.5 * rates[-1] - 0.5 * inner[-1] if inner else rates[-1]
    curve = _hermite(knots, points, [first, *inner, last])
    return lambda t: curve(_clamp(t))


def loop(points: Sequence[Tensor], times: Sequence[float] | None = None) -> Path:
    """Smoothly through all the points and back to the first, C1 at the seam as well.

    Args:
        points: Two or more.
        times: When each is reached, and last when the first is reached again, rising from 0 to 1; evenly by default.
    """
    _alike(points)
    closed = [*points, points[0]]
    knots = _knots(times, len(closed))
    rates = [(q - p) / (t - s) for (p, q), (s, t) in zip(pairwise(closed), pairwise(knots), strict=True)]
    round_knots = [knots[-2] - 1, *knots]
    slopes = [_slope(rates[i - 1], rates[i], *round_knots[i : i + 3]) for i in range(len(points))]
    curve = _hermite(knots, closed, [*slopes, slopes[0]])
    return lambda t: curve(t % 1.0)


def mix(points: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The barycentre Σ wᵢ pᵢ / Σ wᵢ.

    Raises:
        UsageError: weights as for `shares`, or not one for each point.
    """
    if len(points) != len(weights):
        raise UsageError(f"There are {len(points)} points and {len(weights)} weights.", "Give one weight for each.")
    portions = shares(weights)
    _alike(points)
    return torch.stack([portion * point for portion, point in zip(portions, points, strict=True)]).sum(0)


def shares(weights: Sequence[float]) -> list[float]:
    """Weights as portions of 1.

    Raises:
        UsageError: no weights, a negative one, one that is no number, or a sum of 0.
    """
    for weight in weights:
        if not (math.isfinite(weight) and weight >= 0):
            raise UsageError(f"A weight of {weight:g} makes no sense.", "Weights are 0 or more; only their ratio matters.")
    total = math.fsum(weights)
    if total == 0:
        raise UsageError("The weights sum to 0.", "Give at least one weight above 0.")
    return [weight / total for weight in weights]


def even(path: Path, distance: Callable[[Tensor, Tensor], float] | None = None, *, probes: int = 33) -> Path:
    """The same way at an even pace: equal time is equal distance.

    The length of the way is measured between probes, and the time at which each length is reached is interpolated by a monotone
    cubic (Fritsch & Carlson 1980).

    Args:
        path: The way to go.
        distance: How different two points are; Euclidean by default, better what an eye sees of them.
        probes: Points measured, both ends included.
    """
    measure = distance or euclidean
    times = [i / (probes - 1) for i in range(probes)]
    lengths = [0.0, *accumulate(float(measure(p, q)) for p, q in pairwise(map(path, times)))]
    if not math.isfinite(lengths[-1]) or sorted(lengths) != lengths:
        raise UsageError("The distance along the path is not a number, or negative.", "A distance is 0 or more.")
    if lengths[-1] == 0:
        return path
    back = _inverse(times, [length / lengths[-1] for length in lengths])
    return _retimed(path, back)


def eased(path: Path, easing: str) -> Path:
    """The same way with another pace, one of `EASINGS`; a loop is eased once a round.

    Raises:
        UsageError: an unknown easing.
    """
    return _retimed(path, easing_of(easing))


def easing_of(name: str) -> Callable[[float], float]:
    """One of `EASINGS`.

    Raises:
        UsageError: an unknown one.
    """
    if name not in EASINGS:
        near = nearest(name, list(EASINGS)) or list(EASINGS)
        raise UsageError(f"There is no easing called {name!r}.", f"Perhaps {' or '.join(near)}?")
    return EASINGS[name]


def euclidean(p: Tensor, q: Tensor) -> float:
    """|p − q|."""
    return float(torch.linalg.vector_norm(p - q))


def _retimed(path: Path, clock: Callable[[float], float]) -> Path:
    def at(t: float) -> Tensor:
        rounds, part = divmod(t, 1.0)  # open paths stay at their ends by themselves, and loops go round
        return path(rounds + clock(part))

    return at


def _clamp(t: float) -> float:
    return min(max(t, 0.0), 1.0)


def _alike(points: Sequence[Tensor]) -> None:
    if len(points) == 0:
        raise UsageError("There are no points.", "Give one at least.")
    for point in points[1:]:
        if point.shape != points[0].shape:
            raise UsageError(f"Points of shapes {tuple(points[0].shape)} and {tuple(point.shape)} do not lie in one space.")


def _length(x: Tensor) -> Tensor:
    """Of each item of a batch, shaped to multiply it."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim)) or (0,), keepdim=True)
    return norm


def _direction(x: Tensor, length: Tensor, other: Tensor, other_length: Tensor) -> Tensor:
    """Unit vector along x; 0 has none, and takes that of the other point."""
    tiny = torch.finfo(x.dtype).tiny
    return torch.where(length > 0, x / length.clamp_min(tiny), other / other_length.clamp_min(tiny))


def _knots(times: Sequence[float] | None, count: int) -> list[float]:
    if count < 2:
        raise UsageError("A path needs two points at least.")
    if times is None:
        return [i / (count - 1) for i in range(count)]
    if len(times) != count:
        raise UsageError(
            f"{count} times are wanted, and {len(times)} given.", "Give one for each point; a loop ends with another one."
        )
    if times[0] != 0 or times[-1] != 1 or any(not s < t for s, t in pairwise(times)):
        raise UsageError(f"The times {', '.join(f'{t:g}' for t in times)} do not rise from 0 to 1.")
    return list(times)


def _slope(before: Tensor, after: Tensor, s: float, t: float, u: float) -> Tensor:
    """Slope at time t of the parabola through three points, from the rates of change on both sides."""
    return ((u - t) * before + (t - s) * after) / (u - s)


def _hermite(knots: Sequence[float], points: Sequence[Tensor], slopes: Sequence[Tensor]) -> Path:
    """The cubic with given values and slopes at the knots; exactly the points at the knots."""

    def at(t: float) -> Tensor:
        i = min(bisect_right(knots, t), len(knots) - 1) - 1
        span = knots[i + 1] - knots[i]
        x = (t - knots[i]) / span
        start: Tensor = (1 + 2 * x) * (1 - x) ** 2 * points[i] + x * (1 - x) ** 2 * span * slopes[i]
        end: Tensor = x * x * (3 - 2 * x) * points[i + 1] + x * x * (x - 1) * span * slopes[i + 1]
        return start + end

    return at


def _inverse(times: Sequence[float], lengths: Sequence[float]) -> Callable[[float], float]:
    """Length → time, monotone and C1; where the path stands still the clock jumps."""
    kept = [0]
    for i in range(1, len(lengths)):
        if lengths[i] - lengths[kept[-1]] > 1e-9:
            kept.append(i)
    s = torch.tensor([lengths[i] for i in kept], dtype=torch.float64)
    t = torch.tensor([times[i] for i in kept], dtype=torch.float64)
    t[-1] = 1.0
    curve = _hermite(s.tolist(), t.unbind(), _monotone_slopes(s, t).unbind())
    return lambda length: _clamp(float(curve(length)))


def _monotone_slopes(x: Tensor, y: Tensor) -> Tensor:
    """Slopes that never overshoot: the harmonic mean of the rates on both sides, the ends' own rates at the ends."""
    rates = y.diff() / x.diff()
    before, after = rates[:-1], rates[1:]
    both = torch.where(before * after > 0, 2 * before * after / (before + after), 0)
    return torch.cat([rates[:1], both, rates[-1:]])
