"""Running a suite: finished jobs are kept, missing ones are run, and effects are computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from textgen.comparison.origins import make_origins
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.jobs.backends import check_equal_machines, open_backend
from textgen.jobs.kept import made_with
from textgen.jobs.runner import Outcome, PlanProgress, run_jobs
from textgen.library import corpus as texts
from textgen.library import options
from textgen.library.progress import shown
from textgen.reports.html import to_html
from textgen.requests import TextOptions
from textgen.results.comparison import HeldOut
from textgen.results.header import header_values
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.messages import about
from textgen.runtime.storage.files import NotSavedError, make_folder, slug, write_file
from textgen.runtime.storage.json_records import write_record
from textgen.runtime.storage.result_folders import PAGE, RUNS, locked, result_folder
from textgen.training.budget import parse_duration
from textgen.training.progress import Report, Step, ignore_report
from textgen_suites.effects import measured_row, question_result, shared_priors
from textgen_suites.planner import CaseRun, JobPlanner, SuiteOptions
from textgen_suites.report import suite_report
from textgen_suites.request import SuiteRequest
from textgen_suites.result import JobResult, QuestionText, SuiteResult
from textgen_suites.schema import Case, Suite, load_suite
from textgen_suites.suite_kind import JOBS, RESULT


def read_again(corpus: texts.TextSource) -> TextOptions:
    """Return the options of a text, those of a loaded corpus with which it is read again."""
    text = texts.as_text(corpus)
    if not isinstance(text.corpus, Corpus):
        return text
    origin = text.corpus.sources
    return TextOptions(
        origin.names,
        clean=text.corpus.cleaner,
        split=str(text.corpus.split.method),
        max_chars=origin.max_chars,
        encoding=origin.encoding,
    )


def suite_as(
    request: SuiteRequest, out: str | Path | None, report: Report | bool | None, refuse: options.Refuse
) -> SuiteResult:
    """Answer the questions of a suite, as `suite` does; `refuse` is called with options without effect."""
    name, text, cluster = request.name, request.text, request.cluster
    texts.check_text(text, refuse)
    options.check_cluster(request, "a suite", refuse)
    declared = load_suite(name)
    refuse(["clean"], f"on {name!r}, of which every case has a cleaner of its own")
    if all(case.budget for case in declared.cases()):
        refuse(["budget"], f"on {name!r}, of which every case has a budget of its own")
    if has_own_texts := all(case.corpus for case in declared.cases()):
        refuse(["corpus", "encoding"], f"on {name!r}, of which every case has a text of its own")
    if request.seeds is not None:
        options.check_numbers(0, seeds=request.seeds)
    asked = declared.under_each(request.budget)
    where = "" if has_own_texts else f"-{slug(texts.name_of(text))}"
    folder = Path(RUNS, f"suite-{slug(Path(name).stem)}{where}") if out is None else Path(out)
    config = choose_device(cluster.device, cluster.precision, made_with(folder, f"{JOBS}/*.json"))
    parse_duration(cluster.entry_timeout, "--entry-timeout")
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(folder, lambda: folder.name),
        shown(report) as tell,
    ):
        settings = SuiteOptions(request=request, device_config=config, backend=backend)
        tell(Step("reading the texts", folder=folder))
        return run_suite(asked, settings, folder, tell)


def run_suite(
    suite: Suite, options: SuiteOptions, folder: Path, report: Report = ignore_report
) -> SuiteResult:
    """Run what `folder` does not hold yet; the result is also saved there.

    The result of a job is kept under the hash of everything that determines it, so that a suite continues
    where it stopped, and what two questions or suites share is measured once. A case that fails is named
    with its reason, and tried again the next time. The folder is locked: a second suite there waits. `report`
    is called with each step, and with remarks. Raises `NotSavedError` with the result if something could not
    be saved, and `TextgenError` if every case failed.
    """
    with locked(folder):
        planner = JobPlanner(suite, options, folder)
        make_origins(planner.entries.values(), options.device_config, report)
        runs = {run.file: run for run in planner.runs()}
        check_equal_machines(options.backend, is_timed=any(run.is_timed for run in runs.values()))
        make_folder(folder / JOBS)
        measured = Measured({path: kept for path, run in runs.items() if (kept := run.kept())})
        missing = [run for path, run in runs.items() if path not in measured.results]
        if not measured.results and (others := _other_precisions(folder, options.device_config)):
            report(Step("", remark=others))
        report(Step("", remark=forecast(planner, measured.results.values(), missing)))
        _measure(missing, planner, measured, report)
        result = _answered(planner, measured)
        try:
            write_record(folder / RESULT, result)
            write_file(folder / PAGE, to_html(suite_report(result)))
        except OSError as error:
            measured.unsaved = error
        if measured.unsaved:
            raise NotSavedError(folder, measured.unsaved, result)
        if not measured.results:
            raise TextgenError(f"every case failed; the first one: {next(iter(measured.failures.values()))}")
        return result


@dataclass
class Measured:
    """The results of jobs, and the reasons of those without one."""

    results: dict[Path, JobResult]
    failures: dict[str, str] = field(default_factory=dict)
    """Why jobs have no result, by their names."""
    unsaved: OSError | None = None
    """Why a result could not be saved."""


def _measure(missing: Sequence[CaseRun], planner: JobPlanner, measured: Measured, report: Report) -> None:
    """Run the jobs of the runs without a result, and keep each result when it comes."""
    backend, runs = planner.options.backend, {run.job.folder: run for run in missing}
    progress = PlanProgress([run.job for run in missing], report, shows_each=backend.num_slots == 1)
    for job, outcome in run_jobs(
        progress.starting(),
        JobResult,
        backend,
        on_step=progress.heard,
        max_silence=parse_duration(planner.options.request.cluster.entry_timeout, "--entry-timeout"),
    ):
        progress.ended(job, outcome)
        run = runs[job.folder]
        received = _received(run, outcome, backend.machines[0].name)
        try:
            new = received if isinstance(received, str) else run.keep(received)
        except OSError as error:
            new, measured.unsaved = received, error
        if isinstance(new, str):
            measured.failures[_name(planner.suite, run)] = new
        else:
            measured.results[run.file] = new


def _answered(planner: JobPlanner, measured: Measured) -> SuiteResult:
    """Return the answers to the questions of a suite."""
    suite, options = planner.suite, planner.options
    first = planner.run(suite.cases()[0], 0)

    def results_of(case: Case) -> list[JobResult]:
        """Return the results of a case, one for each seed that has one."""
        paths = [planner.run(case, seed).file for seed in range(planner.num_seeds)]
        return [measured.results[path] for path in paths if path in measured.results]

    text = _text_of(planner, first)
    priors = shared_priors(list(map(measured_row, results_of(case))) for case in suite.cases())
    latest = next(reversed(measured.results.values()), None)
    return SuiteResult(
        **header_values(
            first.job.experiment.corpus, options.device_config, latest.result.machine if latest else None
        ),
        suite=suite.title,
        held_out=text.held_out,
        lexicons=text.lexicons,
        budget=options.request.budget or suite.budget,
        num_seeds=planner.num_seeds,
        num_jobs=options.backend.num_slots,
        seed_priors=priors,
        questions=tuple(
            replace(
                question_result(question, results_of, priors),
                text_of=_text_of(planner, planner.run(question.cases[0], 0)) if question.corpus else None,
            )
            for question in suite.questions
        ),
        failures=measured.failures,
    )


def _text_of(planner: JobPlanner, run: CaseRun) -> QuestionText:
    """Return the text of a run, and how its authors themselves continued the passages."""
    measured = run.finish.writer.measure_held_out()
    held_out, corpus = HeldOut(measured.metrics, measured.pseudovalues), run.job.experiment.corpus
    return QuestionText(corpus.info, held_out, planner.lexicon(corpus.language).sources)


def _other_precisions(folder: Path, config: DeviceConfig) -> str:
    """Return a note that what a folder holds was measured in another precision; nothing if it was not."""
    kept = made_with(folder, f"{JOBS}/*.json")
    others = {was for on, was in kept if on == config.device.type} - {config.precision}
    if not others:
        return ""
    return (
        f"{str(folder)!r} holds measurements in {' and '.join(sorted(others))}, which are made again in "
        f"{config.precision}; to continue with them, add --precision {min(others)}"
    )


def forecast(planner: JobPlanner, done: Collection[JobResult], missing: Collection[CaseRun]) -> str:
    """Return how much there is to do, and about how long it will take, by the finished runs if there are any.

    A run under a budget in seconds takes that long, besides what the others took for everything else.
    """
    seconds = 0.0
    for run in missing:
        budget, is_timed = run.job.experiment.budget, run.is_timed and run.job.experiment.entry.is_trainable
        if not done:
            seconds += run.job.expected_seconds
        elif is_timed:
            seconds += budget.amount + fmean(each.seconds - each.result.train.seconds for each in done)
        else:
            seconds += fmean(each.seconds for each in done)
    rest = f"; {about(seconds / planner.options.backend.num_slots)} to go" if missing else ""
    return f"{planner.suite.title}: {len(done) + len(missing)} runs, of which {len(done)} are done{rest}"


def _received(run: CaseRun, outcome: Outcome[JobResult], kind: str) -> JobResult | str:
    """Return the result of a run, or why there is none; `kind` is the machine that a budget of time needs."""
    if outcome.result is None:
        return outcome.failure
    made_on = outcome.result.result.machine.name
    if run.is_timed and made_on != kind:
        return f"it was made on a machine that joined later ({made_on}), of another kind than the others"
    return outcome.result


def _name(suite: Suite, run: CaseRun) -> str:
    """Return the case's label and the seed, with the question if its label has another meaning elsewhere."""
    case, name = run.case, f"{run.case.label} (seed {run.job.experiment.seed})"
    if any(other != case for other in suite.cases() if other.label == case.label):
        question = next(question for question in suite.questions if case in question.cases)
        return f"{question.name}: {name}"
    return name
