from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image.gan import Critic, GanGenerator, ModulatedConv, bend, grids, unit, widths


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def generator() -> GanGenerator:
    torch.manual_seed(0)
    return GanGenerator(3, 8, 12, z_size=6, w_size=5, base=8, blocks=2, classes=2).eval()


@pytest.fixture
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(3, 8, 12, base=8, blocks=1, classes=2).eval()


def by_weights(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """StyleGAN2, eq. 1 and 3, as they are written: other weights for every picture."""
    out = []
    for item, style in zip(x, conv.affine(w), strict=True):
        weight = style[None, :, None, None] * conv.weight
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        out.append(F.conv2d(item[None], weight, conv.bias, padding=1))
    return torch.cat(out)


def test_scaling_activations_is_scaling_weights() -> None:
    conv = ModulatedConv(6, 7, 5)
    torch.nn.init.normal_(conv.bias)
    x, w = drawn(3, 6, 4, 5), drawn(3, 5, seed=1)
    assert torch.allclose(conv(x, w), by_weights(conv, x, w), atol=1e-5)


def test_modulation_has_no_say_in_the_size_of_the_output() -> None:
    conv = ModulatedConv(6, 7, 5)
    with torch.no_grad():
        conv.affine.bias.zero_()
    x, w = drawn(3, 6, 4, 5), drawn(3, 5, seed=1)
    assert torch.allclose(conv(x, w), conv(x, 10 * w), atol=1e-4)


def test_activations_keep_the_mean_square() -> None:
    assert float(bend(drawn(100_000)).square().mean()) == pytest.approx(1, rel=0.02)


def test_only_the_direction_of_z_counts(generator: GanGenerator) -> None:
    z = drawn(4, 6)
    assert torch.allclose(generator.mapping(z), generator.mapping(3 * z), atol=1e-5)
    assert torch.allclose(unit(z).square().mean(1), torch.ones(4), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "coarsest", "levels"), [((8, 8), (4, 4), 2), ((96, 160), (6, 10), 5), ((12, 20), (6, 10), 2), ((1, 1), (1, 1), 1)]
)
def test_grids_are_halved_while_they_can_be(size: tuple[int, int], coarsest: tuple[int, int], levels: int) -> None:
    found = grids(*size)
    assert (found[0], found[-1], len(found)) == (coarsest, size, levels)
    assert all((2 * a, 2 * b) == after for (a, b), after in pairwise(found))


def test_widths_grow_to_four_times_the_base() -> None:
    assert widths(16, 5) == [64, 64, 64, 32, 16]


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (5, 7), (1, 1)])
def test_generator_and_critic_take_any_proportions(size: tuple[int, int]) -> None:
    x = GanGenerator(4, *size, z_size=6, w_size=5, base=8, blocks=1)(drawn(2, 6))
    assert x.shape == (2, 4, *size)
    assert Critic(4, *size, base=8, blocks=1)(x).shape == (2,)


def test_a_picture_is_synthesis_after_mapping(generator: GanGenerator) -> None:
    z, labels = drawn(3, 6), torch.tensor([0, 1, 2])
    w = generator.mapping(z, labels)
    assert w.shape == (3, 5)
    assert torch.equal(generator(z, labels=labels), generator.synthesize(w))
    assert torch.equal(generator(z[:, :, None, None], labels=labels), generator.synthesize(w))


def test_one_style_is_that_style_in_every_layer(generator: GanGenerator) -> None:
    w = generator.mapping(drawn(2, 6))
    assert generator.layers == 4
    assert torch.allclose(generator.synthesize(w), generator.synthesize(w[:, None].repeat(1, 4, 1)), atol=1e-5)


def test_every_layer_listens_to_its_own_style(generator: GanGenerator) -> None:
    w = generator.mapping(drawn(1, 6))[:, None].repeat(1, 4, 1)
    plain = generator.synthesize(w)
    for layer in range(4):
        other = w.clone()
        other[:, layer] += 1
        assert not torch.allclose(generator.synthesize(other), plain, atol=1e-3)


