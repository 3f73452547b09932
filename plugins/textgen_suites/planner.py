"""From a suite to its jobs: the texts that its cases are measured on, and where results are kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar, TypeAlias

from textgen.comparison.entry_job import EntryJob
from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import SplitPart
from textgen.defaults import ENCODING
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.run_lock import partial_folder
from textgen.experiment.samples import NUM_MEASURED, SampleWriter
from textgen.experiment.saved_run import SavedRun
from textgen.experiment.score_run import unit_sizes
from textgen.generation.bound_sampler import build_sampler, suited_to
from textgen.jobs.backends import Backend, LocalBackend
from textgen.jobs.plugin_code import read_entries
from textgen.registry.registry import PluginError, describe_error, plugin_files
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import DamagedRecordError, read_record, to_values, write_record
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, Step
from textgen.version import __version__
from textgen_suites.request import SuiteRequest
from textgen_suites.result import JobMachine, JobResult, JobSettings, WrittenText
from textgen_suites.schema import Case, Suite
from textgen_suites.suite_kind import JOBS


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """A request, and what it names, opened."""

    request: SuiteRequest
    device_config: DeviceConfig
    backend: Backend = field(default_factory=LocalBackend)


Text: TypeAlias = tuple[str | None, str, int | None]
"""Identity of the text of a case: its corpus, cleaner and number of characters."""


@dataclass(frozen=True)
class CaseWriting:
    """What a run writes for a suite, by sampler, and the seconds that it took."""

    samples: dict[str, WrittenText]
    seconds: float


@dataclass(frozen=True)
class WriteSamples:
    """Makes the result of a job of a suite: a run, and what each sampler of its case writes with it."""

    settings: JobSettings
    """Everything that determines the result."""
    writer: SampleWriter
    device_config: DeviceConfig
    written: ClassVar[type[CaseWriting]] = CaseWriting

    def write(self, run: SavedRun, report: Report) -> CaseWriting:
        """Return what a run writes."""
        began = time.perf_counter()
        report(Step("writing samples"))
        samples: dict[str, WrittenText] = {}
        for spec in self.settings.samplers:
            written = self.writer.measure(run, build_sampler(spec), self.settings.seed, self.device_config)
            samples[spec] = WrittenText(
                **vars(written.measured),
                entropy_per_char=written.freedom.entropy_per_char,
                text=written.texts[0],
            )
        return CaseWriting(samples, time.perf_counter() - began)

    def result(self, result: RunResult, written: CaseWriting) -> JobResult:
        """Return the result of the job."""
        seconds = _seconds_taken(result) + written.seconds
        return JobResult(settings=self.settings, result=result, samples=written.samples, seconds=seconds)


def _seconds_taken(result: RunResult) -> float:
    """Return about how long a run took, without its samples."""
    units = [score.units for score in (result.validation, result.test) if score is not None]
    num_chars = sum(sum(each.num_chars) for each in units if each is not None)
    scoring = num_chars / result.scored_chars_per_second if result.scored_chars_per_second else 0.0
    return result.preparation.seconds + result.train.seconds + result.train.validation_seconds + scoring


@dataclass(frozen=True)
class CaseRun:
    """One case with one seed: its job, and the file of the result."""

    case: Case
    file: Path
    job: EntryJob[CaseWriting, JobResult]
    finish: WriteSamples

    @property
    def is_timed(self) -> bool:
        """True if its budget is time, so that its machine determines the result too."""
        return self.job.experiment.budget.unit == "seconds"

    def kept(self) -> JobResult | None:
        """Return the kept result; None without one, or with a `TextgenWarning` if it cannot be used."""
        if not self.file.exists():
            return None
        try:
            kept = read_record(JobResult, self.file, needs_digest=True)
            reason = self._misfit(kept)
            if reason is None:
                return kept
            problem = f"{str(self.file)!r} cannot be used: {reason}"
        except TextgenError as error:
            problem = str(error)
        warnings.warn(f"{problem}; it is measured again", TextgenWarning, stacklevel=2)
        return None

    def keep(self, result: JobResult) -> JobResult | str:
        """Write a result and return what later commands will read, or the reason why it is not JSON."""
        try:
            write_record(self.file, result)
            shutil.rmtree(partial_folder(self.file), ignore_errors=True)
            return read_record(JobResult, self.file, needs_digest=True)
        except (ValueError, TypeError, DamagedRecordError) as error:
            return f"its result cannot be kept: {describe_error(error)}"

    def _misfit(self, kept: JobResult) -> str | None:
        """Return why a kept result cannot be that of this job; None if it can."""
        settings = self.finish.settings
        if to_values(kept.settings) != to_values(settings):
            return "it is the result of another run"
        for name, score in (("validation", kept.result.validation), ("test", kept.result.test)):
            part: SplitPart = getattr(settings.corpus.split, name)
            if score and score.units and score.units.num_chars != unit_sizes(part.stretch_chars):
                return f"its {name} score is that of another text"
        shapes = (values for each in kept.samples.values() for values in each.pseudovalues.values())
        if set(kept.samples) != set(settings.samplers) or any(len(each) != NUM_MEASURED for each in shapes):
            return "its samples are others"
        return None


class JobPlanner:
    """Planner of the jobs of a suite; each text is read and cleaned once.

    Raises `TextgenError` for an entry that cannot be used.
    """

    def __init__(self, suite: Suite, options: SuiteOptions, folder: Path) -> None:
        self.suite, self.options, self.folder = suite, options, folder
        self.lexicon = cache(load_lexicon)
        """Return the lexicon of a language, loaded once."""
        about = options.backend.machines[0]
        self._machine = JobMachine(
            processor=about.processor,
            gpu=about.gpu,
            cores_per_job=round(options.backend.cores_per_job, 3),
            threads_per_job=about.num_threads,
        )
        self._corpus, self._writer = cache(self._read_corpus), cache(self._new_writer)
        self._suited = cache(lambda spec, text: suited_to(spec, self._corpus(text, 100.0).split.train.text))
        entries, broken = read_entries(case.entry for case in suite.cases())
        for reason in broken.values():
            raise PluginError(reason)
        self.entries = {entry.name: entry for entry in entries}
        """The entries of all cases, by their names."""

    @property
    def num_seeds(self) -> int:
        """The number of seeds of each case."""
        return self.options.request.seeds or self.suite.seeds

    def runs(self) -> Iterator[CaseRun]:
        """Yield all runs: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.run(case, seed)

    def run(self, case: Case, seed: int) -> CaseRun:
        """Return the run of a case with one seed, whose result is kept under the hash of its settings."""
        options, request, entry = self.options, self.options.request, self.entries[case.entry.strip()]
        sizes = [size for size in (case.max_chars, request.text.max_chars) if size is not None]
        text = case.corpus, case.clean, min(sizes, default=None)
        experiment = Experiment(
            entry,
            self._corpus(text, case.train_share),
            parse_budget(case.budget or request.budget or self.suite.budget),
            options.device_config,
            seed,
        )
        samplers = tuple(self._suited(spec, text) for spec in case.samplers)
        settings = JobSettings(
            **vars(experiment.settings()),
            parts=entry.parts,
            options=entry.options,
            textgen=__version__,
            samplers=samplers,
            machine=self._machine if experiment.budget.unit == "seconds" else None,
        )
        key = hashlib.sha256(json.dumps(to_values(settings), sort_keys=True).encode()).hexdigest()[:16]
        file = self.folder / JOBS / f"{key}.json"
        finish = WriteSamples(settings, self._writer(text), options.device_config)
        written_by = [("sampler", spec.partition(":")[0]) for spec in samplers]
        job = EntryJob(
            experiment,
            plugin_files([*entry.components.values(), *written_by]),
            finish,
            file,
            title=f"{case.label}, seed {seed}",
            expected_seconds=expected_seconds(entry, experiment.corpus, experiment.budget),
        )
        return CaseRun(case, file, job, finish)

    def _new_writer(self, text: Text) -> SampleWriter:
        """Return what measures the samples of a case: it knows the words of all of the training text."""
        corpus = self._corpus(text, 100.0)
        lexicon = self.lexicon(corpus.language)
        analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
        return SampleWriter(corpus.split.held_out.stretches(), analyzer)

    def _read_corpus(self, text: Text, train_share: float) -> Corpus:
        if train_share != 100:
            return self._corpus(text, 100.0).with_training(train_share)
        name, clean, max_chars = text
        asked = self.options.request.text
        sources, encoding = (asked.sources, asked.encoding) if name is None else ([name], ENCODING)
        return load_corpus(sources, clean, asked.split, max_chars, encoding)
