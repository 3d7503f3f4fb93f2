"""What a type checker says about joining mappings; `make lint` reads this file, nothing runs it.

Every `type: ignore` here is a claim that the line is wrong: mypy reports those that are not needed.
"""

from torch import Tensor
from typing_extensions import assert_type

from mapsto.mapping import Mapping
from mapsto.spaces import Audio, Image, Latent, Style


def kinds_that_fit(encode: Mapping[Image, Latent], decode: Mapping[Latent, Image]) -> None:
    assert_type(encode >> decode, Mapping[Image, Image])
    assert_type(encode >> decode >> encode, Mapping[Image, Latent])
    assert_type(encode >> (decode >> encode), Mapping[Image, Latent])


def kinds_that_do_not(encode: Mapping[Image, Latent], sound: Mapping[Audio, Style]) -> None:
    encode >> encode  # type: ignore[operator]
    encode >> sound  # type: ignore[operator]
    encode >> 3  # type: ignore[operator]


def values(encode: Mapping[Image, Latent], x: Tensor) -> None:
    assert_type(encode(x), Tensor)
    assert_type(encode.given(style=x), Mapping[Image, Latent])
    assert_type(encode.source, Image)
    encode(x, x)  # type: ignore[call-arg]
