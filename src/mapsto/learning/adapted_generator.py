"""From a generator and a folder to a generator of one's own, with the story that goes with its weights."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mapsto.image.generator import Generator
from mapsto.image.image_model import ImageModel
from mapsto.image.own_models import CRITIC, LICENCE, run_of
from mapsto.learning.adaptation import AdaptedModel, adapt_model
from mapsto.learning.data import PictureData, prepare
from mapsto.learning.fit import Plan


def adapted(
    generator: Generator,
    pictures: Path | str | PictureData,
    run: Path | None = None,
    *,
    strength: float | Literal["auto"] = "auto",
    steps: int = 400,
    batch: int = 16,
    seed: int = 0,
    flip: bool = False,
    **how: Any,
) -> Generator:
    """What `Generator.adapt` does: the generator of the adapted model, whose card tells the story.

    Args:
        generator: Where to start.
        pictures: A folder or zip, or pictures of the model's size.
        run: For logs and checkpoints; a temporary folder by default.
        strength: λ, or "auto".
        steps: Of each training.
        batch: Pictures of a step.
        seed: Of everything that is drawn.
        flip: Mirror half of what is shown.
        how: As for `adapt_model`.
    """
    model = generator.model
    data = (
        pictures
        if isinstance(pictures, PictureData)
        else prepare(pictures, (model.height, model.width), channels=model.channels, flip=flip)
    )
    plan = Plan(steps=steps, batch=batch, seed=seed, device=str(generator.device))
    with TemporaryDirectory() as temporary:
        place = run or Path(temporary)
        options = {"critic": critic_of(generator.name), "seen": generator.card.get("images_seen"), **how}
        found = adapt_model(copy_of(model), data, place, plan=plan, strength=strength, **options)
    name = Path(pictures).resolve().name if not isinstance(pictures, PictureData) else "pictures"
    card = card_of(found, generator.name, plan, name, data)
    return Generator(found.model, f"{generator.name}, adapted", generator.device, generator.dtype, card)


def card_of(
    found: AdaptedModel, start: str, plan: Plan, name: str, data: PictureData, licence: str = LICENCE
) -> dict[str, Any]:
    """The story of an adapted model.

    Args:
        found: What came out.
        start: Name of the model it began with.
        plan: Of each training.
        name: Of the pictures' folder.
        data: All of them.
        licence: Of the pictures.
    """
    stages = (("vae", found.decoder), (found.model.priors[0], found.prior))
    said = [f"{stage} λ = {part.strength:g}" for stage, part in stages if part]
    length = f"at most {plan.steps:,} steps of {plan.batch} each"
    return {
        "recipe": f"mapsto adapt {start}: {', '.join(said)}; {length}; seed {plan.seed}",
        "data": f"{name}: {len(data)} pictures, sha256 {data.digest[:16]}; licence {licence}; and what {start} was trained on",
        "licence": f"{licence}; and that of {start}",
        "scores": found.scores(),
        "images_seen": {stage: part.rows[-1].images for stage, part in stages if part},
        "start": start,
    }


def critic_of(name: str) -> dict[str, Tensor]:
    """Weights of the critic that the GAN of that name learned from, where its run is still there."""
    with suppress(OSError, SafetensorError):
        return {key.partition("/")[2]: tensor for key, tensor in load_file(run_of(name) / CRITIC).items()}
    return {}


def copy_of(model: ImageModel) -> ImageModel:
    """The same model once more, free to learn."""
    return deepcopy(model).cpu().requires_grad_(True)
