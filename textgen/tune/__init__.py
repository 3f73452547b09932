"""Tuning: options are searched with Optuna, and what is found is compared with the default."""

from textgen.tune.report import study_result, to_markdown
from textgen.tune.request import Request
from textgen.tune.running import run_study
from textgen.tune.search import Goal, search
from textgen.tune.study import Study

__all__ = ["Goal", "Request", "Study", "run_study", "search", "study_result", "to_markdown"]
