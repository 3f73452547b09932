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

from textgen.contracts import State, TextgenError, TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.vocabulary import continues_spelling
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import take_rows

LOG2 = math.log(2)
LARGEST = 1e30
"""Value of an error that is infinite or NaN."""

KNOWN_LOGITS, KNOWN_BITS = ((0.0, 0.0, 0.0, 0.0), (2.0, 1.0, 0.0, -1.0)), (2.0, 0.63506)
"""Logits of four tokens at two places, and the bits of the third token at the first and of the first at the
second: log₂(1 + e⁻¹ + e⁻² + e⁻³)."""
# As they are before any plugin is loaded.
_log_softmax, _gather = torch.log_softmax, torch.gather

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
    before_reading: Callable[[Unread], None] = lambda window: None,
) -> list[TokenScores]:
    """Score stretches of text, each from an initial state, side by side in fp32.

    `stretches` are the tokens of `texts`, `start_ids` those of `START`, which precede each; or, for a text
    that continues another, the last token of that one, and `state` is where its score ended. `chunk` is the
    maximum number of tokens of each that are computed at once; it does not change the result. `report` is
    called with the share of the longest stretch that is scored, and `before_reading` with each window before
    the model gets it.
    """
    bits = [np.zeros(len(ids)) for ids in stretches]
    error, longest = 0.0, max(map(len, stretches), default=0)
    with torch.inference_mode():
        windows = predict_stretches(
            model, stretches, start_ids, device, chunk=chunk, state=state, before_reading=before_reading
        )
        for window in windows:
            error = max(error, normalization_error(model, window.logits))
            window.store(bits_of(window.logits, window.targets), bits)
            state = window.state
            report((window.begin + window.targets.shape[1]) / longest)
    last = state if len(stretches) == 1 else None  # that of several would be kept for nothing
    return [
        TokenScores(text, ids, _finite(each), error, last)
        for text, ids, each in zip(texts, stretches, bits, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Unread:
    """Tokens of several stretches from the same position on, which the model gets next."""

    stretches: list[int]
    """The indices of the stretches, one per row; one that ends within the window is padded."""
    begin: int
    """The position in the stretches of the first token that is predicted."""
    read: Tensor
    """[batch, 1 + time], the token before the first one, and those that are predicted."""
    state: State
    """The state before all of them."""


@dataclass(frozen=True, eq=False)
class Window(Unread):
    """The same when the model has read them; its state is that before the last token of each stretch."""

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
    before_reading: Callable[[Unread], None] = lambda window: None,
) -> Iterator[Window]:
    """Yield the predictions of all stretches window by window, side by side in fp32, in inference mode.

    `chunk`, `state` and `before_reading` are those of `score_stretches`.
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
        before_reading(Unread(order[:num_rows], begin, read, state))
        logits, state = model.forward(read[:, :-1], state)
        yield Window(order[:num_rows], begin, read, state, logits)
        begin = end


def bits_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the bits of `targets` [batch, time] in fp64 on the CPU."""
    log_probabilities = _gather(log_softmax(logits), -1, targets[..., None])[..., 0]
    return -log_probabilities.cpu().double() / LOG2


def log_softmax(logits: Tensor) -> Tensor:
    """Return normalized log-probabilities in fp32."""
    return _log_softmax(logits.float(), dim=-1)


def can_score() -> bool:
    """Return whether bits are still computed right: a plugin may have changed what they are computed by."""
    logits = torch.tensor(KNOWN_LOGITS).view(1, 2, -1)
    bits = bits_of(logits, torch.tensor([[2, 0]])).flatten().tolist()
    return all(
        math.isclose(found, known, abs_tol=1e-5) for found, known in zip(bits, KNOWN_BITS, strict=True)
    )


def normalization_error(model: LanguageModel, logits: Tensor) -> float:
    """Return the largest distance of a sum of probabilities from 1, as the model gives them.

    Logits that do not claim to be log-probabilities become some by the softmax, so for those it is 0.
    """
    if not model.is_normalized:
        return 0.0
    errors = (logits.float().exp().sum(-1) - 1).abs()
    return float(errors.nan_to_num(nan=LARGEST, posinf=LARGEST).max())  # JSON has neither


def _tokens_at_once(model: LanguageModel, device: torch.device) -> int:
    if device.type != "cpu":
        return TOKENS_AT_ONCE
    return min(TOKENS_AT_ONCE, max(MIN_CHUNK, LOGITS_AT_ONCE // model.vocab_size))


def _finite(bits: NDArray[np.float64]) -> NDArray[np.float64]:
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
