"""Does adapting help? Every way to learn from few pictures, measured on many that none of them saw; also where ours loses.

    python recipes/adapt_proof.py run/ --model portrait --pictures PAINTINGS --kind flow
    python recipes/adapt_proof.py run/ --model portrait --pictures PAINTINGS --kind gan --critic runs/portrait/gan
    python recipes/adapt_proof.py run/ --quick

Ways: from scratch; fine-tuned; fine-tuned with one addition each (L2-SP, FreezeD, EWC, DiffAugment); with all of them. For 10,
30 and 100 pictures, with 3 seeds each, which choose the pictures, draw the new weights and order the data. All see equally many
pictures; scratch is also trained for as many more as the start has seen (`--seen`, times `--charge`), so that the
pretraining is not a gift. A flow has no critic: there FreezeD freezes the first half of its own layers, and DiffAugment is
mirroring. The VAE is the model's own in all of them, from scratch too, which favours scratch.

Rows are kept one by one: stopped at any moment, the same command goes on, and does no row twice. proof.md has the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from proof_table import DEFAULT, document, slug
from torch import Tensor

from mapsto import device, weights
from mapsto.errors import UsageError
from mapsto.files import atomic
from mapsto.image.features import PerceptualNetwork, perceptual
from mapsto.image.image_model import ImageModel
from mapsto.image.vae import VAE
from mapsto.learning.adapt import pictures_of
from mapsto.learning.arms import Arm, learn
from mapsto.learning.checkpoint import newest
from mapsto.learning.comparison import averages_of
from mapsto.learning.data import PictureData, prepare
from mapsto.learning.distances import embed, fd, kd, nearest_ratio, precision_recall
from mapsto.learning.fit import Plan, Report
from mapsto.learning.from_pictures import PRESETS
from mapsto.learning.importance import importance
from mapsto.learning.latents import LatentData, encoded
from mapsto.learning.restraint import begin
from mapsto.learning.scenes import scenes
from mapsto.learning.subject import TRAINED, Subject


@dataclass(frozen=True)
class Way:
    """An arm, and what only this recipe knows of it.

    Args:
        arm: How to learn.
        mirrored: Whether the pictures are mirrored at random.
        charged: Whether it is trained for as many more pictures as the start has seen.
    """

    arm: Arm
    mirrored: bool = False
    charged: bool = False


def ways(options: argparse.Namespace) -> list[Way]:
    """All of them, in the order of the table."""
    gan = options.kind == "gan"
    frozen = ("critic:0.5",) if gan else ("flow:0.5",)
    augmented: dict[str, Any] = {"options": {"augment": True}} if gan else {}
    mirrored = not gan
    scratch = [Way(Arm("scratch", start=False)), Way(Arm("scratch + DiffAugment", start=False, **augmented), mirrored)]
    charged = [replace(way, arm=replace(way.arm, name=f"{way.arm.name}, charged"), charged=True) for way in scratch]
    return [
        *scratch,
        *(charged if extra(options) else []),
        Way(Arm("fine-tune")),
        Way(Arm(DEFAULT, strength=options.strength)),
        Way(Arm("+ FreezeD", frozen=frozen)),
        Way(Arm("+ EWC", ewc=options.ewc)),
        Way(Arm("+ DiffAugment", **augmented), mirrored),
        Way(Arm("+ all", strength=options.strength, frozen=frozen, ewc=options.ewc, **augmented), mirrored),
    ]


def extra(options: argparse.Namespace) -> int:
    """Steps that a charged way has more."""
    return round(options.charge * options.seen / options.batch)


# ---------------------------------------------------------------- what is compared


class Proof:
    """Everything that all rows share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.place = device.pick(options.device)
        model = (toy(options) if options.quick else embedded(options)).to(self.place)
        data = prepare(options.pictures, (model.height, model.width), channels=model.channels)
        least = max(options.counts) + 4
        if len(data) < least:
            raise UsageError(f"{len(data)} pictures are too few to prove anything.", f"Give {least} or more, better 1,000.")
        self.pool, self.held_out = data.split(min(options.held_out, len(data) - max(options.counts)) / len(data))
        if options.quick:
            encoded(model, self.pool)
        self.subject = Subject(model, options.kind, critic=critic(options), noise=noise(model, self.pool, options.kind))
        network = perceptual("small", self.place)
        assert isinstance(network, PerceptualNetwork)
        self.network, self.real = network, embed(pictures_of(self.held_out), network)
        self.start = self.subject.start()
        self._importance: dict[str, Tensor] | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row, made or found again."""
        yield self._kept("start", self.of_start)
        for count in self.options.counts:
            for seed in range(self.options.seeds):
                for way in ways(self.options):
                    folder = self.options.run / "arms" / f"{count}-{seed}-{slug(way.arm.name)}"
                    yield self._kept(folder.name, partial(self.row, count, seed, way, folder))

    def _kept(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        path = self.options.run / "rows" / f"{name}.json"
        if not path.exists():
            row = make()
            with atomic(path) as file:
                file.write_text(json.dumps(row, indent=1))
        return json.loads(path.read_text())

    def of_start(self) -> dict[str, Any]:
        """The model as it was, and how far real pictures are from real ones."""
        game = self.subject.make()
        begin(game, self.start)
        half = len(self.real) // 2
        floor = {"kd": kd(self.real[:half], self.real[half:]).value, "fd": fd(self.real[:half], self.real[half:])}
        return {"arm": "start", "figures": self.figures(averages_of(game), None), "floor": floor, "seen": self.options.seen}

    def row(self, count: int, seed: int, way: Way, folder: Path) -> dict[str, Any]:
        """Learn from so many pictures, and measure."""
        chosen = np.random.default_rng(seed).permutation(len(self.pool))[:count]  # fewer are some of the more
        data = replace(self.pool.subset(np.sort(chosen)), flip=way.mirrored)
        steps = self.options.steps + (extra(self.options) if way.charged else 0)
        learned = learn(
            way.arm,
            self.subject.make,
            self.subject.source(data),
            self.plan(steps, seed),
            folder,
            start=self.start,
            importance=self.importance() if way.arm.ewc else None,
            on_report=tell(f"{count} pictures, seed {seed}"),
        )
        for path in folder.glob("*.safetensors"):
            path.unlink()
        return {
            "arm": way.arm.name,
            "count": count,
            "seed": seed,
            "images": learned.images,
            "seen": self.options.seen if way.arm.start else 0,
            "seconds": learned.seconds,
            "figures": self.figures(learned.average, data),
        }

    def plan(self, steps: int, seed: int) -> Plan:
        """Of one training; one sample grid, at the end."""
        options = self.options
        return Plan(
            steps,
            options.batch,
            seed=seed,
            precision=options.precision,
            device=str(self.place),
            threads=options.threads,
            clip=1.0 if options.kind == "flow" else None,
            samples_every=steps,
            rows=100,
        )

    def importance(self) -> dict[str, Tensor]:
        """F, found once, from what the model draws itself."""
        if self._importance is None:
            game = self.subject.make()
            begin(game, self.start)
            count = self.options.memories
            self._importance = importance(game.to(self.place), self.subject.memories(count), count=count)
        return self._importance

    @torch.no_grad()
    def figures(self, average: dict[str, torch.nn.Module], train: PictureData | None) -> dict[str, float]:
        """Of as many samples as are held out, against these; `nearest` is 1 or more for pictures that are no copies."""
        place = {name: module.to(self.place) for name, module in average.items()}
        made = embed(self.subject.draw(place, len(self.real), seed=1), self.network)
        precision, recall = precision_recall(self.real, made)
        found = {"kd": kd(self.real, made).value, "fd": fd(self.real, made), "precision": precision, "recall": recall}
        if train is not None:
            found["nearest"] = nearest_ratio(made, embed(pictures_of(train), self.network), self.real)
        return found


def embedded(options: argparse.Namespace) -> ImageModel:
    """The model to start from; what its card tells of the pictures seen is taken unless `--seen` says otherwise."""
    model = weights.load(options.model, expect="ImageModel")
    assert isinstance(model, ImageModel)
    if options.seen is None:
        options.seen = int(weights.card(options.model).get("images_seen", {}).get(options.kind, 0))
    return model.requires_grad_(False)


def critic(options: argparse.Namespace) -> dict[str, Tensor]:
    """The weights of the critic, from the folder of the GAN's training; without them FreezeD would freeze noise."""
    if options.critic is None:
        return {}
    kept = newest(options.critic)
    if kept is None:
        raise UsageError(f"There is no training in {options.critic}.", "Give the run folder of the GAN.")
    start = "player/critic/"
    return {name.removeprefix(start): tensor for name, tensor in kept.tensors.items() if name.startswith(start)}


