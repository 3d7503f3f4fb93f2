"""Trains the style network: presets first named, any other painting through the encoder.

    python recipes/style.py run/ --photos PHOTOS... --paintings PAINTINGS... --teacher squeezenet1_0.pth --steps 40000

Every item of a batch is a style point z = Σ wᵢ zᵢ with Σ wᵢ ≤ 1; what is missing to 1 is the photo itself (z = 0). Its targets are the
same mixture of Gram matrices and of sorted colours (the Wasserstein geodesic in one dimension), so mixing styles and turning strength
down are trained, not hoped for. Resumable: run the same command again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from presets import PRESETS, Source
from textures import TEXTURES
from torch import Tensor

from mapsto.image.encoder import StyleEncoder, summary
from mapsto.image.features import PerceptualNetwork
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.learning import losses

DIRECTIONS = losses.unit_directions(16, 3, torch.Generator().manual_seed(1))
QUANTILES = 1024
CONTENT = ("fire4", "fire5")


# ---- pictures -----------------------------------------------------------------------------------------------------


def held_out(path: Path) -> bool:
    """A tenth of all files, by name, never trained on."""
    return hashlib.sha1(path.name.encode()).digest()[0] % 10 == 0


def files(folders: list[Path]) -> list[Path]:
    """Pictures below the folders, in a fixed order."""
    return sorted(p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})


def load(path: Path, side: int) -> Tensor:
    """[3, H, W] uint8 with the shorter side at `side`."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    scale = side / min(picture.size)
    size = [max(side, round(v * scale)) for v in picture.size]
    longest = 2 * side
    picture = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    if max(size) > longest:
        picture = ImageOps.fit(picture, (min(size[0], longest), min(size[1], longest)))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def unit(picture: Tensor) -> Tensor:
    """uint8 → [0, 1], with a batch dimension."""
    return (picture.float() / 255)[None] if picture.dim() == 3 else picture.float() / 255


def preset_picture(source: Source, name: str, folders: list[Path]) -> Tensor:
    """The picture a preset is learned from: [1, 3, H, W] in [0, 1]."""
    if source.file is None:
        drawn = torch.from_numpy(TEXTURES[name]()).permute(2, 0, 1)
        return F.interpolate(unit(drawn), (source.side, source.side), mode="bicubic", antialias=True).clamp(0, 1)
    path = next(p for p in files(folders) if p.name == source.file)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    left, top, right, bottom = source.crop
    picture = picture.crop(
        (round(left * picture.width), round(top * picture.height), round(right * picture.width), round(bottom * picture.height))
    )
    scale = source.side / min(picture.size)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    if source.ink:
        picture = ImageOps.autocontrast(picture.convert("L"), cutoff=(1, 12)).convert("RGB")
    return unit(torch.from_numpy(np.array(picture)).permute(2, 0, 1))


def crop(picture: Tensor, size: int, rng: np.random.Generator, zoom: float = 2.0) -> Tensor:
    """A random crop, shrunk by up to `zoom`, of uint8 [3, H, W] → [3, size, size] in [0, 1]; flat ones are drawn again."""
    for _ in range(6):
        height, width = picture.shape[1:]
        window = (
            int(size * min(rng.uniform(1, zoom), min(height, width) / size))
            if min(height, width) > size
            else min(height, width)
        )
        top, left = rng.integers(0, height - window + 1), rng.integers(0, width - window + 1)
        piece = unit(picture[:, top : top + window, left : left + window])
        if window != size:
            piece = F.interpolate(piece, (size, size), mode="bilinear", antialias=True)
        if piece.std() > 0.05:
            break
    return piece[0].flip(-1) if rng.random() < 0.5 else piece[0]


