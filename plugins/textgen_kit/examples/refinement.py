"""A cache: what was read recently is likelier than the models below believe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, doc
from textgen.contracts import BaseModel, State, TokenIds
from torch import Tensor, nn
from torch.nn import functional as F

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
WINDOW = 500
"""Tokens of held-out text that are read at once."""


class Example(nn.Module):
    """(1 - share) p_base + share m, a fading average of the tokens that were read."""

    is_normalized: ClassVar[bool] = True
    reads_on: ClassVar[bool] = True
    share: Tensor

    def __init__(
        self,
        vocab_size: int,
        *,
        base: BaseModel | None = None,
        half_life: Annotated[float, Gt(0), doc("Half-life in tokens.")] = 100.0,
    ) -> None:
        super().__init__()
        self.vocab_size, self.base = vocab_size, base
        self.decay = 0.5 ** (1 / half_life)
        self.register_buffer("share", torch.tensor(SHARES[1]))

    def initial_state(self, batch_size: int) -> State:
        """Return the state of the base, and m_0 [batch, vocab_size], equal for all."""
        below = None if self.base is None else self.base.initial_state(batch_size)
        size = (batch_size, self.vocab_size)
        return below, self.share.new_full(size, 1 / self.vocab_size)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return log-probabilities [batch, time, vocab_size] and the last state."""
        expected, read, state = self.parts(ids, state)
        return mixed(expected, read, self.share), state

    def parts(self, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Return the log-probabilities of the base and of m, and the last state."""
        below, memory = state
        if self.base is None:
            logits = self.share.new_zeros(*ids.shape, self.vocab_size)
        else:
            logits, below = self.base.forward(ids, below)
        memories = []
        for token in F.one_hot(ids, self.vocab_size).unbind(dim=1):
            memory = self.decay * memory + (1 - self.decay) * token
            memories.append(memory)
        expected = logits.float().log_softmax(dim=-1)
        return expected, torch.stack(memories, dim=1).log(), (below, memory)

    @torch.inference_mode()
    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Take the best share for text that the base was not trained on."""
        shares = self.share.new_tensor(SHARES)[:, None, None]
        total = self.share.new_zeros(len(SHARES))
        for stretch in stretches:
            ids = torch.from_numpy(stretch.astype("int64"))[None].to(self.share.device)
            state, end = self.initial_state(1), ids.shape[1] - 1
            for begin in range(0, end, WINDOW):
                window = ids[:, begin : min(begin + WINDOW, end)]
                expected, read, state = self.parts(window, state)
                targets = ids[:, begin + 1 : begin + 1 + window.shape[1], None]
                pair = expected.gather(-1, targets), read.gather(-1, targets)
                total += mixed(*pair, shares).sum(dim=(1, 2))
        self.share.copy_(self.share.new_tensor(SHARES)[total.argmax()])


def mixed(expected: Tensor, read: Tensor, share: Tensor) -> Tensor:
    """Return the logarithm of the mixture of two distributions."""
    return torch.logaddexp(expected + (1 - share).log(), read + share.log())
