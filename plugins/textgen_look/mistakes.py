"""Where an entry is wrong: the bits above those of an oracle, by kind of character.

The kinds, and their order, follow Karpathy, Johnson and Li (2015, arXiv:1506.02078, section 4.4): each takes
what those before it have left. There, an error is a character of a probability below a half; so the oracle
gives every character at least that, and what counts is the bits above one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textgen.data.words import WORD, spans
from textgen_look.reading import spaced_words

RECENT_CHARS = 1000
"""A word is repeated if it was among as many characters before."""
RARE = 5
"""A word is rare if the training text has it as often at most."""
CONTEXT_CHARS = 40
"""Characters that are shown before and after a mistake."""
ORACLE_BITS = 1.0

KINDS = {
    "n-gram": "an n-gram of characters gives it at least a half",
    "recent word": f"in a word that the last {RECENT_CHARS:,} characters have too",
    "rare word": f"in a word that the training text has {RARE} times or less",
    "beginning of a word": "the first letter of another word, and the space before it",
    "punctuation": "punctuation, digits and line breaks",
    "rest": "in other words",
}
"""What each kind is."""


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """The bits above those of the oracle, of characters of one kind."""

    kind: str
    share_of_chars: float
    bits_per_char: tuple[float, ...]
    """Of all characters of the text, by entry: their sum over the kinds is what is above the oracle's."""
    before: str
    """The text before the worst character, or word, in any entry,"""
    worst: str
    after: str
    worst_bits: tuple[float, ...]
    """The bits of it, by entry."""


def count_words(text: str) -> Counter[str]:
    """Return how often a text has each word, in lower case."""
    return Counter(text[begin:end].lower() for begin, end in spans(WORD, text))


def find_mistakes(
    stretches: Sequence[str],
    bits: Sequence[Sequence[NDArray[np.float64]]],
    of_ngram: Sequence[NDArray[np.float64]],
    counts: Mapping[str, int],
    *,
    by_word: bool,
) -> tuple[Mistakes, ...]:
    """Return the mistakes of entries, whose bits of each character of each stretch are given.

    With `by_word` the bits of a word, and of the space before it, are spread evenly over both: what an entry
    of words can be asked is then asked of all. A word has no beginning then.
    """
    if by_word:
        bits = [list(map(_spread, stretches, each)) for each in bits]
        of_ngram = list(map(_spread, stretches, of_ngram))
    kinds = np.concatenate(
        [_kinds(text, costs, counts, by_word) for text, costs in zip(stretches, of_ngram, strict=True)]
    )
    costs = np.stack([np.concatenate(list(each)) for each in bits])
    above = np.maximum(0.0, costs - ORACLE_BITS)
    text = "".join(stretches)
    words = {place: span for span in (spaced_words(text) if by_word else ()) for place in range(*span)}
    found = []
    for number, kind in enumerate(KINDS):
        are = kinds == number
        if not are.any():
            continue
        place = int(np.where(are, above.max(0), -1.0).argmax())
        begin, end = words.get(place, (place, place + 1))
        found.append(
            Mistakes(
                kind=kind,
                share_of_chars=float(are.mean()),
                bits_per_char=tuple(round(float(value), 4) for value in above[:, are].sum(1) / len(text)),
                before=text[max(0, begin - CONTEXT_CHARS) : begin],
                worst=text[begin:end],
                after=text[end : end + CONTEXT_CHARS],
                worst_bits=tuple(round(float(value), 2) for value in costs[:, begin:end].sum(1)),
            )
        )
    return tuple(found)


def _kinds(
    text: str, of_ngram: NDArray[np.float64], counts: Mapping[str, int], by_word: bool
) -> NDArray[np.int64]:
    """Return the number of the kind of each character of a stretch."""
    names = list(KINDS)
    kinds = np.full(len(text), names.index("punctuation"))
    last: dict[str, int] = {}
    for begin, end in spaced_words(text):
        word = text[begin:end].strip().lower()
        is_repeated = begin - last.get(word, -2 * RECENT_CHARS) <= RECENT_CHARS
        last[word] = begin
        inside = "recent word" if is_repeated else "rare word" if counts.get(word, 0) <= RARE else "rest"
        kinds[begin:end] = names.index(inside)
        if inside == "rest" and not by_word:
            kinds[begin : end - len(word) + 1] = names.index("beginning of a word")
    kinds[of_ngram <= ORACLE_BITS] = names.index("n-gram")
    return kinds


def _spread(text: str, bits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits with those of each word and the space before it spread evenly over both."""
    spread = bits.copy()
    for begin, end in spaced_words(text):
        spread[begin:end] = bits[begin:end].mean()
    return spread
