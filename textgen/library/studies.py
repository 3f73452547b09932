"""Studies: the search for the options of an entry or of a sampler."""

from __future__ import annotations

import time
from pathlib import Path

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.jobs.backends import open_backend
from textgen.library.corpus import TextSource, loaded, name_of
from textgen.library.options import (
    ClusterOptions,
    Refuse,
    SearchOptions,
    check_cluster,
    check_numbers,
    prepare,
    refusing,
    require_optuna,
    seed_range,
)
from textgen.library.progress import shown
from textgen.results.names import find_run_or_entry
from textgen.results.study import StudyResult
from textgen.runtime.device import choose_device
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.budget import parse_budget, parse_duration
from textgen.training.progress import Report, Step

NUM_TRIALS = 30


def tune(
    entry: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    search: SearchOptions = SearchOptions(),
    budget: str = defaults.BUDGET,
    seeds: int | range = 3,
    cluster: ClusterOptions = ClusterOptions(),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> StudyResult:
    """Search the options of an entry with the best validation score; return the study.

    With `SearchOptions(tune_sampler=…)` the sampler is tuned, for an entry or a run. The best is finally
    compared with the default, with these seeds. A study that `out` holds already continues. Raises
    `TextgenError` if it cannot start, and `NotSavedError` with the result so far if the disk is full.
    """
    require_optuna()
    prepare("tune")
    from textgen.tuning.request import Request, made_before
    from textgen.tuning.run_study import run_study
    from textgen.tuning.study import Study
    from textgen.tuning.trials import Goal

    chosen_seeds = seed_range(seeds)
    check_numbers(chosen_seeds.start, trials=NUM_TRIALS if search.trials is None else search.trials)
    check_cluster(cluster, "a study", ["processes"])
    run = check_tune(entry, search.tune_sampler, refusing({"budget"} if budget != defaults.BUDGET else ()))
    parsed_budget, silence = parse_budget(budget), parse_duration(cluster.entry_timeout, "--entry-timeout")
    limit = None if search.timeout is None else parse_duration(search.timeout, "--timeout")
    tuned = [*filter(None, [search.tune_sampler]), run.name if run else entry]
    source, spent = name_of(corpus), "" if run else budget
    choose_device(cluster.device, cluster.precision)  # a mistake is reported before a folder is made
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(out, lambda: f"tune-{result_name(tuned, source, spent, chosen_seeds.start)}") as folder,
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
        goal = Goal(search.trials or (None if limit else NUM_TRIALS), time.time() + limit if limit else None)
        with Study(folder, request.objective(loaded(corpus), tell)) as study:
            return run_study(
                study,
                goal,
                backend=backend,
                num_seeds=len(chosen_seeds),
                max_silence=silence,
                report=tell,
                say=lambda remark: tell(Step("", remark=remark)),
            )


def check_tune(entry: str, tune_sampler: str | None, refuse: Refuse) -> Path | None:
    """Return the folder of the run whose sampler is tuned, or None for an entry; refuse a run's budget."""
    run = find_run_or_entry(entry)
    if run is not None:
        if tune_sampler is None:
            raise TextgenError(f"{entry!r} is a run; give an entry to tune, or a sampler by --tune-sampler")
        refuse(["budget"], f"on {entry!r}, a run that is trained already")
    return run
