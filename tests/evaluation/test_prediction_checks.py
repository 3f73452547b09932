"""A score that a model did not earn is found out, whatever way it cheats; honest models are not suspected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from helpers.scoring import CPU, model_of, told
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.split import parse_split, split_text
from textgen.evaluation.prediction_checks import difference
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer

pytestmark = pytest.mark.slow  # trains or runs commands at length


def problem_of(
    model: Any, tokenizer: BoundTokenizer, text: str, split: str = "60/20/20", max_seconds: float = 1e9
) -> str | None:
    """Return what is found wrong with a model that is scored on the test part of a text."""
    texts = split_text(text, parse_split(split)).held_out.stretches()
    return told(model, tokenizer, texts, max_seconds)[1]


@pytest.fixture(scope="module")
def characters(news: str) -> BoundTokenizer:
    tokenizer = BoundTokenizer(build("tokenizer", "char"))
    tokenizer.fit(news)
    return tokenizer


class Stateless(nn.Module):
    """A model without a memory."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 0)


class PeeksThreeTokensAhead(Small):
    """It has a hint of what comes a little later."""

    says = "it predicts otherwise when it gets several tokens at once"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + 0.1 * F.one_hot(ids.roll(-3, 1), logits.shape[-1]), state


class CountsTheWholeChunk(Stateless):
    """It knows how frequent a token is in the text that it predicts."""

    says = "it predicts otherwise when it gets several tokens at once"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        counts = F.one_hot(ids, self.vocab_size).float().mean(1, keepdim=True)
        return (counts + 0.01).log().expand(*ids.shape, -1), state


class ClaimsToBeNormalized(Small):
    """Its "probabilities" sum to more than 1."""

    says = "it says that it returns log-probabilities"
    is_normalized = True

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits.log_softmax(-1) + 0.01, state


class RemembersEarlierTexts(Stateless):
    """Its memory of the tokens it saw outlives `initial_state`."""

    says = "it predicts otherwise when it gets several tokens at once"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.seen = torch.ones(vocab_size, vocab_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits = self.seen[ids].log()
        for row in ids:
            self.seen[row[:-1], row[1:]] += 1
        return logits, state


class DrawsAtRandom(Small):
    """Its dropout is never switched off."""

    says = "it remembers earlier texts"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return F.dropout(logits, 0.1), state


class ReadsOtherRows(Small):
    """It looks at the texts that are scored beside its own."""

    says = "it predicts otherwise when it gets several tokens at once"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + logits.mean(0), state


CHEATS = [
    *(PeeksThreeTokensAhead, CountsTheWholeChunk, ClaimsToBeNormalized),
    *(RemembersEarlierTexts, DrawsAtRandom, ReadsOtherRows),
]


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
    assert cheat.says in problem
    assert "\n" not in problem


@pytest.mark.parametrize("name", ["char", "word", "bpe"])
def test_a_trained_model_has_no_problem_whatever_its_tokenizer(name: str, news: str) -> None:
    """Models with new weights are those of `test_lockstep`."""
    tokenizer = BoundTokenizer(build("tokenizer", name))
    tokenizer.fit(news[:30_000])
    model = model_of("lstm", tokenizer, news[:30_000])
    batches = ContiguousBatches(tokenizer.encode(news[:30_000]), 8, 16, seed=0)
    options = TrainOptions(batch_size=8, sequence_length=16)
    trainer = Trainer(model, batches, options, DeviceConfig(CPU, "fp32"), 0)
    for _ in range(5):
        trainer.update(0.3)
    model.module.eval()
    assert problem_of(model, tokenizer, news) is None
    assert problem_of(model, tokenizer, news, "contiguous:96/2/2", max_seconds=0.0) is None


@pytest.mark.parametrize(("device", "largest", "mean"), [("cpu", 1e-3, 1e-4), ("cuda", 0.05, 0.002)])
def test_small_differences_are_rounding_unless_they_are_to_one_side(
    device: str, largest: float, mean: float
) -> None:
    generator = np.random.default_rng(0)
    bits, rounding = generator.uniform(1, 5, 2000), generator.uniform(-largest, largest, 2000)

    def found(change: NDArray[np.float64] | float) -> float | None:
        """What is found where a model says less in windows; no GPU is needed to name one."""
        halves = [np.split(each, 2) for each in (bits, bits - change)]
        return difference(*halves, torch.device(device))

    assert found(rounding) is found(-rounding) is None
    for bias in (1.5 * mean, 0.9 * largest, -0.9 * largest):
        assert found(bias) == pytest.approx(abs(bias))
    assert found(0.5 * (rounding + 0.9 * largest)) == pytest.approx(0.45 * largest, rel=0.1)
    assert found(np.where(np.arange(2000) == 7, 1.1 * largest, 0)) == pytest.approx(1.1 * largest)


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
