"""Entries × seeds on one corpus: trained under one budget, scored, sampled and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from os.path import commonpath
from pathlib import Path

from textgen.comparison.entry_job import EntryJob, EntryOutcome
from textgen.comparison.references import score_references, score_yardsticks
from textgen.comparison.sealed import open_sealed
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.defaults import ENTRY_TIMEOUT, SAMPLE_CHARS, SAMPLER
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.evaluation.lexicon import Lexicon, load_lexicon
from textgen.evaluation.memorization import find_overlap
from textgen.evaluation.seed_priors import SHIPPED_PRIORS
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import seconds_of, seconds_of_references
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import read_manifest
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend, LocalBackend, check_equal_machines
from textgen.jobs.kept import check_reuse
from textgen.jobs.runner import Outcome, PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison, HeldOut, ReferenceScore
from textgen.results.details import Details, DetailsReader
from textgen.results.folders import run_folder
from textgen.results.guesses import guessed_by_reader
from textgen.results.judge import judge
from textgen.results.passages import choose_passages
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import command_line, machine, versions
from textgen.runtime.storage.files import NotSavedError, make_folder, write_file
from textgen.runtime.storage.json_records import read_record, write_record
from textgen.training.budget import Budget, parse_duration
from textgen.training.progress import Report, Step, ignore_report

RESULT, DETAILS, REPORT, PAGE = "bench.json", "details.json", "report.md", "report.html"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Settings of a comparison, besides its entries and corpus."""

    budget: Budget
    device_config: DeviceConfig
    seed: int = 0
    num_seeds: int = 1
    prompts: Sequence[str] = ()
    samplers: Sequence[str] = (SAMPLER,)
    num_chars: int = SAMPLE_CHARS
    spells: bool = True
    """True if word models write words that their vocabulary lacks."""
    has_references: bool = True
    """True if compressors and reference entries are scored too."""
    entry_timeout: float = parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    """Seconds without progress after which an entry is ended."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Entries that cannot be tried, and why."""
    backend: Backend = field(default_factory=LocalBackend)
    """The backend that computes the runs."""
    sealed: str | None = None
    """The file with the text that is scored, which is opened when all entries are trained."""
    yardsticks: Sequence[str] = ()
    """Models from elsewhere that are scored too, such as `hf:models/gpt2`."""


@dataclass(frozen=True)
class Benched:
    """Results of comparisons that were made together, one for each budget."""

    results: tuple[Comparison, ...]
    unsaved: OSError | None
    """Why something could not be saved."""

    def single(self, out: Path) -> Comparison:
        """Return the only result; raises `NotSavedError` with it if it could not be saved."""
        (result,) = self.results
        if self.unsaved:
            raise NotSavedError(out, self.unsaved, result) from self.unsaved
        return result


def bench(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    out: Path,
    report: Report = ignore_report,
) -> Comparison:
    """Compare the entries; the result is also saved in `out`.

    A run that `out` already holds is reused if it was made with the same settings; otherwise it is an error.
    An entry that fails gets its reason instead of results; the others continue. Raises `NotSavedError` with
    the result if something could not be saved.
    """
    return bench_each(entries, corpus, options, {out: options.budget}, report).single(out)


def bench_each(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    budgets: Mapping[Path, Budget],
    report: Report = ignore_report,
) -> Benched:
    """Compare the entries under several budgets, each in its own folder; the text is prepared once."""
    for spec in options.samplers:
        build_sampler(spec).try_out()
    rungs = {out: replace(options, budget=budget) for out, budget in budgets.items()}
    plans = {out: plan(entries, corpus, each, out) for out, each in rungs.items()}
    shared = _prepare(plans, corpus, options, report)
    check_equal_machines(options.backend, is_timed=any(each.unit == "seconds" for each in budgets.values()))
    corpus, device, silence = shared.corpus, options.device_config, options.entry_timeout
    references, unscored = score_yardsticks(
        options.yardsticks, corpus, device.device, silence, [out / RESULT for out in rungs], report
    )
    jobs = [
        _job(folder, each, shared.reader, options, len(rungs) > 1)
        for folder, each in shared.experiments.items()
        if folder not in shared.failures
    ]
    progress = PlanProgress(jobs, report, seconds_after=seconds_of_references(shared.experiments))
    outcomes = {folder: _failed(shared.experiments[folder], why) for folder, why in shared.failures.items()}
    # Frames of this function are on the stack of every training run, so the loop is here.
    for job, outcome in run_jobs(
        progress.starting(), EntryOutcome, options.backend, on_step=progress.heard, max_silence=silence
    ):
        progress.ended(job, outcome)
        outcomes[job.folder] = _row(job, outcome)
    report(Step("comparing with references"))
    if options.has_references:
        references += score_references(entries, corpus, options.budget, device, silence)
    made = {
        out: (
            replace(each, broken={**options.broken, **unscored}),
            [outcomes[folder] for folder in plans[out]],
        )
        for out, each in rungs.items()
    }
    return _conclude(made, references, shared, report)


