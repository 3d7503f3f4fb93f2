"""What can be chosen for learning from pictures: kinds of model, sizes of networks and of pictures; and what cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapsto.errors import UsageError, nearest
from mapsto.learning.adversarial import objective
from mapsto.learning.augment import Augment

KINDS = ("vae", "flow", "gan")
SPACES = ("latents", "pixels")
AUGMENTS = ("auto", "always", "off")

CRISP = 48
"""Pixels of the shorter side up to which pictures are shrunk by 4 only: there every pixel counts."""

SMALLEST = 16
"""Pixels of a side: the perceptual network sees nothing in less."""

FEWEST = 8
"""Pictures below which learning from nothing is refused."""

RISE = 50_000
"""Real pictures in which adaptive augmentation could rise from never to always: a tenth of the paper's, as runs here are."""


@dataclass(frozen=True)
class Preset:
    """Sizes of the networks, and of a batch.

    Args:
        vae: Arguments of the `VAE`.
        flow: Of the `FlowNetwork`.
        gan: Of the `GanGenerator` and its critic.
        batch: Pictures of one step.
    """

    vae: dict[str, Any]
    flow: dict[str, Any]
    gan: dict[str, Any]
    batch: int


PRESETS = {
    "tiny": Preset({"base": 8, "latent": 4, "decoder_blocks": 1}, {"base": 32, "blocks": 1, "embedding": 64}, {"base": 16}, 16),
    "small": Preset({"base": 32, "latent": 8, "decoder_blocks": 2}, {"base": 32, "blocks": 2}, {"base": 32}, 32),
    "base": Preset({"base": 48, "latent": 8, "decoder_blocks": 3}, {"base": 64, "blocks": 1}, {"base": 64}, 32),
}


def check_order(kind: str, preset: str | Preset, *, space: str, loss: str, augment: str, has_start: bool) -> None:
    """Refuse what makes no sense, before pictures are read.

    Raises:
        UsageError: an unknown name, or options that do not go together.
    """
    _known("kind of model", kind, KINDS)
    if isinstance(preset, str):
        _known("preset", preset, tuple(PRESETS))
    _known("space", space, SPACES)
    _known("augmentation", augment, AUGMENTS)
    objective(loss)
    if space == "pixels" and (kind != "gan" or has_start):
        what = "A GAN that paints pixels needs no VAE." if kind == "gan" else f"A {kind} cannot do without latents."
        raise UsageError(what, "Only a GAN paints pixels, and without a VAE.")
    if kind == "vae" and has_start:
        raise UsageError("The VAE of a model is there already.", "To go on learning it, adapt it; to use it, train a flow.")


def check_size(height: int, width: int, *, pixels: bool = False) -> None:
    """Refuse sizes that cannot be halved as often as the networks do it.

    Raises:
        UsageError: it says the nearest sizes that can.
    """
    step = 8 if pixels else factor_of(height, width)
    if min(height, width) < SMALLEST:
        raise UsageError(f"Pictures of {width}×{height} are too small to learn from.", f"Sides are {SMALLEST} or more.")
    if height % step or width % step:
        nearby = [_written(*(side // step * step + more for side in (width, height))) for more in (0, step)]
        raise UsageError(
            f"Pictures of {width}×{height} cannot be halved {step.bit_length() - 1} times: sides are multiples of {step}.",
            f"The nearest sizes are {' and '.join(nearby)}.",
        )


def check_count(count: int) -> None:
    """Refuse to learn from next to nothing.

    Raises:
        UsageError: too few pictures.
    """
    if count < FEWEST:
        what = "One picture is" if count == 1 else f"{count} pictures are"
        raise UsageError(
            f"{what} too few to learn from nothing: they would only be learned by heart.",
            f"Give {FEWEST} or more, better 1,000; or begin with what a model knows: `mapsto adapt`.",
        )


def factor_of(height: int, width: int) -> int:
    """By how much a VAE shrinks pictures of a size."""
    return 4 if min(height, width) <= CRISP else 8


def augment_of(how: str, *, latents: bool) -> Augment | None:
    """What changes pictures before a critic sees them; latents have no colours to change."""
    if how == "off":
        return None
    policy = ("translation", "cutout") if latents else ("colour", "translation", "cutout")
    if how == "always":
        return Augment(policy, latents=latents)
    return Augment(policy, p=0.0, target=0.6, images=RISE, latents=latents)


def _written(width: int, height: int) -> str:
    return str(width) if width == height else f"{width}x{height}"


def _known(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        near = nearest(given, list(known)) or list(known)
        raise UsageError(f"There is no {what} called {given!r}.", f"Perhaps {' or '.join(near)}?")
