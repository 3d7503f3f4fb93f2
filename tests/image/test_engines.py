import sys

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


def given(count: int = 1, height: int = 32, width: int = 48) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {"style": torch.randn(count, 6, generator=generator), "noise": noise_like(height, width)}


def photo(count: int = 1, height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(2))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="openvino"):
        check_engine("openvin")


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError) as error:
        check_engine("openvino")
    assert "mapsto[fast]" in error.value.hint


def test_what_cannot_be_compiled_is_computed_by_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "openvino", lambda: pytest.fail("compiled"))
    network, side = tiny(), given(2)
    with torch.inference_mode():
        stats = network.measure(photo(), style=side["style"][:1], noise=side["noise"])
        assert torch.equal(OpenVino(network, 1)(photo(2), **side), network(photo(2), **side))
        one = {"style": side["style"][:1], "noise": side["noise"], "stats": stats}
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
