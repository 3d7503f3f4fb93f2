"""Trains the embedded models that draw new pictures, each a VAE and a rectified flow over its latents; with --steps a GAN too.

    python recipes/image_models.py portrait run/ --pictures kaokore.zip
    python recipes/image_models.py portrait run/ --pictures kaokore.zip --export src/mapsto/embedded
    python recipes/image_models.py pixel-art run/ --pictures crawl.zip

The stages are those of `mapsto train flow` and of `mapsto train gan --vae` after it; what differs is the size of the networks,
which have to fit into the package. Run the same command again to resume. `--export` measures the model on the pictures held
out, and writes it with its card.

portrait: 64 × 64, painted faces, of eight classes that their file names tell (male-noble_00001234.jpg).
pixel-art: 32 × 32 with transparency, tiles of a game, of seven classes that their folders tell (mon__animals__bat.png); where
less than 15 % can be seen they are left out.

What ships: on one core of an AMD EPYC with AVX512-BF16, the other core busy. portrait: VAE 8,000 steps (the first 2,785 on
the way to 10,000, so the rate fell a little faster; without mirror images), flow 30,000 with them; three hours.
pixel-art: VAE 6,000, flow 24,000 (the first 5,700 on the way to 12,000); 40 minutes. On 1,000 held-out pictures: rebuilt at
26.8 and 18.5 dB, fd of samples 16.8 and 38.4, of reconstructions 15.7 and 31.5, of a Gaussian 43.0 and 79.1, recall .14 and .15
(benchmarks/drawing.py). Without mirror images the flow of portraits learned its 5,703 pictures by heart from step 14,000 on.

No GAN ships: after 24,000 steps on the latents of portraits (--steps 8000 30000 24000; 1.5 million pictures, 27 minutes) it
painted about sixteen pictures over and over: fd 52.5, precision .93, recall 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import torch

from mapsto import weights
from mapsto.image.generator import Generator
from mapsto.image.image_model import ImageModel
from mapsto.learning.appraisal import appraise, scores_of
from mapsto.learning.choices import Preset
from mapsto.learning.data import PictureData, prepare
from mapsto.learning.evaluation import SAMPLES
from mapsto.learning.fit import Plan
from mapsto.learning.from_pictures import Workshop
from mapsto.learning.labels import Rule

HELD_OUT = 1000

TILES = {
    "monster": ("mon", "UNUSED__monsters"),
    "player": ("player", "UNUSED__player", "UNUSED__worn"),
    "item": ("item", "UNUSED__armour", "UNUSED__food", "UNUSED__talismans", "UNUSED__weapons"),
    "dungeon": ("dngn", "UNUSED__features", "UNUSED__floor"),
    "icon": ("gui", "UNUSED__gui", "UNUSED__spells"),
    "effect": ("effect", "UNUSED__effects"),
    "mark": ("misc", "UNUSED__other"),
}
"""Classes of tiles, by how their names begin."""


def class_of_tile(name: str) -> str | None:
    """One of `TILES`; None for another name."""
    stem = PurePosixPath(name).name
    return next((kind for kind, starts in TILES.items() if stem.startswith(tuple(f"{start}__" for start in starts))), None)


@dataclass(frozen=True)
class Kind:
    """What is particular to one model.

    Args:
        size: Height and width in pixels.
        channels: 3, or 4 with alpha.
        near_empty: See `prepare`.
        labels: Likewise: how classes are told.
        preset: Sizes of the networks.
        nats: Rate of the VAE, a picture.
        steps: Of the VAE, the flow and the GAN.
        draws: For the card: what it draws.
        data: Likewise: what it learned from.
        licence: Of the weights.
        sliders: Names of principal directions by number, found by looking at them.
        mirrored: Learn from mirror images too, where they are of the kind: half as many pictures are learned by heart.
        pag: Of the model, found by looking and by fd. Portraits become clear by it and stay as varied (0: fd 16.8, recall .14;
            1: 16.3, .15; 2: 18.0, .18; 3: 19.5, .20). Tiles only become more alike (0: fd 38; 1: 76), so they have none.
    """

    size: tuple[int, int]
    channels: int
    near_empty: float
    labels: Rule
    preset: Preset
    nats: float
    steps: tuple[int, int, int]
    draws: str
    data: str
    licence: str
    sliders: Mapping[str, str]
    mirrored: bool = False
    pag: float = 0.0


KINDS = {
    "portrait": Kind(
        (64, 64),
        3,
        0.0,
        "names",
        Preset(
            {"base": 48, "latent": 8, "decoder_blocks": 3},
            {"base": 64, "blocks": 1, "embedding": 96},
            {"base": 32, "blocks": 2},
            32,
        ),
        560.0,
        (8000, 30_000, 0),
        "painted faces in the manner of Japanese picture scrolls",
        "KaoKore dataset: faces of pre-modern Japanese picture scrolls, ROIS-DS Center for Open Data in the Humanities "
        "(Tian et al., arXiv 2002.08595), CC BY-SA 4.0",
        "CC BY-SA 4.0",
        {"1": "dark", "2": "warmth", "3": "rose", "7": "hair"},
        mirrored=True,
        pag=2.0,
    ),
    "pixel-art": Kind(
        (32, 32),
        4,
        0.15,
        class_of_tile,
        Preset(
            {"base": 28, "latent": 4, "decoder_blocks": 2},
            {"base": 64, "blocks": 1, "levels": 1, "embedding": 64},
            {"base": 32, "blocks": 2},
            64,
        ),
        330.0,
        (6000, 24_000, 0),
        "sprites and tiles of a dungeon, with transparency",
        "Tiles of the game Dungeon Crawl Stone Soup by its artists, most of them CC0-1.0",
        "Apache-2.0",
        {"1": "fill", "3": "warmth", "5": "green", "6": "light"},
    ),
}


def pictures(kind: Kind, source: Path) -> tuple[PictureData, PictureData]:
    """To learn from, and held out."""
    how = {"channels": kind.channels, "labels": kind.labels, "near_empty": kind.near_empty, "flip": kind.mirrored}
    data = prepare(source, kind.size, **how)  # type: ignore[arg-type]
    print(f"{len(data)} pictures, {len(data.classes)} classes", *data.notes(), sep="\n")
    learned, held_out = data.split(HELD_OUT / len(data))
    return learned, replace(held_out, flip=False)


def workshop(prior: str, kind: Kind, options: argparse.Namespace, start: ImageModel | None = None) -> Workshop:
    """The VAE and the flow; or, of a start with both, the GAN."""
    data, held_out = pictures(kind, options.pictures)
    steps = dict(zip(("vae", "flow", "gan"), options.steps or kind.steps, strict=True))
    batches = {"vae": kind.preset.batch, "flow": 64, "gan": 64}
    common = {"precision": options.precision, "threads": options.threads, "clip": 1.0}
    plans = {stage: Plan(steps=count, batch=batches[stage], **common) for stage, count in steps.items() if count}
    return Workshop(
        prior,
        data,
        options.run,
        preset=kind.preset,
        plan=plans[prior],
        plans=plans,
        start=start,
        held_out=held_out,
        nats=options.nats or kind.nats,
    )


def train(made: Workshop) -> None:
    """All stages to their ends, with a line now and then."""
    for stage in made.stages(resume=True):
        for report in stage.reports:
            if report.step % 100 == 0 or report.notes:
                terms = ", ".join(f"{name} {value:.3f}" for name, value in report.terms.items())
                pace = f"{report.images_per_second:.0f} pictures/s, {report.eta_seconds / 60:.0f} min left"
                print(f"{stage.name} {report.step}/{report.steps}: {terms}; {pace}", *report.notes, flush=True)


def with_all(pag: float, model: ImageModel, gan: ImageModel | None = None) -> ImageModel:
    """One model of the parts that share a VAE, guided as it is to be."""
    parts = {} if gan is None else {"gan": gan.config["gan"]}
    whole = ImageModel(**{**model.config, **parts, "pag": pag})
    whole.load_state_dict({**({} if gan is None else gan.state_dict()), **model.state_dict()})
    return whole.eval()


def export(name: str, kind: Kind, model: ImageModel, made: Sequence[Workshop], folder: Path) -> None:
    """Measure the model, and write it with its card."""
    first = made[0]
    assert first.held_out is not None
    generator = Generator(model, name, torch.device("cpu"), torch.float32)
    found = {
        prior: appraise(generator, first.held_out, first.data, prior=prior, count=HELD_OUT)
        for prior in model.priors
        if prior != "gaussian"
    }
    scores = scores_of(found["flow"])
    if "gan" in found:
        scores["gan"] = scores_of(found["gan"])[SAMPLES]
    print(*(f"{prior}\n{evaluation.text()}" for prior, evaluation in found.items()), sep="\n\n")
    done = {stage: report for workshop in made for stage, report in workshop.done.items()}
    stages = [f"{stage} {r.steps:,} steps, {r.images:,} pictures, {r.seconds:,.0f} s" for stage, r in done.items()]
    card = {
        "recipe": f"recipes/image_models.py {name}: {'; '.join(stages)}",
        "draws": kind.draws,
        "data": f"{kind.data}: {len(first.data)} pictures, {HELD_OUT} more held out",
        "licence": kind.licence,
        "scores": scores,
        "images_seen": {stage: report.images for stage, report in done.items()},
        "sliders": dict(kind.sliders),
    }
    weights.save(model, folder / f"{name}.safetensors", card)


def parse() -> argparse.Namespace:
    """Options of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(KINDS))
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs=3, metavar=("VAE", "FLOW", "GAN"), help="0 for no GAN")
    parser.add_argument("--nats", type=float, help="rate of the VAE, a picture")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--export", type=Path, help="write the embedded weights into this folder when trained")
    options = parser.parse_args()
    if options.steps and not all(options.steps[:2]):
        parser.error("the VAE and the flow need steps")
    return options


def main() -> None:
    """Train; and export where asked."""
    options = parse()
    torch.set_num_threads(options.threads)
    kind = KINDS[options.name]
    made = [workshop("flow", kind, options)]
    train(made[0])
    if "gan" in made[0].plans:
        made.append(workshop("gan", kind, options, start=made[0].model))
        train(made[1])
    model = with_all(kind.pag, *(each.model for each in made))
    if options.export:
        export(options.name, kind, model, made, options.export)


if __name__ == "__main__":
    main()
