import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mapsto.image.graphs import PRECISE, _ends, graph, ranges
from mapsto.image.stylize import Conv, StyleNetwork, noise_like
from mapsto.learning.measure import psnr


def tiny() -> StyleNetwork:
    torch.manual_seed(0)
    network = StyleNetwork((), width=16, deep=16, deep_blocks=1, fine_blocks=1, style_size=6)
    return network.eval().requires_grad_(False)


def styles(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 6, generator=torch.Generator().manual_seed(1))


def test_every_convolution_but_the_first_and_the_last_has_a_range() -> None:
    network = tiny()
    names = {name for name, part in network.named_modules() if isinstance(part, Conv)}
    assert set(ranges(network, styles(1))) == names - set(PRECISE)
    assert not any(part._forward_pre_hooks for part in network.modules())


def test_ranges_of_two_styles_are_those_of_both() -> None:
    network, two = tiny(), styles(2)
    both, one, other = ranges(network, two), ranges(network, two[:1]), ranges(network, two[1:])
    assert both == {name: (min(one[name][0], other[name][0]), max(one[name][1], other[name][1])) for name in one}
    assert both == ranges(network, two.flip(0))


@given(st.floats(-50, 0), st.floats(0, 50))
def test_nothing_is_one_of_256_steps(low: float, high: float) -> None:
    start, end = (float(value[0]) for value in _ends((low, high)))
    step = (end - start) / 255
    assert abs(start / step - round(start / step)) < 1e-3
    assert start <= 0
    assert start == pytest.approx(low, abs=step + 1e-5)
    assert end == pytest.approx(high, abs=step + 1e-5)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (32, 48), (64, 24)])
def test_it_is_the_network(height: int, width: int) -> None:
    library = pytest.importorskip("openvino")
    network = tiny()
    x = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2))
    style, noise = styles(1)[0], noise_like(height, width)
    model = library.Core().compile_model(graph(library, network, height, width), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    painted = torch.from_numpy(np.array(model([x.numpy(), style.numpy(), noise.numpy()])[0]))
    with torch.inference_mode():
        assert psnr(painted, network(x, style=style, noise=noise)) > 95
