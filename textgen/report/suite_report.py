"""The results of a suite as Markdown: one table for each question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

import numpy as np
from numpy.typing import NDArray

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import INTERVAL_METHOD, Contrast, Estimate
from textgen.evaluation.text_metrics import TextMetrics
from textgen.page.markdown import table_lines
from textgen.report.samples import counted_words
from textgen.results.suite import CaseResult, QuestionResult, SuiteResult, Writing
from textgen.runtime.environment import machines_used

NUM_MATCHED = 5
"""Entropies at which curves are compared."""

UNPAIRED = "† Scored on another text, which the cleaner made: other characters, so the effect is unpaired."

SAMPLER_METRICS = {
    "real words": "real_word_rate",
    "distinct-2": "distinct_2",
    "repeated 4-grams": "repetition_4",
    "self-BLEU": "self_bleu",
    "novel 4-grams": "novel_4gram_rate",
}
"""The columns of a table of samplers, and their metrics."""


def to_markdown(result: SuiteResult) -> str:
    """Return the whole report of a suite."""
    corpus, about, author = result.corpus, result.machine, result.held_out.sample_metrics
    adjusted = ", corrected for the number of changes in a table (Holm)"
    threads = "1 thread" if about.num_threads == 1 else f"{about.num_threads} threads"
    at_once = f" for each of {result.num_jobs} runs at a time" if result.num_jobs > 1 else ""
    seeds = "one seed" if result.num_seeds == 1 else f"{result.num_seeds} seeds"
    has_own_texts = all(question.text_of for question in result.questions)
    lines = [
        f"# {title(result)}\n",
        ("" if has_own_texts else f"{_text(corpus)}, ") + f"{result.budget} of training each, "
        f"{seeds}, {result.device}, {result.precision}; {about.processor}, "
        f"{threads}{at_once}; torch {result.versions['torch']}.\n",
        f"A change in brackets is its interval ({result.interval_method}). Fewer bits per character and more "
        "real words are better; **bold** changes are clear: more than chance explains at 5 %"
        + (f"{adjusted}." if result.interval_method == INTERVAL_METHOD else ".")
        + ("" if has_own_texts else _real_words(author, result.lexicons)),
    ]
    for question in result.questions:
        lines += ["", *question_lines(question, result.text_of(question).held_out.sample_metrics)]
    if machines := machines_used(result.machines):
        lines += ["", f"The runs were made on several kinds of machines: {machines}."]
    if result.failures:
        lines += ["", "## What failed", ""]
        lines += [f"- {name}: {reason}" for name, reason in result.failures.items()]
    return "\n".join(lines) + "\n"


def title(result: SuiteResult) -> str:
    """Return the title of the suite with the name of its text, unless every question has its own."""
    has_own_texts = all(question.text_of for question in result.questions)
    return result.suite if has_own_texts else f"{result.suite}, on {result.corpus.name}"


def text_lines(question: QuestionResult) -> Iterator[str]:
    """Yield what a question is measured on, if it has a text of its own."""
    if text := question.text_of:
        words = _real_words(text.held_out.sample_metrics, text.lexicons)
        yield f"{text.corpus.name}: {_text(text.corpus)}.{words}"


def _text(corpus: CorpusInfo) -> str:
    part = "test" if corpus.split.test.num_chars else "validation"
    return (
        f"{corpus.num_chars:,} characters (cleaner {corpus.cleaner}, split {corpus.split.method}, scored on "
        f"{part})"
    )


def _real_words(author: TextMetrics, lexicons: Sequence[str] | None) -> str:
    """Return the sources of real words, and how many of the author's own are real by them."""
    known = "" if lexicons is None else " Real words are in the training text"
    known += f" or the lexicon {' or '.join(lexicons)}." if lexicons else "." if known else ""
    rate = author.real_word_rate
    if rate is None:
        return known
    counted = counted_words(author.real_word_letters)
    return f"{known} They are {counted}; {100 * rate:.1f} % of the author's are real."


def question_lines(question: QuestionResult, author: TextMetrics) -> Iterator[str]:
    """Yield the heading and the table of one question, and the curves of cases with several samplers.

    `author` are the metrics of the held-out text itself.
    """
    yield f"## {question.text}\n"
    for line in text_lines(question):
        yield f"{line}\n"
    yield from table_lines(effect_rows(question))
    if any(not effect.paired for effect in question.effects):
        yield f"\n{UNPAIRED}"
    yield from all_curves(question, author)


