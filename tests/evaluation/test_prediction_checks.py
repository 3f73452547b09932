"""A score that a model did not earn is found out, whatever way it cheats; honest models are not suspected."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from helpers.scoring import CPU, MODELS, model_of
from helpers.tokenizers import FITTED
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.split import parse_split, split_text
from textgen.evaluation.prediction_checks import SpotChecks, prediction_problem
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.saved_run import Trained
from textgen.experiment.score_run import ScoredText, score_held_out
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer

pytestmark = pytest.mark.slow  # trains or runs commands at length


def check(model: Any, tokenizer: BoundTokenizer, text: str, split: str = "60/20/20") -> ScoredText:
    """Return the score of a model on the test part of a text, with what the checks find."""
    trained = Trained(parse_entry("char-lstm"), tokenizer, model, trained_chars=0)
    texts = split_text(text, parse_split(split)).held_out.stretches()
    return score_held_out(trained, texts, [tokenizer.encode(each) for each in texts], CPU)


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


class PeeksAtTheNextToken(Stateless):
    """Its logits are the next token."""

    says = "it uses later tokens"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return 10.0 * F.one_hot(ids.roll(-1, 1), self.vocab_size), state


class PeeksThreeTokensAhead(Small):
    """It has a hint of what comes a little later."""

    says = "it uses later tokens"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + 0.1 * F.one_hot(ids.roll(-3, 1), logits.shape[-1]), state


class CountsTheWholeChunk(Stateless):
    """It knows how frequent a token is in the text that it predicts."""

    says = "it uses later tokens"

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

    says = "it remembers earlier texts"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.seen = torch.ones(vocab_size, vocab_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits = self.seen[ids].log()
        for row in ids:
            self.seen[row[:-1], row[1:]] += 1
        return logits, state


class MemorizesTexts(Small):
    """It recognizes the beginning of a text that it was scored on."""

    says = "it remembers earlier texts"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.known: set[tuple[int, ...]] = set()

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        known = torch.tensor([[tuple(row[:4].tolist()) in self.known] for row in ids])
        self.known |= {tuple(row[:4].tolist()) for row in ids}
        return logits * (1.0 + known[..., None]), state


class DrawsAtRandom(Small):
    """Its dropout is never switched off."""

    says = "it remembers earlier texts"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return F.dropout(logits, 0.1), state


class ForgetsBetweenChunks(Small):
    """Its state is not carried."""

    says = "depends on how a text is divided"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, _ = super().forward(ids, torch.zeros_like(state))
        return logits, state


class ReadsOtherRows(Small):
    """It looks at the texts that are scored beside its own."""

    says = "depends on how a text is divided"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return logits + logits.mean(0), state


class PeeksLate(nn.Module):
    """It peeks at the next token, but only after a thousand tokens of a text."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 1)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        position = state + torch.arange(ids.shape[1])
        peeked = 10.0 * F.one_hot(ids.roll(-1, 1), self.vocab_size)
        return peeked * (position > 1000)[..., None], state + ids.shape[1]


CHEATS = [
    *(PeeksAtTheNextToken, PeeksThreeTokensAhead, CountsTheWholeChunk, ClaimsToBeNormalized),
    *(RemembersEarlierTexts, MemorizesTexts, DrawsAtRandom, ForgetsBetweenChunks, ReadsOtherRows),
]


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_score_that_means_nothing_has_a_problem_of_one_line(
    cheat: Any, characters: BoundTokenizer, news: str
) -> None:
    with seeded(0, CPU):
        model = LanguageModel(cheat(characters.vocab_size).eval(), characters.vocab_size)
    found = check(model, characters, news).checks
    assert found.problem is not None
    assert cheat.says in found.problem
    assert "\n" not in found.problem
    assert found.decoded_equals_text


def test_peeking_late_in_a_long_stretch_is_found(characters: BoundTokenizer, news: str) -> None:
    model = LanguageModel(PeeksLate(characters.vocab_size), characters.vocab_size)
    found = check(model, characters, news, "contiguous:60/20/20").checks
    assert found.num_tokens > 3000
    assert found.problem is not None
    assert "it uses later tokens" in found.problem


