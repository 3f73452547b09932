"""Bits per character of a text, all of it counted, and where the bits go."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import astuple, dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.decoding import utf8
from textgen.data.text import Text, blocks, part
from textgen.data.vocabulary import TokenTable
from textgen.data.words import count_between_spaces, spans
from textgen.evaluation.intervals import Interval, SeedPrior, estimate, measured_ratio
from textgen.evaluation.token_bits import LOG2, TokenScores
from textgen.runtime.storage.json_records import Count, Share

MAX_SEEN_CHARS = 100_000_000
"""Words within this many characters of the beginning of a training text count as seen."""
WORD, SPACE = re.compile(r"\w+"), re.compile(r"\s+")
IN_VOCABULARY_WORD, OOV_WORD, PUNCTUATION, WHITE_SPACE = CATEGORIES = range(4)
"""Kinds of text that a token is part of, in the order of `BitsByCategory`."""
MAX_WORD_BITS = 300.0
"""The most bits per word of which the perplexity is given."""


def token_starts(ids: TokenIds, table: TokenTable) -> NDArray[np.int64]:
    """Return the index of the character that each token begins in (or, for the tail of one, continues)."""
    num_chars = table.num_chars[ids]
    return np.maximum(np.cumsum(num_chars) - np.maximum(num_chars, 1), 0)


def bits_of_segments(
    scored: TokenScores, table: TokenTable, segment_chars: int, begin: int = 0
) -> NDArray[np.float64]:
    """Return the bits of each segment of `segment_chars` characters (the last one may be shorter).

    `begin` is the number of characters of the first segment that precede the text.
    """
    num_segments = -(-(begin + len(scored.text)) // segment_chars)
    segments = (begin + token_starts(scored.ids, table)) // segment_chars
    return np.bincount(segments, scored.bits, num_segments).astype(np.float64)


@dataclass(frozen=True)
class BitsByCategory:
    """Bits per character of the whole text spent on each kind of token; they sum to the score."""

    in_vocabulary_words: float
    oov_words: float
    punctuation: float
    white_space: float


@dataclass(frozen=True)
class ScoredUnits:
    """The pieces of a scored text: its stretches, or the segments of a text that has few."""

    num_chars: tuple[int, ...]
    bits: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.num_chars) != len(self.bits) or not self.bits or min(self.num_chars) < 1:
            raise ValueError("units must have as many characters, at least one, as bits")


@dataclass(frozen=True, kw_only=True)
class Score:
    """The score of a text in the usual units, and its parts.

    A word is `\\w+`, cut as in `textgen.data.words` where a script has no spaces; it is out of vocabulary
    (OOV) if any of its tokens is a fallback token.
    """

    bits_per_char: float
    bits_by_category: BitsByCategory
    bits_per_char_without_oov: float
    """The flattering value in which OOV words cost nothing."""
    oov_rate: Share
    """Share of words that are OOV."""
    bits_per_byte: float
    nats_per_char: float
    perplexity_per_word: Annotated[float, Gt(0)]
    """Per word between white space; where a script has no spaces, per word."""
    num_bytes: Count
    """Bytes of the text in UTF-8."""
    num_words: Count
    """Words by `\\w+`, of which `num_oov` are out of vocabulary."""
    num_oov: Count
    num_between_spaces: Count
    """Words between white space; where a script has no spaces, words."""
    interval: Interval | None = None
    """95 % interval of the bits per character on other passages of the text and with other training seeds
    (see `textgen.evaluation.intervals`)."""
    units: ScoredUnits | None = None
    """The pieces that the interval is computed from."""
    seed_prior: SeedPrior | None = None
    """What the interval takes to be known about the variance between seeds; None if the score does not depend
    on one, and in results whose intervals account for passages alone."""
    bits_by_seen_words: BitsByCategory | None = None
    """The same as `bits_by_category`, but known words are those of the training text, whatever the vocabulary
    of the entry, so that entries can be compared. None if there was no training text, or in older results."""

    @property
    def by_kind(self) -> BitsByCategory:
        """The bits of each kind of text by the words of the training text, otherwise by the vocabulary."""
        return self.bits_by_seen_words or self.bits_by_category

    @property
    def named_bits(self) -> dict[str, float]:
        """The same by the names that people read: words new to the training text are not all OOV words."""
        names = ("known words", "new words", "punctuation", "white space")
        if not self.bits_by_seen_words:
            names = ("known words", "OOV words", *names[2:])
        return dict(zip(names, astuple(self.by_kind), strict=True))


@dataclass(frozen=True)
class ScoreTotals:
    """The sums that a score is computed from; the totals of two texts add up to those of both."""

    num_chars: int
    num_bytes: int
    num_words: int
    """Words by `\\w+`, of which `num_oov` have a fallback token."""
    num_oov: int
    num_between_spaces: int
    """Words between white space, by `count_between_spaces`."""
    total_bits: float
    bits_by_category: NDArray[np.float64]
    """[len(CATEGORIES)], the sum over all tokens."""
    bits_by_seen_words: NDArray[np.float64]
    """The same by the words of the training text; NaN without one."""

    def __add__(self, other: ScoreTotals) -> ScoreTotals:
        return ScoreTotals(
            *(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True))
        )

    def score(self, units: ScoredUnits | None = None, seed_prior: SeedPrior | None = None) -> Score:
        """Return the score of the text, with its interval by the bits of its units."""
        bits_by_category = BitsByCategory(*(self.bits_by_category / self.num_chars).tolist())
        by_seen = BitsByCategory(*(self.bits_by_seen_words / self.num_chars).tolist())
        bits_per_char = self.total_bits / self.num_chars
        return Score(
            bits_per_char=bits_per_char,
            bits_by_category=bits_by_category,
            bits_per_char_without_oov=bits_per_char - bits_by_category.oov_words,
            oov_rate=self.num_oov / self.num_words if self.num_words else 0.0,
            bits_per_byte=self.total_bits / self.num_bytes,
            nats_per_char=bits_per_char * LOG2,
            perplexity_per_word=2 ** min(self.total_bits / max(1, self.num_between_spaces), MAX_WORD_BITS),
            num_bytes=self.num_bytes,
            num_words=self.num_words,
            num_oov=self.num_oov,
            num_between_spaces=self.num_between_spaces,
            interval=interval(units, seed_prior) if units else None,
            units=units,
            seed_prior=seed_prior,
            bits_by_seen_words=None if np.isnan(self.bits_by_seen_words).any() else by_seen,
        )


def interval(units: ScoredUnits, seed_prior: SeedPrior | None) -> tuple[float, float] | None:
    """Return the 95 % interval of the score of one run, which has one seed if there is a prior."""
    sizes, bits = (np.array([values], float) for values in (units.num_chars, units.bits))
    return estimate(measured_ratio(bits, sizes, "", (0,), seed_prior)).interval


def seen_words(text: Text) -> frozenset[str]:
    """Return the words at the beginning of a training text, which is usually all of it, in lower case."""
    known = part(text, 0, min(len(text), MAX_SEEN_CHARS))
    return frozenset(
        block[begin:end] for block in map(str.lower, blocks(known)) for begin, end in spans(WORD, block)
    )


def score_totals(
    scored: TokenScores,
    table: TokenTable,
    is_fallback: NDArray[np.bool_],
    seen: Collection[str] | None = None,
) -> ScoreTotals:
    """Return the sums that the score is computed from; `seen` are the words of the training text."""
    category, by_seen, num_words, num_oov = _categories(scored, table, is_fallback, seen or ())
    sums = [
        np.bincount(each, weights=scored.bits, minlength=len(CATEGORIES)).astype(np.float64)
        for each in (category, by_seen)
    ]
    return ScoreTotals(
        len(scored.text),
        len(utf8(scored.text)),
        num_words,
        num_oov,
        count_between_spaces(scored.text),
        float(scored.bits.sum()),
        sums[0],
        sums[1] if seen is not None else np.full(len(CATEGORIES), np.nan),
    )


def _categories(
    scored: TokenScores, table: TokenTable, is_fallback: NDArray[np.bool_], seen: Collection[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
    """Return the category of each token, the same by `seen` words, the numbers of words and of OOV words."""
    num_chars = len(scored.text)
    word_of_char = np.full(num_chars + 1, -1)
    is_space_char = np.zeros(num_chars + 1, bool)
    places = [*spans(WORD, scored.text)]
    num_words = len(places)
    for index, (begin, end) in enumerate(places):
        word_of_char[begin:end] = index
    for match in SPACE.finditer(scored.text):
        is_space_char[match.start() : match.end()] = True
    starts = token_starts(scored.ids, table)
    ends = np.maximum(starts + 1, starts + table.num_chars[scored.ids])
    word_chars = np.flatnonzero(word_of_char >= 0)
    first = np.searchsorted(word_chars, starts)  # the first word character at or after each token's start
    position = np.append(word_chars, num_chars)[first]
    word = np.where(position < ends, word_of_char[position], -1)
    is_oov_token = is_fallback[scored.ids]
    is_oov_word = np.zeros(num_words + 1, bool)
    is_oov_word[word[is_oov_token & (word >= 0)]] = True
    # The space before an OOV word or sign is part of its spelling.
    leads = is_oov_token & np.array([piece == b" " for piece in table.pieces])[scored.ids]
    word = np.where(leads & is_oov_word[word_of_char[ends]], word_of_char[ends], word)
    ends = np.where(leads, np.minimum(ends + 1, num_chars), ends)
    all_space = np.append(0, np.cumsum(is_space_char))[[ends, starts]]
    is_space = all_space[0] - all_space[1] == ends - starts
    is_word = word >= 0
    is_unseen_word = np.array([*(scored.text[begin:end].lower() not in seen for begin, end in places), False])
    own, by_seen = (
        np.select(
            [is_word & is_other[word], is_word, is_space],
            [OOV_WORD, IN_VOCABULARY_WORD, WHITE_SPACE],
            PUNCTUATION,
        )
        for is_other in (is_oov_word, is_unseen_word)
    )
    return own, by_seen, num_words, int(is_oov_word[:num_words].sum())
