"""The tables of scores: how well each entry predicts the held-out text, and where its bits go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from textgen.comparison.comparison_result import Comparison, Difference, EntryScore, Interval
from textgen.comparison.report.answer import is_timed, verdict
from textgen.comparison.report.columns import DASH, Column, EntryRow, of_runs, of_scores, rank
from textgen.comparison.report.formats import bits, percent, perplexity, plain, short
from textgen.comparison.report.machines import unequal_notes
from textgen.comparison.report.table import Note, Table, make_table
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.experiment.entry_result import EntryResult


def score_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the scores of entries and references, best first."""
    references = [EntryRow(reference.name, estimate=reference) for reference in result.references]
    ranked = sorted([*rows, *references], key=rank)
    columns: list[Column[Any]] = [
        Column("bits/\nchar", lambda row: row.bits_per_char, bits, is_best=is_best, is_score=True),
        Column("95 %\ninterval", intervals, lambda ends: DASH.join(map(bits, ends))),
        Column("perplexity\nper word", of_scores(lambda score: score.perplexity_per_word), perplexity),
        Column("para-\nmeters", of_runs(lambda run: run.num_parameters), short),
        Column("frozen", of_runs(lambda run: run.num_frozen_parameters or None), short),
        Column("bits/\nbyte", of_scores(lambda score: score.bits_per_byte), bits, extra=True),
        Column("nats/\nchar", of_scores(lambda score: score.nats_per_char), bits, extra=True),
        Column("validation\nbits/char", _validation_bits, bits, extra=True),
    ]
    interval = (
        "Interval: 95 %, for other passages of this text and other seeds."
        if result.interval_method == INTERVAL_METHOD
        else f"Interval: {result.interval_method}."
    )
    caption = (
        "Bits per character of the whole text, lower is better; bold: clearly best. Italics: references. "
        f"{interval} Compare perplexities within one text only."
    )
    table = make_table("Scores", caption, columns, ranked)
    scores = [fmean(row.bits_per_char) if row.bits_per_char and row.comparable else 0.0 for row in ranked]
    longest = max(scores, default=0.0) or 1.0
    drawn = [replace(row, bar=score / longest) for row, score in zip(table.rows, scores, strict=True)]
    notes = [
        *problem_notes(rows),
        *(disturbed_notes(rows) if is_timed(result) else ()),
        *unequal_notes(result, rows),
        *(Note(f"{each.name}: {each.description}") for each in result.references),
    ]
    return replace(table, rows=drawn, notes=notes)


def is_best(row: EntryRow) -> bool:
    """Return whether the score of a row is clearly better than those of all other entries."""
    return isinstance(row.estimate, EntryScore) and row.estimate.is_best


def intervals(row: EntryRow) -> list[Interval]:
    """Return the interval of a row's score, if it has one."""
    return [row.estimate.interval] if row.estimate and row.estimate.interval else []


def _validation_bits(row: EntryRow) -> list[float]:
    scores = [run.score("validation") for run in row.runs] if row.comparable else []
    return [score.bits_per_char for score in scores if score is not None]


def problem_notes(rows: Sequence[EntryRow]) -> list[Note]:
    """Return why entries failed, have no rank or wrote nothing, and what went wrong in training."""
    notes = [Note(plain(failure)) for row in rows for failure in row.failures]
    for row in rows:
        unwritten = dict.fromkeys(reason for run in row.runs for reason in run.sample_errors)
        notes += [Note(plain(reason), [row.name]) for reason in unwritten]
        remarks = dict.fromkeys(remark for run in row.runs for remark in run.train.remarks)
        notes += [Note(plain(remark), [row.name]) for remark in remarks]
    notes += [Note(plain(f"{row.name} has no rank since {row.problem}")) for row in rows if row.problem]
    unproven = [row for row in rows if row.comparable and not all(map(_is_proven, row.runs))]
    if unproven:
        names = [row.name for row in unproven]
        notes.append(Note("do not trust these scores, the decoded tokens differ from the text", names))
    return notes


def disturbed_notes(rows: Sequence[EntryRow]) -> list[Note]:
    """Return whose training other work on the machine slowed down."""
    slowed = [run for row in rows for run in row.runs if run.train.was_disturbed]
    shares: dict[str, list[float]] = {}
    for run in slowed:
        shares.setdefault(run.name, []).append(run.train.cpu_utilization or 0.0)
    return [
        Note(
            f"{name} got {percent(min(own))} % of the CPU time that its training wanted, since the machine "
            "was busy, so its score may be too high; a budget in characters does not depend on the load"
        )
        for name, own in shares.items()
    ]


def _is_proven(run: EntryResult) -> bool:
    return run.score_checks.decoded_equals_text


def difference_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return how much worse each entry is than the best one, and whether that is clear."""
    by_name = {difference.b: difference for difference in result.differences}
    columns: list[Column[Any]] = [
        Column("bits/char", lambda row: [f"{by_name[row.name].bits_per_char:+.4f}"]),
        Column("95 % interval", lambda row: [_ends(by_name[row.name])]),
        Column(
            "verdict",
            lambda row: [verdict(result, by_name[row.name])],
            align="left",
        ),
    ]
    is_adjusted = len(by_name) > 1 and result.interval_method == INTERVAL_METHOD
    num_pairs = len(result.scores) * (len(result.scores) - 1) // 2
    caption = "Bits per character more than the best. Clear: more than chance explains at 5 %" + (
        f", corrected for all {num_pairs} pairs of entries (Holm)." if is_adjusted else "."
    )
    compared = [row for row in rows if row.name in by_name]
    best = result.differences[0].a if result.differences else ""
    return make_table(f"Difference from {best}", caption, columns, compared)


def _ends(difference: Difference) -> str:
    return DASH if difference.interval is None else "[{:+.4f}, {:+.4f}]".format(*difference.interval)


def category_table(rows: Sequence[EntryRow]) -> Table:
    """Return where the bits of each entry go."""
    columns: list[Column[Any]] = [
        Column("known\nwords", of_scores(lambda score: score.bits_by_category.in_vocabulary_words), bits),
        Column("OOV\nwords", of_scores(lambda score: score.bits_by_category.oov_words), bits),
        Column("punctu-\nation", of_scores(lambda score: score.bits_by_category.punctuation), bits),
        Column("white\nspace", of_scores(lambda score: score.bits_by_category.white_space), bits),
        Column("sum", of_scores(lambda score: score.bits_per_char), bits),
        Column("without\nOOV", of_scores(lambda score: score.bits_per_char_without_oov), bits),
        Column("OOV\nrate %", of_scores(lambda score: score.oov_rate), percent),
    ]
    caption = (
        "Bits per character spent on each. OOV: words outside the vocabulary; "
        "without OOV: if they cost nothing, which flatters."
    )
    return make_table("Where the bits go", caption, columns, [row for row in rows if row.scores])
