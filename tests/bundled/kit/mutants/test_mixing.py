"""Faults of counts that go on, each with the check that finds it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from textgen_models.refinements.mix import Mix

pytestmark = pytest.mark.slow


class CountsTheWindowFirst(Mix):
    """The tokens of a window are counted before they are predicted."""

    found_by = "model-causal"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        _, after = super().refine(predictions, ids, memory)
        counted = memory._replace(tokens=after.tokens, num_read=after.num_read)
        return super().refine(predictions, ids, counted)[0], after


class LearnsTheWindowFirst(Mix):
    """Its weights have learnt from the tokens that they are used for."""

    found_by = "model-causal"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        _, after = super().refine(predictions, ids, memory)
        return super().refine(predictions, ids, memory._replace(weights=after.weights))


class LooksAtTheTarget(Mix):
    """It is surer where it is right."""

    found_by = "model-causal"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        refined, after = super().refine(predictions, ids, memory)
        targets = F.one_hot(torch.cat((ids[:, 1:], ids[:, -1:]), 1), self.vocab_size)
        return (refined + targets).log_softmax(-1), after


class OnlyAdds(Mix):
    """What has been counted becomes likelier, and nothing less likely."""

    found_by = "model-probabilities"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        refined, after = super().refine(predictions, ids, memory)
        return torch.maximum(refined, predictions), after


class SecondPass(Mix):
    """It goes on with the weights of the text before."""

    found_by = "model-pure"
    learnt: Any = None

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        if self.learnt is not None:
            memory = memory._replace(weights=self.learnt.expand_as(memory.weights))
        refined, after = super().refine(predictions, ids, memory)
        self.learnt = after.weights[:1]
        return refined, after


class GoesOnFromTheLast(Mix):
    """It goes on from what it read last, not from the state that it is given."""

    found_by = "model-pure"
    last: Any = None

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        if self.last is not None and len(self.last.tokens) == len(ids):
            memory = self.last
        refined, self.last = super().refine(predictions, ids, memory)
        return refined, self.last


class KeepsItsCounts(Mix):
    """Its chains go on where they are, whatever the state has read."""

    found_by = "model-pure"

    def _take_chains(self, num_texts: int) -> Any:
        chains = super()._take_chains(num_texts)
        for each in chains:
            each.follow = lambda tokens, each=each: None if each.num_read else type(each).follow(each, tokens)
        return chains


class SharesItsWeights(Mix):
    """After a window, the texts of a batch go on with the mean of their weights."""

    found_by = "model-chunks"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        refined, after = super().refine(predictions, ids, memory)
        return refined, after._replace(weights=after.weights.mean(0, keepdim=True).expand_as(after.weights))


class ForgetsThePrediction(Mix):
    """It does not learn from the first token of a window."""

    found_by = "model-chunks"

    def refine(self, predictions: Tensor, ids: Tensor, memory: Any) -> tuple[Tensor, Any]:
        return super().refine(
            predictions, ids, memory._replace(prediction=torch.zeros_like(memory.prediction))
        )


class LosesItsText(Mix):
    """A saved run lacks the training text."""

    found_by = "model-saved"

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        state_dict[f"{prefix}text"] = state_dict[f"{prefix}text"][:0]
        super()._load_from_state_dict(state_dict, prefix, *rest)


class ForgetsTheBase(Mix):
    """The base begins afresh in each window."""

    found_by = "model-refinement"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().forward(ids, state._replace(base=self.initial_state(len(ids)).base))


class FitsToNothing(Mix):
    """Fitting it to held-out text gives NaN."""

    found_by = "model-refinement"

    def fit_held_out(self, stretches: Any) -> None:
        self.weights.fill_(float("nan"))


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    reason = failures[mutant.found_by]
    assert "\n" not in reason
    assert re.match("expected ", reason)
