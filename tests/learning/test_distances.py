import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.learning import distances
from mapsto.learning.distances import copied, embed, fd, kd, nearest_ratio, path_length, precision_recall
from mapsto.learning.scenes import scenes


@pytest.fixture(scope="module")
def network() -> PerceptualNetwork:
    small = perceptual("small")
    assert isinstance(small, PerceptualNetwork)
    return small


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(count: int, mean: Tensor, root: Tensor, seed: int) -> Tensor:
    """[count, F] with exactly this mean and the covariance rootᵀ root."""
    x = torch.randn(count, len(mean), generator=seeded(seed), dtype=torch.float64)
    white = torch.linalg.qr(x - x.mean(0)).Q * (count - 1) ** 0.5
    return white @ root.double() + mean.double()


# Fréchet


def test_fd_of_gaussians_with_aligned_axes() -> None:
    mean_a, mean_b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.5, 2.0, 1.0])
    std_a, std_b = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([3.0, 2.0, 0.0])
    found = fd(drawn(50, mean_a, std_a.diag(), 0), drawn(70, mean_b, std_b.diag(), 1))
    assert found == pytest.approx(float((mean_a - mean_b).square().sum() + (std_a - std_b).square().sum()))


def test_fd_of_gaussians_with_crossed_axes() -> None:
    root_a, root_b = torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([[1.0, -1.0], [0.5, 3.0]])
    s, t, zero = root_a.T @ root_a, root_b.T @ root_b, torch.zeros(2)
    # of a 2 × 2 matrix the trace of the root is √(tr + 2 √det)
    overlap = (torch.trace(s @ t) + 2 * torch.linalg.det(s @ t).sqrt()).sqrt()
    expected = float(torch.trace(s) + torch.trace(t) - 2 * overlap)
    assert fd(drawn(9, zero, root_a, 0), drawn(12, zero, root_b, 1)) == pytest.approx(expected)


def test_fd_of_one_set_is_zero_and_of_a_moved_one_the_squared_way() -> None:
    x = torch.randn(40, 6, generator=seeded(), dtype=torch.float64)
    assert fd(x, x) == pytest.approx(0, abs=1e-9)
    assert fd(x, x + 2) == pytest.approx(4 * 6)


@pytest.mark.parametrize("features", [3, 30])
def test_fd_is_the_same_by_matrix_roots(features: int) -> None:
    a = torch.randn(20, features, generator=seeded(0), dtype=torch.float64)
    b = torch.randn(25, features, generator=seeded(1), dtype=torch.float64) * 2 + 1
    values, vectors = torch.linalg.eigh(torch.cov(a.T))
    root = vectors @ values.clamp_min(0).sqrt().diag() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ torch.cov(b.T) @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    expected = apart + torch.trace(torch.cov(a.T)) + torch.trace(torch.cov(b.T)) - 2 * overlap
    assert fd(a, b) == pytest.approx(float(expected), rel=1e-6)
    assert fd(a, b) == pytest.approx(fd(b, a))


# Kernel


def test_kd_is_the_sum_over_pairs() -> None:
    a, b = torch.randn(5, 3, generator=seeded(0)).tolist(), torch.randn(7, 3, generator=seeded(1)).tolist()

    def kernel(x: list[float], y: list[float]) -> float:
        return (sum(p * q for p, q in zip(x, y, strict=True)) / 3 + 1) ** 3

    within = [
        sum(kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j) / (len(s) * (len(s) - 1)) for s in (a, b)
    ]
    across = sum(kernel(x, y) for x in a for y in b) / 35
    assert kd(torch.tensor(a), torch.tensor(b)).value == pytest.approx(1000 * (sum(within) - 2 * across), rel=1e-4)


