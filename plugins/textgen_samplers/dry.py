"""DRY ("don't repeat yourself"): a penalty on extending a repeated suffix, counted in characters.

Source: p-e-w 2024, https://github.com/oobabooga/text-generation-webui/pull/5677. There the penalty grows
exponentially with the length of the repeat in tokens, here linearly with its length in characters, so that
one value means the same for every tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray
from torch import Tensor

from textgen.api import Search, TokenIds
from textgen_samplers.top_p import TopP

BYTES_OF_A_CHARACTER = 4


@dataclass
class DRY:
    """Samples as `top-p` does, after a penalty on tokens that would extend a repeat.

    A repeat is what the end of the text, with the token in question, shares with an earlier position in the
    window; the prompt belongs to the text. Each of its characters beyond `allowed_length` divides the
    token's probability by `penalty`.
    """

    penalty: Annotated[float, Ge(1), Search(1, 2.5, step=0.1)] = 1.5
    """Divisor of the probability for each character beyond `allowed_length`."""
    allowed_length: Annotated[int, Ge(0), Search(4, 40)] = 12
    """Characters that may be repeated without a penalty."""
    window: Annotated[int, Ge(1)] = 400
    """Characters back in which a repeat is looked for."""
    p: Annotated[float, Gt(0), Le(1), Search(0.5, 1, step=0.02)] = 1.0
    """Draws among the fewest tokens whose probabilities, with the penalty, sum to this."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 0.8
    """Of what is left after the penalty."""

    renamed_options: ClassVar[dict[str, str]] = {"span": "allowed_length"}

    def start(
        self, prompts: Sequence[TokenIds], num_chars: NDArray[Any]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of samples, which remembers each row's tokens as far as the window reaches."""
        lengths = torch.from_numpy(num_chars)
        past = _Past(prompts, lengths, BYTES_OF_A_CHARACTER * self.window)
        draw = TopP(self.p, self.temperature)

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            repeated = past.repeated(logits.shape[-1], self.window).to(logits.device)
            excess = (repeated - self.allowed_length).clamp(min=0)
            ids = draw(logits.float() - math.log(self.penalty) * excess, uniforms)
            past.append(ids.cpu())
            return ids

        return choose


class _Past:
    """The last tokens of each row, and how far a repetition of each would reach back."""

    def __init__(self, prompts: Sequence[TokenIds], lengths: Tensor, most: int) -> None:
        self.most = most
        # A token that stands for nothing has the last id, and no characters.
        self.nothing = len(lengths)
        self.lengths = torch.cat([lengths, torch.zeros(1, dtype=lengths.dtype)])
        self.tokens = torch.full((len(prompts), 0), self.nothing)
        self.matched = torch.zeros(len(prompts), 0, dtype=self.lengths.dtype)
        longest = max((len(ids) for ids in prompts), default=0)
        for place in range(-min(longest, most), 0):
            self.append(torch.tensor([ids[place] if len(ids) >= -place else self.nothing for ids in prompts]))

    def append(self, ids: Tensor) -> None:
        """Take the next token of each row, `ids` [batch]."""
        # What matches up to a place goes on matching there if the token there is the new one.
        goes_on = (self.tokens == ids[:, None]) & (ids != self.nothing)[:, None]
        longer = torch.where(goes_on, self.matched + self.lengths[ids][:, None], 0)
        self.tokens = torch.cat([self.tokens, ids[:, None]], dim=1)[:, -self.most :]
        self.matched = torch.cat([longer.new_zeros(len(ids), 1), longer], dim=1)[:, -self.most :]

    def repeated(self, vocab_size: int, window: int) -> Tensor:
        """Return how many characters each token would repeat, [batch, vocab_size]; 0 for a new one."""
        lengths = self.lengths[self.tokens]
        distances = lengths.flip(1).cumsum(1).flip(1) - lengths  # of the end of a token from that of the text
        reach = torch.where(distances < window, self.matched + lengths, 0)
        found = torch.zeros(len(self.tokens), vocab_size + 1, dtype=reach.dtype)
        return found.scatter_reduce_(1, self.tokens, reach, "amax")[:, :vocab_size]
