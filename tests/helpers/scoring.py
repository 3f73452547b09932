"""Scores of untrained models and of a model given by a table."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from textgen.contracts import TokenIds, Tokenizer
from textgen.data.bound_tokenizer import START
from textgen.evaluation.lockstep import score_in_lockstep
from textgen.evaluation.prediction_checks import prediction_problem
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.experiment.saved_run import SavedRun
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import seeded
from textgen_models.recurrent import LSTM

CPU = torch.device("cpu")


class Bigram(nn.Module):
    """A token's probability depends on the token before it."""

    is_normalized = True

    def __init__(self, probabilities: Tensor) -> None:
        super().__init__()
        self.logits = probabilities.log()

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits[ids], state


def bound(model: nn.Module, tokenizer: Tokenizer) -> LanguageModel:
    return LanguageModel(model, len(tokenizer.tokens))


def score_text(
    model: LanguageModel, text: str, ids: TokenIds, start_ids: TokenIds, chunk: int = 512
) -> TokenScores:
    (scored,) = score_stretches(model, [text], [ids], start_ids, device=CPU, chunk=chunk)
    return scored


def score(model: nn.Module, tokenizer: Tokenizer, text: str, chunk: int = 512) -> TokenScores:
    start = tokenizer.encode(START)
    return score_text(bound(model, tokenizer), text, tokenizer.encode(text), start, chunk)


def told(
    model: LanguageModel, texts: Sequence[str], stretches: Sequence[TokenIds], start_ids: TokenIds
) -> tuple[list[TokenScores], str | None]:
    """Return the scores of the tokens of texts that a model is told one by one, and what is wrong with it."""
    new = deepcopy(model)
    scored = score_in_lockstep(model, texts, stretches, start_ids, device=CPU)
    return scored, prediction_problem(new, scored, start_ids, CPU)


def told_texts(
    model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str]
) -> tuple[list[TokenScores], str | None]:
    """Return the same of texts."""
    return told(model, texts, [*map(tokenizer.encode, texts)], tokenizer.encode(START))


def bits_of_run(run: SavedRun, texts: Sequence[str]) -> float:
    start, ids = run.tokenizer.encode(START), [*map(run.tokenizer.encode, texts)]
    scored = score_stretches(run.model, texts, ids, start, device=CPU)
    return sum(float(each.bits.sum()) for each in scored) / sum(map(len, texts))


NETWORK = "num_layers=1,hidden_size=16"
ENTRIES = (
    *("char-uniform", "char-ngram:order=4", "word-words:order=2", "char-lstm:num_layers=2,hidden_size=16"),
    "char-hier:hidden_size=16,lower_size=8,word_size=8,num_keys=64",
    f"word-gru:softmax=adaptive,{NETWORK}",  # which spells words, as all entries with this tokenizer
    f"char-transformer:num_heads=2,context=32,{NETWORK}",
    "char-original:window=20,hidden_size=16",
    f"2*char-lstm+ngram:{NETWORK}",
    "char-ngram+match:places=8",
    f"word-lstm+ngram+mix:places=8,{NETWORK}",
)
"""Every bundled model, small; and copies, mixtures, refinements and spelled words."""


def tiny_lstm(vocab_size: int) -> nn.Module:
    with seeded(1, CPU):
        return LSTM(vocab_size, num_layers=2, hidden_size=8).eval()
