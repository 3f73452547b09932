"""What a text analyzer knows of a text: which words are real, what is copied from it, metrics of samples.

Everything is taken from the decoded text, whatever the tokenizer was. A sample may end within a word, so a
word that touches the end of its sample is not counted. Words keep their case, except when they are looked up
in a lexicon: real words are those of all installed lexicons of the language, and those of the training text.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from random import Random
from statistics import fmean
from typing import Any

import numpy as np

from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.text import Text, blocks, part
from textgen.data.words import WORD, spans, whole_words, words
from textgen.defaults import LANGUAGE
from textgen.evaluation.memorization import KnownFourGrams, longest_verbatim_span, verbatim_spans
from textgen.evaluation.metrics import LETTERS, METRICS, MeasuredText, Written
from textgen.registry.registry import PluginError, describe_error, find, load, names

CLITIC = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")
"""A clitic that may follow a real word, as in `Anne's` and `hadn't`."""

ELISION = re.compile(r"^(?:[cdjlmnst]|\w*qu|\w*ll|un)'(?=.)")
"""A word that an apostrophe joins to a real word, as in `l'homme` and `dell'arte`."""
ELIDING = {"ca", "fr", "it", "oc"}
"""The languages with elisions."""

MIN_VERBATIM = 30
"""Characters of a span that counts as copied: about six words."""

MAX_CHANCE = 0.25
"""Share of random strings of letters that may be words, for words of their length to count as real or not."""
NUM_DRAWN, MAX_LETTERS, LETTERS_SHARE = 1000, 12, 0.99
"""Random strings of each length, the longest length, and the share of letters that they are drawn from."""

MAX_INDEXED_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that tell novel from copied text."""


