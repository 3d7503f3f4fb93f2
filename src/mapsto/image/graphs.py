"""The style network as OpenVINO wants it: the same function in fewer steps, its convolutions of 8-bit numbers on request.

    H, W pixels of the picture   S size of the style vector   O, I channels out of a convolution and into it

* **Enlarging is part of the convolution.** Behind nearest-neighbour ×2, the nine taps of a 3×3 kernel fall on four pixels only.
  So each of the four places in a pixel gets a 2×2 kernel of sums, which is 4/9 of the work (Shi et al., "Is the deconvolution
  layer the same as a convolutional layer?", arXiv 1609.07009).
* **Eight bits** stand for the values between the least and the largest that a convolution is expected to see, evenly (Jacob et
  al., "Quantization and training of neural networks", arXiv 1712.05877, eq. 1); weights have a scale for every channel. The
  first convolution and the last keep their precision: there, steps would show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mapsto.image.stylize import EPS, LIMIT, ConditionalNorm, Conv, Residual, StyleNetwork, noise_like
from mapsto.learning.scenes import scenes

Values = NDArray[np.float32]
Ranges = dict[str, tuple[float, float]]
"""The least and the largest value that goes into a convolution, by its name."""

PRECISE = ("stem", "paint")

SCENES, SIDE = 2, 192
"""How many scenes tell the ranges, and their size."""

ROOM = 1.25
"""Times what was seen in scenes; what is beyond is cut off."""

STEPS = 63
"""Steps of a weight from 0 to its largest. With 127, CPUs without VNNI would overflow where they add two products."""

_PLACES = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], np.float32)
"""[place, tap of 2, tap of 3]: between two pixels of a row lie the second place of the left one and the first of the right one;
which of three taps of each fall on either pixel."""


def ranges(network: StyleNetwork, styles: Tensor) -> Ranges:
    """What goes into the convolutions, by scenes made by formula: nothing but weights and styles decides.

    Args:
        network: On the CPU.
        styles: [N, S].
    """
    found: Ranges = {}

    def watch(name: str) -> Any:
        def see(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            low, high = (ROOM * float(value) for value in given[0].aminmax())
            before = found.get(name, (0.0, 0.0))
            found[name] = min(low, before[0]), max(high, before[1])

        return see

    convolutions = [(name, part) for name, part in network.named_modules() if isinstance(part, Conv) and name not in PRECISE]
    hooks = [part.register_forward_pre_hook(watch(name)) for name, part in convolutions]
    dtype = network.stem.weight.dtype
    seen, noise = scenes(SCENES, SIDE, torch.Generator().manual_seed(0)), noise_like(SIDE, SIDE).to(dtype)
    try:
        with torch.inference_mode():
            for style in styles:
                network(seen, style=style.to(dtype).expand(SCENES, -1), noise=noise)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def graph(library: Any, network: StyleNetwork, height: int, width: int, ranges: Ranges | None = None) -> Any:
    """The network for pictures of one size: (x, style, noise) → painted, as `StyleNetwork.forward` without statistics.

    Args:
        library: OpenVINO.
        network: On the CPU.
        height: A multiple of 8.
        width: The same.
        ranges: Of the values that go into convolutions, which are then of 8-bit numbers; None leaves them as they are.
    """
    op = library.opset13
    sizes = ([1, 3, height, width], [1, network.style_size], [1, 3, height // 4, width // 4])
    x, style, noise = given = [op.parameter(size, np.float32) for size in sizes]
    draw = _Draw(op, network, style, ranges or {})
    h = op.concat([op.space_to_depth(op.subtract(x, np.float32(0.5)), "depth_first", 4), noise], 1)
    quarter = op.relu(draw.norm(network.stem_norm, draw.conv(network.stem, h)))
    h = op.avg_pool(quarter, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=False)
    h = op.relu(draw.norm(network.down_norm, draw.conv(network.down, h)))
    for block in network.deep:
        h = draw.residual(block, h)  # type: ignore[arg-type]
    h = op.relu(op.add(draw.norm(network.up1_norm, draw.enlarging(network.up1, h)), quarter))
    for block in network.fine:
        h = draw.residual(block, h)  # type: ignore[arg-type]
    h = op.relu(draw.norm(network.up2_norm, draw.enlarging(network.up2, h)))
    painted = op.depth_to_space(draw.conv(network.paint, h), "depth_first", 2)
    return library.Model([op.add(painted, op.multiply(x, draw.opening(network.gate)))], given)


class _Draw:
    """Draws the parts of a network.

    Args:
        op: Operations of OpenVINO.
        network: Has the weights.
        style: [1, S], a node.
        ranges: As for `graph`.
    """

    def __init__(self, op: Any, network: StyleNetwork, style: Any, ranges: Ranges) -> None:
        self.op, self.style, self.ranges = op, style, ranges
        self.names = {part: name for name, part in network.named_modules()}

    def conv(self, conv: Conv, x: Any) -> Any:
        """[1, I, H, W] → [1, O, H, W]."""
        return self._convolved(self.names[conv], x, _values(conv.weight), "reflect")

    def enlarging(self, conv: Conv, x: Any) -> Any:
        """What the convolution makes of the enlarged picture: [1, I, H, W] → [1, O, 2·H, 2·W]."""
        kernels = np.einsum("apk,oikl,bql->aboipq", _PLACES, _values(conv.weight), _PLACES)
        places = self._convolved(self.names[conv], x, kernels.reshape(-1, *kernels.shape[3:]), "edge")  # [1, 4·O, H + 1, W + 1]
        whole = self.op.depth_to_space(places, "blocks_first", 2)
        return self.op.slice(whole, [1, 1], [-1, -1], [1, 1], [2, 3])

    def norm(self, norm: ConditionalNorm, x: Any) -> Any:
        """As the layer itself, [1, C, H, W]."""
        op = self.op
        scale, shift = op.split(self._affine(norm.affine, op.divide(self.style, np.float32(8))), 1, 2).outputs()
        normal = op.mvn(x, [2, 3], normalize_variance=True, eps=EPS, eps_mode="inside_sqrt")
        return op.add(op.multiply(op.clamp(normal, -LIMIT, LIMIT), scale), shift)

    def residual(self, block: Residual, x: Any) -> Any:
        """[1, C, H, W] → the same shape."""
        h = self.op.relu(self.norm(block.norm1, self.conv(block.conv1, x)))
        return self.op.add(x, self.norm(block.norm2, self.conv(block.conv2, h)))

    def opening(self, gate: nn.Linear) -> Any:
        """How much of the picture passes: [1, 1, 1, 1]."""
        return self.op.subtract(np.float32(1), self._affine(gate, self.style))

    def _affine(self, layer: nn.Linear, x: Any) -> Any:
        """[1, S] → [1, C, 1, 1]."""
        found = self.op.matmul(x, _values(layer.weight), False, True)
        if layer.bias is not None:
            found = self.op.add(found, _values(layer.bias))
        return self.op.unsqueeze(found, [2, 3])

    def _convolved(self, name: str, x: Any, weight: Values, border: str) -> Any:
        op = self.op
        kernel = op.constant(weight)
        if name in self.ranges:
            x = op.fake_quantize(x, *_ends(self.ranges[name]) * 2, 256)
            end = (np.abs(weight).max((1, 2, 3), keepdims=True) + np.float32(1e-9)) * np.float32(127 / STEPS)
            kernel = op.fake_quantize(kernel, -end, end, -end, end, 255)
        wide = op.pad(x, [0, 0, 1, 1], [0, 0, 1, 1], border)
        return op.convolution(wide, kernel, [1, 1], [0, 0], [0, 0], [1, 1])


def _ends(found: tuple[float, float]) -> tuple[Values, Values]:
    """Of a range; 0 is one of its 256 steps, else what is 0 would not stay so."""
    step = max(found[1] - found[0], 1e-6) / 255
    low = round(found[0] / step) * step
    return np.float32(low).reshape(1), np.float32(low + 255 * step).reshape(1)


def _values(weight: Tensor) -> Values:
    found: Values = weight.detach().float().contiguous().numpy()
    return found
