"""Verification of a saved suite: estimates, effects and priors from what its runs measured."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from textgen.comparison.verification import Check, compared
from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import Estimate, estimate
from textgen.experiment.score_run import unit_sizes
from textgen.suite.effects import METRICS, effects, sample_of, shared_priors
from textgen.suite.suite_result import CaseResult, QuestionResult, SuiteResult


def verify_suite(result: SuiteResult) -> Iterator[Check]:
    """Yield a check of each kind of number that follows from others in the result."""
    cases = {
        f"{question.name}, {case.label}": case for question in result.questions for case in question.cases
    }
    texts = {
        f"{question.name}, {case.label}": question.text_of.corpus if question.text_of else result.corpus
        for question in result.questions
        for case in question.cases
    }
    priors = shared_priors(case.runs for case in cases.values())
    yield compared("priors of the seeds", result.seed_priors, priors)
    for metric in METRICS:
        saved = {name: getattr(case, metric) for name, case in cases.items()}
        recomputed = {name: _estimate(metric, case, result) for name, case in cases.items()}
        yield compared(f"estimates of {metric}", saved, recomputed)
    yield compared(
        "facts of cases",
        {name: _saved_facts(case) for name, case in cases.items()},
        {name: _facts(case, texts[name]) for name, case in cases.items()},
    )
    yield compared(
        "effects",
        {
            f"{question.name}, {effect.case}": effect
            for question in result.questions
            for effect in question.effects
        },
        {
            f"{question.name}, {effect.case}": effect
            for question in result.questions
            for effect in effects(_pairs(question), result.seed_priors)
        },
    )


def _estimate(metric: str, case: CaseResult, result: SuiteResult) -> Estimate | None:
    sample = sample_of(metric, case.runs, case.scored_text, result.seed_priors)
    return estimate(sample) if sample else None


def _saved_facts(case: CaseResult) -> dict[str, Any]:
    return {
        "num_seeds": case.num_seeds,
        "real words of the first sampler": case.writing[case.samplers[0]].metrics.real_word_rate,
        "characters": _characters(case),
    }


def _facts(case: CaseResult, corpus: CorpusInfo) -> dict[str, Any]:
    """Return what follows from the runs of a case and from the text."""
    rates = [run.real_word_rate for run in case.runs if run.real_word_rate is not None]
    split = corpus.split
    part = split.test if split.test.num_chars else split.validation
    sizes = [None if each is None else unit_sizes(part.stretch_chars) for each in _characters(case)]
    return {
        "num_seeds": len(case.runs),
        "real words of the first sampler": fmean(rates) if len(rates) == len(case.runs) else None,
        "characters": sizes if case.scored_text == part.sha256 else _characters(case),
    }


def _characters(case: CaseResult) -> list[tuple[int, ...] | None]:
    """Return the sizes of the stretches by which each run is scored."""
    return [run.units.num_chars if run.units else None for run in case.runs]


def _pairs(question: QuestionResult) -> list[tuple[CaseResult, CaseResult]]:
    """Return the cases that the question compares."""
    cases = {case.label: case for case in question.cases}
    return [(cases[effect.case], cases[effect.reference]) for effect in question.effects]
