"""Models of pictures, and composers, that a user trained: weights under a name, each with its story; runs lie beside them.

data/weights/NAME.safetensors     the model
data/runs/NAME/                   its training: logs, sample grids, checkpoints, and a GAN's critic
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import weights
from mapsto.errors import NoSpace, UsageError
from mapsto.files import check_writable, data_dir
from mapsto.image.hands import LONGEST, check_name

if TYPE_CHECKING:
    from torch import nn

LICENCE = "unknown: the user's own pictures"
CRITIC = "critic.safetensors"
"""In the folder of a run: whom a GAN's generator has learned from. Adapting goes on with it."""


def path_of(name: str) -> Path:
    """Where the model of that name is kept, whether it is there or not."""
    return data_dir() / "weights" / f"{name}{weights.SUFFIX}"


def run_of(name: str) -> Path:
    """Where the training of that name lies by default, whether it is there or not."""
    return data_dir() / "runs" / name


def name_for(pictures: Path) -> str:
    """A name for a model of the pictures in a folder or zip: that one's own in plain letters."""
    return re.sub(r"[^\w]+", "-", pictures.resolve().stem.lower()).strip("-")[:LONGEST] or "mine"


def check_free(name: str, *, overwrite: bool = False, kind: str = "ImageModel") -> None:
    """Find out before hours of learning whether a model can be kept under a name.

    Args:
        name: For the model.
        overwrite: A model that the user trained before may be replaced.
        kind: What it will be; only such a one is replaced.

    Raises:
        UsageError: other characters than letters, digits, - and _, or a name that is taken.
        NoSpace: the folder of weights cannot be written.
    """
    check_name(name, "model")
    taken = weights.catalogue().get(name)
    if taken is not None and taken != path_of(name):
        raise UsageError(f"{name} is the name of weights that come with Mapsto.", "Choose another with --name.")
    if taken is not None and not (overwrite and weights.card(taken)["architecture"] == kind):
        raise UsageError(f"There are weights called {name} already.", "Choose another with --name, or say --overwrite.")
    try:
        check_writable(path_of(name).parent)
    except NoSpace as error:
        raise NoSpace(f"Models cannot be kept. {error.what}", "Set MAPSTO_HOME to a writable folder.") from error


def keep(name: str, model: nn.Module, card: dict[str, Any]) -> Path:
    """Write a model under its name; → the file.

    Args:
        name: As `check_free` allows it.
        model: On any device.
        card: At least recipe, data and licence.

    Raises:
        WeightsError: numbers that cannot be stored.
        NoSpace: the disk is full.
    """
    weights.save(model, path_of(name), card)
    return path_of(name)
