"""The bits that a model needs for each token of a text, in passes that carry its state; spelled words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import State, TextgenError, TokenIds, Vocabulary
from textgen.data.vocabulary import continues_spelling
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import take_rows
from textgen.runtime.threads import paced

LOG2 = math.log(2)
LARGEST = 1e30
"""Value of an error that is infinite or NaN."""

TOKENS_AT_ONCE, MIN_CHUNK = 2048, 8
"""Tokens of all stretches that are computed at once, and the minimum of each."""
LOGITS_AT_ONCE = 2**24
"""Logits that are computed at once on a CPU, 64 MB. Shorter windows would double the time of a model with a
speller, which reads rows of different lengths."""


@dataclass(frozen=True)
class TokenScores:
    """The bits that a model needs for each token of a text."""

    text: str
    ids: TokenIds
    bits: NDArray[np.float64]
    """[number of tokens]"""
    max_normalization_error: float
    """The largest distance of a sum of probabilities from 1, where the model itself normalizes them."""
    state: State = None
    """The model's state before the last token, from which the next part of a longer text continues; None for
    one of several stretches."""

    @property
    def bits_per_char(self) -> float:
        """The score: the sum over all tokens, divided by the characters of the text itself."""
        return float(self.bits.sum()) / len(self.text)


def score_stretches(
    model: LanguageModel,
    texts: Sequence[str],
    stretches: Sequence[TokenIds],
    start_ids: TokenIds,
    *,
    device: torch.device,
    chunk: int = TOKENS_AT_ONCE,
    state: State = None,
    report: Callable[[float], None] = lambda fraction: None,
) -> list[TokenScores]:
    """Score stretches of text, each from an initial state, side by side in fp32.

    `stretches` are the tokens of `texts`, `start_ids` those of `START`, which precede each; or, for a text
    that continues another, the last token of that one, and `state` is where its score ended. `chunk` is the
    maximum number of tokens of each that are computed at once; it does not change the result. `report` is
    called with the share of the longest stretch that is scored.
    """
    bits = [np.zeros(len(ids)) for ids in stretches]
    error, longest = 0.0, max(map(len, stretches), default=0)
    with torch.inference_mode():
        windows = predict_stretches(model, stretches, start_ids, device, chunk=chunk, state=state)
        for window in paced(windows, Window.num_tokens):
            found, off = bits_and_error(window.logits, window.targets, is_normalized=model.is_normalized)
            window.store(found, bits)
            error = max(error, off)
            state = window.state
            report((window.begin + window.targets.shape[1]) / longest)
    last = state if len(stretches) == 1 else None  # that of several would be kept for nothing
    return [
        TokenScores(text, ids, finite(each), error, last)
        for text, ids, each in zip(texts, stretches, bits, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Window:
    """Tokens of several stretches from the same position on, and their predictions."""

    stretches: list[int]
    """The indices of the stretches, one per row; one that ends within the window is padded."""
    begin: int
    """The position in the stretches of the first token that is predicted."""
    read: Tensor
    """[batch, 1 + time], the token before the first one, and those that are predicted."""
    state: State
    """That before the last token of each stretch."""
    logits: Tensor
    """[batch, time, vocab_size]"""

    @property
    def previous(self) -> Tensor:
        """[batch, time], the token before each target."""
        return self.read[:, :-1]

    @property
    def targets(self) -> Tensor:
        """[batch, time], the tokens that are predicted."""
        return self.read[:, 1:]

    def num_tokens(self) -> int:
        return self.targets.numel()

    def store(self, values: Tensor, into: Sequence[NDArray[Any]]) -> None:
        """Write values of the targets, [batch, time, …], to their places in arrays of whole stretches."""
        for index, row in zip(self.stretches, values.cpu().numpy(), strict=True):
            part = into[index][self.begin : self.begin + len(row)]
            part[:] = row[: len(part)]


def predict_stretches(
    model: LanguageModel,
    stretches: Sequence[TokenIds],
    start_ids: TokenIds,
    device: torch.device,
    *,
    chunk: int = TOKENS_AT_ONCE,
    state: State = None,
) -> Iterator[Window]:
    """Yield the predictions of all stretches window by window, side by side in fp32, in inference mode.

    `chunk` and `state` are those of `score_stretches`.
    """
    order = sorted(range(len(stretches)), key=lambda index: -len(stretches[index]))
    lengths = [len(stretches[index]) for index in order]
    num_start, longest = len(start_ids), max(lengths, default=0)
    sequences = np.zeros((len(order), num_start + longest), np.int64)
    sequences[:, :num_start] = start_ids
    for row, index in enumerate(order):
        sequences[row, num_start : num_start + len(stretches[index])] = stretches[index]
    inputs = torch.from_numpy(sequences).to(device)
    state = model.initial_state(len(order)) if state is None else state
    if num_start > 1:
        _, state = model.forward(inputs[:, : num_start - 1], state)
    begin = 0
    while begin < longest:
        num_rows = sum(length > begin for length in lengths)  # the rows that have not ended yet
        size = max(MIN_CHUNK, _tokens_at_once(model, device) // num_rows)
        end = min(begin + min(chunk, size), longest)
        state = take_rows(state, 0, num_rows)
        read = inputs[:num_rows, num_start - 1 + begin : num_start + end]
        logits, state = model.forward(read[:, :-1], state)
        yield Window(order[:num_rows], begin, read, state, logits)
        begin = end


def bits_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the bits of `targets` [batch, time] in fp64 on the CPU."""
    log_probabilities = log_softmax(logits).gather(-1, targets[..., None])[..., 0]
    return -log_probabilities.cpu().double() / LOG2


