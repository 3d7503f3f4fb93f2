import json
from itertools import product

import pytest
import torch

from mapsto.spaces import Audio, Image, Latent, Score, Space, SpaceError, Style, Text

SPACES: list[Space] = [
    Image(),
    Image(1),
    Image(height=8),
    Image(3, 8, 8),
    Image(None),
    Style(),
    Style(None),
    Latent(),
    Latent(3, 8, 8),
    Score(),
    Audio(),
    Audio(rate_hz=None),
    Audio(rate_hz=48_000),
    Text(),
    Text(7),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_meeting_itself_changes_nothing(space: Space) -> None:
    assert space.meet(space) == space


def test_meeting_is_commutative_and_associative() -> None:
    for a, b in product(SPACES, SPACES):
        assert a.meet(b) == b.meet(a)
    for a, b, c in product(SPACES, SPACES, SPACES):
        ab, bc = a.meet(b), b.meet(c)
        assert (ab and ab.meet(c)) == (bc and a.meet(bc))


def test_none_fits_every_size_and_the_size_wins() -> None:
    assert Image(3, None, 8).meet(Image(None, 4)) == Image(3, 4, 8)
    assert Image(3).meet(Image(1)) is None


def test_kinds_never_meet() -> None:
    assert Image(3, 8, 8).meet(Latent(3, 8, 8)) is None


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_tensor_of_its_shape_is_a_point(space: Space) -> None:
    sizes = [5 if size is None else size for size in space.shape]
    space.check(torch.zeros(sizes))
    with pytest.raises(SpaceError, match=r"should be .* of shape"):
        space.check(torch.zeros([*sizes, 1]))
    for axis in (i for i, size in enumerate(space.shape) if size is not None):
        with pytest.raises(SpaceError):
            space.check(torch.zeros([size + (i == axis) for i, size in enumerate(sizes)]))


def test_the_error_names_what_is_wrong() -> None:
    with pytest.raises(SpaceError, match=r"The style should be Style\(size=64\), of shape \[any, 64\], and is \[1, 3\]\."):
        Style().check(torch.zeros(1, 3))


def test_a_style_may_change_over_the_picture() -> None:
    Style(4).check(torch.zeros(2, 4, 8, 8))
    with pytest.raises(SpaceError):
        Style(4).check(torch.zeros(2, 3, 8, 8))
    with pytest.raises(SpaceError):
        Style(4).check(torch.zeros(2, 4, 8))


def test_a_card_is_plain() -> None:
    assert json.loads(json.dumps(Style(8).card())) == {"kind": "Style", "size": 8}
