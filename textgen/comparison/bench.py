"""Entries × seeds on one corpus: trained under one budget or several, scored, sampled and compared.

A comparison under several budgets is a ladder: that under each budget is in a subfolder that is named by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from os.path import commonpath
from pathlib import Path

from textgen.comparison.bench_kind import BENCH, DETAILS, LADDER
from textgen.comparison.entry_job import EntryJob, EntryOutcome, WriteRow, make_origins, train_all
from textgen.comparison.references import has_references, score_references, score_yardsticks
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.defaults import ENTRY_TIMEOUT, SAMPLER
from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.evaluation.memorization import find_overlap
from textgen.evaluation.metrics import MeasuredText, MetricInfo
from textgen.evaluation.plugin_metrics import measure_metrics, try_metrics
from textgen.evaluation.text_metrics import Lexicon, TextAnalyzer, load_lexicon
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import stages_of, stages_of_comparison
from textgen.experiment.samples import SampleWriter
from textgen.generation.bound_sampler import suited_to, tried_temperatures
from textgen.jobs.backends import Backend, LocalBackend, check_equal_machines
from textgen.jobs.kept import check_reuse
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html
from textgen.reports.ladder_report import ladder_report
from textgen.reports.markdown import to_markdown
from textgen.requests import BenchRequest, SampleOptions, several
from textgen.results.comparison import Comparison, HeldOut, ReferenceScore
from textgen.results.details import Details, DetailsReader
from textgen.results.folders import RUNS_OF_BENCH, run_folder
from textgen.results.header import header_values
from textgen.results.judge import judge, ladder
from textgen.results.ladder import Ladder
from textgen.results.passages import choose_passages
from textgen.results.row import rows_by_entry
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import command_line
from textgen.runtime.messages import install
from textgen.runtime.storage.files import NotSavedError, make_folder, write_file
from textgen.runtime.storage.json_records import read_record, write_record
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen.training.budget import Budget, ladder_of, parse_duration
from textgen.training.progress import Report, Stage, Step, ignore_report


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Settings of a comparison, besides its entries and corpus."""

    request: BenchRequest = BenchRequest(samples=SampleOptions(sampler=SAMPLER))
    """The command: seeds, samples, and the file of a sealed text."""
    budget: Budget
    device_config: DeviceConfig
    has_references: bool = True
    """True if compressors and reference entries are scored too."""
    has_details: bool = True
    """True if the first run of each entry writes while it is trained, reads passages and tries samplers."""
    entry_timeout: float = parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    """Seconds without progress after which an entry is ended."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Entries that cannot be tried, and why."""
    backend: Backend = field(default_factory=LocalBackend)
    """The backend that computes the runs."""
    yardsticks: Sequence[str] = ()
    """Models from elsewhere that are scored too, such as `hf:models/gpt2`."""

    def suited_to(self, corpus: Corpus) -> BenchOptions:
        """Return the settings with samplers whose entropy suits the text, each once."""
        samples = self.request.samples
        specs = dict.fromkeys(suited_to(each, corpus.split.train.text) for each in several(samples.sampler))
        return replace(self, request=replace(self.request, samples=replace(samples, sampler=[*specs])))

    @property
    def samplers(self) -> list[str]:
        """The samplers, the first of which is measured."""
        return several(self.request.samples.sampler)

    @property
    def metrics(self) -> list[str]:
        """The metrics of plugins."""
        return several(self.request.samples.metric)


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
    entries: Sequence[Entry], corpus: Corpus, options: BenchOptions, out: Path, report: Report = ignore_report
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
    prepared = _prepare(entries, corpus, options, budgets, report)
    progress = PlanProgress(prepared.jobs, report)
    outcomes, silence = dict(prepared.outcomes), options.entry_timeout
    unsaved: list[OSError] = []
    # The loop is here, since frames of this function are on the stack of every process that starts.
    for job, outcome in run_jobs(
        progress.starting(), EntryOutcome, options.backend, on_step=progress.heard, max_silence=silence
    ):
        progress.ended(job, outcome)
        outcomes[job.folder] = outcome.result or _failed(job.experiment, outcome.failure)
        unsaved += [OSError(outcome.unsaved)] if outcome.unsaved else []
    report(Step("comparing with references"))
    references = list(prepared.yardsticks)
    if options.has_references:
        text, config = prepared.corpus, options.device_config
        references += score_references(entries, text, options.budget, config, silence)
    return _conclude(prepared, outcomes, references, unsaved, report)


