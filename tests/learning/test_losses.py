import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mapsto.learning import losses


def features(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_gram_is_the_mean_outer_product_over_positions() -> None:
    x = features(2, 3, 4, 5)
    slow = torch.zeros(2, 3, 3)
    for row in range(4):
        for column in range(5):
            pixel = x[:, :, row, column]
            slow += pixel[:, :, None] * pixel[:, None, :] / 20
    assert torch.allclose(losses.gram(x), slow, atol=1e-6)


def test_gram_does_not_depend_on_the_memory_format() -> None:
    x = features(2, 3, 4, 5)
    assert torch.allclose(losses.gram(x), losses.gram(x.to(memory_format=torch.channels_last)), atol=1e-6)


@given(st.floats(0.1, 10))
def test_a_relative_distance_has_no_unit(scale: float) -> None:
    x, target = features(2, 7), features(2, 7, seed=1)
    assert torch.allclose(losses.relative_square(scale * x, scale * target), losses.relative_square(x, target), rtol=1e-4)


def test_a_black_picture_is_at_distance_one() -> None:
    target = losses.grams({"a": features(2, 3, 4, 4), "b": features(2, 5, 2, 2)})
    black = {name: torch.zeros_like(value) for name, value in target.items()}
    assert torch.allclose(losses.balanced_style(black, target), torch.ones(2))
    assert float(losses.style_loss(target, target)) == 0


def test_squared_distance_has_the_gradient_of_its_formula() -> None:
    target = features(2, 3, 4).double()
    x = features(2, 3, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda value: losses.relative_square(value, target), x, atol=1e-4)


def test_content_ignores_brightness_and_contrast_of_every_channel() -> None:
    x = {"tap": features(1, 4, 6, 6)}
    other = {"tap": 3 * x["tap"] + torch.tensor([1.0, -2.0, 0.5, 9.0]).view(1, 4, 1, 1)}
    assert float(losses.content_loss(x, other)) < 1e-5


def test_unrelated_features_have_a_content_distance_of_two() -> None:
    x, other = {"t": features(1, 8, 64, 64)}, {"t": features(1, 8, 64, 64, seed=1)}
    assert float(losses.content_loss(x, other)) == pytest.approx(2, rel=0.02)


def test_whitening_agrees_with_instance_norm_and_its_gradient() -> None:
    x = features(2, 3, 5, 4).requires_grad_()
    weight = features(2, 3, 5, 4, seed=1)
    ours, theirs = losses.whiten(x), F.instance_norm(x, eps=1e-3)
    assert torch.allclose(ours, theirs, atol=1e-5)
    (a,) = torch.autograd.grad((ours * weight).sum(), x)
    (b,) = torch.autograd.grad((theirs * weight).sum(), x)
    assert torch.allclose(a, b, atol=1e-5)


def test_sliced_colour_of_a_shift_is_its_mean_projection() -> None:
    directions = losses.unit_directions(64, 3, torch.Generator().manual_seed(0))
    x = torch.rand(1, 3, 500, generator=torch.Generator().manual_seed(1))
    shift = torch.tensor([0.2, -0.1, 0.3])
    expected = (directions @ shift).square().mean()
    assert torch.allclose(losses.sliced_colour(x + shift[:, None], x, directions), expected, rtol=1e-4)


def test_sliced_colour_ignores_where_the_colours_are() -> None:
    directions = losses.unit_directions(8, 3)
    x = torch.rand(1, 3, 100)
    assert float(losses.sliced_colour(x[:, :, torch.randperm(100)], x, directions)) < 1e-12


def test_directions_have_unit_length_and_follow_the_generator() -> None:
    a, b = (losses.unit_directions(5, 3, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(a, b)
    assert torch.allclose(a.norm(dim=1), torch.ones(5))


def test_total_variation_of_a_ramp_is_its_squared_slope() -> None:
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 8, 8) / 10
    assert float(losses.total_variation(ramp)) == pytest.approx(0.01)


def test_only_the_excess_beyond_the_range_counts() -> None:
    assert float(losses.out_of_range(torch.tensor([-1.0, 0.0, 0.5, 1.0, 3.0]))) == pytest.approx((1 + 4) / 5)


def test_sorted_values_are_compared_whatever_their_order_and_number() -> None:
    x = features(1, 4, 50)
    assert float(losses.sorted_distance(x, x.flip(-1))) == 0
    assert float(losses.sorted_distance(x, x + 2)) == pytest.approx(4, rel=1e-5)
    ramp = torch.linspace(0, 1, 100).expand(1, 1, -1)
    assert float(losses.sorted_distance(ramp, torch.linspace(0, 1, 37).expand(1, 1, -1))) < 1e-9


def test_projections_are_scalar_products_of_windows() -> None:
    x, kernels = features(1, 3, 12, 10), features(2, 3, 5, 5, seed=1)
    found = losses.patch_projections(x, kernels, 12 * 10)
    assert found.shape == (1, 2, 8 * 6)
    assert torch.allclose(found[0, 1, 6 + 2], (x[0, :, 1:6, 2:7] * kernels[1]).sum(), atol=1e-5)
    few = losses.patch_projections(x, kernels[..., :1, :1], 13, torch.Generator().manual_seed(0))
    assert few.shape[-1] in (9, 12, 16)


def test_colour_may_change_where_the_photo_does_and_nowhere_else() -> None:
    sky = torch.full((1, 3, 64, 64), 0.6)
    horizon = sky.clone()
    horizon[:, :, 32:] = 0.1
    spot = sky.clone()
    spot[:, 0, 16:32, 16:32] = 0.9  # one cell, redder by 0.3: two borders of 12 along either axis
    assert losses.blotches(sky * 0.5, sky) == 0
    assert losses.blotches(spot, sky).item() == pytest.approx(2 * 2 / 12 * 0.3**2, rel=1e-4)
    assert losses.blotches(horizon, horizon).item() < 1e-6
    assert losses.blotches(horizon, sky).item() > 0.05
