"""A model of pictures, measured: what `evaluate` needs to know of it, and what its card says afterwards.

    found = appraise(Generator.from_pretrained("mine"), held_out)
    print(found.text())

Shapes: N pictures, B of a batch, C × H × W each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mapsto import paths
from mapsto.image.generator import Generator
from mapsto.learning.data import PictureData
from mapsto.learning.evaluate import Progress, Walk, evaluate
from mapsto.learning.evaluation import GAUSSIAN, RECONSTRUCTIONS, SAMPLES, Evaluation

BATCH = 32

WALKERS = 16
"""Ways at once on which the path length is measured."""


def appraise(
    generator: Generator,
    held_out: PictureData,
    train: PictureData | None = None,
    *,
    prior: str | None = None,
    truncation: float = 1.0,
    count: int = 1000,
    seed: int = 0,
    path_length: bool = True,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Samples, reconstructions and the Gaussian of a model beside the ladder.

    Args:
        generator: What is measured.
        held_out: Pictures of its size that it has not learned from.
        train: Those it has learned from, where they are known.
        prior: Which draws; the best there is by default.
        truncation: See `Generator`; the distances are meant for 1.
        count: Of every set, at most.
        seed: Of the first sample; the next has the next.
        path_length: Measure that too.
        on_progress: Told how many sets are measured, of how many.

    Raises:
        UsageError: an unknown prior, or too few pictures.
    """
    used, has_vae = generator.prior(prior), generator.model.vae is not None
    drawn = partial(_drawn, generator, seed=seed, prior=used, truncation=truncation)
    return evaluate(
        drawn,
        partial(_rebuilt, generator) if has_vae else None,
        train,
        held_out,
        gaussian=partial(_drawn, generator, seed=seed, prior="gaussian") if has_vae and used != "gaussian" else None,
        walk=_walk(generator, used, seed) if path_length else None,
        count=count,
        seed=seed,
        on_progress=on_progress,
    )


def scores_of(found: Evaluation) -> dict[str, Any]:
    """The figures for a card: rows by name, and how many pictures they were found on."""
    rows = {name: found.row(name) for name in (SAMPLES, RECONSTRUCTIONS, GAUSSIAN)}
    told: dict[str, Any] = {"held_out_pictures": found.count}
    for name, row in rows.items():
        if row is not None:
            told[name] = {key: round(getattr(row, key), 4) for key in ("fd", "kd", "kd_error", "precision", "recall")}
    others = {
        "reconstructions_psnr_db": found.psnr_db,
        "reconstructions_psnr_pooled_db": found.psnr_pooled_db,
        "nearest_ratio": found.nearest,
        "path_length": found.path_length,
    }
    return told | {name: round(value, 4) for name, value in others.items() if value is not None}


def _drawn(generator: Generator, count: int, *, seed: int, **how: Any) -> Iterator[Tensor]:
    """New pictures [B, C, H, W] in [0, 1], batch by batch."""
    for start in range(0, count, BATCH):
        z = generator.latents(range(seed + start, seed + min(count, start + BATCH)), **how)
        yield _painted(generator, z)


@torch.no_grad()
def _painted(generator: Generator, z: Tensor) -> Tensor:
    x: Tensor = generator.model(z.float().to(generator.device))
    return x.float().clamp(0, 1).cpu()


@torch.no_grad()
def _rebuilt(generator: Generator, x: Tensor) -> Tensor:
    return _painted(generator, generator.model.encode(x.to(generator.device)))


def _walk(generator: Generator, prior: str, seed: int) -> Walk:
    """From noise to other noise; for a GAN between styles, which is where its paths are short."""
    model = generator.model
    noise = [generator.noise(range(first, first + WALKERS), prior).to(generator.device) for first in (seed, seed + WALKERS)]
    if prior == "gan" and model.gan is not None:
        with torch.no_grad():
            ends = [model.gan.mapping(z) for z in noise]
        gan = model.gan
        return Walk(lambda w: _painted(generator, gan.synthesize(w)), paths.line(*ends))
    return Walk(lambda z: _painted(generator, model.sample(z, prior=prior)), paths.slerp(*noise))
