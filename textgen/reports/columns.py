"""The columns of the report: `_ALL` defines how each is computed and written, `VIEWS` which table has it.

To add a column, add it to `_ALL`, and its name to the views that show it. CSV files and data frames have
those of the view `runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Generic, TypeVar

from textgen.evaluation.metrics import METRICS, PERCENT, MetricInfo
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.experiment.score_trained import LOSES_TEXT
from textgen.reports import formats
from textgen.reports.document import DASH, Cell, Column, CsvFile, Note, Table, TableRow
from textgen.reports.formats import (
    bits,
    count,
    decimal,
    hundredths,
    number,
    percent,
    plain,
    short,
    thousandths,
)
from textgen.reports.rows import EntryRow
from textgen.results.comparison import Comparison, Difference, EntryScore, ReferenceScore

V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class RowColumn(Column, Generic[V]):
    """A column, and how to compute its cells from a row; CSV files and data frames use its name, too."""

    values: Callable[[EntryRow], Sequence[V]]
    """The values of a row, one for each seed; numbers are averaged; otherwise, the first is shown."""
    write: Callable[[V], str] = str
    interval: Callable[[EntryRow], tuple[float, float] | None] = lambda row: None
    """The 95 % interval of the value, where it has one that is written after it."""
    is_best: Callable[[EntryRow], bool] = lambda row: False
    """True if the value is marked: it is clearly better than those of all others."""
    is_score: bool = False
    """True if a missing value is explained: the entry failed, or may not be compared."""

    def cells(self, rows: Sequence[EntryRow]) -> list[Cell]:
        """Return the cell of each row: the mean over its seeds, marked if it is clearly the best."""
        return [
            Cell(self._missing(row))
            if (average := self._average(row)) is None
            else Cell(self.write(average), self._spread(row), self.is_best(row))
            for row in rows
        ]

    def _average(self, row: EntryRow) -> Any:
        """Return the mean of numbers, otherwise the first value; None without any."""
        values: Sequence[Any] = self.values(row)
        is_number = values and isinstance(values[0], int | float) and not isinstance(values[0], bool)
        return fmean(values) if is_number else values[0] if values else None

    def _missing(self, row: EntryRow) -> str:
        if not self.is_score or row.is_reference or (row.runs and row.comparable):
            return "" if row.is_reference else DASH
        if not row.runs:
            return "failed"
        return "not comparable" if row.problem == LOSES_TEXT else "no rank"

    def _spread(self, row: EntryRow) -> str:
        interval = self.interval(row)
        write: Callable[[Any], str] = self.write
        return "" if interval is None else f" ({DASH.join(map(write, interval))})"


def _present(values: Iterable[V | None]) -> list[V]:
    return [value for value in values if value is not None]


def _at(record: Any, path: str) -> Any:
    """Return a field of a record, or of records in it; None if one on the way is None."""
    for name in path.split("."):
        record = None if record is None else getattr(record, name)
    return record


def _of_row(
    name: str, header: str, value: Callable[[EntryRow], V | None], write: Callable[[V], str]
) -> RowColumn[V]:
    """Return the column of a value that a row has over all seeds."""
    return RowColumn(name, header, values=lambda row: _present([value(row)]), write=write)


def _of_runs(
    name: str,
    header: str,
    value: str | Callable[[EntryResult], Any],
    write: Callable[[Any], str],
    **more: Any,
) -> RowColumn[Any]:
    """Return the column of a value that runs have: the path of a field, or a function."""

    def values(row: EntryRow) -> list[Any]:
        return _present(_at(run, value) if isinstance(value, str) else value(run) for run in row.runs)

    return RowColumn(name, header, values=values, write=write, **more)


def _of_scores(name: str, header: str, path: str, write: Callable[[float], str] = bits) -> RowColumn[float]:
    """Return the column of a field that the scores of runs have."""
    return RowColumn(
        name, header, values=lambda row: _present(_at(each, path) for each in row.scores), write=write
    )


def metric_column(metric: MetricInfo) -> RowColumn[float]:
    """Return the column of a metric of generated text, with its interval if it has one."""
    name, unit = metric.name, plain(metric.unit)
    first, _, rest = plain(metric.label).partition(" ")
    return RowColumn(
        name,
        "\n".join(filter(None, [first, f"{rest} {unit}".strip()])),
        hint=plain(metric.hint),
        values=lambda row: _present(text.get(name) for text in row.sample_metrics),
        write=percent if metric.unit == PERCENT else number,
        interval=lambda row: row.metrics[name].interval if name in row.metrics else None,
        is_best=lambda row: name in row.metrics and row.metrics[name].is_best,
    )


def _signed_interval(difference: Difference) -> str:
    return DASH if difference.interval is None else "[{:+.3f}, {:+.3f}]".format(*difference.interval)


_ALL: Sequence[RowColumn[Any]] = (
    # scores
    RowColumn(
        "bits_per_char",
        "bits/\nchar",
        values=lambda row: row.bits_per_char,
        write=thousandths,
        is_best=lambda row: row.is_best,
        is_score=True,
    ),
    _of_row(
        "interval", "95 %\ninterval", lambda row: row.interval, lambda ends: DASH.join(map(thousandths, ends))
    ),
    _of_row("interval_low", "low", lambda row: row.interval and row.interval[0], bits),
    _of_row("interval_high", "high", lambda row: row.interval and row.interval[1], bits),
    _of_scores("perplexity_per_word", "perplexity\nper word", "perplexity_per_word", formats.perplexity),
    _of_scores("bits_per_byte", "bits/\nbyte", "bits_per_byte"),
    _of_scores("nats_per_char", "nats/\nchar", "nats_per_char"),
    RowColumn(
        "validation_bits_per_char",
        "validation\nbits/char",
        values=lambda row: [score.bits_per_char for score in row.scores_on("validation") if row.comparable],
        write=bits,
    ),
    # differences
    _of_row(
        "above_best", "above\nthe best", lambda row: row.difference, lambda it: f"{it.bits_per_char:+.3f}"
    ),
    _of_row("difference_interval", "its 95 %\ninterval", lambda row: row.difference, _signed_interval),
    RowColumn("verdict", "verdict", values=lambda row: [row.verdict] if row.verdict else [], align="left"),
    # where the bits go
    _of_scores("known_words_bits", "known\nwords", "by_kind.in_vocabulary_words"),
    _of_scores("new_words_bits", "new\nwords", "bits_by_seen_words.oov_words"),
    RowColumn(
        "oov_bits",
        "OOV\nwords",
        values=lambda row: [
            each.bits_by_category.oov_words for each in row.scores if not each.bits_by_seen_words
        ],
        write=bits,
    ),
    _of_scores("punctuation_bits", "punctuation", "by_kind.punctuation"),
    _of_scores("white_space_bits", "white\nspace", "by_kind.white_space"),
    _of_scores("sum_of_bits", "sum", "bits_per_char"),
    _of_scores("bits_per_char_without_oov", "without\nOOV", "bits_per_char_without_oov"),
    _of_scores("oov_rate", "OOV\nrate %", "oov_rate", percent),
    # generated text
    _of_runs("temperature", "temperature", "freedom.temperature", hundredths),
    _of_runs("entropy_per_char", "entropy,\nbits/char", "freedom.entropy_per_char", hundredths),
    *map(metric_column, METRICS.values()),
    # speed and size
    _of_runs("train_chars_per_second", "train\nchars/s", "train.chars_per_second", short),
    _of_runs(
        "trained_chars_per_second",
        "train\nchars/s",
        lambda run: run.train.chars_per_second if run.train.num_updates else None,
        short,
    ),
    _of_runs("num_chars", "chars\nseen", "train.num_chars", short),
    _of_runs("num_epochs", "epochs", "train.num_epochs", decimal),
    _of_runs("prepare_seconds", "prepare\ns", "preparation.seconds", decimal),
    _of_runs("train_seconds", "train\ns", "train.seconds", decimal),
    _of_runs("total_seconds", "total\ns", lambda run: run.preparation.seconds + run.train.seconds, decimal),
    _of_runs("score_chars_per_second", "score\nchars/s", "scored_chars_per_second", short),
    _of_runs("state_bytes", "state,\nbytes", "state_bytes", short),
    _of_runs("generate_chars_per_second", "generate\nchars/s", "generate.chars_per_second", short),
    _of_runs("vocab_size", "vocabulary", "vocab_size", count),
    RowColumn("num_parameters", "parameters", values=lambda row: row.num_parameters, write=short),
    _of_runs("num_frozen_parameters", "frozen", lambda run: run.num_frozen_parameters or None, short),
    _of_runs("num_updates", "updates", "train.num_updates", count),
    _of_runs("best_update", "best\nupdate", "train.best_update", count),
    _of_runs("learning_rate", "peak\nrate", "train.rates.learning_rate", formats.setting),
    _of_runs("momentum", "momentum", "train.rates.momentum", formats.setting),
    _of_runs("sequence_length", "sequence\nlength", "train.rates.sequence_length", formats.setting),
    _of_runs("cpu_utilization", "CPU\n%", "train.cpu_utilization", percent),
    _of_runs("validation_seconds", "validation\ns", "train.validation_seconds", decimal),
    # embeddings
    _of_runs("embedding_source", "source", "embedding.source", str, align="left"),
    _of_runs("embedding_dimension", "dim.", "embedding.dimension", count),
    _of_runs("type_coverage", "types\n%", "embedding.type_coverage", percent),
    _of_runs("token_coverage", "running\ntext %", "embedding.token_coverage", percent),
    _of_runs("embedding_frozen", "frozen", "embedding.frozen", lambda frozen: "yes" if frozen else "no"),
    # learning curves
    RowColumn("curve", "over the budget", values=lambda row: [row.curve], align="left"),
    _of_runs("first_bits", "first", lambda run: run.train.curve[0].validation_bits_per_char, bits),
    _of_runs("last_bits", "last", lambda run: run.train.curve[-1].validation_bits_per_char, bits),
    _of_runs("best_bits", "best", "validation.bits_per_char", bits),
    _of_runs(
        "last_training_bits",
        "training\nat the end",
        lambda run: run.train.curve[-1].train_bits_per_char,
        bits,
    ),
)
HINTS = {
    "bits_per_char": "average surprise at each next character; lower is better",
    "interval": "95 %: how far the score would change on other passages or documents and with other seeds",
    "above_best": "bits per character above the best entry of the class",
    "difference_interval": "95 %, paired: how far it would change on other passages and with other seeds",
    "verdict": "clearly: significant at 5 %, paired, corrected for the number of pairs",
    "bits_per_byte": "the same surprise per byte of UTF-8, as in papers on byte-level models",
    "nats_per_char": "the same surprise in natural units: bits times 0.693",
    "perplexity_per_word": "the same surprise as a number of equally likely words; only within one text",
    "validation_bits_per_char": "the score on the text used to choose the best weights",
    "known_words_bits": "bits spent on words that are in the training text",
    "new_words_bits": "bits spent on words that are not in the training text, the same for all entries",
    "oov_bits": "bits spent on words outside the entry's own vocabulary",
    "sum_of_bits": "the score",
    "bits_per_char_without_oov": "the score if words outside the vocabulary cost nothing, which flatters",
    "oov_rate": "share of words outside the entry's own vocabulary",
    "temperature": "below 1, likely tokens become likelier; above 1, less likely",
    "entropy_per_char": "entropy of the choice of each written character",
    "trained_chars_per_second": "characters of training text read per second",
    "train_chars_per_second": "characters of training text read per second",
    "num_chars": "characters read in training, counted again in each epoch",
    "num_epochs": "passes through the training text",
    "num_updates": "updates of the weights",
    "best_update": "the update whose weights are kept: the best on the validation text",
    "prepare_seconds": "tokenizing the training text and making word vectors",
    "state_bytes": "the state carried from one token to the next: the model's memory of what it has read",
    "vocab_size": "different tokens",
    "num_parameters": "parameters that training changes",
    "num_frozen_parameters": "parameters that training leaves unchanged",
    "learning_rate": "the largest step size in training",
    "momentum": "how much of the previous steps each step continues",
    "sequence_length": "tokens between two updates of the weights",
    "cpu_utilization": "share of the needed CPU time that training got; below 80 % the machine was busy",
}
"""The meaning of columns, by their names; a page shows it for their headers."""
COLUMNS: Mapping[str, RowColumn[Any]] = {
    column.name: replace(column, hint=HINTS.get(column.name, column.hint)) for column in _ALL
}
"""Every column of the report, by its name."""


@dataclass(frozen=True)
class View:
    """The names of the columns of a table, in order."""

    names: str
    extra: str = ""
    """Those that come last, and are left out where there is no room."""

    def columns(self, metrics: Iterable[MetricInfo] = ()) -> list[RowColumn[Any]]:
        """Return the columns; those of plugin metrics come before those that may be left out."""
        return [
            *map(self._column, self.names.split()),
            *map(metric_column, metrics),
            *map(self._column, self.extra.split()),
        ]

    def _column(self, name: str) -> RowColumn[Any]:
        return replace(COLUMNS[name], extra=name in self.extra.split())


VIEWS = {
    "brief": View(
        "bits_per_char interval above_best verdict real_word_rate",
        extra="trained_chars_per_second num_parameters",
    ),
    "scores": View("bits_per_char interval above_best difference_interval verdict"),
    "units": View(
        "bits_per_byte nats_per_char perplexity_per_word validation_bits_per_char num_parameters "
        "num_frozen_parameters"
    ),
    "categories": View(
        "known_words_bits new_words_bits oov_bits punctuation_bits white_space_bits sum_of_bits "
        "bits_per_char_without_oov oov_rate"
    ),
    "generated": View(
        "real_word_rate distinct_2 repetition_4 self_bleu novel_4gram_rate longest_verbatim_span temperature "
        "entropy_per_char",
        extra="distinct_1",
    ),
    "speed": View(
        "train_chars_per_second num_chars num_epochs prepare_seconds train_seconds total_seconds "
        "score_chars_per_second state_bytes generate_chars_per_second vocab_size",
        extra="num_updates learning_rate momentum sequence_length best_update num_parameters cpu_utilization "
        "validation_seconds",
    ),
    "embeddings": View("embedding_source embedding_dimension type_coverage token_coverage embedding_frozen"),
    "curves": View("curve first_bits last_bits best_bits", extra="last_training_bits"),
    "runs": View(
        "bits_per_char interval_low interval_high bits_per_char_without_oov perplexity_per_word "
        "validation_bits_per_char num_parameters vocab_size num_chars num_epochs num_updates train_seconds "
        "train_chars_per_second generate_chars_per_second real_word_rate"
    ),
}
"""The tables of the report, and that of runs: CSV files and data frames have a line for each of them."""


def make_table(
    title: str,
    caption: str,
    columns: Sequence[RowColumn[Any]],
    rows: Sequence[EntryRow],
    notes: Sequence[Note] = (),
    **more: Any,
) -> Table:
    """Return a table of the columns that any row has a value for."""
    columns = [column for column in columns if any(column.values(row) for row in rows)]
    by_row = list(zip(*(column.cells(rows) for column in columns), strict=True)) or [()] * len(rows)
    cells = [TableRow(row.name, each, row.is_reference) for row, each in zip(rows, by_row, strict=True)]
    return Table(title, caption, columns, cells, notes, **more)


def run_values(result: Comparison) -> Iterator[tuple[EntryResult | FailedEntry, dict[str, Any]]]:
    """Yield each run with its values by column, None for those that it lacks; a failed one has none."""
    single = {score.name: score for score in result.scores if score.num_seeds == 1}
    for run in result.entries:
        values = {}
        if isinstance(run, EntryResult):
            row = EntryRow(run.name, [run], comparable=run.is_comparable, part=result.scored_on)
            row = replace(row, estimate=single.get(run.name))
            columns = VIEWS["runs"].columns(result.other_metrics)
            values = {each.name: next(iter(each.values(row)), None) for each in columns}
        yield run, values


def scores_csv(result: Comparison) -> CsvFile:
    """Return the scores of all runs, then of several seeds and of references; failed runs are last."""
    names = [column.name for column in VIEWS["runs"].columns(result.other_metrics)]
    runs: list[list[object]] = []
    failed: list[list[object]] = []
    for run, values in run_values(result):
        lines = failed if isinstance(run, FailedEntry) else runs
        problem = run.error if isinstance(run, FailedEntry) else run.problem
        lines.append([run.name, run.seed, "entry", *map(values.get, names), problem])
    references = []
    means: list[tuple[str, str, EntryScore | ReferenceScore]]
    means = [(each.name, "mean", each) for each in result.scores if each.num_seeds > 1]
    for name, kind, each in (*means, *((each.label, "reference", each) for each in result.references)):
        low, high = each.interval or (None, None)
        measured = {"bits_per_char": each.bits_per_char, "interval_low": low, "interval_high": high}
        references.append([name, None, kind, *map(measured.get, names), None])
    return CsvFile("scores.csv", ["entry", "seed", "kind", *names, "error"], [*runs, *references, *failed])


def curves_csv(result: Comparison) -> CsvFile:
    """Return the validation scores during training of all runs."""
    measured = ["seconds", "num_chars", "num_updates", "validation_bits_per_char"]
    rows = [
        [run.name, run.seed, *(getattr(point, name) for name in measured)]
        for run in result.runs
        for point in run.train.curve
    ]
    return CsvFile("curves.csv", ["entry", "seed", *measured], rows)
