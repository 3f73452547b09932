"""Log-probabilities of spelled words in held-out text, which samplers of words need."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.vocabulary import continues_spelling
from textgen.evaluation.token_bits import predict_stretches
from textgen.nn.language_model import LanguageModel

MAX_WORDS = 500
MIN_WORDS = 20
"""With fewer spelled words there are no measurements."""
MAX_TOKENS = 32_768
"""Maximum number of tokens read, evenly from the beginning of each stretch."""

Spelling = tuple[float, ...]
"""Log-probabilities, in nats, of the tokens of a spelled word and of its end."""


def measure_spellings(
    model: LanguageModel, tokenizer: BoundTokenizer, stretches: Sequence[TokenIds], device: torch.device
) -> tuple[Spelling, ...]:
    """Return the log-probabilities of spelled words in the stretches, for `Vocabulary.spellings`.

    There are none if the tokenizer does not spell words, or the stretches have fewer than `MIN_WORDS`.
    """
    vocabulary = tokenizer.vocabulary
    if not vocabulary.fallback.any() or not stretches:
        return ()
    spells, continues = vocabulary.fallback, continues_spelling(vocabulary)
    parts = [_beginning(ids, spells, continues, len(stretches)) for ids in stretches]
    of_tokens, of_ends = ([np.zeros(len(ids)) for ids in parts] for _ in range(2))
    spelling, continuing = (torch.from_numpy(mask).to(device) for mask in (spells, continues))
    with torch.inference_mode():
        for window in predict_stretches(model, parts, tokenizer.encode(START), device):
            needed = spelling[window.targets] | spelling[window.previous]
            logits = window.logits[needed].float()
            total = logits.logsumexp(-1)
            nats = logits.gather(1, window.targets[needed][:, None])[:, 0] - total
            end_nats = logits.masked_fill_(continuing, -torch.inf).logsumexp(-1) - total
            for values, into in ((nats, of_tokens), (end_nats, of_ends)):
                window.store(values.new_zeros(needed.shape).masked_scatter(needed, values), into)
    words = [
        word
        for ids, nats, end_nats in zip(parts, of_tokens, of_ends, strict=True)
        for word in _spelled(ids, nats, end_nats, spells, continues)
        if all(map(math.isfinite, word))
    ]
    return tuple(words[:MAX_WORDS]) if len(words) >= MIN_WORDS else ()


def _beginning(
    ids: TokenIds, spells: NDArray[np.bool_], continues: NDArray[np.bool_], num_stretches: int
) -> TokenIds:
    """Return the beginning of a stretch with its share of the words, and the token after the last of them."""
    ids = ids[: MAX_TOKENS // num_stretches]
    follows = np.append(False, spells[ids[:-1]])
    begins = np.flatnonzero(spells[ids] & ~(continues[ids] & follows))
    share = max(1, MAX_WORDS // num_stretches)
    return ids[: begins[share] + 1] if len(begins) > share else ids


def _spelled(
    ids: TokenIds,
    nats: NDArray[np.float64],
    end_nats: NDArray[np.float64],
    spells: NDArray[np.bool_],
    continues: NDArray[np.bool_],
) -> list[Spelling]:
    """Return the log-probabilities of each word whose end is within a stretch."""
    words: list[Spelling] = []
    current: list[float] = []
    for token, token_nats, end in zip(ids, nats, end_nats, strict=True):
        if current and not continues[token]:
            words.append(tuple(round(float(value), 3) for value in (*current, end)))
            current = []
        if spells[token]:
            current.append(token_nats)
    return words
