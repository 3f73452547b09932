"""Samplers that truncate the distribution of words: by number, by probability, to the most probable one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.generation.sampling import Choose, Kept, Spellings, WordDistribution, WordSampler, keep_all

Share: TypeAlias = Annotated[float, Gt(0), Le(1)]
Divisor: TypeAlias = Annotated[
    float,
    Ge(1e-4),
    Le(1000),
    doc("Divisor of the logits: 1 leaves them unchanged, lower is safer, higher is bolder."),
]


def keep_fewest(ids: Tensor, ordered: Tensor, probabilities: Tensor, entropies: Tensor, p: float) -> Kept:
    """Keep the first candidates whose probabilities sum to at least p.

    `ids`, the log-weights `ordered` and `probabilities` are those of all candidates in order, [batch,
    candidates]. Of one that stands for many words, only the share needed to reach p is kept.
    """
    before = probabilities.cumsum(dim=-1) - probabilities  # the sum up to a candidate, 0 for the first
    needed = ordered + ((p - before) / probabilities).clamp(0, 1).log()
    is_divisible = entropies.expand_as(ordered).gather(1, ids) > 0
    return ids, torch.where(is_divisible, needed, ordered).masked_fill(before >= p, -torch.inf)


@dataclass
class Temperature(WordSampler):
    """Sampling words with a probability of p^(1/temperature), scaled to sum to 1."""

    temperature: Divisor = 0.6


@dataclass
class TopK(WordSampler):
    """Sampling from the k most probable words.

    Source: Fan et al. 2018, "Hierarchical Neural Story Generation".
    """

    k: Annotated[int, Ge(1), Le(2**24), doc("Number of words kept.")] = 40
    temperature: Divisor = 1.0

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        best = (log_weights - entropies).topk(min(self.k, log_weights.shape[-1]), dim=-1).indices
        return best, log_weights.gather(1, best)


@dataclass
class TopP(WordSampler):
    """Sampling from the most probable words, the fewest whose probabilities sum to at least p.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration".
    """

    p: Annotated[Share, doc("Probability mass to keep.")] = 0.95
    temperature: Divisor = 1.0

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        ids = (log_weights - entropies).sort(dim=-1, descending=True, stable=True).indices
        ordered = log_weights.gather(1, ids)
        return keep_fewest(ids, ordered, ordered.softmax(dim=-1), entropies, self.p)


@dataclass
class MinP(WordSampler):
    """Sampling from the words that are at least p times as probable as the most probable one.

    The more confident the model is, the fewer tokens remain. Source: Nguyen et al. 2024, arXiv:2407.01082.
    """

    p: Annotated[Share, doc("Minimum probability, relative to the largest.")] = 0.1
    temperature: Divisor = 1.0

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        typical = log_weights - entropies
        floor = typical.amax(dim=-1, keepdim=True) + math.log(self.p)
        return keep_all(log_weights.masked_fill(typical < floor, float("-inf")), entropies)


@dataclass
class Typical(WordSampler):
    """Sampling from the words with a surprisal nearest to the entropy, the fewest that reach p.

    The surprisal of a word is minus the log of its probability, and the entropy is its expected value. Text
    by people rarely has words that are much less surprising than that, either. Source: Meister et al. 2023,
    "Locally Typical Sampling", arXiv:2202.00666.
    """

    p: Annotated[Share, doc("Probability mass to keep.")] = 0.95
    temperature: Divisor = 1.0

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        log_probabilities = log_weights.log_softmax(dim=-1)
        probabilities = log_probabilities.exp()
        entropy: Tensor = torch.special.entr(probabilities).sum(dim=-1, keepdim=True)
        entropy = entropy + (probabilities * entropies).sum(dim=-1, keepdim=True)  # the chain rule
        ids = (log_probabilities - entropies + entropy).abs().sort(dim=-1, stable=True).indices
        ordered = log_probabilities.gather(1, ids)
        return keep_fewest(ids, ordered, ordered.exp(), entropies, self.p)


@dataclass
class Greedy:
    """Greedy decoding: always the most probable word; deterministic, and prone to loops."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:  # noqa: ARG002 - the contract's argument
        """Return ids [batch]."""
        return logits.argmax(dim=-1)

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        """Start a batch of samples; a token that begins a spelling counts as the likeliest word with it."""
        if not vocabulary.spellings:
            return self
        entropy = -Spellings(vocabulary.spellings).largest
        return WordDistribution(prompts, vocabulary, temperature=1.0, entropy=entropy).sampler(_most_probable)


def _most_probable(log_weights: Tensor, entropies: Tensor) -> Kept:
    best = (log_weights - entropies).argmax(dim=-1, keepdim=True)
    return best, log_weights.gather(1, best)
