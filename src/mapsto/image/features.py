"""What a picture looks like to a network: named features for style and content losses.

Two networks share one interface: `forward(x, taps=None) -> {tap: features}`, `.style_taps`, `.content_taps`.

* `PerceptualNetwork`: small, embedded, trained by recipes/features.py to give the features of an ImageNet SqueezeNet 1.0.
* `VGG19` (vgg.py): the usual loss network of the literature, fetched only when somebody asks for it by name.

Shapes: B pictures, H × W pixels; a tap is [B, C, H', W'] with values ≥ 0.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mapsto import weights
from mapsto.errors import UsageError, WeightsError, nearest

if TYPE_CHECKING:
    from mapsto.image.vgg import VGG19

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of sRGB values in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)


class ImageNetNorm(nn.Module):
    """(x − mean) / std per channel, with the mean and deviation of ImageNet: [0, 1] to about [-2, 2.6]."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, /) -> Tensor:
        """[B, 3, H, W] sRGB in [0, 1] to the same shape, normalised."""
        return (x - self.mean) / self.std


class Fire(nn.Module):
    """Squeeze to few channels, expand with 1×1 and 3×3 convolutions side by side (Iandola et al., arXiv 1602.07360, §3.2)."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def linear(self, x: Tensor, /) -> Tensor:
        """The output before its last ReLU."""
        s = F.relu(self.squeeze(x))
        return torch.cat([self.expand1(s), self.expand3(s)], 1)

    def forward(self, x: Tensor, /) -> Tensor:
        """[B, channels, H, W] to [B, 2·expand, H, W], ≥ 0."""
        return F.relu(self.linear(x))


def pool(x: Tensor, /) -> Tensor:
    """Maximum over 3×3, stride 2; a last partial window counts."""
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


class PerceptualNetwork(nn.Module):
    """SqueezeNet 1.0 up to fire8: 96, 128, 128, 256, 256, 384, 384 and 512 channels at 1/2, 1/4 (fire2–4) and 1/8 (fire5–8).

    Args:
        squeeze: Inner widths of fire2 … fire8.
    """

    style_taps: tuple[str, ...] = ("relu1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8")
    content_taps: tuple[str, ...] = ("fire4", "fire5")
    minimum_side = 19  # px: fire5 needs at least one window

    def __init__(self, squeeze: Sequence[int] = (16, 16, 32, 32, 48, 48, 64)) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"squeeze": list(squeeze)}
        self.normalise = ImageNetNorm()
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2)
        self.fire2 = Fire(96, squeeze[0], 64)
        self.fire3 = Fire(128, squeeze[1], 64)
        self.fire4 = Fire(128, squeeze[2], 128)
        self.fire5 = Fire(256, squeeze[3], 128)
        self.fire6 = Fire(256, squeeze[4], 192)
        self.fire7 = Fire(384, squeeze[5], 192)
        self.fire8 = Fire(384, squeeze[6], 256)

    def enter(self, tap: str, x: Tensor, /) -> Tensor:
        """What the block of `tap` computes on: the output `x` of the block before it, pooled where the resolution drops."""
        return pool(x) if tap in ("fire2", "fire5") else x

    def linear(self, tap: str, x: Tensor, /) -> Tensor:
        """The output of one block before its ReLU, from the output `x` of the block before it (the picture for relu1)."""
        if tap == "relu1":
            return self.conv1(self.normalise(x))  # type: ignore[no-any-return]
        return self.get_submodule(tap).linear(self.enter(tap, x))  # type: ignore[no-any-return,operator]

    def forward(self, x: Tensor, /, taps: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Features of a picture, by tap.

        Args:
            x: [B, 3, H, W], sRGB in [0, 1], both sides at least `minimum_side`.
            taps: Names wanted; all of `style_taps` by default. Nothing is computed beyond the last of them.

        Raises:
            UsageError: an unknown tap.
        """
        wanted = wanted_taps(taps, self.style_taps)
        found: dict[str, Tensor] = {}
        for tap in self.style_taps[: 1 + max(map(self.style_taps.index, wanted))]:
            x = F.relu(self.linear(tap, x))
            found[tap] = x
        return {tap: found[tap] for tap in wanted}


def wanted_taps(taps: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The taps to compute: `taps` if all of them exist, all there are if None.

    Raises:
        UsageError: one does not exist, or none is asked for.
    """
    wanted = tuple(known if taps is None else taps)
    for tap in wanted:
        if tap not in known:
            raise UsageError(f"There is no tap {tap!r}.", f"Known taps: {', '.join(known)}.")
    if not wanted:
        raise UsageError("No tap was asked for.", f"Known taps: {', '.join(known)}.")
    return wanted


NETWORKS = ("small", "vgg19")


def perceptual(name: str = "small", device: torch.device | str = "cpu") -> PerceptualNetwork | VGG19:
    """A network for losses, ready to use: fixed weights, evaluation mode.

    Args:
        name: "small" is embedded; "vgg19" is fetched the first time (575 MB) and kept in the cache folder.
        device: Where it computes.

    Raises:
        UsageError: an unknown name.
        WeightsError: the weights are missing, cannot be fetched, or are not what they should be.
    """
    network: PerceptualNetwork | VGG19
    if name == "small":
        network = cast("PerceptualNetwork", weights.load("features-s", expect="PerceptualNetwork"))
    elif name == "vgg19":
        from mapsto.image.vgg import vgg19

        network = vgg19()
    else:
        near = nearest(name, list(NETWORKS)) or NETWORKS
        raise UsageError(f"There are no features called {name!r}.", f"Perhaps {' or '.join(near)}?")
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


_SQUEEZENET = {"conv1": 0, "fire2": 3, "fire3": 4, "fire4": 5, "fire5": 7, "fire6": 8, "fire7": 9, "fire8": 10}
_FIRE = {"squeeze": "squeeze", "expand1": "expand1x1", "expand3": "expand3x3"}


def from_squeezenet(state: Table[str, Tensor]) -> PerceptualNetwork:
    """A PerceptualNetwork with the weights of a SqueezeNet 1.0 in torchvision's key names (`features.3.squeeze.weight` …).

    Raises:
        WeightsError: a tensor is missing or has another shape.
    """
    network, renamed = PerceptualNetwork(), {}
    for key, ours in network.state_dict().items():
        block, *inner, kind = key.split(".")
        name = ".".join(["features", str(_SQUEEZENET[block]), *(_FIRE[part] for part in inner), kind])
        if name not in state or state[name].shape != ours.shape:
            found = f"of shape {tuple(state[name].shape)}" if name in state else "missing"
            raise WeightsError(f"These are not the weights of a SqueezeNet 1.0: {name} is {found}.")
        renamed[key] = state[name]
    network.load_state_dict(renamed)
    return network.eval().requires_grad_(False)
