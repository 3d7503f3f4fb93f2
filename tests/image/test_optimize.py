from typing import Any

import pytest
import torch
from skimage import data
from torch import Tensor

from mapsto.errors import OutOfMemory, UsageError
from mapsto.image import optimize as module
from mapsto.image.canvas import grey, resize
from mapsto.image.colour import luma
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.optimize import Report, averages, deviations, goal, look, normalised, optimize
from mapsto.learning import losses


def photograph(name: str, height: int, width: int) -> Tensor:
    pixels = torch.from_numpy(getattr(data, name)()).float() / 255
    x = pixels.permute(2, 0, 1)[None] if pixels.ndim == 3 else pixels.expand(1, 3, -1, -1)
    return resize(x, (height, width)).clamp(0, 1)


@pytest.fixture(scope="module")
def network() -> PerceptualNetwork:
    found = perceptual()
    assert isinstance(found, PerceptualNetwork)
    return found


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return photograph("astronaut", 96, 80)


@pytest.fixture(scope="module")
def brick() -> Tensor:
    return photograph("brick", 96, 96)


@pytest.fixture(scope="module")
def painting() -> Tensor:
    """Colourful, unlike the astronaut."""
    return photograph("retina", 96, 96)


def paint(content: Tensor, styles: list[tuple[Tensor, float]], network: PerceptualNetwork, **options: Any) -> Tensor:
    return optimize(content, styles, network=network, precision="fp32", **{"steps": 24, **options})


def style_distance(x: Tensor, style: Tensor, network: PerceptualNetwork) -> float:
    return float(losses.style_loss(losses.grams(network(x)), losses.grams(network(style))))


# ---- statistics -----------------------------------------------------------------------------------------------------


