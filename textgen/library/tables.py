"""Results as tables: in HTML, which Jupyter shows, and for pandas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import answer
from textgen.comparison.report.contents import tables
from textgen.comparison.report.formats import bits, count, plain, short
from textgen.comparison.report.samples_table import sample_groups
from textgen.comparison.report.table import Table
from textgen.contracts import TextgenError
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings
from textgen.runtime.html import block, escape, html_table

if TYPE_CHECKING:
    from pandas import DataFrame

BREAKABLE = 'style="overflow-wrap: anywhere"'
"""For texts that may have no space, which would widen the page."""


def data_frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a pandas data frame; raises `TextgenError` if pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise TextgenError('to_pandas needs pandas; run: pip install "textgen-bench[notebook]"') from error
    return pandas.DataFrame(rows)


def comparison_html(result: Comparison) -> str:
    """Return the answer and the scores; what else the report has is folded up."""
    first, *others = tables(result) or [Table("", "", (), ())]
    return block(
        f"<p><b>{escape(answer(result))}</b></p>",
        _table(first),
        *(_folded(table.title, f"<p>{escape(table.caption)}</p>{_table(table)}") for table in others),
        *(_folded("Samples", samples) for samples in ["".join(_samples(result))] if samples),
    )


def run_html(folder: Path, settings: RunSettings, result: RunResult) -> str:
    """Return the scores, speed and size of a run."""
    train = result.train
    values = {
        "entry": result.name,
        "corpus": f"{settings.corpus.name}, {count(settings.corpus.num_chars)} characters",
        "test": _score(result.test),
        "validation": _score(result.validation),
        "problem": result.problem,
        "trained on": f"{count(train.num_chars)} characters in {train.seconds:.1f} s "
        f"({short(train.chars_per_second)} per second, {train.num_epochs:.1f} epochs)",
        "parameters": short(result.num_parameters),
        "saved in": str(folder),
    }
    rows = [[escape(name), escape(value)] for name, value in values.items() if value]
    return block(html_table((), rows, lefts=(0, 1)))


def _score(score: Score | None) -> str | None:
    if score is None:
        return None
    interval = "" if score.interval is None else " (95 % interval {:.3f} to {:.3f})".format(*score.interval)
    return f"{bits(score.bits_per_char)} bits per character{interval}"


def _table(table: Table) -> str:
    """Return a table without its extra columns, and its notes."""
    places = [place for place, column in enumerate(table.columns) if not column.extra]
    shown = [table.columns[place] for place in places]
    rows = []
    for row in table.rows:
        name = f"<i>{escape(row.name)}</i>" if row.is_reference else escape(row.name)
        cells = [
            (escape(cell.text + cell.spread), cell.best) for cell in (row.cells[place] for place in places)
        ]
        rows.append([name, *(f"<b>{text}</b>" if best else text for text, best in cells)])
    lefts = [0, *(place for place, column in enumerate(shown, start=1) if column.align == "left")]
    headers = [" ".join(column.header.replace("-\n", "").replace("/\n", "/").split()) for column in shown]
    notes = [": ".join(filter(None, (note.label, ", ".join(note.words)))) for note in table.notes]
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    drawn = html_table(["entry", *map(escape, headers)], rows, lefts)
    return f"{drawn}<ul>{listed}</ul>" if listed else drawn


def _samples(result: Comparison) -> Iterator[str]:
    for group in sample_groups(result):
        yield f"<p><i>{escape(group.prompt)}</i> ({escape(plain(group.sampler))})</p>"
        rows = [[escape(name), f"<span {BREAKABLE}>{escape(text)}</span>"] for name, text in group.texts]
        yield html_table((), rows, lefts=(0, 1))


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
