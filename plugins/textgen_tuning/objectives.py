"""Objectives of studies, which are minimised: the validation score of an entry, or a sampler's distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol, cast

import numpy as np

from textgen.comparison.bench import BenchOptions, bench
from textgen.comparison.entry_job import EntryJob, OnlyScore
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import NO_PART
from textgen.defaults import EQUAL_SAMPLER
from textgen.evaluation.intervals import MeasuredValue, difference
from textgen.evaluation.metrics import CLOSEST, MeasuredText, TextMetrics
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry, plugins_of
from textgen.experiment.entry_result import EntrySettings, RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import locked_run
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import SavedRun, load_run, names_run, read_manifest
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend, LocalBackend, check_equal_machines
from textgen.jobs.kept import check_reuse
from textgen.jobs.plugin_code import answered, read_entry, sampler_plugins
from textgen.jobs.runner import run_jobs
from textgen.registry.options import declared_options, parse_assignments
from textgen.registry.registry import load, plugin_files
from textgen.requests import BenchRequest, SampleOptions
from textgen.results.comparison import Comparison
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError, make_folder
from textgen.training.budget import Budget, parse_budget
from textgen.training.progress import Report, Step
from textgen.training.train_options import TrainOptions
from textgen_tuning.request import TuneRequest
from textgen_tuning.result import Contestant, FinalComparison, MadeRun, SamplerSettings, Value, conclusion
from textgen_tuning.search_space import Candidate, Dimension, dimensions, spell
from textgen_tuning.study_kind import COMPARISON, TRAINED


class Objective(Protocol):
    """Something with options to choose. It travels to other processes, so it can be pickled."""

    @property
    def name(self) -> str:
        """The entry or sampler that is tuned, as the user wrote it."""

    @property
    def corpus(self) -> Corpus:
        """The text, with the parts that only the final comparison sees."""

    @property
    def device_config(self) -> DeviceConfig:
        """The device and the precision."""

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
        """Validations per training run."""
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
            result = bench([self.entry, read_entry(best)], self.corpus, options, folder / COMPARISON, report)
        except NotSavedError as error:
            error.result = concluded(cast(Comparison, error.result))
            raise
        return concluded(result)


def entry_candidates(entry: Entry) -> list[Candidate]:
    """Return the options of an entry's parts and of its training, each under its shortest clear name.

    Those of parts are fixed if the entry starts from a run, whose shapes they have.
    """
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
            is_fixed=name in entry.options.get(part, {}) or (part != "train" and bool(training.get("start"))),
        )
        for part, options in declared.items()
        for name, option in options.items()
    ]


@dataclass(frozen=True)
class SamplerObjective:
    """Distance of the text of a run from that of the author, both after passages of the validation part.

    The value is the mean distance of metrics that are shares. Judging a sampler by how near its text comes to
    people's in such metrics, not by how good they look, follows Holtzman et al. 2020 (arXiv:1904.09751).
    """

    name: str
    """The sampler."""
    run: Path
    corpus: Corpus
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]
    num_steps: int = 1
    value_name = "mean distance from the held-out text"

    def settings(self) -> SamplerSettings:
        """Return what the run was made with, the sampler and the seed."""
        manifest = read_manifest(self.run)
        made = MadeRun(manifest.entry, manifest.settings)
        return SamplerSettings(sampler=self.name, run=made, seed=self.seed)

    def evaluate(
        self,
        params: Mapping[str, Value],
        report: Report,
        unfinished: Path,  # noqa: ARG002 - it is quick
    ) -> float:
        """Write after held-out passages and compare."""
        report(Step("writing samples"))
        writer = self._writer("validation")
        written = self._written(writer, spell(self.name, self.dimensions, params), self.seed)
        return mean_distance(written.metrics, writer.measure_held_out().metrics)

    def compare(
        self,
        best: str,
        num_seeds: int,
        folder: Path,  # noqa: ARG002 - nothing is kept
        backend: Backend,  # noqa: ARG002 - nothing is trained
        report: Report,
    ) -> FinalComparison:
        """Return the distances from the test text, means over the seeds that follow the study's.

        The run is the same, so their interval accounts for the passages alone.
        """
        report(Step("comparing with the default"))
        used = [*sampler_plugins([self.name]), *plugins_of(read_manifest(self.run).entry)]
        return answered(partial(self._compared, best, num_seeds), FinalComparison, used)

    def _compared(self, best: str, num_seeds: int) -> FinalComparison:
        part = self.corpus.split.scored_on
        seeds = tuple(range(self.seed + 1, self.seed + 1 + num_seeds))
        writer = self._writer(part)
        held_out = writer.measure_held_out()
        values, samples = [], []
        for spec in (self.name, best):
            written = [self._written(writer, spec, seed) for seed in seeds]
            values.append(fmean(mean_distance(each.metrics, held_out.metrics) for each in written))
            samples.append(distance_sample(written, held_out, seeds))
        return FinalComparison(
            scored_on=part,
            seeds=seeds,
            default=Contestant(self.name, values[0]),
            best=Contestant(best, values[1]),
            gain=values[0] - values[1],
            interval=None if None in samples else difference(*filter(None, samples)).interval,
        )

    def _writer(self, part: str) -> SampleWriter:
        return SampleWriter(self.corpus.split.scored(part).stretches(), self._analyzer)

    def _written(self, writer: SampleWriter, spec: str, seed: int) -> MeasuredText:
        return writer.measure(self._loaded, build_sampler(spec), seed, self.device_config).measured

    @cached_property
    def _analyzer(self) -> TextAnalyzer:
        language = self.corpus.language
        return TextAnalyzer(self.corpus.split.train.text, load_lexicon(language), language)

    @cached_property
    def _loaded(self) -> SavedRun:
        return load_run(self.run, self.device_config.device)


def mean_distance(written: TextMetrics, held_out: TextMetrics) -> float:
    """Return the mean distance of rates; one that a text lacks is as far as can be."""
    pairs = [(written.get(rate), held_out.get(rate)) for rate in CLOSEST]
    return fmean(1.0 if a is None or b is None else abs(a - b) for a, b in pairs)


def distance_sample(
    written: Sequence[MeasuredText], held_out: MeasuredText, seeds: tuple[int, ...]
) -> MeasuredValue | None:
    """Return the mean distance by each sampling seed, or None if a rate has no interval."""
    distances = []
    for rate in CLOSEST:
        if any(rate not in text.pseudovalues for text in (*written, held_out)):
            return None
        one, reference = (
            MeasuredValue(
                np.array([text.metrics[rate] for text in texts]),
                np.array([text.pseudovalues[rate] for text in texts]),
                "the passages",
                seeds[: len(texts)],
            )
            for texts in (written, [held_out])
        )
        distances.append(one.distance_from(reference))
    return replace(
        distances[0],
        values=np.mean([each.values for each in distances], 0),
        pseudovalues=np.mean([each.pseudovalues for each in distances], 0),
    )


def check_trained_on(run: Path, corpus: Corpus) -> None:
    """Raise `TextgenError` if a run was trained on another text: it might know what is held out."""
    trained_on = read_manifest(run).settings.corpus
    if (trained_on.sha256, trained_on.split) != (corpus.info.sha256, corpus.info.split):
        raise TextgenError(
            f"run {str(run)!r} was trained on {trained_on.name!r} with another text or split; give the same "
            "--corpus, --clean, --split and --max-chars"
        )


def sampler_candidates(sampler: str) -> list[Candidate]:
    """Return the options of a sampler; those that `sampler` sets are fixed."""
    name, _, text = sampler.partition(":")
    fixed = parse_assignments(f"sampler {name!r}", text)
    if build_sampler(sampler).entropy is not None:
        fixed["temperature"] = "that of the entropy"
    return [
        Candidate(option.name, f"sampler {name!r}", option, option.default, is_fixed=option.name in fixed)
        for option in declared_options(load("sampler", name)).values()
    ]


def searched_in(
    candidates: Callable[[Any], Sequence[Candidate]], tuned: Any, search: str | None, name: str
) -> tuple[Dimension, ...]:
    """Return the options to search of those of an entry or a sampler; raises as `dimensions` does."""
    return tuple(dimensions(candidates(tuned), search, name))


def objective_of(  # noqa: PLR0917 - in the order of the data
    request: TuneRequest, corpus: Corpus, config: DeviceConfig, folder: Path, backend: Backend, report: Report
) -> EntryObjective | SamplerObjective:
    """Return the objective of the study in a folder; for a sampler, an entry is trained first.

    Raises `TextgenError` for an invalid entry, sampler or search.
    """
    search, sampler = request.search.search, request.search.tune_sampler
    budget, seed = parse_budget(request.budget), request.seed
    if sampler is None:
        check_equal_machines(backend, is_timed=budget.unit == "seconds")
        entry = read_entry(request.entry)
        ask = partial(searched_in, entry_candidates, entry, search, entry.name)
        searched = answered(ask, tuple[Dimension, ...], plugins_of(entry))
        return EntryObjective(entry, corpus, budget, config, seed, searched)
    if not isinstance(backend, LocalBackend):
        raise UsageError("--on has no effect with --tune-sampler; leave it out")
    ask = partial(searched_in, sampler_candidates, sampler, search, sampler)
    searched = answered(ask, tuple[Dimension, ...], sampler_plugins([sampler]))
    run = Path(request.entry)
    if not names_run(request.entry):
        run = folder / TRAINED
        _train(Experiment(read_entry(request.entry), corpus, budget, config, seed), run, report)
    check_trained_on(run, corpus)
    return SamplerObjective(sampler, run, corpus, config, seed, searched)


def _train(experiment: Experiment, folder: Path, report: Report) -> None:
    """Train and score an entry unless `folder` holds its run; raises `TextgenError` if that fails."""
    check_reuse(folder, experiment)
    make_folder(folder.parent)
    files = plugin_files(experiment.entry.components.values())
    job = EntryJob(experiment, files, OnlyScore(), folder, keeps_run=True)
    ((_, outcome),) = run_jobs([job], RunResult, LocalBackend(), on_step=lambda _, step: report(step))
    if outcome.failure:
        raise TextgenError(outcome.failure)
    if outcome.unsaved:
        raise NotSavedError(folder, OSError(outcome.unsaved), None)
