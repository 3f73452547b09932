"""The main comparison in the README: its answer, its table and the samples of its entries.

`textgen_benchmarks.tables` writes them from results/bench-wiki.json, the result of `make bench`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from textgen.comparison.comparison_result import Comparison, EntryScore, Interval
from textgen.comparison.report.answer import answer, is_trained
from textgen.comparison.report.columns import (
    DASH,
    Column,
    EntryRow,
    entry_rows,
    metric_column,
    of_runs,
    of_scores,
    rank,
)
from textgen.comparison.report.formats import count, short
from textgen.comparison.report.markdown import markdown_table
from textgen.comparison.report.samples_table import sample_groups
from textgen.comparison.report.table import make_table
from textgen.page.markdown import escape

PAGE = "benchmarks/README.md#the-main-comparison"
"""Section of benchmarks/README.md that describes the measurement."""
SAMPLE_CHARS = 160
"""Characters of a sample that are shown, up to the end of a word."""


def headline(result: Comparison) -> Iterator[str]:
    """Yield what was compared on, the answer and the table of a comparison."""
    machine, text = result.machine, result.corpus
    threads = "1 thread" if machine.num_threads == 1 else f"{machine.num_threads} threads"
    about = (
        f"[One run of `make bench`]({PAGE}) on {text.name}, {short(text.num_chars)} characters; "
        f"{escape(machine.processor)}, {threads}, {result.budget} of training each:"
    )
    for paragraph in (about, f"**{escape(answer(result))}**"):
        yield from (*textwrap.wrap(paragraph, 120, break_on_hyphens=False), "")
    yield from scores_table(result)


def scores_table(result: Comparison) -> Iterator[str]:
    """Yield the table of a comparison."""
    references = [EntryRow(each.name, estimate=each) for each in result.references]
    held_out = EntryRow("held-out text", reference_metrics=result.held_out.sample_metrics)
    rows = [*sorted([*entry_rows(result), *references], key=rank), held_out]
    yield from markdown_table(make_table("", "", columns(), rows))


def columns() -> list[Column[Any]]:
    """Return the columns of the table."""
    return [
        Column("bits/char", lambda row: row.bits_per_char, bits, is_best=_is_best, is_score=True),
        Column("95 % interval", _intervals, lambda ends: DASH.join(map(bits, ends))),
        Column("without OOV words", of_scores(lambda score: score.bits_per_char_without_oov), bits),
        Column("parameters", of_runs(lambda run: run.num_parameters), short),
        Column(
            "training chars/s",
            of_runs(lambda run: run.train.chars_per_second if run.train.num_updates else None),
            lambda speed: count(float(f"{speed:.3g}")),
        ),
        metric_column("real words %", "real_word_rate", lambda rate: f"{100 * rate:.1f}"),
    ]


def bits(value: float) -> str:
    """Write bits with three decimals."""
    return f"{value:.3f}"


def _is_best(row: EntryRow) -> bool:
    return isinstance(row.estimate, EntryScore) and row.estimate.is_best


def _intervals(row: EntryRow) -> list[Interval]:
    return [row.estimate.interval] if row.estimate and row.estimate.interval else []


def samples(result: Comparison) -> Iterator[str]:
    """Yield how the entries that were trained continue the first prompt."""
    group = sample_groups(result)[0]
    yield f"> *{escape(group.prompt)}*"
    for name, text in group.texts:
        if is_trained(result, name):
            shown = textwrap.shorten(text, SAMPLE_CHARS, placeholder=" …")
            yield from (
                ">",
                *(f"> {line}" for line in textwrap.wrap(f"**{escape(name)}**: {escape(shown)}", 117)),
            )
