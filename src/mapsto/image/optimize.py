"""The quality reference: the pixels themselves are optimised until they have the photo's content and the painting's hand.

Slow and best (Gatys, Ecker, Bethge, arXiv 1508.06576), with what ten years have added:

* style terms balanced by their own energy (arXiv 2104.10064), means and deviations besides the Gram matrices;
* sorted colours and 5×5 windows, which feature losses are blind to: without them the palette stays muddy;
* from coarse to fine, so that large strokes are laid before small ones;
* the canvas is a pyramid in opponent colours, its colour a level coarser than its lightness: no coloured grain;
* the picture is shifted by some pixels from step to step under the network, whose layers stride: no weave.

Letters: H × W pixels, C channels, K directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto import device as devices
from mapsto.errors import OutOfMemory, UsageError
from mapsto.image.canvas import THINNEST, Canvas, grey, levels, match_light, resize, within
from mapsto.image.colour import keep_chroma
from mapsto.image.features import perceptual
from mapsto.learning import losses

STYLE_WEIGHT = 1.0
CONTENT_WEIGHT = 0.2
MOMENTS, PALETTE, SMOOTHNESS = 0.2, 30.0, 1.0  # beside 1 for the Gram matrices
RATE = 0.02  # of Adam at the beginning of a level, in units of the picture's range
MARGIN = 8  # px of mirrored border: the network looks at border pixels as often as at others
SHIFTS = ((0, 0), (5, 3), (2, 6), (7, 1), (4, 4), (1, 7), (6, 2), (3, 5))  # px down and right: every place within a stride of 8
SAMPLES = 4096  # windows compared per step and direction
BYTES_PER_PIXEL = 1800  # of the photo, at the peak (measured at 512 and 1024 px)
PALETTES = 8  # sets of directions


class Features(Protocol):
    """What optimisation needs of a perceptual network."""

    style_taps: tuple[str, ...]
    content_taps: tuple[str, ...]

    def __call__(self, x: Tensor, /, taps: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Features of [B, 3, H, W] in [0, 1] by tap."""


@dataclass(frozen=True)
class Report:
    """Where an optimisation stands.

    Attributes:
        step: Steps done, from 1.
        steps: Steps in all.
        size: Height and width of the present level, pixels.
        losses: What is minimised, by name, weights not applied: style, moments, palette, content, smoothness.
        picture: The picture so far, [1, 3, H, W] in [0, 1] at the present level's size; None where no preview was due.
    """

    step: int
    steps: int
    size: tuple[int, int]
    losses: dict[str, float]
    picture: Tensor | None = None


OnStep = Callable[[Report], "bool | None"]


def optimize(
    content: Tensor,
    styles: Sequence[tuple[Tensor, float]],
    *,
    steps: int = 300,
    network: Features | None = None,
    style_weight: float = STYLE_WEIGHT,
    content_weight: float = CONTENT_WEIGHT,
    keep_colors: bool = False,
    seed: int = 0,
    precision: str = "auto",
    on_step: OnStep | None = None,
    preview_every: int = 0,
) -> Tensor:
    """Paint a photo in the hand of one or several pictures, by optimisation.

    Args:
        content: The photo, [1, 3, H, W] sRGB in [0, 1], on the device to compute on.
        styles: Pictures of any size with their weights; what counts is the weights' proportion. A picture is never enlarged.
        steps: Of all levels together.
        network: Whose features are compared; the embedded perceptual network by default.
        style_weight: Of everything that belongs to the hand and the palette.
        content_weight: Of what is depicted; half as much is much freer, twice as much is a tinted photo.
        keep_colors: Change lightness only: the photo's chroma is kept.
        seed: Of the random directions in which colours are compared.
        precision: "fp32", "bf16", or "auto": what is faster here.
        on_step: Called after every step; if it returns False, or Ctrl-C is pressed, what is there so far is the result.
        preview_every: Give `on_step` a picture every so many steps; 0 for never.

    Returns:
        The picture, like `content`.

    Raises:
        OutOfMemory: the photo is too large; about 1.8 kB are needed for every pixel of it.
        UsageError: no steps, no style with a positive weight, or a picture of less than 16 pixels on a side.
    """
    mixture = _proportions(styles)
    _check(steps, [content, *(style for style, _ in mixture)])
    _check_memory(content)
    if keep_colors:
        mixture = [(match_light(grey(style), grey(content)), weight) for style, weight in mixture]
    work = _Work(
        network=network or perceptual(device=content.device),
        photo=grey(content) if keep_colors else content,
        mixture=mixture,
        weights={"style": style_weight, "content": content_weight},
        grey=keep_colors,
        dice=devices.generator(seed),
        dtype=devices.precision(content.device, precision),
    )
    picture = work.photo
    with suppress(KeyboardInterrupt):
        for report, picture in work.run(steps, preview_every):  # noqa: B007 (the last picture is the result)
            if on_step is not None and on_step(report) is False:
                break
    picture = resize(picture, content.shape[-2:]).clamp(0, 1)
    return keep_chroma(picture, content) if keep_colors else picture


