"""Effects: what each change does to the score and to the share of real words, from what runs measured.

Three seeds say little about how much seeds vary, so all cases of a suite tell it together (empirical Bayes:
Smyth 2004, doi:10.2202/1544-6115.1027, as in limma).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeAlias

import numpy as np
from scipy.special import digamma, polygamma

from textgen.evaluation.intervals import (
    SHIPPED_PRIORS,
    Contrast,
    Estimate,
    MeasuredValue,
    SeedPrior,
    difference,
    estimate,
    holm,
)
from textgen.experiment.entry_result import EntryResult
from textgen.jobs.plugin_code import try_samplers
from textgen.results.judge import SCORE, metric_sample, score_sample
from textgen.results.row import Row, row_of
from textgen_suites.result import CaseResult, Effect, JobResult, QuestionResult, Writing
from textgen_suites.schema import Case, Question

Priors: TypeAlias = Mapping[str, SeedPrior]
"""By metric: what is known about the variance between training seeds."""
Results: TypeAlias = Sequence[JobResult]
"""Results of one case, one for each seed."""

REAL_WORDS = "real_word_rate"
METRICS = (SCORE, REAL_WORDS)
"""The metrics that a change has an effect on."""
MIN_FITTED = 5
"""The fewest variances that a prior is fitted to."""
_SMALLEST = 1e-5
"""The smallest variance that is told from zero, relative to the median: its logarithm must be finite."""


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
    one, other = (_sample(metric, case.runs, case.scored_text, priors) for case in (new, old))
    return difference(one, other) if one and other else None


def _adjusted(contrasts: Sequence[Contrast | None]) -> list[Contrast | None]:
    """Return contrasts with p-values adjusted for their number."""
    adjusted = iter(holm([each.p_value for each in contrasts if each is not None]))
    return [each and replace(each, p_value=next(adjusted)) for each in contrasts]


def case_estimate(metric: str, rows: Sequence[Row], text: str, priors: Priors) -> Estimate | None:
    """Return a score or a share of real words with its interval, or None if a run lacks it."""
    sample = _sample(metric, rows, text, priors)
    return estimate(sample) if sample else None


def _sample(metric: str, rows: Sequence[Row], text: str, priors: Priors) -> MeasuredValue | None:
    """Return the score or the share of real words of a case by seeds, or None if a row lacks it.

    `text` is the hash of the text that it is scored on, whose passages it continues.
    """
    if metric == SCORE:
        return score_sample(rows, priors[metric], text)
    return metric_sample(metric, rows, priors[metric], text)


# --- the variance between seeds


def shared_priors(cases: Iterable[Sequence[Row]]) -> dict[str, SeedPrior]:
    """Return what the runs of all cases tell together about the variance between training seeds.

    Several questions may have the same case, which counts once.
    """
    known = {tuple((row.seed, row.units, *row.pseudovalues.values()) for row in rows): rows for rows in cases}
    distinct = [rows for rows in known.values() if rows]
    samples = {
        metric: [sample for rows in distinct if (sample := _sample(metric, rows, "", SHIPPED_PRIORS))]
        for metric in METRICS
    }
    return {metric: fitted_prior(each, SHIPPED_PRIORS[metric]) for metric, each in samples.items()}


def fitted_prior(values: Iterable[MeasuredValue], shipped: SeedPrior) -> SeedPrior:
    """Return the prior that different cases of a suite share; `shipped` if too few have several seeds."""
    several = [each for each in values if each.prior and len(each.values) > 1]
    variances = [float(np.var(each.values, ddof=1)) for each in several]
    fitted = fit_prior(variances, [len(each.values) - 1 for each in several], shipped)
    if fitted is shipped:
        return shipped
    noise = float(np.mean([each.noise_within_seeds() for each in several]))
    return replace(fitted, sd=math.sqrt(max(0.0, fitted.sd**2 - noise)))


def fit_prior(variances: Sequence[float], degrees: Sequence[float], shipped: SeedPrior) -> SeedPrior:
    """Return the prior that the variances between seeds of many cases share.

    With fewer than `MIN_FITTED` it is `shipped`. `degrees` are the degrees of freedom of each variance.
    Method of moments on their logarithms (Smyth 2004, section 6.2): the logarithm of a scaled F variable has
    a known mean, and its variance is a sum of trigamma functions of both degrees of freedom.
    """
    observed, freedom = np.asarray(variances, float), np.asarray(degrees, float)
    if len(observed) < MIN_FITTED or not np.median(observed) > 0:
        return shipped
    logs = np.log(np.maximum(observed, _SMALLEST * np.median(observed)))
    logs += np.log(freedom / 2) - digamma(freedom / 2)
    spread = float(np.var(logs, ddof=1) - np.mean(polygamma(1, freedom / 2)))
    half = inverse_trigamma(spread) if spread > 0 else math.inf  # infinite if variances differ by chance only
    log_variance = float(np.mean(logs)) + (float(digamma(half)) - math.log(half) if half < math.inf else 0.0)
    # What is fitted is not known better than what it is fitted to.
    degrees_of_freedom = min(2 * half, float(freedom.sum()))
    return SeedPrior(math.exp(log_variance / 2), degrees_of_freedom, f"fitted to {len(observed)} cases")


def inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = `value` > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    if value < 1e-6:  # trigamma(x) is 1 / x + 1 / (2 x²) + …
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step < 1e-8 * x:
            break
    return x
