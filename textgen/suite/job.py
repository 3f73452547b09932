"""One job of a suite: a case with one seed, trained, scored and sampled."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.data.split import SplitPart
from textgen.evaluation.text_metrics import MeasuredText, TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.partial import checkpoints_of
from textgen.experiment.run import Run
from textgen.experiment.samples import NUM_MEASURED, SampleWriter
from textgen.experiment.scoring import unit_sizes
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.entropy import EntropyRecorder
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine, threads_per_job, usable_cores
from textgen.runtime.json_records import to_values
from textgen.runtime.places import chosen_place
from textgen.suite.results import JobMachine, JobResult, JobSettings, WrittenText
from textgen.suite.schema import Case
from textgen.training.budget import Budget
from textgen.training.progress import Report, Step, ignore_report
from textgen.version import __version__


@dataclass(frozen=True)
class Job:
    """One case with one seed, on its own text."""

    case: Case
    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    num_jobs: int = 1
    """Jobs at a time, which matters where the budget is time."""

    def settings(self) -> JobSettings:
        """Return everything that determines the result."""
        is_timed = self.budget.unit == "seconds"
        return JobSettings(
            textgen=__version__,
            plugins=self.entry.identities(),
            parts=self.entry.parts,
            options=self.entry.options,
            corpus=self.corpus.info,
            samplers=self.case.samplers,
            budget=str(self.budget),
            seed=self.seed,
            device=self.device_config.device.type,
            precision=self.device_config.precision,
            machine=self._machine() if is_timed else None,
        )

    def _machine(self) -> JobMachine:
        if place := chosen_place():
            about, cores = place.machines[0], place.cores_per_job
            num_jobs, threads = max(1, int((about.num_cores or 1) / cores)), about.num_threads
        else:
            about, cores = machine(), usable_cores() / self.num_jobs
            num_jobs, threads = self.num_jobs, threads_per_job(self.num_jobs)
        return JobMachine(
            processor=about.processor,
            gpu=about.gpu,
            num_jobs=num_jobs,
            cores_per_job=round(cores, 3),
            threads_per_job=threads,
        )

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


def run_job(
    job: Job, analyzer: TextAnalyzer, report: Report = ignore_report, path: Path | None = None
) -> JobResult:
    """Train, score and sample; the checkpoints of a job whose result goes to `path` are beside it."""
    began = time.perf_counter()
    experiment = Experiment(job.entry, job.corpus, job.budget, job.device_config, job.seed)
    with nullcontext() if path is None else checkpoints_of(path) as checkpoints:
        run = experiment.run(report, checkpoints)
    report(Step("writing samples"))
    writer = SampleWriter(job.corpus.split.held_out.stretches(), analyzer)
    return JobResult(
        settings=job.settings(),
        result=run.result,
        samples={spec: _written(run, spec, writer, job) for spec in job.case.samplers},
        seconds=time.perf_counter() - began,
    )


def measure_held_out(job: Job, analyzer: TextAnalyzer) -> MeasuredText:
    """Return the metrics of how the authors themselves continued the passages."""
    return SampleWriter(job.corpus.split.held_out.stretches(), analyzer).measure_held_out()


def _written(run: Run, spec: str, writer: SampleWriter, job: Job) -> WrittenText:
    sampler = build_sampler(spec)
    prompts = [run.tokenizer.encode(passage.prompt) for passage in writer.passages]
    entropy = EntropyRecorder(sampler, prompts, run.tokenizer.sampler_vocabulary(run.spellings))
    written = writer.measure(run, sampler, job.seed, job.device_config, entropy.record)
    return WrittenText(
        metrics=written.measured.metrics,
        pseudovalues=written.measured.pseudovalues,
        entropy_per_char=entropy.bits_per_char,
        text=written.texts[0],
    )
