"""Studies: the search for the options of an entry or of a sampler."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from textgen import defaults
from textgen.library.basics import TextgenError, prepare
from textgen.library.options import (
    ClusterOptions,
    Refuse,
    SearchOptions,
    check_cluster,
    check_numbers,
    refusing,
    seed_range,
)

if TYPE_CHECKING:
    from textgen.library.corpus import Text
    from textgen.training.progress import Report
    from textgen.tune.study_result import StudyResult

NUM_TRIALS = 30
NEEDED = ("optuna", "sklearn")


def tune(
    entry: str,
    corpus: Text = defaults.CORPUS,
    *,
    search: SearchOptions = SearchOptions(),
    budget: str = defaults.BUDGET,
    seeds: int | range = 3,
    cluster: ClusterOptions = ClusterOptions(),
    out: str | Path | None = None,
    report: Report | bool = False,
) -> StudyResult:
    """Search the options of an entry with the best validation score; return the study.

    With `SearchOptions(tune_sampler=…)` the sampler is tuned, for an entry or a run. The best is finally
    compared with the default, with these seeds. A study that `out` holds already continues. Raises
    `TextgenError` if it cannot start, and `NotSavedError` with the result so far if the disk is full.
    """
    require_optuna()
    prepare("tune")
    chosen_seeds = seed_range(seeds)
    check_numbers(chosen_seeds.start, trials=NUM_TRIALS if search.trials is None else search.trials)
    check_cluster(cluster, "a study", ["processes"])
    refuse = refusing({"budget"} if budget != defaults.BUDGET else ())
    run = check_tune(entry, search.tune_sampler, refuse)
    from textgen.jobs.backends import open_backend
    from textgen.library.corpus import loaded, name_of
    from textgen.library.progress import shown
    from textgen.runtime.device import choose_device
    from textgen.runtime.storage.result_folders import result_folder, result_name
    from textgen.training.budget import parse_budget, parse_duration
    from textgen.training.progress import Step
    from textgen.tune.request import Request, made_before
    from textgen.tune.run_study import run_study
    from textgen.tune.study import Study
    from textgen.tune.trials import Goal

    limit = None if search.timeout is None else parse_duration(search.timeout, "--timeout")
    source, parsed_budget = name_of(corpus), parse_budget(budget)

    def name() -> str:
        what = run.name if run else entry
        tuned = [what] if search.tune_sampler is None else [search.tune_sampler, what]
        return f"tune-{result_name(tuned, source, '' if run else budget, chosen_seeds.start)}"

    choose_device(cluster.device, cluster.precision)  # a mistake is reported before a folder is made
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(out, name) as folder,
        shown(report) as tell,
    ):
        tell(Step("reading the text", folder=folder))
        request = Request(
            entry=str(run or entry),
            search=search.search,
            tune_sampler=search.tune_sampler,
            budget=parsed_budget,
            device_config=choose_device(cluster.device, cluster.precision, made_before(folder)),
            seed=chosen_seeds.start,
            folder=folder,
            backend=backend,
        )
        objective = request.objective(loaded(corpus), tell)
        end = time.time() + limit if limit else None
        with Study(folder, objective) as study:
            return run_study(
                study,
                Goal(search.trials or (None if limit else NUM_TRIALS), end),
                backend=backend,
                num_seeds=len(chosen_seeds),
                max_silence=parse_duration(cluster.entry_timeout, "--entry-timeout"),
                report=tell,
                say=lambda remark: tell(Step("", remark=remark)),
            )


def check_tune(entry: str, tune_sampler: str | None, refuse: Refuse) -> Path | None:
    """Return the folder of the run whose sampler is tuned, or None for an entry; refuse a run's budget."""
    from textgen.catalog.names import find_run_or_entry

    run = find_run_or_entry(entry)
    if run is not None:
        if tune_sampler is None:
            raise TextgenError(f"{entry!r} is a run; give an entry to tune, or a sampler by --tune-sampler")
        refuse(["budget"], f"on {entry!r}, a run that is trained already")
    return run


def require_optuna() -> None:
    """Raise `TextgenError` if the extra for studies is not installed."""
    if any(find_spec(package) is None for package in NEEDED):
        raise TextgenError('tuning needs Optuna; run: pip install "textgen-bench[tune]"')
