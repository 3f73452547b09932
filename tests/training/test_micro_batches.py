"""A batch for which memory lacks is computed in parts, with the same result up to rounding."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.training import CPU, Counting, equal, lstm, run, trainer, weights
from textgen.contracts import TextgenError, TokenIds
from textgen.nn.language_model import ModelClass, placeholder_vocabulary
from textgen.registry.registry import load
from textgen.runtime.device import seeded
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer

VOCABULARY = placeholder_vocabulary(100)
SIZES: dict[str, Any] = {"num_layers": 2, "hidden_size": 16}
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("lstm", SIZES),
    ("lstm", SIZES | {"softmax": "adaptive"}),
    ("lstm", SIZES | {"tie_weights": False}),
    ("gru", SIZES),
    ("transformer", SIZES | {"num_heads": 2, "context": 24}),
    ("hier", {"hidden_size": 16, "lower_size": 16, "word_size": 16, "num_keys": 64}),
    ("original", {"num_layers": 1, "hidden_size": 8, "window": 6}),
]


def trained(ids: TokenIds, model: nn.Module, num_parts: int, **options: Any) -> Trainer:
    """Some updates of a batch of 10 rows, which cannot be halved evenly, across the end of an epoch."""
    made = trainer(
        ids[:1000], options=TrainOptions(batch_size=10, sequence_length=16, **options), model=model
    )
    made.micro_batches = num_parts
    made.model.module.train()
    for update in range(8):
        made.update(0.1 + update / 10)
    return made


def built(name: str, **options: Any) -> nn.Module:
    with seeded(0, CPU.device):
        return ModelClass(load("model", name)).build(VOCABULARY, dropout=0.0, **options).module


def assert_close(one: Trainer, other: Trainer) -> None:
    for mine, its in zip(weights(one.model.module), weights(other.model.module), strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), MODELS, ids=str)
def test_every_model_learns_the_same_in_parts(ids: TokenIds, name: str, options: dict[str, Any]) -> None:
    whole = trained(ids, built(name, **options), 1, optimizer="sgd")
    assert_close(whole, trained(ids, built(name, **options), 4, optimizer="sgd"))
    assert not equal(weights(whole.model.module), weights(built(name, **options)))


def test_each_row_carries_its_own_state(ids: TokenIds) -> None:
    [count] = trained(ids, Counting(), 4).carried["count"]
    assert count.tolist() == [2 * 16.0] * 10  # an epoch has 6 updates


class Hungry(nn.Module):
    """An LSTM that has memory for some rows only."""

    def __init__(self, max_rows: int, error: Exception | None = None) -> None:
        super().__init__()
        self.lstm, self.max_rows, self.tried = lstm(dropout=0.0), max_rows, list[int]()
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")

    def initial_state(self, batch_size: int) -> Any:
        return self.lstm.initial_state(batch_size)

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        self.tried.append(len(ids))
        loss, following = self.lstm.loss(ids, targets, state)
        if len(ids) > self.max_rows:
            raise self.error
        return loss, following

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.lstm(ids, state)


@pytest.mark.parametrize(
    "error",
    [
        None,
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["cuda", "python", "cpu"],
)
def test_the_batch_is_halved_until_it_fits(ids: TokenIds, error: Exception | None) -> None:
    hungry = Hungry(3, error)
    whole, parts = (trained(ids, model, 1, optimizer="sgd") for model in (Hungry(10), hungry))
    assert_close(whole, parts)
    assert hungry.tried[:6] == [10, 5, 3, 3, 3, 1]
    assert max(hungry.tried[2:]) == 3
    assert parts.micro_batches == 4


def test_the_result_says_so_and_a_checkpoint_goes_on_with_it(ids: TokenIds) -> None:
    made = trainer(ids[:1000], model=Hungry(3))
    result = run(made, "3epochs")
    assert result.micro_batches == 4
    assert result.remarks == ("the batch did not fit in memory and was computed in 4 parts",)
    again = trainer(ids[:1000], model=Hungry(3))
    again.restore(copy.deepcopy(made.state()))
    again.update(0.9)
    made.update(0.9)
    assert isinstance(again.model.module, Hungry)
    assert max(again.model.module.tried) <= 3
    assert equal(weights(again.model.module), weights(made.model.module))


def test_one_row_without_memory_is_one_line(ids: TokenIds) -> None:
    with pytest.raises(
        TextgenError, match=r"^out of memory at update 1, even with one row .*; use a smaller"
    ):
        run(trainer(ids[:1000], model=Hungry(0)), "1epoch")


def test_other_errors_are_not_taken_for_it(ids: TokenIds) -> None:
    model = Hungry(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(trainer(ids[:1000], model=model), "1epoch")
    assert model.tried == [8]
