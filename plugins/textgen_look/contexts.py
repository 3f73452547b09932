"""What entries need of a text before: bits of words of which the last 1, 2, 4, … characters are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import bits_of
from textgen.experiment.saved_run import Trained
from textgen.runtime.threads import paced
from textgen_look.words import spaced_words

LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Characters that are known."""
SHARED = 64
"""From this number on, all tokens of a word are predicted in one pass: the later ones know these, and
what precedes them in the word."""
NUM_WORDS = 400
"""Words that are predicted, each with the space before it."""
MAX_LOGITS, MAX_ROWS = 2**23, 256
"""Logits, and contexts, that are computed at once."""
Z = 1.96
"""Standard errors on each side of a 95 % interval."""


class Place(NamedTuple):
    """A word in a stretch."""

    stretch: int
    begin: int
    """Its first character, the space before it if there is one."""
    end: int


@dataclass(frozen=True, kw_only=True)
class Contexts:
    """The bits per character of one entry by the number of characters that it knows."""

    num_chars: tuple[int, ...]
    """Of the text before that are known."""
    bits_per_char: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    """95 % intervals over the words."""
    enough: int
    """The least number from which on more do not help, as far as these words tell."""


def choose_words(stretches: Sequence[str]) -> list[Place]:
    """Return words evenly from all that have as much text before them as is looked at, or from all."""
    found = [
        Place(number, begin, end)
        for number, text in enumerate(stretches)
        for begin, end in spaced_words(text)
    ]
    far = [place for place in found if place.begin >= LENGTHS[-1]]
    places = far if len(far) >= NUM_WORDS else found
    step = max(1.0, len(places) / NUM_WORDS)
    return [places[int(index * step)] for index in range(min(NUM_WORDS, len(places)))]


def measure_contexts(
    trained: Trained, stretches: Sequence[str], places: Sequence[Place], device: torch.device
) -> Contexts:
    """Return the bits of words after contexts of each length, which an entry reads as a text of their own.

    A context that is a whole stretch begins like one that is scored; a token that is cut is left out. Where
    none fits, the entry knows that a line begins.
    """
    tokenizer, start = trained.tokenizer, trained.tokenizer.encode(START)
    read = {number: tokenizer.encode(stretches[number]) for number in {each.stretch for each in places}}
    starts = {number: token_starts(ids, tokenizer.table) for number, ids in read.items()}
    bits, sizes = np.zeros((len(LENGTHS), len(places))), np.zeros(len(places))
    wanted: list[_Passage] = []
    for row, place in enumerate(places):
        ids, begins = read[place.stretch], starts[place.stretch]
        inside = np.flatnonzero((begins >= place.begin) & (begins < place.end))
        sizes[row] = tokenizer.table.num_chars[ids[inside]].sum()
        for column, num_chars in enumerate(LENGTHS):
            parts = [inside] if num_chars >= SHARED else [inside[[index]] for index in range(len(inside))]
            for tokens in parts if len(inside) else ():
                known = _known(ids, begins, int(tokens[0]), num_chars, start)
                wanted.append(_Passage(np.concatenate([known, ids[tokens]]), len(tokens), column, row))
    for passage, cost in paced(_costs(trained, wanted, device), lambda each: len(each[0].ids)):
        bits[passage.column, passage.row] += cost
    return summary(bits, sizes)


def summary(bits: NDArray[np.float64], sizes: NDArray[np.float64]) -> Contexts:
    """Return the score for each length, of the bits [lengths, words] of words of these sizes."""
    total = sizes.sum()
    rates = bits.sum(1) / total

    def error(values: NDArray[np.float64]) -> float:
        """Return the standard error of a ratio of sums over words."""
        rest = values - values.sum() / total * sizes
        return float(np.sqrt((rest**2).sum() * len(sizes) / max(1, len(sizes) - 1)) / total)

    worse = [float(rates[index] - rates[-1]) - Z * error(row - bits[-1]) for index, row in enumerate(bits)]
    enough = next(index for index in range(len(LENGTHS)) if max(worse[index:]) <= 0)
    return Contexts(
        num_chars=LENGTHS,
        bits_per_char=tuple(round(float(rate), 4) for rate in rates),
        intervals=tuple(
            (round(rate - Z * error(row), 4), round(rate + Z * error(row), 4))
            for rate, row in zip(rates.tolist(), bits, strict=True)
        ),
        enough=LENGTHS[enough],
    )


class _Passage(NamedTuple):
    """What is known before tokens of a word, and these."""

    ids: TokenIds
    num_predicted: int
    """The last ones, which are predicted."""
    column: int
    """The number of the length of what is known."""
    row: int
    """The number of the word."""


def _known(ids: TokenIds, begins: NDArray[np.int64], token: int, num_chars: int, start: TokenIds) -> TokenIds:
    first = begins[token] - num_chars
    if first <= 0:
        return np.concatenate([start, ids[:token]])
    known = ids[np.searchsorted(begins[:token], first) : token]
    return known if len(known) else start


def _costs(
    trained: Trained, wanted: Sequence[_Passage], device: torch.device
) -> Iterator[tuple[_Passage, float]]:
    """Yield the bits of what is predicted of each passage; those of similar length are read side by side."""
    model = trained.model
    ordered = sorted(wanted, key=lambda each: len(each.ids))
    at = 0
    while at < len(ordered):
        longest = len(ordered[min(at + MAX_ROWS, len(ordered)) - 1].ids)
        batch = ordered[at : at + max(1, min(MAX_ROWS, MAX_LOGITS // (longest * model.vocab_size)))]
        rows = np.zeros((len(batch), max(len(each.ids) for each in batch)), np.int64)
        for row, each in zip(rows, batch, strict=True):
            row[: len(each.ids)] = each.ids
        read = torch.from_numpy(rows).to(device)
        with torch.inference_mode():
            logits, _ = model.forward(read[:, :-1], model.initial_state(len(batch)))
            bits = bits_of(logits, read[:, 1:]).numpy()
        for row, each in zip(bits, batch, strict=True):
            end = len(each.ids) - 1
            yield each, float(row[end - each.num_predicted : end].sum())
        at += len(batch)
