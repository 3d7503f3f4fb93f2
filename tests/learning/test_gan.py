import math

import pytest
import torch
from torch import Tensor

from mapsto.image.gan import Critic, GanGenerator
from mapsto.learning.adversarial import OBJECTIVES
from mapsto.learning.augment import Augment
from mapsto.learning.games import Batch, Moment
from mapsto.learning.gan import GanGame


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moment(step: int = 0, part: float = 0.0) -> Moment:
    return Moment(step=step, part=part, images=0, generator=generator(step))


def game(*, classes: int = 0, **arguments: object) -> GanGame:
    torch.manual_seed(0)
    painter = GanGenerator(2, 4, 4, z_size=4, w_size=8, base=16, blocks=1, classes=classes)
    return GanGame(painter, Critic(2, 4, 4, base=16, blocks=1, classes=classes), **arguments)  # type: ignore[arg-type]


BATCH = Batch(torch.randn(6, 2, 4, 4, generator=generator(7)), torch.tensor([0, 1, 0, 1, 0, 1]))


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_every_loss_can_be_played(loss: str) -> None:
    played = game(loss=loss, classes=2)
    for player in played.players:
        terms = played.terms(player, BATCH, moment())
        assert player in terms
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in played.part(player).parameters() if p.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert any(gradient.any() for gradient in gradients)


def test_penalties_come_when_they_are_due() -> None:
    played = game(every=4)
    names = [sorted(played.terms("critic", BATCH, moment(step))) for step in range(5)]
    assert names == [["critic", "r1", "r2"], ["critic"], ["critic"], ["critic"], ["critic", "r1", "r2"]]


def test_a_penalty_counts_for_the_steps_without_and_follows_gamma() -> None:
    played = game(every=8, gamma=(4.0, 1.0))
    terms = played.terms("critic", BATCH, moment(0, part=0.5))
    noted = played.noted()
    assert noted["gamma"] == pytest.approx(2)
    assert float(terms["r1"].detach()) == pytest.approx(2 / 2 * 8 * noted["r1_unweighted"], rel=1e-5)


def test_the_real_penalty_is_that_of_the_critic_on_the_real() -> None:
    played = game()
    played.terms("critic", BATCH, moment())
    x = BATCH.x.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(played.critic(x).sum(), x)
    assert played.noted()["r1_unweighted"] == pytest.approx(float(slopes.square().sum((1, 2, 3)).mean()), rel=1e-4)


def test_the_critics_turn_teaches_the_generator_nothing() -> None:
    played = game()
    torch.stack(list(played.terms("critic", BATCH, moment()).values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in played.generator.parameters())


def test_painted_pictures_get_the_noise_of_the_real_ones() -> None:
    calm, noisy = game(), game(noise=torch.tensor([0.5, 2.0]).view(2, 1, 1))
    with torch.no_grad():
        apart = noisy._painted(3000, None, generator())[0] - calm._painted(3000, None, generator())[0]
    assert apart.std((0, 2, 3)).tolist() == pytest.approx([0.5, 2.0], rel=0.03)


def test_the_augmentation_sees_real_and_painted_and_is_remembered() -> None:
    augment = Augment(("translation", "cutout"), p=0.5, target=0.6, images=100, latents=True)
    played = game(augment=augment)
    for step in range(4):
        played.terms("critic", BATCH, moment(step))
    assert augment.p != 0.5
    again = game(augment=Augment(("translation", "cutout"), p=0.5, target=0.6, images=100, latents=True))
    again.load_extra_state(played.extra_state())
    assert again.augment is not None
    assert again.augment.state() == augment.state()


def test_the_mean_style_follows_the_styles() -> None:
    played = game()
    played.terms("generator", BATCH, moment(0))
    w = played.generator.mapping(torch.randn(6, 4, generator=generator(0))).detach()
    assert torch.allclose(played.generator.mean_w, 0.005 * w.mean(0))
    kept = played.generator.mean_w.clone()
    played.terms("critic", BATCH, moment(1))
    assert torch.equal(played.generator.mean_w, kept)


def test_the_same_moment_gives_the_same_terms() -> None:
    one, two = (game(classes=2).terms("critic", BATCH, moment(0)) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_beta_rises_as_the_run_goes_on() -> None:
    assert [game().betas_at(part) for part in (0.0, 1.0)] == [(0.0, pytest.approx(0.9)), (0.0, pytest.approx(0.99))]


def test_samples_are_the_same_every_time() -> None:
    played = game(classes=2)
    first, second = (played.samples({"generator": played.generator}, 5) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (5, 2, 4, 4)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_penalties_are_computed_in_fp32_under_autocast() -> None:
    rough, exact = game(), game()
    with torch.autocast("cpu", torch.bfloat16):
        rough.terms("critic", BATCH, moment())
    exact.terms("critic", BATCH, moment())
    assert rough.noted()["r1_unweighted"] == pytest.approx(exact.noted()["r1_unweighted"], rel=1e-6)


def shifted(count: int, seed: int) -> Tensor:
    """A ramp, larger or smaller from picture to picture."""
    size = 1 + 0.3 * torch.randn(count, 1, 1, 1, generator=generator(seed))
    return size * torch.linspace(-1.5, 1.5, 4).expand(2, 4, 4)


def test_a_gan_learns_to_paint_a_ramp() -> None:
    played, steps = game(), 80
    optimisers = {name: torch.optim.Adam(played.part(name).parameters(), lr=3e-3, betas=(0.0, 0.9)) for name in played.players}
    for step in range(steps):
        for player, optimiser in optimisers.items():
            optimiser.param_groups[0]["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimiser.zero_grad()
            terms = played.terms(player, Batch(shifted(32, step)), moment(step, step / steps))
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    with torch.no_grad():
        found = played.generator(torch.randn(500, 4, generator=generator(99)))
    ramp = shifted(1, 0)[0] / shifted(1, 0)[0].square().sum().sqrt()
    along = (found * ramp).sum((1, 2, 3))
    truth = (shifted(5000, 1) * ramp).sum((1, 2, 3))
    assert float(along.mean()) == pytest.approx(float(truth.mean()), rel=0.15)
    assert float((found - along.view(-1, 1, 1, 1) * ramp).square().mean().sqrt()) < 0.25
