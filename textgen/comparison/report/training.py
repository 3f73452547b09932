"""The tables of training: speed and size, embeddings, learning curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import is_timed
from textgen.comparison.report.columns import Column, EntryRow, Value, of_runs
from textgen.comparison.report.formats import bits, count, decimal, percent, plain, setting, short
from textgen.comparison.report.machines import machine_columns, machine_notes
from textgen.comparison.report.table import NUM_WORDS, Note, Table, make_table
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.pretrained import EmbeddingAudit
from textgen.training.schedule import Rates

NUM_MOMENTS = 30
"""The width of a learning curve in characters."""

Point = tuple[float, float]
"""An amount of training, and the validation score after it."""


def speed_table(rows: Sequence[EntryRow]) -> Table:
    """Return how fast and how large entries are."""
    columns: list[Column[Any]] = [
        *machine_columns(rows),
        Column("train\nchars/s", of_runs(lambda run: run.train.chars_per_second), short),
        Column("chars\nseen", of_runs(lambda run: run.train.num_chars), short),
        Column("epochs", of_runs(lambda run: run.train.num_epochs), decimal),
        Column("prepare\ns", of_runs(lambda run: run.preparation.seconds), decimal),
        Column("train\ns", of_runs(lambda run: run.train.seconds), decimal),
        Column("total\ns", of_runs(lambda run: run.preparation.seconds + run.train.seconds), decimal),
        Column(
            "generate\nchars/s",
            of_runs(lambda run: run.generate.chars_per_second if run.generate else None),
            short,
        ),
        Column("vocab-\nulary", of_runs(lambda run: run.vocab_size), count),
        Column("updates", of_runs(lambda run: run.train.num_updates), count, extra=True),
        Column("peak\nrate", of_rates(lambda rates: rates.learning_rate), setting, extra=True),
        Column("momen-\ntum", of_rates(lambda rates: rates.momentum), setting, extra=True),
        Column("sequence\nlength", of_rates(lambda rates: rates.sequence_length), setting, extra=True),
        Column("best\nupdate", of_runs(lambda run: run.train.best_update), count, extra=True),
        Column("para-\nmeters", of_runs(lambda run: run.num_parameters), count, extra=True),
        Column("CPU\n%", of_runs(lambda run: run.train.cpu_utilization), percent, extra=True),
        Column("vali-\ndation s", of_runs(lambda run: run.train.validation_seconds), decimal, extra=True),
    ]
    caption = (
        "Speeds are in characters, so that tokenizers compare. Prepare: tokenizing the training text and "
        "making word vectors, which a budget in seconds includes. CPU: share of the CPU time that training "
        "wanted and got."
    )
    table = make_table("Speed and size", caption, columns, rows)
    return replace(table, notes=machine_notes(rows))


def of_rates(value: Callable[[Rates], float | None]) -> Callable[[EntryRow], Sequence[float]]:
    """Return the values that a function has of the rates of a row's runs."""
    return of_runs(lambda run: None if run.train.rates is None else value(run.train.rates))


def embedding_table(rows: Sequence[EntryRow]) -> Table:
    """Return how much of the vocabulary and of the text has a pretrained vector."""
    columns: list[Column[Any]] = [
        Column("source", of_audits(lambda audit: audit.source), align="left"),
        Column("dim.", of_audits(lambda audit: audit.dimension), count),
        Column("types\n%", of_audits(lambda audit: audit.type_coverage), percent),
        Column("running\ntext %", of_audits(lambda audit: audit.token_coverage), percent),
        Column("frozen", of_audits(lambda audit: "yes" if audit.frozen else "no")),
    ]
    caption = "Share of the vocabulary, and of the running text, that has a pretrained vector."
    embedded = [(row, audit) for row in rows if (audit := _audit(row)) is not None]
    notes = [
        Note(f"{row.name} lacks", [plain(word).strip() or repr(word) for word in missing[:NUM_WORDS]])
        for row, audit in embedded
        if (missing := audit.most_frequent_missing)
    ]
    return replace(make_table("Embeddings", caption, columns, [row for row, _ in embedded]), notes=notes)


def _audit(row: EntryRow) -> EmbeddingAudit | None:
    return row.runs[0].embedding if row.runs else None


def of_audits(value: Callable[[EmbeddingAudit], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of the embedding audits of a row's runs."""
    return of_runs(lambda run: None if run.embedding is None else value(run.embedding))


def curve_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the learning curves of the entries that have one, drawn over the same budget."""
    by_time = is_timed(result)
    rows = [row for row in rows if row.comparable and row.runs and row.runs[0].train.curve]

    def points(run: EntryResult) -> list[Point]:
        return [
            (point.seconds if by_time else float(point.num_chars), point.validation_bits_per_char)
            for point in run.train.curve
            if point.validation_bits_per_char is not None
        ]

    everything = [point for row in rows for point in points(row.runs[0])] or [(0.0, 0.0)]
    end, scores = max(everything)[0], [score for _, score in everything]

    columns: list[Column[Any]] = [
        Column(
            "over the budget",
            lambda row: [sparkline(points(row.runs[0]), end, min(scores), max(scores))],
            align="left",
        ),
        Column("first", of_runs(lambda run: run.train.curve[0].validation_bits_per_char), bits),
        Column("last", of_runs(lambda run: run.train.curve[-1].validation_bits_per_char), bits),
        Column(
            "best",
            of_runs(lambda run: run.validation.bits_per_char if run.validation else None),
            bits,
        ),
        Column(
            "training\nat the end",
            of_runs(lambda run: run.train.curve[-1].train_bits_per_char),
            bits,
            extra=True,
        ),
    ]
    caption = (
        f"Validation bits per character, all drawn from {bits(min(scores))} (▁) to {bits(max(scores))} (█)."
    )
    return make_table("Learning curves", caption, columns, rows)


def sparkline(points: Sequence[Point], end: float, low: float, high: float, width: int = NUM_MOMENTS) -> str:
    """Return a curve as bars of `width` equal intervals up to `end`; a dot precedes its first point."""
    drawn = ""
    for step in range(1, width + 1):
        known = [score for moment, score in points if moment <= end * step / width]
        drawn += "▁▂▃▄▅▆▇█"[round(7 * (known[-1] - low) / ((high - low) or 1))] if known else "·"
    return drawn
