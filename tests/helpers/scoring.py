"""Scores of untrained models and of a model given by a table."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textgen.contracts import TokenIds, Tokenizer, Vocabulary
from textgen.data.bound_tokenizer import START, BoundTokenizer, FrozenTokenizer
from textgen.evaluation.lockstep import ToldScores
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.experiment.entry_processes import ModelHost, TokenizerHost, frozen
from textgen.experiment.saved_run import SavedRun
from textgen.experiment.score_trained import score_told
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.registry.registry import load
from textgen.runtime.device import seeded
from textgen.workers.assistant import InThisProcess
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
    """The score of one text."""
    (scored,) = score_stretches(model, [text], [ids], start_ids, device=CPU, chunk=chunk)
    return scored


def score(model: nn.Module, tokenizer: Tokenizer, text: str, chunk: int = 512) -> TokenScores:
    start = tokenizer.encode(START)
    return score_text(bound(model, tokenizer), text, tokenizer.encode(text), start, chunk)


@dataclass
class GivenParts:
    """A model as `ModelHost` builds it, as often as it needs a new one."""

    model: LanguageModel
    vocabulary: Vocabulary
    device: torch.device = CPU
    entry: Any = field(default_factory=lambda: SimpleNamespace(reads_on=False))

    def build(self) -> LanguageModel:
        return deepcopy(self.model)


def told(
    model: LanguageModel, tokenizer: BoundTokenizer, texts: Sequence[str], max_seconds: float = 1e9
) -> tuple[ToldScores, str | None]:
    """Return the scores of texts that a model in this process is told token by token, and their problem."""
    held_to = frozen(InThisProcess(lambda: TokenizerHost(tokenizer)))
    return told_ids(model, held_to, texts, [*map(tokenizer.encode, texts)], max_seconds)


def told_ids(
    model: LanguageModel,
    tokenizer: FrozenTokenizer,
    texts: Sequence[str],
    stretches: Sequence[TokenIds],
    max_seconds: float = 1e9,
) -> tuple[ToldScores, str | None]:
    """Return the same of the tokens of texts."""
    parts: Any = GivenParts(model, tokenizer.vocabulary)
    return score_told(
        InThisProcess(lambda: ModelHost(parts)),
        parts,
        tokenizer,
        texts,
        stretches,
        second=lambda: InThisProcess(lambda: ModelHost(parts)),
        max_seconds=max_seconds,
    )


def letters(size: int) -> FrozenTokenizer:
    """Return a tokenizer of single letters, a text of which begins after the first one."""
    none = np.zeros(size, bool)
    tokens = tuple(map(chr, range(97, 97 + size)))
    return FrozenTokenizer(tokens, none, none, False, True, np.zeros(1, np.int64))


def bits_of_run(run: SavedRun, texts: Sequence[str]) -> float:
    """Return the bits per character of texts that the model of a run is told token by token."""
    scores, problem = told(run.model, run.tokenizer, texts)
    assert problem is None
    return sum(float(each.bits.sum()) for each in scores.scores) / sum(map(len, texts))


MODELS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "ngram": {"order": 4},
    "words": {"order": 2},
    "lstm": {"num_layers": 2, "hidden_size": 16},
    "hier": {"hidden_size": 16, "lower_size": 8, "word_size": 8, "num_keys": 64},
    "gru": {"num_layers": 1, "hidden_size": 16, "softmax": "adaptive"},
    "transformer": {"num_layers": 2, "hidden_size": 16, "num_heads": 2, "context": 32},
    "match": {"places": 8},
    "mix": {"places": 8},
    "original": {"window": 20, "hidden_size": 16},
}
"""Every bundled model, small."""


def model_of(name: str, tokenizer: Tokenizer, train_text: str) -> LanguageModel:
    """Return an untrained model of this name, or a fitted one that counts."""
    with seeded(1, CPU):
        component = ModelClass(load("model", name))
        model = component.build(BoundTokenizer(tokenizer).vocabulary, **MODELS[name])
    model.module.eval()
    if hasattr(model.module, "fit"):  # a refinement may lack it
        model.fit(tokenizer.encode(train_text))
    return model


def tiny_lstm(vocab_size: int) -> nn.Module:
    with seeded(1, CPU):
        return LSTM(vocab_size, num_layers=2, hidden_size=8).eval()
