"""The objective of a study, which is minimised: an entry's bits per character on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from textgen.comparison.bench import BenchOptions, bench
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import NO_PART
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntrySettings
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import locked_run
from textgen.jobs.backends import Backend
from textgen.registry.options import declared_options
from textgen.registry.registry import load
from textgen.results.comparison import Comparison
from textgen.results.study import FinalComparison, SamplerSettings, Value
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.files import NotSavedError
from textgen.training.budget import Budget
from textgen.training.progress import Report
from textgen.training.train_options import TrainOptions
from textgen.tuning.final_comparison import conclusion
from textgen.tuning.search_space import Candidate, Dimension, spell
from textgen.tuning.study_kind import COMPARISON


class Objective(Protocol):
    """Something with options to choose. It travels to other processes, so it can be pickled."""

    @property
    def name(self) -> str:
        """The entry or sampler that is tuned, as the user wrote it."""

    @property
    def value_name(self) -> str:
        """The meaning of a value; less is better."""

    @property
    def dimensions(self) -> Sequence[Dimension]:
        """The options that are searched."""

    @property
    def num_steps(self) -> int:
        """The number of validation scores that are reported on the way."""

    def settings(self) -> EntrySettings | SamplerSettings:
        """Return everything that determines a value besides the options that are searched."""

    def evaluate(self, params: Mapping[str, Value], report: Report, unfinished: Path) -> float:
        """Return the value of one choice; what `report` raises ends the evaluation.

        What an interrupted evaluation leaves is beside the path `unfinished`, and is continued.
        """

    def compare(
        self, best: str, num_seeds: int, folder: Path, backend: Backend, report: Report
    ) -> FinalComparison:
        """Compare the best choice with the default, on text and with seeds that no trial had."""


@dataclass(frozen=True)
class EntryObjective:
    """The validation score of an entry that is trained with the study's seed under the budget."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]
    value_name = "validation bits per character"

    @property
    def name(self) -> str:
        """The entry."""
        return self.entry.name

    @property
    def num_steps(self) -> int:
        """The number of validations of a training run."""
        trained = (self.entry.train_options(part) for part in self.entry.trained)
        return self.entry.num_copies * sum(options.num_validations for options in trained)

    def settings(self) -> EntrySettings:
        """Return what determines a run, and the parts and options of the entry."""
        experiment = Experiment(self.entry, self.corpus, self.budget, self.device_config, self.seed)
        settings = vars(experiment.settings())
        return EntrySettings(**settings, parts=self.entry.parts, options=self.entry.options)

    def evaluate(self, params: Mapping[str, Value], report: Report, unfinished: Path) -> float:
        """Train and score, from the last checkpoint if there is one.

        Raises `TextgenError` if the score means nothing.
        """
        # No trial may see the test part. Without one, an experiment scores validation as it would test.
        corpus = replace(self.corpus, split=replace(self.corpus.split, test=NO_PART))
        entry = parse_entry(spell(self.entry.name, self.dimensions, params))
        experiment = Experiment(
            entry, corpus, self.budget, self.device_config, self.seed, chooses_copies=False
        )
        with locked_run(unfinished) as checkpoints:
            run = experiment.run(report, checkpoints)
        if run.result.validation is None or run.result.problem:
            raise TextgenError(f"{entry.name}: {run.result.problem}, so there is no score to tune by")
        return run.result.validation.bits_per_char

    def compare(
        self, best: str, num_seeds: int, folder: Path, backend: Backend, report: Report
    ) -> FinalComparison:
        """Train both on the whole corpus with the seeds that follow the study's.

        The text is one that no trial has seen: the best of many trials is partly the luckiest. Raises
        `NotSavedError` with the result if something could not be saved.
        """
        first = self.seed + 1
        options = BenchOptions(
            budget=self.budget,
            device_config=self.device_config,
            seed=first,
            num_seeds=num_seeds,
            has_references=False,
            backend=backend,
        )
        concluded = partial(
            conclusion, default=self.entry.name, best=best, seeds=tuple(range(first, first + num_seeds))
        )
        try:
            result = bench([self.entry, parse_entry(best)], self.corpus, options, folder / COMPARISON, report)
        except NotSavedError as error:
            error.result = concluded(cast(Comparison, error.result))
            raise
        return concluded(result)


def entry_candidates(entry: Entry) -> list[Candidate]:
    """Return the options of an entry's parts and of its training, each under its shortest clear name."""
    components = {part: load(kind, name) for part, (kind, name) in entry.components.items()}
    declared = {part: declared_options(component) for part, component in components.items()}
    if entry.is_trainable:
        declared["train"] = declared_options(TrainOptions)
    training = vars(entry.train_options())
    owners = [option for options in declared.values() for option in options]
    return [
        Candidate(
            name=name if owners.count(name) == 1 else f"{part}.{name}",
            owner="{} {!r}".format(*entry.components[part]) if part in entry.components else "training",
            option=option,
            default=training[name] if part == "train" else option.default,
            is_fixed=name in entry.options.get(part, {}),
        )
        for part, options in declared.items()
        for name, option in options.items()
    ]