class TextAnalyzer:
    """Computes metrics of samples against one training text and one lexicon of lower-case words.

    Of a larger text the first `MAX_INDEXED_CHARS` characters are known. `language` is that of the text, a
    BCP 47 tag.
    """

    def __init__(self, train_text: Text, lexicon: Container[str], language: str = LANGUAGE) -> None:
        self._has_elisions = any(tag.partition("-")[0] in ELIDING for tag in language.split("+"))
        self._train_text = part(train_text, 0, min(len(train_text), MAX_INDEXED_CHARS))
        self._lexicon = lexicon
        # One pass, one small integer per running word: the words themselves are kept once.
        self._id_of_word: dict[str, int] = {}
        identify = self._id_of_word.setdefault
        ids = (
            identify(block[begin:end], len(self._id_of_word))
            for block in blocks(self._train_text)
            for begin, end in spans(WORD, block)
        )
        self._four_grams = KnownFourGrams(np.fromiter(ids, np.int64))
        self._train_words = frozenset(chain.from_iterable(map(self._forms, self._id_of_word)))
        self.min_letters = self._telling_length()

    def measure(self, samples: Sequence[str]) -> MeasuredText:
        """Return the metrics of `samples`, and what each of them contributes."""
        texts = [words(sample) for sample in samples]
        written = Written(
            texts=texts,
            real=[[self.is_real(word) for word in text if len(word) >= self.min_letters] for text in texts],
            known=[self._four_grams.contains(self._ids(text)).tolist() for text in texts],
            longest_copy=len(longest_verbatim_span(samples, self._train_text)),
        )
        values = {name: metric.measure(written) for name, metric in METRICS.items()}
        return MeasuredText.of({**values, LETTERS: self.min_letters})

    def made_up_words(self, samples: Sequence[str]) -> list[str]:
        """Return the words of `samples` that are not real, in lower case, the most frequent first."""
        tokens = chain.from_iterable(map(words, samples))
        counts = Counter(token.lower() for token in tokens if not self.is_real(token))
        return [word for word, _ in counts.most_common()]

    def made_up_share(self, sample: str) -> float | None:
        """Return the share of made-up words among those of `min_letters` or more; None without such words."""
        found = [self.is_real(word) for word in words(sample) if len(word) >= self.min_letters]
        return 1 - fmean(found) if found else None

    def made_up_spans(self, sample: str) -> list[tuple[int, int]]:
        """Return the first character, and the one after the last, of each word that is not real."""
        return [(begin, end) for begin, end in whole_words(sample) if not self.is_real(sample[begin:end])]

    def verbatim_spans(self, samples: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Return the spans of each sample of `MIN_VERBATIM` characters or more that the training text has."""
        return verbatim_spans(samples, self._train_text, MIN_VERBATIM)

    def is_real(self, word: str) -> bool:
        """Return whether the lexicon or the training text has `word`, in lower case or without a clitic.

        In languages with elisions, the word without it may be there instead.
        """
        forms = self._forms(word)
        return any(
            known and (known in self._lexicon or known in self._train_words)
            for known in (*forms, CLITIC.sub("", forms[0]))
        )

    def _telling_length(self) -> int:
        """Return the least length at which random strings of frequent letters are hardly ever words."""
        counts = Counter(letter for word in self._id_of_word for letter in word.lower() if letter.isalpha())
        kept, left = list[str](), LETTERS_SHARE * counts.total()
        for letter, count in counts.most_common():
            if left > 0:
                kept.append(letter)
            left -= count
        generator = Random(0)
        for length in range(1, MAX_LETTERS if kept else 1):
            drawn = ("".join(generator.choices(kept, k=length)) for _ in range(NUM_DRAWN))
            if sum(map(self.is_real, drawn)) <= MAX_CHANCE * NUM_DRAWN:
                return length
        return MAX_LETTERS if kept else 1

    def _forms(self, word: str) -> tuple[str, ...]:
        """Return a word in lower case, and without an elision if it may have one."""
        form = word.lower().replace("\u2019", "'")
        return (form, ELISION.sub("", form)) if self._has_elisions else (form,)

    def _ids(self, text: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.fromiter((self._id_of_word.get(word, -1) for word in text), np.int64, len(text))


class WordSet(Container[str]):
    """A set of words, sent to other processes as one string, since 400,000 take a third of a second."""

    def __init__(self, lines: str) -> None:
        self._lines = lines

    def __reduce__(self) -> tuple[Any, ...]:
        return WordSet, (self._lines,)

    def __contains__(self, word: object) -> bool:
        return word in self._words

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self._lines.split("\n"))


@dataclass(frozen=True, repr=False)
class Lexicon:
    """Real words, which are looked up here besides the training text."""

    words: tuple[Container[str], ...] = ()
    """Words in lower case, with straight apostrophes."""
    sources: tuple[str, ...] = ()
    """The names of the lexicons, each with its languages, such as `simplemma (de)`."""

    def __contains__(self, word: object) -> bool:
        return any(word in words for words in self.words)


def load_lexicon(language: str = LANGUAGE) -> Lexicon:
    """Return the installed lexicons of a language, or of several with plus signs between.

    One whose data is not installed adds nothing. A broken one adds nothing either, with a `TextgenWarning`.
    """
    words: list[Container[str]] = []
    sources: list[str] = []
    for name in names("lexicon"):
        by_language: dict[str, Container[str]] = {}
        for each in language.split("+"):
            try:
                known = _words_of(name, each)
            except PluginError as error:  # one that is broken must not take a comparison down
                _warn(str(error))
            except TextgenError:  # real words are then looked up without it
                continue
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _warn(describe_error(error))
            else:
                by_language |= {} if known is None else {each: known}
        words += by_language.values()
        sources += [f"{name} ({', '.join(by_language)})"] if by_language else []
    return Lexicon(tuple(words), tuple(sources))


def _warn(problem: str) -> None:
    warnings.warn(f"{problem}; words are looked up without it", TextgenWarning, stacklevel=3)


def _words_of(name: str, language: str) -> Container[str] | None:
    """Return the words of a lexicon, or None for a language that it lacks."""
    function: Callable[..., Any] = load("lexicon", name)
    if inspect.signature(function).parameters:
        known = function(language)
    elif language.partition("-")[0].lower() == LANGUAGE:
        known = function()
    else:
        return None
    if isinstance(known, str | bytes) or not isinstance(known, Container):
        raise PluginError(f"{find('lexicon', name)} returned {type(known).__name__}, not a set of words")
    return WordSet("\n".join(known)) if isinstance(known, Iterable) else known
