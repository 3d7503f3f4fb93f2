"""Trains the style network and its encoder, and writes the embedded weights.

    python recipes/style.py run/ --photos PHOTOS... --paintings PAINTINGS... --teacher squeezenet1_0.pth --steps 12000
    python recipes/style.py run/ --photos PHOTOS... --paintings PAINTINGS... --export src/mapsto/embedded

`--start` begins with the embedded weights, to train them further.

Every item of a batch is a style point z = Σ wᵢ zᵢ with Σ wᵢ ≤ 1; what is missing to 1 is the photo itself (z = 0). Its targets
are the same mixture of Gram matrices and of sorted colours, so mixing styles and turning strength down are trained, not hoped
for. Run the same command again to resume.

What ships: three runs on one core of an AMD EPYC with AVX512-BF16, the other core busy. First 9,987 steps from nothing, 5,150
CPU-seconds, with 3 blocks at 1/8 and 2 at 1/4. Then, grown to 6 and 3 blocks, `--start`, 6,850 steps, 7,310 CPU-seconds,
during which options moved: --content 1.7 to step 2,200, then 1.4, 1.15, 1.05 (from 4,950), 1.2 and 1.25 (from 6,240);
--rate 0.4 with --steps 5200, 0.7 with 6500 from 4,950, 1.0 with 7300, 1.5 with 6850; blotches joined at 3,580, the lattice
of every picture at 4,270; 192-px crops in the first 2,080 steps. Then `--start` again, 2,750 steps of larger batches at 256 px,
3,210 CPU-seconds, --rate 0.4, --content 1.15 and from step 2,240 on 1.35. On held-out photos at 384 px, means of 32 presets:
style .098, content .896, lattice share at most .064; 48 pairs with unseen paintings: style .157, content .774
(benchmarks/style_quality.py). Most of what is left of the style loss is in the deepest taps, fire6 to fire8.

style-video-s, for clips: `--start --steady`, 1,500 steps, 2,670 CPU-seconds; to step 290 --steady 4 --rate 0.4 --content 1.3,
styles and encoder learning too, and put back then; after it --steady 10 --rate 0.5 --content 1.2. What changes beyond moving
fell from .12 to .027 of a painting's variance, while the style loss of the batches rose from .127 to .149.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pictures import crop, files, held_out, load, preset_picture, recolour, unit
from PIL import Image
from presets import PRESETS, Source
from torch import Tensor

from mapsto import weights
from mapsto.image.encoder import StyleEncoder, summary
from mapsto.image.features import PerceptualNetwork, from_squeezenet, perceptual
from mapsto.image.stylize import StyleNetwork, moved, noise_like
from mapsto.image.targets import Target, distances, flaws, join, leaky, mixed, target_of
from mapsto.learning import losses
from mapsto.learning.scenes import scenes

STAGES = ((0.63, 128, (6, 2, 1)), (0.95, 192, (4, 1, 1)), (1.0, 256, (2, 1, 1)))
"""Until which part of the steps: crop size, and how many presets, paintings and mixtures make a batch."""

FURTHER = ((1.0, 256, (4, 1, 1)),)
"""The same for weights that are trained already (`--start`)."""

# Droplets are spikes in the deep features (see LIMIT in mapsto/image/stylize.py); more is charged by targets.flaws.
WEIGHTS = {"style": 5.0, "colour": 6.0, "gate": 2.0, "droplets": 50.0}


class Trainer:
    """Everything that changes while training, and how to keep it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.teacher = teacher(options)
        self.rng = np.random.default_rng(0)
        self.names = list(PRESETS)
        torch.manual_seed(0)
        self.net = StyleNetwork(self.names).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.encoder = StyleEncoder()
        self.z = torch.nn.Parameter(torch.randn(len(self.names), self.net.style_size))
        self.z.data[:, 0] = 1.0  # the amount of paint, see StyleNetwork
        self.deep: list[Tensor] = []
        for norm in [*(norm for block in self.net.deep for norm in (block.norm1, block.norm2)), self.net.up1_norm]:
            norm.register_forward_pre_hook(lambda _module, inputs: self.deep.append(inputs[0]))
        self._read()
        if options.start:
            self.grow(shipped(self.names, self.z.data))
        bases = ((self.net.parameters(), 2e-3), ([self.z], 1e-2), (self.encoder.parameters(), 1e-3))
        self.optimiser = torch.optim.Adam([{"params": list(p), "base": rate} for p, rate in bases], betas=(0.9, 0.99))
        self.average = {key: value.clone() for key, value in self.state().items()}
        self.step, self.seconds = 0, 0.0
        self.queue: list[int] = []

    def _read(self) -> None:
        """Photos, paintings, and what the presets and the encoder need to know of them."""
        self.photos = [load(p, 384) for p in files(self.options.photos) if not held_out(p)]
        self.paintings = [load(p, 320) for p in painting_files(self.options)]
        pictures = [preset_picture(PRESETS[name], name, self.options.paintings) for name in self.names]
        with torch.no_grad():
            self.presets = join([target_of(x, self.teacher, rounds=64) for x in pictures])
            views = [recolour(crop(p, 256, self.rng, 1.4)[None], self.rng) for p in self.paintings for _ in range(2)]
            self.encoder.fit(torch.cat([summary(x, self.teacher) for x in views + pictures]))

    def state(self) -> dict[str, Tensor]:
        """All weights by name."""
        net = {f"net.{key}": value for key, value in self.net.state_dict().items() if key != "presets"}
        return {**net, **{f"encoder.{key}": value for key, value in self.encoder.state_dict().items()}, "z": self.z.data}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Weights by the names of `state`."""
        net = {key[4:]: value for key, value in state.items() if key.startswith("net.")}
        self.net.load_state_dict({**net, "presets": state["z"]})
        self.encoder.load_state_dict({key[8:]: value for key, value in state.items() if key.startswith("encoder.")})
        self.z.data.copy_(state["z"])

    def grow(self, state: dict[str, Tensor]) -> None:
        """Take weights over, of a smaller network too: blocks that it lacks start as the identity."""
        known = {key for key in state if key.startswith("net.")}
        for name, value in self.net.state_dict().items():
            if f"net.{name}" not in known and ".norm2.affine." in name:
                value.zero_()
        self.load_state({**self.state(), **state})

    # ---- batches ----

    def stage(self) -> tuple[int, tuple[int, int, int]]:
        """Crop size, and presets, paintings and mixtures in a batch."""
        part = self.step / self.options.steps
        stages = FURTHER if self.options.start else STAGES
        return next((size, counts) for until, size, counts in stages if part < until or until == 1.0)

    def next_presets(self, count: int) -> list[int]:
        """Each preset once before any comes again."""
        while len(self.queue) < count:
            self.queue += [int(i) for i in self.rng.permutation(len(self.names))]
        taken, self.queue = self.queue[:count], self.queue[count:]
        return taken

    def photo_crops(self, count: int, size: int) -> Tensor:
        """Crops of photos, now and then of a painting, since people and interiors are rare among the photos."""
        drawn = [self.photos[self.rng.integers(len(self.photos))] for _ in range(count)]
        if self.rng.random() < 0.15:
            drawn[0] = self.paintings[self.rng.integers(len(self.paintings))]
        crops = [crop(picture, size, self.rng)[None] for picture in drawn]
        # Photos hardly ever saturate; without colours at the edge of the range a flat orange sleeve grows blotches.
        crops = [recolour(x, self.rng, (0.7, 2.0)) if self.rng.random() < 0.25 else x for x in crops]
        for place in (0, -1):  # drawn scenes have the flat skies in which droplets grow
            if self.rng.random() < 0.15:
                crops[place] = scenes(1, size, torch.Generator().manual_seed(int(self.rng.integers(1 << 30))))
        return torch.cat(crops)

    def batch(self) -> tuple[Tensor, Tensor, Target, Tensor]:
        """Photos, style points, their targets, and how much style each asks for."""
        size, (plain, painted, mixtures) = self.stage()
        x = self.photo_crops(plain + painted + mixtures, size)
        index = torch.tensor(self.next_presets(plain))
        encoded, unseen = self.unseen(painted)
        with torch.no_grad():
            own = target_of(x[plain + painted :], self.teacher)
        made = [self.mixture(own[i : i + 1], encoded, unseen) for i in range(mixtures)]
        z = torch.cat([self.z[index], encoded, *[m[0] for m in made]])
        target = join([self.presets[index], unseen, *[m[1] for m in made]])
        return x, z, target, torch.tensor([1.0] * (plain + painted) + [m[2] for m in made])

    def unseen(self, count: int) -> tuple[Tensor, Target]:
        """Style points of paintings through the encoder, with their targets."""
        pictures = []
        for _ in range(count):
            x = crop(self.paintings[self.rng.integers(len(self.paintings))], 256, self.rng, 1.25)[None]
            pictures.append(recolour(x, self.rng) if self.rng.random() < 0.4 else x)
        styles = torch.cat(pictures)
        with torch.no_grad():
            rows, target = summary(styles, self.teacher), target_of(styles, self.teacher)
        return self.encoder(rows), target

    def mixture(self, photo: Target, encoded: Tensor, unseen: Target) -> tuple[Tensor, Target, float]:
        """One style turned down towards the photo, or two mixed; z, target, and how much style."""
        a, b, part = self.next_presets(1)[0], int(self.rng.integers(len(self.names))), float(self.rng.uniform(0.05, 0.95))
        first, point = self.presets[a : a + 1], self.z[a : a + 1]
        if self.rng.random() < 0.5:
            return point * part, mixed([first, photo], [part, 1 - part]), part
        preset = self.rng.random() < 0.6
        other, target = (self.z[b : b + 1], self.presets[b : b + 1]) if preset else (encoded[:1], unseen[:1])
        return point * part + other * (1 - part), mixed([first, target], [part, 1 - part]), 1.0

    # ---- steps ----

    def losses(self) -> tuple[Tensor, dict[str, float]]:
        """One batch through the network: the loss and its named terms."""
        x, z, target, amount = self.batch()
        with torch.no_grad():
            content = self.teacher(x, self.teacher.content_taps)
        noise = torch.cat([noise_like(*x.shape[2:], seed=int(self.rng.integers(1 << 30))) for _ in range(len(x))])
        self.deep.clear()
        painted = self.net(x, style=z, noise=noise)
        seen = leaky(painted)
        droplets = torch.stack([F.relu(losses.whiten(h).abs() - 4.5).square().mean() for h in self.deep]).sum()
        terms = distances(seen, target, content, self.teacher)
        nearness = 1 + 1.5 * (1 - amount)  # near the photo, the photo counts for more
        total = WEIGHTS["style"] * terms["style"] + WEIGHTS["colour"] * terms["colour"]
        total = total + self.options.content * nearness * terms["content"]
        gate = (1 - self.net.gate(z).squeeze(1).float() - (1 - amount)).abs()
        total = total.mean() + WEIGHTS["gate"] * (gate * (amount > 0.99)).mean()
        total = total + WEIGHTS["droplets"] * droplets
        found = flaws(painted, x)
        if self.options.steady:
            found["steady"] = self.options.steady * self.unsteadiness(x, z, noise, painted)
        total = total + torch.stack(list(found.values())).sum()
        faults = {name: float(value.detach()) for name, value in found.items()}
        return total, {**self.report({**terms, "gate": gate}), **faults, "droplets": float(droplets.detach())}

    def unsteadiness(self, x: Tensor, z: Tensor, noise: Tensor, painted: Tensor, count: int = 3) -> Tensor:
        """How much some paintings change when their photos move by a few pixels, beyond moving: a share of their variance.

        In a film everything moves by parts of the network's grid of 4 pixels, and its noise goes with it.
        """
        items = torch.from_numpy(self.rng.permutation(len(x))[:count])
        dy, dx = (int(d) for d in self.rng.choice([-3, -2, -1, 1, 2, 3], 2) * (self.rng.random(2) < 0.8))
        rows, columns = x.shape[2:]
        padded = F.pad(x[items], (4, 4, 4, 4), mode="reflect")
        other = padded[:, :, 4 + dy : 4 + dy + rows, 4 + dx : 4 + dx + columns]
        other = (other + float(self.rng.uniform(0, 2 / 255)) * torch.randn_like(other)).clamp(0, 1)
        places = torch.stack(torch.meshgrid(torch.arange(columns / 4), torch.arange(rows / 4), indexing="xy"), 2)
        places = (places + torch.tensor([dx, dy]) / 4).expand(len(items), -1, -1, -1)
        again = self.net(other, style=z[items], noise=moved(noise[items], places))
        edge = 16
        seen = again[:, :, edge : rows - edge, edge : columns - edge].float()
        wanted = painted[items][:, :, edge + dy : rows - edge + dy, edge + dx : columns - edge + dx].float()
        variance = wanted.detach().var((1, 2, 3)).clamp_min(1e-3)
        return ((seen - wanted).square().mean((1, 2, 3)) / variance).mean()

    def report(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """Means over the presets of a batch, and over its paintings."""
        _, (plain, painted, _) = self.stage()
        said = {key: float(value.detach()[:plain].mean()) for key, value in terms.items()}
        unseen = slice(plain, plain + painted)
        return said | {f"unseen_{key}": float(terms[key].detach()[unseen].mean()) for key in ("style", "content")}

    def advance(self) -> dict[str, float]:
        """One optimiser step: 100 of warm-up, then a cosine down to 2 %."""
        started = time.process_time()
        part = min(1.0, self.step / self.options.steps)
        factor = min(1.0, (self.step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
        network, *others = self.optimiser.param_groups
        for group in (network, *others):
            group["lr"] = group["base"] * self.options.rate * factor
        if self.options.steady:  # the steady network shares styles and encoder with the one for stills
            for group in others:
                group["lr"] = 0.0
        with torch.autocast("cpu", torch.bfloat16):
            total, report = self.losses()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 5.0)
        if torch.isfinite(norm):
            self.optimiser.step()
        decay = min(0.999, (1 + self.step) / (10 + self.step))
        for key, value in self.state().items():
            self.average[key].lerp_(value, 1 - decay)
        self.step += 1
        self.seconds += time.process_time() - started
        return report

    # ---- keeping ----

    def save(self, path: Path) -> None:
        """Everything needed to go on, replaced in one step."""
        kept = {"state": self.state(), "average": self.average, "optimiser": self.optimiser.state_dict()}
        kept |= {"step": self.step, "seconds": self.seconds, "rng": self.rng.bit_generator.state, "queue": self.queue}
        temporary = path.with_suffix(".tmp")
        torch.save(kept, temporary)
        os.replace(temporary, path)

    def resume(self, path: Path) -> None:
        """Go on from `save`."""
        kept = torch.load(path, weights_only=False)  # our own file, written by `save` above
        self.load_state(kept["state"])
        self.average, self.step, self.seconds, self.queue = kept["average"], kept["step"], kept["seconds"], kept["queue"]
        self.optimiser.load_state_dict(kept["optimiser"])
        self.rng.bit_generator.state = kept["rng"]


def shipped(names: list[str], fresh: Tensor) -> dict[str, Tensor]:
    """The embedded weights by the names of `Trainer.state`; presets they do not know start fresh."""
    net, encoder = weights.load("style-s", expect="StyleNetwork"), weights.load("style-encoder-s", expect="StyleEncoder")
    assert isinstance(net, StyleNetwork)
    state = {
        **{f"net.{k}": v for k, v in net.state_dict().items()},
        **{f"encoder.{k}": v for k, v in encoder.state_dict().items()},
    }
    known = dict(zip(net.names, state.pop("net.presets"), strict=True))
    return {**state, "z": torch.stack([known.get(name, z) for name, z in zip(names, fresh, strict=True)])}


def teacher(options: argparse.Namespace) -> PerceptualNetwork:
    """The loss network: SqueezeNet 1.0 where its weights are given, else our own."""
    if options.teacher is None:
        own = perceptual("small")
        assert isinstance(own, PerceptualNetwork)
        return own
    found = from_squeezenet(torch.load(options.teacher, weights_only=True))
    return found.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def painting_files(options: argparse.Namespace) -> list[Path]:
    """Paintings to learn unseen styles on: not held out, no presets, no folder dominating."""
    presets = {source.file for source in PRESETS.values()}
    counts: dict[str, int] = {}
    chosen = []
    for path in files(options.paintings):
        counts[path.parent.name] = counts.get(path.parent.name, 0) + 1
        if not held_out(path) and path.name not in presets and counts[path.parent.name] <= options.cap:
            chosen.append(path)
    return chosen


def sheet(trainer: Trainer, path: Path, size: int = 160) -> None:
    """Held-out photos, each in every preset, with the averaged weights."""
    live = {key: value.clone() for key, value in trainer.state().items()}
    trainer.load_state(trainer.average)
    chosen = [p for p in files(trainer.options.photos) if held_out(p)][3::9][:2]
    rows = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for photo in chosen:
            x = F.interpolate(unit(load(photo, size)), (size, size), mode="bilinear", antialias=True)
            z = [trainer.z[i : i + 1] for i in range(len(trainer.names))]
            painted = [trainer.net(x, style=point, noise=noise_like(size, size)).clamp(0, 1) for point in z]
            rows += [torch.cat([x, *painted[i : i + 16]], 3) for i in range(0, len(painted), 16)]
    grid = torch.cat([F.pad(row, (0, 17 * size - row.shape[3])) for row in rows], 2)[0]
    Image.fromarray((grid.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)).save(path)
    trainer.load_state(live)


def train(trainer: Trainer) -> None:
    """To the last step, with a log line every hundred steps, a checkpoint and a sheet every few minutes."""
    options = trainer.options
    window: list[dict[str, float]] = []
    saved = time.monotonic()
    with (options.run / "log.jsonl").open("a") as log:
        while trainer.step < options.steps:
            window.append(trainer.advance())
            if trainer.step % 100 == 0:
                mean = {key: round(float(np.mean([w[key] for w in window])), 4) for key in window[0]}
                log.write(json.dumps({"step": trainer.step, "seconds": round(trainer.seconds, 1), **mean}) + "\n")
                log.flush()
                window.clear()
            if time.monotonic() - saved > 150 or trainer.step == options.steps:
                trainer.save(options.run / "last.pt")
                sheet(trainer, options.run / f"sheet-{trainer.step:06d}.png")
                saved = time.monotonic()


def export(options: argparse.Namespace) -> None:
    """Write the averaged network and encoder as embedded weights, with their cards."""
    kept = torch.load(options.run / "last.pt", weights_only=False)  # our own file
    average = kept["average"]
    net, encoder = StyleNetwork(list(PRESETS)), StyleEncoder()
    state = {key[4:]: value for key, value in average.items() if key.startswith("net.")}
    net.load_state_dict({**state, "presets": average["z"]})
    encoder.load_state_dict({key[8:]: value for key, value in average.items() if key.startswith("encoder.")})
    scores = json.loads(options.scores.read_text()) if options.scores else {}
    card = {
        "recipe": f"recipes/style.py, {options.before}{kept['step']} steps, {kept['seconds']:.0f} CPU-seconds",
        "data": "390 photos, 211 photo crops and 301 pictures of clothing under free licences (CC0, CC BY, CC BY-SA, Unsplash, "
        "Pexels) as content, a tenth of them held out; as styles the presets' own pictures and 586 paintings, drawings, comic "
        "pages, public domain and CC BY 4.0 (Pepper&Carrot by David Revoy)",
        "licence": "Apache-2.0",
        "scores": scores or {"step": kept["step"]},
    }
    named = {name: _story(source) for name, source in PRESETS.items()}
    if options.steady:  # one encoder, and one set of styles, for both
        return weights.save(net, options.export / "style-video-s.safetensors", {**card, "presets": named, "stills": "style-s"})
    weights.save(net, options.export / "style-s.safetensors", {**card, "presets": named})
    weights.save(encoder, options.export / "style-encoder-s.safetensors", card)


def _story(source: Source) -> dict[str, str]:
    fields = ("hand", "artist", "title", "year", "licence")
    return {field: getattr(source, field) for field in fields}


def parse() -> argparse.Namespace:
    """Options of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    parser.add_argument("--teacher", type=Path, help="SqueezeNet 1.0 weights in torchvision's names; our own network without")
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--content", type=float, default=2.0, help="weight of the content term")
    parser.add_argument("--steady", type=float, default=0.0, help="weight of what changes when photos move a little")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of all learning rates; 0.4 suits --start")
    parser.add_argument("--cap", type=int, default=120, help="paintings of one folder at most")
    parser.add_argument("--start", action="store_true", help="begin with the embedded weights instead of fresh ones")
    parser.add_argument("--before", default="", help="for the card: what trained the weights that --start began with")
    parser.add_argument("--export", type=Path, help="write the embedded weights into this folder, and train no further")
    parser.add_argument("--scores", type=Path, help="JSON of measured scores for the cards")
    return parser.parse_args()


def main() -> None:
    """Train, log, keep; or export."""
    options = parse()
    if options.export:
        return export(options)
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    trainer = Trainer(options)
    if (options.run / "last.pt").exists():
        trainer.resume(options.run / "last.pt")
    train(trainer)


if __name__ == "__main__":
    main()
