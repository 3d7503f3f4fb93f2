import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from mapsto.errors import UsageError
from mapsto.image import engines
from mapsto.image.engines import OpenVino, check_engine
from mapsto.image.stylize import StyleNetwork, noise_like
from mapsto.learning.measure import psnr


def tiny() -> StyleNetwork:
    torch.manual_seed(0)
    network = StyleNetwork((), width=16, deep=16, deep_blocks=1, fine_blocks=1, style_size=6)
    return network.eval().requires_grad_(False)


def given(count: int = 1, height: int = 32, width: int = 48) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    return {"style": torch.randn(count, 6, generator=generator), "noise": noise_like(height, width)}


def photo(count: int = 1, height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(2))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="openvino"):
        check_engine("openvin")


@pytest.mark.parametrize("name", ["openvino", "openvino-int8"])
def test_a_missing_library_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError) as error:
        check_engine(name)
    assert "mapsto[fast]" in error.value.hint


def test_what_cannot_be_compiled_is_computed_by_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "openvino", lambda: pytest.fail("compiled"))
    network, side = tiny(), given(2)
    with torch.inference_mode():
        stats = network.measure(photo(), style=side["style"][:1], noise=side["noise"])
        assert torch.equal(OpenVino(network, 1)(photo(2), **side), network(photo(2), **side))
        one: dict[str, Any] = {"style": side["style"][:1], "noise": side["noise"], "stats": stats}
        assert torch.equal(OpenVino(network, 1)(photo(), **one), network(photo(), **one))


def test_it_paints_what_pytorch_paints_in_every_size() -> None:
    pytest.importorskip("openvino")
    network = tiny()
    compiled = OpenVino(network, 1)
    for height, width in ((32, 48), (64, 32), (32, 48)):
        x, side = photo(1, height, width), given(1, height, width)
        with torch.inference_mode():
            assert psnr(compiled(x, **side), network(x, **side)) > 70
    assert len(compiled._sizes) == 2


def test_eight_bits_are_enough() -> None:
    pytest.importorskip("openvino")
    network, x, side = tiny(), photo(1, 64, 96), given(1, 64, 96)
    eight = OpenVino(network, 1, styles_of(side["style"]))
    with torch.inference_mode():
        painted, exact = eight(x, **side), network(x, **side)
    assert 35 < psnr(painted, exact) < 70  # more, and it would not have been eight bits
    assert torch.equal(painted, OpenVino(tiny(), 1, styles_of(side["style"]))(x, **side))


def test_all_convolutions_between_the_first_and_the_last_are_of_eight_bits() -> None:
    pytest.importorskip("openvino")
    side = given()
    eight = OpenVino(tiny(), 1, styles_of(side["style"]))
    eight(photo(), **side)
    (graph,) = (compiled.get_runtime_model() for compiled in eight._sizes.values())  # type: ignore[attr-defined]
    told = [node.get_rt_info() for node in graph.get_ordered_ops()]
    kinds = [info["runtimePrecision"].astype(str) for info in told if info["layerType"].astype(str) == "Convolution"]
    assert sorted(kind in ("u8", "i8") for kind in kinds) == [False] * 2 + [True] * (len(kinds) - 2)


def test_no_paint_leaves_the_photo_in_eight_bits_too() -> None:
    pytest.importorskip("openvino")
    network, x, side = tiny(), photo(), given()
    side["style"] = torch.zeros(1, 6)
    assert psnr(OpenVino(network, 1, styles_of(side["style"]))(x, **side), x) > 100


def styles_of(style: Tensor) -> engines.Styles:
    return tuple(tuple(row) for row in style.tolist())
