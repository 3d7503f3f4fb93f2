"""Train the embedded perceptual network: distil an ImageNet SqueezeNet 1.0 into the same geometry from random initialisation.

    python recipes/features.py --teacher squeezenet1_0_imagenet.pth --out runs/features photos/ paintings/ faces.zip

Three stages. *Blocks*: every block sees the teacher's features of the block before it, and regresses the teacher's output; all
blocks learn at once, none waits for another. *Chain*: the whole network from the picture on, lest errors compound. *Grams*: the
same, with the Gram matrices among the losses, because style losses are what the network is for.

One picture in ten (by a hash of its name) is held out and measured on. Stopped at any moment, the same command goes on.

The embedded weights: 21 CPU-minutes on one thread of an AMD EPYC with bf16, 6,800 steps, 3,139 pictures (photos, paintings,
clothing, patterns, painted faces); a first 600 steps of the chain ran at 1e-3 and were no use. On 371 pictures held out:

    tap                        relu1   fire2   fire3   fire4   fire5   fire6   fire7   fire8
    R²                         .9998   .9911   .9927   .9912   .9831   .9822   .9844   .9770
    cosine at a position      1.0000   .9988   .9990   .9986   .9954   .9944   .9949   .9913

    over 1,560 pairs                   Pearson   Spearman   median ratio to the teacher's
    balanced style loss                  .9990      .9999    .997
    content distance                     .9990      .9984    .999
    gradient of the style loss           cosine .904 with the teacher's
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import time
import zipfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import feature_scores, gradient_score, loss_scores
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from whitening import Scaled, Whitened, moments

from mapsto import weights
from mapsto.files import atomic
from mapsto.image.features import PerceptualNetwork, from_squeezenet
from mapsto.learning import losses

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
TAPS = PerceptualNetwork.style_taps
PROBES = 40  # batches that statistics of the teacher are taken from


# ---------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Photograph:
    """A decoded picture: its file name, and pixels [H, W, 3] uint8."""

    name: str
    pixels: np.ndarray

    @property
    def held_out(self) -> bool:
        """Whether it is one of the tenth that is measured on, by a hash of the name: the same on every machine.

        Not the tenth of recipes/pictures.py: the scores of the embedded weights stand on this one.
        """
        return hashlib.sha256(self.name.encode()).digest()[0] < 26


def files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every picture in a folder (with its sub-folders) or a zip, sorted."""
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            for name in sorted(archive.namelist()):
                if name.lower().endswith(SUFFIXES):
                    yield Path(name).name, archive.read(name)
        return
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            yield path.name, path.read_bytes()


