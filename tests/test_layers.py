from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mapsto.layers import attend


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_agrees_with_the_library(causal: bool) -> None:
    query, key, value = (drawn(2, 3, 16, 32, seed=seed) for seed in range(3))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
    assert torch.allclose(attend(query, key, value, causal=causal), expected, atol=1e-5)


def test_nothing_is_seen_of_what_comes_later() -> None:
    query, key, value = (drawn(1, 1, 8, 4, seed=seed) for seed in range(3))
    seen = attend(query, key, value, causal=True)
    key[:, :, 5:], value[:, :, 5:] = 7.0, 9.0
    again = attend(query, key, value, causal=True)
    assert torch.equal(again[:, :, :5], seen[:, :, :5])
    assert not torch.allclose(again[:, :, 5:], seen[:, :, 5:])
