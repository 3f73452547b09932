"""The comparison of entries side by side: `bench`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textgen import defaults
from textgen.comparison.bench import BenchOptions, bench_each, budgets_with, compared_in, run_ladder
from textgen.comparison.entry_job import SEALED_SPLIT, check_sealed
from textgen.comparison.references import open_yardstick
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entries, split_yardsticks
from textgen.jobs.backends import open_backend
from textgen.jobs.kept import made_with
from textgen.library import corpus as texts
from textgen.library import options
from textgen.library.comparison import Comparison, Ladder
from textgen.library.components import NewPlugins, add_plugins
from textgen.library.progress import shown
from textgen.requests import BenchRequest, ClusterOptions, SampleOptions, several
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.result_folders import locked, result_folder, result_name
from textgen.training.budget import parse_budgets, parse_duration
from textgen.training.progress import Report, Step
from textgen.workers.process import import_early

KEPT_RUNS = "runs/*/run.json"
"""The runs in the folder of a comparison."""


def bench(
    entries: str | Sequence[str],
    corpus: texts.TextSource = defaults.CORPUS,
    *,
    budget: str = defaults.BUDGET,
    seeds: int | range = 1,
    samples: SampleOptions = SampleOptions(),
    cluster: ClusterOptions = ClusterOptions(),
    plugins: NewPlugins = (),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> Comparison | Any:
    """Train `entries` side by side on the text of `corpus`; return their scores, samples, speed and size.

    `budget` is the training budget per entry; several, as in `15s,1m,4m`, give a `Ladder`. `seeds` is the
    number of random seeds, or a range. `samples` sets what each entry writes, and `cluster` where runs are
    computed; `plugins` are files or classes, such as those in a notebook. A sealed text (`TextOptions`) is
    the one that is scored; it is not opened before all entries are trained.

    If `out` already holds a comparison, entries are added to it and its runs are reused; budgets are added to
    a ladder likewise. `out` is locked: a second comparison there waits and adds to this one. `report` is
    called with each `Step`; True shows progress, False does not. The result has the reason if an entry fails.
    Raises `TextgenError` if the comparison cannot start, `NotSavedError` (with the result) on a full disk.
    """
    add_plugins(plugins)
    request = BenchRequest(
        entries=several(entries),
        text=texts.as_text(corpus),
        budget=budget,
        samples=samples,
        cluster=cluster,
        **options.seed_range(seeds),
    )
    return bench_as(request, out, report, options.changed(request))


def bench_as(
    request: BenchRequest, out: str | Path | None, report: Report | bool | None, given: options.Given
) -> Comparison | Ladder:
    """Run a `bench` request; `given` are the options to be checked for having an effect."""
    import_early("textgen.comparison.entry_job")
    cluster = request.cluster
    options.check_numbers(request.seed, length=request.samples.length)
    texts.check_text(request.text)
    options.check_cluster(request, "a bench, which trains its entries one by one", given)
    asked, silence = parse_budgets(request.budget), parse_duration(cluster.entry_timeout, "--entry-timeout")
    _check_entries(request.entries, out)
    if not several(request.samples.sampler):
        raise UsageError(f"no sampler; give one, such as {defaults.SAMPLER}")
    choose_device(cluster.device, cluster.precision)
    trained, source = split_yardsticks(request.entries)[0], texts.name_of(request.text)
    name = partial(result_name, trained, source, request.budget, request.seed)
    with shown(report) as tell, result_folder(out, name) as folder:
        tell(Step("reading the text", folder=folder))
        text = _opened(request)
        with (
            locked(folder),
            open_backend(cluster.on, 1, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        ):
            budgets = budgets_with(folder, asked)
            parsed, broken, yardsticks = _parsed([*compared_in(folder, budgets), *request.entries])
            kept = [pair for pattern in (KEPT_RUNS, f"*/{KEPT_RUNS}") for pair in made_with(folder, pattern)]
            settings = BenchOptions(
                request=request,
                budget=budgets[-1],
                device_config=choose_device(cluster.device, cluster.precision, kept),
                entry_timeout=silence,
                broken=broken,
                backend=backend,
                yardsticks=yardsticks,
            )
            if len(budgets) == 1:
                comparisons = bench_each(parsed, text, settings, {folder: budgets[0]}, tell)
                return Comparison(**vars(comparisons.single(folder)))
            return Ladder(**vars(run_ladder(parsed, text, settings, folder, budgets=budgets, report=tell)))


def _check_entries(entries: Sequence[str], out: str | Path | None) -> None:
    """Raise `TextgenError` for a mistake in entries or a yardstick."""
    to_train, yardsticks = split_yardsticks(entries)
    if not to_train and out is None:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    parse_entries(to_train)
    for each in yardsticks:
        open_yardstick(each)


def _opened(request: BenchRequest) -> Corpus:
    """Return the text; beside a sealed one, it is for training and validation."""
    asked = request.text
    if asked.sealed is None:
        return texts.loaded(asked)
    if request.cluster.on is not None:
        raise UsageError("sealed cannot be combined with on: remote machines keep no trained entries")
    split = SEALED_SPLIT if asked.split == defaults.SPLIT else asked.split
    text = texts.read(replace(asked, split=split))
    check_sealed(asked.sealed, text)
    return text


def _parsed(wanted: Sequence[str]) -> tuple[list[Entry], dict[str, str], list[str]]:
    """Return the entries to compare, those that cannot be tried, with the reasons, and the yardsticks."""
    names, yardsticks = split_yardsticks(wanted)
    parsed, broken = parse_entries(names)
    if not parsed:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    return parsed, broken, yardsticks