def recolour(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Another palette for a style picture: a random rotation of colour around grey, contrast and brightness."""
    mean = x.mean((2, 3), keepdim=True)
    matrix = torch.linalg.qr(torch.eye(3) + float(rng.uniform(0, 0.6)) * torch.from_numpy(rng.standard_normal((3, 3))).float())[
        0
    ]
    matrix = matrix * torch.sign(torch.diagonal(matrix))[None]
    mixed = (
        torch.einsum("ij,bjhw->bihw", matrix, x - mean) * float(rng.uniform(0.8, 1.3)) + mean + float(rng.uniform(-0.08, 0.08))
    )
    return mixed.clamp(0, 1)


# ---- targets ------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """What a style looks like: Gram matrices by tap, each [B, C, C], and colours sorted along DIRECTIONS, [B, 16, QUANTILES]."""

    grams: dict[str, Tensor]
    colours: Tensor


def sorted_colours(x: Tensor) -> Tensor:
    """[B, 3, H, W] → [B, 16, QUANTILES], of QUANTILES pixels drawn at random: sorting all of them costs more than the networks."""
    drawn = torch.randperm(x.shape[2] * x.shape[3])[:QUANTILES]
    return (DIRECTIONS @ x.float().flatten(2)[:, :, drawn]).sort(-1).values


def measure(x: Tensor, teacher: PerceptualNetwork) -> tuple[Target, dict[str, Tensor]]:
    """Target and features of pictures."""
    taps = teacher(x)
    return Target({k: v.float() for k, v in losses.grams(taps).items()}, sorted_colours(x)), taps


def mix(targets: list[Target], weights: Tensor) -> Target:
    """Weighted sum of targets; weights [B, len(targets)]."""
    total = lambda values: sum(w.view(-1, *[1] * (v.dim() - 1)) * v for w, v in zip(weights.T, values, strict=True))  # noqa: E731
    return Target({k: total([t.grams[k] for t in targets]) for k in targets[0].grams}, total([t.colours for t in targets]))


def load_teacher(path: Path) -> PerceptualNetwork:
    """The loss network from torchvision's SqueezeNet 1.0 weights."""
    state = torch.load(path, weights_only=True)
    teacher = PerceptualNetwork()
    names = {
        "conv1": "features.0",
        **{f"fire{i}": f"features.{j}" for i, j in zip(range(2, 9), (3, 4, 5, 7, 8, 9, 10), strict=True)},
    }
    parts = {"squeeze": "squeeze", "expand1": "expand1x1", "expand3": "expand3x3"}
    renamed = {}
    for key in teacher.state_dict():
        block, *rest = key.split(".")
        renamed[key] = state[".".join([names[block], *[parts.get(r, r) for r in rest]])]
    teacher.load_state_dict(renamed)
    return teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)


# ---- training -----------------------------------------------------------------------------------------------------


