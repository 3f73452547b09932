"""Running a suite: finished jobs are kept, missing ones are run, and effects are computed."""

from __future__ import annotations

import shutil
import statistics
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from textgen.api import TextgenError, TextgenWarning
from textgen.comparison.results import HeldOut
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.partial import partial_folder
from textgen.registry.attribution import describe_error
from textgen.runtime.device import DeviceConfig
from textgen.runtime.durations import about
from textgen.runtime.environment import command_line, machine, versions
from textgen.runtime.files import NotSavedError, make_folder, write_file
from textgen.runtime.json_records import DamagedRecordError, read_record, write_record
from textgen.runtime.locks import locked
from textgen.suite.effects import answer, measured_run, shared_priors
from textgen.suite.job import Job, measure_held_out
from textgen.suite.page import to_html
from textgen.suite.planner import JobPlanner, SuiteOptions
from textgen.suite.results import JobResult, QuestionText, SuiteResult
from textgen.suite.schema import Case, Question, Suite
from textgen.suite.workers import results_of
from textgen.training.progress import Report, Step, ignore_report

RESULT, PAGE = "suite.json", "report.html"


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
    with its reason, and tried again the next time. The folder is locked: a second suite there waits. Raises
    `NotSavedError` with the result if something could not be saved.
    """
    with locked(folder):
        return _run_suite(suite, options, folder, report, say)


def _run_suite(
    suite: Suite, options: SuiteOptions, folder: Path, report: Report, say: Callable[[str], None]
) -> SuiteResult:
    planner = JobPlanner(suite, options, folder)
    report(Step("reading the texts"))
    jobs = {planner.path(job): job for job in planner.jobs()}
    make_folder(folder / "jobs")
    results = {path: kept for path, job in jobs.items() if (kept := _kept(path, job)) is not None}
    missing = {path: job for path, job in jobs.items() if path not in results}
    if not results and (others := _other_precisions(folder, options.device_config)):
        say(others)
    say(forecast(suite, results.values(), missing.values(), options.num_jobs))
    failures: dict[str, str] = {}
    about = next((kept.result.machine for kept in results.values()), machine())
    unsaved: OSError | None = None
    for path, made in results_of(planner, missing, report):
        try:
            found = made if isinstance(made, str) else _keep(path, made)
        except OSError as error:
            found, unsaved = made, error
        if isinstance(found, str):
            failures[_name(suite, missing[path])] = found
        else:
            results[path], about = found, found.result.machine
    first = planner.job(suite.cases()[0], 0)
    found_of = partial(_found, planner, results)
    measured = measure_held_out(first, planner.analyzer(first.case))
    priors = shared_priors(list(map(measured_run, found_of(case))) for case in suite.cases())
    result = SuiteResult(
        command=command_line(),
        suite=suite.title,
        corpus=first.corpus.info,
        sources=first.corpus.sources,
        held_out=HeldOut(measured.metrics, measured.pseudovalues),
        lexicons=planner.lexicon(first.corpus.language).sources,
        budget=options.budget or suite.budget,
        num_seeds=planner.num_seeds,
        num_jobs=options.num_jobs,
        device=options.device_config.device.type,
        precision=options.device_config.precision,
        versions=versions(),
        machine=about,
        interval_method=INTERVAL_METHOD,
        seed_priors=priors,
        questions=tuple(
            replace(answer(question, found_of, priors), text_of=_text_of(planner, question))
            for question in suite.questions
        ),
        failures=failures,
    )
    try:
        write_record(folder / RESULT, result)
        write_file(folder / PAGE, to_html(result))
    except OSError as error:
        unsaved = error
    if unsaved:
        raise NotSavedError(folder, unsaved, result)
    if not results:
        raise TextgenError(f"every case failed; the first one: {next(iter(failures.values()))}")
    return result


def _text_of(planner: JobPlanner, question: Question) -> QuestionText | None:
    """Return the text of a question that names its own."""
    if question.corpus is None:
        return None
    first = planner.job(question.cases[0], 0)
    measured = measure_held_out(first, planner.analyzer(first.case))
    sources = planner.lexicon(first.corpus.language).sources
    return QuestionText(first.corpus.info, HeldOut(measured.metrics, measured.pseudovalues), sources)


def made_with(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of each measurement that a folder holds, without damaged ones."""
    for path in sorted(folder.glob("jobs/*.json")):
        with suppress(TextgenError):
            settings = read_record(JobResult, path, needs_digest=True).settings
            yield settings.device, settings.precision


def _other_precisions(folder: Path, config: DeviceConfig) -> str:
    """Return a note that what a folder holds was measured in another precision; nothing if it was not."""
    others = {was for on, was in made_with(folder) if on == config.device.type} - {config.precision}
    if not others:
        return ""
    return (
        f"{str(folder)!r} holds measurements in {' and '.join(sorted(others))}, which are made again in "
        f"{config.precision}; to continue with them, add --precision {min(others)}"
    )


def forecast(suite: Suite, done: Collection[JobResult], missing: Collection[Job], num_jobs: int) -> str:
    """Return how much there is to do, and about how long it will take, by the finished runs if there are any.

    A run under a budget in seconds takes that long, besides what the others took for everything else.
    """
    seconds = 0.0
    for job in missing:
        if not done:
            seconds += expected_seconds(job.entry, job.corpus, job.budget)
        elif job.budget.unit == "seconds" and job.entry.is_trainable:
            seconds += job.budget.amount
            seconds += statistics.mean(found.seconds - found.result.train.seconds for found in done)
        else:
            seconds += statistics.mean(found.seconds for found in done)
    rest = f"; {about(seconds / num_jobs)} to go" if missing else ""
    return f"{suite.title}: {len(done) + len(missing)} runs, of which {len(done)} are done{rest}"


def _kept(path: Path, job: Job) -> JobResult | None:
    """Return the result in a file; None without one, or with a `TextgenWarning` if it is damaged."""
    if not path.exists():
        return None
    try:
        found = read_record(JobResult, path, needs_digest=True)
        misfit = job.misfit(found)
        if misfit is None:
            return found
        problem = f"{str(path)!r} cannot be used: {misfit}"
    except TextgenError as error:
        problem = str(error)
    warnings.warn(f"{problem}; it is measured again", TextgenWarning, stacklevel=2)
    return None


def _keep(path: Path, result: JobResult) -> JobResult | str:
    """Write a result and return what later runs will read, or the reason why it is not JSON."""
    try:
        write_record(path, result)
        shutil.rmtree(partial_folder(path), ignore_errors=True)
        return read_record(JobResult, path, needs_digest=True)
    except (ValueError, TypeError, DamagedRecordError) as error:
        return f"its result cannot be kept: {describe_error(error)}"


def _name(suite: Suite, job: Job) -> str:
    """Return the case's label and the seed, with the question if its label has another meaning elsewhere."""
    case, name = job.case, f"{job.case.label} (seed {job.seed})"
    if any(other != case for other in suite.cases() if other.label == case.label):
        question = next(question for question in suite.questions if case in question.cases)
        return f"{question.name}: {name}"
    return name


def _found(planner: JobPlanner, results: Mapping[Path, JobResult], case: Case) -> list[JobResult]:
    """Return the results of a case, one for each seed that has one."""
    first = planner.job(case, 0)
    paths = [planner.path(replace(first, seed=seed)) for seed in range(planner.num_seeds)]
    return [results[path] for path in paths if path in results]
