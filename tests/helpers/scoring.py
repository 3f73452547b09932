"""Scores of untrained models and of a model given by a table."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from textgen.contracts import TokenIds, Tokenizer
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.registry.registry import load
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
    """The score of one text."""
    (scored,) = score_stretches(model, [text], [ids], start_ids, device=CPU, chunk=chunk)
    return scored


def score(model: nn.Module, tokenizer: Tokenizer, text: str, chunk: int = 512) -> TokenScores:
    start = tokenizer.encode(START)
    return score_text(bound(model, tokenizer), text, tokenizer.encode(text), start, chunk)


MODELS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "ngram": {"order": 4},
    "lstm": {"num_layers": 2, "hidden_size": 16},
    "hier": {"hidden_size": 16, "lower_size": 8, "word_size": 8, "num_keys": 64},
    "gru": {"num_layers": 1, "hidden_size": 16, "softmax": "adaptive"},
    "transformer": {"num_layers": 2, "hidden_size": 16, "num_heads": 2, "context": 32},
    "adapt": {"longest": 2, "table_size": 4096},
    "cache": {"longest": 6, "window": 300},
    "match": {"longest": 16},
    "original": {"window": 20, "hidden_size": 16},
}
"""Every bundled model, small."""


def model_of(name: str, tokenizer: Tokenizer, train_text: str) -> LanguageModel:
    """Return an untrained model of this name, or a fitted one that counts."""
    with seeded(1, CPU):
        component = ModelClass(load("model", name))
        model = component.build(BoundTokenizer(tokenizer).vocabulary, **MODELS[name])
    model.module.eval()
    if not model.is_trainable:
        model.fit(tokenizer.encode(train_text))
    return model


def tiny_lstm(vocab_size: int) -> nn.Module:
    with seeded(1, CPU):
        return LSTM(vocab_size, num_layers=2, hidden_size=8).eval()
