import copy
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mapsto.mapping import Composed, Mapping
from mapsto.spaces import Image, Latent, SpaceError, Style
from toys import Decode, Encode, Scale, Tint

PICTURE = torch.linspace(0, 1, 2 * 3 * 4 * 4).view(2, 3, 4, 4)
STYLE = torch.tensor([[0.1, 0.2, 0.3, 0.4]])

TOYS: list[Callable[[], Mapping[Image, Image]]] = [Scale, lambda: Scale(0.5), Tint, lambda: Encode().eval() >> Decode()]


def same(one: Mapping[Any, Any], other: Mapping[Any, Any], **sides: Tensor) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    if list(ours) != list(theirs) or not all(torch.equal(ours[name], theirs[name]) for name in ours):
        return False
    return torch.equal(one(PICTURE, **sides), other(PICTURE, **sides))


@given(st.lists(st.sampled_from(TOYS), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_composition_is_associative_down_to_the_names_of_the_weights(toys: list[Callable[[], Mapping[Image, Image]]]) -> None:
    f, g, h = (toy() for toy in toys)
    sides = {"style": STYLE} if Tint in toys else {}
    assert same((f >> g) >> h, f >> (g >> h), **sides)
    assert ((f >> g) >> h).sides == (f >> (g >> h)).sides


def test_composition_is_one_after_the_other() -> None:
    f, g = Tint(), Scale(3.0)
    assert torch.equal((f >> g)(PICTURE, style=STYLE), g(f(PICTURE, style=STYLE)))
    assert ((f >> g).source, (f >> g).target) == (f.source, g.target)


def test_weights_are_shared_not_copied() -> None:
    f = Scale()
    both = f >> Scale()
    f.factor.data.fill_(5.0)
    assert torch.equal(both(PICTURE), 10 * PICTURE)


def test_a_wrong_size_is_refused_when_composing() -> None:
    with pytest.raises(SpaceError, match=r"Encode gives Latent\(channels=4\), and Decode takes Latent\(channels=5\)"):
        Encode(4) >> Decode(5)
    with pytest.raises(SpaceError):
        Scale(size=8) >> (Scale() >> Scale()) >> (Scale(size=8) >> Scale(size=4))
    assert isinstance(Scale(size=8) >> Scale(), Composed)


def test_a_wrong_kind_is_refused_even_where_nobody_checks_types() -> None:
    with pytest.raises(SpaceError):
        Encode() >> Encode()  # type: ignore[operator]
    with pytest.raises(TypeError):
        Encode() >> 3  # type: ignore[operator]


def test_an_unknown_side_input_is_a_type_error() -> None:
    for mapping in (Scale(), Tint(), Scale() >> Tint(), Tint().given(gain=2.0)):
        with pytest.raises(TypeError, match="colour"):
            mapping(PICTURE, colour=STYLE)
    with pytest.raises(TypeError, match="this mapping takes style, gain"):
        Tint().given(colour=STYLE)


def test_a_missing_side_input_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="style"):
        (Scale() >> Tint())(PICTURE)


def test_given_fixes_a_side_input() -> None:
    f = Tint()
    fixed = f.given(style=STYLE)
    assert torch.equal(fixed(PICTURE, gain=2.0), f(PICTURE, style=STYLE, gain=2.0))
    assert list(fixed.sides) == ["gain"]
    assert f.given() is f


def test_the_order_of_fixing_does_not_matter() -> None:
    f = Tint()
    one, other, both = (
        f.given(style=STYLE).given(gain=3.0),
        f.given(gain=3.0).given(style=STYLE),
        f.given(gain=3.0, style=STYLE),
    )
    assert torch.equal(one(PICTURE), other(PICTURE))
    assert torch.equal(one(PICTURE), both(PICTURE))


def test_fixing_commutes_with_composing() -> None:
    f, g = Tint(), Scale()
    assert torch.equal((f >> g).given(style=STYLE)(PICTURE), (f.given(style=STYLE) >> g)(PICTURE))


def test_what_is_fixed_cannot_be_given_again() -> None:
    fixed = Tint().given(style=STYLE)
    with pytest.raises(TypeError, match="style"):
        fixed.given(style=STYLE)
    with pytest.raises(TypeError, match="style"):
        fixed(PICTURE, style=STYLE)


def test_a_given_point_has_to_lie_in_its_space() -> None:
    with pytest.raises(SpaceError, match="style"):
        Tint(4).given(style=torch.zeros(1, 5))


def test_what_is_fixed_moves_along_and_is_no_weight() -> None:
    fixed = Tint().given(style=STYLE)
    assert list(fixed.state_dict()) == ["mapping.bias"]
    assert fixed.double()(PICTURE.double()).dtype == torch.float64


def test_side_inputs_of_one_name_are_one_side_input() -> None:
    f, g = Tint(), Tint()
    assert torch.equal((f >> g)(PICTURE, style=STYLE), g(f(PICTURE, style=STYLE), style=STYLE))
    with pytest.raises(SpaceError, match="style"):
        Tint(4) >> Tint(5)
    assert (Tint(4) >> Tint(5).given(style=torch.zeros(1, 5))).sides == {"style": Style(4), "gain": None}


def test_the_arguments_of_the_constructor_are_the_configuration() -> None:
    assert Scale().config == {"factor": 2.0, "size": None}
    assert Encode(3, widths=(4,)).config == {"channels": 3, "widths": (4,)}
    assert Scale(**Scale(7.0).config).config == Scale(7.0).config
    with pytest.raises(TypeError, match="colour"):
        Scale(colour=1)  # type: ignore[call-arg]


def test_a_copy_is_the_same_mapping() -> None:
    for mapping in (Tint(4), Tint().given(gain=2.0) >> Scale()):
        again = copy.deepcopy(mapping)
        assert again.config.keys() == mapping.config.keys()
        assert (again.source, again.target, again.sides) == (mapping.source, mapping.target, mapping.sides)
        assert same(again, mapping, style=STYLE)


def test_a_mapping_shows_its_spaces() -> None:
    assert "Image(channels=3) × style=Style(size=4) × gain=any → Image(channels=3)" in repr(Tint() >> Scale())
    assert Encode().target == Latent(4)


def composed() -> Mapping[Image, Image]:
    return (Encode().eval() >> Decode() >> Tint() >> Scale()).given(gain=0.5)


@pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("clang") or shutil.which("cl")), reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's compiler warns about torch
def test_a_composed_mapping_compiles_in_one_graph() -> None:
    mapping = composed()
    compiled = torch.compile(mapping, fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(PICTURE, style=STYLE), mapping(PICTURE, style=STYLE))


