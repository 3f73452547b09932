"""The memory of new tensors is bounded before it is allocated."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from textgen.nn.allocation import AllocationLimit

LIMIT = 2**24


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTM(10**6, 10**6),
        lambda: nn.Embedding(10**9, 10**9),
        lambda: [nn.Linear(1, 1) for _ in range(10**9)],
        lambda: torch.arange(10**12),
        lambda: torch.eye(10**6),
        lambda: torch.zeros(3).new_zeros(10**12),
        lambda: torch.full((10**6, 10**6), 1.0),
        lambda: torch.randn(10**6, 10**6, generator=torch.Generator().manual_seed(0)),
    ],
)
def test_terabytes_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="it needs more than 16 MiB of memory"), AllocationLimit(LIMIT):
        make()


def test_what_fits_is_made_as_without_a_limit() -> None:
    made = []
    for limit in (LIMIT, 2 * LIMIT):
        torch.manual_seed(0)
        with AllocationLimit(limit):
            layers = nn.LSTM(8, 8), nn.Linear(8, 8), torch.randn(3), torch.randperm(5)
            nn.init.orthogonal_(layers[1].weight)
        made.append([*layers[0].parameters(), *layers[1].parameters(), *layers[2:]])
    torch.manual_seed(0)
    layers = nn.LSTM(8, 8), nn.Linear(8, 8), torch.randn(3), torch.randperm(5)
    nn.init.orthogonal_(layers[1].weight)
    made.append([*layers[0].parameters(), *layers[1].parameters(), *layers[2:]])
    for tensors in zip(*made, strict=True):
        assert torch.equal(tensors[0], tensors[1])
        assert torch.equal(tensors[0], tensors[2])
