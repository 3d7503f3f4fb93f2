"""Small mappings whose results can be worked out by hand."""

from typing import Any

import torch
from torch import Tensor, nn

from mapsto.mapping import Mapping
from mapsto.spaces import Image, Latent, Style


class Scale(Mapping[Image, Image]):
    """x ↦ factor · x, with one weight."""

    def __init__(self, factor: float = 2.0, size: int | None = None) -> None:
        super().__init__(Image(3, size, size), Image(3, size, size))
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor, /) -> Tensor:
        return self.factor * x


class Tint(Mapping[Image, Image]):
    """x ↦ x + the first three entries of a style."""

    def __init__(self, style_size: int = 4) -> None:
        super().__init__(Image(), Image(), {"style": Style(style_size), "gain": None})
        self.bias = nn.Parameter(torch.full((3, 1, 1), 0.25))

    def forward(self, x: Tensor, /, *, style: Tensor, gain: float = 1.0) -> Tensor:
        return x + gain * style[:, :3, None, None] + self.bias


class Encode(Mapping[Image, Latent]):
    """A convolution to half the resolution."""

    def __init__(self, channels: int = 4, widths: tuple[int, ...] = (8,)) -> None:
        super().__init__(Image(), Latent(channels))
        self.layers = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1), nn.BatchNorm2d(widths[0]), nn.Conv2d(widths[0], channels, 1)
        )
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5), persistent=False)

    def forward(self, x: Tensor, /) -> Tensor:
        y: Any = self.layers(x - self.mean)
        return y


class Decode(Mapping[Latent, Image]):
    """A convolution back to pixels."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__(Latent(channels), Image())
        self.paint = nn.Conv2d(channels, 12, 1)

    def forward(self, x: Tensor, /) -> Tensor:
        return nn.functional.pixel_shuffle(self.paint(x), 2)
