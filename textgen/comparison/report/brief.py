"""What people read first of a comparison: one table, and what the entries that learned something write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, pstdev
from typing import Any

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import is_timed, verdict
from textgen.comparison.report.columns import DASH, Column, EntryRow, entry_rows, metric_column, of_runs, rank
from textgen.comparison.report.formats import percent, plain, short
from textgen.comparison.report.machines import unequal_notes
from textgen.comparison.report.samples_table import SampleGroup, sample_groups
from textgen.comparison.report.scores import disturbed_notes, intervals, is_best, problem_notes
from textgen.comparison.report.table import Table, make_table

MAX_GROUPS = 2
"""Prompts whose samples are shown."""
MAX_CHANCE_SPREAD = 0.02
"""Standard deviation of the score between passages, as a share of the score, of what is pure chance."""


def brief_summary(result: Comparison) -> str:
    """Return in one line what was compared."""
    text = f"{result.corpus.name}, {short(result.corpus.num_chars)} characters"
    how = f"{result.budget} of training each, {result.device}, {result.precision}"
    return f"{text}; {how}; scored on {result.scored_on}"


def brief_table(result: Comparison) -> Table:
    """Return the scores with what else decides: how far from the best, real words, speed and size."""
    entries = entry_rows(result)
    references = [EntryRow(reference.name, estimate=reference) for reference in result.references]
    held_out = EntryRow("held-out text", reference_metrics=result.held_out.sample_metrics)
    by_name = {difference.b: difference for difference in result.differences}
    columns: list[Column[Any]] = [
        Column("bits/\nchar", lambda row: row.bits_per_char, _bits, is_best=is_best, is_score=True),
        Column("95 %\ninterval", intervals, lambda ends: DASH.join(map(_bits, ends))),
        Column(
            "above\nthe best",
            lambda row: [by_name[row.name].bits_per_char] if row.name in by_name else [],
            lambda difference: f"{difference:+.3f}",
        ),
        metric_column("real\nwords %", "real_word_rate", percent),
        Column(
            "train\nchars/s",
            of_runs(lambda run: run.train.chars_per_second if run.train.num_updates else None),
            short,
        ),
        Column("para-\nmeters", of_runs(lambda run: run.num_parameters), short),
        Column(
            "verdict",
            lambda row: [verdict(result, by_name[row.name])] if row.name in by_name else _first(result, row),
            align="left",
            extra=True,
        ),
    ]
    caption = (
        f"Bits per character of the {result.scored_on} text, lower is better; bold: clearly best; italics: "
        f"references. Real words: of what {plain(result.measured_sampler)} writes."
    )
    table = make_table("", caption, columns, [*sorted([*entries, *references], key=rank), held_out])
    notes = [*problem_notes(entries), *(disturbed_notes(entries) if is_timed(result) else ())]
    notes += unequal_notes(result, entries)
    return replace(table, notes=notes)


def brief_samples(result: Comparison) -> tuple[list[SampleGroup], int]:
    """Return samples without those of pure chance, and the number of prompts that are left out."""
    chance = chance_entries(result)
    groups = [
        group._replace(texts=texts)
        for group in sample_groups(result)
        if (texts := [(name, text) for name, text in group.texts if name not in chance])
    ]
    return groups[:MAX_GROUPS], max(0, len(groups) - MAX_GROUPS)


def chance_entries(result: Comparison) -> set[str]:
    """Return the entries that have learned nothing, if there are others.

    They are not trained by gradient, and score the same on every passage.
    """
    rows = [row for row in entry_rows(result) if row.runs]
    chance = {row.name for row in rows if _is_chance(row)}
    return chance if len(chance) < len(rows) else set()


def _is_chance(row: EntryRow) -> bool:
    run = row.runs[0]
    score = run.test or run.validation
    if run.train.num_updates or score is None or score.units is None:
        return False
    pieces = zip(score.units.bits, score.units.num_chars, strict=True)
    return _spread([bits / num_chars for bits, num_chars in pieces]) < MAX_CHANCE_SPREAD


def _spread(values: Sequence[float]) -> float:
    return pstdev(values) / (fmean(values) or 1.0)


def _first(result: Comparison, row: EntryRow) -> list[str]:
    """Return the verdict on the entry with the lowest score."""
    if not result.scores or row.name != result.scores[0].name:
        return []
    return ["best" if is_best(row) else "lowest score"]


def _bits(value: float) -> str:
    return f"{value:.3f}"
