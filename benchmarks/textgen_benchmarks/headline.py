"""The main comparison in the README: its answer, its table and the samples of its entries.

`textgen_benchmarks.tables` writes them from results/bench-wiki.json, the result of `make bench`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from textgen.defaults import SAMPLER
from textgen.generation.bound_sampler import ENTROPY
from textgen.reports.answer import answer
from textgen.reports.bench_tables import named
from textgen.reports.columns import RowColumn, View, make_table
from textgen.reports.document import DASH
from textgen.reports.formats import count, short, thousandths
from textgen.reports.markdown import escape, markdown_table
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.reports.samples import sample_groups
from textgen.results.comparison import Comparison

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
    """Yield the table of a comparison, with real words if they are those of an equal freedom."""
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    is_equal = f"{ENTROPY}=" in result.measured_sampler
    shown = [each for each in named(result, columns()) if is_equal or each.name != "real_word_rate"]
    yield from markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)]))


def columns() -> list[RowColumn[Any]]:
    """Return the columns of the table."""
    view = View(
        "bits_per_char interval bits_per_char_without_oov num_parameters trained_chars_per_second "
        "real_word_rate",
        formats={
            "bits_per_char": thousandths,
            "interval": lambda ends: DASH.join(map(thousandths, ends)),
            "bits_per_char_without_oov": thousandths,
            "trained_chars_per_second": lambda speed: count(float(f"{speed:.3g}")),
        },
    )
    headers = {
        "bits_per_char_without_oov": "without OOV words",
        "trained_chars_per_second": "training chars/s",
    }
    return [replace(column, header=headers.get(column.name, column.header)) for column in view.columns()]


def samples(result: Comparison) -> Iterator[str]:
    """Yield how the entries that were trained continue the first prompt, by the default sampler if any."""
    groups, trained = sample_groups(result), {run.name for run in result.runs if run.train.num_updates}
    group = next((each for each in groups if each.sampler.startswith(SAMPLER)), groups[0])
    yield f"> *{escape(group.prompt)}* ({escape(group.sampler)})"
    for name, text in group.texts:
        if name in trained:
            shown = textwrap.shorten(text, SAMPLE_CHARS, placeholder=" …")
            yield from (
                ">",
                *(f"> {line}" for line in textwrap.wrap(f"**{escape(name)}**: {escape(shown)}", 117)),
            )
