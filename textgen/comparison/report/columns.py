"""The columns of the report: `COLUMNS` says how each is computed and written, `VIEWS` which table has which.

To add a column, add it to `COLUMNS`, and its name to the views that show it. Tables on terminals and pages,
in Markdown and notebooks, CSV files and data frames are all made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from textgen.comparison.comparison_result import Comparison, Difference, Interval
from textgen.comparison.report.formats import (
    bits,
    count,
    decimal,
    percent,
    perplexity,
    setting,
    short,
    thousandths,
)
from textgen.comparison.report.rows import EntryRow
from textgen.comparison.report.table import DASH, Column, ColumnValue, Values
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.experiment.pretrained import EmbeddingAudit
from textgen.training.schedule import Rates


def _of_runs(value: Callable[[EntryResult], ColumnValue | None]) -> Values[ColumnValue]:
    """Return the values that a function has of a row's runs, where it has one."""
    return lambda row: [each for run in row.runs if (each := value(run)) is not None]


def _of_scores(value: Callable[[Score], ColumnValue | None]) -> Values[ColumnValue]:
    """Return the values that a function has of a row's scores, where it has one."""
    return lambda row: [each for score in row.scores if (each := value(score)) is not None]


def _of_rates(value: Callable[[Rates], float | None]) -> Values[float]:
    """Return the values that a function has of the rates of a row's runs."""
    return _of_runs(lambda run: None if run.train.rates is None else value(run.train.rates))


def _of_audits(value: Callable[[EmbeddingAudit], ColumnValue | None]) -> Values[ColumnValue]:
    """Return the values that a function has of the embedding audits of a row's runs."""
    return _of_runs(lambda run: None if run.embedding is None else value(run.embedding))


def _of_row(value: Callable[[EntryRow], ColumnValue | None]) -> Values[ColumnValue]:
    """Return the one value that a row has, over all seeds, if it has one."""
    return lambda row: [each] if (each := value(row)) else []


def _metric_values(metric: str) -> Values[float]:
    """Return a metric of the text of each run, or of the held-out text."""
    return lambda row: [each for text in row.sample_metrics if (each := getattr(text, metric)) is not None]


def metric_column(header: str, metric: str, write: Callable[[float], str] = percent) -> Column[float]:
    """Return the column of a metric of generated text, with its intervals."""

    def spread(row: EntryRow) -> float | None:
        interval = row.metrics[metric].interval if metric in row.metrics else None
        return None if interval is None else (interval[1] - interval[0]) / 2

    def is_best(row: EntryRow) -> bool:
        return metric in row.metrics and row.metrics[metric].is_best

    return Column(metric, header, _metric_values(metric), write, spread, is_best)


def _interval(ends: Interval) -> str:
    return DASH.join(map(bits, ends))


def _signed_interval(difference: Difference) -> str:
    return DASH if difference.interval is None else "[{:+.4f}, {:+.4f}]".format(*difference.interval)


