"""How good a generator is, in figures that can be read: beside its own rows stand those of pictures with known faults.

    print(evaluate(sample, rebuild, train, held_out).text())

Two sets of real pictures are needed: `unseen` is held out, `others` are of the training (or the other half of the held out,
where the training has not as many). Samples are compared with `unseen`, so that repeating the training never pays.
Reconstructions and the ladder are made of `unseen` and compared with `others`, since a picture is too near to itself. All sets
have the same count.

Shapes: N pictures, B of a batch, C × H × W each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mapsto import device as devices
from mapsto.errors import UsageError
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.learning.data import PictureData
from mapsto.learning.distances import copied, embed, fd, kd, nearest_ratio, on_white, path_length, perceived, precision_recall
from mapsto.learning.evaluation import CHANCE, GAUSSIAN, RECONSTRUCTIONS, SAMPLES, Evaluation, Row
from mapsto.learning.ladder import FAULTS, FLOOR, KEPT, REPEATED, Fault
from mapsto.paths import Path

Sample = Callable[[int], "Tensor | Iterable[Tensor]"]
"""A count → as many pictures [N, C, H, W] in [0, 1], at once or in batches, by a seed of its own."""

Reconstruct = Callable[[Tensor], Tensor]
"""Pictures [B, C, H, W] in [0, 1] → the same, rebuilt, on any device."""

Progress = Callable[[int, int], object]

Sets = dict[str, Callable[[], Iterable[Tensor]]]
"""What makes each set of pictures, in batches, by its name."""

LEAST = 4
"""Pictures of a set."""

BATCH = 50


class Walk(NamedTuple):
    """What a path length is measured on: points [B, …] → pictures [B, C, H, W], and a way from B points to B others."""

    decode: Callable[[Tensor], Tensor]
    way: Path


def evaluate(
    sample: Sample | None,
    reconstruct: Reconstruct | None,
    train: PictureData | None,
    held_out: PictureData,
    *,
    gaussian: Sample | None = None,
    walk: Walk | None = None,
    network: PerceptualNetwork | None = None,
    count: int = 1000,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Measure a generator; without one, the ladder alone.

    Args:
        sample: Draws from what is measured.
        reconstruct: Its way to a latent and back.
        train: What it learned from; all of it is looked at when searching for copies.
        held_out: Of the same source and size, never learned from: 1,000 are good, below 200 the figures are rough.
        gaussian: Draws by the simplest prior, a Gaussian with the latents' moments.
        walk: For the path length.
        network: That sees; the embedded one on the CPU by default.
        count: Of every set, at most; fewer where there are fewer pictures.
        seed: Of the ladder's random faults and the path's times.
        on_progress: Told how many sets are measured, and how many there are.

    Raises:
        UsageError: too few pictures, another count or size of picture from the generator, or values that are not numbers.
    """
    judge = network or _embedded()
    unseen, others = _real(train, held_out, count)
    squares: list[float] = []
    sets: Sets = {"unseen": partial(_batches, unseen), "others": partial(_batches, others)}
    for name, draw in ((SAMPLES, sample), (GAUSSIAN, gaussian)):
        if draw:
            sets[name] = partial(_drawn, draw, unseen)
    if reconstruct:
        sets[RECONSTRUCTIONS] = partial(_rebuilt, reconstruct, unseen, squares)
    sets |= {name: partial(_faulty, fault, unseen, seed) for name, fault in FAULTS.items()}
    if sample and train:
        sets["train"] = partial(_lessons, train)
    features = _features(sets, judge, on_progress)
    found = Evaluation(tuple(_rows(features)), len(unseen), _size(unseen), seed)
    return _with_length(_with_copies(_with_decibels(found, squares), features), walk, judge)


def _with_decibels(found: Evaluation, squares: list[float]) -> Evaluation:
    """With the PSNR of the pictures' mean square errors; at most 100 dB, so that it stays a number."""
    if not squares:
        return found
    mean = sum(map(decibels, squares)) / len(squares)
    return replace(found, psnr_db=mean, psnr_pooled_db=decibels(sum(squares) / len(squares)))


def decibels(square: float) -> float:
    """PSNR of a mean square error of values in [0, 1]; at most 100 dB."""
    return -10 * math.log10(max(square, 1e-10))


def _with_copies(found: Evaluation, features: dict[str, Tensor]) -> Evaluation:
    if "train" not in features:
        return found
    made, lessons, new = features[SAMPLES], features["train"], features["unseen"]
    return replace(found, nearest=nearest_ratio(made, lessons, new), copied=copied(made, lessons, new, CHANCE))


