"""Models with one fault each, and the check that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.api import PretrainedVectors
from textgen.nn.embedding import TokenEmbedding
from textgen.testing import run_checks
from textgen_models.uniform import Uniform


class Small(nn.Module):
    """One layer of gated recurrent units, with all that a model may have."""

    recommended_training: ClassVar[Mapping[str, Any]] = {"batch_size": 8}

    def __init__(self, vocab_size: int, *, size: int = 16, vectors: PretrainedVectors | None = None) -> None:
        super().__init__()
        self.input = TokenEmbedding(vocab_size, size, vectors)
        self.layer = nn.GRU(self.input.size, size, batch_first=True)
        self.output = nn.Linear(size, vocab_size)
        self.size = size

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        features, last = self.layer(self.input(ids), state[None].contiguous())
        return self.output(features), last[0]

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self(ids, state)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten()), state

    def prepare_step(self, dtype: torch.dtype) -> Any:
        def step(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = self(ids[:, None], state)
            return logits[:, 0], state

        return step


class SeesTheFuture(Small):
    found_by = "model-causal"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + 0.1 * F.one_hot(ids.roll(-1, 1), logits.shape[-1]), state


class ForgetsItsState(Small):
    found_by = "model-chunks"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().forward(ids, torch.zeros_like(state))


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


class ForgetsHowToCount(Small):
    """Its logits are NaN after 512 tokens."""

    found_by = "model-probabilities"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.size), torch.zeros(batch_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, hidden = super().forward(ids, state[0])
        places = state[1][:, None] + torch.arange(ids.shape[1])
        return logits + 0 * (512 - places).sqrt()[..., None], (hidden, state[1] + ids.shape[1])


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


class RemembersBesideItsState(Small):
    found_by = "model-pure"
    calls = 0

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        self.calls += 1
        return logits / self.calls, state


class AlwaysDropsOut(Small):
    found_by = "model-evaluation-mode"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return F.dropout(logits, 0.1), state


class StepWithoutBias(Small):
    found_by = "model-step"

    def prepare_step(self, dtype: torch.dtype) -> Any:
        step = super().prepare_step(dtype)
        return lambda ids, state: (step(ids, state)[0] - self.output.bias, step(ids, state)[1])


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


class ClimbsUphill(Small):
    found_by = "model-learns"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        for parameter in self.parameters():
            parameter.register_hook(lambda gradient: -gradient)


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


class InsistsOnFp32(Small):
    found_by = "model-bf16"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        result = torch.zeros_like(logits, dtype=torch.float32)
        result[torch.arange(len(logits))] = logits
        return result, state


class RecommendsWhatIsNoOption(Small):
    found_by = "model-recommended-training"
    recommended_training: ClassVar[Mapping[str, Any]] = {"momentum": 0.9}


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


class Nameless(Small):
    found_by = "model-docstring"


class NoModule:
    found_by = "model-contract"

    def __init__(self, vocab_size: int) -> None:
        self.model = Small(vocab_size)
        self.initial_state, self.forward = self.model.initial_state, self.model.forward


@pytest.mark.parametrize("component", [Small, Uniform])
def test_without_its_fault_a_model_passes(component: type) -> None:
    outcomes = run_checks("model", component)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
    assert component is Uniform or all(outcome.status == "passed" for outcome in outcomes)


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