def load(sources: Sequence[Path], limit: int = 640, few: int = 1500) -> list[Photograph]:
    """All pictures, at most `limit` pixels on the longer side; of a zip, every n-th so that `few` remain."""
    found = []
    for source in sources:
        items = list(files(source))
        for name, content in items[:: max(1, len(items) // few) if source.suffix == ".zip" else 1]:
            picture = Image.open(io.BytesIO(content)).convert("RGB")
            picture.thumbnail((limit, limit), Image.Resampling.LANCZOS)
            if min(picture.size) >= 96:
                found.append(Photograph(name, np.asarray(picture)))
    return found


def crop(picture: Photograph, side: int, dice: np.random.Generator) -> Tensor:
    """A square window of random place and size, resized to `side` pixels, mirrored half the time: [3, side, side] in [0, 1]."""
    h, w, _ = picture.pixels.shape
    window = int(math.exp(dice.uniform(math.log(min(0.7 * side, h, w)), math.log(min(h, w)))))
    y, x = int(dice.integers(h - window + 1)), int(dice.integers(w - window + 1))
    view = Image.fromarray(picture.pixels[y : y + window, x : x + window])
    pixels = np.asarray(view.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return torch.from_numpy(pixels[:, :: int(dice.choice([-1, 1]))].copy()).permute(2, 0, 1)


def recolour(x: Tensor, dice: np.random.Generator) -> Tensor:
    """Random contrast, brightness, gamma and a mild mixing of the channels, still in [0, 1]."""
    mix = torch.from_numpy(np.eye(3) + dice.normal(0, 0.15, (3, 3))).float()
    mix = mix / mix.sum(1, keepdim=True)
    x = torch.einsum("dc,chw->dhw", mix, x).clamp(0, 1) ** math.exp(dice.normal(0, 0.25))
    return ((x - 0.5) * math.exp(dice.normal(0, 0.2)) + 0.5 + dice.normal(0, 0.06)).clamp(0, 1)


def batch(pictures: Sequence[Photograph], step: int, seed: int) -> Tensor:
    """The pictures of one step: a function of the step, so that a resumed run sees what it would have seen.

    Some are blends of two, some are noisy: what an optimiser passes through on its way is not a photo either.
    """
    dice = np.random.default_rng([seed, step])
    side, count = [(96, 16), (128, 10), (160, 6), (224, 3)][int(dice.choice(4, p=[0.2, 0.35, 0.3, 0.15]))]
    crops = [crop(pictures[int(dice.integers(len(pictures)))], side, dice) for _ in range(count)]
    crops = [recolour(x, dice) if dice.random() < 0.6 else x for x in crops]
    x = torch.stack(crops)
    blend = torch.from_numpy(dice.uniform(0, 0.5, (count, 1, 1, 1)) * (dice.random((count, 1, 1, 1)) < 0.1)).float()
    noise = torch.from_numpy(dice.exponential(0.05, (count, 1, 1, 1)) * (dice.random((count, 1, 1, 1)) < 0.25)).float()
    grain = torch.from_numpy(dice.standard_normal(x.shape, dtype=np.float32))
    return torch.lerp(x, x.roll(1, 0), blend).add(noise * grain).clamp(0, 1).contiguous(memory_format=torch.channels_last)


# ---------------------------------------------------------------- losses


def spread(teacher: PerceptualNetwork, pictures: Sequence[Photograph], seed: int) -> dict[str, Tensor]:
    """One unit of error: the teacher's variance per channel and tap, [C, 1, 1], never below a tenth of the tap's mean."""
    sums: dict[str, list[Tensor]] = {tap: [] for tap in TAPS}
    for step in range(PROBES):
        for tap, f in teacher(batch(pictures, step, seed + 1)).items():
            sums[tap].append(torch.stack([f.mean((0, 2, 3)), f.square().mean((0, 2, 3))]))
    found = {}
    for tap, rows in sums.items():
        mean, square = torch.stack(rows).mean(0)
        variance = square - mean.square()
        found[tap] = variance.clamp(min=0.1 * float(variance.mean()))[:, None, None]
    return found


class OneSided(torch.autograd.Function):
    """Error of relu(linear) against `target` ≥ 0, in units of `unit`; a unit that is wrongly off still gets its gradient.

    Where the target is positive this is a regression of `linear` itself, elsewhere of its positive part: convex in `linear`.
    """

    @staticmethod
    def forward(ctx: Any, linear: Tensor, target: Tensor, unit: Tensor) -> Tensor:
        """The mean of wrong² / unit; the gradient is kept, as the same pass gives it."""
        wrong = linear.float() - target
        wrong -= linear.float().clamp_(max=0).mul_(target <= 0)
        gradient = wrong / unit
        loss = torch.dot(wrong.flatten(), gradient.flatten()) / wrong.numel()
        ctx.save_for_backward(gradient.mul_(2 / wrong.numel()).to(linear.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        """The kept gradient, times what comes from outside."""
        return ctx.saved_tensors[0] * outer[0].to(ctx.saved_tensors[0].dtype), None, None


def one_sided(linear: Tensor, target: Tensor, unit: Tensor) -> Tensor:
    """See `OneSided`."""
    return OneSided.apply(linear, target, unit)


def inputs(x: Tensor, features: dict[str, Tensor]) -> dict[str, Tensor]:
    """What each block sees: the picture, then the features of the block before it."""
    return {"relu1": x, **{after: features[before] for before, after in pairwise(TAPS)}}


def block_losses(
    student: PerceptualNetwork, x: Tensor, target: dict[str, Tensor], unit: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Every block on the teacher's features."""
    seen = inputs(x, target)
    return {tap: one_sided(student.linear(tap, seen[tap]), target[tap], unit[tap]) for tap in TAPS}


def chain_losses(
    student: PerceptualNetwork, x: Tensor, target: dict[str, Tensor], unit: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The student's own chain."""
    found = {}
    for tap in TAPS:
        linear = student.linear(tap, x)
        x = F.relu(linear)
        found[tap] = one_sided(linear, target[tap], unit[tap])
    return found


def gram_losses(student: PerceptualNetwork, x: Tensor, target: dict[str, Tensor], unit: dict[str, Tensor]) -> dict[str, Tensor]:
    """The student's own chain, and the balanced distance of its Gram matrices to the teacher's."""
    found = {}
    for tap in TAPS:
        linear = student.linear(tap, x)
        x = F.relu(linear)
        grams = losses.gram(x.float()), losses.gram(target[tap])
        found[tap] = one_sided(linear, target[tap], unit[tap]) + 0.5 * losses.relative_square(*grams).mean()
    return found


# ---------------------------------------------------------------- conditioning


def condition(
    student: PerceptualNetwork, teacher: PerceptualNetwork, pictures: Sequence[Photograph], seed: int
) -> dict[str, Tensor]:
    """Reparametrise the student so that every free number is of order 1: whitened where a block begins, scaled where it ends.

    Returns what one unit of error is at each tap, see `spread`.
    """
    unit, sums = spread(teacher, pictures, seed), dict[str, Tensor]()
    for step in range(PROBES // 2):
        x = batch(pictures, step, seed + 2)
        for tap, seen in inputs(x, teacher(x)).items():
            entered = student.normalise(x) if tap == "relu1" else student.enter(tap, seen)
            sums[tap] = sums.get(tap, torch.zeros(())) + moments(first(student, tap), entered) / (PROBES // 2)
    for tap in TAPS:
        nn.init.normal_(first(student, tap).weight, std=(1.5 / len(sums[tap])) ** 0.5)
        parametrize.register_parametrization(first(student, tap), "weight", Whitened(sums[tap]))
        scales = unit[tap].flatten().sqrt()
        for convolution, scale in zip(last(student, tap), scales.chunk(len(last(student, tap))), strict=True):
            parametrize.register_parametrization(convolution, "weight", Scaled(scale))
            parametrize.register_parametrization(convolution, "bias", Scaled(scale))
    return unit


def first(student: PerceptualNetwork, tap: str) -> nn.Conv2d:
    """The convolution a block begins with."""
    return student.conv1 if tap == "relu1" else student.get_submodule(tap).squeeze  # type: ignore[return-value]


def last(student: PerceptualNetwork, tap: str) -> list[nn.Conv2d]:
    """The convolutions a block ends with, in the order of their channels."""
    fire = student.get_submodule(tap) if tap != "relu1" else None
    return [student.conv1] if fire is None else [fire.expand1, fire.expand3]  # type: ignore[list-item]


def plain(student: PerceptualNetwork) -> PerceptualNetwork:
    """A copy with ordinary weights, for use."""
    copy = deepcopy(student)
    for module in copy.modules():
        if isinstance(module, nn.Conv2d):
            for name in list(getattr(module, "parametrizations", ())):
                parametrize.remove_parametrizations(module, name)
    return copy.eval().requires_grad_(False)


# ---------------------------------------------------------------- training


STAGES = {"blocks": (block_losses, 1e-2), "chain": (chain_losses, 3e-4), "grams": (gram_losses, 1e-4)}
"""Losses and learning rate at the beginning."""


@dataclass
class Plan:
    """How many steps each stage has."""

    blocks: int = 4800
    chain: int = 1500
    grams: int = 500

    @property
    def steps(self) -> int:
        """Of all stages."""
        return self.blocks + self.chain + self.grams

    def at(self, step: int) -> tuple[str, float]:
        """Stage and learning rate of a step: within each stage 100 steps of warm-up, then a cosine to zero."""
        for stage, length in vars(self).items():
            if step < length:
                return stage, STAGES[stage][1] * min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / length))
            step -= length
        raise IndexError(step)


class Run:
    """A training that can be stopped and gone on with: student, optimiser and step in one file."""

    def __init__(
        self, out: Path, teacher: PerceptualNetwork, student: PerceptualNetwork, pictures: list[Photograph], seed: int
    ) -> None:
        self.out, self.teacher, self.student, self.seed = out, teacher, student, seed
        self.train = [p for p in pictures if not p.held_out]
        self.unit = condition(student, teacher, self.train, seed)
        self.optimiser = torch.optim.Adam(student.parameters(), betas=(0.9, 0.99), eps=1e-10)
        self.step, self.seconds = 0, 0.0
        if (out / "checkpoint.pt").exists():
            self._restore(torch.load(out / "checkpoint.pt", weights_only=True))

    def _restore(self, state: dict) -> None:
        self.student.load_state_dict(state["student"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint in one step."""
        with atomic(self.out / "checkpoint.pt") as path:
            state = {"student": self.student.state_dict(), "optimiser": self.optimiser.state_dict()}
            torch.save({**state, "step": self.step, "seconds": self.seconds}, path)

    def one_step(self, plan: Plan) -> dict[str, float]:
        """Learn from one batch; the losses by tap."""
        stage, rate = plan.at(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        x = batch(self.train, self.step, self.seed)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                target = {tap: f.float() for tap, f in self.teacher(x).items()}
            found = STAGES[stage][0](self.student, x, target, self.unit)
        total = torch.stack(list(found.values())).sum()
        self.optimiser.zero_grad()
        total.backward()
        if math.isfinite(float(nn.utils.clip_grad_norm_(self.student.parameters(), 5.0))):
            self.optimiser.step()
        self.step += 1
        return {tap: float(loss.detach()) for tap, loss in found.items()}

    def fit(self, plan: Plan, log: Path) -> None:
        """Train to the end of the plan; a checkpoint and a line of the log every 200 steps."""
        begin, sums = time.process_time(), dict.fromkeys(TAPS, 0.0)
        while self.step < plan.steps:
            for tap, loss in self.one_step(plan).items():
                sums[tap] += loss / 200  # the last row may be of fewer
            if self.step % 200 == 0 or self.step == plan.steps:
                self.seconds, begin = self.seconds + time.process_time() - begin, time.process_time()
                row = {"step": self.step, "stage": plan.at(self.step - 1)[0], "seconds": round(self.seconds)}
                with log.open("a") as file:
                    file.write(json.dumps({**row, **{tap: round(value, 5) for tap, value in sums.items()}}) + "\n")
                sums = dict.fromkeys(TAPS, 0.0)
                self.save()


def square(picture: Photograph, side: int = 256) -> Tensor:
    """The middle of a picture, [1, 3, side, side] in [0, 1]."""
    h, w, _ = picture.pixels.shape
    edge = min(h, w)
    y, x = (h - edge) // 2, (w - edge) // 2
    view = Image.fromarray(picture.pixels[y : y + edge, x : x + edge]).resize((side, side), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(view, dtype=np.float32) / 255).permute(2, 0, 1)[None]


def measure(student: PerceptualNetwork, teacher: PerceptualNetwork, pictures: Sequence[Photograph]) -> dict[str, Any]:
    """Agreement with the teacher on pictures that were held out: features on all, losses and gradients on 40 of them."""
    held = [square(p) for p in pictures if p.held_out]
    few = held[:: max(1, len(held) // 40)][:40]
    scores = {"held_out_pictures": len(held), **feature_scores(student, teacher, held)}
    return {**scores, **loss_scores(student, teacher, few), "gradient_cosine": gradient_score(student, teacher, few)}


STORY = {
    "recipe": "recipes/features.py: distilled, by blocks and then as a chain, from an ImageNet SqueezeNet 1.0 (BSD-2-Clause)",
    "data": "photographs, paintings, clothing, patterns, textures: public domain, CC0, CC BY, CC BY-SA and Unsplash licences",
    "licence": "Apache-2.0",
}


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, help="folders or zips of pictures")
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0 weights, torchvision's key names")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log and weights")
    for stage, steps in vars(Plan()).items():
        parser.add_argument(f"--{stage}", type=int, default=steps, help=f"steps of this stage; {steps} by default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    teacher = from_squeezenet(torch.load(arguments.teacher, weights_only=True)).to(memory_format=torch.channels_last)
    student = PerceptualNetwork().to(memory_format=torch.channels_last)
    pictures = load(arguments.sources)
    run = Run(arguments.out, teacher, student, pictures, arguments.seed)
    run.fit(Plan(arguments.blocks, arguments.chain, arguments.grams), arguments.out / "log.jsonl")
    network = plain(student)
    network.load_state_dict({key: tensor.half() for key, tensor in network.state_dict().items()})  # what is saved is measured
    scores = {**measure(network, teacher, pictures), "training_cpu_seconds": round(run.seconds)}
    print(json.dumps(scores, indent=1))
    weights.save(network, arguments.out / "features-s.safetensors", {**STORY, "scores": scores})


if __name__ == "__main__":
    main()
