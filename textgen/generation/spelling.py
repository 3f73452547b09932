"""Spellings of out-of-vocabulary words at a temperature: the weight of all that begin with a token.

At temperature T a word s has a weight of p(s)^(1/T). A token that begins a spelling stands for many words,
so its weight is p(token)^(1/T) Z(T), where Z(T) is the expectation of p(rest of the spelling)^(1/T - 1).
Ji et al. 2026 (arXiv:2601.21590) derive such a factor for every token; here it is the mean over held-out
words, and one for all contexts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.vocabulary import continues_spelling

MIN_WORDS = 20
"""Words that an estimate needs; longer beginnings of words take the estimate of the longest with as many."""


class Spellings:
    """Statistics of spelled words, from the log-probabilities of their tokens and of their end, in nats."""

    def __init__(self, words: Sequence[Sequence[float]]) -> None:
        counts = np.array([len(word) - 1 for word in words])
        most = max(1, *(length for length in set(counts.tolist()) if (counts >= length).sum() >= MIN_WORDS))
        self._rests = [
            np.array([sum(word[written:]) for word in words if len(word) > written])
            for written in range(1, most + 1)
        ]

    def log_weights(self, temperature: float) -> NDArray[np.float64]:
        """Return log Z after 1, 2, … tokens of a spelling; the last one holds for all that are longer."""
        exponent = 1 / temperature - 1
        return np.array([_log_mean_exp(exponent * rests) for rests in self._rests])

    def entropy(self, temperature: float) -> float:
        """Return an estimate of the entropy in nats of how a spelling goes on after its first token."""
        tempered = (1 / temperature - 1) * self._rests[0]
        shares = np.exp(tempered - tempered.max())
        typical = float(shares @ self._rests[0] / shares.sum())
        return max(0.0, _log_mean_exp(tempered) - typical / temperature)

    @property
    def largest(self) -> float:
        """The largest log-probability of how a spelling goes on after its first token."""
        return float(self._rests[0].max())


class SpellingDepths:
    """The number of tokens of the spelling that each row of a batch ends in, or 0."""

    def __init__(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> None:
        spells, continues = vocabulary.fallback.tolist(), continues_spelling(vocabulary).tolist()
        depths = []
        for ids in prompts:
            depth = 0
            for token in ids:
                depth = (depth + 1 if depth and continues[token] else 1) if spells[token] else 0
            depths.append(depth)
        self.depths = torch.tensor(depths, dtype=torch.long)
        """[batch]"""
        self.continues = torch.tensor(continues)
        """Whether each token continues a spelling, [vocab_size]."""
        self._spells = torch.tensor(spells)

    def to(self, device: torch.device) -> None:
        """Move to a device."""
        self.depths, self.continues = self.depths.to(device), self.continues.to(device)
        self._spells = self._spells.to(device)

    def advance(self, ids: Tensor) -> None:
        """Add the next token of each row, `ids` [batch]."""
        self.to(ids.device)
        goes_on = (self.depths > 0) & self.continues[ids]
        self.depths = torch.where(goes_on, self.depths + 1, self._spells[ids].long())


def _log_mean_exp(values: NDArray[np.float64]) -> float:
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).mean()))
