"""Running a suite: finished jobs are kept, missing ones are run, and effects are computed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from textgen.api import TextgenError
from textgen.comparison.results import HeldOut
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.runtime.environment import machine, versions
from textgen.runtime.files import make_folder, write_file
from textgen.runtime.json_records import read_record, to_json
from textgen.suite.effects import answer
from textgen.suite.job import Job, held_out_metrics
from textgen.suite.planner import JobPlanner, SuiteOptions
from textgen.suite.results import JobResult, SuiteResult
from textgen.suite.schema import Case, Suite
from textgen.suite.workers import results_of
from textgen.training.progress import Report, ignore_report

RESULT = "suite.json"
USUAL_OVERHEAD = 15.0
"""Seconds besides the training of a run, until some have been measured."""


def run_suite(
    suite: Suite,
    options: SuiteOptions,
    folder: Path,
    report: Report = ignore_report,
    say: Callable[[str], None] = lambda message: None,
) -> SuiteResult:
    """Run what `folder` does not hold yet; the result is also saved there.

    The result of a job is kept under the hash of everything that determines it, so that a suite continues
    where it stopped, and what two questions or suites share is measured once. A case that fails is named
    with its reason, and tried again the next time.
    """
    planner = JobPlanner(suite, options, folder)
    report("reading the texts", None)
    jobs = {planner.path(job): job for job in planner.jobs()}
    make_folder(folder / "jobs")
    missing = {path: job for path, job in jobs.items() if not path.exists()}
    say(forecast(suite, len(jobs), list(missing.values()), list(jobs), options.num_jobs))
    failures: dict[str, str] = {}
    for path, found in results_of(planner, missing, report):
        if isinstance(found, str):
            job = missing[path]
            failures.setdefault(f"{job.case.label} (seed {job.seed})", found)
        else:
            write_file(path, to_json(found))
    first = planner.job(suite.cases()[0], 0)
    result = SuiteResult(
        suite=suite.title,
        corpus=first.corpus.info,
        held_out=HeldOut(held_out_metrics(first, planner.analyzer(first.case))),
        budget=options.budget or suite.budget,
        num_seeds=planner.num_seeds,
        num_jobs=options.num_jobs,
        device=options.device_config.device.type,
        precision=options.device_config.precision,
        versions=versions(),
        machine=machine(),
        interval_method=INTERVAL_METHOD,
        questions=tuple(answer(question, lambda case: _found(planner, case)) for question in suite.questions),
        failures=failures,
    )
    write_file(folder / RESULT, to_json(result))
    if failures and len(failures) == len(jobs):
        raise TextgenError(f"every case failed; the first one: {next(iter(failures.values()))}")
    return result


def forecast(
    suite: Suite, num_runs: int, missing: Sequence[Job], paths: Sequence[Path], num_jobs: int
) -> str:
    """Return how much there is to do, and about how long it will take."""
    done = [read_record(JobResult, path) for path in paths if path.exists()]
    extra = [found.seconds - found.result.train.seconds for found in done]
    overhead = statistics.mean(extra) if extra else USUAL_OVERHEAD
    usual = statistics.mean(found.result.train.seconds for found in done) if done else 60.0
    seconds = sum(
        overhead + (job.budget.amount if job.budget.unit == "seconds" else usual) for job in missing
    )
    rest = f"; about {seconds / 60 / num_jobs:.0f} min to go" if missing else ""
    return f"{suite.title}: {num_runs} runs, of which {num_runs - len(missing)} are done{rest}"


def _found(planner: JobPlanner, case: Case) -> list[JobResult]:
    """Return the results of a case, one for each seed that there is."""
    first = planner.job(case, 0)
    paths = [planner.path(replace(first, seed=seed)) for seed in range(planner.num_seeds)]
    return [read_record(JobResult, path) for path in paths if path.exists()]
