import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image.gan import GanGenerator
from mapsto.image.latent_tools import (
    PARTS,
    Directions,
    blend_layers,
    contrast,
    edit,
    mix,
    on_shell,
    part_of,
    pca_directions,
    project,
    sefa_directions,
    signed,
    styles,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def painter(seed: int = 0) -> GanGenerator:
    torch.manual_seed(seed)
    return GanGenerator(3, 8, 8, z_size=6, w_size=5, base=8, blocks=3).eval().requires_grad_(False)


# ---- walking ----


def test_a_walk_stays_on_the_shell_and_comes_back() -> None:
    points = [drawn(1, 300, seed=seed) for seed in (0, 1, 2)]
    way = on_shell(points, loop=True)
    lengths = [float(torch.linalg.vector_norm(way(t / 30))) for t in range(31)]
    assert min(lengths) > 0.9 * min(float(torch.linalg.vector_norm(p)) for p in points)
    assert torch.allclose(way(1 / 3), points[1], atol=1e-4)
    assert torch.allclose(way(0.0), points[0], atol=1e-4)
    assert torch.allclose(way(1.0), points[0], atol=1e-4)


def test_a_closed_walk_has_no_seam() -> None:
    way, step = on_shell([drawn(1, 50, seed=seed) for seed in range(4)], loop=True), 1e-3
    before, after = (way(0.0) - way(1 - step)) / step, (way(step) - way(0.0)) / step
    assert torch.allclose(before, after, atol=0.05 * float(after.norm()))


# ---- mixing ----


@pytest.mark.parametrize("layers", [3, 4, 6, 9, 10])
def test_the_parts_are_all_layers_in_order(layers: int) -> None:
    parts = [part_of(layers, name) for name in PARTS]
    assert [layer for part in parts for layer in part] == list(range(layers))
    assert all(len(part) > 0 for part in parts)


def test_mixing_takes_the_layers_asked_for() -> None:
    w, other = drawn(2, 5), drawn(2, 5, seed=1)
    mixed = mix(w, other, layers=6, take="middle")
    assert torch.equal(mixed[:, [2, 3]], other[:, None].expand(-1, 2, -1))
    assert torch.equal(mixed[:, [0, 1, 4, 5]], w[:, None].expand(-1, 4, -1))


def test_mixing_everything_is_the_other_and_nothing_is_the_one() -> None:
    generator, (w, other) = painter(), styles(painter(), 2).split(1)
    for take, whole in ((range(6), other), ((), w)):
        assert torch.equal(generator.synthesize(mix(w, other, layers=6, take=take)), generator.synthesize(whole))


def test_layers_that_are_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match="0 to 5"):
        mix(drawn(1, 5), drawn(1, 5), layers=6, take=[6])
    with pytest.raises(UsageError, match="coarse"):
        part_of(6, "course")


# ---- directions ----


def test_principal_directions_are_those_the_points_were_made_along() -> None:
    axes = torch.linalg.qr(drawn(12, 3)).Q.mT
    points = 7 + (drawn(4000, 3, seed=1) * torch.tensor([5.0, 2.0, 0.5])) @ axes
    found = pca_directions(points.view(-1, 3, 2, 2), 3)
    assert found.vectors.shape == (3, 3, 2, 2)
    assert torch.allclose((found.vectors.flatten(1) @ axes.mT).abs(), torch.eye(3), atol=0.05)
    assert found.spread.tolist() == pytest.approx([5, 2, 0.5], rel=0.05)
    assert found.names == ("1", "2", "3")


def test_too_few_points_for_the_directions_are_refused() -> None:
    with pytest.raises(UsageError, match="3 points"):
        pca_directions(drawn(3, 5), 3)


def test_sefa_is_the_singular_vectors_of_the_stacked_weights() -> None:
    generator = painter()
    stacked = torch.cat([layer.conv1.affine.weight for layer in generator.layer])  # type: ignore[union-attr,misc]
    expected = torch.linalg.svd(stacked).Vh
    found = sefa_directions(generator, 5).vectors
    assert torch.allclose((found @ expected.mT).abs(), torch.eye(5), atol=1e-4)
    moved = (stacked @ found.mT).norm(dim=0)
    assert moved.tolist() == sorted(moved.tolist(), reverse=True)


def test_sefa_of_some_layers_is_theirs_alone() -> None:
    generator = painter()
    expected = torch.linalg.svd(generator.affines[2]).Vh[0]
    assert float((sefa_directions(generator, 1, layers=[2]).vectors[0] @ expected).abs()) == pytest.approx(1, abs=1e-4)


def test_more_directions_than_there_are_is_refused() -> None:
    with pytest.raises(UsageError, match="5 directions"):
        sefa_directions(painter(), 6)


def test_signs_do_not_depend_on_the_solver() -> None:
    axes = drawn(4, 7)
    assert torch.equal(signed(axes), signed(-axes))


