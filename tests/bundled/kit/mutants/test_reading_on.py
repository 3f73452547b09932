"""Models that learn from what they read: a right one, and known cheats, each with the check that finds it.

The cheats are those of public competitions: caches whose probabilities sum to more than 1, tables that have
seen the target, gates that look at it, a second pass.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen_kit import run_checks

pytestmark = pytest.mark.slow


class Unigrams(nn.Module):
    """Tokens are as likely as they were in the text so far, and refine a base, if there is one."""

    is_normalized: ClassVar[bool] = True
    reads_on: ClassVar[bool] = True

    def __init__(self, vocab_size: int, *, base: Any = None) -> None:
        super().__init__()
        self.vocab_size, self.base = vocab_size, base
        self.register_buffer("trust", torch.tensor(0.2))

    def initial_state(self, batch_size: int) -> Any:
        base = () if self.base is None else self.base.initial_state(batch_size)
        return base, self.trust.new_zeros(batch_size, self.vocab_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        base, read = state
        counts = self.counts(ids, read)
        shares = (counts + 1) / (counts + 1).sum(-1, keepdim=True)
        below, base = self.below(ids, base)
        mixed = self.share(ids, counts) * shares + (1 - self.share(ids, counts)) * below
        return mixed.log(), (base, read + F.one_hot(ids, self.vocab_size).sum(1))

    def counts(self, ids: Tensor, read: Tensor) -> Tensor:
        return read[:, None] + F.one_hot(ids, self.vocab_size).cumsum(1)

    def share(self, ids: Tensor, counts: Tensor) -> Tensor:
        return self.trust

    def below(self, ids: Tensor, base: Any) -> tuple[Tensor, Any]:
        if self.base is None:
            return torch.full((*ids.shape, self.vocab_size), 1 / self.vocab_size, device=ids.device), base
        logits, base = self.base.forward(ids, base)
        return logits.softmax(-1), base


class CountsTheTarget(Unigrams):
    """Its table has seen the token that is predicted."""

    found_by = "model-causal"

    def counts(self, ids: Tensor, read: Tensor) -> Tensor:
        return super().counts(torch.cat((ids[:, 1:], ids[:, -1:]), 1), read)


class CountsTheWindowFirst(Unigrams):
    """It warms up on the text that comes."""

    found_by = "model-causal"

    def counts(self, ids: Tensor, read: Tensor) -> Tensor:
        return super().counts(ids, read + F.one_hot(ids, self.vocab_size).sum(1))


class MoreThanOne(Unigrams):
    """What it has read becomes likelier, and nothing less likely."""

    found_by = "model-probabilities"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return torch.logaddexp(logits, (0.1 * self.counts(ids, state[1]).clamp(max=1)).log()), following


class SecondPass(Unigrams):
    """It keeps what it read in a pass for the next one."""

    found_by = "model-pure"
    kept: Any = 0

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        answer = super().forward(ids, (state[0], state[1] + self.kept))
        self.kept = self.kept + F.one_hot(ids, self.vocab_size).sum((0, 1))
        return answer


class ForgetsTheBase(Unigrams):
    """The base begins afresh in each chunk."""

    found_by = "model-refinement"

    def below(self, ids: Tensor, base: Any) -> tuple[Tensor, Any]:
        return super().below(ids, () if self.base is None else self.base.initial_state(len(ids)))


class AddsToTheBase(Unigrams):
    """Alone it is a distribution, above another model it is not."""

    found_by = "model-refinement"

    def below(self, ids: Tensor, base: Any) -> tuple[Tensor, Any]:
        probabilities, base = super().below(ids, base)
        return (probabilities if self.base is None else 1.5 * probabilities), base


class FitsToNothing(Unigrams):
    """Fitting it to held-out text gives NaN."""

    found_by = "model-refinement"

    def fit_held_out(self, stretches: Any) -> None:
        self.trust = torch.tensor(float("nan"))


def test_a_right_one_passes() -> None:
    failed = [result for result in run_checks("model", Unigrams) if result.status == "failed"]
    assert failed == []


def test_the_check_meant_for_a_cheat_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    reason = failures[mutant.found_by]
    assert "\n" not in reason
    assert re.match("expected ", reason)
