"""Results as tables: in HTML, which Jupyter shows, and for pandas."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from textgen.contracts import TextgenError
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings
from textgen.page.render import notebook_block, notebook_table
from textgen.report.answer import answer
from textgen.report.bench_tables import report_tables
from textgen.report.formats import bits, count, in_brackets, plain, short
from textgen.report.ladder_answer import ladder_answer
from textgen.report.ladder_tables import ladder_tables
from textgen.report.page_tables import table_html
from textgen.report.samples import sample_groups
from textgen.report.table_model import ReportTable
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder

if TYPE_CHECKING:
    from pandas import DataFrame

BREAKABLE = Markup('<span style="overflow-wrap: anywhere">{}</span>')
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
    samples = Markup().join(_samples(result))
    return _with_tables(answer(result), report_tables(result).values(), samples)


def ladder_notebook(result: Ladder) -> str:
    """Return the answer and the scores by budget; what else the report has is folded up."""
    return _with_tables(ladder_answer(result), ladder_tables(result).values(), Markup())


def _with_tables(answer: str, tables: Collection[ReportTable], samples: Markup) -> str:
    """Return an answer with the first of its tables; the others, and samples, are folded up."""
    first, *others = tables or [ReportTable("", "", (), ())]
    folded = [
        (table.title, Markup("<p>{}</p>").format(table.caption) + table_html(table, in_notebook=True))
        for table in others
    ]
    if samples:
        folded.append(("Samples", samples))
    return notebook_block(
        Markup("<p><b>{}</b></p>").format(answer),
        table_html(first, in_notebook=True),
        *(_folded(*each) for each in folded),
    )


def run_html(folder: Path, settings: RunSettings, result: RunResult) -> str:
    """Return the scores, speed and size of a run."""
    train = result.train
    values = {
        "entry": result.name,
        "corpus": f"{settings.corpus.name}, {count(settings.corpus.num_chars)} characters",
        "test": _score(result.test),
        "validation": _score(result.validation),
        "problem": result.problem or result.chance_remark,
        "trained on": f"{count(train.num_chars)} characters in {train.seconds:.1f} s "
        f"({short(train.chars_per_second)} per second, {train.num_epochs:.1f} epochs)",
        "parameters": short(result.num_parameters),
        "saved in": str(folder),
    }
    rows = [[name, value] for name, value in values.items() if value]
    return notebook_block(notebook_table((), rows, lefts=(0, 1)))


def _score(score: Score | None) -> str | None:
    if score is None:
        return None
    return f"{bits(score.bits_per_char)} bits per character{in_brackets(score.interval)}"


def _samples(result: Comparison) -> Iterator[Markup]:
    for group in sample_groups(result):
        yield Markup("<p><i>{}</i> ({})</p>").format(group.prompt, plain(group.sampler))
        rows = [[name, BREAKABLE.format(text)] for name, text in group.texts]
        yield notebook_table((), rows, lefts=(0, 1))


def _folded(title: str, content: Markup) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(title, content)
