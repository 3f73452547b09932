"""A token is scored before the model is told it, and the scores are those of windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from helpers.scoring import CPU, MODELS, letters, model_of, told, told_ids
from textgen.contracts import TextgenError, TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.evaluation.lockstep import PACE_TOKENS, score_in_lockstep
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import seeded

SIZE = 5
LENGTHS = (7, 3, 0, 12, 1)


class Listens:
    """A predictor that notes what it is told, and likes the token after the last one in the alphabet."""

    is_normalized = False

    def __init__(self) -> None:
        self.heard: list[list[int]] = []

    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor:
        self.heard = [list(start_ids) for _ in range(num_rows)]
        return self._logits(num_rows)

    def tell(self, ids: TokenIds) -> None:
        for row, token in zip(self.heard, ids.tolist(), strict=False):
            row.append(token)
        self.told = self._logits(len(ids))

    def answer(self) -> Tensor:
        return self.told

    def read(self, ids: TokenIds) -> Tensor:  # noqa: ARG002
        raise AssertionError("nothing is told in windows")

    def _logits(self, num_rows: int) -> Tensor:
        last = torch.tensor([row[-1] for row in self.heard[:num_rows]])
        return 2.0 * F.one_hot((last + 1) % SIZE, SIZE).float()


def stretches_of(*lengths: int) -> list[TokenIds]:
    generator = np.random.default_rng(0)
    return [generator.integers(SIZE, size=length) for length in lengths]


def test_each_token_is_told_after_it_is_scored_and_the_last_one_never() -> None:
    predictor, stretches = Listens(), stretches_of(*LENGTHS)
    found = score_in_lockstep(
        predictor, [""] * len(stretches), stretches, np.array([0]), second=Listens, max_seconds=1e9
    )
    expected = [[0, *ids[:-1].tolist()] for ids in sorted(stretches, key=len, reverse=True)]
    assert predictor.heard == expected
    assert found.num_told == sum(LENGTHS)
    likely, unlikely = (-np.log2(np.exp(logit) / (np.exp(2) + SIZE - 1)) for logit in (2, 0))
    for ids, each in zip(stretches, found.scores, strict=True):
        expected = [
            likely if token == (last + 1) % SIZE else unlikely
            for last, token in zip([0, *ids.tolist()], ids.tolist(), strict=False)
        ]
        assert each.bits == pytest.approx(expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("max_seconds", [1e9, 0.0])
def test_scores_are_those_of_windows(name: str, max_seconds: float, news: str) -> None:
    tokenizer = BoundTokenizer(build("tokenizer", "char"))
    tokenizer.fit(news[:20_000])
    model = model_of(name, tokenizer, news[:20_000])
    texts = [news[20_000:20_400], news[21_000:21_100], news[22_000:22_350]]
    stretches = [*map(tokenizer.encode, texts)]
    windows = score_stretches(model, texts, stretches, tokenizer.encode(START), device=CPU)
    found, problem = told(model, tokenizer, texts, max_seconds)
    assert problem is None
    assert (found.num_told == sum(map(len, stretches))) is (max_seconds > 0)
    for one, other in zip(found.scores, windows, strict=True):
        assert one.bits == pytest.approx(other.bits, abs=1e-3)
        assert one.bits_per_char == pytest.approx(other.bits_per_char, abs=1e-5)


class PeeksLate(nn.Module):
    """It peeks at the next token where it is given, but only late in a text, and only at some tokens."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 1)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        position = state + torch.arange(ids.shape[1])
        peeked = 0.5 * F.one_hot(ids.roll(-1, 1), self.vocab_size)
        peeks = (position > 1500) & (ids % 4 == 1)
        peeks[:, -1] = False
        return peeked * peeks[..., None], state + ids.shape[1]


def test_where_not_all_is_told_token_by_token_peeking_in_windows_is_found() -> None:
    stretches = stretches_of(4000)
    model = LanguageModel(PeeksLate(SIZE), SIZE)
    found, problem = told_ids(model, letters(SIZE), [""], stretches, max_seconds=0.0)
    assert found.num_told == PACE_TOKENS
    assert problem is not None
    assert problem.startswith(
        "it uses later tokens: where it is told a text token by token, at places drawn at "
    )
    found, problem = told_ids(model, letters(SIZE), [""], stretches)
    assert problem is None
    assert found.scores[0].bits == pytest.approx(np.log2(SIZE))  # it has nothing to peek at


def test_what_another_process_does_to_its_answer_afterwards_changes_nothing() -> None:
    class Rewrites(Small):
        """It keeps its last answer, and makes it say what was to be predicted when it is told that."""

        answer: Tensor | None = None

        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            if self.answer is not None:
                self.answer.copy_(20.0 * F.one_hot(ids[:, -1:], SIZE))
            logits, state = super().forward(ids, state)
            self.answer = logits
            return logits, state

    bits = []
    for kind in (Small, Rewrites):
        with seeded(0, CPU):
            model = LanguageModel(kind(SIZE).eval(), SIZE)
        bits.append(told_ids(model, letters(SIZE), [""], stretches_of(50))[0].scores[0].bits)
    assert bits[0] == pytest.approx(bits[1])


def test_a_model_without_a_probability_for_a_token_has_no_score() -> None:
    class Nothing(Small):
        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = super().forward(ids, state)
            return logits * float("nan"), state

    with pytest.raises(TextgenError, match=r"gives a character of the text no probability"):
        told_ids(LanguageModel(Nothing(SIZE).eval(), SIZE), letters(SIZE), [""], stretches_of(50))
