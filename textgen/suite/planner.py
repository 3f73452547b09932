"""From a suite to its jobs: the texts that its cases are measured on, and where results are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textgen.data.corpus import Corpus, load_corpus
from textgen.defaults import ENTRY_TIMEOUT, SPLIT
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import parse_entry
from textgen.runtime.device import DeviceConfig
from textgen.suite.job import Job
from textgen.suite.schema import Case, Suite
from textgen.training.budget import parse_budget, parse_duration


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Settings that a suite needs to run, and those that override its own."""

    sources: Sequence[str]
    device_config: DeviceConfig
    split: str = SPLIT
    encoding: str = "utf-8"
    budget: str | None = None
    seeds: int | None = None
    max_chars: int | None = None
    num_jobs: int = 1
    """Jobs at a time, each with its share of the cores."""
    entry_timeout: float = parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    """Seconds without progress after which a job is ended."""


@dataclass
class JobPlanner:
    """Planner of the jobs of a suite; each text is read and cleaned once."""

    suite: Suite
    options: SuiteOptions
    folder: Path
    _corpora: dict[tuple[str, int | None, float], Corpus] = field(default_factory=dict)
    _analyzers: dict[tuple[str, int | None], TextAnalyzer] = field(default_factory=dict)

    @property
    def num_seeds(self) -> int:
        """The number of seeds of each case."""
        return self.options.seeds or self.suite.seeds

    def jobs(self) -> Iterator[Job]:
        """Yield all jobs: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.job(case, seed)

    def job(self, case: Case, seed: int) -> Job:
        """Return the job of a case with one seed."""
        options = self.options
        budget = parse_budget(case.budget or options.budget or self.suite.budget)
        corpus = self._corpus(case.clean, self._max_chars(case), case.train_share)
        entry = parse_entry(case.entry)
        return Job(case, entry, corpus, budget, options.device_config, seed, options.num_jobs)

    def analyzer(self, case: Case) -> TextAnalyzer:
        """Return the analyzer of what a case writes: it knows the words of all of the training text."""
        key = case.clean, self._max_chars(case)
        if key not in self._analyzers:
            self._analyzers[key] = TextAnalyzer(self._corpus(*key, 100.0).split.train.text, load_lexicon())
        return self._analyzers[key]

    def path(self, job: Job) -> Path:
        """Return where the result of a job is kept."""
        return self.folder / "jobs" / f"{job.key()}.json"

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