def test_averages_deviations_and_normalisation_are_those_of_the_losses() -> None:
    f = torch.rand(2, 5, 7, 9, generator=torch.Generator().manual_seed(0)) + 1
    mean, std = losses.moments(f)
    torch.testing.assert_close(averages(f), mean)
    torch.testing.assert_close(deviations(losses.gram(f), averages(f)), std, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(normalised(f), losses.whiten(f))


def test_the_goal_is_the_gram_of_one_style_or_of_their_mixture(
    network: PerceptualNetwork, photo: Tensor, brick: Tensor
) -> None:
    dice = torch.Generator().manual_seed(0)
    grams = [losses.grams(network(look(x))) for x in (photo, brick)]
    one = goal(network, photo, [(brick, 1.0)], dice)
    two = goal(network, photo, [(photo, 0.25), (brick, 0.75)], dice)
    for tap in network.style_taps:
        torch.testing.assert_close(one.grams[tap], grams[1][tap])
        torch.testing.assert_close(two.grams[tap], 0.25 * grams[0][tap] + 0.75 * grams[1][tap])
    for tap in network.content_taps:
        torch.testing.assert_close(
            one.content[5, 3][tap], losses.whiten(network(look(photo, (5, 3)))[tap]), rtol=1e-3, atol=1e-3
        )


def test_a_picture_is_at_no_distance_from_its_own_palette(photo: Tensor, brick: Tensor) -> None:
    dice = torch.Generator().manual_seed(0)
    wanted = module.palettes([(photo, 1.0)], 80, dice)
    assert len(wanted) == 4
    assert float(module.palette_distance(photo, wanted, dice)) < 1e-5
    assert float(module.palette_distance(brick, wanted, dice)) > 1e-2


def test_shifts_reach_every_row_and_column_of_the_networks_strides() -> None:
    assert all(sorted(shift[axis] for shift in module.SHIFTS) == list(range(8)) for axis in (0, 1))


def test_a_shift_moves_the_picture_under_the_network(photo: Tensor) -> None:
    still, moved = look(photo), look(photo, (5, 3))
    assert torch.equal(moved[..., 5:, 3:], still)
    assert torch.equal(still[..., 8:-8, 8:-8], photo)


# ---- the whole ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> list[Report]:
    return []


@pytest.fixture(scope="module")
def painted(photo: Tensor, painting: Tensor, network: PerceptualNetwork, told: list[Report]) -> Tensor:
    return paint(photo, [(painting, 1.0)], network, seed=3, on_step=lambda report: told.append(report), preview_every=10)


def test_the_hand_comes_and_the_content_stays(
    painted: Tensor, photo: Tensor, painting: Tensor, network: PerceptualNetwork
) -> None:
    assert painted.shape == photo.shape
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1
    assert style_distance(painted, painting, network) < 0.5 * style_distance(photo, painting, network)
    content = {tap: f for tap, f in network(photo).items() if tap in network.content_taps}
    assert float(losses.content_loss(network(painted), content)) < 1.0
    palette = photo.mean((2, 3)) - painting.mean((2, 3)), painted.mean((2, 3)) - painting.mean((2, 3))
    assert palette[1].norm() < 0.5 * palette[0].norm()


def test_every_step_is_told_with_previews_when_due(painted: Tensor, told: list[Report]) -> None:
    assert [report.step for report in told] == list(range(1, 25))
    assert [report.step for report in told if report.picture is not None] == [10, 20, 24]
    assert all(report.steps == 24 and report.size == (96, 80) for report in told)
    assert {"style", "moments", "palette", "content", "smoothness", "range"} == set(told[0].losses)
    assert told[-1].losses["style"] < told[0].losses["style"]
    assert told[-1].picture is not None
    torch.testing.assert_close(told[-1].picture, painted)


def test_one_seed_gives_one_picture(painted: Tensor, photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    torch.manual_seed(99)
    assert torch.equal(paint(photo, [(painting, 1.0)], network, seed=3), painted)
    assert not torch.equal(paint(photo, [(painting, 1.0)], network, seed=4, steps=5), painted)


def test_only_proportions_of_weights_count(photo: Tensor, painting: Tensor, brick: Tensor, network: PerceptualNetwork) -> None:
    one = paint(photo, [(painting, 1.0), (brick, 3.0)], network, steps=4)
    two = paint(photo, [(painting, 0.1), (brick, 0.3)], network, steps=4)
    three = paint(photo, [(painting, 0.1), (brick, 0.3), (photo, 0.0)], network, steps=4)
    torch.testing.assert_close(one, two, rtol=0, atol=1e-3)
    assert torch.equal(two, three)


def test_the_heavier_style_is_the_nearer(photo: Tensor, painting: Tensor, brick: Tensor, network: PerceptualNetwork) -> None:
    red, grey_ = (paint(photo, [(painting, w), (brick, 1 - w)], network, steps=12) for w in (0.9, 0.1))
    assert style_distance(red, painting, network) < style_distance(grey_, painting, network)
    assert style_distance(red, brick, network) > style_distance(grey_, brick, network)


def test_colours_can_be_kept(photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    found = paint(photo, [(painting, 1.0)], network, keep_colors=True, steps=12)
    chroma, before = found - luma(found), photo - luma(photo)
    inside = ((found > 1e-3) & (found < 1 - 1e-3)).all(1, keepdim=True).expand_as(found)
    torch.testing.assert_close(chroma[inside], before[inside], atol=1e-5, rtol=0)
    assert style_distance(grey(found), grey(painting), network) < style_distance(grey(photo), grey(painting), network)


@pytest.mark.parametrize("how", ["return False", "Ctrl-C"])
def test_stopping_keeps_what_is_there(how: str, photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    seen: list[int] = []

    def stop(report: Report) -> bool:
        seen.append(report.step)
        if report.step == 10 and how == "Ctrl-C":
            raise KeyboardInterrupt
        return report.step < 10

    found = paint(photo, [(painting, 1.0)], network, on_step=stop)
    assert len(seen) == 10
    assert found.shape == photo.shape
    assert style_distance(found, painting, network) < style_distance(photo, painting, network)


def test_stopping_in_a_coarse_level_gives_the_full_size(photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    large = resize(photo, (201, 180))
    sizes: list[tuple[int, int]] = []
    found = paint(
        large, [(painting, 1.0)], network, steps=8, on_step=lambda report: sizes.append(report.size) or len(sizes) < 2
    )
    assert sizes == [(100, 90)] * 2
    assert found.shape == large.shape


def test_coarse_comes_before_fine(photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    sizes: list[tuple[int, int]] = []
    paint(resize(photo, (192, 180)), [(painting, 1.0)], network, steps=6, on_step=lambda report: sizes.append(report.size))
    assert sizes == [(96, 90)] * 4 + [(192, 180)] * 2


@pytest.mark.parametrize("flat", ["photo", "style", "both"])
def test_flat_pictures_do_no_harm(flat: str, photo: Tensor, painting: Tensor, network: PerceptualNetwork) -> None:
    content = torch.zeros(1, 3, 40, 48) if flat != "style" else photo
    style = torch.ones(1, 3, 30, 30) if flat != "photo" else painting
    assert torch.isfinite(paint(content, [(style, 1.0)], network, steps=3)).all()


def test_narrow_pictures_are_possible(painting: Tensor, network: PerceptualNetwork) -> None:
    assert (
        paint(torch.rand(1, 3, 16, 300), [(torch.rand(1, 3, 400, 17), 1.0), (painting, 1.0)], network, steps=2).shape[-1] == 300
    )


@pytest.mark.parametrize("styles", [[], [0.0], [-1.0, 2.0], [float("nan")]])
def test_weights_without_sense_are_refused(styles: list[float], photo: Tensor) -> None:
    with pytest.raises(UsageError, match="weight"):
        optimize(photo, [(photo, weight) for weight in styles])


def test_no_steps_are_refused(photo: Tensor) -> None:
    with pytest.raises(UsageError, match="0 steps"):
        optimize(photo, [(photo, 1.0)], steps=0)


def test_pictures_too_small_to_see_are_refused(photo: Tensor) -> None:
    with pytest.raises(UsageError, match="15 × 80 px"):
        optimize(photo[..., :15, :], [(photo, 1.0)])
    with pytest.raises(UsageError, match="4 × 4 px"):
        optimize(photo, [(photo[..., :4, :4], 1.0)])


def test_what_does_not_fit_is_refused_with_the_size_that_does(photo: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.devices, "free_memory", lambda device: 96 * 80 * module.BYTES_PER_PIXEL // 4)
    with pytest.raises(OutOfMemory, match=r"80 × 96 px needs .* --size 40 or less"):
        optimize(photo, [(photo, 1.0)])
