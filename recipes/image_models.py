"""Trains the embedded models that draw new pictures, each a VAE and a rectified flow over its latents.

    python recipes/image_models.py portrait run/ --pictures kaokore.zip
    python recipes/image_models.py portrait run/ --pictures kaokore.zip --export src/mapsto/embedded
    python recipes/image_models.py pixel-art run/ --pictures crawl.zip

Both stages are those of `mapsto train flow`; what differs is the size of the networks, which have to fit into the package. Run
the same command again to resume. `--export` measures the model on the pictures held out, and writes it with its card.

portrait: 64 × 64, painted faces, of eight classes that their file names tell (male-noble_00001234.jpg).
pixel-art: 32 × 32 with transparency, tiles of a game, classes by file name; where less than 15 % can be seen they are left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch

from mapsto import weights
from mapsto.image.generator import Generator
from mapsto.learning.appraisal import appraise, scores_of
from mapsto.learning.choices import Preset
from mapsto.learning.data import PictureData, prepare
from mapsto.learning.fit import Plan
from mapsto.learning.from_pictures import Workshop

HELD_OUT = 1000


@dataclass(frozen=True)
class Kind:
    """What is particular to one model.

    Args:
        size: Height and width in pixels.
        channels: 3, or 4 with alpha.
        near_empty: See `prepare`.
        preset: Sizes of the networks.
        nats: Rate of the VAE, a picture.
        steps: Of the VAE, and of the flow.
        data: For the card: what it learned from.
        licence: Of the weights.
        sliders: Names of the first principal directions, found by looking at them.
    """

    size: tuple[int, int]
    channels: int
    near_empty: float
    preset: Preset
    nats: float
    steps: tuple[int, int]
    data: str
    licence: str
    sliders: tuple[str, ...] = ()


KINDS = {
    "portrait": Kind(
        (64, 64),
        3,
        0.0,
        Preset({"base": 48, "latent": 8, "decoder_blocks": 3}, {"base": 64, "blocks": 1, "embedding": 192}, {}, 32),
        560.0,
        (4000, 8000),
        "KaoKore dataset: faces of pre-modern Japanese picture scrolls, ROIS-DS Center for Open Data in the Humanities "
        "(Tian et al., arXiv 2002.08595), CC BY-SA 4.0",
        "CC BY-SA 4.0",
    ),
    "pixel-art": Kind(
        (32, 32),
        4,
        0.15,
        Preset({"base": 32, "latent": 4, "decoder_blocks": 2}, {"base": 64, "blocks": 1, "levels": 1, "embedding": 64}, {}, 64),
        330.0,
        (6000, 12000),
        "Tiles of the game Dungeon Crawl Stone Soup by its artists, mostly CC0",
        "CC0-1.0",
    ),
}


def pictures(kind: Kind, source: Path) -> tuple[PictureData, PictureData]:
    """To learn from, and held out."""
    data = prepare(source, kind.size, channels=kind.channels, labels="names", near_empty=kind.near_empty)
    print(f"{len(data)} pictures, {len(data.classes)} classes", *data.notes(), sep="\n")
    return data.split(HELD_OUT / len(data))


def workshop(kind: Kind, options: argparse.Namespace) -> Workshop:
    """Both stages."""
    data, held_out = pictures(kind, options.pictures)
    common = {"precision": options.precision, "threads": options.threads, "clip": 1.0}
    vae_steps, flow_steps = options.steps or kind.steps
    plans = {
        "vae": Plan(steps=vae_steps, batch=kind.preset.batch, **common),
        "flow": Plan(steps=flow_steps, batch=64, **common),
    }
    return Workshop(
        "flow",
        data,
        options.run,
        preset=kind.preset,
        plan=plans["flow"],
        plans=plans,
        held_out=held_out,
        nats=options.nats or kind.nats,
    )


def train(made: Workshop) -> None:
    """Both stages to their ends, with a line now and then."""
    for stage in made.stages(resume=True):
        for report in stage.reports:
            if report.step % 100 == 0 or report.notes:
                terms = ", ".join(f"{name} {value:.3f}" for name, value in report.terms.items())
                pace = f"{report.images_per_second:.0f} pictures/s, {report.eta_seconds / 60:.0f} min left"
                print(f"{stage.name} {report.step}/{report.steps}: {terms}; {pace}", *report.notes, flush=True)


def export(name: str, kind: Kind, made: Workshop, folder: Path) -> None:
    """Measure the model, and write it with its card."""
    found = appraise(
        Generator(made.model, name, torch.device("cpu"), torch.float32), made.held_out or made.data, made.data, count=HELD_OUT
    )
    print(found.text())
    stages = [f"{stage} {r.steps:,} steps, {r.images:,} pictures, {r.seconds:,.0f} s" for stage, r in made.done.items()]
    card = {
        "recipe": f"recipes/image_models.py {name}: {'; '.join(stages)}",
        "data": f"{kind.data}: {len(made.data)} pictures, {HELD_OUT} more held out",
        "licence": kind.licence,
        "scores": scores_of(found),
        "images_seen": {stage: report.images for stage, report in made.done.items()},
        "sliders": list(kind.sliders),
    }
    weights.save(made.model, folder / f"{name}.safetensors", card)


def parse() -> argparse.Namespace:
    """Options of the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(KINDS))
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs=2, metavar=("VAE", "FLOW"))
    parser.add_argument("--nats", type=float, help="rate of the VAE, a picture")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--export", type=Path, help="write the embedded weights into this folder when trained")
    return parser.parse_args()


def main() -> None:
    """Train; and export where asked."""
    options = parse()
    torch.set_num_threads(options.threads)
    kind = KINDS[options.name]
    made = workshop(kind, options)
    train(made)
    if options.export:
        export(options.name, kind, made, options.export)


if __name__ == "__main__":
    main()
