"""The judgement of a suite: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from textgen.evaluation.intervals import (
    SHIPPED_PRIORS,
    Contrast,
    Estimate,
    MeasuredValue,
    SeedPrior,
    difference,
    estimate,
    fitted_prior,
    holm,
)
from textgen.results.judge import metric_sample, score_sample
from textgen.results.row import Row
from textgen.results.suite import CaseResult, Effect

Priors: TypeAlias = Mapping[str, SeedPrior]
"""By metric: what is known about the variance between training seeds."""

SCORE, REAL_WORDS = METRICS = ("bits_per_char", "real_word_rate")
"""The metrics that a change has an effect on."""


def shared_priors(cases: Iterable[Sequence[Row]]) -> dict[str, SeedPrior]:
    """Return what the runs of all cases tell together about the variance between training seeds.

    Several questions may have the same case, which counts once.
    """
    known = {tuple((row.seed, row.units, *row.pseudovalues.values()) for row in rows): rows for rows in cases}
    distinct = [rows for rows in known.values() if rows]
    samples = {
        metric: [sample for rows in distinct if (sample := sample_of(metric, rows, "", SHIPPED_PRIORS))]
        for metric in METRICS
    }
    return {metric: fitted_prior(each, SHIPPED_PRIORS[metric]) for metric, each in samples.items()}


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


def sample_of(metric: str, rows: Sequence[Row], text: str, priors: Priors) -> MeasuredValue | None:
    """Return the score or the share of real words of a case by seeds, or None if a row lacks it.

    `text` is the hash of the text that it is scored on, whose passages it continues.
    """
    if metric == SCORE:
        return score_sample(rows, priors[metric], text)
    return metric_sample(metric, rows, priors[metric], text)


def case_estimate(metric: str, rows: Sequence[Row], text: str, priors: Priors) -> Estimate | None:
    """Return a score or a share of real words with its interval, or None if a run lacks it."""
    sample = sample_of(metric, rows, text, priors)
    return estimate(sample) if sample else None