@pytest.mark.parametrize("counts", [(60, 60), (30, 90)])
@pytest.mark.parametrize("shares", [(0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1)])
def test_kd_of_known_sources_is_exact_in_expectation_and_varies_by_its_error(
    counts: tuple[int, int], shares: tuple[float, ...]
) -> None:
    atoms = torch.randn(16, 8, generator=seeded(), dtype=torch.float64)
    p, q = torch.tensor([0.1, 0.2, 0.3, 0.4] * 4).double() / 4, torch.tensor(shares * 4).double() / 4
    exact = float(1000 * (p - q) @ ((atoms @ atoms.T / 8 + 1) ** 3) @ (p - q))  # 0 where both are the same source
    found = []
    for g in map(seeded, range(400)):
        rows = [share.multinomial(count, replacement=True, generator=g) for share, count in zip((p, q), counts, strict=True)]
        found.append(kd(atoms[rows[0]], atoms[rows[1]]))
    values, errors = torch.tensor([e.value for e in found]), torch.tensor([e.error for e in found])
    spread = float(values.std())
    assert float(values.mean()) == pytest.approx(exact, abs=3 * spread / 400**0.5)
    assert 0.9 * spread < float(errors.square().mean().sqrt()) < 1.4 * spread  # rather too large, near 0


# Reach


def same(found: Tensor, expected: Tensor) -> None:
    """But for rounding, which differs with the size of a batch."""
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def points(*values: float) -> Tensor:
    """On a line."""
    return torch.tensor(values)[:, None]


def test_precision_and_recall_of_points_on_a_line() -> None:
    real, made = points(0, 1, 2, 10), points(0.5, 2.5, 5)
    # the real reach 1, 1, 1 and 8; the made 2, 2 and 2.5
    assert precision_recall(real, made, k=1) == (1.0, 0.75)
    assert precision_recall(real[:3], made, k=1) == (pytest.approx(2 / 3), 1.0)


def test_precision_and_recall_of_a_set_with_itself_and_with_one_far_away() -> None:
    x = torch.randn(20, 4, generator=seeded())
    assert precision_recall(x, x) == (1, 1)
    assert precision_recall(x, x + 100) == (0, 0)


def test_one_picture_again_and_again_is_precise_and_recalls_nothing() -> None:
    x = torch.randn(200, 4, generator=seeded())
    precision, recall = precision_recall(x, x[:1].repeat(200, 1))
    assert precision == 1
    assert recall == 1 / 200  # itself


def test_nearest_ratio_by_hand() -> None:
    train, held_out = points(0, 10, 20), points(2, 8, 23)
    assert nearest_ratio(points(1, 9, 19), train, held_out) == pytest.approx(0.5)
    assert nearest_ratio(points(0, 10, 20), train, held_out) == 0
    assert nearest_ratio(held_out, train, held_out) == 1


def test_copied_counts_the_few_that_a_median_does_not_see() -> None:
    train, held_out, made = (torch.randn(count, 16, generator=seeded(count)) for count in (300, 200, 201))
    assert copied(made, train, held_out) < 0.05
    made[:20] = train[:20] + 0.01
    assert copied(made, train, held_out) == pytest.approx(0.1, abs=0.05)
    assert nearest_ratio(made, train, held_out) > 0.95


# Path length


def test_path_length_of_a_linear_decoder_is_the_square_of_the_way() -> None:
    start, end = torch.randn(2, 5, 4, generator=seeded(), dtype=torch.float64)
    paint = torch.randn(4, 12, generator=seeded(1), dtype=torch.float64)
    found = path_length(
        lambda z: (z @ paint).view(-1, 3, 2, 2),
        paths.line(start, end),
        seeded(2),
        distance=lambda x, y: (x - y).square().flatten(1).sum(1),
    )
    lengths = ((end - start) @ paint).square().sum(1)
    assert found.value == pytest.approx(float(lengths.mean()))
    assert found.error == pytest.approx(float(lengths.repeat(8).std()) / 40**0.5)


def test_one_step_in_a_hundred_that_leaps_does_not_decide_the_path_length() -> None:
    start, end = torch.randn(2, 128, 1, generator=seeded(), dtype=torch.float64)
    torn = torch.zeros(128, 1, dtype=torch.float64)
    torn[7] = 1e6
    even, uneven = (
        path_length(
            lambda z, slope=slope: (z * slope).view(-1, 1, 1, 1),
            paths.line(start, end),
            seeded(2),
            distance=lambda x, y: (x - y).square().flatten(1).sum(1),
            times=1,
        )
        for slope in (1.0, 1.0 + torn)
    )
    assert uneven.value == pytest.approx(even.value, rel=0.1)