class Trainer:
    """Everything that changes while training, and how to keep it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.teacher = load_teacher(options.teacher)
        self.rng = np.random.default_rng(0)
        self.photos = [load(p, 384) for p in files(options.photos) if not held_out(p)]
        self.names = list(PRESETS)
        self.preset_pictures = [preset_picture(PRESETS[n], n, options.paintings) for n in self.names]
        presets = {s.file for s in PRESETS.values()}
        groups: dict[str, int] = {}
        self.paintings: list[Tensor] = []
        for path in files(options.paintings):
            groups[path.parent.name] = groups.get(path.parent.name, 0) + 1
            if not held_out(path) and path.name not in presets and groups[path.parent.name] <= options.cap:
                self.paintings.append(load(path, 320))
        with torch.no_grad():
            measured = [measure(x, self.teacher)[0] for x in self.preset_pictures]
            self.encoder = StyleEncoder()
            sample = [p for p in self.paintings for _ in range(2)]
            rows = [summary(recolour(crop(p, 256, self.rng, 1.4)[None], self.rng), self.teacher) for p in sample]
            self.encoder.fit(torch.cat(rows + [summary(x, self.teacher) for x in self.preset_pictures]))
        self.presets = Target(
            {k: torch.cat([t.grams[k] for t in measured]) for k in measured[0].grams},
            torch.cat([torch.stack([sorted_colours(x) for _ in range(64)]).mean(0) for x in self.preset_pictures]),
        )
        torch.manual_seed(0)
        self.net = StyleNetwork().to(memory_format=torch.channels_last)
        self.z = torch.nn.Parameter(torch.randn(len(self.names), self.net.style_size))
        self.z.data[:, 0] = 1.0
        groups_ = [
            {"params": [p for p in self.net.parameters()], "base": 2e-3},
            {"params": [self.z], "base": 1e-2},
            {"params": [p for p in self.encoder.parameters()], "base": 1e-3},
        ]
        self.optimiser = torch.optim.Adam(groups_, lr=2e-3, betas=(0.9, 0.99))
        self.average = {k: v.clone() for k, v in self.state().items()}
        self.step, self.seconds = 0, 0.0
        self.queue: list[int] = []

    def state(self) -> dict[str, Tensor]:
        """All weights by name."""
        return {
            **{f"net.{k}": v for k, v in self.net.state_dict().items()},
            **{f"encoder.{k}": v for k, v in self.encoder.state_dict().items()},
            "z": self.z.data,
        }

    def rates(self) -> None:
        """Warm up over 100 steps, then a cosine down to 2 %."""
        part = min(1.0, self.step / self.options.steps)
        factor = min(1.0, (self.step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * factor

    def stage(self) -> tuple[int, int, int, int]:
        """Crop size, presets, paintings and mixtures in a batch."""
        part = self.step / self.options.steps
        if part < 0.45:
            return 128, 6, 2, 1
        if part < 0.85:
            return 192, 3, 1, 1
        return 256, 2, 1, 1

    def next_presets(self, count: int) -> list[int]:
        """Each preset once before any comes again."""
        while len(self.queue) < count:
            self.queue += list(self.rng.permutation(len(self.names)))
        taken, self.queue = self.queue[:count], self.queue[count:]
        return [int(i) for i in taken]

    def batch(self) -> tuple[Tensor, Tensor, Target, Tensor, dict[str, Tensor]]:
        """Photos, style points, their targets, how much style each asks for, and the photos' features."""
        size, plain, painted, mixed = self.stage()
        photos = [self.photos[self.rng.integers(len(self.photos))] for _ in range(plain + painted + mixed)]
        if self.rng.random() < 0.15:
            photos[0] = self.paintings[self.rng.integers(len(self.paintings))]
        x = torch.stack([crop(p, size, self.rng) for p in photos])
        with torch.no_grad():
            taps = self.teacher(x, CONTENT)
            own, _ = measure(x[plain + painted :], self.teacher)
        chosen = self.next_presets(plain)
        index = torch.tensor(chosen)
        target = [Target({k: v[index] for k, v in self.presets.grams.items()}, self.presets.colours[index])]
        z = [self.z[index]]
        unseen_z, unseen = self.unseen(painted, size)
        z.append(unseen_z)
        target.append(unseen)
        amount = [torch.ones(plain + painted)]
        for _ in range(mixed):
            mixed_z, mixed_target, strength = self.mixture(own, unseen_z, unseen)
            z.append(mixed_z)
            target.append(mixed_target)
            amount.append(torch.tensor([strength]))
        joined = Target({k: torch.cat([t.grams[k] for t in target]) for k in own.grams}, torch.cat([t.colours for t in target]))
        return x, torch.cat(z), joined, torch.cat(amount), {k: taps[k] for k in CONTENT}

    def unseen(self, count: int, size: int) -> tuple[Tensor, Target]:
        """Style points of paintings through the encoder, with their targets."""
        pictures = []
        for _ in range(count):
            painting = self.paintings[self.rng.integers(len(self.paintings))]
            x = crop(painting, 256, self.rng, 1.25)[None]
            pictures.append(recolour(x, self.rng) if self.rng.random() < 0.4 else x)
        with torch.no_grad():
            styles = torch.cat(pictures)
            target, taps = measure(styles, self.teacher)
            row = summary(styles, self.teacher, taps)
        return self.encoder(row), target

    def mixture(self, photo: Target, unseen_z: Tensor, unseen: Target) -> tuple[Tensor, Target, float]:
        """One style turned down, or two mixed."""
        a, b = self.next_presets(1)[0], int(self.rng.integers(len(self.names)))
        pick = lambda i: Target({k: v[i : i + 1] for k, v in self.presets.grams.items()}, self.presets.colours[i : i + 1])  # noqa: E731
        part = float(self.rng.uniform(0.05, 0.95))
        if self.rng.random() < 0.5:
            return self.z[a : a + 1] * part, mix([pick(a), photo], torch.tensor([[part, 1 - part]])), part
        other_z, other = (
            (self.z[b : b + 1], pick(b))
            if self.rng.random() < 0.6
            else (unseen_z[:1], Target({k: v[:1] for k, v in unseen.grams.items()}, unseen.colours[:1]))
        )
        return self.z[a : a + 1] * part + other_z * (1 - part), mix([pick(a), other], torch.tensor([[part, 1 - part]])), 1.0

    def losses(self) -> tuple[Tensor, dict[str, float]]:
        """One batch through the network: the loss and its named terms."""
        x, z, target, amount, content_taps = self.batch()
        noise = torch.cat([noise_like(*x.shape[2:], seed=int(self.rng.integers(1 << 30))) for _ in range(len(x))])
        painted = self.net(x, style=z, noise=noise)
        inside = painted.clamp(0, 1)
        seen = inside + 0.1 * (painted - inside)  # a hard clamp would starve the gradient
        taps = self.teacher(seen)
        with torch.autocast("cpu", enabled=False):
            terms = {
                "style": losses.balanced_style(losses.grams(taps), target.grams),
                "content": losses.content_distance({k: taps[k] for k in CONTENT}, content_taps),
                "colour": (sorted_colours(seen) - target.colours).square().mean((1, 2)),
            }
            closeness = 1 + 1.5 * (1 - amount)  # near the photo, the photo counts for more
            total = (5 * terms["style"] + self.options.content * closeness * terms["content"] + 6 * terms["colour"]).mean()
            gate = (1 - self.net.gate(z).squeeze(1).float() - (1 - amount)).abs()
            total = (
                total
                + 2.0 * (gate * (amount > 0.99)).mean()
                + self.options.tv * losses.total_variation(seen)
                + 2 * losses.out_of_range(painted)
            )
            plain = slice(0, self.stage()[1])
            terms, gate = {k: v.detach() for k, v in terms.items()}, gate.detach()
            report = {k: float(v[plain].mean()) for k, v in terms.items()}
            rest = slice(self.stage()[1], self.stage()[1] + self.stage()[2])
            report |= {
                "unseen_style": float(terms["style"][rest].mean()),
                "unseen_content": float(terms["content"][rest].mean()),
                "gate": float(gate[plain].mean()),
            }
        return total, report

    def advance(self) -> dict[str, float]:
        """One optimiser step."""
        started = time.process_time()
        self.rates()
        with torch.autocast("cpu", torch.bfloat16):
            total, report = self.losses()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 5.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        decay = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.state().items():
                if value.is_floating_point():
                    self.average[key].lerp_(value, 1 - decay)
        self.step += 1
        self.seconds += time.process_time() - started
        return report

    # ---- keeping ----

    def save(self, path: Path) -> None:
        """Everything needed to go on, replaced in one step."""
        state = {
            "state": self.state(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "rng": self.rng.bit_generator.state,
            "queue": self.queue,
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def resume(self, path: Path) -> None:
        """Go on from `save`."""
        kept = torch.load(path, weights_only=False)  # our own file, written by `save` above
        self.load_state(kept["state"])
        self.average, self.step, self.seconds, self.queue = kept["average"], kept["step"], kept["seconds"], kept["queue"]
        self.optimiser.load_state_dict(kept["optimiser"])
        self.rng.bit_generator.state = kept["rng"]

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Weights by the names of `state`."""
        self.net.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("net.")})
        self.encoder.load_state_dict({k[8:]: v for k, v in state.items() if k.startswith("encoder.")})
        self.z.data.copy_(state["z"])


def sheet(trainer: Trainer, path: Path, size: int = 256) -> None:
    """Held-out photos down, presets across, with the averaged weights."""
    live = {k: v.clone() for k, v in trainer.state().items()}
    trainer.load_state(trainer.average)
    chosen = [p for p in files(trainer.options.photos) if held_out(p)][3::9][:3]
    rows = []
    with torch.inference_mode():
        for photo in chosen:
            x = F.interpolate(unit(load(photo, size)), (size, size), mode="bilinear", antialias=True)
            noise = noise_like(size, size)
            with torch.autocast("cpu", torch.bfloat16):
                painted = [
                    trainer.net(x, style=trainer.z[i : i + 1], noise=noise).clamp(0, 1) for i in range(len(trainer.names))
                ]
            rows += [torch.cat([x, *painted[:16]], 3), torch.cat([x, *painted[16:]], 3)]
    width = max(r.shape[3] for r in rows)
    grid = torch.cat([F.pad(r, (0, width - r.shape[3])) for r in rows], 2)[0]
    Image.fromarray((grid.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)).save(path)
    trainer.load_state(live)


def reports(trainer: Trainer) -> Iterator[dict[str, float]]:
    """Train to the end, one report a step."""
    while trainer.step < trainer.options.steps:
        yield trainer.advance()


def parse() -> argparse.Namespace:
    """Options of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0 weights in torchvision's names")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--content", type=float, default=2.0, help="weight of the content term")
    parser.add_argument("--tv", type=float, default=0.5, help="weight of total variation")
    parser.add_argument("--cap", type=int, default=120, help="paintings of one folder at most")
    return parser.parse_args()


def main() -> None:
    """Train, log, keep."""
    options = parse()
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options)
    kept = options.run / "last.pt"
    if kept.exists():
        trainer.resume(kept)
    window: list[dict[str, float]] = []
    saved = time.monotonic()
    with (options.run / "log.jsonl").open("a") as log:
        for report in reports(trainer):
            window.append(report)
            if trainer.step % 100 == 0:
                mean = {k: round(float(np.mean([w[k] for w in window])), 4) for k in window[0]}
                log.write(json.dumps({"step": trainer.step, "seconds": round(trainer.seconds, 1), **mean}) + "\n")
                log.flush()
                window.clear()
            if time.monotonic() - saved > 150 or trainer.step == options.steps:
                trainer.save(kept)
                sheet(trainer, options.run / f"sheet-{trainer.step:06d}.png")
                saved = time.monotonic()


if __name__ == "__main__":
    main()
