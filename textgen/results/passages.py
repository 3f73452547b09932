"""Predictions of held-out passages by a run, token by token, for people to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.words import is_word_start
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import Window, bits_of, log_softmax, predict_stretches, score_stretches
from textgen.experiment.saved_run import Trained
from textgen.runtime.storage.json_records import Count
from textgen.runtime.threads import paced

NUM_PASSAGES = 6
PASSAGE_CHARS = 300
CONTEXT_CHARS = 600
"""Characters of its stretch that precede a passage, so that models have read something before it."""
NUM_ALTERNATIVES = 5
MAX_BACKWARD = 40
MAX_FORWARD = 150
"""The most characters that are skipped for a passage to begin with a sentence."""
SENTENCE_END = re.compile("[.!?\u2026][\"'\u201d\u2019)\\]]*\\s+|[\u3002\uff01\uff1f]\\s*|\n+")
RECALLED_CHARS = 40
"""Characters of a recalled context, and of what followed it, that are shown."""
MARGIN_CHARS = 2000
"""Characters after the last passage of a stretch that are tokenized too, so that its tokens are the same."""


@dataclass(frozen=True)
class Passage:
    """A passage of held-out text."""

    stretch: Count
    """The stretch that it is in."""
    begin: Count
    """The character of the stretch that it begins with."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """The longest context that a model found again before a token, and what followed it there."""

    by: str
    """The name of the model."""
    num_chars: int
    """Characters of the context."""
    context: str
    """Its last characters."""
    following: str


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """What decided the predictions of the tokens of a text."""

    bits: tuple[tuple[float, ...], ...]
    """Bits of each token, by each of the models that the entry is made of."""
    recalled: tuple[tuple[Recalled, ...], ...]
    """Places that were found before each token."""

    def part(self, indices: NDArray[np.int64]) -> Reasons:
        """Return the reasons for some of the tokens."""
        bits, recalled = (tuple(each[index] for index in indices) for each in (self.bits, self.recalled))
        return Reasons(bits=bits, recalled=recalled)


@dataclass(frozen=True, kw_only=True)
class PassageBits:
    """The tokens of a passage and the bits that each of them costs.

    A token's bits are spread evenly over its characters; a token without characters, such as the second byte
    of a letter, belongs to the character before it. The first and the last may reach beyond it.
    """

    first_char: int
    """Begin of the first token, counted from that of the passage: zero or less."""
    num_chars: tuple[Count, ...]
    """Characters of each token."""
    bits: tuple[float, ...]
    """Bits of each token."""
    alternatives: tuple[tuple[Count, ...], ...]
    """The most likely tokens instead of each token, as indices of `PassageReading.tokens`."""
    per_mille: tuple[tuple[Count, ...], ...]
    """The probability of each alternative, in thousandths."""
    reasons: Reasons | None = None
    """What decided the predictions, if the entry is made of several models."""

    def bits_of_chars(self, num_chars: int) -> NDArray[np.float64]:
        """Return the bits of each character of the passage, [num_chars]."""
        bits, position = np.zeros(num_chars), self.first_char
        for size, cost in zip(self.num_chars, self.bits, strict=True):
            begin, end = (position, position + size) if size else (position - 1, position)
            bits[max(begin, 0) : max(end, 0)] += cost / (end - begin)
            position += size
        return bits


@dataclass(frozen=True, kw_only=True)
class PassageReading:
    """Predictions of the passages by one run."""

    tokens: tuple[str, ...]
    """The strings of the alternatives."""
    models: tuple[str, ...] = ()
    """The models that the entry is made of; none if it is one alone."""
    passages: tuple[PassageBits, ...]


def choose_passages(stretches: Sequence[str]) -> list[Passage]:
    """Return up to `NUM_PASSAGES` passages of whole words, from as many stretches of the held-out text.

    Each begins with a sentence if one begins nearby. Of fewer stretches, several passages are from the
    beginning of each, since all before them is read too.
    """
    owners = [index * len(stretches) // NUM_PASSAGES for index in range(NUM_PASSAGES)]
    chosen: dict[tuple[int, int], Passage] = {}
    for index, owner in enumerate(owners):
        text = stretches[owner]
        wanted = CONTEXT_CHARS * (1 + index - owners.index(owner))
        begin = _sentence_start(text, min(wanted, max(0, len(text) - PASSAGE_CHARS)))
        end = _word_start(text, min(begin + PASSAGE_CHARS, len(text)))
        if end > begin:
            chosen.setdefault((owner, begin), Passage(owner, begin, text[begin:end]))
    return list(chosen.values())


def read_passages(
    trained: Trained, stretches: Sequence[str], passages: Sequence[Passage], device: torch.device
) -> PassageReading:
    """Return the bits of the passages as in the score: every stretch is read from its beginning, in fp32."""
    owners = sorted({passage.stretch for passage in passages})
    tokenizer = trained.tokenizer
    tokens = {}
    for owner in owners:
        end = max(each.begin + len(each.text) for each in passages if each.stretch == owner)
        ids = tokenizer.encode(stretches[owner][: end + MARGIN_CHARS])
        tokens[owner] = ids[token_starts(ids, tokenizer.table) < end]
    read = dict(zip(owners, _predict(trained, list(tokens.values()), device), strict=True))
    why = dict(zip(owners, _find_reasons(trained, list(tokens.values()), device), strict=False))
    used: dict[int, int] = {}
    found = []
    for passage in passages:
        ids, predicted = tokens[passage.stretch], read[passage.stretch]
        begins = token_starts(ids, tokenizer.table)
        sizes = tokenizer.table.num_chars[ids]
        first, last = passage.begin, passage.begin + len(passage.text)
        inside = np.flatnonzero((begins < last) & (begins + np.maximum(sizes, 1) > first))
        found.append(
            PassageBits(
                first_char=int(begins[inside[0]]) - first,
                num_chars=tuple(sizes[inside].tolist()),
                bits=tuple(round(float(bits), 3) for bits in predicted.bits[inside]),
                alternatives=tuple(
                    tuple(used.setdefault(token, len(used)) for token in row)
                    for row in predicted.likeliest[inside].tolist()
                ),
                per_mille=tuple(
                    tuple(round(1000 * value) for value in row) for row in predicted.chances[inside].tolist()
                ),
                reasons=why[passage.stretch].part(inside) if why else None,
            )
        )
    strings = tuple(tokenizer.tokens[token] for token in used)
    return PassageReading(
        tokens=strings, models=tuple(each.label for each in trained.model.parts), passages=tuple(found)
    )


class _Predictions(NamedTuple):
    """Predictions of the tokens of one stretch."""

    bits: NDArray[np.float64]
    """[num_tokens]"""
    likeliest: NDArray[np.int64]
    """[num_tokens, NUM_ALTERNATIVES]"""
    chances: NDArray[np.float64]
    """The probabilities of `likeliest`."""


def _predict(trained: Trained, stretches: Sequence[TokenIds], device: torch.device) -> list[_Predictions]:
    number = min(NUM_ALTERNATIVES, trained.tokenizer.vocab_size)
    made = [
        _Predictions(np.zeros(len(ids)), np.zeros((len(ids), number), int), np.zeros((len(ids), number)))
        for ids in stretches
    ]
    bits, likeliest, chances = zip(*made, strict=True)
    start = trained.tokenizer.encode(START)
    with torch.inference_mode():
        for window in paced(predict_stretches(trained.model, stretches, start, device), Window.num_tokens):
            top = log_softmax(window.logits).topk(number)
            window.store(bits_of(window.logits, window.targets), bits)
            window.store(top.indices, likeliest)
            window.store(top.values.exp(), chances)
    return made


def _find_reasons(trained: Trained, stretches: Sequence[TokenIds], device: torch.device) -> Iterator[Reasons]:
    """Yield, for each stretch of tokens, what decided their predictions; nothing for a model alone."""
    model, start = trained.model, trained.tokenizer.encode(START)
    if not model.parts:
        return
    texts = [trained.tokenizer.decode(ids) for ids in stretches]
    scored = [score_stretches(each, texts, stretches, start, device=device) for each in model.parts]
    for index, ids in enumerate(stretches):
        read = np.concatenate((start, ids))[:-1]
        found: list[list[Recalled]] = [[] for _ in ids]
        for each in (*model.parts, model):
            places = each.longest_places(read)[len(start) - 1 :]
            for recalled, (context, following) in zip(found, places, strict=False):
                if len(context):
                    recalled.append(_recalled(trained.tokenizer, each.label, context, following))
        by_token = zip(*(each[index].bits.round(3).tolist() for each in scored), strict=True)
        yield Reasons(bits=tuple(by_token), recalled=tuple(map(tuple, found)))


def _recalled(tokenizer: BoundTokenizer, by: str, context: TokenIds, following: TokenIds) -> Recalled:
    text = tokenizer.decode(context)
    return Recalled(
        by=by,
        num_chars=len(text),
        context=text[-RECALLED_CHARS:],
        following=tokenizer.decode(following)[:RECALLED_CHARS],
    )


def _sentence_start(text: str, position: int) -> int:
    """Return the beginning of a sentence at `position` or soon after it, otherwise that of a word."""
    last = min(position + MAX_FORWARD, len(text) - MAX_FORWARD)
    found = SENTENCE_END.search(text, max(position - 1, 0), last) if position else None
    return found.end() if found else _word_start(text, position)


def _word_start(text: str, position: int) -> int:
    """Return the beginning of the word that `position` is in, or `position` if it is long."""
    if position in (0, len(text)):
        return position
    nearby = range(position, max(position - MAX_BACKWARD, 0), -1)
    return next((place for place in nearby if is_word_start(text, place)), position)
