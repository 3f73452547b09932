"""Running a suite: each variant of the text, the budget and the sampler is a bench in a folder of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from textgen.comparison.bench import BenchOptions, bench_each, plan
from textgen.comparison.bench_kind import BENCH
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.defaults import ENCODING
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entries
from textgen.experiment.entry_result import EntryResult
from textgen.generation.bound_sampler import suited_to
from textgen.jobs.backends import open_backend
from textgen.jobs.kept import check_reuse, made_with
from textgen.library import corpus as texts
from textgen.library import options
from textgen.library.progress import shown
from textgen.registry.registry import PluginError
from textgen.reports.html import to_html
from textgen.requests import BenchRequest, SampleOptions, TextOptions
from textgen.results.comparison import Comparison
from textgen.results.header import header_values
from textgen.runtime.device import choose_device
from textgen.runtime.storage.files import NotSavedError, slug, write_file
from textgen.runtime.storage.json_records import read_record, to_values, write_record
from textgen.runtime.storage.result_folders import PAGE, RUNS, locked, result_folder
from textgen.training.budget import parse_budget, parse_duration
from textgen.training.progress import Report, Step, ignore_report
from textgen_suites.effects import PRIORS, question_result, validation_bits
from textgen_suites.report import suite_report
from textgen_suites.request import SuiteRequest
from textgen_suites.result import SuiteResult
from textgen_suites.schema import Case, Suite, load_suite
from textgen_suites.suite_kind import RESULT


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
        sealed=origin.sealed,
    )


def suite_as(
    request: SuiteRequest, out: str | Path | None, report: Report | bool | None, given: options.Given
) -> SuiteResult:
    """Answer the questions of a suite, as `suite` does; `given` are options that may have no effect."""
    name, text, cluster = request.name, request.text, request.cluster
    texts.check_text(text)
    options.check_cluster(request, "a suite", given)
    declared = load_suite(name)
    options.refuse(given, ["clean"], f"on {name!r}, in which every case has its own cleaner")
    options.refuse(given, ["sealed"], "on a suite, which has no sealed text")
    if all(case.budget for case in declared.cases()):
        options.refuse(given, ["budget"], f"on {name!r}, in which every case has its own budget")
    if has_own_texts := all(case.corpus for case in declared.cases()):
        options.refuse(given, ["corpus", "encoding"], f"on {name!r}, in which every case has its own text")
    options.check_numbers(request.seed, seeds=declared.seeds if request.seeds is None else request.seeds)
    asked = declared.asked(request.budget, request.seeds, request.question)
    where = "" if has_own_texts else f"-{slug(texts.name_of(text))}"
    folder = Path(RUNS, f"suite-{slug(Path(name).stem)}{where}") if out is None else Path(out)
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(folder, lambda: folder.name),
        shown(report) as tell,
    ):
        tell(Step("reading the texts", folder=folder))
        settings = BenchOptions(
            request=BenchRequest(seed=request.seed),
            budget=parse_budget(asked.budget),
            device_config=choose_device(
                cluster.device, cluster.precision, made_with(folder, "*/runs/*/run.json")
            ),
            entry_timeout=parse_duration(cluster.entry_timeout, "--entry-timeout"),
            backend=backend,
        )
        return run_suite(asked, text, settings, folder, tell)


@dataclass(frozen=True)
class Variant:
    """The text, budget and sampler that some cases have in common, whose entries one bench compares."""

    corpus: Corpus
    settings: BenchOptions
    entries: dict[str, Entry] = field(default_factory=dict)
    """By their names."""

    @property
    def name(self) -> str:
        """The name of its folder, which ends with a hash of all that its runs have in common."""
        config, backend, budget = self.settings.device_config, self.settings.backend, self.settings.budget
        common = [to_values(self.corpus.info), budget, self.settings.samplers]
        common += [config.device.type, config.precision]
        if budget.is_timed:  # whose worth depends on the machine, and on each run's share of it
            common += [backend.machines[0].description, round(backend.cores_per_job, 3)]
        key = hashlib.sha256(json.dumps(common, sort_keys=True).encode()).hexdigest()[:8]
        return f"{slug(self.corpus.cleaner)}-{budget}-{key}"

    def kept(self, folder: Path) -> Comparison | None:
        """Return the comparison in a folder; None if its entries have other runs than those asked for.

        Raises `TextgenError` if it is damaged, or if a run was made with another version of a plugin.
        """
        if not (folder / BENCH).is_file():
            return None
        experiments = plan([*self.entries.values()], self.corpus, self.settings, folder)
        for run, experiment in experiments.items():
            check_reuse(run, experiment)
        kept = read_record(Comparison, folder / BENCH, needs_digest=True)
        wanted = {(each.entry.name, each.seed) for each in experiments.values()}
        names = {name for name, _ in wanted}
        return kept if wanted == {(row.name, row.seed) for row in kept.runs if row.name in names} else None


def run_suite(
    suite: Suite, text: TextOptions, settings: BenchOptions, folder: Path, report: Report = ignore_report
) -> SuiteResult:
    """Make the benches that `folder` lacks, and answer the questions; the result is also saved there.

    Cases of one text, budget and sampler share a bench, whose complete runs are reused; a run that failed is
    tried again. The folder is locked: a second suite there waits. Raises `NotSavedError` with the result if
    something could not be saved, and `TextgenError` if every run failed.
    """
    with locked(folder):
        trials = suite.trials()
        parsed([*suite.cases(), *trials.cases()])
        if trials.questions:
            tried = benched(trials, text, settings, folder, report)
            suite = suite.with_best(
                {
                    (question.name, case.label): validation_bits(bench, case.entry)
                    for question, benches in zip(trials.questions, tried.benches, strict=True)
                    for case, bench in zip(question.cases, benches, strict=True)
                }
            )
        done = benched(suite, text, settings, folder, report)
        machines = [each.machine for each in done.made.values() if each.runs]
        result = SuiteResult(
            **header_values(done.corpus, settings.device_config, machines[0] if machines else None),
            suite=suite.title,
            budget=suite.budget,
            num_seeds=suite.seeds,
            num_jobs=settings.backend.num_slots,
            seed_priors=PRIORS,
            questions=tuple(map(question_result, suite.questions, done.benches)),
            failures=dict(_failures(done.made)),
        )
        result = with_earlier(result, folder / RESULT, set(_succeeded(done.made)))
        unsaved = done.unsaved
        try:
            write_record(folder / RESULT, result)
            write_file(folder / PAGE, to_html(suite_report(result)))
        except OSError as error:
            unsaved = error
        if unsaved:
            raise NotSavedError(folder, unsaved, result)
        if not any(question.cases for question in result.questions):
            raise TextgenError(f"every case failed; the first one: {next(iter(result.failures.values()))}")
        return result


@dataclass(frozen=True)
class Benched:
    """The benches of a suite."""

    corpus: Corpus
    """The text of the first case."""
    made: dict[str, Comparison]
    """By the names of their folders."""
    benches: list[list[Comparison]]
    """The bench of each case of each question."""
    unsaved: OSError | None


def benched(suite: Suite, text: TextOptions, settings: BenchOptions, folder: Path, report: Report) -> Benched:
    """Return the benches of a suite; those that are not in `folder` are made there."""
    variants, named = planned(suite, text, settings)
    made = {name: kept for name, each in variants.items() if (kept := each.kept(folder / name))}
    report(Step("", remark=f"{suite.title}: {len(made)} of {len(variants)} benches are complete"))
    unsaved: OSError | None = None
    for name, each in variants.items():
        if name not in made:
            entries, budgets = [*each.entries.values()], {folder / name: each.settings.budget}
            compared = bench_each(entries, each.corpus, each.settings, budgets, report)
            made[name], unsaved = compared.results[0], compared.unsaved or unsaved
    corpus = variants[named[0][0]].corpus
    return Benched(corpus, made, [[made[name] for name in names] for names in named], unsaved)


def with_earlier(result: SuiteResult, path: Path, succeeded: Collection[str]) -> SuiteResult:
    """Return a result with the other questions that were answered in its folder, if all else is the same.

    Earlier failures of the runs `succeeded` are dropped.
    """
    if not path.is_file():
        return result
    earlier = read_record(SuiteResult, path, needs_digest=True)
    if _common(earlier) != _common(result):
        return result
    names = {question.name for question in result.questions}
    others = tuple(each for each in earlier.questions if each.name not in names)
    if not others:  # what failed earlier may have been mended
        return result
    failed = {run: reason for run, reason in earlier.failures.items() if run not in succeeded}
    failures = failed | result.failures
    return replace(result, questions=(*others, *result.questions), failures=failures)


def _common(result: SuiteResult) -> tuple[object, ...]:
    """Return the suite, budget, text and seeds, which all answers in a file share."""
    seeds = {row.seed for question in result.questions for case in question.cases for row in case.runs}
    return result.suite, result.budget, result.sources, seeds


def parsed(cases: Iterable[Case]) -> dict[str, Entry]:
    """Return the entries of cases by their names; raises `TextgenError` for one that cannot be used."""
    known, broken = parse_entries(case.entry for case in cases)
    for reason in broken.values():
        raise PluginError(reason)
    return {entry.name: entry for entry in known}


def planned(
    suite: Suite, text: TextOptions, settings: BenchOptions
) -> tuple[dict[str, Variant], list[list[str]]]:
    """Return the variants of a suite by their names, and the names of those of each question's cases.

    Each text is read and cleaned once. Raises `TextgenError` for an entry that cannot be used.
    """
    entries, variants = parsed(suite.cases()), dict[str, Variant]()

    @cache
    def corpus_of(name: str | None, clean: str, max_chars: int | None, share: float) -> Corpus:
        whole = load_whole(name, clean, max_chars)
        num_chars = len(whole.split.train)
        share *= min(1, (suite.train_chars or num_chars) / num_chars)
        return whole if share == 100 else whole.with_training(share)

    loaded = dict[tuple[str, str], Corpus]()

    @cache
    def load_whole(name: str | None, clean: str, max_chars: int | None) -> Corpus:
        size = min((each for each in (max_chars, text.max_chars) if each is not None), default=None)
        sources, encoding = (text.sources, text.encoding) if name is None else ([name], ENCODING)
        corpus = load_corpus(sources, clean, text.split, size, encoding)
        return loaded.setdefault((corpus.info.name, corpus.info.sha256), corpus)  # equal texts share runs

    def variant_of(case: Case, sampler: str) -> str:
        """Return the name of the variant that a case belongs to, which gets its entries."""
        made = Variant(
            corpus_of(case.corpus, case.clean, case.max_chars, case.train_share),
            replace(
                settings,
                request=replace(settings.request, seeds=suite.seeds, samples=SampleOptions(sampler=sampler)),
                budget=parse_budget(case.budget or suite.budget),
                has_references=False,
                has_details=False,
            ),
        )
        variants.setdefault(made.name, made).entries[case.entry] = entries[case.entry]
        return made.name

    named = []
    for question in suite.questions:
        first = question.cases[0]
        whole = corpus_of(first.corpus, first.clean, first.max_chars, 100.0)
        sampler = suited_to(suite.sampler, whole.split.train.text)  # the same for all cases
        named.append([variant_of(case, sampler) for case in question.cases])
    return variants, named


def _succeeded(benches: Mapping[str, Comparison]) -> Iterator[str]:
    """Yield the other runs."""
    for name, bench in benches.items():
        yield from (_run_name(name, bench, row) for row in bench.runs if not row.sample_errors)


def _run_name(folder: str, bench: Comparison, row: EntryResult) -> str:
    return f"{row.name}, {bench.budget}, seed {row.seed}, in {folder}"


def _failures(benches: Mapping[str, Comparison]) -> Iterator[tuple[str, str]]:
    """Yield the runs that failed or wrote nothing, with the reasons."""
    for name, bench in benches.items():
        yield from ((f"{run}, in {name}", reason) for run, reason in bench.failures.items())
        for row in bench.runs:
            if row.sample_errors:
                yield _run_name(name, bench, row), "; ".join(row.sample_errors)
