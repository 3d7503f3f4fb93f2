"""How far one set of pictures is from another, in the eyes of the project's own small network.

    real, made = embed(photos, network), embed(samples, network)
    fd(real, made)                        # 0 for the same distribution; falls with both flaws and sameness
    precision_recall(real, made)          # how many samples look real; how many real pictures could have been sampled

None of these is a "FID": that is a distance in the features of an Inception network, which is not part of Mapsto, and no number
here compares with it.
Compare numbers of this file with each other, at equal counts and size of picture, and beside the ladder of evaluate.py.

Shapes: N (M) pictures, C × H × W each, F features of a picture, B points of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image.features import PerceptualNetwork
from mapsto.paths import Path

TAP = "fire8"
"""The deepest features, averaged over positions: of those tried they best tell when parts are in the wrong places."""

SIDE, LARGEST = 64, 128
"""Pixels: smaller pictures are enlarged bilinearly, and larger ones reduced, until the shorter side is in this range."""

SCALE = 62.0
"""RMS of the features over the pictures of scenes.py at 64 pixels, so that a feature is about 1."""

BATCH = 50


class Estimate(NamedTuple):
    """A figure and its standard error."""

    value: float
    error: float


def embed(pictures: Tensor | Iterable[Tensor], network: PerceptualNetwork) -> Tensor:
    """Features of pictures, one row each: [N, 512] float64 on the CPU.

    Args:
        pictures: [N, C, H, W], or batches of it: sRGB in [0, 1], clamped to it; C is 3, 1 (grey), or 4 (straight alpha, laid
            on white).
        network: `mapsto.image.features.perceptual("small")`, on any device.

    Raises:
        UsageError: there are no pictures, or they are not of such a shape.
    """
    batches = [pictures] if isinstance(pictures, Tensor) else pictures
    rows = [_features(part, network) for batch in batches for part in torch.split(batch, BATCH) if len(part)]
    if not rows:
        raise UsageError("There are no pictures to measure.", "Give two at least.")
    return torch.cat(rows).double() / SCALE


def _features(x: Tensor, network: PerceptualNetwork) -> Tensor:
    with torch.no_grad():
        x = on_white(x.to(next(network.parameters()).device))
        mean: Tensor = network(_fitted(x).contiguous(memory_format=torch.channels_last), taps=(TAP,))[TAP].mean((2, 3))
    return mean.cpu()


def on_white(x: Tensor, /) -> Tensor:
    """[B, 1 | 3 | 4, H, W] to three channels in [0, 1]: grey repeated, straight alpha laid on white."""
    if x.ndim != 4 or x.shape[1] not in (1, 3, 4):
        raise UsageError(f"Pictures [N, 3 or 4, H, W] are wanted, not {list(x.shape)}.")
    x = x.float().clamp(0, 1)
    return torch.lerp(x.new_ones(()), x[:, :3], x[:, 3:]) if x.shape[1] == 4 else x.expand(-1, 3, -1, -1)


def _fitted(x: Tensor) -> Tensor:
    """The shorter side brought into [SIDE, LARGEST], the longer one in proportion."""
    short = min(x.shape[2:])
    factor = min(max(short, SIDE), LARGEST) / short
    if factor == 1:
        return x
    size = [max(SIDE, round(side * factor)) for side in x.shape[2:]]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=factor < 1)


def fd(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of two Gaussians with the moments of two sets: |m − n|² + tr(S + T − 2 (ST)^½), never below 0.

    Exact and without a matrix root: with S = XᵀX and T = YᵀY the last trace is the sum of the singular values of XYᵀ. Finite
    sets are apart even when they come from one source: compare with real v real at equal counts.

    Args:
        a: [N, F], N ≥ 2.
        b: [M, F], M ≥ 2.

    Source: Dowson & Landau, "The Fréchet distance between multivariate normal distributions", 1982, eq. 4; as a measure of
    generators Heusel et al., arXiv 1706.08500, eq. 6.
    """
    _comparable(a, b, least=2)
    (mean_a, root_a), (mean_b, root_b) = _gaussian(a), _gaussian(b)
    overlap = torch.linalg.svdvals(root_a @ root_b.T).sum()
    spread = root_a.square().sum() + root_b.square().sum() - 2 * overlap
    return max(0.0, float((mean_a - mean_b).square().sum() + spread))


