"""What follows from the rows of a saved suite, computed again for `textgen verify`."""

from __future__ import annotations

from statistics import fmean

from textgen_suites.effects import METRICS, REAL_WORDS, case_estimate, effects, shared_priors
from textgen_suites.result import CaseResult, QuestionResult, SuiteResult
from textgen_verify.rebuild import Values


def rebuild_suite(result: SuiteResult) -> Values:
    """Return the values of a suite that follow from the rows of its cases."""
    cases = [case for question in result.questions for case in question.cases]
    return {
        "seed_priors": shared_priors(case.runs for case in cases),
        "questions": [_question(question, result) for question in result.questions],
    }


def _question(question: QuestionResult, result: SuiteResult) -> Values:
    cases = {case.label: case for case in question.cases}
    pairs = [(cases[effect.case], cases[effect.reference]) for effect in question.effects]
    return {
        "cases": [_case(case, result) for case in question.cases],
        "effects": effects(pairs, result.seed_priors),
    }


def _case(case: CaseResult, result: SuiteResult) -> Values:
    """Return what follows from the rows of a case."""
    rates = [row.written[REAL_WORDS] for row in case.runs if REAL_WORDS in row.written]
    again: Values = {"num_seeds": len(case.runs)}
    for metric in METRICS:
        again[metric] = case_estimate(metric, case.runs, case.scored_text, result.seed_priors)
    if len(rates) == len(case.runs):
        again["writing"] = {case.samplers[0]: {"metrics": {REAL_WORDS: fmean(rates)}}}
    return again
