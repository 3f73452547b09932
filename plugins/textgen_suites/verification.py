"""Verification of a suite: all that follows from the rows of its cases is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from textgen.data.corpus import CorpusInfo
from textgen.experiment.score_run import unit_sizes
from textgen.results.row import Row
from textgen_suites.effects import METRICS, REAL_WORDS, case_estimate, effects, shared_priors
from textgen_suites.result import CaseResult, QuestionResult, SuiteResult
from textgen_verify.rebuilt import IN_UNITS, by_part, scored_sizes, sized
from textgen_verify.verification import Partial, VerificationCheck


def verify_suite(result: SuiteResult) -> Iterator[VerificationCheck]:
    """Yield a check of each part of a suite that follows from others."""
    cases = [case for question in result.questions for case in question.cases]
    again = Partial(
        corpus=scored_sizes(result.corpus),
        seed_priors=shared_priors(case.runs for case in cases),
        questions=[_question(question, result) for question in result.questions],
    )
    written = [f"{of}.{REAL_WORDS}" for of in ("written", "pseudovalues")]
    deciding = (CaseResult, ["scored_text"]), (Row, [*written, "num_chars", "pace_sd"])
    yield from by_part(result, again, IN_UNITS, *deciding)


def _question(question: QuestionResult, result: SuiteResult) -> Partial:
    cases = {case.label: case for case in question.cases}
    pairs = [(cases[effect.case], cases[effect.reference]) for effect in question.effects]
    corpus = result.text_of(question).corpus
    return Partial(
        cases=[_case(case, corpus, result) for case in question.cases],
        effects=effects(pairs, result.seed_priors),
    )


def _case(case: CaseResult, corpus: CorpusInfo, result: SuiteResult) -> Partial:
    """Return what follows from the rows of a case and from the text."""
    part = corpus.split.test if corpus.split.test.num_chars else corpus.split.validation
    is_of_text = case.scored_text == part.sha256
    rates = [row.written[REAL_WORDS] for row in case.runs if REAL_WORDS in row.written]
    again = Partial(
        num_seeds=len(case.runs),
        runs=[sized(row, unit_sizes(part.stretch_chars)) if is_of_text else Partial() for row in case.runs],
    )
    for metric in METRICS:
        again[metric] = case_estimate(metric, case.runs, case.scored_text, result.seed_priors)
    if len(rates) == len(case.runs):
        again["writing"] = Partial({case.samplers[0]: Partial(metrics=Partial(real_word_rate=fmean(rates)))})
    return again