def _proportions(styles: Sequence[tuple[Tensor, float]]) -> list[tuple[Tensor, float]]:
    """Styles with their weights made to sum to 1; those without weight are dropped."""
    if any(not math.isfinite(weight) or weight < 0 for _, weight in styles):
        raise UsageError("The weight of a style is negative or no number.", "Weights are 0 or more.")
    total = sum(weight for _, weight in styles)
    if total <= 0:
        raise UsageError("The weights of the styles sum to 0.", "Give at least one style a positive weight.")
    return [(style, weight / total) for style, weight in styles if weight > 0]


def _check(steps: int, pictures: list[Tensor]) -> None:
    if steps < 1:
        raise UsageError(f"{steps} steps change nothing.", "Give 1 or more.")
    for picture in pictures:
        if min(picture.shape[-2:]) < THINNEST:
            raise UsageError(f"A picture of {picture.shape[-2]} × {picture.shape[-1]} px is too small to have a hand.")


def _check_memory(content: Tensor) -> None:
    height, width = content.shape[-2:]
    needed, free = height * width * BYTES_PER_PIXEL, devices.free_memory(content.device)
    if free is not None and needed > free:
        fits = int(min(height, width) * math.sqrt(free / needed))
        raise OutOfMemory(
            f"Optimising {width} × {height} px needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            f"Use --size {fits} or less, or --method fast, which needs far less.",
        )


# ---- what is wanted -------------------------------------------------------------------------------------------------


@dataclass
class Goal:
    """Targets of one level.

    Attributes:
        grams: Of the mixture of styles, by tap, [1, C, C].
        means: Likewise, [1, C].
        content: Instance-normalised features by tap, for every shift.
        palettes: Directions with the sorted values of the mixture along them; the steps take turns.
    """

    grams: dict[str, Tensor]
    means: dict[str, Tensor]
    content: dict[tuple[int, int], dict[str, Tensor]]
    palettes: list[list[Palette]]


def look(x: Tensor, shift: tuple[int, int] = (0, 0)) -> Tensor:
    """The picture as it is shown to the network: mirrored at the borders, shifted by some pixels."""
    down, right = shift
    x = F.pad(x, (MARGIN + right, MARGIN, MARGIN + down, MARGIN), mode="reflect")
    return x.contiguous(memory_format=torch.channels_last)


def averages(f: Tensor) -> Tensor:
    """Mean over positions, [B, C, H, W] → [B, C]; as a product, whose gradient keeps the layout of the features."""
    flat = f.permute(0, 2, 3, 1).flatten(1, 2)
    return (flat.new_ones(1, 1, flat.shape[1]) @ flat / flat.shape[1]).squeeze(1)


def deviations(gram: Tensor, mean: Tensor) -> Tensor:
    """Standard deviation per channel, as second moments and means give it: [B, C]."""
    return (gram.float().diagonal(dim1=1, dim2=2) - mean.float().square()).clamp_min(1e-4).sqrt()


def normalised(f: Tensor) -> Tensor:
    """Instance-normalised features, in the layout they have; see `losses.whiten`."""
    variance, mean = torch.var_mean(f.float(), (2, 3), correction=0, keepdim=True)
    return (f - mean) * (variance + 1e-3).rsqrt()


@torch.no_grad()
def goal(network: Features, photo: Tensor, styles: list[tuple[Tensor, float]], dice: torch.Generator) -> Goal:
    """Targets from the photo and styles at the size of one level; statistics of several styles are those of their mixture."""
    grams: dict[str, Tensor] = {}
    means: dict[str, Tensor] = {}
    for style, weight in styles:
        for tap, f in network(look(style)).items():
            grams[tap] = grams.get(tap, 0) + weight * losses.gram(f)
            means[tap] = means.get(tap, 0) + weight * averages(f)
    content = {}
    for shift in SHIFTS:
        features = network(look(photo, shift), network.content_taps)
        content[shift] = {tap: normalised(f) for tap, f in features.items()}
    smallest = min(min(x.shape[-2:]) for x in [photo, *(style for style, _ in styles)])
    return Goal(grams, means, content, [palettes(styles, smallest, dice) for _ in range(PALETTES)])


class Palette(NamedTuple):
    """Windows of the styles along random directions.

    Attributes:
        scale: Pixels are averaged over squares of this side before.
        kernels: Directions, [K, 3, k, k].
        values: Sorted, [1, K, N].
    """

    scale: int
    kernels: Tensor
    values: Tensor


def palettes(styles: list[tuple[Tensor, float]], smallest: int, dice: torch.Generator) -> list[Palette]:
    """Colours, and 5×5 windows at three scales (as far as the smallest side allows)."""
    scales = [scale for scale in (1, 2, 4) if smallest >= 8 * scale]
    return [_palette(styles, 1, 1, dice), *(_palette(styles, scale, 5, dice) for scale in scales)]


