"""A neural bigram with a memory: the last token, and a fading average of all so far."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt, doc
from textgen.api import PretrainedVectors
from textgen.nn.embedding import TokenEmbedding
from textgen.nn.softmax import FullSoftmax
from torch import Tensor, nn


class Example(nn.Module):
    """A hidden layer sees v_t and the memory m_t = decay m_(t-1) + (1 - decay) v_t."""

    recommended_training: ClassVar[dict[str, Any]] = {"learning_rate": 0.01}
    """Training options other than the defaults; an entry may set others."""

    def __init__(
        self,
        vocab_size: int,
        *,
        size: Annotated[int, Ge(1), doc("Width of the layers.")] = 128,
        decay: Annotated[float, Ge(0), Lt(1), doc("How much memory stays.")] = 0.5,
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.decay = decay
        self.input = TokenEmbedding(vocab_size, size, vectors)
        self.hidden = nn.Linear(2 * self.input.size, size)
        self.output = FullSoftmax(size, vocab_size)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the memory before any token, [batch, width of the vectors]."""
        return self.input.weight.new_zeros(batch_size, self.input.size)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [batch, time, vocab_size] and the memory at the end."""
        vectors = self.input(ids) * self.input.size**0.5
        memories = []
        for vector in vectors.unbind(dim=1):
            state = self.decay * state + (1 - self.decay) * vector
            memories.append(state)
        features = torch.cat([vectors, torch.stack(memories, dim=1)], dim=-1)
        return self.output(torch.tanh(self.hidden(features))), state