def test_a_composed_mapping_exports_with_its_side_inputs() -> None:
    mapping = composed()
    exported = torch.export.export(mapping, (PICTURE,), {"style": STYLE}, strict=False)
    for style in (STYLE, -STYLE):
        torch.testing.assert_close(exported.module()(PICTURE, style=style), mapping(PICTURE, style=style))


def test_a_composed_mapping_exports_for_any_batch() -> None:
    mapping = composed().given(style=STYLE)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(mapping, (PICTURE,), dynamic_shapes={"x": {0: batch}}, strict=False)
    for picture in (PICTURE, PICTURE.repeat(2, 1, 1, 1)):
        torch.testing.assert_close(exported.module()(picture), mapping(picture))


def test_a_boundary_costs_microseconds() -> None:
    f, g = Tint(), Scale()
    both = (f >> g).given(style=STYLE)

    def seconds(call: Callable[[], Tensor]) -> float:
        def once() -> float:
            start = time.perf_counter()
            for _ in range(20):
                call()
            return (time.perf_counter() - start) / 20

        return min(once() for _ in range(20))  # the least, because other processes only ever add

    with torch.inference_mode():
        extra = seconds(lambda: both(PICTURE)) - seconds(lambda: g(f(PICTURE, style=STYLE)))
    assert extra < 100e-6  # 10 on a quiet machine, for two boundaries
