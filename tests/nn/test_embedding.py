"""The embedding of tokens: random rows, pretrained ones of the same length, and frozen ones."""

from __future__ import annotations

import pytest
import torch

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import TokenEmbedding

IDS = torch.tensor([[0, 3], [2, 2]])
FOUND = torch.tensor([True, False, True, False])
TABLE = torch.tensor([[3.0, 4.0], [9.0, 9.0], [0.0, 5.0], [9.0, 9.0]])


def test_vectors_have_a_length_of_about_1() -> None:
    torch.manual_seed(0)
    layer = TokenEmbedding(1000, 64)
    assert layer(IDS).shape == (2, 2, 64)
    assert float(layer.table().detach().norm(dim=1).mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("frozen", [True, False])
def test_rows_that_were_found_start_from_their_vectors_and_only_frozen_ones_stay(frozen: bool) -> None:
    torch.manual_seed(0)
    layer = TokenEmbedding(4, 7, PretrainedVectors(TABLE, FOUND, frozen))
    assert layer.size == 2
    table = layer.table().detach().clone()
    torch.testing.assert_close(table[FOUND], TABLE[FOUND] / 5)  # of length 5, both
    layer(IDS).sum().backward()
    with torch.no_grad():
        layer.weight -= torch.ones_like(layer.weight)
    stays = [bool(torch.equal(*rows)) for rows in zip(layer.table(), table, strict=True)]
    assert stays == (FOUND.tolist() if frozen else [False] * 4)
    gradient = layer.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [not frozen, False, not frozen, True]


def test_vectors_of_which_none_was_found_leave_random_rows() -> None:
    layer = TokenEmbedding(4, 7, PretrainedVectors(TABLE, torch.zeros(4, dtype=torch.bool), frozen=True))
    assert torch.isfinite(layer.table()).all()
    assert torch.equal(layer.table(), layer.weight)