def noise(model: ImageModel, data: PictureData, kind: str) -> Tensor | float:
    """How unsure the encoder is of the pictures' latents: what painted ones get as well, for a GAN."""
    if kind != "gan" or model.vae is None:
        return 0.0
    latents = encoded(model, data.subset(range(min(64, len(data)))), measure=False)
    assert isinstance(latents, LatentData)
    return latents.deviations.float().mean((0, 2, 3))[:, None, None]


def toy(options: argparse.Namespace) -> ImageModel:
    """A model of random weights, 16 × 16; pictures are drawn where no folder is given."""
    if options.pictures is None:
        options.pictures = options.run / "toys"
        options.pictures.mkdir(parents=True, exist_ok=True)
        for number, x in enumerate(scenes(24, 16, torch.Generator().manual_seed(0))):
            Image.fromarray((255 * x.permute(1, 2, 0)).byte().numpy()).save(options.pictures / f"{number}.png")
    preset = PRESETS["tiny"]
    vae = {"channels": 3, "factor": 4, **preset.vae}
    channels, height, width = VAE(**vae).latent_size(16, 16)
    size = {"channels": channels, "height": height, "width": width}
    torch.manual_seed(0)
    model = ImageModel(16, 16, vae=vae, flow={**size, **preset.flow}, gan={**size, **preset.gan})
    options.seen = options.batch
    return model.eval().requires_grad_(False)


