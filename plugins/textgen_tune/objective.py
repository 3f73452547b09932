"""The objective of a study: the validation score of an entry with other options."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from textgen.comparison.bench import BenchOptions, bench
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import NO_PART
from textgen.defaults import EQUAL_SAMPLER
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntrySettings
from textgen.experiment.experiment import Experiment
from textgen.jobs.backends import Backend, check_equal_machines
from textgen.requests import BenchRequest, SampleOptions
from textgen.results.comparison import Comparison
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import Machine, machine
from textgen.runtime.storage.files import NotSavedError
from textgen.training.budget import Budget, parse_budget
from textgen.training.progress import Report
from textgen_tune.request import TuneRequest
from textgen_tune.result import Dimension, FinalComparison, Value, conclusion
from textgen_tune.search_space import candidates, dimensions, spell


@dataclass(frozen=True)
class Objective:
    """The validation score of an entry that is trained with the study's seed under the budget."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]

    @property
    def name(self) -> str:
        """The entry that is tuned, as the user wrote it."""
        return self.entry.name

    @property
    def num_steps(self) -> int:
        """The number of validation scores that a trial reports on its way."""
        trained = (self.entry.train_options(part) for part in self.entry.trained)
        return self.entry.num_copies * sum(options.num_validations for options in trained)

    def settings(self) -> EntrySettings:
        """Return everything that determines a score besides the options that are searched."""
        experiment = Experiment(self.entry, self.corpus, self.budget, self.device_config, self.seed)
        settings = vars(experiment.settings())
        return EntrySettings(**settings, parts=self.entry.parts, options=self.entry.options)

    def evaluate(self, params: Mapping[str, Value], report: Report) -> float:
        """Train and score one choice of options; what `report` raises ends the evaluation.

        Raises `TextgenError` if the score means nothing.
        """
        # No trial may see the test part. Without one, an experiment scores validation as it would test.
        corpus = replace(self.corpus, split=replace(self.corpus.split, test=NO_PART))
        entry = parse_entry(spell(self.entry.name, self.dimensions, params))
        experiment = Experiment(
            entry, corpus, self.budget, self.device_config, self.seed, chooses_copies=False
        )
        run = experiment.run(report)
        if run.result.validation is None or run.result.problem:
            raise TextgenError(f"{entry.name}: {run.result.problem}, so there is no score to tune on")
        return run.result.validation.bits_per_char

    def compare(
        self, best: str, num_seeds: int, folder: Path, backend: Backend, report: Report
    ) -> FinalComparison:
        """Train the best choice and the default on the whole corpus with the seeds that follow the study's.

        The text is one that no trial has seen: the best of many trials is partly the luckiest. Raises
        `NotSavedError` with the result if something could not be saved.
        """
        first = self.seed + 1
        options = BenchOptions(
            request=BenchRequest(seed=first, seeds=num_seeds, samples=SampleOptions(sampler=EQUAL_SAMPLER)),
            budget=self.budget,
            device_config=self.device_config,
            has_references=False,
            backend=backend,
        )
        concluded = partial(
            conclusion, default=self.entry.name, best=best, seeds=tuple(range(first, first + num_seeds))
        )
        try:
            result = bench([self.entry, parse_entry(best)], self.corpus, options, folder, report)
        except NotSavedError as error:
            error.result = concluded(cast(Comparison, error.result))
            raise
        return concluded(result)


def objective_of(
    entry: Entry, request: TuneRequest, corpus: Corpus, config: DeviceConfig, backend: Backend
) -> Objective:
    """Return the objective of a study; raises `TextgenError` for an invalid search."""
    budget = parse_budget(request.budget)
    check_equal_machines(backend, is_timed=budget.is_timed)
    searched = dimensions(candidates(entry), request.search.search, entry.name)
    return Objective(entry, corpus, budget, config, request.seed, searched)


@dataclass(frozen=True)
class TrialValue:
    """The score of a trial, and what it took."""

    value: float
    seconds: float
    machine: Machine


@dataclass(frozen=True)
class TrialJob:
    """A trial as a job: one choice of options, to be trained and scored in another process."""

    number: int
    params: Mapping[str, Value]
    objective: Objective
    plugin_files: Sequence[Path]
    folder: None = None

    def compute(self, report: Report) -> TrialValue:
        began = time.perf_counter()
        value = self.objective.evaluate(self.params, report)
        return TrialValue(value, time.perf_counter() - began, machine())