@dataclass(frozen=True)
class _Prepared:
    """Comparisons whose text is prepared, and whose runs are planned."""

    rungs: Mapping[Path, BenchOptions]
    """The settings of each, by its folder."""
    plans: Mapping[Path, Mapping[Path, Experiment]]
    """The experiments of each, by the folders of their runs."""
    corpus: Corpus
    """With the text that was sealed."""
    lexicon: Lexicon
    reader: DetailsReader
    yardsticks: Sequence[ReferenceScore]
    jobs: Sequence[EntryJob[EntryOutcome]]
    outcomes: Mapping[Path | None, EntryOutcome]
    """Those of runs that have no job, since their training failed."""


def _prepare(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    budgets: Mapping[Path, Budget],
    report: Report,
) -> _Prepared:
    """Plan the runs, make their folders and whatever is made once from the text, and score yardsticks.

    A sealed text is opened when all entries are trained.
    """
    options = options.suited_to(corpus)
    tried_temperatures(options.samplers)
    try_metrics(options.metrics)
    rungs = {out: replace(options, budget=budget) for out, budget in budgets.items()}
    check_equal_machines(options.backend, is_timed=any(each.is_timed for each in budgets.values()))
    for out in rungs:
        make_folder(out / RUNS_OF_BENCH)
    silence, failures = options.entry_timeout, dict[Path, str]()
    before = [run for out, each in rungs.items() for run in plan(entries, corpus, each, out).items()]
    stages = _stages(dict(before), corpus, options)
    make_origins(entries, options.device_config, report, silence, then=stages)
    samples, sealed = options.request.samples, options.request.text.sealed
    for remark in _left_out(options):
        report(Step("", remark=remark))
    if sealed is not None:
        failures = train_all(dict(before), options.backend, silence, report, then=stages)
        report(Step("opening the sealed text"))
        corpus = corpus.with_sealed(sealed)
    plans = {out: plan(entries, corpus, each, out) for out, each in rungs.items()}
    experiments = {folder: each for planned in plans.values() for folder, each in planned.items()}
    stages = _stages(experiments, corpus, options)
    report(_preparing(experiments, Path(commonpath(rungs)), stages))
    held_out, lexicon = corpus.split.held_out.stretches(), load_lexicon(corpus.language)
    analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
    writer = SampleWriter(held_out, analyzer, samples.length, several(samples.prompt))
    reader = DetailsReader(writer, choose_passages(held_out), options.device_config)
    device = options.device_config.device
    yardsticks, unscored = score_yardsticks(options.yardsticks, corpus, device, silence, report)
    broken = {**options.broken, **unscored}
    return _Prepared(
        {out: replace(each, broken=broken) for out, each in rungs.items()},
        plans,
        corpus,
        lexicon,
        reader,
        yardsticks,
        [
            _job(folder, each, reader, options, has_budgets=len(rungs) > 1)
            for folder, each in experiments.items()
            if folder not in failures
        ],
        {folder: _failed(experiments[folder], reason) for folder, reason in failures.items()},
    )


def _left_out(options: BenchOptions) -> Iterator[str]:
    """Yield what a comparison lacks and why, to be said before anything is trained."""
    yield from (f"skipped {name}: {reason}" for name, reason in options.broken.items())
    if options.has_references and find_spec("pyppmd") is None:
        yield f"no PPMd among the references; to add it, run: {install('ppmd')}"


def _conclude(
    prepared: _Prepared,
    outcomes: Mapping[Path | None, EntryOutcome],
    references: Sequence[ReferenceScore],
    unsaved: list[OSError],
    report: Report,
) -> Benched:
    """Judge and save each comparison."""
    results = []
    for out, options in prepared.rungs.items():
        made = [outcomes[folder] for folder in prepared.plans[out]]
        result = _judged(made, references, prepared, options)
        report(Step("writing the report"))
        read = [(each.details, each.samples) for each in made if each.details]
        written = [text for each in made for text in each.texts]
        try:
            _save(out, result, prepared.reader.details(read, written))
        except OSError as error:
            unsaved.insert(0, error)
        results.append(result)
    return Benched(tuple(results), next(iter(unsaved), None))


