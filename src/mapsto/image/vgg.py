"""VGG-19, the loss network of the literature: fetched when somebody asks for it, never otherwise.

Torchvision publishes the weights (BSD-3-Clause, trained on ImageNet). Of that file of 575 MB the layers up to relu5_1 are kept,
as fp16 safetensors of 26 MB in the cache folder.
"""

from __future__ import annotations

import http.client
import pickle
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsto import weights
from mapsto.errors import WeightsError
from mapsto.files import atomic, cache_dir, sha256
from mapsto.image.features import ImageNetNorm, wanted_taps

URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
DIGEST = "dcbb9e9d"  # torchvision names its files by the first eight digits of their SHA-256
LARGEST_FILE = 700_000_000  # bytes
PIECE = 1 << 20  # bytes

BLOCKS = ((1, 2), (2, 2), (4, 4), (8, 4), (8, 1))  # width in units of the first, convolutions
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # their numbers among torchvision's layers


class VGG19(nn.Module):
    """VGG-19 up to relu5_1: 64, 128, 256, 512 and 512 channels at 1, 1/2, 1/4, 1/8 and 1/16 (arXiv 1409.1556).

    Args:
        width: Channels of the first block.
    """

    style_taps: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    content_taps: tuple[str, ...] = ("relu3_1", "relu4_1")
    minimum_side = 16  # px

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width}
        self.normalise = ImageNetNorm()
        self.convolutions = nn.ModuleList()
        channels = 3
        for factor, count in BLOCKS:
            for _ in range(count):
                self.convolutions.append(nn.Conv2d(channels, factor * width, 3, padding=1))
                channels = factor * width

    def forward(self, x: Tensor, /, taps: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Features of a picture, by tap; see `PerceptualNetwork.forward`."""
        wanted = wanted_taps(taps, self.style_taps)
        x, found, layers = self.normalise(x), dict[str, Tensor](), iter(self.convolutions)
        for tap, (_, count) in list(zip(self.style_taps, BLOCKS, strict=True))[: 1 + max(map(self.style_taps.index, wanted))]:
            x = F.max_pool2d(x, 2) if found else x
            x = found[tap] = F.relu(next(layers)(x))
            for _ in range(count - 1):
                x = F.relu(next(layers)(x))
        return {tap: found[tap] for tap in wanted}


def vgg19() -> VGG19:
    """The published network; fetched and converted the first time.

    Raises:
        WeightsError: it is not here and cannot be fetched, or what came is not what was published.
    """
    kept = cache_dir() / "vgg19-relu5_1.safetensors"
    if not kept.exists():
        published = cache_dir() / f"vgg19-{DIGEST}.pth"
        if published.exists():
            convert(published, kept)
        else:
            fetch(published)
            convert(published, kept)
            published.unlink()
    return cast("VGG19", weights.load(kept, expect="VGG19"))


def fetch(path: Path) -> None:
    """Download the published file to `path`.

    Raises:
        WeightsError: it cannot be reached, or it is not what was published.
    """
    hint = f"Connect to the network once, or put the file there yourself: {path}. The embedded features need no download."
    with atomic(path) as file:
        try:
            with urllib.request.urlopen(URL, timeout=30) as source, file.open("wb") as target:
                for _ in range(LARGEST_FILE // PIECE):
                    if not (piece := source.read(PIECE)):
                        break
                    target.write(piece)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise WeightsError(f"VGG-19 cannot be fetched from {URL}: {error}.", hint) from error
        _check(file)


def convert(published: Path, kept: Path) -> None:
    """Write the layers up to relu5_1 of a published file as weights of a `VGG19`.

    Raises:
        WeightsError: it is not what was published.
    """
    _check(published)
    try:
        state = torch.load(published, map_location="cpu", weights_only=True)
        network = VGG19(len(state["features.0.weight"]))
        numbers = dict(enumerate(CONVOLUTIONS))
        ours = {key: key.split(".") for key in network.state_dict()}  # convolutions.3.weight
        network.load_state_dict({key: state[f"features.{numbers[int(n)]}.{kind}"] for key, (_, n, kind) in ours.items()})
    except (pickle.UnpicklingError, RuntimeError, LookupError, TypeError, EOFError) as error:
        raise WeightsError(f"{published} does not hold a VGG-19.", "Remove it to have it fetched again.") from error
    weights.save(network, kept, {"recipe": f"none of ours: published at {URL}", "data": "ImageNet", "licence": "BSD-3-Clause"})


def _check(path: Path) -> None:
    if not (found := sha256(path)).startswith(DIGEST):
        raise WeightsError(
            f"{path.name} is not the published VGG-19: its SHA-256 begins with {found[:8]}, not with {DIGEST}.",
            f"Remove {path} if it is there, and try again.",
        )
