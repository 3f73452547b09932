"""The judgement of a suite: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from textgen.evaluation.intervals import (
    FIRST_CHARS,
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
from textgen.results.judge import units_sample
from textgen.results.suite import CaseResult, Effect, MeasuredRun

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
