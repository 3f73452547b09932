"""Sampling with given uniform numbers, the temperature of whole words, and truncation by it.

A spelled word is treated like one of the vocabulary. The word at each position is a token of the vocabulary,
or a spelling: tokens that spell, and its end, which is the event that the next token does not continue it. At
temperature T a word s has a weight of p(s)^(1/T). A token that begins a spelling stands for many words, so
its weight is p(token)^(1/T) Z(T), where Z(T) is the expectation of p(rest of the spelling)^(1/T - 1). Ji et
al. 2026 (arXiv:2601.21590) derive such a factor for every token; here it is the mean over held-out words, and
one for all contexts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.vocabulary import continues_spelling


def sample_categorical(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Return ids [batch] sampled from softmax(`logits` [batch, vocab_size]) by inverting the cumulative sum.

    The same `uniforms` [batch] in [0, 1) give the same ids, whatever else is in the batch. A token with
    probability zero (a logit of minus infinity) is never chosen.
    """
    wide = wide_type(logits.device)
    cumulative = torch.softmax(logits.float(), dim=-1).cumsum(dim=-1, dtype=wide)
    total = cumulative[:, -1:]
    # Scaled by the total, which rounding leaves slightly off 1, and kept below it, so that `right`, which
    # skips tokens with probability zero, finds one.
    threshold = torch.minimum(uniforms.to(wide)[:, None] * total, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0]


def wide_type(device: torch.device) -> torch.dtype:
    """Return the type for sums over a vocabulary: float64, or float32 on MPS, which lacks it."""
    return torch.float32 if device.type == "mps" else torch.float64


MIN_WORDS = 20
"""Words that an estimate needs; longer prefixes use the estimate of the longest prefix with enough words."""

Choose: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""A function from logits [batch, vocab_size] and uniforms [batch] to ids [batch]."""
Kept: TypeAlias = tuple[Tensor | None, Tensor]
"""Candidates [batch, number kept] and their log-weights, in the order in which they are sampled.

None means all candidates, those with a log-weight of minus infinity excluded.
"""
Truncate: TypeAlias = Callable[[Tensor, Tensor], Kept]
"""A function from log-weights [batch, candidates] and entropies [candidates] to the candidates kept.

