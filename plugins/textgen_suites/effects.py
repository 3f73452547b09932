"""Effects: how the score and the share of real words of a case differ from those of its reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from textgen.results.comparison import Comparison
from textgen.results.judge import SCORE, metric_sample, score_sample
from textgen.results.row import rows_by_entry
from textgen_suites.result import CaseResult, Effect, QuestionResult, SuiteResult
from textgen_suites.schema import Question

REAL_WORDS = "real_word_rate"
PRIORS = {metric: SHIPPED_PRIORS[metric] for metric in (SCORE, REAL_WORDS)}


def question_result(question: Question, benches: Sequence[Comparison]) -> QuestionResult:
    """Return the answer to a question by the bench of each case, without cases of which every run failed."""
    cases, first = list[CaseResult](), benches[0]
    for case, bench in zip(question.cases, benches, strict=True):
        if rows := rows_by_entry(bench.runs, bench.scored_on).get(case.entry):
            cases.append(
                CaseResult(
                    label=case.label,
                    entry=case.entry,
                    clean=case.clean,
                    train_chars=bench.corpus.split.train.num_chars,
                    budget=bench.budget,
                    scored_text=bench.corpus.split.scored(bench.scored_on).sha256,
                    runs=tuple(rows),
                )
            )
    answer = QuestionResult(
        name=question.name,
        text=question.text,
        cumulative=question.cumulative,
        sampler=first.measured_sampler,
        corpus=first.corpus,
        held_out=first.held_out.sample_metrics,
        lexicons=first.lexicons,
        cases=tuple(cases),
    )
    return judged(answer, [(case.label, other.label) for case, other in question.comparisons()], PRIORS)


def validation_bits(bench: Comparison, entry: str) -> float:
    """Return the bits per character of validation of the run of an entry; infinity if it failed."""
    (score,) = [run.score("validation") for run in bench.runs if run.name == entry] or [None]
    return score.bits_per_char if score else math.inf


def judged(
    question: QuestionResult, pairs: Iterable[tuple[str, str]], priors: Mapping[str, SeedPrior]
) -> QuestionResult:
    """Return a question with what follows from its rows; `pairs` are labels of cases and their references."""
    texts = {case.label: case.scored_text for case in question.cases}
    scores, words = dict[str, MeasuredValue | None](), dict[str, MeasuredValue | None]()
    for case in question.cases:
        scores[case.label] = score_sample(case.runs, priors[SCORE], case.scored_text)
        words[case.label] = metric_sample(REAL_WORDS, case.runs, priors[REAL_WORDS], case.scored_text)
    compared = [(new, old) for new, old in pairs if {new, old} <= texts.keys()]
    contrasts = zip(_contrasts(scores, compared), _contrasts(words, compared), strict=True)
    return replace(
        question,
        cases=tuple(
            replace(case, bits_per_char=_estimate(score), real_word_rate=_estimate(real))
            for case, score, real in zip(question.cases, scores.values(), words.values(), strict=True)
        ),
        effects=tuple(
            Effect(new, old, texts[new] == texts[old], score, real)
            for (new, old), (score, real) in zip(compared, contrasts, strict=True)
        ),
    )


def _estimate(sample: MeasuredValue | None) -> Estimate | None:
    return estimate(sample) if sample else None


def _contrasts(
    samples: Mapping[str, MeasuredValue | None], pairs: Iterable[tuple[str, str]]
) -> list[Contrast | None]:
    """Return the difference of each pair, its p-value adjusted for the number of pairs that have one."""
    sides = [(samples[new], samples[old]) for new, old in pairs]
    found = [difference(new, old) if new and old else None for new, old in sides]
    adjusted = iter(holm([each.p_value for each in found if each]))
    return [each and replace(each, p_value=next(adjusted)) for each in found]


def rebuild_suite(result: SuiteResult) -> dict[str, Any]:
    """Return the values of a suite that follow from the rows of its cases."""
    return {"questions": [_question(question, result) for question in result.questions]}


def _question(question: QuestionResult, result: SuiteResult) -> dict[str, Any]:
    pairs = [(effect.case, effect.reference) for effect in question.effects]
    again = judged(question, pairs, result.seed_priors)
    cases = [
        {"bits_per_char": case.bits_per_char, "real_word_rate": case.real_word_rate} for case in again.cases
    ]
    return {"cases": cases, "effects": again.effects}