def effect_rows(question: QuestionResult) -> list[list[str]]:
    """Return the header and a row for each case: its score, its real words, and how they change."""
    rows = [["case", "bits/char", f"change against {question.reference}", "real words", "change"]]
    for case in question.cases:
        effect = question.effect(case.label)
        changes = (effect.bits_per_char, effect.real_word_rate) if effect else (None, None)
        bits, words = show_change(changes[0], 3), show_change(changes[1], 1, percent=True)
        bits += " †" if effect and not effect.paired else ""
        score, real = show_value(case.bits_per_char, 3), show_value(case.real_word_rate, 1, percent=True)
        rows.append([case.label, score, bits, real, words])
    return rows


def all_curves(question: QuestionResult, author: TextMetrics) -> Iterator[str]:
    """Yield the curves of a question's cases with several samplers, and their values at equal entropy.

    A curve is what a case writes with each sampler, quality against diversity, and the author.
    """
    curves = [case for case in question.cases if len(case.writing) > 1]
    for case in curves:
        rows = [[case.label, "bits/char of the choices", *SAMPLER_METRICS]]
        written = [(spec, each.entropy_per_char, each.metrics) for spec, each in case.writing.items()]
        for name, entropy, metrics in [*written, ("*the author*", None, author)]:
            values = [entropy, *(getattr(metrics, metric) for metric in SAMPLER_METRICS.values())]
            rows.append([name, *("-" if value is None else f"{value:.3f}" for value in values)])
        yield from ("", *table_lines(rows))
    if len(curves) > 1:
        yield from ("", *matched_lines(curves))


def matched_lines(cases: Sequence[CaseResult]) -> Iterator[str]:
    """Yield what cases write where their choices are equally free: at the same entropy per character.

    A temperature means another freedom at each level; between the measured ones, metrics are interpolated.
    Entropies are those that all cases reach.
    """
    curves = [_curve(list(case.writing.values())) for case in cases]
    low, high = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    if low >= high:
        return
    labels = [case.label for case in cases]
    columns = [f"{name}, {label}" for name in ("real words", "distinct-2") for label in labels]
    rows = [["at the same bits/char of the choices", *columns]]
    for entropy in np.linspace(low, high, NUM_MATCHED):
        cells = [
            f"{np.interp(entropy, curve[:, 0], curve[:, metric]):.3f}"
            for metric in (1, 2)
            for curve in curves
        ]
        rows.append([f"{entropy:.2f}", *cells])
    yield from table_lines(rows)


def _curve(rows: Sequence[Writing]) -> NDArray[np.float64]:
    """Return entropy, real words and distinct-2, of rising entropy, for as long as cooling lowers it.

    Colder still, a word model may spell more and more words, and choose the more freely for it: then an
    entropy stands for two temperatures. Without a temperature each, they go by entropy.
    """
    temperatures = {row.temperature for row in rows} - {None}
    has_order = len(temperatures) == len(rows)
    points = [
        (row.entropy_per_char, float(row.metrics.real_word_rate or 0), float(row.metrics.distinct_2 or 0))
        for row in sorted(
            rows, key=lambda row: -((row.temperature or 0) if has_order else row.entropy_per_char)
        )
    ]
    steps = takewhile(lambda step: step[1][0] < step[0][0], pairwise(points))
    falling = [points[0], *(after for _, after in steps)]
    return np.array(falling[::-1])


def show_value(estimate: Estimate | None, places: int, percent: bool = False) -> str:
    """Return a value without its interval, or a dash for none."""
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:.{places}f} %" if percent else f"{estimate.value:.{places}f}"


def show_change(contrast: Contrast | None, places: int, percent: bool = False) -> str:
    """Return a change with its interval, bold if it is clear, or nothing for none."""
    if contrast is None:
        return ""
    factor = 100 if percent else 1
    text = f"{factor * contrast.value:+.{places}f}"
    text = f"**{text}**" if contrast.is_clear else text
    if contrast.interval is None:
        return text
    low, high = (factor * end for end in contrast.interval)
    return f"{text} ({low:+.{places}f} to {high:+.{places}f})"
