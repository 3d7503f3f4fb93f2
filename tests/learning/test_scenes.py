import torch

from mapsto.learning.scenes import scenes


def test_scenes_are_pictures_that_follow_the_seed() -> None:
    a, b = (scenes(2, 64, torch.Generator().manual_seed(3)) for _ in range(2))
    other = scenes(2, 64, torch.Generator().manual_seed(4))
    assert a.shape == (2, 3, 64, 64)
    assert torch.equal(a, b)
    assert not torch.equal(a, other)
    assert 0 <= float(a.min()) <= float(a.max()) <= 1


def test_scenes_have_edges_and_flat_areas_as_photos_do() -> None:
    step = (scenes(6, 96, torch.Generator().manual_seed(0)).diff(dim=3)).abs()
    assert float((step < 0.06).float().mean()) > 0.7
    assert float((step > 0.15).float().mean()) > 0.005