def _gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [F], and a root X [≤ F, F] of the covariance XᵀX."""
    x = x.double()
    mean = x.mean(0)
    root = (x - mean) / (len(x) - 1) ** 0.5
    return mean, torch.linalg.qr(root, mode="r").R if len(x) > x.shape[1] else root


def kd(a: Tensor, b: Tensor) -> Estimate:
    """Kernel distance: squared maximum mean discrepancy, kernel (x·y / F + 1)³, without bias; times 1000.

    0 in expectation for sets of one source, so it may come out negative; unlike `fd` it does not depend on the counts. It uses
    all pairs instead of random subsets. The error holds near distance 0 too, where the statistic is degenerate and the error up
    to a third too large. It supposes pictures drawn one by one: for a set that repeats itself it is too small.

    Args:
        a: [N, F], N ≥ 4.
        b: [M, F], M ≥ 4.

    Source: Bińkowski et al., "Demystifying MMD GANs", arXiv 1801.01401, eq. 3 and 4; the error after Hoeffding, "A class of
    statistics with asymptotically normal distribution", 1948, §5 and §7: terms of single pictures and of pairs.
    """
    _comparable(a, b, least=4)
    within_a, within_b, across = _Pairs(_kernel(a, a), True), _Pairs(_kernel(b, b), True), _Pairs(_kernel(a, b), False)
    value = within_a.mean + within_b.mean - 2 * across.mean
    variance = 2 * within_a.spread / within_a.count + 2 * within_b.spread / within_b.count + 4 * across.spread / across.count
    for within, rows, others in ((within_a, across.rows, len(b)), (within_b, across.columns, len(a))):
        noise = within.spread / (len(rows) - 1) + across.spread / others  # in the rows' means themselves
        variance += 4 * max(0.0, float((within.rows - rows).var()) - noise) / len(rows)
    return Estimate(1000 * value, 1000 * variance**0.5)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x.double() @ y.double().T / x.shape[1] + 1) ** 3


class _Pairs:
    """What a statistic over pairs consists of: k(x, y) = mean + row(x) + column(y) + rest; `spread` is the rest's variance.

    Args:
        k: [N, M]; changed.
        same: Whether the pairs are of one set: a point makes no pair with itself.
    """

    def __init__(self, k: Tensor, same: bool) -> None:
        rows, columns = k.shape
        if same:
            k.fill_diagonal_(0)
        self.count = rows * (columns - same)
        self.rows, self.columns = k.sum(1) / (columns - same), k.sum(0) / (rows - same)
        self.mean = float(k.sum()) / self.count
        rest = k - self.rows[:, None] - self.columns + self.mean
        if same:
            rest.fill_diagonal_(0)
        self.spread = float(rest.square().sum()) / self.count


def precision_recall(real: Tensor, made: Tensor, k: int = 3) -> tuple[float, float]:
    """Share of the made within reach of the real, and of the real within reach of the made, each in [0, 1].

    A set reaches as far as a ball about each of its points that touches the k-th nearest other one. High precision alone may
    mean that few kinds of picture are made, or blurred ones; two sets of one source give about 0.8 for both. An odd picture
    among the real reaches far, even to noise: read precision beside that of the ladder.

    Args:
        real: [N, F], N > k.
        made: [M, F], M > k.
        k: Neighbours.

    Source: Kynkäänniemi et al., "Improved precision and recall metric", arXiv 1904.06991, eq. 1 and 2.
    """
    _comparable(real, made, least=k + 1)
    apart, reach_of_real, reach_of_made = distances(made, real), _reach(real, k), _reach(made, k)
    precision = (apart <= reach_of_real).any(1).double().mean()
    recall = (apart <= reach_of_made[:, None]).any(0).double().mean()
    return float(precision), float(recall)


def _reach(x: Tensor, k: int) -> Tensor:
    """Distance to the k-th nearest other point: [N, F] → [N]."""
    return distances(x, x).fill_diagonal_(torch.inf).kthvalue(k, dim=1).values


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean, of all pairs: [N, F], [M, F] → [N, M]; 0 for equal rows, since no product of matrices rounds it away."""
    return torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist")


