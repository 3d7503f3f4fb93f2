import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.paths import EASINGS, Path, eased, even, line, loop, mix, shares, slerp, spline

A, B, C = (torch.randn(2, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(3))
TIMES = [i / 40 for i in range(41)]
OPEN: dict[str, Callable[[Tensor, Tensor], Path]] = {
    "line": line,
    "slerp": slerp,
    "spline": lambda a, b: spline([a, C, b]),
    "uneven spline": lambda a, b: spline([a, C, b], [0, 0.2, 1]),
    "even": lambda a, b: even(spline([a, C, b])),
    "eased": lambda a, b: eased(line(a, b), "ease-in-out"),
}


def velocity(path: Path, t: float, step: float = 1e-6) -> Tensor:
    return (path(t + step) - path(t - step)) / (2 * step)


def steps(path: Path, count: int = 64) -> Tensor:
    points = [path(i / count) for i in range(count + 1)]
    return torch.stack([torch.linalg.vector_norm(q - p) for p, q in pairwise(points)])


@pytest.mark.parametrize("name", OPEN)
def test_an_open_path_hits_its_ends_exactly_and_stays_there(name: str) -> None:
    path = OPEN[name](A, B)
    for t, end in ((0.0, A), (1.0, B), (-0.3, A), (1.7, B)):
        assert torch.equal(path(t), end)


@pytest.mark.parametrize("name", ["line", "slerp", "spline", "even"])
def test_the_way_back_is_the_way(name: str) -> None:
    there, back = OPEN[name](A, B), OPEN[name](B, A)
    for t in TIMES:
        torch.testing.assert_close(there(t), back(1 - t), rtol=0, atol=1e-9)


def test_slerp_keeps_the_norm_and_turns_evenly() -> None:
    a, b = (x / torch.linalg.vector_norm(x, dim=1, keepdim=True) for x in (A, B))
    path = slerp(3 * a, 3 * b)
    for t in TIMES:
        torch.testing.assert_close(torch.linalg.vector_norm(path(t), dim=1), torch.full((2,), 3.0, dtype=torch.float64))
    cosine = (a * b).sum(1)
    torch.testing.assert_close((path(1 / 3) * path(0.0)).sum(1) / 9, torch.cos(cosine.arccos() / 3))


def test_slerp_measures_angles_for_each_item() -> None:
    both = slerp(A, B)(0.3)
    torch.testing.assert_close(both[1:], slerp(A[1:], B[1:])(0.3))
    torch.testing.assert_close(slerp(A[0], B[0])(0.3), both[0])


def test_slerp_between_nearly_equal_points_is_the_line() -> None:
    near = A + 1e-9
    torch.testing.assert_close(slerp(A, near)(0.5), line(A, near)(0.5), rtol=0, atol=1e-14)
    torch.testing.assert_close(slerp(A, A)(0.5), A)
    torch.testing.assert_close(slerp(A, 0 * A)(0.5), A / 2)


def test_slerp_between_opposite_points_is_refused() -> None:
    with pytest.raises(UsageError, match="opposite"):
        slerp(A, -A)


def test_a_spline_passes_its_points_on_time() -> None:
    times = [0, 0.3, 0.45, 1]
    path = spline([A, B, C, A], times)
    for t, point in zip(times, [A, B, C, A], strict=True):
        assert torch.equal(path(t), point)


def test_a_spline_is_smooth_at_its_points() -> None:
    path = spline([A, B, C, A], [0, 0.3, 0.45, 1])
    for t in (0.3, 0.45):
        torch.testing.assert_close(velocity(path, t - 2e-6), velocity(path, t + 2e-6), rtol=0, atol=1e-2)


def test_a_spline_through_a_parabola_is_the_parabola() -> None:
    times = [0, 0.1, 0.4, 0.8, 1]
    path = spline([torch.tensor([t, t * t], dtype=torch.float64) for t in times], times)
    for t in [0.1 + 0.7 * s for s in TIMES]:  # between its inner points, where slopes are three-point
        torch.testing.assert_close(path(t), torch.tensor([t, t * t], dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_spline_through_two_points_is_the_line() -> None:
    for t in TIMES:
        torch.testing.assert_close(spline([A, B])(t), line(A, B)(t))


@pytest.mark.parametrize("times", [None, [0, 0.2, 0.7, 1]])
def test_a_loop_closes_smoothly(times: Sequence[float] | None) -> None:
    path = loop([A, B, C], times)
    assert torch.equal(path(0.0), A)
    assert torch.equal(path(1.0), A)
    torch.testing.assert_close(path(0.3), path(2.3))
    assert torch.equal(path(times[2] if times else 2 / 3), C)
    for t in times or [0, 1 / 3, 2 / 3, 1]:
        torch.testing.assert_close(velocity(path, t - 2e-6), velocity(path, t + 2e-6), rtol=0, atol=1e-2)


def test_a_loop_may_start_anywhere() -> None:
    for t in TIMES:
        torch.testing.assert_close(loop([A, B, C])(t + 1 / 3), loop([B, C, A])(t), rtol=0, atol=1e-9)


@pytest.mark.parametrize("times", [[0, 1], [0, 0.5, 0.5, 1], [0.1, 0.5, 1], [0, 0.5, 0.9], [0, float("nan"), 1]])
def test_times_that_make_no_sense_are_refused(times: list[float]) -> None:
    with pytest.raises(UsageError, match=r"times"):
        spline([A, B, C], times)


def test_one_point_is_no_path_and_shapes_have_to_agree() -> None:
    with pytest.raises(UsageError, match="two points"):
        spline([A])
    with pytest.raises(UsageError, match="no points"):
        loop([])
    for make in (line, slerp, lambda a, b: mix([a, b], [1, 1])):
        with pytest.raises(UsageError, match="shapes"):
            make(A, A[:1])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6).filter(lambda weights: sum(weights) > 1e-3))
def test_shares_sum_to_one_and_keep_their_ratio(weights: list[float]) -> None:
    portions = shares(weights)
    assert math.fsum(portions) == pytest.approx(1, abs=1e-12)
    assert [portion * math.fsum(weights) for portion in portions] == pytest.approx(weights)
    assert shares([3 * weight for weight in weights]) == pytest.approx(portions)


def test_mix_is_the_barycentre() -> None:
    torch.testing.assert_close(mix([A, B, C], [1, 2, 1]), (A + 2 * B + C) / 4)
    torch.testing.assert_close(mix([A, B], [0.7, 0.3]), line(A, B)(0.3))
    torch.testing.assert_close(mix([A, B, C], [1, 2, 3]), mix([C, A, B], [3, 1, 2]))
    assert torch.equal(mix([A, B], [0, 2]), B)


@pytest.mark.parametrize("weights", [[1, -1], [-0.5, 2], [0, 0], [1, math.nan], [math.inf, 1], [1], [1, 1, 1]])
def test_weights_that_make_no_sense_are_refused(weights: list[float]) -> None:
    with pytest.raises(UsageError, match="weight"):
        mix([A, B], weights)


def test_no_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="sum to 0"):
        shares([])


