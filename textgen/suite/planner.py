"""From a suite to its jobs: the texts that its cases are measured on, and where results are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from textgen.data.corpus import Corpus, load_corpus
from textgen.defaults import ENCODING, ENTRY_TIMEOUT, SPLIT
from textgen.evaluation.lexicon import Lexicon, load_lexicon
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import parse_entry
from textgen.jobs.backends import ONE_AT_A_TIME, Backend
from textgen.registry.registry import plugin_files
from textgen.runtime.device import DeviceConfig
from textgen.suite.job import SuiteJob, job_machine
from textgen.suite.schema import Case, Suite
from textgen.suite.suite_result import JobMachine
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
    backend: Backend = ONE_AT_A_TIME
    """What computes the jobs."""
    entry_timeout: float = parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    """Seconds without progress after which a job is ended."""


@dataclass
class JobPlanner:
    """Planner of the jobs of a suite; each text is read and cleaned once."""

    suite: Suite
    options: SuiteOptions
    folder: Path
    _corpora: dict[tuple[str | None, str, int | None, float], Corpus] = field(default_factory=dict)
    _analyzers: dict[tuple[str | None, str, int | None], TextAnalyzer] = field(default_factory=dict)
    _lexicons: dict[str, Lexicon] = field(default_factory=dict)

    @cached_property
    def machine(self) -> JobMachine:
        """Where the jobs are computed."""
        return job_machine(self.options.backend)

    @property
    def num_seeds(self) -> int:
        """The number of seeds of each case."""
        return self.options.seeds or self.suite.seeds

    def jobs(self) -> Iterator[SuiteJob]:
        """Yield all jobs: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.job(case, seed)

    def job(self, case: Case, seed: int) -> SuiteJob:
        """Return the job of a case with one seed."""
        options = self.options
        budget = parse_budget(case.budget or options.budget or self.suite.budget)
        corpus = self._corpus(*self._text(case), case.train_share)
        entry = parse_entry(case.entry)
        samplers = [("sampler", spec.partition(":")[0]) for spec in case.samplers]
        job = SuiteJob(
            case,
            entry,
            corpus,
            budget,
            options.device_config,
            seed,
            self.machine,
            self.analyzer(case),
            plugin_files=plugin_files([*entry.components.values(), *samplers]),
            folder=self.folder / "jobs",
        )
        return replace(job, folder=job.folder / f"{job.key()}.json")

    def analyzer(self, case: Case) -> TextAnalyzer:
        """Return the analyzer of what a case writes: it knows the words of all of the training text."""
        key = self._text(case)
        if key not in self._analyzers:
            corpus = self._corpus(*key, 100.0)
            train_text, language = corpus.split.train.text, corpus.language
            self._analyzers[key] = TextAnalyzer(train_text, self.lexicon(language), language)
        return self._analyzers[key]

    def lexicon(self, language: str) -> Lexicon:
        """Return the lexicon of a language, loaded once."""
        if language not in self._lexicons:
            self._lexicons[language] = load_lexicon(language)
        return self._lexicons[language]

    def _text(self, case: Case) -> tuple[str | None, str, int | None]:
        """Return what determines the text of a case: its corpus, cleaner and number of characters."""
        sizes = [size for size in (case.max_chars, self.options.max_chars) if size is not None]
        return case.corpus, case.clean, min(sizes, default=None)

    def _corpus(self, name: str | None, clean: str, max_chars: int | None, train_share: float) -> Corpus:
        key = name, clean, max_chars, train_share
        if key not in self._corpora:
            options = self.options
            if train_share == 100:
                sources, encoding = (
                    (options.sources, options.encoding) if name is None else ([name], ENCODING)
                )
                whole = load_corpus(sources, clean, options.split, max_chars, encoding)
            else:
                whole = self._corpus(name, clean, max_chars, 100.0).with_training(train_share)
            self._corpora[key] = whole
        return self._corpora[key]
