"""Models with one fault each in what they learn, save or draw, and the check that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers.models import Small
from textgen.contracts import PretrainedVectors
from textgen_models.counting import Uniform

pytestmark = pytest.mark.slow


class CannotLearn(Small):
    found_by = "model-trainable"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.requires_grad_(False)


class UnusedLayer(Small):
    found_by = "model-gradients"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.unused = nn.Linear(self.size, self.size)


class LossInBits(Small):
    found_by = "model-loss"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss / np.log(2), state


class LossWithoutState(Small):
    found_by = "model-loss"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().loss(ids, targets, state)[0], state


class FitsTheOpposite(Uniform):
    found_by = "model-learns"

    def fit(self, ids: Any) -> None:
        super().fit(ids)
        self.log_probabilities.neg_()


class WeightsOutsideTheFile(Small):
    found_by = "model-saved"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.scale = torch.randn(vocab_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits * self.scale, state


class CountsOutsideTheFile(Uniform):
    found_by = "model-saved"
    counts: Tensor | float = 0.0

    def fit(self, ids: Any) -> None:
        self.counts = torch.bincount(torch.from_numpy(ids.astype(np.int64)), minlength=50)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return (self.log_probabilities + self.counts).expand(*ids.shape, -1), state


class SeedsEverything(Small):
    found_by = "model-seed"

    def __init__(self, vocab_size: int) -> None:
        torch.manual_seed(42)
        super().__init__(vocab_size)


class WeightsOfNumpy(Small):
    found_by = "model-seed"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.output.bias.data = torch.from_numpy(np.random.normal(size=vocab_size).astype(np.float32))


class NoiseOfNumpy(Small):
    found_by = "model-randomness"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss * (1 if np.random.random() < 2 else 0), state


class RecommendsWhatIsNoOption(Small):
    found_by = "model-recommended-training"
    recommended_training: ClassVar[Mapping[str, Any]] = {"patience": 0.9}


class IgnoresVectors(Small):
    found_by = "model-vectors"

    def __init__(self, vocab_size: int, *, vectors: PretrainedVectors | None = None) -> None:
        super().__init__(vocab_size)


class TrainsFrozenVectors(Small):
    found_by = "model-frozen-vectors"

    def __init__(self, vocab_size: int, *, vectors: PretrainedVectors | None = None) -> None:
        thawed = vectors and PretrainedVectors(vectors.table, vectors.found, frozen=False)
        super().__init__(vocab_size, vectors=thawed)


class RowsOfTheVectorsFound(Small):
    """Keeps a table that is as long as there are vectors, which a saved run does not know."""

    found_by = "model-saved-vectors"

    def __init__(self, vocab_size: int, *, vectors: PretrainedVectors | None = None) -> None:
        super().__init__(vocab_size, vectors=vectors)
        if vectors is not None:
            rows = vectors.found.nonzero()[:, 0].float()
            self.rows = nn.Parameter(rows, requires_grad=False)


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
