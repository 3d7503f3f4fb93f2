import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.learning.augment import CHANGES, Augment, colour, cutout, overfitting, overfitting_held_out, translation

UNCHANGED = torch.tensor([[0.5, 0.5, 0.5]])


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=dice(seed))


def test_the_middle_of_every_draw_changes_no_colour_and_no_place() -> None:
    x = some(1, 3, 8, 16)
    assert torch.allclose(colour(x, UNCHANGED, 0.5), x, atol=1e-6)
    assert torch.equal(translation(x, UNCHANGED, 0.5), x)


def test_brightness_moves_every_value_by_a_quarter_at_most() -> None:
    x = some(2, 3, 4, 4)
    low, high = torch.tensor([[0.0, 0.5, 0.5]]).expand(2, 3), torch.tensor([[1.0, 0.5, 0.5]]).expand(2, 3)
    assert torch.allclose(colour(x, low, 0.5), x - 0.25, atol=1e-6)
    assert torch.allclose(colour(x, high, 0.5), x + 0.25, atol=1e-6)


def test_without_saturation_a_picture_is_the_mean_of_its_channels() -> None:
    x = some(1, 3, 4, 4)
    assert torch.allclose(colour(x, torch.tensor([[0.5, 0.0, 0.5]]), 0.5), x.mean(1, keepdim=True).expand_as(x), atol=1e-6)


def test_contrast_spreads_values_about_the_mean_of_the_picture() -> None:
    x = some(2, 3, 4, 4)
    changed = colour(x, torch.tensor([[0.5, 0.5, 1.0]]).expand(2, 3), 0.5)
    assert torch.allclose(changed.std((1, 2, 3)), 1.5 * x.std((1, 2, 3)), rtol=1e-4)
    assert torch.allclose(changed.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-6)


def test_colour_is_the_three_steps_of_the_paper_in_its_own_range() -> None:
    x, drawn = some(5, 3, 6, 6), some(5, 3, seed=1)
    brightness, saturation, contrast = drawn.view(5, 3, 1, 1, 1).unbind(1)
    theirs = 2 * x - 1 + (brightness - 0.5)
    theirs = (theirs - theirs.mean(1, keepdim=True)) * 2 * saturation + theirs.mean(1, keepdim=True)
    theirs = (theirs - theirs.mean((1, 2, 3), keepdim=True)) * (contrast + 0.5) + theirs.mean((1, 2, 3), keepdim=True)
    assert torch.allclose(2 * colour(x, drawn, 0.5) - 1, theirs, atol=1e-5)


def test_colour_leaves_alpha_and_what_nobody_sees() -> None:
    x = some(2, 4, 6, 6)
    x[:, 3] = (x[:, 3] > 0.5).float()
    hidden = (x[:, 3:] == 0).expand_as(x)
    drawn = torch.tensor([[0.9, 0.1, 0.8], [0.2, 0.7, 0.3]])
    changed = colour(x, drawn, 0.0)
    assert torch.equal(changed[:, 3], x[:, 3])
    assert torch.equal(changed[hidden], x[hidden])
    assert not torch.allclose(changed[:, :3], x[:, :3])


def test_colour_of_an_opaque_picture_is_that_of_one_without_alpha() -> None:
    x, drawn = some(2, 3, 5, 5), some(2, 3, seed=1)
    opaque = torch.cat((x, torch.ones(2, 1, 5, 5)), 1)
    assert torch.allclose(colour(opaque, drawn, 0.0)[:, :3], colour(x, drawn, 0.5), atol=1e-6)


def test_what_is_hidden_has_no_say_in_the_contrast_of_what_is_seen() -> None:
    x, drawn = some(1, 4, 4, 8), some(1, 3, seed=1)
    x[:, 3] = 0
    x[:, 3, :, :4] = 1
    assert torch.allclose(colour(x, drawn, 0.0)[:, :3, :, :4], colour(x[:, :3, :, :4], drawn, 0.5), atol=1e-5)


def test_translation_is_a_roll_whose_other_side_is_ground() -> None:
    x = some(1, 2, 16, 24)
    moved = translation(x, torch.tensor([[0.0, 0.99, 0.0]]), 0.25)  # 2 rows down at most, 3 columns to the left at most
    assert torch.equal(moved[..., 2:, :-3], x[..., :-2, 3:])
    assert bool((moved[..., :2, :] == 0.25).all() and (moved[..., -3:] == 0.25).all())


def test_translations_reach_every_place_and_no_further() -> None:
    x = torch.zeros(400, 1, 16, 16)
    x[:, :, 8, 8] = 1
    found = translation(x, some(400, 3), 0.0).nonzero()[:, 2:]
    assert len(found) == 400
    assert {tuple(place) for place in found.tolist()} == {(row, column) for row in range(6, 11) for column in range(6, 11)}


def test_what_is_cut_out_in_the_middle_is_half_by_half() -> None:
    x = torch.ones(1, 3, 8, 12)
    expected = x.clone()
    expected[:, :, 2:6, 3:9] = 0.5
    assert torch.equal(cutout(x, UNCHANGED, 0.5), expected)