Log-weights are up to a constant per row; minus infinity means impossible. The entropy of a candidate, in
nats, is that of the words that it stands for, 0 for a single word: a typical one of them has its log-weight
minus its entropy.
"""


def keep_all(log_weights: Tensor, entropies: Tensor) -> Kept:  # noqa: ARG001 - the signature of all
    """Keep every candidate, in order."""
    return None, log_weights


def sample(kept: Kept, uniforms: Tensor) -> Tensor:
    """Return one candidate per row [batch]."""
    candidates, log_weights = kept
    chosen = sample_categorical(log_weights, uniforms)
    return chosen if candidates is None else candidates.gather(1, chosen[:, None])[:, 0]


class WordSampler:
    """Base of samplers that truncate the tempered distribution of words.

    A sampler overrides `truncate`, and has a field `temperature`. Used as a function, or if the tokenizer
    does not spell words, it treats every token as a word.
    """

    tempers_words: ClassVar[bool] = True
    temperature: float

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        """Return the candidates that are kept (see `Truncate`)."""
        return keep_all(log_weights, entropies)

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        return sample(self.truncate(logits / self.temperature, logits.new_zeros(1)), uniforms)

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        """Start a batch of samples, which remembers the spelling that each row is in."""
        if not vocabulary.spellings:
            return self
        return WordDistribution(prompts, vocabulary, self.temperature).sampler(self.truncate)


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
        """Return log Z after 1, 2, … tokens of a spelling; the last value holds for all longer ones."""
        exponent = 1 / temperature - 1
        return np.array([_log_mean_exp(exponent * rests) for rests in self._rests])

    def entropy(self, temperature: float) -> float:
        """Return an estimate of the entropy, in nats, of the rest of a spelling after its first token."""
        tempered = (1 / temperature - 1) * self._rests[0]
        shares = np.exp(tempered - tempered.max())
        typical = float(shares @ self._rests[0] / shares.sum())
        return max(0.0, _log_mean_exp(tempered) - typical / temperature)

    @property
    def largest(self) -> float:
        """The largest log-probability of the rest of a spelling after its first token."""
        return float(self._rests[0].max())


class WordDistribution:
    """The distribution of the next word of a batch of samples, at a temperature.

    `entropy` replaces that of the rest of a spelling after its first token. `vocabulary` has spellings.
    """

    def __init__(
        self,
        prompts: Sequence[TokenIds],
        vocabulary: Vocabulary,
        temperature: float,
        entropy: float | None = None,
    ) -> None:
        spellings, continues = Spellings(vocabulary.spellings), continues_spelling(vocabulary)
        self._temperature = temperature
        self._entropy = spellings.entropy(temperature) if entropy is None else entropy
        self._continues = torch.from_numpy(continues)
        self._letters = self._continues.nonzero()[:, 0]
        self._spells = torch.from_numpy(vocabulary.fallback).float()
        self._log_weights = torch.from_numpy(spellings.log_weights(temperature)).float()
        depths = [_depth(ids, vocabulary.fallback, continues) for ids in prompts]
        self._depths = torch.tensor(depths, dtype=torch.long)
        """[batch], the number of tokens of the spelling that each row ends in, or 0."""

    def sampler(self, truncate: Truncate) -> Choose:
        """Return the function that chooses the next ids, once per step."""

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            ids = sample_categorical(self.log_weights(logits, truncate), uniforms)
            self.advance(ids)
            return ids

        return choose

    def advance(self, ids: Tensor) -> None:
        """Add the next token of each row, `ids` [batch]."""
        self._to(ids.device)
        goes_on = (self._depths > 0) & self._continues[ids]
        self._depths = torch.where(goes_on, self._depths + 1, self._spells[ids].long())

    def log_weights(self, logits: Tensor, truncate: Truncate = keep_all) -> Tensor:
        """Return the log-weights of the next tokens [batch, vocab_size], minus infinity if not kept."""
        self._to(logits.device)
        logits, depths = logits.float(), self._depths
        inside, letters = depths.nonzero()[:, 0], self._letters
        scaled = logits / self._temperature
        words = scaled + self._log_weights[0] * self._spells
        words[inside[:, None], letters] = -torch.inf
        kept = _in_order(truncate(words, self._entropy * self._spells), words)
        if not len(inside):
            return kept
        # Within a spelling the candidates are its next tokens and its end, of which all words are parts.
        longer = self._log_weights[depths.clamp(max=len(self._log_weights) - 1)]
        choices = _wide(torch.cat([scaled[:, letters] + longer[:, None], scaled[:, :1]], dim=1))
        others = _wide(logits[inside]).index_fill(1, letters, -torch.inf)
        choices[inside, -1] = others.logsumexp(-1) / self._temperature
        choices = _in_order(truncate(choices, scaled.new_zeros(1)), choices)[inside]
        parts = _wide(kept[inside])
        parts += choices[:, -1:] - parts.logsumexp(-1, keepdim=True)
        parts = parts.masked_fill(choices[:, -1:].isinf(), -torch.inf)
        kept[inside] = parts.index_copy(1, letters, choices[:, :-1]).float()
        return kept

    def _to(self, device: torch.device) -> None:
        for name in ("_depths", "_continues", "_letters", "_spells", "_log_weights"):
            setattr(self, name, getattr(self, name).to(device))


def _depth(ids: TokenIds, spells: NDArray[np.bool_], continues: NDArray[np.bool_]) -> int:
    """Return the number of tokens of the spelling that a prompt ends in, or 0."""
    depth = 0
    for token in ids:
        depth = (depth + 1 if depth and continues[token] else 1) if spells[token] else 0
    return depth


def _in_order(kept: Kept, given: Tensor) -> Tensor:
    """Return the log-weights kept, at the places of their candidates, minus infinity elsewhere."""
    if kept[1] is given:  # all are kept
        return given
    candidates, log_weights = kept[0], kept[1].to(given.dtype)
    if candidates is not None:
        log_weights = torch.full_like(given, -torch.inf).scatter(1, candidates, log_weights)
    return log_weights.masked_fill(given.isinf(), -torch.inf)


def _wide(values: Tensor) -> Tensor:
    return values.to(wide_type(values.device))


def _log_mean_exp(values: NDArray[np.float64]) -> float:
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).mean()))
