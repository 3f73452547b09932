"""DRY ("don't repeat yourself"): a penalty on extending a repeated suffix, counted in characters.

Source: p-e-w 2024, https://github.com/oobabooga/text-generation-webui/pull/5677. There the penalty grows
exponentially with the length of the repeat in tokens, here linearly with its length in characters, so that
one value means the same for every tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from textgen.contracts import Search, TokenIds, Vocabulary
from textgen.data.vocabulary import TokenTable
from textgen.generation.sampling import Choose
from textgen_samplers.truncation import TopP

BYTES_OF_A_CHARACTER = 4


@dataclass
class DRY:
    """Top-p sampling after a penalty on tokens that would extend a repeat.

    A repeat is the longest suffix of the text, including the token in question, that also ends at an earlier
    position in the window; the prompt is part of the text. Each character of it beyond `allowed_length`
    divides the token's probability by `penalty`.
    """

    penalty: Annotated[float, Ge(1), Le(1000), Search(1, 2.5, step=0.1)] = 1.5
    """Divisor of the probability per character of a repeat beyond `allowed_length`."""
    allowed_length: Annotated[int, Ge(0), Le(100_000), Search(4, 40)] = 12
    """Characters that can be repeated without a penalty."""
    window: Annotated[int, Ge(1), Le(100_000)] = 400
    """Number of latest characters that are searched for repeats."""
    p: Annotated[float, Gt(0), Le(1), Search(0.5, 1, step=0.02)] = 1.0
    """Top-p sampling after the penalty; 1 keeps all words."""
    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 0.8
    """Temperature after the penalty."""

    tempers_words: ClassVar[bool] = True

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        """Start a batch of samples, which remembers the tokens of each row in the window."""
        lengths = torch.from_numpy(TokenTable(vocabulary.tokens).num_chars)
        past = _Past(prompts, lengths, BYTES_OF_A_CHARACTER * self.window)
        sample = TopP(self.p, self.temperature).start(prompts, vocabulary)

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            repeated = past.repeated(logits.shape[-1], self.window).to(logits.device)
            excess = (repeated - self.allowed_length).clamp(min=0)
            ids = sample(logits.float() - math.log(self.penalty) * excess, uniforms)
            past.append(ids.cpu())
            return ids

        return choose


class _Past:
    """The latest tokens of each row, and the length of the repeat that ends with each."""

    def __init__(self, prompts: Sequence[TokenIds], lengths: Tensor, most: int) -> None:
        self.most = most
        # Padding has an id beyond the vocabulary, and no characters.
        self.padding = len(lengths)
        self.lengths = torch.cat([lengths, torch.zeros(1, dtype=lengths.dtype)])
        self.tokens = torch.full((len(prompts), 0), self.padding)
        self.matched = torch.zeros(len(prompts), 0, dtype=self.lengths.dtype)
        longest = max((len(ids) for ids in prompts), default=0)
        for place in range(-min(longest, most), 0):
            row = [int(ids[place]) if len(ids) >= -place else self.padding for ids in prompts]
            self.append(torch.tensor(row))

    def append(self, ids: Tensor) -> None:
        """Add the next token of each row, `ids` [batch]."""
        # A repeat that ended before a position continues if the token there is the new one.
        continues = (self.tokens == ids[:, None]) & (ids != self.padding)[:, None]
        longer = torch.where(continues, self.matched + self.lengths[ids][:, None], 0)
        self.tokens = torch.cat([self.tokens, ids[:, None]], dim=1)[:, -self.most :]
        self.matched = torch.cat([longer.new_zeros(len(ids), 1), longer], dim=1)[:, -self.most :]

    def repeated(self, vocab_size: int, window: int) -> Tensor:
        """Return the length in characters of the repeat that each token would end, [batch, vocab_size]."""
        lengths = self.lengths[self.tokens]
        distances = lengths.flip(1).cumsum(1).flip(1) - lengths  # from a token's end to the text's
        reach = torch.where(distances < window, self.matched + lengths, 0)
        lengths_repeated = torch.zeros(len(self.tokens), vocab_size + 1, dtype=reach.dtype)
        return lengths_repeated.scatter_reduce_(1, self.tokens, reach, "amax")[:, :vocab_size]
