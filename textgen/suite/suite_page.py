"""The page of a suite for the browser: the effect of each change, drawn and as a table."""

from __future__ import annotations

from dataclasses import asdict

from markupsafe import Markup

from textgen.page.charts import Line, Measured, interval_chart, line_chart
from textgen.page.render import Section, render, render_page
from textgen.page.tables import page_table
from textgen.runtime.environment import machines_used
from textgen.runtime.storage.files import slug
from textgen.suite.suite_report import UNPAIRED, machines_of, show_change, show_value, text_lines, title
from textgen.suite.suite_result import CaseResult, QuestionResult, SuiteResult

MAX_NAMED = 3
"""Clear changes that the answer names, the largest first."""


def to_html(result: SuiteResult) -> str:
    """Return the whole report of a suite."""
    sections = [
        Section(f"question-{slug(question.name).lower()}", question.text, _question(question, result))
        for question in result.questions
    ]
    if result.failures:
        rows = list(result.failures.items())
        sections.append(
            Section("failures", "What failed", page_table("What failed", ["case", "why"], rows, lefts=(0, 1)))
        )
    sections.append(Section("reproduce", "Reproduce and download", _reproduce(result)))
    return render_page(title(result), summary(result), sections, {"suite": result}, ())


def summary(result: SuiteResult) -> str:
    """Return how many changes are clear, and the largest of them."""
    effects = [
        (effect.bits_per_char, effect)
        for question in result.questions
        for effect in question.effects
        if effect.bits_per_char is not None
    ]
    clear = sorted(
        ((change, effect) for change, effect in effects if change.is_clear),
        key=lambda pair: -abs(pair[0].value),
    )
    named = [
        f"{effect.case} against {effect.reference} {change.value:+.3f}"
        for change, effect in clear[:MAX_NAMED]
    ]
    largest = f"; the largest, in bits per character: {', '.join(named)}" if named else ""
    return f"{len(clear)} of {len(effects)} changes are clear at 5 %{largest}."


def _question(question: QuestionResult, result: SuiteResult) -> Markup:
    scores = [
        Measured(case.label, case.bits_per_char.value, case.bits_per_char.interval)
        for case in question.cases
        if case.bits_per_char is not None
    ]
    changes = [
        Measured(
            effect.case,
            effect.bits_per_char.value,
            effect.bits_per_char.interval,
            effect.bits_per_char.is_clear,
        )
        for effect in question.effects
        if effect.bits_per_char is not None
    ]
    unit = "bits/char, lower is better"
    parts = [Markup("<p>{}</p>").format(line) for line in text_lines(question)]
    parts += [interval_chart(f"Scores: {question.text}", unit, scores)] if scores else []
    if changes:
        against = f"against {question.reference}"
        parts.append(
            interval_chart(f"Changes {against}: {question.text}", f"{unit}, {against}", changes, zero=True)
        )
    parts.append(_table(question))
    parts.append(_curves(question, result))
    return Markup().join(parts)


def _table(question: QuestionResult) -> Markup:
    rows = []
    for case in question.cases:
        effect = question.effect(case.label)
        changes = (effect.bits_per_char, effect.real_word_rate) if effect else (None, None)
        mark = " †" if effect and not effect.paired else ""
        rows.append(
            [
                case.label,
                show_value(case.bits_per_char, 3),
                show_change(changes[0], 3).replace("**", "") + mark,
                show_value(case.real_word_rate, 1, percent=True),
                show_change(changes[1], 1, percent=True).replace("**", ""),
                case.entry,
            ]
        )
    header = ["case", "bits/char", f"change against {question.reference}", "real words", "change", "entry"]
    unpaired = any(not effect.paired for effect in question.effects)
    return page_table(question.text, header, rows, caption=UNPAIRED if unpaired else "", lefts=(0, 5))


def _curves(question: QuestionResult, result: SuiteResult) -> Markup:
    lines = [line for case in question.cases if (line := _curve(case))]
    own = question.text_of
    author = (own.held_out if own else result.held_out).sample_metrics
    if not lines or author.distinct_2 is None or author.real_word_rate is None:
        return Markup()
    lines.append(
        Line("held-out text", [(100 * author.distinct_2, 100 * author.real_word_rate)], ["the author"])
    )
    heading = f"Real words against different bigrams: {question.text}"
    return line_chart(heading, "different bigrams, %", "real words, %", lines)


def _curve(case: CaseResult) -> Line | None:
    """Return what a case writes with its samplers; None with one sampler."""
    points = [
        (100 * writing.metrics.distinct_2, 100 * writing.metrics.real_word_rate, spec)
        for spec, writing in case.writing.items()
        if writing.metrics.distinct_2 is not None and writing.metrics.real_word_rate is not None
    ]
    if len(points) < 2:
        return None
    return Line(case.label, [(x, y) for x, y, _ in points], [spec for *_, spec in points])


def _reproduce(result: SuiteResult) -> Markup:
    owns = [question.text_of.corpus if question.text_of else result.corpus for question in result.questions]
    lines = [
        f"{corpus.name}: {corpus.num_chars:,} characters, cleaner {corpus.cleaner}, "
        f"split {corpus.split.method}, sha256 {corpus.sha256}"
        for corpus in dict.fromkeys(owns)
    ]
    lines += [
        f"{result.budget} each, {result.num_seeds} seeds, {result.num_jobs} runs at a time, {result.device}, "
        f"{result.precision}",
        f"intervals: {result.interval_method}",
        ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        ", ".join(f"{name} {value}" for name, value in asdict(result.machine).items() if value),
    ]
    if machines := machines_used(machines_of(result)):
        lines.append(f"runs were made on {machines}")
    return render("reproduce.html", command=result.command, lines=lines, downloads=[], json="suite")
