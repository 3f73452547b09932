"""Basics of every function and command: defaults, errors, JSON, text for terminals. Quick to import."""

from __future__ import annotations

from importlib.util import find_spec

from textgen import defaults
from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import UsageError, is_out_of_memory, one_line, shortened
from textgen.runtime.output import note, say, show_traceback, visible, visible_in
from textgen.runtime.storage.cache import CachedItem, cache_folder, contents, remove_all, size_limit
from textgen.runtime.storage.files import NotSavedError
from textgen.runtime.storage.json_records import to_json, to_values
from textgen.runtime.storage.result_folders import RUNS
from textgen.runtime.this_process import keep_freed_memory
from textgen.training.distributed.rank_info import refuse_torchrun
from textgen.version import __version__
from textgen.workers.process import import_early

JOBS = {
    "bench": "textgen.comparison.entry_job",
    "suite": "textgen.suites.job",
    "tune": "textgen.tuning.trials",
}
"""The module that computes the jobs of a function, in processes of their own."""


def prepare(function: str) -> None:
    """Begin to import, in the background, what the jobs of a function need.

    Raises `UsageError` if `torchrun` started this process as one of several.
    """
    refuse_torchrun()
    import_early(JOBS[function])


def require_optuna() -> None:
    """Raise `TextgenError` if the extra for studies is not installed."""
    if any(find_spec(package) is None for package in ("optuna", "sklearn")):
        raise TextgenError('tuning needs Optuna; run: pip install "textgen-bench[tune]"')
