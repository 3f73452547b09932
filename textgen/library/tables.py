"""Results as tables: for pandas, and a run in HTML, which Jupyter shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings
from textgen.page.render import notebook_block, notebook_table
from textgen.reports.formats import bits, count, in_brackets, short

if TYPE_CHECKING:
    from pandas import DataFrame


def data_frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a pandas data frame; raises `TextgenError` if pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise TextgenError('to_pandas needs pandas; run: pip install "textgen-bench[notebook]"') from error
    return pandas.DataFrame(rows)


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
