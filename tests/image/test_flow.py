import math

import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image.flow import Attention, Block, FlowNetwork, integrate, levels_of, normal


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def awake(network: FlowNetwork) -> FlowNetwork:
    """Blocks start as identities; give what is zero some weight."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return network


@pytest.fixture
def network() -> FlowNetwork:
    torch.manual_seed(0)
    return awake(FlowNetwork(3, 8, 8, base=32, blocks=1, embedding=16, classes=2)).eval()


# ---- integration ----


def constant(x: Tensor, t: Tensor, labels: Tensor | None) -> Tensor:
    return torch.full_like(x, 2.5)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_a_constant_field_is_followed_exactly(steps: int) -> None:
    x = drawn(2, 3, 4, 4)
    assert torch.allclose(integrate(constant, x, steps=steps), x + 2.5, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 7])
def test_heun_is_exact_where_the_velocity_is_linear_in_time(steps: int) -> None:
    x = drawn(2, 3, 4, 4)
    end = integrate(lambda x, t, labels: (1 + 4 * t).view(-1, 1, 1, 1).expand_as(x), x, steps=steps)
    assert torch.allclose(end, x + 3, atol=1e-5)  # the integral of 1 + 4t is t + 2t²


def test_heun_is_of_second_order() -> None:
    x = drawn(1, 2).double().float()
    errors = [float((integrate(lambda x, t, labels: x, x, steps=n) - math.e * x).abs().max()) for n in (8, 16)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


def test_a_straight_flow_takes_every_noise_to_the_only_picture() -> None:
    target = drawn(1, 3, 4, 4, seed=9)
    field = lambda x, t, labels: (target - x) / (1 - t).clamp_min(1e-6).view(-1, 1, 1, 1)  # noqa: E731
    end = integrate(field, drawn(5, 3, 4, 4), steps=1, end=0.5)
    assert torch.allclose(end, torch.lerp(drawn(5, 3, 4, 4), target, 0.5), atol=1e-5)


def test_going_back_finds_the_noise_again(network: FlowNetwork) -> None:
    noise = drawn(2, 3, 8, 8)
    there = integrate(network, noise, steps=12)
    back = integrate(network, there, steps=12, start=1.0, end=0.0)
    assert float((there - noise).abs().mean()) > 0.01
    assert torch.allclose(back, noise, atol=3e-2)


def test_no_guidance_is_no_label_and_full_guidance_is_the_label(network: FlowNetwork) -> None:
    noise, labels = drawn(2, 3, 8, 8), torch.tensor([0, 1])
    free, bound = (integrate(network, noise, steps=2, labels=given) for given in (None, labels))
    assert not torch.allclose(free, bound, atol=1e-4)
    assert torch.allclose(integrate(network, noise, steps=2, labels=labels, guidance=0.0), free, atol=1e-5)
    nearly = integrate(network, noise, steps=2, labels=labels, guidance=1 + 1e-6)
    assert torch.allclose(nearly, bound, atol=1e-4)


def test_guidance_without_a_label_is_refused(network: FlowNetwork) -> None:
    with pytest.raises(UsageError, match="class"):
        integrate(network, drawn(1, 3, 8, 8), guidance=2.0)


def kinds(x: Tensor, t: Tensor, labels: Tensor | None, perturbed: bool = False) -> Tensor:
    """What every look at the field is worth, apart."""
    return torch.full_like(x, (1.0 if labels is None else 3.0) - (0.5 if perturbed else 0.0))


def test_guidance_by_attention_goes_away_from_what_the_perturbed_network_says() -> None:
    x, labels = drawn(2, 3, 4, 4), torch.tensor([0, 1])
    assert torch.allclose(integrate(kinds, x, steps=1, pag=2.0), x + 1 + 2 * 0.5, atol=1e-5)
    both = integrate(kinds, x, steps=1, labels=labels, guidance=1.5, pag=2.0)
    assert torch.allclose(both, x + 1 + 1.5 * (3 - 1) + 2 * 0.5, atol=1e-5)
    assert torch.equal(integrate(constant, x, steps=1, pag=0.0), integrate(constant, x, steps=1))  # it is not even asked


def test_perturbed_no_place_looks_at_another() -> None:
    torch.manual_seed(0)
    attention, x = Attention(32), drawn(1, 32, 2, 2)
    torch.nn.init.normal_(attention.answer.weight)
    other = x.clone()
    other[:, :, 1, 1] = drawn(32, seed=3)
    for perturbed in (False, True):
        here, there = (attention(each, perturbed)[0, :, 0, 0] for each in (x, other))
        assert torch.allclose(here, there, atol=1e-4) == perturbed


def test_no_steps_are_refused() -> None:
    with pytest.raises(UsageError, match="0 steps"):
        integrate(constant, drawn(1, 1), steps=0)


# ---- the network ----


def test_an_untrained_flow_knows_gaussian_data() -> None:
    """E[data − noise | x] for white data of unit variance, by regression: (2t − 1) x / (t² + (1 − t)²)."""
    network = FlowNetwork(2, 8, 8, base=32, blocks=1)
    data, noise = drawn(2000, 2, 8, 8, seed=1), drawn(2000, 2, 8, 8, seed=2)
    for t in (0.0, 0.3, 1.0):
        x = torch.lerp(noise, data, t)
        slope = (x * (data - noise)).mean() / x.square().mean()
        velocity = network(x[:2], t=torch.full((2,), t))
        assert torch.allclose(velocity, slope * x[:2], atol=0.05)


def test_an_untrained_flow_draws_what_it_was_given() -> None:
    noise = drawn(4, 2, 8, 8)
    assert torch.allclose(integrate(FlowNetwork(2, 8, 8, base=32, blocks=1), noise, steps=10), noise, atol=0.05)


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (5, 7), (1, 1)])
def test_any_grid_goes_through(network: FlowNetwork, size: tuple[int, int]) -> None:
    x = drawn(2, 3, *size)
    velocity = network(x, t=torch.tensor([0.1, 0.9]))
    assert velocity.shape == x.shape
    assert velocity.isfinite().all()


def test_items_of_a_batch_do_not_see_each_other(network: FlowNetwork) -> None:
    x, t, labels = drawn(3, 3, 8, 8), torch.tensor([0.1, 0.5, 0.9]), torch.tensor([0, 1, 2])
    together = network(x, t=t, labels=labels)
    alone = torch.cat([network(x[i : i + 1], t=t[i : i + 1], labels=labels[i : i + 1]) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_no_label_is_the_last_label(network: FlowNetwork) -> None:
    x, t = drawn(2, 3, 8, 8), torch.tensor([0.2, 0.6])
    assert torch.equal(network(x, t=t), network(x, t=t, labels=torch.tensor([2, 2])))


def test_every_weight_learns(network: FlowNetwork) -> None:
    network.train()
    network(drawn(2, 3, 8, 8), t=torch.tensor([0.2, 0.6]), labels=torch.tensor([0, 2])).square().sum().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_autocast_changes_little_and_the_output_is_fp32(network: FlowNetwork) -> None:
    x, t = drawn(2, 3, 8, 8), torch.tensor([0.2, 0.6])
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(x, t=t)
    assert rough.dtype == torch.float32
    assert torch.allclose(rough, network(x, t=t), atol=0.1)


def test_weights_in_bf16_change_little(network: FlowNetwork) -> None:
    x, t = drawn(2, 3, 8, 8), torch.tensor([0.2, 0.6])
    exact = network(x, t=t)
    rough = network.bfloat16()(x, t=t)
    assert rough.dtype == torch.float32
    assert torch.allclose(rough, exact, atol=0.15)


def test_normal_has_unit_variance_over_channels() -> None:
    x = normal(3 + 5 * drawn(2, 64, 3, 3))
    assert torch.allclose(x.mean(1), torch.zeros(2, 3, 3), atol=1e-5)
    assert torch.allclose(x.var(1, unbiased=False), torch.ones(2, 3, 3), atol=1e-4)


def test_blocks_and_attention_start_as_the_identity() -> None:
    x = drawn(2, 32, 4, 4)
    assert torch.equal(Attention(32)(x), x)
    assert torch.equal(Block(32, 32, 8)(x, drawn(2, 8)), x)


def test_attention_does_not_depend_on_the_order_of_places() -> None:
    attention = Attention(32)
    torch.nn.init.normal_(attention.answer.weight)
    x = drawn(1, 32, 4, 4)
    assert torch.allclose(attention(x.flip(2)), attention(x).flip(2), atol=1e-4)


@pytest.mark.parametrize(("size", "levels"), [((8, 8), 2), ((16, 16), 3), ((1, 1), 1), ((12, 20), 2), ((7, 64), 1)])
def test_levels_stop_at_four(size: tuple[int, int], levels: int) -> None:
    assert levels_of(*size) == levels


def test_a_base_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(UsageError, match="32"):
        FlowNetwork(3, 8, 8, base=40)