def test_a_way_that_an_eye_sees_nothing_of_has_no_length(network: PerceptualNetwork) -> None:
    picture, way = scenes(1, 64, seeded()), paths.line(torch.zeros(2, 1), torch.ones(2, 1))
    seen = distances.perceived(network)
    still = path_length(lambda z: picture.expand(2, -1, -1, -1), way, seeded(), distance=seen, times=2)
    fading = path_length(lambda z: picture * (1 - z.mean() / 2), way, seeded(), distance=seen, times=2)
    assert still == (0, 0)
    assert fading.value > 0


def test_perceived_distance_does_not_depend_on_the_step(network: PerceptualNetwork) -> None:
    a, b = scenes(2, 64, seeded()).unsqueeze(1)
    way, seen = paths.line(a, b), distances.perceived(network)
    long, short = (path_length(lambda x: x, way, seeded(), distance=seen, times=4, step=step).value for step in (2e-3, 1e-3))
    assert short == pytest.approx(long, rel=0.1)  # neither rounding nor curvature


# Features


def test_features_of_scenes_are_about_one(network: PerceptualNetwork) -> None:
    features = embed(scenes(64, 64, seeded()), network)
    assert features.shape == (64, 512)
    assert float(features.square().mean().sqrt()) == pytest.approx(1, rel=0.1)


def test_features_do_not_depend_on_how_pictures_come(network: PerceptualNetwork) -> None:
    x = scenes(3, 64, seeded())
    same(embed(iter(x.split(2)), network), embed(x, network))


def test_grey_is_repeated_and_what_is_transparent_is_white(network: PerceptualNetwork) -> None:
    x = torch.rand(1, 4, 64, 64, generator=seeded())
    seen = x[:, :3] * x[:, 3:] + 1 - x[:, 3:]
    same(embed(x, network), embed(seen, network))
    same(embed(x[:, :1], network), embed(x[:, :1].repeat(1, 3, 1, 1), network))


def test_small_pictures_are_enlarged_to_64_pixels_and_large_ones_reduced_to_128(network: PerceptualNetwork) -> None:
    x = scenes(1, 256, seeded())
    small = F.interpolate(x, size=(32, 48), mode="bilinear", antialias=True)
    enlarged = F.interpolate(small, size=(64, 96), mode="bilinear")
    reduced = F.interpolate(x, size=(128, 128), mode="bilinear", antialias=True)
    same(embed(small, network), embed(enlarged, network))
    same(embed(x, network), embed(reduced, network))
    assert embed(x[..., :80, :100], network).isfinite().all()


def test_values_outside_the_range_of_pictures_are_clamped(network: PerceptualNetwork) -> None:
    x = scenes(1, 64, seeded())
    wild = torch.where(x > 0.5, x + 2, x - 2)
    same(embed(wild, network), embed((x > 0.5).float(), network))


@pytest.mark.parametrize("pictures", [torch.zeros(0, 3, 64, 64), [], torch.zeros(3, 64, 64), torch.zeros(1, 2, 64, 64)])
def test_no_pictures_and_no_such_pictures(pictures: Tensor, network: PerceptualNetwork) -> None:
    with pytest.raises(UsageError, match=r"no pictures|are wanted"):
        embed(pictures, network)


def test_what_cannot_be_compared(network: PerceptualNetwork) -> None:
    x = torch.randn(4, 3, generator=seeded())
    for measure, least in ((fd, 2), (kd, 4), (precision_recall, 4)):
        with pytest.raises(UsageError, match="too few"):
            measure(x, x[: least - 1])
        with pytest.raises(UsageError, match="shapes"):
            measure(x, x[:, :2])
        with pytest.raises(UsageError, match="not numbers"):
            measure(x, torch.where(x > 0, x, math.nan))
    broken = embed(torch.full((4, 3, 64, 64), math.nan), network)
    with pytest.raises(UsageError, match="not numbers"):
        fd(broken, broken)
