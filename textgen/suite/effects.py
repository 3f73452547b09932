"""From results of jobs to effects: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np

from textgen.evaluation.old_intervals import Estimate, RatioSample, difference, estimate
from textgen.evaluation.text_metrics import TextMetrics
from textgen.generation.bound_sampler import build_sampler
from textgen.suite.results import CaseResult, Effect, JobResult, QuestionResult, Writing
from textgen.suite.schema import Case, Question

Results: TypeAlias = Sequence[JobResult]
"""Of one case, one for each seed."""


def answer(question: Question, found: Callable[[Case], Results]) -> QuestionResult:
    """Return the answer to a question, without what was not measured."""
    measured = {case.label: found(case) for case in question.cases}
    return QuestionResult(
        name=question.name,
        text=question.text,
        cumulative=question.cumulative,
        cases=tuple(
            _case_result(case, measured[case.label]) for case in question.cases if measured[case.label]
        ),
        effects=tuple(_effects(question, measured)),
    )


def _effects(question: Question, measured: dict[str, Results]) -> Iterator[Effect]:
    for case, reference in question.comparisons():
        new, old = measured[case.label], measured[reference.label]
        if new and old:
            yield Effect(
                case=case.label,
                reference=reference.label,
                paired=_scored_text(new[0]) == _scored_text(old[0]),
                bits_per_char=_difference(bits(new), bits(old)),
                real_word_rate=_difference(real_words(new), real_words(old)),
            )


def _case_result(case: Case, found: Results) -> CaseResult:
    scored, real = bits(found), real_words(found)
    runs = [each.result for each in found]
    return CaseResult(
        label=case.label,
        entry=case.entry,
        clean=case.clean,
        train_share=case.train_share,
        max_chars=case.max_chars,
        budget=found[0].settings.budget,
        samplers=case.samplers,
        num_seeds=len(found),
        bits_per_char=estimate(scored) if scored else None,
        real_word_rate=estimate(real) if real else None,
        num_parameters=runs[0].num_parameters,
        train_seconds=fmean(run.train.seconds for run in runs),
        num_epochs=fmean(run.train.num_epochs for run in runs),
        chars_per_second=fmean(run.train.chars_per_second for run in runs),
        embedding=runs[0].embedding,
        writing={spec: _writing(found, spec) for spec in case.samplers},
        text=found[0].samples[case.samplers[0]].text,
    )


def _writing(found: Results, spec: str) -> Writing:
    """Return what a sampler wrote, as means over seeds."""
    samples = [each.samples[spec] for each in found]
    return Writing(
        metrics=mean_metrics([sample.metrics for sample in samples]),
        temperature=build_sampler(spec).temperature,
        entropy_per_char=fmean(sample.entropy_per_char for sample in samples),
    )


def mean_metrics(metrics: Sequence[TextMetrics]) -> TextMetrics:
    """Return the mean of each metric; None where any of them lacks a value."""
    columns = {field.name: [getattr(each, field.name) for each in metrics] for field in fields(TextMetrics)}
    means: dict[str, Any] = {
        name: None if None in values else fmean(values) for name, values in columns.items()
    }
    return TextMetrics(**means)


def _difference(new: RatioSample | None, old: RatioSample | None) -> Estimate | None:
    return difference(new, old) if new and old else None


def bits(found: Results) -> RatioSample | None:
    """Return the bits of each segment of the scored text, per character, or None without a score."""
    if not all(each.segment_bits for each in found):
        return None
    return RatioSample(
        np.array([each.segment_bits for each in found]),
        np.array([each.segment_chars for each in found], float),
        f"segments of {_scored_text(found[0])}",
        _seeds(found),
    )


def real_words(found: Results) -> RatioSample | None:
    """Return the real words of each sample, per word, or None if nothing but odd signs was written."""
    samples = [next(iter(each.samples.values())) for each in found]
    if not all(any(sample.num_words) for sample in samples):
        return None
    return RatioSample(
        np.array([sample.real_words for sample in samples], float),
        np.array([sample.num_words for sample in samples], float),
        f"prompts of {_scored_text(found[0])}",
        _seeds(found),
    )


def _seeds(found: Results) -> tuple[int, ...]:
    return tuple(each.settings.seed for each in found)


def _scored_text(found: JobResult) -> str:
    split = found.settings.corpus.split
    return split.test.sha256 if split.test.num_chars else split.validation.sha256
