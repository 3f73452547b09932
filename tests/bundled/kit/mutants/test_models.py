"""Models with one fault each in what they compute, and the check that finds it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.models import Small
from textgen_kit import run_checks
from textgen_models.counting import Uniform

pytestmark = pytest.mark.slow


class LastLogitsOnly(Small):
    found_by = "model-shapes"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits[:, -1:], state

    loss = None  # type: ignore[assignment]


class NeverRepeats(Small):
    found_by = "model-probabilities"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits.scatter(-1, ids[..., None], float("-inf")), state


class GivesProbabilities(Small):
    """It has a softmax of its own, after which the loss takes another."""

    found_by = "model-probabilities"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits.softmax(-1), state


class ClaimsSomethingElse(Small):
    """It says `is_normalized` by a method, which is always true."""

    found_by = "model-probabilities"

    def is_normalized(self) -> bool:
        return False


class UnitsKnowTheEnd(Small):
    found_by = "model-activations"

    def activations(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self.forward(ids, state)
        return logits + logits[:, -1:], state


class UnitsForget(Small):
    found_by = "model-activations"

    def activations(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.forward(ids, self.initial_state(len(ids)))


class LayersFirst(Small):
    found_by = "model-state"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(1, batch_size, self.size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state[0])
        return logits, state[None]


class CountsInAnInteger(Small):
    found_by = "model-state"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.size), 0

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, hidden = super().forward(ids, state[0])
        return logits, (hidden, state[1] + ids.shape[1])


class BeginsWithNothing(Small):
    found_by = "model-state"

    def initial_state(self, batch_size: int) -> Any:
        return None

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().forward(ids, torch.zeros(len(ids), self.size) if state is None else state)


class OnePlaceForAllRows(Small):
    """It knows how many tokens there were, but only those of the first row."""

    found_by = "model-joined-states"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.size), torch.zeros(batch_size, dtype=torch.long)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, hidden = super().forward(ids, state[0])
        places = state[1][:1, None] + torch.arange(ids.shape[1])
        return logits + places[..., None].cos() * logits, (hidden, state[1] + ids.shape[1])


class MixesRows(Small):
    found_by = "model-batch"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits - logits.mean(0), state


class WritesItsStateInPlace(Small):
    found_by = "model-pure"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, last = super().forward(ids, state.clone())
        return logits, state.copy_(last.detach())


class AlwaysDropsOut(Small):
    found_by = "model-evaluation-mode"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return F.dropout(logits, 0.1), state


class InsistsOnFp32(Small):
    found_by = "model-bf16"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        result = torch.zeros_like(logits, dtype=torch.float32)
        result[torch.arange(len(logits))] = logits
        return result, state


class Nameless(Small):
    found_by = "model-docstring"


class NoModule:
    found_by = "model-contract"

    def __init__(self, vocab_size: int) -> None:
        self.model = Small(vocab_size)
        self.initial_state, self.forward = self.model.initial_state, self.model.forward


class Normalized(Small):
    """Its logits are log-probabilities, as it says."""

    is_normalized = True

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits.log_softmax(-1), state


@pytest.mark.parametrize("component", [Small, Normalized, Uniform])
def test_without_its_fault_a_model_passes(component: type) -> None:
    results = run_checks("model", component)
    assert [result for result in results if result.status == "failed"] == []
    skipped = {result.check for result in results if result.status == "skipped"}
    assert component is Uniform or skipped == {"model-refinement"}


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
