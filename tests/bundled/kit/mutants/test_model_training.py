"""Models that learn in ways of their own, and such as do not learn, each with the check that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from textgen_kit import run_checks
from textgen_models.counting import Uniform

pytestmark = pytest.mark.slow


class TiedWeights(Small):
    """Its output layer has the weights of the input table."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.output.weight = self.input.weight


class TiedLayers(Small):
    """The same layer is used in two places."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.again = self.layer


class LayerNamedLoss(Small):
    """What textgen calls a loss is a method; this is a layer."""

    loss = None  # type: ignore[assignment]

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.loss = nn.CrossEntropyLoss()


class KeepsItsWeightsSmall(Small):
    """In training its loss is larger than the cross-entropy."""

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss + 0.1 * self.output.weight.square().mean() if self.training else loss, state


class RandomInTraining(Small):
    """A layer of dropout, a function of dropout, and a buffer that every forward pass updates."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.dropout = nn.Dropout(0.3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        features, last = self.layer(self.dropout(self.input(ids)), state[None].contiguous())
        if self.training:
            self.calls += 1
        logits = self.output(F.dropout(features, 0.2, self.training))
        return logits * (1 + 0.1 * self.calls.clamp(max=5)), last[0]


class LearnsSlowly(Small):
    """Recommends a small learning rate."""

    recommended_training: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3}


class GrowsWhenItIsFitted(Uniform):
    """Its logits depend on how much it has read, and that on the size of a buffer."""

    is_normalized: ClassVar[bool] = False

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.register_buffer("read", torch.zeros(0))

    def fit(self, ids: Any) -> None:
        super().fit(ids)
        self.read = torch.from_numpy(ids.astype("float32"))

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        assert len(self.read), "textgen asks no model that counts before it has read"
        logits, state = super().forward(ids, state)
        return logits * (1 + len(self.read) / 10_000), state


class RecommendsNoLearning(Small):
    found_by = "model-learns"
    recommended_training: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-12}


class SmallWeightsInEvaluationToo(Small):
    found_by = "model-loss"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss + 0.1 * self.output.weight.square().mean(), state


class InfiniteInTraining(Small):
    found_by = "model-loss"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss / (0 if self.training and len(ids) == 3 else 1), state


class DetachedLoss(Small):
    found_by = "model-loss"

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        loss, state = super().loss(ids, targets, state)
        return loss.detach() if self.training and len(ids) == 3 else loss, state


class NormalizedOverTheBatch(Small):
    """In evaluation mode it uses running averages, so that nothing else finds it."""

    found_by = "model-training-mode"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.norm = nn.BatchNorm1d(16)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        features, last = self.layer(self.input(ids), state[None].contiguous())
        return self.output(self.norm(features.transpose(1, 2)).transpose(1, 2)), last[0]


class CentredOverTimeInTraining(Small):
    found_by = "model-training-mode"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits - logits.mean(1, keepdim=True) if self.training else logits, state


class StepForgetsInBf16(Small):
    found_by = "model-step-bf16"

    def prepare_step(self, dtype: torch.dtype) -> Any:
        step = super().prepare_step(dtype)
        return lambda ids, state: step(ids, state if dtype == torch.float32 else torch.zeros_like(state))


class StepWithoutState(Small):
    found_by = "model-step"

    def prepare_step(self, dtype: torch.dtype) -> Any:
        step = super().prepare_step(dtype)
        return lambda ids, state: step(ids, state)[0]


class StepAddsInPlace(Small):
    found_by = "model-waiting-step"

    def prepare_step(self, dtype: torch.dtype) -> Any:
        step = super().prepare_step(dtype)

        def in_place(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, following = step(ids, state)
            return logits, state.copy_(following)

        return in_place


class StepStateGrows(Small):
    found_by = "model-waiting-step"

    def prepare_step(self, dtype: torch.dtype) -> Any:
        step = super().prepare_step(dtype)

        def growing(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, following = step(ids, state[:, -1] if state.ndim == 3 else state)
            before = state if state.ndim == 3 else state[:, None]
            return logits, torch.cat((before, following[:, None]), dim=1)

        return growing


@pytest.mark.parametrize(
    "component",
    [
        TiedWeights,
        TiedLayers,
        LayerNamedLoss,
        KeepsItsWeightsSmall,
        RandomInTraining,
        LearnsSlowly,
        GrowsWhenItIsFitted,
    ],
)
def test_models_that_learn_in_their_own_way_pass(component: type) -> None:
    assert [result for result in run_checks("model", component) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert failures[mutant.found_by].startswith("expected ")
