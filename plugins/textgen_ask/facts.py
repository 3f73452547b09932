"""Facts that half a minute gives about a text: counts, scores of n-grams, the first updates of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, log2

from simplemma import in_target_language

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import NO_PART
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.library.corpus import CorpusStatistics, statistics
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, Step

ENTRIES = {"words": "word-lstm+ngram", "characters": "char-hier+words"}
"""The best entry of each level, in nearly all recorded runs; with GloVe if the text is English."""
UPDATES = "48updates"
"""How long each of them is trained to see how it learns."""
PROBE_CHARS, HELD_OUT_CHARS = 400_000, 30_000
"""Characters that the probe and the smaller n-grams read, and that are scored, of the validation part."""
LANGUAGE_CHARS = 20_000
ENGLISH = 0.6
"""Share of English words from which on GloVe, a list of English words, helps."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A text and a machine before training; all scores are bits per character of the validation part."""

    text: CorpusStatistics
    """Without the test part, which is not read."""
    num_test_chars: int
    english: float
    """The share of the words at the beginning that are in an English dictionary."""
    half_bits: float
    """Word n-grams that read half of what the probes read."""
    word_bits: float
    """Word n-grams that read as much as the probes."""
    full_bits: float
    """Word n-grams that read the whole training text."""
    char_bits: float
    """Character n-grams that read as much as the probes."""
    probe_bits: dict[str, float]
    """The entry of each level after `UPDATES`."""
    chars_per_second: dict[str, float]
    """The pace of these, with their counting."""
    sd: float
    """The standard deviation of a score over other passages, as a share of it."""

    @property
    def num_chars(self) -> int:
        """The characters of the training text."""
        return self.text.split.train.num_chars

    @property
    def gain(self) -> float:
        """The worth of the last doubling of the text for word n-grams: the fall of the log of their score."""
        if self.num_chars <= PROBE_CHARS:
            return log(self.half_bits / self.word_bits)
        return log(self.word_bits / self.full_bits) / max(0.1, log2(self.num_chars / PROBE_CHARS))


def entry_of(level: str, english: float) -> str:
    """Return the entry of a level for a text with this share of English words."""
    return f"{ENTRIES[level]}-glove" if english >= ENGLISH else ENTRIES[level]


def measure(corpus: Corpus, device: DeviceConfig, report: Report) -> Facts:
    """Return the facts of a text, without reading its test part; raises `TextgenError` if it is too short."""
    report(Step("counting"))
    split = corpus.split
    short = split.validation.first(HELD_OUT_CHARS)
    known = replace(corpus, split=replace(split, test=NO_PART))
    whole = replace(corpus, split=replace(known.split, validation=short))
    part = whole.with_training(min(100.0, 100 * PROBE_CHARS / len(split.train)))
    english = in_target_language(str(split.train.text[:LANGUAGE_CHARS]), lang="en")

    def run(entry: str, text: Corpus, budget: str = "1epochs") -> RunResult:
        report(Step(f"trying {entry}"))
        parsed = parse_entry(entry)
        return Experiment(parsed, text, parse_budget(budget), device, 0, chooses_copies=False).run().result

    word_bits = _bits(run("word-ngram", part))
    probes = {level: run(entry_of(level, english), part, UPDATES) for level in ENTRIES}
    interval = probes["words"].validation and probes["words"].validation.interval
    low, high = interval or (0.8 * word_bits, 1.2 * word_bits)
    return Facts(
        text=statistics(known),
        num_test_chars=len(split.test),
        english=english,
        half_bits=_bits(run("word-ngram", part.with_training(50))),
        word_bits=word_bits,
        full_bits=_bits(run("word-ngram", whole)) if len(split.train) > PROBE_CHARS else word_bits,
        char_bits=_bits(run("char-ngram", part)),
        probe_bits={level: _bits(probe) for level, probe in probes.items()},
        chars_per_second={level: probe.train.chars_per_second for level, probe in probes.items()},
        sd=(high - low) / (2 * 1.96 * _bits(probes["words"])),
    )


def _bits(result: RunResult) -> float:
    if result.validation is None:
        raise TextgenError(f"{result.name}: {result.problem}")
    return result.validation.bits_per_char
