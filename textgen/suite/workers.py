"""The jobs of a suite, one or several at a time, each in a process of its own with its share of the cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.partial import discard_unfinished
from textgen.registry.attribution import describe_error
from textgen.registry.registry import files_of
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.environment import threads_per_job
from textgen.runtime.json_records import from_values, to_values
from textgen.runtime.places import check_equal_machines, chosen_place
from textgen.runtime.preparation import Setup
from textgen.runtime.processes import Killed, run_jobs
from textgen.runtime.worker import import_early, tell
from textgen.suite.job import Job, run_job
from textgen.suite.planner import JobPlanner
from textgen.suite.results import JobResult
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, seldom


@dataclass(frozen=True)
class _Task:
    """A job, and what its process needs to know."""

    folder: Path
    """Where its result will be; its checkpoints are beside it."""
    job: Job
    analyzer: TextAnalyzer
    plugin_files: Sequence[Path]


def results_of(
    planner: JobPlanner, jobs: Mapping[Path, Job], report: Report
) -> Iterator[tuple[Path, JobResult | str]]:
    """Yield each job's path with its result, or with the reason why there is none."""
    check_equal_machines(is_timed=any(job.budget.unit == "seconds" for job in jobs.values()))
    import_early(__name__)
    options = planner.options
    seconds = {path: expected_seconds(job.entry, job.corpus, job.budget) for path, job in jobs.items()}
    number_of = {path: number for number, path in enumerate(jobs, start=1)}
    num_done = 0

    def tell_of(path: Path, step: Step) -> None:
        if options.num_jobs > 1:
            report(Step(f"{num_done} of {len(jobs)} done", entry="runs", outcome=step.outcome))
            return
        title = f"{jobs[path].case.label}, seed {jobs[path].seed}"
        filled_in(report, entry=title, index=number_of[path], total=len(jobs))(step)

    def tasks() -> Iterator[_Task]:
        left = sum(seconds.values())
        for path, job in jobs.items():
            tell_of(path, Step("starting", seconds_left=left))
            left -= seconds[path]
            samplers = [("sampler", spec.partition(":")[0]) for spec in job.case.samplers]
            files = files_of([*job.entry.components.values(), *samplers])
            yield _Task(path, job, planner.analyzer(job.case), files)

    threads = threads_per_job(options.num_jobs) if options.num_jobs > 1 else torch.get_num_threads()
    results = run_jobs(
        _result,
        tasks(),
        options.num_jobs,
        Setup(threads),
        on_message=lambda task, step: tell_of(task.folder, step) if options.num_jobs == 1 else None,
        max_silence=options.entry_timeout,
        own_process=True,
    )
    try:
        for task, values in results:
            result = _received(task, values)
            num_done += 1
            if isinstance(result, str):
                tell_of(task.folder, Step(FAILED, outcome=result))
            else:
                tell_of(task.folder, Step(DONE, outcome=result.result.outcome))
            yield task.folder, result
    except BaseException:  # Ctrl-C: what the processes leave that were at work
        results.close()
        for path in jobs:
            discard_unfinished(path)
        raise


def _result(task: _Task) -> object:
    """Return the result as JSON values, so that no object of a plugin leaves its process, or the reason."""
    try:
        load_plugin_files(task.plugin_files)
        return to_values(run_job(task.job, task.analyzer, seldom(tell), task.folder))
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: none of them is the user's
        return describe_error(error)


def _received(task: _Task, values: object) -> JobResult | str:
    if isinstance(values, Killed):
        discard_unfinished(task.folder)
        return str(values)
    if isinstance(values, str):
        return values
    try:
        # Settings in a process elsewhere do not know how many jobs share its machine.
        result = replace(from_values(JobResult, values), settings=task.job.settings())
    except (ValueError, TypeError) as error:
        return f"its result cannot be kept: {describe_error(error)}"
    place, made_on = chosen_place(), result.result.machine.name
    if place and task.job.budget.unit == "seconds" and made_on != place.machines[0].name:
        return f"it was made on a machine that joined later ({made_on}), of another kind than the others"
    return result