def log_softmax(logits: Tensor) -> Tensor:
    """Return normalized log-probabilities in fp32."""
    return logits.float().log_softmax(-1)


def bits_and_error(logits: Tensor, targets: Tensor, *, is_normalized: bool) -> tuple[Tensor, float]:
    """Return `bits_of` the targets, and the largest distance of a sum of probabilities from 1.

    Logits that do not claim to be log-probabilities become some by the softmax, so for those it is 0. Of
    others, the logarithm of the sum is what normalizing takes from each.
    """
    bits = bits_of(logits, targets)
    if not is_normalized:
        return bits, 0.0
    given = logits.gather(-1, targets[..., None])[..., 0].cpu().double()
    errors = torch.expm1(given + LOG2 * bits).abs()
    # NaN comes from no probability at all, which `finite` refuses; JSON has no infinity.
    return bits, float(errors.nan_to_num(nan=0.0, posinf=LARGEST).max())


def _tokens_at_once(model: LanguageModel, device: torch.device) -> int:
    if device.type != "cpu":
        return TOKENS_AT_ONCE
    return min(TOKENS_AT_ONCE, max(MIN_CHUNK, LOGITS_AT_ONCE // model.vocab_size))


def finite(bits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits; raises `TextgenError` if some are not finite."""
    if not np.isfinite(bits).all():
        raise TextgenError(
            "the model gives a character of the text no probability (or NaN), so it has no score"
        )
    return bits


MAX_WORDS = 500
MIN_WORDS = 20
"""With fewer spelled words there are no measurements."""
MAX_TOKENS = 32_768
"""Maximum number of tokens read, evenly from the beginning of each stretch."""

Spelling = tuple[float, ...]
"""Log-probabilities, in nats, of the tokens of a spelled word and of its end."""


def measure_spellings(
    model: LanguageModel,
    vocabulary: Vocabulary,
    stretches: Sequence[TokenIds],
    start_ids: TokenIds,
    device: torch.device,
) -> tuple[Spelling, ...]:
    """Return the log-probabilities of spelled words in the stretches, for `Vocabulary.spellings`.

    There are none if the tokenizer does not spell words, or the stretches have fewer than `MIN_WORDS`.
    """
    if not vocabulary.fallback.any() or not stretches:
        return ()
    spells, continues = vocabulary.fallback, continues_spelling(vocabulary)
    parts = [_beginning(ids, spells, continues, len(stretches)) for ids in stretches]
    of_tokens, of_ends = ([np.zeros(len(ids)) for ids in parts] for _ in range(2))
    spelling, continuing = (torch.from_numpy(mask).to(device) for mask in (spells, continues))
    with torch.inference_mode():
        for window in paced(predict_stretches(model, parts, start_ids, device), Window.num_tokens):
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