_ALL: Sequence[Column[Any]] = (
    # scores
    Column(
        "bits_per_char",
        "bits/\nchar",
        lambda row: row.bits_per_char,
        bits,
        is_best=lambda row: row.is_best,
        is_score=True,
    ),
    Column(
        "interval",
        "95 %\ninterval",
        _of_row(lambda row: row.estimate.interval if row.estimate else None),
        _interval,
    ),
    Column(
        "interval_low", "low", _of_scores(lambda score: score.interval[0] if score.interval else None), bits
    ),
    Column(
        "interval_high", "high", _of_scores(lambda score: score.interval[1] if score.interval else None), bits
    ),
    Column(
        "perplexity_per_word",
        "perplexity\nper word",
        _of_scores(lambda score: score.perplexity_per_word),
        perplexity,
    ),
    Column("bits_per_byte", "bits/\nbyte", _of_scores(lambda score: score.bits_per_byte), bits),
    Column("nats_per_char", "nats/\nchar", _of_scores(lambda score: score.nats_per_char), bits),
    Column(
        "validation_bits_per_char",
        "validation\nbits/char",
        lambda row: [score.bits_per_char for score in row.scores_on("validation") if row.comparable],
        bits,
    ),
    # differences
    Column(
        "above_best",
        "above\nthe best",
        _of_row(lambda row: row.difference),
        lambda difference: f"{difference.bits_per_char:+.3f}",
    ),
    Column(
        "difference",
        "bits/char",
        _of_row(lambda row: row.difference),
        lambda difference: f"{difference.bits_per_char:+.4f}",
    ),
    Column("difference_interval", "95 % interval", _of_row(lambda row: row.difference), _signed_interval),
    Column("verdict", "verdict", _of_row(lambda row: row.verdict), align="left"),
    # where the bits go
    Column(
        "in_vocabulary_bits",
        "known\nwords",
        _of_scores(lambda score: score.bits_by_category.in_vocabulary_words),
        bits,
    ),
    Column("oov_bits", "OOV\nwords", _of_scores(lambda score: score.bits_by_category.oov_words), bits),
    Column(
        "punctuation_bits",
        "punctu\N{SOFT HYPHEN}ation",
        _of_scores(lambda score: score.bits_by_category.punctuation),
        bits,
    ),
    Column(
        "white_space_bits", "white\nspace", _of_scores(lambda score: score.bits_by_category.white_space), bits
    ),
    Column("sum_of_bits", "sum", _of_scores(lambda score: score.bits_per_char), bits),
    Column(
        "bits_per_char_without_oov",
        "without\nOOV",
        _of_scores(lambda score: score.bits_per_char_without_oov),
        bits,
    ),
    Column("oov_rate", "OOV\nrate %", _of_scores(lambda score: score.oov_rate), percent),
    # generated text
    metric_column("real\nwords %", "real_word_rate"),
    metric_column("distinct-1\n%", "distinct_1"),
    metric_column("distinct-2\n%", "distinct_2"),
    metric_column("repeti\N{SOFT HYPHEN}tion %", "repetition_4"),
    metric_column("self\nBLEU %", "self_bleu"),
    metric_column("novel\n4-grams %", "novel_4gram_rate"),
    Column("longest_verbatim_span", "verbatim\nspan", _metric_values("longest_verbatim_span"), count),
    # speed and size
    Column("machine", "ma\N{SOFT HYPHEN}chine", _of_row(lambda row: row.machines)),
    Column(
        "train_chars_per_second", "train\nchars/s", _of_runs(lambda run: run.train.chars_per_second), short
    ),
    Column(
        "trained_chars_per_second",
        "train\nchars/s",
        _of_runs(lambda run: run.train.chars_per_second if run.train.num_updates else None),
        short,
    ),
    Column("num_chars", "chars\nseen", _of_runs(lambda run: run.train.num_chars), short),
    Column("num_epochs", "epochs", _of_runs(lambda run: run.train.num_epochs), decimal),
    Column("prepare_seconds", "prepare\ns", _of_runs(lambda run: run.preparation.seconds), decimal),
    Column("train_seconds", "train\ns", _of_runs(lambda run: run.train.seconds), decimal),
    Column(
        "total_seconds",
        "total\ns",
        _of_runs(lambda run: run.preparation.seconds + run.train.seconds),
        decimal,
    ),
    Column(
        "generate_chars_per_second",
        "generate\nchars/s",
        _of_runs(lambda run: run.generate.chars_per_second if run.generate else None),
        short,
    ),
    Column("vocab_size", "vocab\N{SOFT HYPHEN}ulary", _of_runs(lambda run: run.vocab_size), count),
    Column("num_parameters", "para\N{SOFT HYPHEN}meters", _of_runs(lambda run: run.num_parameters), short),
    Column("num_frozen_parameters", "frozen", _of_runs(lambda run: run.num_frozen_parameters or None), short),
    Column("num_updates", "updates", _of_runs(lambda run: run.train.num_updates), count),
    Column("best_update", "best\nupdate", _of_runs(lambda run: run.train.best_update), count),
    Column("learning_rate", "peak\nrate", _of_rates(lambda rates: rates.learning_rate), setting),
    Column("momentum", "momen\N{SOFT HYPHEN}tum", _of_rates(lambda rates: rates.momentum), setting),
    Column("sequence_length", "sequence\nlength", _of_rates(lambda rates: rates.sequence_length), setting),
    Column("cpu_utilization", "CPU\n%", _of_runs(lambda run: run.train.cpu_utilization), percent),
    Column(
        "validation_seconds",
        "vali\N{SOFT HYPHEN}dation s",
        _of_runs(lambda run: run.train.validation_seconds),
        decimal,
    ),
    # embeddings
    Column("embedding_source", "source", _of_audits(lambda audit: audit.source), align="left"),
    Column("embedding_dimension", "dim.", _of_audits(lambda audit: audit.dimension), count),
    Column("type_coverage", "types\n%", _of_audits(lambda audit: audit.type_coverage), percent),
    Column("token_coverage", "running\ntext %", _of_audits(lambda audit: audit.token_coverage), percent),
    Column("embedding_frozen", "frozen", _of_audits(lambda audit: "yes" if audit.frozen else "no")),
    # learning curves
    Column("curve", "over the budget", _of_row(lambda row: row.curve), align="left"),
    Column("first_bits", "first", _of_runs(lambda run: run.train.curve[0].validation_bits_per_char), bits),
    Column("last_bits", "last", _of_runs(lambda run: run.train.curve[-1].validation_bits_per_char), bits),
    Column(
        "best_bits",
        "best",
        _of_runs(lambda run: run.validation.bits_per_char if run.validation else None),
        bits,
    ),
    Column(
        "last_training_bits",
        "training\nat the end",
        _of_runs(lambda run: run.train.curve[-1].train_bits_per_char),
        bits,
    ),
)
COLUMNS: Mapping[str, Column[Any]] = {column.name: column for column in _ALL}
"""Every column of the report, by its name."""


