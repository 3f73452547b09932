"""Samplers that remember: Mirostat controls the surprisal of the text, DRY counts what it repeats.

Mirostat: Basu et al. 2021, arXiv:2007.14966. DRY ("don't repeat yourself"): p-e-w 2024,
https://github.com/oobabooga/text-generation-webui/pull/5677. There the penalty grows exponentially with the
length of the repeat in tokens, here linearly with its length in characters, so that one value means the same
for every tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.vocabulary import TokenTable
from textgen.generation.sampling import Choose, Kept, WordDistribution, keep_all, sample
from textgen_samplers.truncation import Divisor, Share, TopP


@dataclass
class Mirostat:
    """Sampling that keeps the surprisal of the text near a target by excluding words above a limit.

    After each token the limit moves against the error, as in version 2 of the algorithm. The target is per
    character, not per token as in the paper, so that a value means the same for every tokenizer.
    """

    tau: Annotated[float, Gt(0), Le(1000), doc("Target surprisal in bits per character.")] = 1.5
    eta: Annotated[Share, doc("Share of the error that is corrected after each token.")] = 0.1

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        """Start a batch of samples, each with a limit of twice the target for tokens like its prompt's."""
        num_chars = TokenTable(vocabulary.tokens).num_chars
        lengths = torch.tensor([max(1.0, num_chars[ids].mean()) if len(ids) else 1.0 for ids in prompts])
        target = self.tau * torch.from_numpy(num_chars).float()
        limit = 2 * self.tau * lengths

        def truncate(log_weights: Tensor, entropies: Tensor) -> Kept:
            surprisal = -log_weights.float().log_softmax(dim=-1) / math.log(2)
            of_words = surprisal + entropies / math.log(2)
            bound = torch.maximum(limit, of_words.amin(dim=-1))[:, None]
            return keep_all((-surprisal * math.log(2)).masked_fill(of_words > bound, -math.inf), entropies)

        def choose_token(logits: Tensor, uniforms: Tensor) -> Tensor:
            return sample(truncate(logits, logits.new_zeros(1)), uniforms)

        choose_word: Choose = choose_token
        if vocabulary.spellings:
            choose_word = WordDistribution(prompts, vocabulary, 1.0).sampler(truncate)

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            nonlocal limit, target
            limit, target = limit.to(logits.device), target.to(logits.device)
            surprisal = -logits.float().log_softmax(dim=-1) / math.log(2)
            ids = choose_word(logits, uniforms)
            error = surprisal.gather(1, ids[:, None])[:, 0] - target[ids]
            # A limit far above every surprisal would take long to come down again.
            most = 2 * surprisal.masked_fill(surprisal.isinf(), 0.0).amax(dim=-1)
            limit = (limit - self.eta * error).clamp(min=0.0).minimum(most)
            return ids

        return choose


BYTES_OF_A_CHARACTER = 4


@dataclass
class DRY:
    """Top-p sampling after a penalty on tokens that would extend a repeat.

    A repeat is the longest suffix of the text, including the token in question, that also ends at an earlier
    position in the window; the prompt is part of the text. Each character of it beyond `allowed_length`
    divides the token's probability by `penalty`.
    """

    penalty: Annotated[
        float, Ge(1), Le(1000), doc("Divisor of the probability of a repeat, per character.")
    ] = 1.5
    allowed_length: Annotated[int, Ge(0), Le(100_000), doc("Characters without a penalty.")] = 12
    window: Annotated[int, Ge(1), Le(100_000), doc("Latest characters searched for repeats.")] = 400
    p: Annotated[Share, doc("Top-p sampling after the penalty; 1 keeps all words.")] = 1.0
    temperature: Divisor = 0.8

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
