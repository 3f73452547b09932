"""The page of a suite for the browser: the effect of each change, drawn and as a table."""

from __future__ import annotations

from operator import itemgetter

from markupsafe import Markup

from textgen.page.charts import ChartValue, interval_chart
from textgen.page.render import Section, listed, page_table, render_page, reproduce_section
from textgen.report.pictures import diversity_chart, sampler_line
from textgen.report.suite_report import UNPAIRED, effect_rows, text_lines, title
from textgen.results.suite import QuestionResult, SuiteResult
from textgen.runtime.environment import machines_used
from textgen.runtime.storage.files import slug

MAX_CHANGES = 3
"""Clear changes that the answer names, the largest first."""


def to_html(result: SuiteResult) -> str:
    """Return the whole report of a suite."""
    sections = [
        Section(f"question-{slug(question.name).lower()}", question.text, _question(question, result))
        for question in result.questions
    ]
    if result.failures:
        table = page_table("What failed", ["case", "why"], list(result.failures.items()), lefts=(0, 1))
        sections.append(Section("failures", "What failed", table))
    sections.append(_reproduce(result))
    return render_page(title(result), suite_answer(result), sections, {"suite": result}, ())


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


def _question(question: QuestionResult, result: SuiteResult) -> Markup:
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
    parts = [Markup("<p>{}</p>").format(line) for line in text_lines(question)]
    changed = f"Changes {against}: {question.text}"
    parts += [
        interval_chart(f"Scores: {question.text}", unit, scores),
        interval_chart(changed, f"{unit}, {against}", changes, zero=True),
        _table(question),
        _curves(question, result),
    ]
    return Markup().join(parts)


def _table(question: QuestionResult) -> Markup:
    header, *rows = effect_rows(question)
    shown = [
        [*(cell.replace("**", "") for cell in row), case.entry]
        for row, case in zip(rows, question.cases, strict=True)
    ]
    unpaired = any(not effect.paired for effect in question.effects)
    caption = UNPAIRED if unpaired else ""
    return page_table(question.text, [*header, "entry"], shown, caption=caption, lefts=(0, 5))


def _curves(question: QuestionResult, result: SuiteResult) -> Markup:
    """Return what cases with several samplers write."""
    lines = [
        sampler_line(case.label, [(spec, writing.metrics) for spec, writing in case.writing.items()])
        for case in question.cases
    ]
    curves = [line for line in lines if line and len(line.points) > 1]
    author = result.text_of(question).held_out.sample_metrics
    if not curves or None in (author.distinct_2, author.real_word_rate):
        return Markup()
    return diversity_chart(f"Real words against different bigrams: {question.text}", curves, author)


def _reproduce(result: SuiteResult) -> Section:
    lines = [
        f"{corpus.name}: {corpus.num_chars:,} characters, cleaner {corpus.cleaner}, "
        f"split {corpus.split.method}, sha256 {corpus.sha256}"
        for corpus in dict.fromkeys(result.text_of(question).corpus for question in result.questions)
    ]
    lines += [
        f"{result.budget} each, {result.num_seeds} seeds, {result.num_jobs} runs at a time, {result.device}, "
        f"{result.precision}",
        f"intervals: {result.interval_method}",
        listed(result.versions),
        listed(result.machine),
    ]
    if machines := machines_used(result.machines):
        lines.append(f"runs were made on {machines}")
    return reproduce_section(lines, "suite", result.command)
