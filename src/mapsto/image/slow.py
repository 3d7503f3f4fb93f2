"""The slow ways to a style: learning a painting's hand first, and optimising the picture itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mapsto.errors import UsageError
from mapsto.files import sha256
from mapsto.image import hands
from mapsto.image.learn import LARGEST, LearnReport, learn_hand
from mapsto.image.styles import check_strength, only_pictures, parts_of
from mapsto.media.picture import Picture

if TYPE_CHECKING:
    from mapsto.image.stylizer import Stylizer

SCENES, SCENE_SIDE = 3, 256
"""Pictures that tell how near a hand is, and their shorter side in pixels."""


def learn_parts(
    stylizer: Stylizer,
    style: object,
    *,
    seconds: float,
    photos: Sequence[Picture] = (),
    name: str | None = None,
    on_progress: Callable[[LearnReport], object] | None = None,
) -> list[str]:
    """Learn the hand of every picture file in a style that is not known yet; the names of all of them.

    Raises:
        UsageError: the style has no picture file in it, the name is taken, or it would be that of several.
    """
    paintings = [part for part, _ in parts_of(style, stylizer.names) if isinstance(part, Path)]
    if not paintings:
        raise UsageError("There is nothing to learn: this style is not a picture file.", "Leave --learn out.")
    if not 0 < seconds < math.inf:
        raise UsageError(f"Nothing can be learned in {seconds:g} seconds.", "Give --learn 60 or so.")
    if name is not None and len(set(paintings)) > 1:
        raise UsageError(f"One name, {name!r}, and {len(set(paintings))} paintings.", "Learn them one by one.")
    return [
        hands.name_of(path, stylizer.digest) or learn_painting(stylizer, path, seconds, photos, name, on_progress)
        for path in paintings
    ]


def small_enough(photo: Picture) -> Picture:
    """A photo no larger than learning looks at it, so that several fit into memory."""
    return photo.resized(LARGEST) if min(photo.size) > LARGEST else photo


def learn_painting(
    stylizer: Stylizer,
    painting: Path,
    seconds: float,
    photos: Sequence[Picture] = (),
    name: str | None = None,
    on_progress: Callable[[LearnReport], object] | None = None,
) -> str:
    """Learn one painting's hand, keep it, and return its name."""
    from mapsto.image.stylizer import style_tensor

    name = name or hands.free_name(painting, stylizer.names)
    hands.check_name(name)
    if name in stylizer.names:
        raise UsageError(f"There is a style called {name!r} already.", "Choose another with --name.")
    hands.check_place()
    picture = Picture.of(painting)
    network = learn_hand(
        stylizer.base,
        stylizer.encode(picture),
        style_tensor(picture),
        stylizer.features,
        name=name,
        seconds=seconds,
        photos=[small_enough(photo).tensor() for photo in photos],
        bf16=stylizer.dtype == torch.bfloat16,
        on_report=on_progress,
    )
    story = {"title": painting.stem, "file": painting.name, "sha256": sha256(painting), "seconds": seconds}
    hands.keep(name, network, {**story, "base": stylizer.digest})
    return name


def distance_to(
    stylizer: Stylizer, painting: Picture, style: object, photos: Sequence[Picture] = (), *, seed: int = 0
) -> float:
    """How far photos painted in a style are from a painting: balanced style loss, 0 for its very statistics.

    Args:
        stylizer: That paints.
        painting: To compare with.
        style: A name, or the painting itself for what the encoder makes of it.
        photos: Pictures that nothing was learned on; built-in scenes by default.
        seed: Of noise and scenes.
    """
    from mapsto.image.stylizer import style_tensor
    from mapsto.image.targets import target_of
    from mapsto.learning import losses
    from mapsto.learning.scenes import scenes

    drawn = list(scenes(SCENES, SCENE_SIDE, torch.Generator().manual_seed(seed + 1))) if not photos else []
    network, ready = stylizer.features, stylizer.style_of(style)
    with torch.inference_mode():
        target = target_of(style_tensor(painting).to(stylizer.device), network)
        found = []
        for photo in photos or map(Picture.of, drawn):
            painted = stylizer(photo, ready, size=SCENE_SIDE, seed=seed).on_white().tensor().to(stylizer.device)
            found.append(float(losses.balanced_style(losses.grams(network(painted)), target.grams).mean()))
    return sum(found) / len(found)


def optimized(
    stylizer: Stylizer,
    picture: Picture,
    style: object,
    *,
    steps: int,
    size: int | str | tuple[int, int] | None = None,
    keep_colors: bool = False,
    seed: int = 0,
    strength: float = 1.0,
    on_step: Callable[[Any], Any] | None = None,
    preview_every: int = 0,
) -> Picture:
    """Optimise the picture itself towards pictures of a style: slow, and the best there is.

    Computes where the stylizer does, in its number type; `strength` blends the result with the photo.

    Raises:
        UsageError: a strength that is none, or a preset in the style: presets have no picture to compare with.
    """
    from mapsto.image.optimize import optimize
    from mapsto.image.stylizer import style_tensor

    check_strength(strength)
    parts = parts_of(style, stylizer.names)
    only_pictures(parts)
    photo = picture.resized(size)
    before = photo.tensor()
    painted = optimize(
        before.to(stylizer.device),
        [(style_tensor(Picture.of(part)).to(stylizer.device), weight) for part, weight in parts],
        steps=steps,
        keep_colors=keep_colors,
        seed=seed,
        precision="bf16" if stylizer.dtype == torch.bfloat16 else "fp32",
        on_step=on_step,
        preview_every=preview_every,
    )
    return photo.with_tensor(torch.lerp(before, painted.cpu(), strength) if strength < 1 else painted)
