"""Metrics of generated text, all taken from the decoded text by one analyzer, whatever the tokenizer was.

Compare them only between samples of one fixed length: distinct-n and repetition depend on length. For the
same reason a sample ends within a word, so a word that touches the end of its sample is not counted.
Words keep their case, except when they are looked up in a lexicon: real words are those of all installed
lexicons of the language, and those of the training text.

Self-BLEU (Zhu et al. 2018, arXiv:1802.01886) says how much samples resemble each other. BLEU-4 is that of
Papineni et al. (2002), smoothed by method 1 of Chen and Cherry (2014). It is written here because importing
NLTK, whose values it equals, takes longer than the process of a small entry does.

Intervals of metrics come from jackknife pseudo-values: what each sample contributes (see `intervals`).
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from random import Random
from typing import Any, TypeAlias

import numpy as np

from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.decoding import utf8
from textgen.data.text import Text, blocks, part
from textgen.data.words import WORD, spans, whole_words, words
from textgen.defaults import LANGUAGE
from textgen.evaluation.intervals import jackknife
from textgen.evaluation.memorization import KnownFourGrams, longest_verbatim_span, verbatim_spans
from textgen.registry.registry import PluginError, describe_error, find, load, names
from textgen.runtime.storage.json_records import Amount, check_lengths, check_names

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


@dataclass(frozen=True, kw_only=True)
class TextMetrics:
    """Metrics of samples; None stands for a share of nothing."""

    real_word_rate: float | None
    """Share of words that are in the lexicon or the training text, in lower case, perhaps without a clitic or
    an elision; of those with at least `real_word_letters`."""
    distinct_1: float | None
    """Different words / words."""
    distinct_2: float | None
    """Different bigrams / bigrams, none of which spans two samples.

    Li et al. 2016 (arXiv:1510.03055) divide by the number of words, which gives about 1 % less."""
    repetition_4: float | None
    """Share of word 4-grams that occurred earlier in their sample."""
    self_bleu: float | None
    """Mean BLEU-4 of each sample against others (Zhu et al. 2018, arXiv:1802.01886), itself excluded.

    High means alike. Smoothed by method 1 of Chen and Cherry 2014, as in Texygen; sacrebleu's default
    smoothing gives up to 1.7 times as much, so compare it only with values of textgen."""
    novel_4gram_rate: float | None
    """Share of word 4-grams that do not occur in the training text."""
    longest_verbatim_span: int | Amount
    """Characters of the longest span of any sample that is in the training text."""
    compression_ratio: float | None
    """UTF-8 bytes before / after zlib, all samples joined. High means repetitive."""
    num_words: int | Amount
    mean_word_length: float | None
    """In characters."""
    real_word_letters: int | float | None = None
    """Least letters of the words that count in `real_word_rate`: shorter strings are often words by chance.
    None in older results, where all words counted."""


@dataclass(frozen=True)
class MeasuredText:
    """The metrics of samples, and what each sample contributes to them."""

    metrics: TextMetrics
    pseudovalues: dict[str, tuple[float, ...]]
    """Jackknife pseudo-values of each metric that has intervals, [number of samples].

    A metric is missing if it has no value, or none without one of the samples."""

    def check(self) -> None:
        """Raise `ValueError` if the metrics and their pseudo-values contradict each other."""
        check_pseudovalues(self.pseudovalues, self.metrics)


def check_pseudovalues(pseudovalues: Mapping[str, Sequence[float]], metrics: TextMetrics | None) -> None:
    """Raise `ValueError` unless pseudo-values, as many of each metric, are those of metrics with a value."""
    known = [name for name, value in vars(metrics).items() if value is not None] if metrics else []
    check_names("pseudovalues", pseudovalues, known)
    check_lengths("pseudovalues", *pseudovalues.values())
    if not all(pseudovalues.values()):
        raise ValueError("pseudovalues: none of a metric")


@dataclass(frozen=True)
class _Share:
    """A share of counts over all samples, and what both counts lose without each sample."""

    part: float
    whole: float
    lost_parts: Sequence[float]
    lost_wholes: Sequence[float]

    @classmethod
    def of_sums(cls, parts: Sequence[float], wholes: Sequence[float]) -> _Share:
        """Return the share of two sums over samples."""
        return cls(sum(parts), sum(wholes), parts, wholes)

    @property
    def value(self) -> float | None:
        """The share, or None for a share of nothing."""
        return share(self.part, self.whole)

    def pseudovalues(self) -> tuple[float, ...] | None:
        """Return the jackknife pseudo-values, or None if the share is undefined without some sample."""
        parts, wholes = self.part - np.array(self.lost_parts), self.whole - np.array(self.lost_wholes)
        if self.value is None or not wholes.all():
            return None
        return tuple(jackknife(self.value, parts / wholes).tolist())


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
        shares = self._shares(texts)
        joined = utf8("\n".join(samples))
        metrics = TextMetrics(
            **{name: each.value for name, each in shares.items()},
            longest_verbatim_span=len(longest_verbatim_span(samples, self._train_text)),
            compression_ratio=share(len(joined), len(zlib.compress(joined))) if any(samples) else None,
            num_words=sum(map(len, texts)),
            real_word_letters=self.min_letters,
        )
        pseudovalues = {name: each.pseudovalues() for name, each in shares.items()}
        return MeasuredText(metrics, {name: each for name, each in pseudovalues.items() if each})

    def _shares(self, texts: Sequence[Sequence[str]]) -> dict[str, _Share]:
        num_words = [len(text) for text in texts]
        telling = [[word for word in text if len(word) >= self.min_letters] for text in texts]
        four_grams = [ngrams(text, 4) for text in texts]
        num_four_grams = [len(grams) for grams in four_grams]
        known = [int(self._four_grams.contains(self._ids(text)).sum()) for text in texts]
        bleu = self_bleu(texts)
        return {
            "real_word_rate": _Share.of_sums(
                [sum(map(self.is_real, text)) for text in telling], list(map(len, telling))
            ),
            "distinct_1": distinct(texts, 1),
            "distinct_2": distinct(texts, 2),
            "repetition_4": _Share.of_sums(
                [len(grams) - len(set(grams)) for grams in four_grams], num_four_grams
            ),
            "self_bleu": _Share.of_sums(
                [score or 0.0 for score in bleu], [float(score is not None) for score in bleu]
            ),
            "novel_4gram_rate": _Share.of_sums(
                [number - num_known for number, num_known in zip(num_four_grams, known, strict=True)],
                num_four_grams,
            ),
            "mean_word_length": _Share.of_sums([sum(map(len, text)) for text in texts], num_words),
        }

    def made_up_words(self, samples: Sequence[str]) -> list[str]:
        """Return the words of `samples` that are not real, in lower case, the most frequent first."""
        tokens = chain.from_iterable(map(words, samples))
        counts = Counter(token.lower() for token in tokens if not self.is_real(token))
        return [word for word, _ in counts.most_common()]

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


def distinct(texts: Sequence[Sequence[str]], order: int) -> _Share:
    """Return the number of different n-grams over the number of n-grams, which never span two texts."""
    grams = [ngrams(text, order) for text in texts]
    different = [set(each) for each in grams]
    num_texts = Counter(chain.from_iterable(different))
    only_here = [sum(num_texts[gram] == 1 for gram in each) for each in different]
    num_grams = [len(each) for each in grams]
    return _Share(len(num_texts), sum(num_grams), only_here, num_grams)


def share(part: float, whole: float) -> float | None:
    """Return `part / whole`, or None for a share of nothing."""
    return part / whole if whole else None


Grams: TypeAlias = list[Counter[tuple[str, ...]]]
"""Counts of the n-grams of a text, for n from 1 to `ORDER`."""

ORDER = 4
MAX_REFERENCES = 32
"""Maximum number of others that a sample is compared with: those that follow it in a circle."""
SMOOTHED = 0.1
"""Count that replaces a count of no shared n-grams."""


def self_bleu(texts: Sequence[Sequence[str]]) -> list[float | None]:
    """Return the BLEU-4 of each text against the others; None for a text without words, or without others.

    Others without words are left out.
    """
    grams = [[Counter(ngrams(text, order)) for order in range(1, ORDER + 1)] for text in texts]
    numbers = range(len(texts))
    scores: list[float | None] = []
    for number, text in enumerate(texts):
        circle = chain(numbers[number + 1 :], numbers[:number])
        others = [other for other in circle if texts[other]][:MAX_REFERENCES]
        if not text or not others:
            scores.append(None)
            continue
        penalty = _brevity_penalty(len(text), [len(texts[other]) for other in others])
        scores.append(penalty * _precision(grams[number], [grams[other] for other in others]))
    return scores


def _precision(grams: Grams, references: Sequence[Grams]) -> float:
    """Return the geometric mean, over n, of the share of n-grams that some reference has as often."""
    logarithms = []
    for place, counts in enumerate(grams):
        shared = sum(
            min(count, max(reference[place][gram] for reference in references))
            for gram, count in counts.items()
        )
        if not shared and not place:
            return 0.0
        logarithms.append(math.log((shared or SMOOTHED) / max(1, counts.total())) / ORDER)
    return math.exp(math.fsum(logarithms))


def _brevity_penalty(length: int, lengths: Sequence[int]) -> float:
    """Return a factor below 1 for a text that is shorter than the reference whose length is closest."""
    closest = min(lengths, key=lambda each: (abs(each - length), each))
    return 1.0 if length > closest else math.exp(1 - closest / length)


def ngrams(text: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Return the n-grams of `text` in order, [max(0, len(text) - order + 1)]."""
    return list(zip(*(islice(text, start, None) for start in range(order)), strict=False))


@dataclass(frozen=True, repr=False)
class Lexicon:
    """Real words, which are looked up here besides the training text."""

    words: tuple[Container[str], ...] = ()
    """Words in lower case, with straight apostrophes."""
    sources: tuple[str, ...] = ()
    """The names of the lexicons, each with its languages, such as `debian (de)`."""

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
    return frozenset(known) if isinstance(known, Iterable) else known
