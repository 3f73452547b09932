"""Small trainings: a model, its trainer, a budget, and its weights afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from textgen.contracts import PretrainedVectors, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import parse_budget
from textgen.training.loop import train
from textgen.training.progress import TrainResult
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen_models.recurrent import LSTM

CPU = DeviceConfig(torch.device("cpu"), "fp32")
OPTIONS = TrainOptions(batch_size=8, sequence_length=16)


def lstm(seed: int = 0, vectors: PretrainedVectors | None = None, **options: Any) -> LSTM:
    with seeded(seed, CPU.device):
        return LSTM(100, **{"num_layers": 2, "hidden_size": 16} | options, vectors=vectors)


def trainer(
    ids: TokenIds, seed: int = 0, options: TrainOptions = OPTIONS, model: nn.Module | None = None
) -> Trainer:
    batches = ContiguousBatches(ids, options.most_streams, options.longest_sequence, seed)
    return Trainer(LanguageModel(model or lstm(seed), 100), batches, options, CPU, seed)


def unread(trainer: Trainer) -> Trainer:
    """A trainer whose losses are read only where something depends on them."""
    trainer.max_unread_seconds = math.inf
    return trainer


class Scored:
    """A validation whose score is what a function returns."""

    def __init__(self, score: Callable[[], float]) -> None:
        self.score = score

    def __call__(self) -> float:
        return self.score()

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        assert state == {}


def no_validation() -> float:
    return 1.0


def run(
    trainer: Trainer, budget: str, validate: Callable[[], float] = no_validation, chars_per_token: float = 1
) -> TrainResult:
    return train(trainer, parse_budget(budget), chars_per_token, Scored(validate))


def weights(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


class Counting(nn.Module):
    """Predicts nothing much; its state counts the tokens of each stream."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(100))

    def initial_state(self, batch_size: int) -> dict[str, list[Tensor]]:
        return {"count": [torch.zeros(batch_size)]}

    def forward(self, ids: Tensor, state: dict[str, list[Tensor]]) -> tuple[Tensor, dict[str, list[Tensor]]]:
        count = state["count"][0] + ids.shape[1] + 0 * self.bias.sum()
        return self.bias.expand(*ids.shape, -1), {"count": [count]}
