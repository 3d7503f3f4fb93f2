from __future__ import annotations

import pytest
import torch

from mapsto.image.image_model import ImageModel
from mapsto.image.latent_tools import sefa_directions
from mapsto.image.moves import PROBES, found_in, large, pace_of, sliders_of
from mapsto.image.vae import premultiplied

PIXELS = {"channels": 4, "height": 8, "width": 8, "z_size": 8, "w_size": 6, "base": 8, "blocks": 2, "pixels": True}


@pytest.fixture(scope="module")
def dots() -> ImageModel:
    torch.manual_seed(0)
    model = ImageModel(8, 8, channels=4, gan=PIXELS).eval().requires_grad_(False)
    model.gan.leave.weight.mul_(0.2)  # so that what it paints lies in [0, 1]
    return model


def test_the_pace_undoes_what_drawing_does_to_time() -> None:
    seen: list[int] = []

    def drawn(noise: torch.Tensor) -> torch.Tensor:
        seen.append(len(noise))
        return noise**2

    pace = pace_of(lambda time: torch.tensor([[time]]), drawn)
    assert seen == [PROBES]
    assert [pace(time) for time in (0.0, 0.25, 1.0)] == pytest.approx([0.0, 0.5, 1.0], abs=2e-3)


def test_sliders_of_styles_are_those_of_the_layers(dots: ImageModel) -> None:
    found = sliders_of(dots, {"gan_sliders": {"2": "stroke"}, "sliders": {"1": "light"}}, is_style=True)
    assert found.names == ("1", "stroke", "3", "4", "5", "6")
    assert dots.gan is not None
    assert torch.equal(found.vectors, sefa_directions(dots.gan, 6).vectors)


@pytest.mark.parametrize("named", [None, "light", ["light"], 3])
def test_a_card_that_names_nothing_sensible_names_nothing(dots: ImageModel, named: object) -> None:
    assert sliders_of(dots, {"gan_sliders": named}, is_style=True).names[0] == "1"


def test_a_model_that_was_not_measured_has_no_sliders(dots: ImageModel) -> None:
    assert sliders_of(dots, {}, is_style=False).names == ()


def test_without_an_encoder_the_style_is_found_from_the_mean(dots: ImageModel) -> None:
    assert dots.gan is not None
    w = dots.gan.mapping(torch.randn(1, 8, generator=torch.Generator().manual_seed(1)))
    x = dots(dots.gan.synthesize(w)).clamp(0, 1)
    start, found = found_in(dots, x, 0), found_in(dots, x, 60)
    assert start.is_style
    assert torch.equal(start.at, dots.gan.mean_w[None])
    errors = [float((dots.gan.synthesize(point.at) - premultiplied(x)).abs().mean()) for point in (start, found)]
    assert errors[1] < 0.7 * errors[0]


def test_small_pictures_are_compared_large() -> None:
    assert large(torch.rand(2, 3, 8, 12)).shape == (2, 3, 64, 96)
    x = torch.rand(1, 3, 64, 80)
    assert large(x) is x
