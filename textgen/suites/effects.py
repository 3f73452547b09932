"""From results of jobs to effects: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np

from textgen.comparison.verdicts import units_sample
from textgen.evaluation.intervals import (
    Contrast,
    Estimate,
    MeasuredValue,
    difference,
    estimate,
    fitted_prior,
    holm,
)
from textgen.evaluation.seed_priors import FIRST_CHARS, SHIPPED_PRIORS, SeedPrior
from textgen.evaluation.text_metrics import TextMetrics
from textgen.generation.bound_sampler import build_sampler
from textgen.suites.schema import Case, Question
from textgen.suites.suite_result import CaseResult, Effect, JobResult, MeasuredRun, QuestionResult, Writing

Results: TypeAlias = Sequence[JobResult]
"""Results of one case, one for each seed."""

Priors: TypeAlias = Mapping[str, SeedPrior]
"""By metric: what is known about the variance between training seeds."""

SCORE, REAL_WORDS = METRICS = ("bits_per_char", "real_word_rate")
"""The metrics that a change has an effect on."""


def shared_priors(cases: Iterable[Sequence[MeasuredRun]]) -> dict[str, SeedPrior]:
    """Return what the runs of all cases tell together about the variance between training seeds.

    Several questions may have the same case, which counts once.
    """
    distinct = [runs for runs in dict.fromkeys(map(tuple, cases)) if runs]
    samples = {
        metric: [sample for runs in distinct if (sample := sample_of(metric, runs, "", SHIPPED_PRIORS))]
        for metric in METRICS
    }
    return {metric: fitted_prior(each, SHIPPED_PRIORS[metric]) for metric, each in samples.items()}


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


def effects(pairs: Sequence[tuple[CaseResult, CaseResult]], priors: Priors) -> list[Effect]:
    """Return how cases differ from those they are compared with, from what their runs measured."""
    scores, words = (
        _adjusted([_contrast(metric, new, old, priors) for new, old in pairs]) for metric in METRICS
    )
    return [
        Effect(new.label, old.label, new.scored_text == old.scored_text, score, real)
        for (new, old), score, real in zip(pairs, scores, words, strict=True)
    ]


def _contrast(metric: str, new: CaseResult, old: CaseResult, priors: Priors) -> Contrast | None:
    one, other = (sample_of(metric, case.runs, case.scored_text, priors) for case in (new, old))
    return difference(one, other) if one and other else None


def _adjusted(contrasts: Sequence[Contrast | None]) -> list[Contrast | None]:
    """Return contrasts with p-values adjusted for their number."""
    adjusted = iter(holm([each.p_value for each in contrasts if each is not None]))
    return [each and replace(each, p_value=next(adjusted)) for each in contrasts]


def measured_run(job: JobResult) -> MeasuredRun:
    """Return what intervals are computed from."""
    score = None if job.result.problem else job.result.test or job.result.validation
    written = next(iter(job.samples.values()))
    return MeasuredRun(
        seed=job.settings.seed,
        is_trained=job.result.train.num_updates > 0,
        num_chars=job.result.train.num_chars,
        units=score.units if score else None,
        real_word_rate=written.metrics.real_word_rate,
        real_word_pseudovalues=written.pseudovalues.get(REAL_WORDS),
        machine=job.result.machine,
    )


def sample_of(metric: str, runs: Sequence[MeasuredRun], text: str, priors: Priors) -> MeasuredValue | None:
    """Return the score or the share of real words by each seed, or None if a run lacks it.

    `text` is the hash of the text that the runs are scored on, whose passages they continue. Models that
    count have no seed.
    """
    seeds = tuple(run.seed for run in runs)
    # Older results do not say how much was read.
    prior = priors[metric].after_runs([run.num_chars or FIRST_CHARS for run in runs if run.is_trained])
    if metric == SCORE:
        return units_sample([run.units for run in runs], f"stretches of {text}", seeds, prior)
    values = [run.real_word_rate for run in runs]
    shares = [run.real_word_pseudovalues for run in runs]
    if None in values or None in shares:
        return None
    return MeasuredValue(np.array(values), np.array(shares), f"passages of {text}", seeds, prior)


def case_estimate(metric: str, runs: Sequence[MeasuredRun], text: str, priors: Priors) -> Estimate | None:
    """Return a score or a share of real words with its interval, or None if a run lacks it."""
    sample = sample_of(metric, runs, text, priors)
    return estimate(sample) if sample else None


def _case_result(case: Case, results: Results, priors: Priors) -> CaseResult:
    measured = tuple(map(measured_run, results))
    split = results[0].settings.corpus.split
    text = split.test.sha256 if split.test.num_chars else split.validation.sha256
    runs = [each.result for each in results]
    return CaseResult(
        label=case.label,
        entry=case.entry,
        clean=case.clean,
        train_share=case.train_share,
        max_chars=case.max_chars,
        budget=results[0].settings.budget,
        samplers=case.samplers,
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
        writing={spec: _writing(results, spec) for spec in case.samplers},
        text=results[0].samples[case.samplers[0]].text,
    )


def _writing(results: Results, spec: str) -> Writing:
    """Return what a sampler wrote, as means over seeds; None where a seed lacks a metric."""
    samples = [each.samples[spec] for each in results]
    columns = {
        field.name: [getattr(sample.metrics, field.name) for sample in samples]
        for field in fields(TextMetrics)
    }
    means: dict[str, Any] = {
        name: None if None in values else fmean(values) for name, values in columns.items()
    }
    sampler = build_sampler(spec)
    return Writing(
        metrics=TextMetrics(**means),
        temperature=None if sampler.entropy is not None else sampler.temperature,
        entropy_per_char=fmean(sample.entropy_per_char for sample in samples),
    )
