import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mapsto.image.canvas import OPPONENT, Canvas, grey, levels, match_light, resize, within
from mapsto.image.colour import keep_chroma, luma


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_opponent_axes_are_a_rotation() -> None:
    axes = torch.tensor(OPPONENT, dtype=torch.float64)
    torch.testing.assert_close(axes @ axes.T, torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (37, 50), (16, 99)])
def test_a_canvas_shows_what_it_was_begun_with_but_for_coloured_grain(height: int, width: int) -> None:
    coarse = resize(picture(5, 5), (height, width))
    torch.testing.assert_close(Canvas(grey(coarse), grey=True).picture(), grey(coarse))
    assert (Canvas(coarse).picture() - coarse).abs().mean() < 0.03
    shown = Canvas(picture(height, width)).picture()
    torch.testing.assert_close(shown.mean(1), picture(height, width).mean(1))  # lightness is exact


def test_fine_detail_of_a_canvas_has_no_colour() -> None:
    canvas = Canvas(torch.full((1, 3, 32, 32), 0.5))
    with torch.no_grad():
        canvas.parts[0].normal_()
    shown = canvas.picture()
    torch.testing.assert_close(shown, shown.mean(1, keepdim=True).expand_as(shown))


@given(st.integers(8, 4000), st.integers(8, 4000), st.integers(1, 500))
def test_levels_spend_all_steps_and_end_at_full_size(height: int, width: int, steps: int) -> None:
    found = list(levels(height, width, steps))
    assert sum(share for _, _, share in found) == steps
    assert found[-1][:2] == (height, width)
    assert all(share > 0 for _, _, share in found)
    assert all(min(h, w) >= min(90, height, width) - 1 for h, w, _ in found)
    for (h, w, _), (hh, ww, _) in pairwise(found):
        assert abs(hh - 2 * h) <= 1
        assert abs(ww - 2 * w) <= 1


def test_within_reduces_keeps_proportions_and_never_enlarges() -> None:
    x = picture(60, 90)
    assert within(x, 60 * 90) is x
    assert within(x, 1e9) is x
    assert within(x, 30 * 45).shape == (1, 3, 30, 45)
    assert within(picture(20, 2000), 400).shape[-2] == 16


def test_light_is_matched_in_mean_and_deviation() -> None:
    x, target = grey(0.4 + 0.2 * picture(40, 40)), grey(0.3 + 0.3 * picture(40, 40, seed=1))
    matched = match_light(x, target)
    assert float(matched.mean()) == pytest.approx(float(target.mean()), abs=1e-3)
    assert float(matched.std()) == pytest.approx(float(target.std()), abs=1e-3)
    assert torch.isfinite(match_light(torch.full_like(x, 0.5), target)).all()


def test_keeping_chroma_keeps_hue_and_takes_the_light() -> None:
    photo, painted = picture(50, 50), picture(50, 50, seed=1)
    found = keep_chroma(painted, photo)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    torch.testing.assert_close(luma(found), luma(painted), atol=1e-4, rtol=0)
    before, after = photo - luma(photo), found - luma(found)
    pale = (after.norm(dim=1) / before.norm(dim=1).clamp_min(1e-4)).clamp_max(1.0)
    torch.testing.assert_close(after, pale[:, None] * before, atol=2e-4, rtol=0)
    assert math.isclose(float((keep_chroma(photo, photo) - photo).abs().max()), 0, abs_tol=1e-5)
