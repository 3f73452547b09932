"""What follows from the rows of a saved suite, computed again for `textgen verify`."""

from __future__ import annotations

from textgen_suites.effects import judged
from textgen_suites.result import QuestionResult, SuiteResult
from textgen_verify.rebuild import Values


def rebuild_suite(result: SuiteResult) -> Values:
    """Return the values of a suite that follow from the rows of its cases."""
    return {"questions": [_question(question, result) for question in result.questions]}


def _question(question: QuestionResult, result: SuiteResult) -> Values:
    pairs = [(effect.case, effect.reference) for effect in question.effects]
    again = judged(question, pairs, result.seed_priors)
    cases = [
        {"bits_per_char": case.bits_per_char, "real_word_rate": case.real_word_rate} for case in again.cases
    ]
    return {"cases": cases, "effects": again.effects}
