"""The short report: one table, and samples of the entries that have learned something."""

from __future__ import annotations

from statistics import fmean, pstdev

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.columns import VIEWS
from textgen.comparison.report.formats import plain, short
from textgen.comparison.report.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.comparison.report.samples import SampleGroup, sample_groups
from textgen.comparison.report.table import ReportTable, make_table
from textgen.comparison.report.tables import score_notes
from textgen.experiment.entry_result import EntryResult

MAX_GROUPS = 2
"""Prompts whose samples are shown."""
MAX_CHANCE_SPREAD = 0.02
"""Standard deviation of the score between passages, as a share of the score, of what is pure chance."""


def brief_summary(result: Comparison) -> str:
    """Return in one line what was compared."""
    text = f"{result.corpus.name}, {short(result.corpus.num_chars)} characters"
    how = f"{result.budget} of training each, {result.device}, {result.precision}"
    return f"{text}; {how}; scored on {result.scored_on}"


def brief_table(result: Comparison) -> ReportTable:
    """Return the scores with what else decides: how far from the best, real words, speed and size."""
    entries = entry_rows(result)
    caption = (
        f"Bits per character of the {result.scored_on} text, lower is better; bold: clearly best; italics: "
        f"references. Real words: of what {plain(result.measured_sampler)} writes."
    )
    ranked = sorted([*entries, *reference_rows(result)], key=EntryRow.ranking)
    rows, notes = [*ranked, held_out_row(result)], list(score_notes(result, entries))
    return make_table("", caption, VIEWS["brief"].columns(), rows, notes)


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
    chance = {row.name for row in rows if _is_chance(row.runs[0])}
    return chance if len(chance) < len(rows) else set()


def _is_chance(run: EntryResult) -> bool:
    score = run.test or run.validation
    if run.train.num_updates or score is None or score.units is None:
        return False
    pieces = zip(score.units.bits, score.units.num_chars, strict=True)
    values = [bits / num_chars for bits, num_chars in pieces]
    return pstdev(values) < MAX_CHANCE_SPREAD * (fmean(values) or 1.0)