def _judged(
    outcomes: Sequence[EntryOutcome],
    references: Sequence[ReferenceScore],
    prepared: _Prepared,
    options: BenchOptions,
) -> Comparison:
    """Return the comparison of what the runs came to."""
    corpus, writer = prepared.corpus, prepared.reader.writer
    metrics, measured, rows = _measured_by_plugins(outcomes, writer, options)
    rows += [FailedEntry(name, options.request.seed, reason) for name, reason in options.broken.items()]
    ranked = [row for row in rows if isinstance(row, EntryResult)]
    # Passages that overlap repeat each other, so the held-out text tells nothing about what is closest to it.
    held_out = HeldOut(measured.metrics, {} if writer.passages_overlap else measured.pseudovalues)
    measured_rows = rows_by_entry(ranked, corpus.split.scored_on)
    return Comparison(
        **header_values(corpus, options.device_config, ranked[0].machine if ranked else None),
        budget=options.budget,
        scored_on=corpus.split.scored_on,
        prompts=tuple(writer.shown_prompts()),
        measured_sampler=options.samplers[0],
        lexicons=prepared.lexicon.sources,
        references=tuple(references),
        held_out=held_out,
        overlap=find_overlap(corpus.split.held_out.stretches(), corpus.split.train.text),
        seed_priors=dict(SHIPPED_PRIORS),
        **vars(judge(measured_rows, held_out, SHIPPED_PRIORS, metrics)),
        entries=tuple(rows),
        other_metrics=tuple(metrics),
    )


def _measured_by_plugins(
    outcomes: Sequence[EntryOutcome], writer: SampleWriter, options: BenchOptions
) -> tuple[list[MetricInfo], MeasuredText, list[EntryResult | FailedEntry]]:
    """Return the metrics of plugins, and with them the measured held-out text and the rows."""
    author, rows = writer.measure_held_out(), [each.row for each in outcomes]
    written = [each.texts[0].texts if each.texts else () for each in outcomes]
    found = measure_metrics(options.metrics, [writer.author_texts, *written])
    for each in filter(lambda each: each.info.problem is None, found):
        of_author, *of_rows = each.measured()
        author |= of_author
        rows = [
            row.with_metrics(measured) if isinstance(row, EntryResult) else row
            for row, measured in zip(rows, of_rows, strict=True)
        ]
    return [each.info for each in found], author, rows


def _preparing(experiments: Mapping[Path, Experiment], out: Path, stages: tuple[Stage, ...]) -> Step:
    """Return the first step, with the number of runs that are kept.

    Raises `TextgenError` for one that was made with other settings.
    """
    for folder, experiment in experiments.items():
        check_reuse(folder, experiment)
    number, kept = len(experiments), sum(folder.exists() for folder in experiments)
    remark = f"reusing {kept} of {number} runs from {out}; {number - kept} to train" if kept else ""
    return Step("preparing the text", total=number, stages=stages, remark=remark)


def _stages(
    experiments: Mapping[Path, Experiment], corpus: Corpus, options: BenchOptions
) -> tuple[Stage, ...]:
    """Return the stages of comparisons."""
    has_budgets = len({each.budget for each in experiments.values()}) > 1
    runs = [
        stage
        for folder, each in experiments.items()
        for stage in stages_of(_title(each, options, has_budgets=has_budgets), each, folder)
    ]
    entries = list({each.entry.name: each.entry for each in experiments.values()}.values())
    is_known = len(corpus.split.test) and has_references(
        entries, corpus, options.budget, options.device_config
    )
    scores = options.has_references and not is_known
    return stages_of_comparison(runs, len(corpus.split.train) if scores else None)


def _save(out: Path, result: Comparison, details: Details) -> None:
    """Write a result and its reports."""
    write_record(out / BENCH, result)
    write_record(out / DETAILS, details)
    write_file(out / MARKDOWN, to_markdown(bench_report(result)))
    write_file(out / PAGE, to_html(bench_report(result, details)))


def compared_before(out: Path) -> list[str]:
    """Return the entries and yardsticks of a comparison that a folder holds, without those that failed."""
    if not (out / BENCH).is_file():
        return []
    result = read_record(Comparison, out / BENCH)
    yardsticks = [each.name for each in result.references if each.is_pretrained]
    return list(dict.fromkeys([*(row.name for row in result.runs), *yardsticks]))


