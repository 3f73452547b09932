"""Models whose fault shows after dozens or hundreds of tokens only."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from textgen_kit import run_checks

pytestmark = pytest.mark.slow


class ThreeTokens(nn.Module):
    """The next token depends on the last three, which are its state."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, 3 * vocab_size)

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 2, dtype=torch.long, device=self.table.weight.device)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        tokens = torch.cat([state, ids], 1)
        parts = self.table(tokens).chunk(3, -1)
        length = ids.shape[1]
        return sum(part[:, place : place + length] for place, part in enumerate(parts)), tokens[:, -2:]


def seen(ids: Tensor, places: Tensor, logits: Tensor) -> Tensor:
    """Return the logits with a hint at the next token at some places."""
    return logits + 0.1 * F.one_hot(ids.roll(-1, 1), logits.shape[-1]) * places[:, None]


class SeesTheFutureAfter512(Small):
    found_by = "model-causal"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return seen(ids, torch.arange(ids.shape[1]) >= 512, logits), following


class SeesOverTheEdgesOfBlocks(Small):
    """The last token of each 64 sees the one after it."""

    found_by = "model-causal"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return seen(ids, torch.arange(ids.shape[1]) % 64 == 63, logits), following


class NormalisesLongChunks(Small):
    found_by = "model-causal"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits - logits.mean(1, keepdim=True) if ids.shape[1] > 100 else logits, following


class ForgetsWithinAPass(Small):
    """Reads a window of tokens at a time and starts again after it."""

    found_by = "model-chunks"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        parts = []
        for chunk in ids.split(512, 1):
            logits, following = super().forward(chunk, state)
            parts.append(logits)
            state = self.initial_state(len(ids))
        return torch.cat(parts, 1), following


class BeginsLongChunksAnew(Small):
    found_by = "model-chunks"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().forward(ids, state * (ids.shape[1] <= 256))


class CountsUpToTwoThousand(Small):
    found_by = "model-probabilities"

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.zeros(batch_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, hidden = super().forward(ids, state[0])
        left = 2000 - state[1][:, None] - torch.arange(ids.shape[1])
        return logits + 0 * left.sqrt()[..., None], (hidden, state[1] + ids.shape[1])


class StepOfAFullBuffer(Small):
    """Its step writes at no place beyond 512."""

    found_by = "model-step"

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.zeros(batch_size, dtype=torch.long)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, hidden = super().forward(ids, state[0])
        return logits, (hidden, state[1] + ids.shape[1])

    def prepare_step(self, dtype: torch.dtype) -> Any:
        def step(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, following = self(ids[:, None], state)
            return logits[:, 0] * (state[1] < 512)[:, None], following

        return step


@pytest.mark.parametrize("component", [ThreeTokens])
def test_without_its_fault_a_model_passes(component: type) -> None:
    assert [result for result in run_checks("model", component) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert failures[mutant.found_by].startswith("expected ")