@dataclass(frozen=True)
class _Shared:
    """What all runs of comparisons share."""

    corpus: Corpus
    """With the text that was sealed."""
    experiments: Mapping[Path, Experiment]
    failures: Mapping[Path, str]
    """Why some of them have no trained entry."""
    lexicon: Lexicon
    writer: SampleWriter
    reader: DetailsReader


def _prepare(
    plans: Mapping[Path, Mapping[Path, Experiment]], corpus: Corpus, options: BenchOptions, report: Report
) -> _Shared:
    """Make the folders and whatever is made once from the text; a sealed text is opened after training."""
    experiments = {folder: each for planned in plans.values() for folder, each in planned.items()}
    for out in plans:
        make_folder(out / "runs")
    corpus, failures = open_sealed(
        options.sealed, corpus, experiments, options.backend, max_silence=options.entry_timeout, report=report
    )
    experiments = {folder: replace(each, corpus=corpus) for folder, each in experiments.items()}
    report(_preparing(experiments, Path(commonpath(plans))))
    lexicon = load_lexicon(corpus.language)
    analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
    held_out = corpus.split.held_out.stretches()
    writer = SampleWriter(held_out, analyzer, options.num_chars, options.prompts, options.spells)
    reader = DetailsReader(writer, choose_passages(held_out), options.device_config)
    return _Shared(corpus, experiments, failures, lexicon, writer, reader)


def _conclude(
    made: Mapping[Path, tuple[BenchOptions, Sequence[EntryOutcome]]],
    references: Sequence[ReferenceScore],
    shared: _Shared,
    report: Report,
) -> Benched:
    """Judge and save each comparison: its folder, its options, and the outcomes of its runs."""
    results = []
    unsaved = [OSError(each.unsaved) for _, outcomes in made.values() for each in outcomes if each.unsaved]
    for out, (options, outcomes) in made.items():
        result = _judged(outcomes, references, shared, options)
        report(Step("writing the report"))
        read = [(each.details, each.samples) for each in outcomes if each.details]
        written = [text for each in outcomes for text in each.texts]
        try:
            _save(out, result, shared.reader.details(read, written))
        except OSError as error:
            unsaved.insert(0, error)
        results.append(result)
    return Benched(tuple(results), next(iter(unsaved), None))


def _judged(
    outcomes: Sequence[EntryOutcome],
    references: Sequence[ReferenceScore],
    shared: _Shared,
    options: BenchOptions,
) -> Comparison:
    """Return the comparison of what the runs came to."""
    corpus, writer = shared.corpus, shared.writer
    rows = [each.row for each in outcomes]
    rows += [FailedEntry(name, options.seed, reason) for name, reason in options.broken.items()]
    ranked = [row for row in rows if isinstance(row, EntryResult)]
    measured = writer.measure_held_out()
    # Passages that overlap repeat each other, so the held-out text tells nothing about what is closest to it.
    held_out = HeldOut(measured.metrics, {} if writer.passages_overlap else measured.pseudovalues)
    verdicts = judge(ranked, held_out, corpus.split.scored_on, SHIPPED_PRIORS)
    return Comparison(
        command=command_line(),
        made=datetime.now(UTC).date().isoformat(),
        corpus=corpus.info,
        sources=corpus.sources,
        budget=str(options.budget),
        device=options.device_config.device.type,
        precision=options.device_config.precision,
        versions=versions(),
        machine=ranked[0].machine if ranked else machine(),
        scored_on=corpus.split.scored_on,
        prompts=tuple(writer.shown_prompts()),
        measured_sampler=options.samplers[0],
        lexicons=shared.lexicon.sources,
        references=tuple(references),
        held_out=held_out,
        overlap=find_overlap(corpus.split.held_out.stretches(), corpus.split.train.text),
        interval_method=INTERVAL_METHOD,
        seed_priors=dict(SHIPPED_PRIORS),
        scores=verdicts.scores,
        differences=verdicts.differences,
        resolution=verdicts.resolution,
        metrics=verdicts.metrics,
        entries=tuple(rows),
    )