@dataclass(frozen=True)
class View:
    """The columns that one table has, by their names in its order."""

    names: str
    extra: str = ""
    """Those that come last, and are left out where there is no room."""
    formats: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    """How values are written in this view, where that is not as in `COLUMNS`."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Names that columns have in this view instead."""

    def columns(self) -> list[Column[Any]]:
        """Return the columns."""
        extra = self.extra.split()
        return [
            replace(
                COLUMNS[name],
                name=self.renamed.get(name, name),
                extra=name in extra,
                write=self.formats.get(name, COLUMNS[name].write),
            )
            for name in (*self.names.split(), *extra)
        ]


VIEWS = {
    "brief": View(
        "bits_per_char interval above_best real_word_rate trained_chars_per_second num_parameters",
        extra="verdict",
        formats={
            "bits_per_char": thousandths,
            "interval": lambda ends: DASH.join(map(thousandths, ends)),
        },
    ),
    "scores": View(
        "bits_per_char interval perplexity_per_word num_parameters num_frozen_parameters",
        extra="bits_per_byte nats_per_char validation_bits_per_char",
    ),
    "differences": View("difference difference_interval verdict"),
    "categories": View(
        "in_vocabulary_bits oov_bits punctuation_bits white_space_bits sum_of_bits bits_per_char_without_oov "
        "oov_rate"
    ),
    "generated": View(
        "real_word_rate distinct_2 repetition_4 self_bleu novel_4gram_rate longest_verbatim_span",
        extra="distinct_1",
    ),
    "speed": View(
        "machine train_chars_per_second num_chars num_epochs prepare_seconds train_seconds total_seconds "
        "generate_chars_per_second vocab_size",
        extra="num_updates learning_rate momentum sequence_length best_update num_parameters cpu_utilization "
        "validation_seconds",
        formats={"num_parameters": count},
    ),
    "embeddings": View("embedding_source embedding_dimension type_coverage token_coverage embedding_frozen"),
    "curves": View("curve first_bits last_bits best_bits", extra="last_training_bits"),
    "csv": View(
        "bits_per_char interval_low interval_high validation_bits_per_char num_parameters train_seconds "
        "train_chars_per_second real_word_rate"
    ),
    "frame": View(
        "bits_per_char bits_per_char_without_oov perplexity_per_word validation_bits_per_char num_parameters "
        "vocab_size num_chars num_epochs num_updates train_seconds train_chars_per_second "
        "generate_chars_per_second",
        renamed={"train_seconds": "seconds"},
    ),
}
"""The tables of the report; `csv` and `frame` have a line for each run instead of a row for each entry."""


def run_values(
    result: Comparison, view: Literal["csv", "frame"]
) -> Iterator[tuple[EntryResult | FailedEntry, dict[str, Any]]]:
    """Yield each run with its values by column, None for those that it lacks; a failed one has none."""
    for run in result.entries:
        values = {}
        if isinstance(run, EntryResult):
            row = EntryRow(run.name, [run], comparable=run.is_comparable, part=result.scored_on)
            values = {each.name: next(iter(each.values(row)), None) for each in VIEWS[view].columns()}
        yield run, values
