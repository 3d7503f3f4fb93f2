import pytest
import torch
from torch import Tensor

from mapsto.image.stylize import LIMIT, ConditionalNorm, StyleNetwork, moved, noise_like
from mapsto.layers import instance_norm
from mapsto.learning.measure import psnr


def tiny(**changes: int) -> StyleNetwork:
    torch.manual_seed(0)
    return StyleNetwork(
        names=("a", "b"), **{"width": 8, "deep": 8, "deep_blocks": 1, "fine_blocks": 1, "style_size": 6, **changes}
    )


def photo(height: int = 64, width: int = 48, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def point(seed: int = 0, size: int = 6) -> Tensor:
    return torch.randn(1, size, generator=torch.Generator().manual_seed(seed))


def test_the_zero_style_is_the_photo_exactly() -> None:
    x = photo()
    out = tiny()(x, style=torch.zeros(1, 6), noise=noise_like(64, 48))
    assert torch.equal(out, x)


def test_a_short_style_is_near_the_photo() -> None:
    x, network = photo(), tiny()
    noise = noise_like(64, 48)
    with torch.no_grad():
        distances = [psnr(network(x, style=point() * length, noise=noise), x) for length in (0.01, 0.1, 1.0)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 32


@pytest.mark.parametrize("limit", [None, 1.0])
def test_instance_norm_has_the_gradients_of_group_norm(limit: float | None) -> None:
    x = torch.randn(2, 3, 5, 4, dtype=torch.double, requires_grad=True)
    scale = torch.randn(2, 3, 1, 1, dtype=torch.double, requires_grad=True)
    shift = torch.randn(2, 3, 1, 1, dtype=torch.double, requires_grad=True)
    weight = torch.randn(2, 3, 5, 4, dtype=torch.double)
    normal = torch.nn.functional.group_norm(x, 3, eps=1e-3)
    slow = (normal if limit is None else normal.clamp(-limit, limit)) * scale + shift
    quick = instance_norm(x, scale, shift, limit=limit)
    assert torch.allclose(quick, slow, atol=1e-5)
    ours = torch.autograd.grad((quick * weight).sum(), (x, scale, shift))
    theirs = torch.autograd.grad((slow * weight).sum(), (x, scale, shift))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a.double(), b, atol=1e-5)


def test_no_spike_passes_a_normalisation() -> None:
    x = 0.01 * torch.randn(1, 2, 32, 32)
    x[0, 0, 5, 5] = 1.0
    norm = ConditionalNorm(2, 6)
    with torch.no_grad():
        out = norm(x, torch.zeros(1, 6))
    assert float(out.max()) <= LIMIT


def test_training_and_painting_normalise_alike() -> None:
    norm, x, z = ConditionalNorm(4, 6), torch.randn(2, 4, 8, 8), torch.randn(2, 6)
    training = norm(x, z)
    with torch.no_grad():
        painting = norm(x, z)
        given = norm(x, z, (x.mean((2, 3)), x.var((2, 3), unbiased=False)))
    assert torch.allclose(training, painting, atol=1e-5)
    assert torch.allclose(given, painting, atol=1e-4)


def test_measured_statistics_give_the_same_picture() -> None:
    network, x, z, noise = tiny(), photo(), point(), noise_like(64, 48)
    with torch.inference_mode():
        stats = network.measure(x, style=z, noise=noise)
        assert torch.allclose(network(x, style=z, noise=noise, stats=stats), network(x, style=z, noise=noise), atol=1e-4)


def test_pieces_are_measured_as_one_picture() -> None:
    network, x, z, noise = tiny(), photo(), point(), noise_like(64, 48)
    with torch.inference_mode():
        once = network.measure(x, style=z, noise=noise)
        twice = network.measure(torch.cat([x, x]), style=z, noise=torch.cat([noise, noise]))
    for (mean, variance), (mean2, variance2) in zip(once, twice, strict=True):
        assert torch.allclose(mean, mean2, atol=1e-5)
        assert torch.allclose(variance, variance2, atol=1e-5)


def test_styles_of_a_batch_do_not_mix() -> None:
    network, x, noise = tiny(), photo(), noise_like(64, 48)
    z = torch.cat([point(1), point(2)])
    with torch.inference_mode():
        both = network(x.expand(2, -1, -1, -1), style=z, noise=noise)
        alone = torch.cat([network(x, style=z[i : i + 1], noise=noise) for i in range(2)])
    assert torch.allclose(both, alone, atol=1e-5)


def test_noise_follows_the_seed_and_has_unit_variance() -> None:
    noise = noise_like(512, 512, seed=3)
    assert noise.shape == (1, 3, 128, 128)
    assert torch.equal(noise, noise_like(512, 512, seed=3))
    assert not torch.equal(noise, noise_like(512, 512, seed=4))
    for octave in noise[0]:
        assert float(octave.std()) == pytest.approx(1, abs=0.2)


def test_an_unknown_side_input_is_refused() -> None:
    with pytest.raises(TypeError):
        tiny()(photo(), style=point(), noise=noise_like(64, 48), stile=point())  # type: ignore[call-arg]


def cells(rows: int, columns: int) -> Tensor:
    """The places of noise that has not moved."""
    return torch.stack(torch.meshgrid(torch.arange(float(columns)), torch.arange(float(rows)), indexing="xy"), 2)[None]


def test_noise_goes_with_what_moves() -> None:
    noise = noise_like(64, 96)
    assert torch.allclose(moved(noise, cells(16, 24)), noise, atol=1e-5)
    seen = moved(noise, cells(16, 24) + torch.tensor([3.0, -2.0]))
    assert torch.allclose(seen[:, :, 2:, :-3], noise[:, :, :-2, 3:], atol=1e-5)


@pytest.mark.parametrize("part", [0.0, 0.25, 0.5])
def test_noise_is_as_strong_between_its_points(part: float) -> None:
    finest = moved(noise_like(1024, 1024), cells(256, 256) + part)[:, 0]
    assert float(finest.std()) == pytest.approx(1, abs=0.02)
