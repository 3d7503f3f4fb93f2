import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from mapsto import paths
from mapsto.errors import UsageError
from mapsto.learning import ladder
from mapsto.learning.data import PictureData
from mapsto.learning.evaluate import Walk, evaluate
from mapsto.learning.evaluation import GAUSSIAN, RECONSTRUCTIONS, SAMPLES, Evaluation, Row
from mapsto.learning.scenes import scenes

COUNT = 40


def data(x: Tensor, *, flip: bool = False) -> PictureData:
    pixels = (x * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return PictureData(np.ascontiguousarray(pixels), tuple(f"{i}.png" for i in range(len(x))), flip=flip)


def of(found: Evaluation, name: str) -> Row:
    row = found.row(name)
    assert row is not None
    return row


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return scenes(3 * COUNT, 64, torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def found(pictures: Tensor) -> Evaluation:
    """A "generator" of new scenes, one of noise beside it, and a rebuilding that darkens."""
    new, train, held_out = pictures.split(COUNT)
    ticks: list[tuple[int, int]] = []
    found = evaluate(
        lambda count: new[:count].split(7),
        lambda x: x * 0.9,
        data(train, flip=True),
        data(held_out),
        gaussian=lambda count: torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)),
        walk=Walk(lambda z: new[:2] * (1 - z), paths.line(torch.zeros(1), torch.ones(1) / 2)),
        count=1000,
        on_progress=lambda done, total: ticks.append((done, total)),
    )
    assert ticks == [(i, 11) for i in range(12)]
    return found


def test_the_golden_ladder(found: Evaluation) -> None:
    floor, soft, softer, noise = (of(found, name) for name in (ladder.FLOOR, *ladder.BLURRED, "noise"))
    for low, high in ((floor, soft), (soft, softer), (softer, noise)):
        assert 1.3 * low.fd < high.fd
        assert low.kd + 2 * low.kd_error < high.kd
    assert abs(floor.kd) < 3 * floor.kd_error
    assert of(found, "in 16 pieces").kd > floor.kd + 3 * floor.kd_error
    assert (noise.precision, noise.recall) == (0, 0)


def test_another_domain_that_is_the_same_one_is_no_further_than_real_pictures(found: Evaluation) -> None:
    there, floor = of(found, "another domain"), of(found, ladder.FLOOR)
    assert abs(there.kd) < 3 * there.kd_error
    assert there.fd == pytest.approx(floor.fd, rel=0.25)


def test_one_picture_again_and_again_recalls_nothing(found: Evaluation) -> None:
    assert of(found, ladder.REPEATED).recall == 0
    assert of(found, ladder.REPEATED).fd > of(found, ladder.FLOOR).fd


def test_new_pictures_of_the_same_source_are_as_near_as_real_ones(found: Evaluation) -> None:
    assert of(found, SAMPLES).fd == pytest.approx(of(found, ladder.FLOOR).fd, rel=0.25)
    assert of(found, SAMPLES).fd < of(found, GAUSSIAN).fd
    assert found.nearest == pytest.approx(1, abs=0.15)
    assert not any("repeated" in note for note in found.notes())


def test_reconstructions_are_told_in_decibels(found: Evaluation, pictures: Tensor) -> None:
    held_out = data(pictures[2 * COUNT :]).pixels / 255
    squares = ((0.1 * held_out) ** 2).mean(axis=(1, 2, 3))
    assert found.psnr_db == pytest.approx(float((-10 * np.log10(squares)).mean()), abs=1e-3)
    assert found.psnr_pooled_db == pytest.approx(-10 * math.log10(float(squares.mean())), abs=1e-3)
    assert found.psnr_db > found.psnr_pooled_db  # the worst count for more there
    assert of(found, RECONSTRUCTIONS).kd < of(found, "noise").kd


def test_facts_of_the_run(found: Evaluation) -> None:
    assert (found.count, found.size, found.seed) == (COUNT, (64, 64), 0)
    assert found.path_length is not None
    assert found.path_length > 0


def test_repeating_the_training_does_not_pay_and_is_named(pictures: Tensor) -> None:
    train, held_out = data(pictures[:30]), data(pictures[30:60])
    copies = evaluate(lambda count: pictures[:count], None, train, held_out, count=30)
    assert copies.nearest == pytest.approx(0, abs=0.05)
    assert copies.copied == 1
    assert of(copies, SAMPLES).fd == pytest.approx(of(copies, ladder.FLOOR).fd, rel=0.01)  # but for 8 bits
    assert any("repeated" in note for note in copies.notes())


def test_mirror_images_of_the_training_are_copies_where_it_was_mirrored(pictures: Tensor) -> None:
    _, train, held_out = pictures.split(COUNT)
    nearest = [
        evaluate(lambda count: train[:count].flip(3), None, data(train, flip=flip), data(held_out), count=COUNT).nearest
        for flip in (True, False)
    ]
    assert nearest[0] == pytest.approx(0, abs=0.05)
    assert nearest[1] is not None
    assert nearest[1] > 0.3


def test_without_enough_training_pictures_halves_of_the_held_out_are_compared(pictures: Tensor) -> None:
    held_out = data(pictures[:21])
    alone = evaluate(None, None, None, held_out)
    assert alone.count == 10
    assert alone == evaluate(None, None, data(pictures[30:40]), held_out)
    assert (alone.nearest, alone.psnr_db, alone.path_length) == (None, None, None)
    assert all(row.rung for row in alone.rows)


def test_transparent_pictures_of_32_pixels(pictures: Tensor) -> None:
    x = torch.cat([pictures[:16, :, ::2, ::2], torch.ones(16, 1, 32, 32)], 1)
    found = evaluate(None, lambda x: x, None, data(x))
    assert found.psnr_db == 100  # as much as is told of equal pictures
    assert of(found, RECONSTRUCTIONS).fd == of(found, ladder.FLOOR).fd


def test_bad_input(pictures: Tensor) -> None:
    held_out, x = data(pictures[:8]), pictures[:8]

    def late(count: int) -> Iterator[Tensor]:
        yield x[: count - 1]

    with pytest.raises(UsageError, match="7 held-out pictures are too few"):
        evaluate(None, None, None, data(pictures[:7]))
    with pytest.raises(UsageError, match="4 samples were asked for, and 3 came"):
        evaluate(late, None, None, held_out)
    with pytest.raises(UsageError, match="cannot be compared with pictures of"):
        evaluate(lambda count: x[:count, :, :32], None, None, held_out)
    with pytest.raises(UsageError, match="were rebuilt as"):
        evaluate(None, lambda x: x[:, :, :32], None, held_out)
    with pytest.raises(UsageError, match="not numbers"):
        evaluate(lambda count: x[:count] * math.nan, None, None, held_out)
    with pytest.raises(UsageError, match="cannot be compared"):
        evaluate(None, None, data(x[..., :32]), held_out)
