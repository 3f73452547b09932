"""Tuning: options are searched with Optuna, and the best ones compared with the default.

from textgen_tune import SearchOptions, tune

study = tune("char-ngram", "lee", search=SearchOptions(search="order=2..5", trials=4))
print(study.best_trial.name)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from textgen import defaults
from textgen.requests import MAX_SEEDS, ClusterOptions, InParallel, Option, PlainText, Seed, TextOptions
from textgen.runtime.messages import require_extra

if TYPE_CHECKING:
    from pathlib import Path

    from textgen.library.components import NewPlugins
    from textgen.library.corpus import TextSource
    from textgen.training.progress import Report
    from textgen_tune.result import StudyResult

__all__ = ["SearchOptions", "tune"]

NUM_TRIALS = 30
"""Trials of a study that is given neither their number nor a time."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What a study searches, and for how long."""

    heading: ClassVar[str] = "Search"
    trials: Annotated[
        int | None,
        Option(
            "Trials of the whole study.",
            min=1,
            max=100_000,
            default=f"{NUM_TRIALS}, or unlimited with --timeout",
        ),
    ] = None
    timeout: Annotated[
        str | None, Option("Start no new trial after this long: 90s, 15m, 2h.", default="none")
    ] = None
    search: Annotated[
        str | None,
        Option(
            "What to search, such as learning_rate=1e-4..1e-2,optimizer=muon|adamw,hidden_size.",
            default="all that components recommend",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """The options of an entry that are searched."""

    entry: Annotated[
        str,
        Option(
            "Such as char-lstm; options with a value are not searched.", is_argument=True, completes="entry"
        ),
    ]
    text: PlainText = TextOptions()
    budget: Annotated[str, Option("Training per trial: 60s, 5min, 1h, 5epochs, 20Mchars.")] = defaults.BUDGET
    search: SearchOptions = SearchOptions()
    seed: Seed = 0
    seeds: Annotated[
        int, Option("Random seeds of the final comparison with the default.", min=1, max=MAX_SEEDS)
    ] = 3
    cluster: InParallel = ClusterOptions()


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
    """Search the options of `entry` with the best validation score on `corpus`; return the study.

    `search` says what is searched, and for how long; `budget` is the training of each trial. The best is
    finally compared with the default, with these `seeds`. A study that `out` holds already continues.
    `cluster`, `plugins` and `report` are those of `textgen.bench`. Raises `TextgenError` if it cannot start,
    and `NotSavedError` with the result so far if the disk is full.
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