def tell(where: str) -> Any:
    """Print when an arm is done, and whatever happens on the way."""

    def told(name: str, report: Report) -> None:
        if report.samples is not None or (report.notes and report.step):
            print(f"{where}: {name} {report.step}/{report.steps}", *report.notes, flush=True)

    return told


# ---------------------------------------------------------------- command


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the rows that are missing, then the table."""
    options = parse(arguments)
    device.set_threads(options.threads)
    same_as_before(options)
    rows = []
    for row in Proof(options).rows():
        rows.append(row)
        said = ", ".join(f"{name} {value:.3g}" for name, value in row["figures"].items())
        print(f"{row.get('count', 0):4d} pictures  {row['arm']:32s} {said}", flush=True)
    with atomic(options.run / "proof.md") as file:
        file.write_text(document(rows, options), encoding="utf-8")
    print(options.run / "proof.md")


def same_as_before(options: argparse.Namespace) -> None:
    """Rows of one folder are of one kind; another number of counts and seeds only means more rows."""
    free = ("run", "counts", "seeds", "device", "threads")
    asked = {name: str(value) for name, value in vars(options).items() if name not in free}
    path = options.run / "settings.json"
    if path.exists() and (before := json.loads(path.read_text())) != asked:
        other = [f"{name} was {before.get(name)}, is {asked[name]}" for name in asked if before.get(name) != asked[name]]
        raise UsageError(
            f"The rows in {options.run} were made with other settings: {'; '.join(other)}.", "Choose another folder."
        )
    with atomic(path) as file:
        file.write_text(json.dumps(asked, indent=1))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the rows and of the table")
    parser.add_argument("--model", help="to start from: a name or a file")
    parser.add_argument("--pictures", type=Path, help="folder or zip of the new kind of picture, many more than --counts")
    parser.add_argument("--kind", choices=tuple(TRAINED), default="flow")
    parser.add_argument("--critic", type=Path, help="run folder of the GAN's training")
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--seen", type=int, help="pictures the model has learned from; its card tells by default")
    parser.add_argument("--charge", type=float, default=1.0, help="part of these that scratch is given as well")
    parser.add_argument("--strength", type=float, default=3.0, help="λ of L2-SP")
    parser.add_argument("--ewc", type=float, default=3.0, help="λ of EWC")
    parser.add_argument("--memories", type=int, default=200, help="pictures to find out by what EWC protects")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--quick", action="store_true", help="toys, in seconds: tests the recipe, proves nothing")
    options = parser.parse_args(arguments)
    if options.quick:
        small = {"counts": [5], "seeds": 1, "steps": 2, "batch": 4, "held_out": 16, "memories": 2, "precision": "fp32"}
        vars(options).update(small, device="cpu")
    elif not options.model or not options.pictures:
        parser.error("give --model and --pictures, or --quick")
    return options


if __name__ == "__main__":
    main()