def test_a_hole_is_at_least_a_quarter_of_its_size_and_at_most_all_of_it() -> None:
    holes = (cutout(torch.ones(300, 1, 16, 16), some(300, 3), 0.0) == 0).sum((1, 2, 3))
    assert int(holes.min()) >= 16
    assert int(holes.max()) == 64


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_has_the_gradient_of_what_it_does(name: str, channels: int) -> None:
    x = some(2, channels, 4, 4).double().requires_grad_()
    drawn = some(2, 3, seed=1)
    assert torch.autograd.gradcheck(lambda value: CHANGES[name](value, drawn, 0.5), x)


@pytest.mark.parametrize("channels", [3, 4])
def test_one_generator_gives_one_result_and_the_probability_does_not_move_it(channels: int) -> None:
    x = some(8, channels, 8, 8)
    never, always = Augment(p=0.0), Augment()
    a, b = dice(3), dice(3)
    assert torch.equal(never(x, a), x)
    changed = always(x, b)
    assert torch.equal(a.get_state(), b.get_state())
    assert torch.equal(changed, always(x, dice(3)))
    assert not torch.allclose(changed, x)


def test_about_p_of_all_pictures_are_changed_and_the_others_are_not() -> None:
    x = some(500, 3, 4, 4)
    same = (Augment(("colour",), p=0.3)(x, dice()) == x).all((1, 2, 3)).float().mean()
    assert float(same) == pytest.approx(0.7, abs=0.06)


def test_ground_is_grey_for_pictures_nothing_with_alpha_and_the_mean_for_latents() -> None:
    def filled(channels: int, latents: bool) -> set[float]:
        x = torch.full((4, channels, 8, 8), 9.0)
        return set(Augment(("cutout",), latents=latents)(x, dice()).unique().tolist()) - {9.0}

    assert (filled(3, False), filled(4, False), filled(3, True), filled(8, True)) == ({0.5}, {0.0}, {0.0}, {0.0})


@pytest.mark.parametrize("channels", [3, 4])
def test_memory_format_and_number_type_are_kept(channels: int) -> None:
    x = some(4, channels, 8, 8).to(torch.bfloat16, memory_format=torch.channels_last)
    out = Augment(p=0.7)(x, dice())
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_overfitting_is_the_mean_sign_and_for_differences_that_of_all_pairs() -> None:
    real, fake = torch.tensor([1.0, 2.0, -3.0, 5.0]), torch.tensor([0.0, 1.5])
    assert float(overfitting(real)) == 0.5
    assert float(overfitting(real, fake)) == (3 - 1 + 2 - 2) / 8 + 0.0
    assert torch.equal(overfitting(real + 7, fake + 7), overfitting(real, fake))


def test_held_out_pictures_lie_between_real_and_made_ones() -> None:
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([-1.0])
    assert float(overfitting_held_out(real, real, fake)) == 0
    assert float(overfitting_held_out(real, fake, fake)) == pytest.approx(1)
    assert float(overfitting_held_out(real, torch.tensor([1.0]), fake)) == pytest.approx(0.5)


def test_the_probability_rises_while_the_discriminator_is_too_sure_and_falls_after() -> None:
    augment = Augment(p=0.5, target=0.6, images=1000)
    for _ in range(4):
        assert augment.p == 0.5
        augment.observe(torch.ones(10))
    assert augment.p == pytest.approx(0.54)
    for _ in range(8):
        augment.observe(torch.tensor([1.0, 1.0, -1.0, 1.0]))  # 0.5, below the target
    assert augment.p == pytest.approx(0.54 - 32 / 1000)


def test_the_probability_stays_within_its_range_and_without_a_target_where_it_is() -> None:
    eager, fixed = Augment(p=0.9, target=0.6, images=10), Augment(p=0.9)
    for _ in range(12):
        eager.observe(torch.ones(10))
        fixed.observe(torch.ones(10))
    assert (eager.p, fixed.p) == (1.0, 0.9)
    for _ in range(12):
        eager.observe(-torch.ones(10))
    assert eager.p == 0.0


def test_a_state_that_was_kept_goes_on_as_if_nothing_had_happened() -> None:
    one = Augment(p=0.2, target=0.6, images=500)
    for turn in range(6):
        one.observe(some(7, seed=turn) - 0.1)
    other = Augment(p=0.9, target=0.6, images=500)
    other.load_state(one.state())
    for turn in range(7):
        one.observe(some(7, seed=turn) - 0.2)
        other.observe(some(7, seed=turn) - 0.2)
    assert one.state() == other.state()


def test_what_makes_no_sense_is_refused_with_a_way_out() -> None:
    with pytest.raises(UsageError, match="Perhaps colour"):
        Augment(("color",))
    with pytest.raises(UsageError, match="Latents have no colour"):
        Augment(latents=True)
    with pytest.raises(UsageError, match="probability"):
        Augment(p=1.5)
