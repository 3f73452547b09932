"""Weights in a file: each tensor once, whatever the names it has, and of whatever size it became."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import TokenEmbedding
from textgen.nn.weights import set_weights, weights_of


class Tied(nn.Module):
    """The table of the input is that of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 3)
        self.output = nn.Linear(3, 5)
        self.output.weight = self.table.weight


class Counting(nn.Module):
    """What it counts is as large as the text."""

    counts: torch.Tensor

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.inner = nn.Module()
        self.register_buffer("counts", torch.arange(size))
        self.inner.register_buffer("rows", torch.ones(size, 2))


def saved(model: nn.Module, path: Path) -> dict[str, torch.Tensor]:
    save_file(weights_of(model), path)
    return load_file(path)


def test_tied_weights_are_saved_once_and_tied_again(tmp_path: Path) -> None:
    model, loaded = Tied(), Tied()
    weights = saved(model, tmp_path / "weights.safetensors")
    assert set(weights) == {"table.weight", "output.bias"}
    set_weights(loaded, weights)
    assert loaded.output.weight is loaded.table.weight
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)


def test_a_buffer_takes_the_size_that_it_had(tmp_path: Path) -> None:
    loaded = Counting()
    set_weights(loaded, saved(Counting(7), tmp_path / "weights.safetensors"))
    assert torch.equal(loaded.counts, torch.arange(7))
    assert loaded.inner.rows.shape == (7, 2)


@pytest.mark.parametrize(
    "change", [{"extra": torch.zeros(1)}, {"table.weight": torch.zeros(6, 3)}, {"output.bias": None}]
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, torch.Tensor | None]) -> None:
    weights = {name: value for name, value in (weights_of(Tied()) | change).items() if value is not None}
    with pytest.raises(RuntimeError, match=r"extra|size mismatch|Missing key"):
        set_weights(Tied(), weights)


IDS = torch.tensor([[0, 3], [2, 2]])
FOUND = torch.tensor([True, False, True, False])
TABLE = torch.tensor([[3.0, 4.0], [9.0, 9.0], [0.0, 5.0], [9.0, 9.0]])


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
