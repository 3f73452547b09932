"""Results as people read them, in Markdown and on terminals: what commands print."""

from __future__ import annotations

from pathlib import Path

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.ladder_result import Ladder
from textgen.comparison.report import markdown as bench_report
from textgen.comparison.report.answer import closing
from textgen.comparison.report.formats import count, perplexity, plain, short
from textgen.comparison.report.ladder_answer import who_is_ahead
from textgen.comparison.report.terminal import render, render_brief, render_ladder, render_samples
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings, Sample
from textgen.experiment.kept_samples import kept_samples
from textgen.library.basics import require_optuna
from textgen.library.model_layers import Layer, ModelSummary
from textgen.suites import suite_report
from textgen.suites.suite_result import SuiteResult
from textgen.training.budget import is_timed
from textgen.tuning.study_result import StudyResult


def to_markdown(result: Comparison | Ladder | SuiteResult | StudyResult) -> str:
    """Return the report of a result."""
    if isinstance(result, Comparison):
        return bench_report.to_markdown(result)
    if isinstance(result, Ladder):
        return bench_report.ladder_markdown(result)
    if isinstance(result, SuiteResult):
        return suite_report.to_markdown(result)
    require_optuna()
    from textgen.tuning.study_report import to_markdown as study_markdown

    return study_markdown(result)
