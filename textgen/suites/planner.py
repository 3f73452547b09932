"""From a suite to its jobs: the texts that its cases are measured on, and where results are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from textgen.data.corpus import Corpus, load_corpus
from textgen.defaults import ENCODING, ENTRY_TIMEOUT
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry_parser import parse_entry
from textgen.jobs.backends import Backend, LocalBackend
from textgen.registry.registry import plugin_files
from textgen.requests import SuiteRequest
from textgen.runtime.device import DeviceConfig
from textgen.suites.job import SuiteJob, job_machine
from textgen.suites.schema import Case, Suite
from textgen.training.budget import parse_budget, parse_duration


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Settings that a suite needs to run, and those that override its own."""

    request: SuiteRequest
    """The command: the text, the budget and the number of seeds."""
    device_config: DeviceConfig
    backend: Backend = field(default_factory=LocalBackend)
    """The backend that computes the jobs."""
    entry_timeout: float = parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    """Seconds without progress after which a job is ended."""


Text: TypeAlias = tuple[str | None, str, int | None]
"""Identity of the text of a case: its corpus, cleaner and number of characters."""


class JobPlanner:
    """Planner of the jobs of a suite; each text is read and cleaned once."""

    def __init__(self, suite: Suite, options: SuiteOptions, folder: Path) -> None:
        self.suite, self.options, self.folder = suite, options, folder
        self.lexicon = cache(load_lexicon)
        """Return the lexicon of a language, loaded once."""
        self._machine = job_machine(options.backend)
        self._corpus, self._analyzer = cache(self._read_corpus), cache(self._new_analyzer)

    @property
    def num_seeds(self) -> int:
        """The number of seeds of each case."""
        return self.options.request.seeds or self.suite.seeds

    def jobs(self) -> Iterator[SuiteJob]:
        """Yield all jobs: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.job(case, seed)

    def job(self, case: Case, seed: int) -> SuiteJob:
        """Return the job of a case with one seed."""
        options, request = self.options, self.options.request
        sizes = [size for size in (case.max_chars, request.text.max_chars) if size is not None]
        text = case.corpus, case.clean, min(sizes, default=None)
        entry = parse_entry(case.entry)
        samplers = [("sampler", spec.partition(":")[0]) for spec in case.samplers]
        job = SuiteJob(
            case,
            entry,
            self._corpus(text, case.train_share),
            parse_budget(case.budget or request.budget or self.suite.budget),
            options.device_config,
            seed,
            self._machine,
            self._analyzer(text),
            plugin_files=plugin_files([*entry.components.values(), *samplers]),
            folder=self.folder / "jobs",
        )
        return replace(job, folder=job.folder / f"{job.key()}.json")

    def _new_analyzer(self, text: Text) -> TextAnalyzer:
        """Return the analyzer of what a case writes: it knows the words of all of the training text."""
        corpus = self._corpus(text, 100.0)
        return TextAnalyzer(corpus.split.train.text, self.lexicon(corpus.language), corpus.language)

    def _read_corpus(self, text: Text, train_share: float) -> Corpus:
        if train_share != 100:
            return self._corpus(text, 100.0).with_training(train_share)
        name, clean, max_chars = text
        asked = self.options.request.text
        sources, encoding = (asked.sources, asked.encoding) if name is None else ([name], ENCODING)
        keeps = asked.keep_repeats
        return load_corpus(sources, clean, asked.split, max_chars, encoding, keeps_repeats=keeps)