def test_truncation_by_nothing_is_the_mean_and_by_one_no_change(generator: GanGenerator) -> None:
    with torch.no_grad():
        generator.mean_w.copy_(drawn(5))
    w = generator.mapping(drawn(3, 6))
    assert torch.equal(generator.truncate(w, 1.0), w)
    assert torch.allclose(generator.truncate(w, 0.0), generator.mean_w.expand(3, -1))
    assert torch.allclose(generator.truncate(w, 0.5), (w + generator.mean_w) / 2)


def test_no_label_is_any(generator: GanGenerator, critic: Critic) -> None:
    z, x, any_kind = drawn(2, 6), drawn(2, 3, 8, 12), torch.tensor([2, 2])
    assert torch.equal(generator(z), generator(z, labels=any_kind))
    assert torch.equal(critic(x), critic(x, any_kind))


def test_classes_differ(generator: GanGenerator, critic: Critic) -> None:
    torch.nn.init.normal_(critic.kind.weight)  # type: ignore[union-attr]
    z, x = drawn(1, 6), drawn(1, 3, 8, 12)
    assert not torch.allclose(*(generator(z, labels=torch.tensor([k])) for k in (0, 1)), atol=1e-3)
    assert not torch.allclose(*(critic(x, torch.tensor([k])) for k in (0, 1)), atol=1e-3)


def test_the_class_enters_the_logit_by_projection(critic: Critic) -> None:
    """s(x, y) − s(x, y') is linear in the embeddings."""
    x, (one, other) = drawn(3, 3, 8, 12), (torch.full((3,), k) for k in (0, 1))
    torch.nn.init.normal_(critic.kind.weight)  # type: ignore[union-attr]
    once = critic(x, one) - critic(x, other)
    with torch.no_grad():
        critic.kind.weight *= 3  # type: ignore[union-attr]
    assert torch.allclose(critic(x, one) - critic(x, other), 3 * once, atol=1e-4)


def test_every_weight_learns(generator: GanGenerator, critic: Critic) -> None:
    with torch.no_grad():  # branches of the critic start at 0
        for parameter in critic.parameters():
            parameter += 0.1
    labels = torch.tensor([0, 1, 2, 2])
    critic(generator(drawn(4, 6), labels=labels), labels).square().sum().backward()
    for module in (generator, critic):
        idle = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
        assert idle == []


def test_untrained_pictures_have_about_unit_variance_and_differ() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        x = GanGenerator(8, 8, 8)(drawn(64, 128))
    assert 0.5 < float(x.std()) < 3
    assert float(x.std(0).mean()) > 0.3


def test_pixels_lie_around_the_middle() -> None:
    torch.manual_seed(0)
    latents, pixels = (GanGenerator(3, 8, 8, z_size=6, base=8, blocks=1, pixels=flag) for flag in (False, True))
    pixels.load_state_dict(latents.state_dict())
    z = drawn(2, 6)
    assert torch.allclose(pixels(z), 0.5 + 0.5 * latents(z), atol=1e-6)
    critics = [Critic(3, 8, 8, base=8, pixels=flag) for flag in (False, True)]
    critics[1].load_state_dict(critics[0].state_dict())
    assert torch.allclose(critics[1](pixels(z)), critics[0](latents(z)), atol=1e-5)


def test_outputs_and_logits_stay_fp32_under_autocast(generator: GanGenerator, critic: Critic) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        x = generator(drawn(2, 6))
        logits = critic(x)
    assert x.dtype == logits.dtype == torch.float32
    assert torch.allclose(x, generator(drawn(2, 6)), atol=0.2)


def test_weights_in_bf16_change_little(generator: GanGenerator) -> None:
    w = generator.mapping(drawn(2, 6))
    exact = generator.synthesize(w)
    assert torch.allclose(generator.bfloat16().synthesize(w.bfloat16()), exact, atol=0.2)


def test_a_network_without_size_is_refused() -> None:
    with pytest.raises(UsageError, match="0"):
        GanGenerator(3, 0, 8)
    with pytest.raises(UsageError, match="0"):
        Critic(0, 8, 8)