def _with_length(found: Evaluation, walk: Walk | None, network: PerceptualNetwork) -> Evaluation:
    if walk is None:
        return found
    length = path_length(walk.decode, walk.way, devices.generator(found.seed), distance=perceived(network))
    return replace(found, path_length=length.value, path_length_error=length.error)


def _embedded() -> PerceptualNetwork:
    network = perceptual("small")
    assert isinstance(network, PerceptualNetwork)
    return network


def _features(sets: Sets, network: PerceptualNetwork, on_progress: Progress | None) -> dict[str, Tensor]:
    """Features of every set, one set after the other."""
    features = {}
    for done, (name, pictures) in enumerate(sets.items()):
        if on_progress:
            on_progress(done, len(sets))
        features[name] = embed(pictures(), network)
    if on_progress:
        on_progress(len(sets), len(sets))
    return features


def _rows(features: dict[str, Tensor]) -> Iterator[Row]:
    """What was asked for, and the ladder, each against the real pictures it must not have been made of."""
    unseen, others = features["unseen"], features["others"]
    for name, real in ((SAMPLES, unseen), (GAUSSIAN, unseen), (RECONSTRUCTIONS, others)):
        if name in features:
            yield _row(name, real, features[name])
    kept = unseen[: max(1, len(unseen) // KEPT)]
    repeated = kept.repeat(math.ceil(len(unseen) / len(kept)), 1)[: len(unseen)]
    rungs = {FLOOR: unseen, REPEATED: repeated, **{name: features[name] for name in FAULTS}}
    for name, made in rungs.items():
        yield _row(name, others, made, rung=True)


def _row(name: str, real: Tensor, made: Tensor, *, rung: bool = False) -> Row:
    kernel, (precision, recall) = kd(real, made), precision_recall(real, made)
    return Row(name, fd(real, made), kernel.value, kernel.error, precision, recall, rung)


def _real(train: PictureData | None, held_out: PictureData, count: int) -> tuple[PictureData, PictureData]:
    """Two sets of as many real pictures: unseen ones, and others."""
    size = min(count, len(held_out))
    pool = train
    if train is None or len(train) < size:
        size, pool = min(count, len(held_out) // 2), held_out.subset(np.arange(len(held_out) // 2, len(held_out)))
    if size < LEAST:
        raise UsageError(
            f"{len(held_out)} held-out pictures are too few to measure by.", f"Hold out {2 * LEAST}, better 1,000."
        )
    if train is not None and _size(train) != _size(held_out):
        raise UsageError(f"Pictures of {_size(train)} and {_size(held_out)} cannot be compared.", "Prepare them at one size.")
    assert pool is not None
    return held_out.subset(np.arange(size)), pool.subset(np.arange(size))


def _size(data: PictureData) -> tuple[int, int]:
    height, width = data.pixels.shape[1:3]
    return int(height), int(width)


def _batches(data: PictureData) -> Iterator[Tensor]:
    """All pictures as they are: none is mirrored."""
    still, generator = replace(data, flip=False), torch.Generator()
    for start in range(0, len(data), BATCH):
        yield still.batch(np.arange(start, min(start + BATCH, len(data))), generator).x


def _lessons(data: PictureData) -> Iterator[Tensor]:
    """All that was learned from: where pictures were mirrored at random, their mirror images too."""
    for x in _batches(data):
        yield x
        if data.flip:
            yield x.flip(3)


def _drawn(draw: Sample, like: PictureData) -> Iterator[Tensor]:
    """As many as are asked for, of the size of the real pictures."""
    given, count = draw(len(like)), 0
    for batch in [given] if isinstance(given, Tensor) else given:
        if tuple(batch.shape[2:]) != _size(like):
            raise UsageError(f"Samples of shape {list(batch.shape)} cannot be compared with pictures of {_size(like)}.")
        count += len(batch)
        yield batch
    if count != len(like):
        raise UsageError(f"{len(like)} samples were asked for, and {count} came.")


def _rebuilt(reconstruct: Reconstruct, data: PictureData, squares: list[float]) -> Iterator[Tensor]:
    """Reconstructions; the mean square error of each picture is added to `squares`."""
    for x in _batches(data):
        with torch.no_grad():
            rebuilt = reconstruct(x).cpu()
        if rebuilt.shape != x.shape:
            raise UsageError(f"Pictures of shape {list(x.shape)} were rebuilt as {list(rebuilt.shape)}.")
        squares += (on_white(rebuilt) - on_white(x)).square().mean((1, 2, 3)).tolist()
        yield rebuilt


def _faulty(fault: Fault, data: PictureData, seed: int) -> Iterator[Tensor]:
    generator = devices.generator(seed)
    for x in _batches(data):
        yield fault(on_white(x), generator)