def _preparing(experiments: Mapping[Path, Experiment], out: Path) -> Step:
    """Return the first step, with the number of runs that are kept and about how long the others take.

    Raises `TextgenError` for one that was made with other settings; of one that cannot be read, the row will
    say so.
    """
    for folder, experiment in experiments.items():
        if _is_readable(folder):
            check_reuse(folder, experiment)
    number, kept = len(experiments), sum(folder.exists() for folder in experiments)
    remark = f"{kept} of {number} runs are kept in {out} and reused; {number - kept} to train" if kept else ""
    each = [seconds_of(folder, experiment) for folder, experiment in experiments.items()]
    whole = sum(each) + seconds_of_references(experiments) if each else None
    return Step("preparing the text", total=number, seconds_left=whole, remark=remark)


def _is_readable(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except TextgenError:
        return False
    return True


def _save(out: Path, result: Comparison, details: Details) -> None:
    """Write a result and its reports."""
    write_record(out / RESULT, result)
    write_record(out / DETAILS, details)
    report = bench_report(result, details, readers=guessed_by_reader(out))
    write_file(out / REPORT, to_markdown(report))
    write_file(out / PAGE, to_html(report))


def compared_before(out: Path) -> list[str]:
    """Return the entries and yardsticks of a comparison that a folder holds, without those that failed."""
    if not (out / RESULT).is_file():
        return []
    result = read_record(Comparison, out / RESULT)
    yardsticks = [each.name for each in result.references if each.is_pretrained]
    return list(dict.fromkeys([*(row.name for row in result.runs), *yardsticks]))


def _job(
    folder: Path, experiment: Experiment, reader: DetailsReader, options: BenchOptions, has_budgets: bool
) -> EntryJob:
    """Return the job of a run; if there are several budgets, it is named by its own too."""
    name, seed = experiment.entry.name, experiment.seed
    title = f"{name}, {experiment.budget}" if has_budgets else name
    samplers = [("sampler", spec.partition(":")[0]) for spec in options.samplers]
    return EntryJob(
        folder,
        plugin_files([*samplers, *experiment.entry.components.values()]),
        experiment,
        reader,
        options.samplers,
        title=f"{title}, seed {seed}" if options.num_seeds > 1 else title,
        expected_seconds=seconds_of(folder, experiment),
        has_details=seed == options.seed,
    )


def _row(job: EntryJob, outcome: Outcome[EntryOutcome]) -> EntryOutcome:
    """Return the outcome of an entry, whose row says why if its job failed."""
    if outcome.result is None:
        return _failed(job.experiment, outcome.failure)
    return replace(outcome.result, unsaved=outcome.unsaved or outcome.result.unsaved)


def _failed(experiment: Experiment, reason: str) -> EntryOutcome:
    return EntryOutcome(row=FailedEntry(experiment.entry.name, experiment.seed, reason))


def plan(
    entries: Sequence[Entry], corpus: Corpus, options: BenchOptions, out: Path
) -> dict[Path, Experiment]:
    """Return the experiments, each entry with each seed, by the folders of their runs."""
    return {
        run_folder(out, entry.name, seed): Experiment(
            entry, corpus, options.budget, options.device_config, seed
        )
        for entry in entries
        for seed in range(options.seed, options.seed + options.num_seeds)
    }
