"""The jobs of a suite one after another, or several at a time in processes with their share of the cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textgen.experiment.forecast import expected_seconds
from textgen.registry.attribution import describe_error
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.environment import threads_per_job
from textgen.runtime.processes import Killed, Setup, run_jobs
from textgen.suite.job import Job, run_job
from textgen.suite.planner import JobPlanner
from textgen.suite.results import JobResult
from textgen.suite.schema import Case
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, ignore_report


def results_of(
    planner: JobPlanner, jobs: Mapping[Path, Job], report: Report
) -> Iterator[tuple[Path, JobResult | str]]:
    """Yield each job's path with its result, or with the reason why there is none."""
    if planner.options.num_jobs > 1:
        yield from _at_once(planner, jobs, report)
        return
    each = [expected_seconds(job.entry, job.corpus, job.budget) for job in jobs.values()]
    for number, (path, job) in enumerate(jobs.items(), start=1):
        title = f"{job.case.label}, seed {job.seed}"
        tell = filled_in(report, entry=title, index=number, total=len(jobs))
        tell(Step("starting", seconds_left=sum(each[number - 1 :])))
        result = _result(planner, job.case, job.seed, tell)
        if isinstance(result, str):
            tell(Step(FAILED, outcome=result))
        else:
            tell(Step(DONE, outcome=result.result.outcome))
        yield path, result


def _at_once(
    planner: JobPlanner, jobs: Mapping[Path, Job], report: Report
) -> Iterator[tuple[Path, JobResult | str]]:
    num_jobs = planner.options.num_jobs
    setup = Setup(threads_per_job(num_jobs), partial(load_plugin_files, plugin_files()))
    # Each process reads the texts itself, once: sending them with each job would cost more.
    function = _InProcess(planner.without_texts())
    paths = {(job.case, job.seed): path for path, job in jobs.items()}
    for number, (key, result) in enumerate(run_jobs(function, paths, num_jobs, setup), start=1):
        report(Step(f"{number} of {len(jobs)} done", entry="runs"))
        yield paths[key], f"{result}; try fewer --jobs" if isinstance(result, Killed) else result


@dataclass(frozen=True)
class _InProcess:
    """Computes jobs in another process, where it arrives without texts and keeps those that it reads."""

    planner: JobPlanner

    def __call__(self, key: tuple[Case, int]) -> JobResult | str:
        return _result(self.planner, *key)


def _result(planner: JobPlanner, case: Case, seed: int, report: Report = ignore_report) -> JobResult | str:
    try:
        job = planner.job(case, seed)
        return run_job(job, planner.analyzer(case), report, planner.path(job))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one case must not take the others down
        return describe_error(error)
