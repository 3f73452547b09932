"""The entropy of what a sampler writes, estimated from its own choices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.vocabulary import TokenTable
from textgen.generation.bound_sampler import BoundSampler
from textgen.generation.word_temperature import WordDistribution


class EntropyRecorder:
    """The sum of the surprisal of a sampler's choices, in bits per character.

    Their mean is an estimate of the entropy of what it writes. The probabilities are those of the logits
    divided by the sampler's `temperature`, if it has one, or those of words at that temperature, if it acts
    on words. `prompts` are the ids of each row's prompt.
    """

    def __init__(self, sampler: BoundSampler, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> None:
        self._temperature = sampler.temperature or 1.0
        is_of_words = sampler.tempers_words and bool(vocabulary.spellings)
        self._words = WordDistribution(prompts, vocabulary, self._temperature) if is_of_words else None
        self._lengths = torch.from_numpy(TokenTable(vocabulary.tokens).num_chars)
        self._nats, self._chars = 0.0, 0

    def record(self, logits: Tensor, ids: Tensor) -> None:
        """Add the choice of `ids` [batch], valid token ids, from `logits` [batch, vocab_size]."""
        ids = ids.long()
        if self._words is None:
            log_weights = logits.float() / self._temperature
        else:
            log_weights = self._words.log_weights(logits)
            self._words.advance(ids)
        log_probabilities = log_weights.log_softmax(-1)
        self._nats -= float(log_probabilities.gather(1, ids[:, None]).double().sum())
        self._chars += int(self._lengths[ids.cpu()].sum())

    @property
    def bits_per_char(self) -> float:
        """Bits per character of everything that was chosen."""
        return self._nats / math.log(2) / max(1, self._chars)
