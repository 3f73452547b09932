"""Scores at which nobody can peek: a model says the probabilities of a token before it is told the token.

Who scores has the text and counts the bits; the model knows what it was told (prequential: Dawid 1984,
"Statistical theory: the prequential approach"). Stretches are told side by side. Where steps take longer
than is allowed, as in one long stretch, the rest is told in windows, in which a model could peek; then a
second one, which is told windows up to places drawn at random and single tokens there, must predict alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from secrets import SystemRandom
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import State, TokenIds
from textgen.evaluation.token_bits import TokenScores, bits_of, finite, normalization_error
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.state import map_tensors, take_rows

PACE_TOKENS = 256
"""Tokens of each stretch after which the pace is known."""
REPORTED = 64
"""Tokens of each stretch between two reports."""
MAX_LOGITS = 2**21
"""Logits of one answer, unless those of one token of each stretch are more."""
SEGMENT = 16
"""Tokens that the second model is told one by one at each place."""
MIN_SEGMENTS = 24
"""Places at least, one in each part of the rest of the text."""
Bits = NDArray[np.float64]


class Predictor(Protocol):
    """A model that reads several stretches side by side. What it has answered does not change any more."""

    is_normalized: bool
    """True if it says that it returns log-probabilities."""

    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor:
        """Return the logits [num_rows, vocab_size] of the first token of each stretch, after `start_ids`."""

    def tell(self, ids: TokenIds) -> None:
        """Tell one more token of each of the first stretches, `ids` [rows]; the others have ended."""

    def answer(self) -> Tensor:
        """Return the logits [rows, vocab_size] after the tokens that were told last."""

    def read(self, ids: TokenIds) -> Tensor:
        """Return the logits [rows, time, vocab_size] after each of several tokens, `ids` [rows, time].

        They follow what was read before, not what was told one by one since then.
        """


@dataclass(frozen=True, eq=False)
class ToldScores:
    """The scores of stretches of text."""

    scores: list[TokenScores]
    num_told: int
    """Tokens that were predicted before the model was told them; the others were told in windows."""
    window_bits: tuple[Bits, ...] = ()
    """The bits of tokens in windows, at places drawn at random: an array for each."""
    single_bits: tuple[Bits, ...] = ()
    """The same by the second model."""


def score_in_lockstep(
    predictor: Predictor,
    texts: Sequence[str],
    stretches: Sequence[TokenIds],
    start_ids: TokenIds,
    *,
    second: Callable[[], Predictor],
    max_seconds: float,
    report: Callable[[float], None] = lambda fraction: None,
) -> ToldScores:
    """Score stretches of text, each from an initial state, side by side.

    `stretches` are the tokens of `texts`, `start_ids` those that precede each. If steps would take more than
    `max_seconds`, half of this time is for steps, and a quarter for those of the `second` model. `report` is
    called with the share that is scored.
    """
    rows = _Rows(stretches, start_ids)
    longest, found = rows.longest, np.zeros(rows.table.shape)
    position, error, logits = _tell(predictor, rows, found, max_seconds, report)
    num_told, single = int(np.minimum(rows.lengths, position).sum()), list[tuple[int, Bits]]()
    if position < longest:
        error = max(error, _read(predictor, rows, found, position, logits.shape[-1], report))
        single = _look(second(), rows, position, num_steps=max(1, position // 2), report=report)
    scores = [
        TokenScores(text, ids, finite(found[row, : len(ids)]), error)
        for text, ids, row in zip(texts, stretches, rows.row_of, strict=True)
    ]
    windows = tuple(found[: len(bits), place] for place, bits in single)
    return ToldScores(scores, num_told, windows, tuple(bits for _, bits in single))


class _Rows:
    """The tokens of stretches in a table, the longest ones in the first rows."""

    def __init__(self, stretches: Sequence[TokenIds], start_ids: TokenIds) -> None:
        order = sorted(range(len(stretches)), key=lambda index: -len(stretches[index]))
        self.start_ids, self.row_of = start_ids, [order.index(index) for index in range(len(order))]
        self.lengths = np.array([len(stretches[index]) for index in order], np.int64)
        self.longest = int(self.lengths.max(initial=0))
        self.table = np.zeros((len(order), self.longest), np.int64)
        for row, index in enumerate(order):
            self.table[row, : self.lengths[row]] = stretches[index]

    def num_at(self, position: int) -> int:
        """Return the number of stretches that have a token at this position."""
        return int((self.lengths > position).sum())

    def targets(self, position: int) -> Tensor:
        """Return the token of each stretch that has one at this position."""
        return torch.from_numpy(self.table[: self.num_at(position), position])

    def window(self, position: int, end: int, vocab_size: int) -> TokenIds:
        """Return tokens from a position on, up to `end`, of the stretches that go on after the first one."""
        num_rows = self.num_at(position + 1)
        size = max(1, MAX_LOGITS // (vocab_size * max(1, num_rows)))
        return self.table[:num_rows, position : min(end, position + size)]


def _tell(
    predictor: Predictor, rows: _Rows, bits: Bits, max_seconds: float, report: Callable[[float], None]
) -> tuple[int, float, Tensor]:
    """Score token by token as far as the time allows.

    Return the first position that is not scored, the error of sums of probabilities, and the logits there.
    """
    error, end = 0.0, rows.longest
    logits = predictor.begin(len(rows.lengths), rows.start_ids) if end else torch.empty(0)
    began = time.monotonic()
    for position in range(rows.longest):
        if position == PACE_TOKENS and (seconds := (time.monotonic() - began) * end / position) > max_seconds:
            end = max(position, int(end * max_seconds / seconds / 2))
        if position >= end:
            return position, error, logits
        targets, num_left = rows.targets(position), rows.num_at(position + 1)
        logits = logits[: len(targets)]
        if num_left:  # it works on the next answer while the bits of this one, a copy, are counted
            predictor.tell(rows.table[:num_left, position])
        error = max(error, normalization_error(predictor.is_normalized, logits))
        bits[: len(targets), position] = bits_of(logits, targets).numpy()
        if num_left:
            logits = predictor.answer()
        if position % REPORTED == 0:
            report((position + 1) / rows.longest)
    return rows.longest, error, logits


def _read(  # noqa: PLR0917
    predictor: Predictor,
    rows: _Rows,
    bits: Bits,
    first: int,
    vocab_size: int,
    report: Callable[[float], None],
) -> float:
    """Read the text in windows, and score it from the position `first` on.

    Return the error of sums of probabilities.
    """
    error, position = 0.0, 0
    while num_rows := rows.num_at(position + 1):
        window = rows.window(position, rows.longest - 1, vocab_size)
        logits, begin, end = predictor.read(window), position + 1, position + 1 + window.shape[1]
        if end > first:
            error = max(error, normalization_error(predictor.is_normalized, logits))
            scored = bits_of(logits, torch.from_numpy(rows.table[:num_rows, begin:end])).numpy()
            known = max(0, first - begin)
            bits[:num_rows, begin + known : end] = scored[:, known:]
        position += window.shape[1]
        report(position / rows.longest)
    return error


def _look(
    predictor: Predictor, rows: _Rows, first: int, num_steps: int, report: Callable[[float], None]
) -> list[tuple[int, Bits]]:
    """Return positions from `first` on, and the bits there of the stretches that have a token.

    The predictor is told windows up to places that the operating system draws, one in each part of the rest
    of the text, and single tokens from there on.
    """
    num_places = min(max(MIN_SEGMENTS, num_steps // SEGMENT), rows.longest - first)
    edges = np.linspace(first, rows.longest, num_places + 1).astype(int).tolist()
    logits, position, found = predictor.begin(len(rows.lengths), rows.start_ids), 0, list[tuple[int, Bits]]()
    for begin, end in pairwise(edges):
        place = SystemRandom().randrange(begin, end)
        while position < place:
            window = rows.window(position, place, logits.shape[-1])
            logits = predictor.read(window)[:, -1]
            position += window.shape[1]
        for told in range(place, min(place + SEGMENT, end)):
            targets = rows.targets(told)
            found.append((told, bits_of(logits[: len(targets)], targets).numpy()))
            if (num_left := rows.num_at(told + 1)) == 0:
                break
            predictor.tell(rows.table[:num_left, told])
            logits = predictor.answer()
        report(place / rows.longest)
    return found


class Steps:
    """A trained model that reads several stretches side by side, one token of each at a time."""

    def __init__(self, model: LanguageModel, device: torch.device) -> None:
        self._model, self._device = model, device

    @torch.inference_mode()
    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor:
        """Return the logits [num_rows, vocab_size] of the first token of each stretch, after `start_ids`."""
        ids = torch.from_numpy(np.tile(np.asarray(start_ids, np.int64), (num_rows, 1))).to(self._device)
        logits, state = self._model.forward(ids, self._model.initial_state(num_rows))
        first = logits[:, -1].float().cpu().clone()
        self._step = self._working_step(ids[:, -1], state)
        self._state = map_tensors(Tensor.clone, state)  # a step may change its state in place
        self._num_rows = num_rows
        return first

    @torch.inference_mode()
    def tell(self, ids: TokenIds) -> Tensor:
        """Return the logits [rows, vocab_size] after one more token of each of the first stretches.

        `ids` are [rows]; the other stretches have ended.
        """
        if len(ids) != self._num_rows:
            self._num_rows, self._state = len(ids), take_rows(self._state, 0, len(ids))
        told = torch.from_numpy(np.asarray(ids, np.int64)).to(self._device)
        logits, self._state = self._step(told, self._state)
        return logits.float().cpu()

    def _working_step(self, ids: Tensor, state: State) -> Step:
        """Return the model's own step, or `forward` with one token if that step fails."""

        def by_forward(ids: Tensor, state: State) -> tuple[Tensor, State]:
            logits, following = self._model.forward(ids[:, None], state)
            return logits[:, -1], following

        try:
            step = self._model.prepare_step(torch.float32)
            step(ids, map_tensors(Tensor.clone, state))
        except Exception:  # whatever a plugin raises: then it cannot write, but it can be scored
            return by_forward
        return step
