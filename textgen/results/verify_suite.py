"""Verification of a saved suite: estimates, effects and priors from what its runs measured."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from textgen.data.corpus import CorpusInfo
from textgen.experiment.score_run import unit_sizes
from textgen.results.judge_suite import METRICS, case_estimate, effects, shared_priors
from textgen.results.suite import CaseResult, QuestionResult, SuiteResult
from textgen.results.verification import VerificationCheck, compared
from textgen.results.verify_bench import verify_sizes

CASES = "questions.*.cases.*"
"""What the kinds of numbers of a case begin with."""


def verify_suite(result: SuiteResult) -> Iterator[VerificationCheck]:
    """Yield a check of each kind of number that follows from others in the result."""
    priors = result.seed_priors
    cases = {
        f"{question.name}, {case.label}": (case, result.text_of(question).corpus)
        for question in result.questions
        for case in question.cases
    }
    own = shared_priors(case.runs for case, _ in cases.values())
    yield compared("priors of the seeds", priors, own, covers=["seed_priors"])
    for metric in METRICS:
        yield compared(
            f"estimates of {metric}",
            {name: getattr(case, metric) for name, (case, _) in cases.items()},
            {
                name: case_estimate(metric, case.runs, case.scored_text, priors)
                for name, (case, _) in cases.items()
            },
            covers=[f"{CASES}.{metric}"],
        )
    samplers = [(case.samplers[0], case.samplers[1:]) for case, _ in cases.values()]
    measured = {first for first, _ in samplers}.difference(*(others for _, others in samplers))
    runs = ("units", "real_word_rate", "real_word_pseudovalues")
    covers = [f"{CASES}.num_seeds", *(f"{CASES}.runs.*.{name}" for name in runs)]
    yield compared(
        "facts of cases",
        {name: _saved_facts(case) for name, (case, _) in cases.items()},
        {name: _facts(case, corpus) for name, (case, corpus) in cases.items()},
        covers=[*covers, *(f"{CASES}.writing.{spec}.metrics.real_word_rate" for spec in measured)],
    )
    yield compared(
        "effects",
        {f"{each.name}, {effect.case}": effect for each in result.questions for effect in each.effects},
        {
            f"{each.name}, {effect.case}": effect
            for each in result.questions
            for effect in effects(_pairs(each), priors)
        },
        covers=["questions.*.effects"],
    )
    yield verify_sizes(result.corpus)


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
