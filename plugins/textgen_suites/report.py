"""The report of a suite: the effect of each change, question by question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import INTERVAL_METHOD, Contrast
from textgen.evaluation.metrics import CLOSEST, LETTERS, METRICS, TextMetrics
from textgen.page.charts import ChartValue, IntervalChart, LineChart
from textgen.reports.document import (
    DASH,
    PAGE,
    TEXT,
    Block,
    Cell,
    Chart,
    Folded,
    Report,
    Section,
    Table,
    TableRow,
    lines,
    text_table,
)
from textgen.reports.formats import at, named_values, plain
from textgen.reports.samples import counted_words, diversity_chart, sampler_line
from textgen.runtime.environment import machines_used
from textgen.runtime.storage.files import slug
from textgen_suites.result import CaseResult, QuestionResult, SuiteResult, Writing

NUM_MATCHED = 5
"""Entropies at which curves are compared."""
MAX_CHANGES = 3
"""Clear changes that the answer names, the largest first."""

UNPAIRED = "† Scored on another text, which the cleaner made: other characters, so the effect is unpaired."

SAMPLER_METRICS = {METRICS[name].label: name for name in CLOSEST if name != "distinct_1"}
"""The columns of a table of samplers, and their metrics."""


def suite_report(result: SuiteResult) -> Report:
    """Return the report of a suite."""
    has_own_texts = all(question.text_of for question in result.questions)
    machines = machines_used(result.machines)
    several = [f"The runs were made on several kinds of machines: {machines}."] if machines else []
    failures = (plain(f"{name}: {reason}") for name, reason in result.failures.items())
    return Report(
        kind="suite",
        result=result,
        title=result.suite if has_own_texts else f"{result.suite}, on {result.corpus.name}",
        answer=suite_answer(result),
        closing=suite_answer(result),
        context=_context(result, has_own_texts),
        definition=_definition(result, has_own_texts),
        sections=[
            *(
                Section(f"question-{slug(each.name).lower()}", each.text, list(_question(each, result)))
                for each in result.questions
            ),
            Section("machines", "", [lines(several)], TEXT),
            Section("failures", "What failed", [lines(failures, is_list=True)]),
        ],
        command=result.command,
        made=[*_made(result), *several],
    )


def suite_answer(result: SuiteResult) -> str:
    """Return how many changes are clear, and the largest of them."""
    changes = [
        (change, f"{effect.case} against {effect.reference} {change.value:+.3f}")
        for question in result.questions
        for effect in question.effects
        if (change := effect.bits_per_char)
    ]
    clear = [(abs(change.value), name) for change, name in changes if change.is_clear]
    clear.sort(key=itemgetter(0), reverse=True)
    named = ", ".join(name for _, name in clear[:MAX_CHANGES])
    largest = f"; the largest, in bits per character: {named}" if named else ""
    return f"{len(clear)} of {len(changes)} changes are clear at 5 %{largest}."


def _context(result: SuiteResult, has_own_texts: bool) -> str:
    """Return what was measured, on what and with what."""
    about = result.machine
    threads = "1 thread" if about.num_threads == 1 else f"{about.num_threads} threads"
    at_once = f" for each of {result.num_jobs} runs at a time" if result.num_jobs > 1 else ""
    seeds = "one seed" if result.num_seeds == 1 else f"{result.num_seeds} seeds"
    return (
        ("" if has_own_texts else f"{_text(result.corpus)}, ") + f"{result.budget} of training each, "
        f"{seeds}, {result.device}, {result.precision}; {about.processor}, "
        f"{threads}{at_once}; torch {result.versions['torch']}."
    )


def _definition(result: SuiteResult, has_own_texts: bool) -> str:
    """Return what the numbers mean."""
    adjusted = ", corrected for the number of changes in a table (Holm)"
    return (
        f"A change in brackets is its interval ({result.interval_method}). Fewer bits per character and more "
        "real words are better; bold changes are clear: more than chance explains at 5 %"
        + (f"{adjusted}." if result.interval_method == INTERVAL_METHOD else ".")
        + ("" if has_own_texts else _real_words(result.held_out.sample_metrics, result.lexicons))
    )


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
    rate = author.get("real_word_rate")
    if rate is None:
        return known
    counted = counted_words(author.get(LETTERS))
    return f"{known} They are {counted}; {100 * rate:.1f} % of the author's are real."


def _question(question: QuestionResult, result: SuiteResult) -> Iterator[Block]:
    """Yield what a question is measured on, if it has a text of its own, its scores and its changes."""
    author = result.text_of(question).held_out.sample_metrics
    if text := question.text_of:
        words = _real_words(text.held_out.sample_metrics, text.lexicons)
        yield lines([f"{text.corpus.name}: {_text(text.corpus)}.{words}"])
    scores = [
        ChartValue(case.label, score.value, score.interval)
        for case in question.cases
        if (score := case.bits_per_char)
    ]
    changes = [
        ChartValue(effect.case, change.value, change.interval, change.is_clear)
        for effect in question.effects
        if (change := effect.bits_per_char)
    ]
    unit, against = "bits/char, lower is better", f"against {question.reference}"
    yield Chart(IntervalChart(f"Scores: {question.text}", unit, scores))
    title = f"Changes {against}: {question.text}"
    yield Chart(IntervalChart(title, f"{unit}, {against}", changes, zero=True))
    header = ["case", "bits/char", f"change against {question.reference}", real_words(question), "change"]
    rows: list[list[str | Cell]]
    rows = [[case.label, *case_cells(question, case), case.entry] for case in question.cases]
    yield text_table(question.text, header, (row[:-1] for row in rows), views=TEXT)
    yield text_table(question.text, [*header, "entry"], rows, lefts=(5,), views=PAGE)
    yield lines([UNPAIRED] if any(not effect.paired for effect in question.effects) else [])
    yield Chart(_sampler_chart(question, author))
    yield Folded("What each sampler writes", list(sampler_tables(question, author)))


def real_words(question: QuestionResult) -> str:
    """Return the header of the share of real words, with the samplers that wrote them, one for each text."""
    samplers = dict.fromkeys(case.samplers[0] for case in question.cases)
    return f"real words {' or '.join(map(at, samplers))}"


def case_cells(question: QuestionResult, case: CaseResult) -> list[Cell]:
    """Return the score of a case, its change, its real words, and how they change."""
    effect = question.effect(case.label)
    score, real = case.bits_per_char, case.real_word_rate
    bits = _change(effect.bits_per_char if effect else None, 3)
    if effect and not effect.paired:
        bits = bits._replace(spread=f"{bits.spread} †")
    return [
        Cell(f"{score.value:.3f}" if score else DASH),
        bits,
        Cell(f"{100 * real.value:.1f} %" if real else DASH),
        _change(effect.real_word_rate if effect else None, 1, factor=100),
    ]


def _change(contrast: Contrast | None, places: int, factor: int = 1) -> Cell:
    """Return a change with its interval, marked if it is clear, or nothing for none."""
    if contrast is None:
        return Cell("")
    ends = [f"{factor * end:+.{places}f}" for end in contrast.interval or ()]
    spread = f" ({' to '.join(ends)})" if ends else ""
    return Cell(f"{factor * contrast.value:+.{places}f}", spread, contrast.is_clear)


def _sampler_chart(question: QuestionResult, author: TextMetrics) -> LineChart:
    """Return what cases with several samplers write."""
    drawn = [
        sampler_line(case.label, [(spec, writing.metrics) for spec, writing in case.writing.items()])
        for case in question.cases
    ]
    curves = [line for line in drawn if line and len(line.points) > 1]
    has_author = None not in (author.get("distinct_2"), author.get("real_word_rate"))
    title = f"Real words against different bigrams: {question.text}"
    return diversity_chart(title, curves if has_author else [], author)


def sampler_tables(question: QuestionResult, author: TextMetrics) -> Iterator[Table]:
    """Yield what each case with several samplers writes with each, and all of them at equal entropy.

    `author` are the metrics of the held-out text itself.
    """
    curves = [case for case in question.cases if len(case.writing) > 1]
    for case in curves:
        header = [case.label, "bits/char of the choices", *SAMPLER_METRICS]
        rows = [
            TableRow(name, _sampler_cells(each.entropy_per_char, each.metrics))
            for name, each in case.writing.items()
        ]
        rows.append(TableRow("the author", _sampler_cells(None, author), is_reference=True))
        yield text_table("", header, rows)
    if len(curves) > 1:
        yield matched_table(curves)


def _sampler_cells(entropy: float | None, metrics: TextMetrics) -> list[Cell]:
    values = [entropy, *(metrics.get(metric) for metric in SAMPLER_METRICS.values())]
    return [Cell(DASH if value is None else f"{value:.3f}") for value in values]


def matched_table(cases: Sequence[CaseResult]) -> Table:
    """Return what cases write where their choices are equally free: at the same entropy per character.

    A temperature means another freedom at each level; between the measured ones, metrics are interpolated.
    Entropies are those that all cases reach; if there are none, it has no rows.
    """
    curves = [_curve(list(case.writing.values())) for case in cases]
    low, high = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    labels = [case.label for case in cases]
    columns = [f"{name}, {label}" for name in ("real words", "distinct-2") for label in labels]
    rows = [
        [
            f"{entropy:.2f}",
            *(
                f"{np.interp(entropy, curve[:, 0], curve[:, metric]):.3f}"
                for metric in (1, 2)
                for curve in curves
            ),
        ]
        for entropy in (np.linspace(low, high, NUM_MATCHED) if low < high else ())
    ]
    return text_table("", ["at the same bits/char of the choices", *columns], rows)


def _curve(rows: Sequence[Writing]) -> NDArray[np.float64]:
    """Return entropy, real words and distinct-2, of rising entropy, for as long as cooling lowers it.

    Colder still, a word model may spell more and more words, and choose the more freely for it: then an
    entropy stands for two temperatures. Without a temperature each, they go by entropy.
    """
    temperatures = {row.temperature for row in rows} - {None}
    has_order = len(temperatures) == len(rows)
    points = [
        (
            row.entropy_per_char,
            *(float(row.metrics.get(name) or 0) for name in ("real_word_rate", "distinct_2")),
        )
        for row in sorted(
            rows, key=lambda row: -((row.temperature or 0) if has_order else row.entropy_per_char)
        )
    ]
    steps = takewhile(lambda step: step[1][0] < step[0][0], pairwise(points))
    falling = [points[0], *(after for _, after in steps)]
    return np.array(falling[::-1])


def _made(result: SuiteResult) -> Iterator[str]:
    """Yield what a suite was measured on and with."""
    for corpus in dict.fromkeys(result.text_of(question).corpus for question in result.questions):
        yield f"{corpus.name}: {_text(corpus)}, sha256 {corpus.sha256}"
    yield from (named_values(result.versions), named_values(result.machine))
