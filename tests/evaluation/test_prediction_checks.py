"""A score that a model did not earn is found out, whatever way it cheats; honest models are not suspected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from helpers.models import Small
from helpers.scoring import CPU, told_texts
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.split import parse_split, split_text
from textgen.evaluation.prediction_checks import prediction_problem
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import seeded

PREDICTS_OTHERWISE = "it predicts otherwise when it gets several tokens at once"


def problem_of(model: Any, tokenizer: BoundTokenizer, text: str, split: str = "60/20/20") -> str | None:
    """Return what is found wrong with a model that is scored on the test part of a text."""
    texts = split_text(text, parse_split(split)).held_out.stretches()
    return told_texts(model, tokenizer, texts)[1]


@pytest.fixture(scope="module")
def characters(news: str) -> BoundTokenizer:
    tokenizer = BoundTokenizer(build("tokenizer", "char"))
    tokenizer.fit(news)
    return tokenizer


class PeeksThreeTokensAhead(Small):
    """It has a hint of what comes a little later."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + 0.1 * F.one_hot(ids.roll(-3, 1), logits.shape[-1]), state


class ClaimsToBeNormalized(Small):
    """Its "probabilities" sum to more than 1."""

    says = "it says that it returns log-probabilities"
    is_normalized = True

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits.log_softmax(-1) + 0.01, state


class DrawsAtRandom(Small):
    """Its dropout is never switched off."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return F.dropout(logits, 0.1), state


class ReadsOtherRows(Small):
    """It looks at the texts that are scored beside its own."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + logits.mean(0), state


CHEATS = (PeeksThreeTokensAhead, ClaimsToBeNormalized, DrawsAtRandom, ReadsOtherRows)
"""Others are in test_honest_mistakes.py and helpers/cheats.py."""


@pytest.mark.parametrize(
    ("cheat", "split"),
    [*((each, "60/20/20") for each in CHEATS), (PeeksThreeTokensAhead, "contiguous:90/5/5")],
)
def test_a_score_that_means_nothing_has_a_problem_of_one_line(
    cheat: Any, split: str, characters: BoundTokenizer, news: str
) -> None:
    with seeded(0, CPU):
        model = LanguageModel(cheat(characters.vocab_size).eval(), characters.vocab_size)
    problem = problem_of(model, characters, news, split)
    assert problem is not None
    assert problem.startswith(getattr(cheat, "says", PREDICTS_OTHERWISE))
    assert "\n" not in problem


def test_small_differences_are_rounding_unless_they_are_to_one_side() -> None:
    generator, start = np.random.default_rng(0), np.array([0])
    with seeded(0, CPU):
        model = LanguageModel(Small(5).eval(), 5)
    (scored,) = score_stretches(model, [""], [generator.integers(5, size=1000)], start, device=CPU)
    rounding = generator.uniform(-1e-3, 1e-3, 1000)
    rounding -= rounding.mean()

    def found(change: NDArray[np.float64] | float) -> str:
        """What is found where a model says more token by token."""
        changed = replace(scored, bits=scored.bits + 0.99 * change)
        return prediction_problem(model, [changed], start, CPU) or ""

    assert found(rounding) == ""
    for change in (1.5e-4, 9e-4, -9e-4, 0.5 * (rounding + 9e-4), np.where(np.arange(1000) == 7, 1.2e-3, 0)):
        assert found(change).startswith(PREDICTS_OTHERWISE)


def test_a_model_without_any_probability_for_some_tokens_is_not_suspected(
    characters: BoundTokenizer, news: str
) -> None:
    class NeverSpells(Small):
        """It gives no probability to the bytes, which the text does not need."""

        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = super().forward(ids, state)
            return logits.masked_fill(never, float("-inf")), state

    never = torch.from_numpy(characters.is_fallback)
    with seeded(0, CPU):
        model = LanguageModel(NeverSpells(characters.vocab_size).eval(), characters.vocab_size)
    assert problem_of(model, characters, news) is None