def test_an_edit_moves_by_spreads_and_back() -> None:
    directions = pca_directions(drawn(50, 5), 2).renamed({"2": "age"})
    point = drawn(3, 5, seed=4)
    moved = edit(point, directions, {"1": 2.0, "age": -1.0})
    expected = point + 2 * directions.spread[0] * directions.vectors[0] - directions.spread[1] * directions.vectors[1]
    assert torch.allclose(moved, expected, atol=1e-6)
    assert torch.allclose(edit(moved, directions, {"1": -2.0, "age": 1.0}), point, atol=1e-5)


def test_an_edit_can_keep_to_some_layers() -> None:
    directions = pca_directions(drawn(50, 5), 1)
    point = drawn(2, 6, 5)
    moved = edit(point, directions, {"1": 1.0}, layers=[4, 5])
    assert torch.equal(moved[:, :4], point[:, :4])
    assert torch.allclose(
        moved[:, 4:] - point[:, 4:], (directions.spread[0] * directions.vectors[0]).expand(2, 2, -1), atol=1e-6
    )


def test_a_named_slider_still_goes_by_its_number() -> None:
    directions = Directions(torch.eye(3), torch.ones(3), ("1", "warmth", "3"))
    assert torch.equal(directions.move({"2": 1.5}), directions.move({"warmth": 1.5}))
    with pytest.raises(UsageError):
        directions.move({"4": 1.0})
    with pytest.raises(UsageError):
        directions.move({"0": 1.0})


def test_an_unknown_slider_names_its_neighbours() -> None:
    directions = Directions(torch.eye(2), torch.ones(2), ("smile", "age"))
    with pytest.raises(UsageError, match="smile"):
        edit(drawn(1, 2), directions, {"smiles": 1.0})


def test_a_contrast_goes_from_one_mean_to_the_other() -> None:
    one, other = 3 + drawn(20, 5), drawn(30, 5, seed=1)
    directions = contrast(one, other, "noble")
    assert torch.allclose(edit(other.mean(0), directions, {"noble": 1.0}), one.mean(0), atol=1e-5)
    with pytest.raises(UsageError, match="same mean"):
        contrast(one, one)


# ---- finding ----


def test_projection_finds_the_point_of_a_linear_painter() -> None:
    matrix = torch.linalg.qr(drawn(48, 6)).Q
    paint = lambda point: (point @ matrix.mT).view(-1, 3, 4, 4)  # noqa: E731
    truth = drawn(2, 6, seed=3)
    found = project(paint(truth), paint, truth + 0.5 * drawn(2, 6, seed=4), steps=80)
    assert (found.distance < 0.1 * found.start).all()
    assert torch.allclose(found.point, truth, atol=0.1)


def test_projection_never_leaves_a_perfect_guess_for_a_worse_one() -> None:
    generator, w = painter(), styles(painter(), 2)
    found = project(generator.synthesize(w), generator.synthesize, w, steps=3, rate=10.0)
    assert torch.equal(found.point, w)
    assert float(found.distance.max()) == 0


def test_projection_into_a_generator_comes_nearer() -> None:
    generator = painter()
    target = generator.synthesize(styles(generator, 2))
    found = project(target, generator.synthesize, generator.mean_w.expand(2, -1), steps=25)
    assert (found.distance < 0.7 * found.start).all()


def test_a_pull_keeps_the_point_at_the_guess() -> None:
    generator, start = painter(), styles(painter(), 1, seed=5)
    target = generator.synthesize(styles(generator, 1))
    free, held = (project(target, generator.synthesize, start, steps=20, pull=pull) for pull in (0.0, 100.0))
    assert float((held.point - start).norm()) < 0.2 * float((free.point - start).norm())


# ---- blending ----


def test_blending_at_the_ends_is_one_or_the_other() -> None:
    one, other, w = painter(1), painter(2), drawn(2, 5)
    assert torch.equal(blend_layers(one, other, one.layers).synthesize(w), one.synthesize(w))
    assert torch.equal(blend_layers(one, other, 0).synthesize(w), other.synthesize(w))
    assert torch.equal(blend_layers(one, other, 0).mapping(drawn(2, 6)), one.mapping(drawn(2, 6)))


def test_blending_swaps_what_lies_behind_the_layer() -> None:
    one, other = painter(1), painter(2)
    blended = blend_layers(one, other, 3)  # between 4×4 and 8×8
    for layer in range(6):
        source = other if layer >= 3 else one
        assert torch.equal(blended.layer[layer].conv2.weight, source.layer[layer].conv2.weight)  # type: ignore[union-attr,arg-type]
    assert torch.equal(blended.widen[0].weight, other.widen[0].weight)  # type: ignore[arg-type]
    assert torch.equal(blended.leave.weight, other.leave.weight)
    assert torch.equal(blended.ground, one.ground)


def test_only_siblings_can_be_blended() -> None:
    with pytest.raises(UsageError, match="sizes"):
        blend_layers(painter(), GanGenerator(3, 8, 8, z_size=6, w_size=5, base=16), 1)
    with pytest.raises(UsageError, match="6 layers"):
        blend_layers(painter(), painter(), 7)