def _job(
    folder: Path, experiment: Experiment, reader: DetailsReader, options: BenchOptions, *, has_budgets: bool
) -> EntryJob[EntryOutcome]:
    """Return the job of a run."""
    seed = experiment.seed
    samplers = [("sampler", spec.partition(":")[0]) for spec in options.samplers]
    return EntryJob(
        experiment,
        plugin_files([*samplers, *experiment.entry.components.values()]),
        WriteRow(reader, options.samplers, has_details=options.has_details and seed == options.request.seed),
        folder,
        keeps_run=True,
        title=_title(experiment, options, has_budgets=has_budgets),
    )


def _title(experiment: Experiment, options: BenchOptions, *, has_budgets: bool) -> str:
    """Return the name of a run, with its seed and its budget if there are several."""
    title = f"{experiment.entry.name}, {experiment.budget}" if has_budgets else experiment.entry.name
    return f"{title}, seed {experiment.seed}" if options.request.seeds > 1 else title


def _failed(experiment: Experiment, reason: str) -> EntryOutcome:
    return EntryOutcome(row=FailedEntry(experiment.entry.name, experiment.seed, reason))


def plan(
    entries: Sequence[Entry], corpus: Corpus, options: BenchOptions, out: Path
) -> dict[Path, Experiment]:
    """Return the experiments, each entry with each seed, by the folders of their runs."""
    first, common = options.request.seed, (corpus, options.budget, options.device_config)
    return {
        run_folder(out, entry.name, seed): Experiment(
            entry, *common, seed, writes=options.has_details and seed == first
        )
        for entry in entries
        for seed in range(first, first + options.request.seeds)
    }


def run_ladder(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    out: Path,
    *,
    budgets: Sequence[Budget],
    report: Report = ignore_report,
) -> Ladder:
    """Compare the entries under each of the rising budgets; the results are also saved in `out`.

    What `out` holds is reused, as `bench` does. Raises `NotSavedError` with the result if something could not
    be saved.
    """
    made = bench_each(entries, corpus, options, {out / budget: budget for budget in budgets}, report)
    result, unsaved = ladder(made.results, command_line()), made.unsaved
    try:
        write_record(out / LADDER, result)
        written = ladder_report(result, made.results[-1])
        write_file(out / MARKDOWN, to_markdown(written))
        write_file(out / PAGE, to_html(written))
    except OSError as error:
        unsaved = error
    if unsaved:
        raise NotSavedError(out, unsaved, result) from unsaved
    return result


def budgets_with(out: Path, asked: Sequence[Budget]) -> tuple[Budget, ...]:
    """Return the budgets under which entries are compared in a folder: those of its ladder belong to it.

    Raises `TextgenError` if they do not fit together.
    """
    held = [*read_record(Ladder, out / LADDER).budgets] if (out / LADDER).is_file() else []
    is_new = {budget.amount for budget in asked}.isdisjoint(budget.amount for budget in held)
    if len(asked) == 1 and not held:
        return tuple(asked)
    if len(asked) == 1 and is_new:
        raise TextgenError(
            f"{str(out)!r} holds a ladder without the budget {asked[0]}: add entries at one of its budgets "
            f"({', '.join(held)}), or add the budget with --budget {held[0]},{asked[0]}"
        )
    if len(asked) > 1 and (out / RUNS_OF_BENCH).exists():
        raise TextgenError(f"{str(out)!r} holds a comparison under one budget; choose another folder (--out)")
    if held and held[0].unit != asked[0].unit:
        raise TextgenError(
            f"{str(out)!r} holds a comparison of {', '.join(held)}; give budgets in the same unit, "
            "or choose another folder (--out)"
        )
    # One that is there may be written in another way, such as 60s instead of 1m.
    return ladder_of({each.amount: each for each in (*asked, *held)}.values())


def compared_in(out: Path, budgets: Sequence[Budget]) -> list[str]:
    """Return the entries of the comparisons that a folder holds, of one budget or of several."""
    folders = [out, *(out / budget for budget in budgets)]
    return list(dict.fromkeys(name for folder in folders for name in compared_before(folder)))
