"""A neural bigram with a memory: the last token, and a fading average of all so far."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt, doc
from torch import Tensor, nn


class Example(nn.Module):
    """A hidden layer sees v_t and the memory m_t = decay m_(t-1) + (1 - decay) v_t."""

    recommended_training: ClassVar[dict[str, Any]] = {"learning_rate": 0.01}

    def __init__(
        self,
        vocab_size: int,
        *,
        size: Annotated[int, Ge(1), doc("Size of the layers.")] = 128,
        decay: Annotated[float, Ge(0), Lt(1), doc("Share of memory kept.")] = 0.5,
    ) -> None:
        super().__init__()
        self.decay = decay
        self.input = nn.Embedding(vocab_size, size)
        self.hidden = nn.Linear(2 * size, size)
        self.output = nn.Linear(size, vocab_size)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the memory before any token, [batch, size of a vector]."""
        return self.input.weight.new_zeros(batch_size, self.input.weight.shape[1])

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [batch, time, vocab_size] and the memory at the end."""
        vectors = self.input(ids)
        memories = []
        for vector in vectors.unbind(dim=1):
            state = self.decay * state + (1 - self.decay) * vector
            memories.append(state)
        features = torch.cat([vectors, torch.stack(memories, dim=1)], dim=-1)
        return self.output(torch.tanh(self.hidden(features))), state
