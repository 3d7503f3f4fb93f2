"""Changing what a discriminator sees, real and made alike, so that it cannot learn few pictures by heart.

    colour        brightness, saturation, contrast
    translation   by up to an eighth of the picture
    cutout        of half its height by half its width

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738, section 3.2; every change
has a gradient, so the generator learns through it. How often to change: Karras et al., "Training Generative Adversarial
Networks with Limited Data", arXiv 2006.06676, section 3.1.

The paper's pictures are in [-1, 1], ours in [0, 1]: the same changes are half as large, and the middle, which fills what is
empty, is 0.5. Pictures with alpha are filled with nothing that could be seen, latents with 0, their mean.

Shapes: B pictures, C channels (3, 4 with alpha, or any number of a latent), H × W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.errors import UsageError, nearest

BRIGHTNESS = 0.25
"""Largest shift of all colours: the paper's 0.5, of a range that is half as wide."""

SHIFT = 0.125
"""Largest translation, as a part of the side."""

HOLE = 0.5
"""Side of what is cut out, as a part of the picture's."""

EVERY = 4
"""Turns between two adjustments of the probability."""


class Augment:
    """Change every picture at random: `augment(x, generator)`.

    Args:
        policy: Names of changes, each made with probability p and independently of the others.
        p: Probability, in [0, 1]; where it adapts, the first.
        target: Overfitting at which p is left alone (the papers' 0.6); above p rises, below it falls. None: p stays.
        images: Real pictures seen in which p could rise from 0 to 1; the paper's 500,000 suit runs of millions.
        latents: Whether x are latents and no pictures.

    Raises:
        UsageError: an unknown change, one that latents cannot have, or p outside [0, 1].
    """

    def __init__(
        self,
        policy: Sequence[str] = ("colour", "translation", "cutout"),
        *,
        p: float = 1.0,
        target: float | None = None,
        images: int = 500_000,
        latents: bool = False,
    ) -> None:
        _check(policy, p, latents)
        self.policy, self.p, self.target, self.images, self.latents = tuple(policy), p, target, images, latents
        self._signs = 0.0
        self._seen = self._turns = 0

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """[B, C, H, W] → the same shape; pictures may leave [0, 1] a little, as in the paper.

        The generator is on the CPU; p decides what becomes of the numbers drawn, never how many.
        """
        for name in self.policy:
            drawn = torch.rand(x.shape[0], 4, generator=generator).to(x.device)
            if self.p > 0:
                chosen = (drawn[:, 3] < self.p).view(-1, 1, 1, 1)
                x = torch.where(chosen, CHANGES[name](x, drawn[:, :3], self._ground(x)), x)
        return x

    def observe(self, real: Tensor, fake: Tensor | None = None) -> None:
        """After a turn of the discriminator: move p by what it says of pictures, see `overfitting`.

        Args:
            real: Its logits of real pictures, [B].
            fake: Its logits of made ones, where it is relativistic.
        """
        self._signs += float(overfitting(real, fake)) * len(real)
        self._seen += len(real)
        self._turns += 1
        if self.target is not None and self._turns >= EVERY:
            up = 1 if self._signs / self._seen > self.target else -1
            self.p = min(1.0, max(0.0, self.p + up * self._seen / self.images))
            self._signs, self._seen, self._turns = 0.0, 0, 0

    def state(self) -> dict[str, float | int]:
        """What changes while training; for `Game.extra_state`."""
        return {"augment_p": self.p, "augment_signs": self._signs, "augment_seen": self._seen, "augment_turns": self._turns}

    def load_state(self, state: Mapping[str, Tensor | float | int]) -> None:
        """Take back what `state` gave; other keys are left alone."""
        self.p, self._signs = float(state["augment_p"]), float(state["augment_signs"])
        self._seen, self._turns = int(state["augment_seen"]), int(state["augment_turns"])

    def _ground(self, x: Tensor) -> float:
        """What is where no picture is."""
        return 0.5 if x.shape[1] == 3 and not self.latents else 0.0


def overfitting(real: Tensor, fake: Tensor | None = None) -> Tensor:
    """How sure a discriminator is of the pictures it learns on, in [-1, 1]: r_t = E sign D(x), eq. 1 of arXiv 2006.06676.

    A relativistic one learns differences alone, so its logits have no zero: there it is E sign(D(x) − D(G(z))) over all pairs.

    Args:
        real: Logits of real pictures, [B].
        fake: Logits of made ones, [B'], for relativistic losses.
    """
    real = real.detach().float().flatten()
    return (real if fake is None else real[:, None] - fake.detach().float().flatten()).sign().mean()


