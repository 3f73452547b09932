"""Verification of a suite: the metrics and effects that follow from the rows of its cases."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.results.row import Row
from textgen_suites.effects import judged
from textgen_suites.result import CaseResult, QuestionResult, SuiteResult
from textgen_verify.rebuilt import IN_UNITS, by_part, scored_sizes
from textgen_verify.verification import Partial, VerificationCheck


def verify_suite(result: SuiteResult) -> Iterator[VerificationCheck]:
    """Yield a check of each part of a suite that follows from others."""
    questions = [_rebuilt(question, result) for question in result.questions]
    again = Partial(corpus=scored_sizes(result.corpus), questions=questions)
    rows = (Row, ["written.real_word_rate", "pseudovalues.real_word_rate", "num_chars", "pace_sd"])
    yield from by_part(result, again, IN_UNITS, (CaseResult, ["scored_text"]), rows)


def _rebuilt(question: QuestionResult, result: SuiteResult) -> Partial:
    pairs = [(effect.case, effect.reference) for effect in question.effects]
    again = judged(question, pairs, result.seed_priors)
    cases = [
        Partial(bits_per_char=case.bits_per_char, real_word_rate=case.real_word_rate) for case in again.cases
    ]
    return Partial(cases=cases, effects=again.effects, corpus=scored_sizes(question.corpus))
