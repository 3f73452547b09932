"""Always the most probable word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.generation.sampling import Choose, Kept, Spellings, WordDistribution


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