def overfitting_held_out(real: Tensor, held_out: Tensor, fake: Tensor) -> Tensor:
    """The same from pictures it never saw: r_v = (E D(x) − E D(held out)) / (E D(x) − E D(G(z))), eq. 1 of arXiv 2006.06676.

    0 where held-out pictures look as real as its own, 1 where they look as made as made ones.
    """
    gap = real.float().mean() - fake.float().mean()
    return (real.float().mean() - held_out.float().mean()) / gap.abs().clamp_min(1e-8) * gap.sign()


def colour(x: Tensor, drawn: Tensor, ground: float) -> Tensor:
    """Brightness + U(−¼, ¼), saturation × U(0, 2), contrast × U(½, 3⁄2); with alpha, only as far as a pixel can be seen.

    Siblings share this form.

    Args:
        x: [B, 3 or 4, H, W] in about [0, 1].
        drawn: [B, 3] in [0, 1), what decides the change.
        ground: Value where no picture is.
    """
    shift, saturation, contrast = (drawn.to(x.dtype) * 2).view(-1, 3, 1, 1, 1).unbind(1)
    shift, contrast = BRIGHTNESS * (shift - 1), 0.5 + contrast / 2
    rgb, alpha = x[:, :3], x[:, 3:]
    grey = rgb.mean(1, keepdim=True)
    if not alpha.shape[1]:
        return _recoloured(rgb, grey, grey.mean((2, 3), keepdim=True), shift, saturation, contrast)
    seen = alpha.clamp(0, 1)
    middle = (grey * seen).mean((2, 3), keepdim=True) / seen.mean((2, 3), keepdim=True).clamp_min(1e-3)
    changed = _recoloured(rgb, grey, middle, shift, saturation, contrast)
    return torch.cat((torch.lerp(rgb, changed, seen.expand_as(rgb)), alpha), 1)


def _recoloured(x: Tensor, grey: Tensor, middle: Tensor, shift: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """The paper's three steps, each of them linear in the last, in one: passes over memory are what this costs.

    x + shift = x'; grey' + saturation (x' − grey') = x''; middle'' + contrast (x'' − middle'').
    """
    rest = contrast * (1 - saturation) * grey + (shift + (1 - contrast) * middle)
    return torch.addcmul(rest, contrast * saturation, x)


def translation(x: Tensor, drawn: Tensor, ground: float) -> Tensor:
    """Moved by whole pixels, up to `SHIFT` of each side; what comes in is ground. Arguments as for `colour`."""
    count, channels, height, width = x.shape
    most_down, most_across = round(SHIFT * height), round(SHIFT * width)
    padded = F.pad(x, (most_across, most_across, most_down, most_down), value=ground)
    rows = (drawn[:, :1] * (2 * most_down + 1)).long() + torch.arange(height, device=x.device)
    columns = (drawn[:, 1:2] * (2 * most_across + 1)).long() + torch.arange(width, device=x.device)
    rows = rows + padded.shape[2] * torch.arange(count, device=x.device)[:, None]  # of all pictures, one below the other
    places = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
    pixels = padded.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, places.flatten())
    return pixels.view(count, height, width, channels).permute(0, 3, 1, 2)


def cutout(x: Tensor, drawn: Tensor, ground: float) -> Tensor:
    """A window of `HOLE` of each side becomes ground; its middle is anywhere in the picture. Arguments as for `colour`."""
    rows, columns = (_window(size, drawn[:, i]) for i, size in enumerate(x.shape[2:]))
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return torch.where(hole, ground, x)


def _window(size: int, drawn: Tensor) -> Tensor:
    """[B] in [0, 1) → [B, size] bool: where the window is along one side."""
    length = round(HOLE * size)
    start = (drawn * size).long() - length // 2
    places = torch.arange(size, device=drawn.device)
    return (places >= start[:, None]) & (places < start[:, None] + length)


CHANGES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}
"""Every change by its name."""


def _check(policy: Sequence[str], p: float, latents: bool) -> None:
    for name in policy:
        if name not in CHANGES:
            near = nearest(name, list(CHANGES)) or list(CHANGES)
            raise UsageError(f"There is no augmentation called {name!r}.", f"Perhaps {' or '.join(near)}?")
    if latents and "colour" in policy:
        raise UsageError("Latents have no colour to augment.", "Take translation and cutout alone.")
    if not 0 <= p <= 1:
        raise UsageError(f"p={p:g} is no probability.", "Give a number from 0 to 1.")
