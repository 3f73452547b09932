"""Scores of untrained models and of a model given by a table."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgen.api import Tokenizer
from textgen.data.bound_tokenizer import START
from textgen.evaluation.token_bits import TokenScores, score_text
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import seeded
from textgen_models.lstm.model import LSTM

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


def score(model: nn.Module, tokenizer: Tokenizer, text: str, chunk: int = 512) -> TokenScores:
    start = tokenizer.encode(START)
    return score_text(bound(model, tokenizer), text, tokenizer.encode(text), start, device=CPU, chunk=chunk)


def tiny_lstm(vocab_size: int) -> nn.Module:
    with seeded(1, CPU):
        return LSTM(vocab_size, num_layers=2, hidden_size=8).eval()
