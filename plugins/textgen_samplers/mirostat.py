"""Mirostat, which controls the surprisal of the text (Basu et al. 2021, arXiv:2007.14966)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt, Le
from torch import Tensor

from textgen.contracts import Search, TokenIds, Vocabulary
from textgen.data.vocabulary import TokenTable
from textgen.generation.sampling import Choose, Kept, WordDistribution, keep_all, sample


@dataclass
class Mirostat:
    """Sampling that keeps the surprisal of the text near a target by excluding words above a limit.

    After each token the limit moves against the error, as in version 2 of the algorithm. The target is per
    character, not per token as in the paper, so that a value means the same for every tokenizer.
    """

    tau: Annotated[float, Gt(0), Le(1000), Search(0.5, 4, step=0.1)] = 1.5
    """Target surprisal in bits per character; that of real text is about the model's score."""
    eta: Annotated[float, Gt(0), Le(1)] = 0.1
    """Learning rate: the share of the error that is corrected after each token."""

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