def nearest_ratio(made: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Whether a generator repeats its lessons: distance of the made to the nearest picture of the training, over that of the
    held out, medians; about 1 or more for new pictures, 0 for copies.

    Args:
        made: [N, F].
        train: [K, F], all that was learned from, or the measure sees only copies of a part.
        held_out: [M, F], of the same source and never learned from.
    """
    ours, chance = _nearest(made, train), _nearest(held_out, train)
    return float(ours.median() / chance.median().clamp_min(1e-12))


def copied(made: Tensor, train: Tensor, held_out: Tensor, chance: float = 0.01) -> float:
    """Share of the made that lie nearer to a training picture than all but a share `chance` of the held out do.

    About `chance` for new pictures, more where some are copies: a median does not see a few. Shapes as for `nearest_ratio`.
    """
    near = _nearest(held_out, train).quantile(chance)
    return float((_nearest(made, train) < near).double().mean())


def _nearest(x: Tensor, among: Tensor) -> Tensor:
    _comparable(x, among, least=1)
    return torch.cat([torch.cdist(part, among.double()).amin(1) for part in torch.split(x.double(), 256)])


def path_length(
    decode: Callable[[Tensor], Tensor],
    way: Path,
    generator: torch.Generator,
    *,
    distance: Callable[[Tensor, Tensor], Tensor],
    times: int = 8,
    step: float = 1e-3,
) -> Estimate:
    """Mean of d(G(way(t)), G(way(t + ε))) / ε² over random times and all points of the batch: how evenly a space is filled.

    Args:
        decode: Points [B, …] → pictures [B, C, H, W] in fp32: half precision drowns a small step.
        way: From B points to B others, `slerp` for z and `line` for w.
        generator: Draws the times, on the CPU.
        distance: Squared, of every pair of pictures: [B, C, H, W] twice → [B], such as `perceived(network)`.
        times: How many.
        step: ε, of a way that takes 1.

    The lowest and the highest hundredth are left out, as its authors do: where a flow parts, a step leads anywhere.

    Source: Karras et al., "A style-based generator architecture", arXiv 1812.04948, eq. 2 and 3, without cropping pictures.
    """
    found = []
    with torch.no_grad():
        for t in (torch.rand(times, generator=generator, dtype=torch.float64) * (1 - step)).tolist():
            found.append(distance(decode(way(t)), decode(way(t + step))).double() / step**2)
    lengths = torch.stack(found).flatten()
    low, high = (lengths.quantile(part, interpolation=rule) for part, rule in ((0.01, "lower"), (0.99, "higher")))
    lengths = lengths[(lengths >= low) & (lengths <= high)]
    return Estimate(float(lengths.mean()), float(lengths.std() / len(lengths) ** 0.5))


def perceived(network: PerceptualNetwork) -> Callable[[Tensor, Tensor], Tensor]:
    """A squared distance of pictures as `path_length` wants it: [B, C, H, W] twice, as for `embed`, → [B].

    Features of fire2, fire4 and fire8, at unit length in every position: squared differences, averaged over positions, summed
    over taps.

    Source: Zhang et al., "The unreasonable effectiveness of deep features", arXiv 1801.03924, eq. 1 with all weights 1.
    """

    def features(x: Tensor) -> dict[str, Tensor]:
        x = _fitted(on_white(x.to(next(network.parameters()).device)))
        return {tap: F.normalize(y, dim=1, eps=1e-6) for tap, y in network(x, taps=("fire2", "fire4", "fire8")).items()}

    def distance(x: Tensor, y: Tensor) -> Tensor:
        pairs = zip(features(x).values(), features(y).values(), strict=True)
        return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).sum(0)

    return distance


def _comparable(a: Tensor, b: Tensor, least: int) -> None:
    """Both [·, F], long enough, and numbers."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise UsageError(f"Features of shapes {list(a.shape)} and {list(b.shape)} cannot be compared.")
    if min(len(a), len(b)) < least:
        raise UsageError(f"{min(len(a), len(b))} pictures are too few to be measured.", f"Give {least} at least, better 1,000.")
    if not (bool(a.isfinite().all()) and bool(b.isfinite().all())):
        raise UsageError("Some pictures have features that are not numbers.", "Are their values finite?")
