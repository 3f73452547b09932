"""The contents of a report: what was compared, and its tables. Two renderers draw them."""

from __future__ import annotations

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import scope
from textgen.comparison.report.columns import entry_rows
from textgen.comparison.report.formats import count
from textgen.comparison.report.samples_table import metrics_table
from textgen.comparison.report.scores import category_table, difference_table, score_table
from textgen.comparison.report.table import Table
from textgen.comparison.report.training import curve_table, embedding_table, speed_table


def summary(result: Comparison) -> list[str]:
    """Return the lines that say what scores hold for, what was compared, on what and with what."""
    corpus = result.corpus
    versions, machine = (
        ", ".join(f"{key} {value}" for key, value in part.items())
        for part in (result.versions, vars(result.machine))
    )
    return [
        *scope(result),
        f"{count(corpus.num_chars)} characters, cleaner {corpus.cleaner}, split {corpus.split.method}, "
        f"sha256 {corpus.sha256[:12]}",
        f"budget {result.budget} each, {result.device}, {result.precision}, scored on {result.scored_on}",
        "; ".join((versions, machine)),
    ]


def tables(result: Comparison) -> list[Table]:
    """Return the tables that have something to show, in the order of the report."""
    rows = entry_rows(result)
    ran = [row for row in rows if row.runs]
    built = (
        score_table(result, rows),
        difference_table(result, rows),
        category_table(ran),
        metrics_table(result, ran),
        speed_table(ran),
        embedding_table(ran),
        curve_table(result, ran),
    )
    return [table for table in built if table.rows]