class PeeksInOtherStretches(nn.Module):
    """It peeks at the next token, but not in stretches that begin with certain tokens."""

    def __init__(self, vocab_size: int, honest: list[list[int]]) -> None:
        super().__init__()
        self.vocab_size, self.honest = vocab_size, honest

    def initial_state(self, batch_size: int) -> list[Tensor]:
        return [torch.zeros(batch_size, 0, dtype=torch.long)]

    def forward(self, ids: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        begun = torch.cat([state[0], ids], 1)[:, :12]
        peeks = torch.tensor([row[1:12] not in self.honest for row in begun.tolist()])
        return 10.0 * F.one_hot(ids.roll(-1, 1), self.vocab_size) * peeks[:, None, None], [begun]


def test_every_stretch_is_looked_at(characters: BoundTokenizer, news: str) -> None:
    texts = split_text(news, parse_split("60/20/20")).held_out.stretches()
    assert len(texts) > 2
    for number in (1, len(texts) // 2):  # neither the first nor the last, which other checks look at too
        honest = [characters.encode(text)[:11].tolist() for text in texts if text != texts[number]]
        module = PeeksInOtherStretches(characters.vocab_size, honest)
        found = check(LanguageModel(module, characters.vocab_size), characters, news).checks
        assert found.problem is not None
        assert "it uses later tokens" in found.problem


def test_wherever_a_place_is_drawn_a_model_that_peeks_is_found(characters: BoundTokenizer, news: str) -> None:
    model = LanguageModel(PeeksAtTheNextToken(characters.vocab_size), characters.vocab_size)
    texts = [news[:40], news[100:140], news[200:220]]
    stretches = [characters.encode(text) for text in texts]
    options: Any = {"start_ids": characters.encode(START), "device": CPU, "chunk": 10}
    for _ in range(100):  # each with a place of its own, which may not be where nothing can be peeked at
        spots = SpotChecks(model, [*map(len, stretches)])
        scored = score_stretches(model, texts, stretches, **options, before_reading=spots.look)
        for number in range(len(texts)):
            places = [(place, alone) for stretch, place, alone in spots.found if stretch == number]
            assert max(abs(scored[number].bits[place] - alone) for place, alone in places) > 1


def test_predictions_that_are_not_finite_are_called_that(characters: BoundTokenizer, news: str) -> None:
    class Overflows(Small):
        """Its logits are infinite, though not when it was scored."""

        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = super().forward(ids, state)
            return logits + float("inf"), state

    models = []
    for kind in (Small, Overflows):
        with seeded(0, CPU):
            models.append(LanguageModel(kind(characters.vocab_size).eval(), characters.vocab_size))
    ids, start = characters.encode(news[:3000]), characters.encode(START)
    (scored,) = score_stretches(models[0], [news[:3000]], [ids], start, device=CPU)
    found = [prediction_problem(model, scored, start, device=CPU) for model in models]
    assert found == [None, "its predictions after some tokens are not finite"]


@pytest.mark.parametrize("cheat", [each for each in CHEATS if each is not ReadsOtherRows])
def test_it_is_found_on_a_text_of_one_stretch_too(cheat: Any, characters: BoundTokenizer, news: str) -> None:
    with seeded(0, CPU):
        model = LanguageModel(cheat(characters.vocab_size).eval(), characters.vocab_size)
    assert check(model, characters, news, "contiguous:90/5/5").checks.problem is not None


@pytest.mark.parametrize(
    ("name", "tokenizer_name"), [*((name, "char") for name in MODELS), *(("lstm", name) for name in FITTED)]
)
def test_no_bundled_model_has_a_problem(name: str, tokenizer_name: str, news: str) -> None:
    tokenizer = BoundTokenizer(build("tokenizer", tokenizer_name))
    tokenizer.fit(news[:30_000])
    model = model_of(name, tokenizer, news[:30_000])
    assert check(model, tokenizer, news).checks.problem is None
    if model.is_trainable:
        options = TrainOptions(batch_size=8, sequence_length=16)
        batches = ContiguousBatches(tokenizer.encode(news[:30_000]), 8, 16, seed=0)
        trainer = Trainer(model, batches, options, DeviceConfig(CPU, "fp32"), 0)
        for _ in range(5):
            trainer.update(0.3)
        model.module.eval()
        assert check(model, tokenizer, news).checks.problem is None
    assert check(model, tokenizer, news, "contiguous:96/2/2").checks.problem is None


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
    assert check(model, characters, news).checks.problem is None