@pytest.mark.parametrize("name", EASINGS)
def test_an_easing_goes_from_0_to_1_and_never_back(name: str) -> None:
    clock = EASINGS[name]
    assert (clock(0.0), clock(1.0)) == (0, 1)
    values = [clock(t) for t in TIMES]
    assert values == sorted(values)


def test_easing_in_and_out_are_mirror_images() -> None:
    for t in TIMES:
        assert EASINGS["ease-in"](t) == pytest.approx(1 - EASINGS["ease-out"](1 - t))
        assert EASINGS["ease-in-out"](t) == pytest.approx(1 - EASINGS["ease-in-out"](1 - t))


def test_an_unknown_easing_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match="ease-in"):
        eased(line(A, B), "ease-inn")


def quarter_of_an_ellipse(t: float) -> Tensor:
    angle = t * t * math.pi / 2  # and with a growing speed
    return torch.tensor([math.cos(angle), 3 * math.sin(angle)], dtype=torch.float64)


def test_even_makes_equal_steps_on_a_known_curve() -> None:
    before, after = steps(quarter_of_an_ellipse), steps(even(quarter_of_an_ellipse))
    assert before.max() / before.mean() > 1.4
    assert after.max() / after.mean() < 1.02
    assert after.min() / after.mean() > 0.95  # the first probe interval, where the speed starts at 0


def test_even_on_a_parabola_is_its_arc_length() -> None:
    # Length of (t, t²) from 0 to t: (2t √(1 + 4t²) + asinh 2t) / 4.
    def length(t: float) -> float:
        return (2 * t * math.sqrt(1 + 4 * t * t) + math.asinh(2 * t)) / 4

    path = even(lambda t: torch.tensor([t, t * t], dtype=torch.float64))
    for t in TIMES:
        assert length(float(path(t)[0])) / length(1) == pytest.approx(t, abs=1e-4)


def test_even_leaves_an_even_path_as_it_is() -> None:
    for t in TIMES:
        torch.testing.assert_close(even(line(A, B))(t), line(A, B)(t))


def test_even_is_measured_by_the_distance_it_is_given() -> None:
    path = even(lambda t: torch.tensor([t]), lambda p, q: abs(float(q) ** 2 - float(p) ** 2), probes=129)
    for t in TIMES[4:]:
        assert float(path(t)) == pytest.approx(math.sqrt(t), abs=1e-3)


def test_even_passes_over_a_rest() -> None:
    def resting(t: float) -> Tensor:
        return torch.tensor([min(t, 0.25) + max(t - 0.75, 0)])

    path = even(resting)
    assert [float(path(t)) for t in (0, 0.5, 1)] == pytest.approx([0, 0.25, 0.5], abs=0.02)
    still = even(lambda t: torch.zeros(1))
    assert float(still(0.5)) == 0


def test_even_keeps_a_loop_a_loop() -> None:
    path = even(loop([A, B, C]))
    for t in TIMES:
        torch.testing.assert_close(path(t), path(t + 1), rtol=0, atol=1e-9)
    assert torch.equal(path(1.0), A)
    paces = steps(path)
    assert paces.max() / paces.mean() < 1.05


@pytest.mark.parametrize("wrong", [math.nan, -1.0, math.inf])
def test_a_distance_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match="distance"):
        even(line(A, B), lambda p, q: wrong)


def test_paths_carry_gradients() -> None:
    a = A.clone().requires_grad_()
    mix([spline([a, B, C])(0.2), slerp(a, B)(0.4)], [1, 1]).sum().backward()
    assert a.grad is not None
    assert bool(torch.isfinite(a.grad).all())
