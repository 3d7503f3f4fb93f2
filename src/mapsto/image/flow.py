"""A rectified flow over latents: noise is carried to a picture along the velocity field that a network has learned.

    B batch   C, h, w channels, rows and columns of the latents   D channels inside   E size of the embedding of time and class

Time runs from 0, noise, to 1, a latent. On the straight way x(t) = (1 − t)·noise + t·data the velocity is data − noise; the
network learns its mean given x(t) (Liu et al., "Flow Straight and Fast", arXiv 2209.03003, eq. 1; Lipman et al.,
arXiv 2210.02747). `integrate` follows it.

What the network adds is the difference from white Gaussian data, whose velocity is known: with d = t² + (1 − t)²

    v = (2t − 1) / d · x + F(x / √d, t) / √d

so F has inputs and targets of unit variance at all times (the preconditioning of Karras et al., arXiv 2206.00364, §5, in the
time of a flow), and an untrained network already draws N(0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mapsto.errors import UsageError
from mapsto.layers import attend, in_fp32
from mapsto.mapping import Mapping
from mapsto.spaces import Latent

Velocity = Callable[..., Tensor]
"""(x [B, …], t=[B], labels=[B] or None) → the velocity at x, of the same shape: a `FlowNetwork`, or a formula. To be
guided by its attention it understands `perturbed=True` as well."""

FREQUENCIES = 32
SMALLEST_GRID = 4
"""Levels are halved down to this many rows or columns."""


def normal(x: Tensor) -> Tensor:
    """Zero mean and unit variance over the channels of every place: [B, D, h, w] to the same shape.

    Group normalisation takes 1.5 times as long on a CPU, and instance normalisation would hide what all places share.
    """
    return F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Two 3×3 convolutions beside an identity; time and class scale and shift what is between them. Starts as the identity.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        embedding: E.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.affine = nn.Linear(embedding, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """x [B, inputs, h, w], embedding [B, E] → [B, outputs, h, w]."""
        scale, shift = self.affine(embedding)[:, :, None, None].chunk(2, 1)
        h = F.silu(torch.addcmul(shift, self.conv1(normal(x)), 1 + scale))
        out: Tensor = self.skip(x) + self.conv2(h)
        return out


class Attention(nn.Module):
    """Every place looks at every other (Vaswani et al., arXiv 1706.03762, §3.2), beside an identity. Starts as the identity.

    Args:
        channels: D, a multiple of `head`.
        head: Channels of one head.
    """

    def __init__(self, channels: int, head: int = 32) -> None:
        super().__init__()
        self.head = head
        self.ask, self.answer = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, x: Tensor, /, perturbed: bool = False) -> Tensor:
        """[B, D, h, w] to the same shape; perturbed, every place looks at itself alone."""
        batch, channels, rows, columns = x.shape
        flat = F.layer_norm(x.permute(0, 2, 3, 1), (channels,)).flatten(1, 2)  # [B, N, D]
        query, key, value = self.ask(flat).unflatten(2, (3, -1, self.head)).permute(2, 0, 3, 1, 4)  # each [B, heads, N, head]
        seen = (value if perturbed else attend(query, key, value)).transpose(1, 2).reshape(batch, rows, columns, channels)
        out: Tensor = x + self.answer(seen).permute(0, 3, 1, 2)
        return out


class Stage(nn.Module):
    """A block, then attention."""

    def __init__(self, inputs: int, outputs: int, embedding: int, attention: bool) -> None:
        super().__init__()
        self.block = Block(inputs, outputs, embedding)
        self.attention = Attention(outputs) if attention else None

    def forward(self, x: Tensor, embedding: Tensor, perturbed: bool = False) -> Tensor:
        """As for `Block`, and for `Attention`."""
        out: Tensor = self.block(x, embedding)
        return out if self.attention is None else self.attention(out, perturbed)


class FlowNetwork(Mapping[Latent, Latent]):
    """The velocity of a flow: a U-Net of convolutions and attention, 3.8 million weights as it stands.

    Args:
        channels: C.
        height: Rows of the latents it is trained on; the network takes others too.
        width: Their columns.
        base: Channels at full resolution, a multiple of 32; the coarser levels have twice as many.
        blocks: Stages a level on the way down; one more on the way up.
        levels: Resolutions; by default halved while both sides stay 4 or more.
        attention: How many of the coarsest levels have attention.
        embedding: E.
        classes: Of labels; 0 for none.

    Raises:
        UsageError: a base that is no multiple of 32, or nothing to map.
    """

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        base: int = 64,
        blocks: int = 2,
        levels: int | None = None,
        attention: int = 1,
        embedding: int = 256,
        classes: int = 0,
    ) -> None:
        super().__init__(Latent(channels), Latent(channels), {"t": None, "labels": None, "perturbed": None})
        if base % 32 or min(base, channels, height, width, blocks) < 1:
            raise UsageError(
                f"A flow of base {base} over latents of {channels}×{height}×{width} cannot be.", "The base is a multiple of 32."
            )
        self.height, self.width, self.classes = height, width, classes
        count = levels or levels_of(height, width)
        widths = [base * min(2**level, 2) for level in range(count)]
        self.enter = nn.Conv2d(channels, base, 3, padding=1)
        self._lay_out(widths, blocks, attention, embedding)
        self.leave = nn.Conv2d(base, channels, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        self.clock = nn.Sequential(nn.Linear(2 * FREQUENCIES, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.kind = nn.Embedding(classes + 1, embedding) if classes else None  # the last stands for "any"

    def _lay_out(self, widths: list[int], blocks: int, attention: int, embedding: int) -> None:
        """The stages, coarse ones with attention: down, the middle, and up again beside what went down."""
        looks = [level >= len(widths) - attention for level in range(len(widths))]
        passed, before = [widths[0]], widths[0]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            sizes = [before] + [width] * (blocks - 1)
            self.down.append(nn.ModuleList(Stage(size, width, embedding, looks[level]) for size in sizes))
            last = level + 1 == len(widths)
            passed += [width] * (blocks if last else blocks + 1)  # halved, it is passed on once more
            before = width
        self.middle = Stage(before, before, embedding, looks[-1])
        for level, width in reversed(list(enumerate(widths))):
            stages = nn.ModuleList()
            for _ in range(blocks + 1):
                stages.append(Stage(before + passed.pop(), width, embedding, looks[level]))
                before = width
            self.up.append(stages)

    def forward(self, x: Tensor, /, t: Tensor, labels: Tensor | None = None, perturbed: bool = False) -> Tensor:
        """The velocity at x.

        Args:
            x: [B, C, h, w] on the way from noise to latents of about unit variance.
            t: [B] in [0, 1].
            labels: [B] int64 below `classes`, or `classes` itself for "any", which None means for all.
            perturbed: No place looks at another: as a network would say it that sees parts, and not how they belong together.

        Returns:
            [B, C, h, w], fp32.
        """
        embedding = self._embed(t, labels)
        time = t.float()[:, None, None, None]
        variance = time.square() + (1 - time).square()
        h = self._pass(x * variance.rsqrt(), embedding, perturbed)
        added = in_fp32(self.leave, F.silu(h))  # the sum over many steps is as exact as its terms
        return (2 * time - 1) / variance * x + added * variance.rsqrt()

    def _embed(self, t: Tensor, labels: Tensor | None) -> Tensor:
        """[B] and [B] → [B, E]."""
        angles = 2 * t.float()[:, None] * torch.logspace(0, 2, FREQUENCIES, device=t.device)  # no buffer: it would lose digits
        embedding: Tensor = self.clock(torch.cat([angles.sin(), angles.cos()], 1).to(self.enter.weight.dtype))
        if self.kind is not None:
            embedding = embedding + self.kind(torch.full_like(t, self.classes, dtype=torch.int64) if labels is None else labels)
        return F.silu(embedding)

    def _pass(self, x: Tensor, embedding: Tensor, perturbed: bool) -> Tensor:
        """Through the stages: [B, C, h, w] → [B, base, h, w]."""
        h = self.enter(x.to(self.enter.weight.dtype, memory_format=torch.channels_last))
        passed = [h]
        for level, stages in enumerate(self.down):
            if level:
                h = F.avg_pool2d(h, 2, ceil_mode=True)
                passed.append(h)
            for stage in stages:  # type: ignore[attr-defined]
                h = stage(h, embedding, perturbed)
                passed.append(h)
        h = self.middle(h, embedding, perturbed)
        for stages in self.up:
            h = F.interpolate(h, passed[-1].shape[2:], mode="nearest")
            for stage in stages:  # type: ignore[attr-defined]
                h = stage(torch.cat([h, passed.pop()], 1), embedding, perturbed)
        return normal(h)


def levels_of(height: int, width: int) -> int:
    """How often a grid can be halved before a side falls below `SMALLEST_GRID`, and one."""
    return 1 + max(0, int(math.log2(max(1, min(height, width) // SMALLEST_GRID))))


@torch.no_grad()
def integrate(
    network: Velocity,
    x: Tensor,
    *,
    steps: int = 20,
    labels: Tensor | None = None,
    guidance: float = 1.0,
    pag: float = 0.0,
    start: float = 0.0,
    end: float = 1.0,
) -> Tensor:
    """Follow a velocity field from one time to another, by Heun's method: exact where the velocity is linear in time.

    Args:
        network: The field.
        x: [B, …] at the time `start`: noise of N(0, 1) for new pictures.
        steps: Of equal length, each of two looks at the field.
        labels: [B] int64, classes.
        guidance: g in v(any) + g · (v(label) − v(any)) (arXiv 2207.12598): 1 follows the labels, more exaggerates.
        pag: s in v + s · (v − v(perturbed)), perturbed-attention guidance (Ahn et al., arXiv 2403.17377): 0 is plain, more goes
            away from what a network would draw that does not see how parts belong together. It doubles what a step costs.
        start: 0 is noise.
        end: 1 is a latent. From 1 to 0 finds the noise that a latent comes from.

    Returns:
        [B, …] at the time `end`, fp32.

    Raises:
        UsageError: fewer than one step, or guidance without labels.
    """
    if steps < 1:
        raise UsageError(f"A flow cannot be followed in {steps} steps.", "Give 1 or more; 20 are plenty.")
    velocity = _guided(network, labels, guidance, pag)
    x, stride = x.float(), (end - start) / steps
    for step in range(steps):
        time = torch.full((x.shape[0],), start + step * stride, device=x.device)
        here = velocity(x, time)
        there = velocity(x + stride * here, time + stride)
        x = x + stride / 2 * (here + there)
    return x


def _guided(network: Velocity, labels: Tensor | None, guidance: float, pag: float) -> Callable[[Tensor, Tensor], Tensor]:
    if guidance != 1.0 and labels is None:
        raise UsageError("Guidance leans towards a class, and none was given.", "Give labels, or leave guidance at 1.")

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        plain = bound = network(x, t=t, labels=labels).float()
        if guidance != 1.0:
            bound = torch.lerp(network(x, t=t, labels=None).float(), plain, guidance)
        return bound + pag * (plain - network(x, t=t, labels=labels, perturbed=True).float()) if pag else bound

    return velocity
