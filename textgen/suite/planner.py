"""From a suite to its units: the texts that its cases are measured on, and where measurements are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textgen.data.corpus import Corpus, load_corpus
from textgen.defaults import SPLIT
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import parse_entry
from textgen.runtime.device import DeviceConfig
from textgen.suite.job import Unit
from textgen.suite.schema import Case, Suite


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """What a suite needs to be run, and what replaces its own choice."""

    sources: Sequence[str]
    device_config: DeviceConfig
    split: str = SPLIT
    encoding: str = "utf-8"
    budget: str | None = None
    seeds: int | None = None
    max_chars: int | None = None
    num_jobs: int = 1
    """How many are measured at once, each with its share of the cores."""


@dataclass
class JobPlanner:
    """What a suite measures, made ready: each case with its own text, each text read and cleaned once."""

    suite: Suite
    options: SuiteOptions
    folder: Path
    _corpora: dict[tuple[str, int | None, float], Corpus] = field(default_factory=dict)
    _measures: dict[tuple[str, int | None], TextAnalyzer] = field(default_factory=dict)

    @property
    def num_seeds(self) -> int:
        """How often each case is measured."""
        return self.options.seeds or self.suite.seeds

    def units(self) -> Iterator[Unit]:
        """Yield everything to be measured: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.unit(case, seed)

    def unit(self, case: Case, seed: int) -> Unit:
        """Return what is to be measured of a case."""
        budget = case.budget or self.options.budget or self.suite.budget
        corpus = self._corpus(case.clean, self._max_chars(case), case.train_share)
        return Unit(
            case,
            parse_entry(case.entry),
            corpus,
            budget,
            self.options.device_config,
            seed,
            self.options.num_jobs,
        )

    def measures(self, case: Case) -> TextAnalyzer:
        """Return the analyser of what a case writes: it knows the words of all of the training text."""
        key = case.clean, self._max_chars(case)
        if key not in self._measures:
            self._measures[key] = TextAnalyzer(self._corpus(*key, 100.0).split.train, load_lexicon())
        return self._measures[key]

    def path(self, unit: Unit) -> Path:
        """Return where the measurement is kept."""
        return self.folder / "measurements" / f"{unit.key()}.json"

    def _max_chars(self, case: Case) -> int | None:
        sizes = [size for size in (case.max_chars, self.options.max_chars) if size is not None]
        return min(sizes, default=None)

    def _corpus(self, clean: str, max_chars: int | None, train_share: float) -> Corpus:
        key = clean, max_chars, train_share
        if key not in self._corpora:
            options = self.options
            if train_share == 100:
                whole = load_corpus(options.sources, clean, options.split, max_chars, options.encoding)
            else:
                whole = self._corpus(clean, max_chars, 100.0).with_training(train_share)
            self._corpora[key] = whole
        return self._corpora[key]
