"""From results of jobs to effects: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TypeAlias

from textgen.experiment.entry_result import EntryResult
from textgen.jobs.plugin_code import try_samplers
from textgen.results.judge import REAL_WORDS, SCORE, Priors, case_estimate, effects
from textgen.results.row import Row, row_of
from textgen.results.suite import CaseResult, JobResult, QuestionResult, Writing
from textgen.suites.schema import Case, Question

Results: TypeAlias = Sequence[JobResult]
"""Results of one case, one for each seed."""


def question_result(
    question: Question, results_of: Callable[[Case], Results], priors: Priors
) -> QuestionResult:
    """Return the answer to a question, without what was not measured."""
    cases = {
        case.label: _case_result(case, results, priors)
        for case in question.cases
        if (results := results_of(case))
    }
    pairs = [
        (cases[case.label], cases[reference.label])
        for case, reference in question.comparisons()
        if case.label in cases and reference.label in cases
    ]
    return QuestionResult(
        name=question.name,
        text=question.text,
        cumulative=question.cumulative,
        cases=tuple(cases.values()),
        effects=tuple(effects(pairs, priors)),
    )


def measured_row(job: JobResult) -> Row:
    """Return what a job measured, with what its first sampler wrote."""
    written = next(iter(job.samples.values()))
    part = "test" if job.result.test else "validation"
    run = EntryResult(
        **vars(job.result), sample_metrics=written.metrics, metric_pseudovalues=written.pseudovalues
    )
    return row_of(run, part)


def _case_result(case: Case, results: Results, priors: Priors) -> CaseResult:
    measured = tuple(map(measured_row, results))
    split = results[0].settings.corpus.split
    text = split.test.sha256 if split.test.num_chars else split.validation.sha256
    runs, samplers = [each.result for each in results], results[0].settings.samplers
    return CaseResult(
        label=case.label,
        entry=case.entry,
        clean=case.clean,
        train_share=case.train_share,
        max_chars=case.max_chars,
        budget=results[0].settings.budget,
        samplers=samplers,
        num_seeds=len(results),
        scored_text=text,
        runs=measured,
        bits_per_char=case_estimate(SCORE, measured, text, priors),
        real_word_rate=case_estimate(REAL_WORDS, measured, text, priors),
        num_parameters=runs[0].num_parameters,
        train_seconds=fmean(run.train.seconds for run in runs),
        num_epochs=fmean(run.train.num_epochs for run in runs),
        chars_per_second=fmean(run.train.chars_per_second for run in runs),
        embedding=runs[0].embedding,
        writing={spec: _writing(results, spec) for spec in samplers},
        text=results[0].samples[samplers[0]].text,
    )


def _writing(results: Results, spec: str) -> Writing:
    """Return what a sampler wrote, as means over seeds; None where a seed lacks a metric."""
    samples = [each.samples[spec] for each in results]
    known = {
        name: [value for each in samples if (value := each.metrics.get(name)) is not None]
        for name in samples[0].metrics
    }
    means = {name: fmean(each) if len(each) == len(samples) else None for name, each in known.items()}
    return Writing(
        metrics=means,
        temperature=try_samplers([spec]).get(spec),
        entropy_per_char=fmean(sample.entropy_per_char for sample in samples),
    )
