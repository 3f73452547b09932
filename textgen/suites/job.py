"""One job of a suite: a case with one seed, trained, scored and sampled."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.data.split import SplitPart
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.run_lock import locked_run
from textgen.experiment.samples import NUM_MEASURED, SampleWriter
from textgen.experiment.saved_run import SavedRun
from textgen.experiment.score_run import unit_sizes
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend
from textgen.jobs.kept import TrainingJob, training_before
from textgen.results.suite import JobMachine, JobResult, JobSettings, WrittenText
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import to_values
from textgen.suites.schema import Case
from textgen.training.budget import Budget
from textgen.training.progress import Report, Step
from textgen.version import __version__


@dataclass(frozen=True)
class SuiteJob:
    """One case with one seed, on its own text."""

    case: Case
    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    machine: JobMachine
    """The machine on which it will be computed, which matters if the budget is time."""
    analyzer: TextAnalyzer
    plugin_files: Sequence[Path]
    folder: Path
    """The file of its result; its checkpoints are beside it."""

    @property
    def title(self) -> str:
        """The case and the seed."""
        return f"{self.case.label}, seed {self.seed}"

    @property
    def expected_seconds(self) -> float:
        """About how long it takes."""
        return expected_seconds(self.entry, self.corpus, self.budget)

    @property
    def before(self) -> TrainingJob | None:
        """The training, in a process without the text that is scored."""
        return training_before(self._experiment(), self.folder, self.plugin_files)

    def compute(self, report: Report) -> JobResult:
        """Score and sample what is trained, or train it."""
        began = time.perf_counter()
        with locked_run(self.folder) as checkpoints:
            run = self._experiment().run(report, checkpoints)
        report(Step("writing samples"))
        writer = self.writer()
        return JobResult(
            settings=self.settings(),
            result=run.result,
            samples={spec: self._written(run, spec, writer) for spec in self.case.samplers},
            seconds=time.perf_counter() - began + _seconds_before(run.result),
        )

    def settings(self) -> JobSettings:
        """Return everything that determines the result."""
        return JobSettings(
            **vars(self._experiment().settings()),
            parts=self.entry.parts,
            options=self.entry.options,
            textgen=__version__,
            samplers=self.case.samplers,
            machine=self.machine if self.budget.unit == "seconds" else None,
        )

    def writer(self) -> SampleWriter:
        """Return what continues the held-out passages and measures the text."""
        return SampleWriter(self.corpus.split.held_out.stretches(), self.analyzer)

    def misfit(self, kept: JobResult) -> str | None:
        """Return why a kept result cannot be that of this job; None if it can."""
        if to_values(kept.settings) != to_values(self.settings()):
            return "it is the result of another run"
        for name, score in (("validation", kept.result.validation), ("test", kept.result.test)):
            part: SplitPart = getattr(self.corpus.info.split, name)
            if score and score.units and score.units.num_chars != unit_sizes(part.stretch_chars):
                return f"its {name} score is that of another text"
        shapes = (values for each in kept.samples.values() for values in each.pseudovalues.values())
        if set(kept.samples) != set(self.case.samplers) or any(len(each) != NUM_MEASURED for each in shapes):
            return "its samples are others"
        return None

    def key(self) -> str:
        """Return the name under which the result is kept: a hash of the settings."""
        settings = json.dumps(to_values(self.settings()), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def _experiment(self) -> Experiment:
        return Experiment(self.entry, self.corpus, self.budget, self.device_config, self.seed)

    def _written(self, run: SavedRun, spec: str, writer: SampleWriter) -> WrittenText:
        written = writer.measure(run, build_sampler(spec), self.seed, self.device_config)
        return WrittenText(
            **vars(written.measured),
            entropy_per_char=written.freedom.entropy_per_char,
            text=written.texts[0],
        )


def _seconds_before(result: RunResult) -> float:
    """Return about how long another process took to train the entry."""
    if not result.score_checks.trained_apart:
        return 0.0
    return result.preparation.seconds + result.train.seconds + result.train.validation_seconds


def job_machine(backend: Backend) -> JobMachine:
    """Return the machine of the jobs of a backend, and what each has of it."""
    about = backend.machines[0]
    return JobMachine(
        processor=about.processor,
        gpu=about.gpu,
        cores_per_job=round(backend.cores_per_job, 3),
        threads_per_job=about.num_threads,
    )
