"""Tuning: a search over options with Optuna, and a comparison of the best ones with the default.

from textgen_tune import SearchOptions, tune

study = tune("char-ngram", "lee", search=SearchOptions(search="order=2..5", trials=4))
print(study.best_trial.name)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen import defaults
from textgen.requests import ClusterOptions
from textgen.runtime.messages import require_extra
from textgen_tune.request import SearchOptions, TuneRequest

if TYPE_CHECKING:
    from pathlib import Path

    from textgen.library.components import NewPlugins
    from textgen.library.corpus import TextSource
    from textgen.training.progress import Report
    from textgen_tune.result import StudyResult

__all__ = ["SearchOptions", "tune"]


def tune(
    entry: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    search: SearchOptions = SearchOptions(),
    budget: str = defaults.BUDGET,
    seeds: int | range = 3,
    cluster: ClusterOptions = ClusterOptions(),
    plugins: NewPlugins = (),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> StudyResult:
    """Search for the options of `entry` with the best validation score on `corpus`; return the study.

    `search` sets the search space and its limits; `budget` is the training budget per trial. Finally, the
    best trial is compared with the default, with these `seeds`. A study already in `out` is resumed.
    `cluster`, `plugins` and `report` are as in `textgen.bench`. Raises `TextgenError` if the study cannot
    start, and `NotSavedError` (with the result so far) if the disk is full.
    """
    from textgen.library.components import add_plugins
    from textgen.library.corpus import as_text
    from textgen.library.options import changed, seed_range
    from textgen.workers.process import import_early

    add_plugins(plugins)
    request = TuneRequest(
        entry=entry, text=as_text(corpus), search=search, budget=budget, cluster=cluster, **seed_range(seeds)
    )
    require_optuna()
    import_early("textgen_tune.objective")
    from textgen_tune.run_study import tune_as

    return tune_as(request, out, report, changed(request))


def require_optuna() -> None:
    """Raise `TextgenError` if the extra `tune` is not installed."""
    for package in ("optuna", "sklearn"):
        require_extra(package, "tune", "tuning needs Optuna")
