"""A small model with all that a model may have, and whether any model predicts the same in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors
from textgen.nn.language_model import LanguageModel
from textgen.nn.layers import TokenEmbedding


class Small(nn.Module):
    """One layer of gated recurrent units, with all that a model may have."""

    recommended_training: ClassVar[Mapping[str, Any]] = {"batch_size": 8}

    def __init__(self, vocab_size: int, *, size: int = 16, vectors: PretrainedVectors | None = None) -> None:
        super().__init__()
        self.input = TokenEmbedding(vocab_size, size, vectors)
        self.layer = nn.GRU(self.input.size, size, batch_first=True)
        self.output = nn.Linear(size, vocab_size)
        self.size = size

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, self.size, device=self.output.weight.device)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        features, last = self.layer(self.input(ids), state[None].contiguous())
        return self.output(features), last[0]

    def loss(self, ids: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self(ids, state)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten()), state

    def prepare_step(self, dtype: torch.dtype) -> Any:  # noqa: ARG002
        def step(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = self(ids[:, None], state)
            return logits[:, 0], state

        return step


def assert_same_in_parts(model: LanguageModel, ids: Tensor) -> None:
    """Chunks, single rows and single steps of `ids` [batch, length] predict the same as one pass."""
    step = model.prepare_step(torch.float32)
    with torch.inference_mode():
        whole, _ = model.forward(ids, model.initial_state(len(ids)))
        first, state = model.forward(ids[:, :6], model.initial_state(len(ids)))
        second, _ = model.forward(ids[:, 6:], state)
        rows = [model.forward(row[None], model.initial_state(1))[0] for row in ids]
        stepped = []
        for column in ids[:, 6:].T:
            logits, state = step(column, state)
            stepped.append(logits)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(torch.cat(rows), whole)
    torch.testing.assert_close(torch.stack(stepped, 1), whole[:, 6:])
