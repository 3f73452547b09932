"""The result of looking at entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from textgen.training.progress import Moment
from textgen_look.cells import Cells
from textgen_look.contexts import Contexts
from textgen_look.mistakes import Mistakes
from textgen_look.words import WordBits, WordCost


@dataclass(frozen=True, kw_only=True)
class WordsThen:
    """The bits of words at a moment of training whose weights are kept."""

    share: float
    """Of the budget."""
    words: WordBits


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """One entry."""

    name: str
    folder: str
    seed: int
    bits_per_char: float | None
    """Its score."""
    moments: tuple[Moment, ...]
    """What it wrote while it was trained."""
    made_up: tuple[float | None, ...]
    """Share of made-up words in each of these texts; None if it has too few words."""
    cells: Cells | None
    """None if no model of it says what its units hold."""
    contexts: Contexts
    words: WordBits
    learnt: tuple[WordsThen, ...] = ()
    known: dict[str, tuple[WordCost, ...]] = field(default_factory=dict)
    """By other entry: the words that it knows better; the bits are its own, then those of the other."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What entries learnt, when, and what they remember."""

    corpus: str
    part: str
    """The part of the text that words and mistakes are of; units are looked at on validation."""
    num_chars: int
    """The characters of it."""
    entries: tuple[LookedAt, ...]
    ngram: Contexts
    """The n-gram of `ngram_order` characters, the last of which it predicts."""
    ngram_order: int
    mistakes: tuple[Mistakes, ...]
    by_word: bool
    """True if an entry has tokens of several characters, so that mistakes are those in whole words."""
    num_words: int
    """The words that contexts are measured by."""