def _palette(styles: list[tuple[Tensor, float]], scale: int, side: int, dice: torch.Generator) -> Palette:
    """Every style gives as many values as its weight says: the mixture of their distributions."""
    kernels = losses.unit_directions(16, 3 * side * side, dice).view(-1, 3, side, side).to(styles[0][0].device)
    values = []
    for style, weight in styles:
        found = losses.patch_projections(_reduced(style, scale), kernels, SAMPLES, dice).sort(-1).values
        values.append(F.interpolate(found, max(1, round(weight * SAMPLES)), mode="linear", align_corners=True))
    return Palette(scale, kernels, torch.cat(values, -1).sort(-1).values)


def palette_distance(x: Tensor, wanted: list[Palette], dice: torch.Generator) -> Tensor:
    """Sliced Wasserstein distance of the colours and windows of a picture to those wanted, per pixel of a window's side."""
    terms = []
    for scale, kernels, values in wanted:
        ours = losses.patch_projections(_reduced(x, scale), kernels, SAMPLES, dice)
        terms.append(losses.sorted_distance(ours, values) / kernels.shape[-1])
    return torch.stack(terms).sum()


def _reduced(x: Tensor, scale: int) -> Tensor:
    return F.avg_pool2d(x, scale) if scale > 1 else x


# ---- the work -------------------------------------------------------------------------------------------------------


@dataclass
class _Work:
    """One optimisation: what goes in, and the loop."""

    network: Features
    photo: Tensor
    mixture: list[tuple[Tensor, float]]
    weights: dict[str, float]
    grey: bool
    dice: torch.Generator
    dtype: torch.dtype

    def run(self, steps: int, preview_every: int) -> Iterator[tuple[Report, Tensor]]:
        """A report and the picture so far (at the level's size) after every step."""
        picture, done = self.photo, 0
        for height, width, share in levels(self.photo.shape[-2], self.photo.shape[-1], steps):
            photo = resize(self.photo, (height, width))
            styles = [(within(style, height * width), weight) for style, weight in self.mixture]
            wanted = goal(self.network, photo, styles, self.dice)
            start = resize(picture, (height, width))
            for found, picture in self._level(start, wanted, share):
                done += 1
                preview = picture.clamp(0, 1) if preview_every and (done % preview_every == 0 or done == steps) else None
                yield Report(done, steps, (height, width), found, preview), picture

    def _level(self, start: Tensor, wanted: Goal, steps: int) -> Iterator[tuple[dict[str, float], Tensor]]:
        """Losses and the mean of the last pictures, after every step: Adam trembles, the mean does not."""
        canvas = Canvas(start, grey=self.grey)
        adam = torch.optim.Adam(canvas.parts, lr=RATE, betas=(0.9, 0.99))
        mean = start
        for step in range(steps):
            adam.param_groups[0]["lr"] = RATE * _rate(step, steps)
            x = canvas.picture()
            terms = self._terms(x, wanted, step)
            loss = self._total(terms)
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            with torch.no_grad():
                now = canvas.picture()
                mean = now if step < steps // 2 else mean.lerp(now, max(0.1, 1 / (step - steps // 2 + 1)))
            yield {name: float(term.detach()) for name, term in terms.items()}, mean

    def _terms(self, x: Tensor, wanted: Goal, step: int) -> dict[str, Tensor]:
        """The losses by name, without weights."""
        shift = SHIFTS[step % len(SHIFTS)]
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            features = self.network(look(x, shift))
            grams = losses.grams(features)
            means = {tap: averages(f) for tap, f in features.items()}
        spreads = [(deviations(grams[tap], means[tap]), deviations(wanted.grams[tap], wanted.means[tap])) for tap in grams]
        moments = [*spreads, *((means[tap], wanted.means[tap]) for tap in means)]
        content = wanted.content[shift]
        return {
            "style": losses.style_loss(grams, wanted.grams),
            "moments": torch.stack([losses.relative_square(a, b).mean() for a, b in moments]).mean(),
            "palette": palette_distance(x, wanted.palettes[step % PALETTES], self.dice),
            "content": torch.stack([(normalised(features[tap]) - content[tap]).square().mean() for tap in content]).mean(),
            "smoothness": losses.total_variation(x),
            "range": losses.out_of_range(x),
        }

    def _total(self, terms: dict[str, Tensor]) -> Tensor:
        hand = terms["style"] + MOMENTS * terms["moments"] + PALETTE * terms["palette"]
        picture = SMOOTHNESS * terms["smoothness"] + terms["range"]
        return self.weights["style"] * hand + self.weights["content"] * terms["content"] + picture


def _rate(step: int, steps: int) -> float:
    """Ten steps of warm-up, and a cosine down to a fiftieth: large strokes while it is fast, no trembling at the end."""
    return min(1.0, (step + 1) / 10) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
